package graph

import (
	"cmp"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// countedBy names whom a rule counts: clients when it says nothing else, nobody when it has a memory of its own.
func countedBy(r engine.Rule) []string {
	by := []string{}
	for _, d := range r.By {
		by = append(by, d.String())
	}
	if len(by) == 0 && r.Watch == nil {
		by = append(by, engine.OfClient.String())
	}
	return by
}

// usual is nil when nobody looks for what is unusual.
func (r *Resolver) usual() *Usual {
	u := r.guard.Usual()
	if !u.On {
		return nil
	}
	out := &Usual{
		Warm: u.Warm, Frozen: u.Frozen, Learned: int64(u.Learned), Clients: int32(u.Followed), Alerts: int32(u.Raised), //nolint:gosec // counts of what is in memory
		Drifting: append([]string{}, u.Drifting...),
	}
	if u.Threshold > 0 {
		out.Threshold = &u.Threshold
	}
	return out
}

// memory is how full that of each rule is.
func (r *Resolver) memory() []*RuleMemory {
	out := []*RuleMemory{}
	for _, f := range r.guard.Memory() {
		out = append(out, &RuleMemory{
			Rule: f.Rule, Room: int32(f.Clients), Held: int32(f.Held), //nolint:gosec // records in memory
			Evicted: int64(f.Evicted), TurnedAway: int64(f.TurnedAway), Flooded: f.Flooded,
		})
	}
	return out
}

// unevaluated are the rules whose expression failed.
func (r *Resolver) unevaluated() []*UnevaluatedRule {
	out := []*UnevaluatedRule{}
	for _, u := range r.guard.Unknowns() {
		if u.Times > 0 {
			out = append(out, &UnevaluatedRule{Rule: u.Rule, Times: int64(u.Times)}) //nolint:gosec // as often as there are exchanges
		}
	}
	return out
}

// packOf a rule: what says nothing is of the core.
func packOf(r engine.Rule) string { return cmp.Or(r.Pack, "core") }
