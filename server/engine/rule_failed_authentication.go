package engine

import (
	"fmt"
	"time"
)

// A person mistypes a password; a list tries many. Refusals by our own gateway don't count.
var failedAuthentication = Rule{
	ID: "failed-authentication", Title: "Repeated authentication failures", Version: 1, Pack: core,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, Statuses: []int{401, 403},
	Terms:    Terms{More: 5, Within: 10 * time.Minute, Severity: High, Do: Block, For: 30 * time.Minute},
	Together: func(x *Exchange) int { return x.FailedTogether },
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("More than %s of the API to one client that say 401 or 403 within %s.",
			plural(t.More, "answer"), words(t.Within))
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s failed to authenticate %s in %s; the limit is %d in %s.",
			f.Actor, plural(f.Count, "time"), words(f.took()), f.Limit, words(f.Window))
	},
}
