package engine

import (
	"fmt"
	"strings"
)

// What a person may type once out of curiosity and a scanner asks every site for: /admin, a
// program of a kind that was never served here. It only tells.
var unknownSoftware = Rule{
	ID: "unknown-software", Title: "Trying doors that are not here", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Reconnaissance},
	On:      Answers, Strange: true,
	Terms: Terms{Severity: Low},
	Watch: sight{
		what: sawUnknown,
		is: func(v *view) bool {
			g := &v.site
			switch {
			case otherTongue(v.Method) && v.Status >= 400:
				return !identified(&v.Request) && !officeProgram(v.UserAgent)
			case g.known || v.Signs&Referred != 0 || identified(&v.Request) || g.kind != otherFile || g.mangled || v.visitor.reads():
				return false
			case g.probe.family != noFamily && !g.probe.sure && !v.visitors.site.home(v.Folded, g):
				return g.missed && !g.near || g.caught || g.moved && v.UserAgent == ""
			}
			return g.wild && !g.probe.sure && !g.leak && !g.hidden && g.good >= warm && (g.missed || g.caught)
		},
		also: func(_ *view, t *tally) {
			t.unless = "It would not have fired had a page sent the client there, or had this API ever served such a thing."
		},
	}.watch,
	Explain: func(Policy, Terms) string {
		return "A request that no page led to, for an admin page by one of its usual names or for a program of a kind (.php, .asp, .jsp) " +
			"that this API never served to a good source, and that it has not; or for anything with a method of shared folders (PROPFIND) or of debuggers, in vain."
	},
	Reason: func(f Finding) string {
		if otherTongue(f.Method) {
			return fmt.Sprintf("%s asked with %s for %s, and nothing here speaks that.", f.Actor, f.Method, quoted(f.Path))
		}
		return fmt.Sprintf("%s asked for %s, which is not here, and no page led there.", f.Actor, quoted(f.Path))
	},
}

// officeProgram reports one that asks by itself whether a document that a person opened lies in a shared folder.
func officeProgram(agent string) bool {
	return strings.HasPrefix(agent, "Microsoft Office") || strings.HasPrefix(agent, "Microsoft Data Access")
}
