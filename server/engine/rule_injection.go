package engine

import (
	"fmt"
	"time"
)

// Payloads are the business of a filter in front of the code that they are meant for. But who
// sends one tells what he is, whatever becomes of it.
var injection = Rule{
	ID: "injection", Title: "Code in a request", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: InitialAccess},
	On:      Answers, Strange: true,
	When:  func(x *Exchange) bool { return x.Signs&(Injection|Traversal|Scripted) != 0 },
	Terms: Terms{Severity: Medium, Do: Block, For: 30 * time.Minute},
	Watch: sight{
		what: sawInjection,
		is:   func(*view) bool { return true },
		also: func(v *view, t *tally) {
			t.only = !v.anonymous()
			t.seen = []string{(v.Signs & (Injection | Traversal | Scripted)).words()}
			t.unless = "It would not have fired for a request without that."
		},
	}.watch,
	Explain: func(Policy, Terms) string {
		return "A request whose path or query holds a piece of SQL, a template, a shell command or a script, or a way out of a directory, " +
			"as no honest program writes it. What the field said is not kept."
	},
	Reason: func(f Finding) string {
		what := "code"
		if len(f.Seen) > 0 {
			what = f.Seen[0]
		}
		return fmt.Sprintf("%s sent %s with %s.", f.Actor, quoted(f.Method+" "+f.Path), what)
	},
}
