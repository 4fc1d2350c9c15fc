package guard

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Tally is how often something happened since the start.
type Tally struct {
	Passed   int64            // requests that the API answered
	Refused  map[string]int64 // by cause: a rule, operator, import, feed, denied-path, degraded, or other
	Would    map[string]int64 // requests that passed but would have been refused, by cause
	Findings map[string]int64 // by rule

	Hammering int64 // requests of whom a decision refused: he was blocked or throttled, and went on asking
	Unfolded  int64 // weak findings that were too many at once to be looked at together
}

// OtherCause stands for causes that this node does not know, as of a newer one's rule.
const OtherCause = "other"

// tally counts without a lock. What it counts by changes with the policy only.
type tally struct {
	passed    atomic.Int64
	following sync.Mutex
	by        atomic.Pointer[tallied]
}

// tallied are counts by name. The maps never change.
type tallied struct{ refused, would, findings map[string]*atomic.Int64 }

// follow a policy: there is a count for each of its rules from now on, and those there were go on.
func (t *tally) follow(p engine.Policy) {
	t.following.Lock()
	defer t.following.Unlock()
	var rules []string
	for _, r := range p.All() {
		rules = append(rules, r.ID)
	}
	causes := append(slices.Clone(rules), "operator", "import", "feed", engine.DeniedPath, DegradedCause, OtherCause)
	was := t.by.Load()
	if was == nil {
		was = new(tallied)
	}
	t.by.Store(&tallied{
		refused: more(was.refused, causes), would: more(was.would, causes), findings: more(was.findings, append(rules, OtherCause)),
	})
}

// more is a copy of the counts, the same ones, with those that are missing.
func more(counts map[string]*atomic.Int64, names []string) map[string]*atomic.Int64 {
	m := make(map[string]*atomic.Int64, len(names))
	maps.Copy(m, counts)
	for _, n := range names {
		if m[n] == nil {
			m[n] = new(atomic.Int64)
		}
	}
	return m
}

func (t *tally) count(x *engine.Exchange) {
	if x.Refused {
		one(t.by.Load().refused, x.Cause)
		return
	}
	t.passed.Add(1)
	if x.Would != "" {
		one(t.by.Load().would, x.Would)
	}
}

func (t *tally) found(rule string) { one(t.by.Load().findings, rule) }

func one(counts map[string]*atomic.Int64, name string) {
	c := counts[name]
	if c == nil {
		c = counts[OtherCause]
	}
	c.Add(1)
}

// Tally is told from memory.
func (g *Guard) Tally() Tally {
	told := func(counts map[string]*atomic.Int64) map[string]int64 {
		m := make(map[string]int64, len(counts))
		for name, c := range maps.All(counts) {
			m[name] = c.Load()
		}
		return m
	}
	by := g.tally.by.Load()
	return Tally{
		Passed: g.tally.passed.Load(), Refused: told(by.refused), Would: told(by.would), Findings: told(by.findings),
		Unfolded: g.faint.passed.Load(), Hammering: g.hammering.all.Load(),
	}
}
