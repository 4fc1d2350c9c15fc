package engine

import (
	"maps"
	"slices"
	"sync/atomic"
)

// DeniedPath is the cause of a refusal that accuses nobody: the path is denied to everybody.
const DeniedPath = "denied-path"

// Why lists refuse, where it is not a rule.
const (
	causeOperator = "operator"
	causeImport   = "import"
	causeFeed     = "feed"
)

// WouldHave is what would have been done since counting began, had it been enforced.
type WouldHave struct {
	Rule     string // or another cause: operator, import, feed, denied-path
	Findings int64  // that would have been acted on
	Requests int64  // that would have been refused
}

// supposed counts what would have been done for one cause.
type supposed struct{ findings, requests atomic.Int64 }

// suppose has a count for each cause that there is under a policy, with those there were before.
func (e *Engine) suppose(p Policy) {
	counts := make(map[string]*supposed)
	if before := e.would.Load(); before != nil {
		maps.Copy(counts, *before)
	}
	causes := []string{causeOperator, causeImport, causeFeed, DeniedPath}
	for _, r := range p.All() {
		causes = append(causes, r.ID)
	}
	for _, cause := range causes {
		if counts[cause] == nil {
			counts[cause] = new(supposed)
		}
	}
	e.would.Store(&counts)
}

// WouldHave lists what would have been done for each cause, rules first and in the order of
// judgement. It goes on over a revision of the policy, and from a snapshot.
func (e *Engine) WouldHave() []WouldHave {
	counts := *e.would.Load()
	list := make([]WouldHave, 0, len(counts))
	tell := func(cause string) {
		c := counts[cause]
		list = append(list, WouldHave{cause, c.findings.Load(), c.requests.Load()})
	}
	policy := e.regime.Load().policy
	for _, r := range policy.All() {
		tell(r.ID)
	}
	for _, cause := range slices.Sorted(maps.Keys(counts)) {
		if policy.rule(cause) == nil {
			tell(cause)
		}
	}
	return list
}

// count a request that would have been refused. The cause may be a rule of another node's that
// is unknown here.
func (e *Engine) count(cause string) {
	if c := (*e.would.Load())[cause]; c != nil {
		c.requests.Add(1)
	}
}
