package graph

import (
	"context"
	"errors"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
)

// place has the guard put an operator's decision in force.
func (r *Resolver) place(ctx context.Context, action engine.Action, in DecideInput) (*Decision, error) {
	by, err := Acting(ctx)
	if err != nil {
		return nil, err
	}
	if in.Duration != nil && *in.Duration <= 0 {
		return nil, engine.Invalid{Field: "input.duration", Problem: "must be longer than zero, or absent: until lifted"}
	}
	d, err := r.guard.Place(ctx, by, guard.Wanted{Action: action, Network: in.Target, Reason: in.Reason, For: value(in.Duration)})
	if invalid, ok := errors.AsType[engine.Invalid](err); ok {
		invalid.Field = "input." + invalid.Field
		return nil, invalid
	}
	if err != nil {
		return nil, err
	}
	return r.showDecision(d), nil
}

// numbers reads the IDs of alerts.
func numbers(field string, ids []string) ([]int64, error) {
	if len(ids) > mostListed {
		return nil, engine.Invalid{Field: field, Problem: "are too many at once"}
	}
	out := make([]int64, len(ids))
	for i, id := range ids {
		n, err := number(field, id)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// showHealth is how the guard is, and what it belongs to.
func (r *Resolver) showHealth(h guard.Health) *Health {
	out := &Health{
		State: HealthState(h.State.String()), Version: r.about.Version, StartedAt: h.Started, Node: h.Node, Demo: r.about.Demo, Mode: modes[h.Mode], NotEnforcing: words(h.NotEnforcing),
		Dependencies: make([]*Dependency, len(h.Dependencies)), TrafficLost: h.TrafficLost, Waiting: h.Waiting,
		Places: told(r.about.PlacesFrom), Unevaluated: r.unevaluated(),
	}
	for i, d := range h.Dependencies {
		out.Dependencies[i] = &Dependency{Name: d.Name, State: HealthState(d.State.String()), Detail: d.Detail, Since: d.Since}
	}
	return out
}

// modes of the gateway, as the guard calls them.
var modes = map[string]GatewayMode{guard.ModeObserve: GatewayModeObserve, guard.ModeEnforce: GatewayModeEnforce}

func ruleMode(t engine.Terms) RuleMode {
	switch {
	case t.Off:
		return RuleModeOff
	case t.Shadow:
		return RuleModeShadow
	default:
		return RuleModeEnforce
	}
}

// denied writes down what somebody asked for that his role may not do.
func (r *Resolver) denied(ctx context.Context, o Operator, deed string) {
	if r.access != nil {
		r.access.Denied(ctx, access.By{Name: o.Name, Origin: o.Origin}, deed)
	}
}

// wouldHave is what was counted, by the rule or another cause.
func (r *Resolver) wouldHave() map[string]*WouldHave {
	out := map[string]*WouldHave{}
	for _, w := range r.guard.WouldHave() {
		out[w.Rule] = &WouldHave{Requests: w.Requests, Findings: w.Findings}
	}
	return out
}
