package backtest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

// Terms that are to be tried instead of a rule's own; nil leaves one as it is.
type Terms struct {
	More     *int
	Within   *time.Duration
	Severity *engine.Severity
	Do       *engine.Action // 0: nothing
	For      *time.Duration
}

// Under is a policy with other terms of a rule, in force as its mode says.
func (t Terms) Under(p engine.Policy, rule string) (engine.Policy, error) {
	if !slices.ContainsFunc(p.All(), func(r engine.Rule) bool { return r.ID == rule }) {
		return p, engine.Invalid{Field: "rule", Problem: fmt.Sprintf("%q is none that there is", rule)}
	}
	terms := p.Terms(rule)
	set(&terms.More, t.More)
	set(&terms.Within, t.Within)
	set(&terms.Severity, t.Severity)
	set(&terms.Do, t.Do)
	if set(&terms.For, t.For); t.For != nil {
		terms.Ladder = engine.Ladder{}
	}
	p.Rules = maps.Clone(p.Rules)
	p.Rules[rule] = terms
	return p, p.Validate()
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Defined is a policy with a rule that is data in it, in place of one of the same ID.
func Defined(p engine.Policy, r *rules.Rule) (engine.Policy, error) {
	p.Packs = slices.DeleteFunc(slices.Clone(p.Packs), func(o engine.Rule) bool { return o.ID == r.ID })
	p.Packs = append(p.Packs, r.Engine())
	p.Rules = maps.Clone(p.Rules)
	p.Rules[r.ID] = r.Engine().Terms
	return p, p.Validate()
}
