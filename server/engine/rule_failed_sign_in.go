package engine

import (
	"fmt"
	"time"
)

// Where a sign-in answers 200 or sends back to its form when it fails, the status tells nothing:
// this counts what outcomes have learned to be failures. Those of 401 and 403 are
// failed-authentication's.
var failedSignIn = Rule{
	ID: "failed-sign-in", Title: "Repeated failed sign-ins", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, SignIns: true, Most: MostCounted,
	Terms: Terms{More: 5, Within: 10 * time.Minute, Severity: High, Do: Block, For: 30 * time.Minute},
	Watch: watchFailedSignIns,
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("More than %s of one client within %s that failed although the answer was not 401 or 403: "+
			"the status says so, an operator, or it is what clients come back from and never go on from. "+
			"Where nobody was seen to sign in there, it only tells.",
			plural(t.More, "sign-in"), words(t.Within))
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s failed to sign in %s in %s, answered with %d; the limit is %d in %s.",
			f.Actor, plural(f.Count, "time"), words(f.took()), f.Status, f.Limit, words(f.Window))
	},
}

// failedSignIns counts by client.
type failedSignIns struct{ *window[uint32] }

func watchFailedSignIns(p Policy, t Terms, k keyed) watch {
	w := newWindow[uint32](t.More, t.Within.Milliseconds(), p.Late.Milliseconds(), true, p.Clients/16, k)
	return failedSignIns{w}
}

func (w failedSignIns) ask(x *view, q *question) tally {
	if x.outcome != Failed || x.Status == 401 || x.Status == 403 {
		return tally{}
	}
	t := w.see(actorOf(x.Client), q)
	t.only = !x.sure
	return t
}
