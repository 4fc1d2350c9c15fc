package engine

import (
	"fmt"
	"time"
)

// Nobody has a reason to ask a payments API for the sign-in page of WordPress. Where an API does
// serve software of a family, nobody is suspected for asking for more of it.
var foreignSoftware = Rule{
	ID: "foreign-software", Title: "Looking for software that is not here", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Reconnaissance},
	On:      Answers, Strange: true,
	Terms: Terms{Severity: Medium, Do: Block, For: 30 * time.Minute},
	Watch: sight{
		what: sawForeign,
		is:   (*view).foreign,
		also: func(v *view, t *tally) {
			t.only = !v.anonymous()
			t.seen = []string{"looking for " + familyNames[v.site.probe.family]}
			t.unless = "It would not have fired had this ever been served to a good source, or anything of the same software."
		},
	}.watch,
	Explain: func(Policy, Terms) string {
		return "A request for a path by which software of others is known (sign-in pages, consoles, installers, web shells), " +
			"when the API answers that it has no such thing and never served any of that software to a good source."
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s asked for %s, %s that this API never had.", f.Actor, quoted(f.Path), f.looked())
	},
}

// looked says what software a client was looking for.
func (f Finding) looked() string {
	if len(f.Seen) == 0 {
		return "software"
	}
	return f.Seen[0]
}

func (v *view) foreign() bool {
	g := &v.site
	return g.probe.sure && g.probe.family != leftBehind && !g.known && g.absent() &&
		(g.probe.family == webShell || !v.visitors.site.home(v.Folded, g))
}

// absent reports an answer that says that there is no such thing: a failure, what everything is
// answered with, or, where it is known what the site serves, another address or a refusal.
func (g *ground) absent() bool {
	return g.missed || g.caught || g.good >= warm && (g.denied || g.moved)
}
