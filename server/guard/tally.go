package guard

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Tally is how often something happened since the start.
type Tally struct {
	Passed   int64            // requests that the API answered
	Refused  map[string]int64 // by cause: a rule, operator, import, feed, denied-path, degraded, or other
	Would    map[string]int64 // requests that passed but would have been refused, by cause
	Findings map[string]int64 // by rule
}

// OtherCause stands for causes that this node does not know, as of a newer one's rule.
const OtherCause = "other"

// tally counts without a lock: its maps never change.
type tally struct {
	passed                   atomic.Int64
	refused, would, findings map[string]*atomic.Int64
}

func (t *tally) begin(rules []string) {
	causes := append(slices.Clone(rules), "operator", "import", "feed", engine.DeniedPath, DegradedCause, OtherCause)
	counts := func(names []string) map[string]*atomic.Int64 {
		m := make(map[string]*atomic.Int64, len(names))
		for _, n := range names {
			m[n] = new(atomic.Int64)
		}
		return m
	}
	t.refused, t.would, t.findings = counts(causes), counts(causes), counts(append(slices.Clone(rules), OtherCause))
}

func (t *tally) count(x *engine.Exchange) {
	if x.Refused {
		one(t.refused, x.Cause)
		return
	}
	t.passed.Add(1)
	if x.Would != "" {
		one(t.would, x.Would)
	}
}

func (t *tally) found(rule string) { one(t.findings, rule) }

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
	return Tally{
		Passed: g.tally.passed.Load(), Refused: told(g.tally.refused), Would: told(g.tally.would), Findings: told(g.tally.findings),
	}
}
