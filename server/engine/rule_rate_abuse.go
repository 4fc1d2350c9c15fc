package engine

import (
	"fmt"
	"time"
)

// A person or a well-made program stays below a request or two a second. What is refused is
// not counted, so who may not be blocked is let in again as the window slides on.
var rateAbuse = Rule{
	ID: "rate-abuse", Title: "Too many requests", Version: 1, Pack: core,
	Meaning:  Meaning{Stage: Impact},
	On:       Requests,
	Terms:    Terms{More: 100, Within: time.Minute, Severity: High, Do: Block, For: 5 * time.Minute},
	Refuse:   429,
	Quota:    true,
	Together: func(x *Exchange) int { return x.Together },
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("More than %s from one client within %s: the next is refused with 429.",
			plural(t.More, "request"), words(t.Within))
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s sent %s in %s; the limit is %d in %s.",
			f.Actor, plural(f.Count, "request"), words(f.took()), f.Limit, words(f.Window))
	},
}
