package graph

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A Decision is an engine.Decision as the schema shows it.
type Decision struct {
	engine.Decision
	with *decisionsTogether
}

// decisionsTogether were read by one question, at one time, and ask the store for what belongs
// to them once.
type decisionsTogether struct {
	r      *Resolver
	asOf   time.Time
	all    []*Decision
	alerts once[map[string]*Alert]

	hammering once[map[string]store.Hammering]
}

func (r *Resolver) showDecisions(in []engine.Decision) []*Decision {
	with := &decisionsTogether{r: r, asOf: time.Now(), all: make([]*Decision, len(in))}
	for i, d := range in {
		with.all[i] = &Decision{d, with}
	}
	return with.all
}

func (r *Resolver) showDecision(d engine.Decision) *Decision {
	return r.showDecisions([]engine.Decision{d})[0]
}

// ID is the reference that a refused client is given.
func (d *Decision) ID() string { return d.Decision.ID }

// Target is whom it is about.
func (d *Decision) Target() *Target { return &Target{d.Decision.Target} }

// Rule is nil when no rule made it.
func (d *Decision) Rule() *string { return words(d.Decision.Rule) }

// Until is nil when it lasts until it is lifted.
func (d *Decision) Until() *time.Time { return instant(d.Decision.Until) }

// LiftedAt is nil when nobody lifted it.
func (d *Decision) LiftedAt() *time.Time { return instant(d.Lifted) }

// LiftedBy is nil when nobody lifted it.
func (d *Decision) LiftedBy() *string { return words(d.Decision.LiftedBy) }

// State is what has become of it.
func (d *Decision) State() DecisionState { return StateOf(d.Decision, d.with.asOf) }

// StateOf is what has become of a decision at a time.
func StateOf(d engine.Decision, at time.Time) DecisionState {
	switch {
	case !d.Lifted.IsZero():
		return DecisionStateLifted
	case d.InForce(at):
		return DecisionStateInForce
	default:
		return DecisionStateExpired
	}
}

// Alert is the one behind it, when a rule made it.
func (d *Decision) Alert(ctx context.Context) (*Alert, error) {
	if d.Finding == "" {
		return nil, nil
	}
	known, err := d.with.alerts.get(func() (map[string]*Alert, error) {
		return d.with.r.alertsBehind(ctx, distinct(d.with.all, func(o *Decision) string { return o.Finding }))
	})
	return known[d.Finding], err
}

// Hammering is nil while it has refused nothing.
func (d *Decision) Hammering(ctx context.Context) (*Hammering, error) {
	known, err := d.with.hammering.get(func() (map[string]store.Hammering, error) {
		return d.with.r.guard.Hammering(ctx, distinct(d.with.all, (*Decision).ID))
	})
	h, is := known[d.Decision.ID]
	if err != nil || !is {
		return nil, err
	}
	return &Hammering{Requests: h.Requests, LastAt: h.Last}, nil
}

// alertsBehind are the alerts that findings were merged into, by finding.
func (r *Resolver) alertsBehind(ctx context.Context, findings []string) (map[string]*Alert, error) {
	found, err := r.store.AlertsOfFindings(ctx, findings)
	if err != nil {
		return nil, err
	}
	out, shown := make(map[string]*Alert, len(found)), r.showAlerts(slices.Collect(maps.Values(found)))
	byID := make(map[int64]*Alert, len(shown))
	for _, a := range shown {
		byID[a.Alert.ID] = a
	}
	for finding, a := range found {
		out[finding] = byID[a.ID]
	}
	return out, nil
}

// DecisionConnection is a page of decisions.
type DecisionConnection struct {
	Edges    []*DecisionEdge
	PageInfo *PageInfo
	count    counter
}

// TotalCount is counted only when somebody asks.
func (c *DecisionConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// A Target is whom a decision or an alert is about.
type Target struct{ of engine.Target }

// Label is how an operator writes it.
func (t *Target) Label() string { return incident.Label(t.of) }

// Network is nil when it is anything else.
func (t *Target) Network() *netip.Prefix {
	if !t.of.Network.IsValid() {
		return nil
	}
	return &t.of.Network
}

// KeyPrefix is nil when it is no key.
func (t *Target) KeyPrefix() *string { return words(t.of.Key.Prefix) }

// Account is nil when it is none.
func (t *Target) Account() *string { return words(t.of.Account) }

// Route is nil when it is none.
func (t *Target) Route() *string { return words(t.of.Route) }

// mostAbout is how many decisions about one client are shown at most.
const mostAbout = 50

// covering are the decisions in force that name an address or a key, as they are enforced.
func (r *Resolver) covering(a netip.Addr, k engine.Key) []*Decision {
	in := r.guard.Covering(a, k)
	return r.showDecisions(in[:min(len(in), mostAbout)])
}

// aboutAccount are the decisions in force about an account, newest first.
func (r *Resolver) aboutAccount(ctx context.Context, account string) ([]*Decision, error) {
	s, err := r.store.Decisions(ctx, store.DecisionFilter{Account: account, InForce: true}, store.Page{First: mostAbout})
	return r.showDecisions(s.Items), err
}

// words and instants that are absent are null.
func words(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
