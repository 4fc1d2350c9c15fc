package engine

import (
	"fmt"
	"time"
)

// Secrets leak through files that were left where a web server finds them: .env, .git, a dump of
// the database. Who asks for them where there are none asks everywhere.
var leakProbe = Rule{
	ID: "leak-probe", Title: "Looking for files that were left behind", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Reconnaissance},
	On:      Answers, Strange: true,
	Terms: Terms{Severity: Medium, Do: Block, For: 30 * time.Minute},
	Watch: sight{
		what: sawLeak,
		is: func(v *view) bool {
			g := &v.site
			switch {
			case g.known || !g.absent() || g.kind != otherFile:
				return false
			case g.hidden, g.probe.sure && g.probe.family == leftBehind && !g.near:
				return true
			}
			return g.leak && g.missed && !g.near && v.Signs&Referred == 0
		},
		also: func(v *view, t *tally) {
			t.only = !v.anonymous()
			t.unless = "It would not have fired had this ever been served to a good source."
		},
	}.watch,
	Explain: func(Policy, Terms) string {
		return "A request for a hidden file (a name that begins with a dot), a backup, a dump or a configuration that the API does not have and never served to a good source."
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s asked for %s, as who looks for secrets that were left behind.", f.Actor, quoted(f.Path))
	},
}
