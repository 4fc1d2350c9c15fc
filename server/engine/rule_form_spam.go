package engine

import (
	"fmt"
	"strings"
)

// Programs that spam forms leave traces that no browser does: what they have to report behind the
// address, posts to trackbacks and guest books that nobody showed them.
var formSpam = Rule{
	ID: "form-spam", Title: "A form spammer's traces", Version: 1, Pack: fintech,
	On: Answers, Strange: true,
	Terms: Terms{Severity: Low},
	Watch: sight{
		what: sawSpam,
		is: func(v *view) bool {
			if v.Signs&Padded != 0 {
				return true
			}
			return v.Method == "POST" && v.site.unknown() && v.visitor.marks&bare != 0 && strings.Contains(v.Folded, "/trackback")
		},
		also: func(v *view, t *tally) {
			t.unless = "To a trackback that is there, or by who had loaded a page before, it would not have fired."
			if v.Signs&Padded != 0 {
				t.unless = "Without the run of blanks in its path it would not have fired."
			}
		},
	}.watch,
	Explain: func(Policy, Terms) string {
		return "A path that goes on with a run of blanks and a report, as programs that fill in forms write it, or a post to a trackback that is not there by who never loaded a page."
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s sent %s, as programs do that spam forms.", f.Actor, quoted(f.Method+" "+f.Path))
	},
}
