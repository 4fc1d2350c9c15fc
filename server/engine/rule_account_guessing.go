package engine

import (
	"fmt"
	"time"
)

// Who guesses at one account from many places stays below every limit of a client. The account
// does not: it is told of, and not locked, as that would do the guesser's work.
var accountGuessing = Rule{
	ID: "account-guessing", Title: "Guessing at one account", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, SignIns: true, Most: MostCounted,
	Terms: Terms{More: 9, Within: time.Hour, Severity: High},
	Watch: func(p Policy, t Terms, k keyed) watch { return guessing{newTeller(p, k), t} },
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("More than %s to one account within %s, from at least %d networks that nobody signed in to it from before.",
			plural(t.More, "failed sign-in"), words(t.Within), guessingNetworks)
	},
}

// guessingNetworks are more than a person's phone and office.
const guessingNetworks = 3

type guessing struct {
	teller
	Terms
}

func (w guessing) ask(x *view, q *question) (t tally) {
	if t.over = x.outcome == Failed && x.tried.guessed; !t.over || !w.news(x.account, 0, q.at, w.Within.Milliseconds()) {
		return t
	}
	t.tell, t.count = true, x.tried.guesses
	t.telling = &telling{times: x.accounts.times(x.account, q.at), about: Target{Account: x.Account}}
	t.reason = fmt.Sprintf("%s failed %s in %s, from at least %s it was never signed in to from; the limit is %d in %s.",
		t.about, plural(t.count, "time"), lasted(t.times),
		plural(x.tried.networks, "network"), w.More, words(w.Within))
	t.unless = fmt.Sprintf("Up to %s, or from fewer than %d such networks, it would not have.", plural(w.More, "failure"), guessingNetworks)
	return t
}
