package engine

import "fmt"

// A wrong password is nothing, and most who mistype get in the next moment. Who uses a program
// with which hardly anybody ever gets in is noted, as many of them make an incident.
var failedAttempt = Rule{
	ID: "failed-attempt", Title: "A failed sign-in by a stranger", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, SignIns: true,
	Terms: Terms{Severity: Info},
	Watch: sight{
		what: sawAttempt, weak: true, hush: weakly,
		is: func(v *view) bool { return v.manner.links },
	}.watch,
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("A failed sign-in of a client with hardly a good answer, with a fingerprint or user agent with which %d such clients failed within a day, "+
			"and twice as many as good ones use it. By itself it says nothing; with others that share what is rare it makes an incident.", manyFruitless)
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s failed to sign in with what many strangers fail with.", f.Actor)
	},
}
