package engine

import (
	"fmt"
	"time"
)

// Guessing harms when it works. A success where an account is being tried, or by who is trying
// accounts, may be the owner's, so it blocks nobody; whoever runs the API should ask him now.
var successAfterSpray = Rule{
	ID: "success-after-spray", Title: "Sign-in succeeded amid an attack", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess, Success: true},
	On:      Answers, SignIns: true,
	Terms: Terms{Severity: Critical},
	Watch: func(p Policy, _ Terms, k keyed) watch { return afterSpray{newTeller(p, k)} },
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("A sign-in that succeeds, by a client that never signed in to that account before: after it failed on it %d times within an hour, "+
			"while it tries many accounts, or while many try this one (account-guessing, stuffed-account).", ownFailures)
	},
}

// ownFailures on one account are a guesser's, unless he was there before.
const ownFailures = 5

type afterSpray struct{ teller }

func (w afterSpray) ask(x *view, q *question) (t tally) {
	if x.outcome != Succeeded || x.account == 0 || x.tried.known {
		return t
	}
	var why string
	switch {
	case x.tried.own >= ownFailures:
		why = fmt.Sprintf("after it failed on it %s within an hour", plural(x.tried.own, "time"))
	case x.source.client.over:
		why = fmt.Sprintf("while it tries %s, %d failed", plural(x.source.client.accounts, "account"), x.source.client.failed)
	case x.tried.guessed:
		why = fmt.Sprintf("while it is guessed at: it failed %s, from at least %s", plural(x.tried.guesses, "time"), plural(x.tried.networks, "network"))
	case x.tried.stuffed:
		why = fmt.Sprintf("while it is tried from %s, %d failed", plural(x.tried.stuffing, "network"), x.tried.failed)
	default:
		return t
	}
	if t.over = true; w.news(x.account^uint64(actorOf(x.Client)), x.account, q.at, time.Hour.Milliseconds()) {
		t.tell, t.count = true, 1
		t.telling = &telling{times: []int64{q.at}, seen: []string{x.Account}, about: Target{Account: x.Account}}
		t.reason = fmt.Sprintf("%s signed in to %s %s.", ActorOf(x.Client), t.about, why)
	}
	return t
}
