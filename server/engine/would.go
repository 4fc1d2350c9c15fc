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

// WouldHave is what would have been done since the engine was made, had it been enforced.
type WouldHave struct {
	Rule     string // or another cause: operator, import, feed, denied-path
	Findings int64  // that would have been acted on
	Requests int64  // that would have been refused
}

// supposed counts what would have been done for one cause.
type supposed struct{ findings, requests atomic.Int64 }

// supposes has a count for each cause that there is, and so never changes.
func supposes() map[string]*supposed {
	counts := make(map[string]*supposed)
	for _, r := range rules {
		counts[r.ID] = new(supposed)
	}
	for _, cause := range []string{causeOperator, causeImport, causeFeed, DeniedPath} {
		counts[cause] = new(supposed)
	}
	return counts
}

// WouldHave lists what would have been done for each cause, rules first and in the order of
// judgement. It goes on over a revision of the policy; a restart begins anew.
func (e *Engine) WouldHave() []WouldHave {
	list := make([]WouldHave, 0, len(e.would))
	tell := func(cause string) {
		c := e.would[cause]
		list = append(list, WouldHave{cause, c.findings.Load(), c.requests.Load()})
	}
	for _, r := range rules {
		tell(r.ID)
	}
	for _, cause := range slices.Sorted(maps.Keys(e.would)) {
		if _, rule := ruleNamed(cause); !rule {
			tell(cause)
		}
	}
	return list
}

// count a request that would have been refused. The cause may be a rule of another node's that
// is unknown here.
func (e *Engine) count(cause string) {
	if c := e.would[cause]; c != nil {
		c.requests.Add(1)
	}
}
