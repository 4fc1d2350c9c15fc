package engine

import "fmt"

// What a person may type once out of curiosity and a scanner asks every site for: /admin, a
// program of a kind that was never served here. It only tells.
var unknownSoftware = Rule{
	ID: "unknown-software", Title: "Trying doors that are not here", Version: 1, Pack: fintech,
	On: Answers, Strange: true,
	Terms: Terms{Severity: Low},
	Watch: sight{
		what: sawUnknown,
		is: func(v *view) bool {
			g := &v.site
			switch {
			case g.known || v.Signs&Referred != 0 || identified(&v.Request) || g.kind != otherFile || g.mangled:
				return false
			case g.probe.family != noFamily && !g.probe.sure && !v.visitors.site.home(g.probe.family):
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
			"that this API never served to a good source, and that it has not."
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s asked for %s, which is not here, and no page led there.", f.Actor, quoted(f.Path))
	},
}
