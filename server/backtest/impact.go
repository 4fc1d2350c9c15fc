package backtest

import (
	"context"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Mode is whether a rule does anything.
type Mode uint8

// A rule in Shadow finds, and does nothing about it; one that is Off does not even look.
const (
	Enforce Mode = iota
	Shadow
	Off
)

// ModeOf terms.
func ModeOf(t engine.Terms) Mode {
	switch {
	case t.Off:
		return Off
	case t.Shadow:
		return Shadow
	}
	return Enforce
}

// An Impact is what would change, were other terms of a rule in force: of its findings, of whom it
// acts against, of requests that it refuses. NewlyHit and NoLongerHit are at most 100 each.
type Impact struct {
	Before      Figures `json:"before"`
	After       Figures `json:"after"`
	NewlyHit    []Hit   `json:"newly_hit"`
	NoLongerHit []Hit   `json:"no_longer_hit"`
	MoreHit     int     `json:"more_newly_hit"` // beyond those
	MoreFreed   int     `json:"more_no_longer_hit"`
	Played      Result  `json:"played"` // under the other terms, as if they enforced
}

// Compare plays traffic once through both: the rule under the terms in force, and under others.
func Compare(ctx context.Context, before, after Test, traffic Traffic) (Impact, error) {
	results, err := run(ctx, traffic, before, after)
	if err != nil {
		return Impact{}, err
	}
	was, is := ModeOf(before.Policy.Terms(before.Rule)), ModeOf(after.Policy.Terms(after.Rule))
	i := Impact{Before: results[0].under(was), After: results[1].under(is), Played: results[1]}
	hitBefore, hitAfter := results[0].acted(was), results[1].acted(is)
	i.NewlyHit, i.MoreHit = without(hitAfter, hitBefore)
	i.NoLongerHit, i.MoreFreed = without(hitBefore, hitAfter)
	return i, nil
}

// under a mode, what of the figures would have come true.
func (r *Result) under(m Mode) Figures {
	f := r.Figures
	if m == Off {
		return Figures{}
	}
	if m == Shadow {
		f.Refused, f.WellAnswered = 0, 0
	}
	f.Hit, f.Clients, f.Keys, f.Accounts = 0, 0, 0, 0
	for _, h := range r.acted(m) {
		f.Hit++
		switch {
		case h.Target.Network.IsValid():
			f.Clients++
		case h.Target.Account != "":
			f.Accounts++
		case !h.Target.Key.Zero():
			f.Keys++
		}
	}
	return f
}

// acted are those that a rule hits under a mode: whom it would act against when it enforces.
func (r *Result) acted(m Mode) (out []Hit) {
	if m != Enforce {
		return nil
	}
	for _, h := range r.all {
		if h.Acts || h.Refused > 0 {
			out = append(out, h)
		}
	}
	return out
}

// without is who is among some and not among others, the first 100 of them, and how many more.
func without(some, others []Hit) (out []Hit, more int) {
	known := make(map[engine.Target]bool, len(others))
	for i := range others {
		known[others[i].Target] = true
	}
	out = []Hit{}
	for i := range some {
		switch {
		case known[some[i].Target]:
		case len(out) < mostTold:
			out = append(out, some[i])
		default:
			more++
		}
	}
	return out, more
}
