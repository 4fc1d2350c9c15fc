package simulator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// How the target is asked.
const (
	sideBySide = 4                      // questions at a time
	between    = 150 * time.Millisecond // rounds of questions
	quiet      = 700 * time.Millisecond // longer than a batch of traffic waits to be written
	tries      = 20                     // seeds, to find addresses that nobody knows
)

// ErrNotDemo means that a target would count simulated requests against the one who asks.
var ErrNotDemo = errors.New("it is not a demo: it would count simulated attacks against your own address")

// Ready returns nil when the target is a demo that takes simulated addresses.
func (t *Target) Ready(ctx context.Context) error {
	h, err := t.health(ctx)
	if err == nil && !h.Demo {
		err = fmt.Errorf("%s: %w", t.base, ErrNotDemo)
	}
	return err
}

type health struct {
	Demo    bool
	Waiting int // alerts and decisions to be written
}

func (t *Target) health(ctx context.Context) (health, error) {
	var a struct{ Health health }
	err := t.Ask(ctx, questions["health"], nil, &a)
	return a.Health, err
}

// Fresh expands the scenario with a seed whose addresses the target has not seen within the hour,
// so that a run does not meet the blocks and alerts of an earlier one.
func (t *Target) Fresh(ctx context.Context, s *Scenario) (Plan, error) {
	for range tries {
		plan := s.Expand(uint64(rand.Uint32())) //nolint:gosec // draws addresses, keeps no secret
		known, err := t.knows(ctx, &plan)
		if err != nil || !known {
			return plan, err
		}
	}
	return Plan{}, fmt.Errorf("%s knows the addresses of %d runs already: resolve alerts and lift decisions of 198.18.0.0/15", t.base, tries)
}

func (t *Target) knows(ctx context.Context, plan *Plan) (bool, error) {
	errKnown := errors.New("known")
	err := t.eachActor(ctx, plan, func(ctx context.Context, _ int, a *Actor) error {
		var c struct {
			Client struct {
				Requests          int
				Decisions, Alerts []struct{ ID string }
			}
		}
		if err := t.Ask(ctx, questions["known"], map[string]any{"address": a.address()}, &c); err != nil {
			return err
		}
		if c.Client.Requests > 0 || len(c.Client.Decisions) > 0 || len(c.Client.Alerts) > 0 {
			return errKnown
		}
		return nil
	})
	if errors.Is(err, errKnown) {
		return true, nil
	}
	return false, err
}

// Check asks the target what it made of a run and judges every promise. What is announced may be
// written a moment later, so it asks again while a promise may still come true, at most for
// patience; and it waits until everything has been written, so that silence is silence for good.
func Check(ctx context.Context, t *Target, p *Played, patience time.Duration) ([]Verdict, error) {
	began := time.Now()
	for {
		facts, err := t.facts(ctx, &p.Plan)
		if err != nil {
			return nil, err
		}
		h, err := t.health(ctx)
		if err != nil {
			return nil, err
		}
		p.Facts = facts
		vs := Judge(p)
		took := time.Since(began)
		if settled := took >= quiet && h.Waiting == 0 && !open(vs); settled || took >= patience {
			return vs, nil
		}
		if !pause(ctx, between) {
			return nil, context.Cause(ctx)
		}
	}
}

// open reports whether a promise that did not come true yet still may.
func open(vs []Verdict) bool {
	return slices.ContainsFunc(vs, func(v Verdict) bool { return !v.Kept && kinds[v.Kind].later })
}

// Kept reports whether every promise came true.
func Kept(vs []Verdict) bool {
	for _, v := range vs {
		if !v.Kept {
			return false
		}
	}
	return true
}

func (t *Target) facts(ctx context.Context, plan *Plan) ([]Facts, error) {
	all := make([]Facts, len(plan.Actors))
	err := t.eachActor(ctx, plan, func(ctx context.Context, i int, a *Actor) error {
		var said saidOfActor
		v := map[string]any{"network": a.Network.String(), "address": a.address()}
		if err := t.Ask(ctx, questions["facts"], v, &said); err != nil {
			return err
		}
		all[i] = said.facts(a)
		return nil
	})
	return all, err
}

// saidOfActor is the answer to the question for facts.
type saidOfActor struct {
	Alerts struct {
		Edges []struct {
			Node struct {
				ID, Rule, Severity, Status string
				Incident                   *struct{ ID, Reference string }
			}
		}
	}
	Decisions struct {
		Edges []struct {
			Node struct {
				ID, Action, State string
				Rule              *string
				From              time.Time
				Until             *time.Time
				Target            struct{ Network *string }
			}
		}
	}
}

func (said *saidOfActor) facts(a *Actor) Facts {
	var f Facts
	for _, e := range said.Alerts.Edges {
		n := e.Node
		alert := AlertFact{ID: n.ID, Rule: n.Rule, Severity: n.Severity, Open: n.Status == "OPEN"}
		if n.Incident != nil {
			alert.Incident, alert.Reference = n.Incident.ID, n.Incident.Reference
		}
		f.Alerts = append(f.Alerts, alert)
	}
	for _, e := range said.Decisions.Edges {
		n := e.Node
		d := DecisionFact{ID: n.ID, Action: n.Action, InForce: n.State == "IN_FORCE"}
		if n.Rule != nil {
			d.Rule = *n.Rule
		}
		if n.Target.Network != nil {
			d.Own = network(*n.Target.Network) == a.Network
		}
		if n.Until != nil {
			d.Seconds = int(n.Until.Sub(n.From).Round(time.Second) / time.Second)
		}
		f.Decisions = append(f.Decisions, d)
	}
	return f
}

// Cleanup undoes what a run left behind: it lifts the blocks of the run's own addresses that a
// rule made, and resolves their open alerts. Operators' entries stay.
func Cleanup(ctx context.Context, t *Target, plan *Plan) (lifted, resolved int, err error) {
	facts, err := t.facts(ctx, plan)
	if err != nil {
		return 0, 0, err
	}
	var decisions, alerts []string
	for _, f := range facts {
		for _, d := range f.Decisions {
			if d.Own && d.InForce && d.Rule != "" {
				decisions = append(decisions, d.ID)
			}
		}
		for _, a := range f.Alerts {
			if a.Open {
				alerts = append(alerts, a.ID)
			}
		}
	}
	if len(decisions) > 0 {
		var done struct {
			Lift struct{ Lifted []struct{ ID string } }
		}
		if err := t.Ask(ctx, questions["lift"], map[string]any{"ids": decisions}, &done); err != nil {
			return 0, 0, err
		}
		lifted = len(done.Lift.Lifted)
	}
	if len(alerts) > 0 {
		var done struct{ Resolve []struct{ ID string } }
		if err := t.Ask(ctx, questions["resolve"], map[string]any{"ids": alerts}, &done); err != nil {
			return lifted, 0, err
		}
		resolved = len(done.Resolve)
	}
	return lifted, resolved, nil
}

func (t *Target) eachActor(ctx context.Context, plan *Plan, ask func(context.Context, int, *Actor) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for i := range plan.Actors {
		g.Go(func() error { return ask(ctx, i, &plan.Actors[i]) })
	}
	return g.Wait()
}

// address is the one that the actor first asks from.
func (a *Actor) address() string { return a.Requests[0].Address.String() }

// network reads an address or a network, as the console writes either.
func network(s string) netip.Prefix {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked()
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(a, a.BitLen())
}
