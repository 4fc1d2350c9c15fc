package engine

import (
	"fmt"
	"time"
)

// Lists of stolen passwords are tried slowly and from everywhere. An account that hardly anybody
// gets in to and many networks try is on such a list.
var stuffedAccount = Rule{
	ID: "stuffed-account", Title: "Account tried from many networks", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, SignIns: true, Most: MostCounted,
	Terms: Terms{More: 9, Within: day, Severity: High},
	Watch: func(p Policy, t Terms, k keyed) watch { return stuffed{newTeller(p, k), t} },
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("Failed sign-ins to one account from more than %s within %s, when more than %d %% of all sign-ins to it failed.",
			plural(t.More, "network"), words(t.Within), stuffedShare)
	},
}

const (
	day          = 24 * time.Hour
	stuffedShare = 80 // percent
)

type stuffed struct {
	teller
	Terms
}

func (w stuffed) ask(x *view, q *question) (t tally) {
	if t.over = x.outcome == Failed && x.tried.stuffed; !t.over || !w.news(x.account, 0, q.at, w.Within.Milliseconds()) {
		return t
	}
	t.tell, t.count = true, x.tried.stuffing
	t.telling = &telling{seen: x.accounts.from(x.account, q.at), about: Target{Account: x.Account}}
	t.reason = fmt.Sprintf("%s was tried from %s within %s, %d failed and %d succeeded: %s.",
		t.about, plural(t.count, "network"), words(w.Within), x.tried.failed, x.tried.succeeded, few(t.seen))
	t.unless = fmt.Sprintf("Up to %s, or with a fifth of all sign-ins to it well, it would not have.", plural(w.More, "network"))
	return t
}
