package engine

import (
	"fmt"
	"time"
)

// A client that is new to an API reads what others read. A scanner asks for what nobody was ever
// served, one thing after the other. Dead links don't count: whoever follows one was sent there.
var probing = Rule{
	ID: "probing", Title: "Looking for what is not there", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Reconnaissance},
	On:      Answers, Strange: true, Most: lostKept - 1,
	Terms: Terms{More: lostKept - 1, Within: lostFor * time.Second, Severity: Medium, Do: Block, For: 30 * time.Minute},
	Watch: func(_ Policy, t Terms, _ keyed) watch {
		return sight{
			what: sawProbing,
			is:   func(v *view) bool { return v.strays() && v.visitor.losses(v.now) > t.More && v.visitor.hunts(v.now) },
			also: func(v *view, found *tally) {
				found.count = v.visitor.losses(v.now)
				found.seen = v.visitors.lostPaths(actorOf(v.Client), &v.visitor, v.now)
				found.only = !v.anonymous()
				found.unless = fmt.Sprintf("It would not have fired for %d or fewer, or had any of them been served to others.", t.More)
			},
		}
	},
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("More than %s that one client failed on within %s, that were never served to a good source, "+
			"that no page sent it to, and that are not what every site is asked for, when that is more than a third of all it asks for, or took less than a minute.",
			plural(t.More, "different route"), words(t.Within))
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s asked for %s that this API never had within %s, the last one %s.",
			f.Actor, plural(f.Count, "different route"), words(f.Window), quoted(f.Path))
	},
}
