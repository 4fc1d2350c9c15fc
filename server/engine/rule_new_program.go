package engine

import (
	"fmt"
	"time"
)

// Whoever takes a key brings his own program. So do people who buy a phone: by itself it says
// nothing, and beside other signs it does.
var newProgram = Rule{
	ID: "new-program", Title: "First time with a program", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, Statuses: wellAnswered,
	Terms: Terms{Severity: Info},
	Watch: func(Policy, Terms, keyed) watch { return known(strangeProgram) },
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("An account or key that was well answered at least %d times, over %s or more, is for the first time used by a program that writes its requests otherwise. By itself that is no alert.",
			habitFrom, words(habitIn*time.Millisecond))
	},
}

func strangeProgram(v *view) (t tally) {
	if !v.use.strange {
		return t
	}
	return tally{
		over: true, tell: true, count: 1, weak: true, telling: &telling{
			times: []int64{v.now}, about: v.holder(), seen: []string{v.UserAgent},
			reason: fmt.Sprintf("%s was used for the first time by a program that calls itself %s.", v.holder(), quoted(v.UserAgent)),
			unless: "By a program that it was used with before it would not have fired.",
		},
	}
}
