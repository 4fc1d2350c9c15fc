package guard

import (
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A FailurePolicy is what is done on routes of a class while the database or Redis is away: then
// counts are each node's own, and what is found can't be written yet. Lists hold all the same.
type FailurePolicy uint8

// From the kindest to the strictest.
const (
	Open    FailurePolicy = iota // go on as always
	Tighten                      // half the rate limit
	Closed                       // refuse with 503 all but who is allowed by an operator
)

var failurePolicies = [...]string{"open", "tighten", "closed"}

func (f FailurePolicy) String() string {
	return failurePolicies[min(int(f), len(failurePolicies)-1)]
}

// ParseFailurePolicy reads what String writes.
func ParseFailurePolicy(s string) (FailurePolicy, bool) {
	for i, n := range failurePolicies {
		if n == s {
			return FailurePolicy(i), true
		}
	}
	return 0, false
}

// DegradedCause is the cause of a refusal by a failure policy.
const DegradedCause = "degraded"

const closedFor = 5 * time.Second // until asking again makes sense

// failing is the policy for a request while something is away.
func (g *Guard) failing(r *engine.Request) FailurePolicy {
	if !g.health.away.Load() {
		return Open
	}
	return g.failure[r.Class]
}

// closed is the verdict on a request that the engine let pass where nothing may.
func (g *Guard) closed(r *engine.Request, v engine.Verdict) engine.Verdict {
	if v.Refused() || g.allowed(r) {
		return v
	}
	if g.engine.Policy().Observe {
		if v.Would == "" {
			v.Would = DegradedCause
		}
		return v
	}
	v.Status, v.Cause, v.Reference, v.RetryAfter = 503, DegradedCause, engine.ExchangeReference(r.ID), closedFor
	return v
}

func (g *Guard) allowed(r *engine.Request) bool {
	ds := g.engine.Covering(r.Client, r.Key, r.At)
	return len(ds) > 0 && ds[0].Action == engine.Allow
}
