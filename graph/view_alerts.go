package graph

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// An Alert is an incident.Alert as the schema shows it.
type Alert struct {
	incident.Alert
	with *alertsTogether
}

// alertsTogether were read by one question, and ask the store for what belongs to them once.
type alertsTogether struct {
	r         *Resolver
	all       []*Alert
	decisions once[map[string]engine.Decision]
	incidents once[map[int64]incident.Incident]
}

func (r *Resolver) showAlerts(in []incident.Alert) []*Alert {
	with := &alertsTogether{r: r, all: make([]*Alert, len(in))}
	for i, a := range in {
		with.all[i] = &Alert{a, with}
	}
	return with.all
}

func (r *Resolver) showAlert(a incident.Alert) *Alert { return r.showAlerts([]incident.Alert{a})[0] }

// ID is text: clients should not calculate with it.
func (a *Alert) ID() string { return strconv.FormatInt(a.Alert.ID, 10) }

// RuleVersion is that of the rule when it last matched.
func (a *Alert) RuleVersion() int { return a.Version }

// Actor is whom the rule counts.
func (a *Alert) Actor() *Target { return &Target{a.Alert.Actor} }

// KeyPrefix is the visible part of the last key seen.
func (a *Alert) KeyPrefix() *string { return words(a.Key.Prefix) }

// FirstAt is the time of its first finding.
func (a *Alert) FirstAt() time.Time { return a.First }

// LastAt is the time of its newest finding.
func (a *Alert) LastAt() time.Time { return a.Last }

// WindowSeconds is how long the rule looks back; 0 when one is enough.
func (a *Alert) WindowSeconds() int { return int(a.Window / time.Second) }

// ResolvedBy is nil while it is open.
func (a *Alert) ResolvedBy() *string { return words(a.Alert.ResolvedBy) }

// ResolvedAt is nil while it is open.
func (a *Alert) ResolvedAt() *time.Time { return instant(a.Alert.ResolvedAt) }

// Decision is the newest that it led to.
func (a *Alert) Decision(ctx context.Context) (*Decision, error) {
	if a.Alert.Decision == "" {
		return nil, nil
	}
	known, err := a.with.decisions.get(func() (map[string]engine.Decision, error) {
		return a.with.r.store.DecisionsByID(ctx, distinct(a.with.all, func(o *Alert) string { return o.Alert.Decision }))
	})
	d, ok := known[a.Alert.Decision]
	if err != nil || !ok { // it may be announced a moment before it can be read
		return nil, err
	}
	return a.with.r.showDecision(d), nil
}

// Decisions are all those in force about its actor, the one that counts first.
func (a *Alert) Decisions(ctx context.Context) ([]*Decision, error) {
	if a.Alert.Actor.Account != "" {
		return a.with.r.aboutAccount(ctx, a.Alert.Actor.Account)
	}
	return a.with.r.covering(a.Alert.Actor.Network.Addr(), a.Alert.Actor.Key), nil
}

// Evidence is what its newest finding shows besides.
func (a *Alert) Evidence() *Evidence { return &Evidence{a.Alert.Evidence} }

// Incident is the attack that it belongs to.
func (a *Alert) Incident(ctx context.Context) (*Incident, error) {
	if a.Alert.Incident == 0 {
		return nil, nil
	}
	known, err := a.with.incidents.get(func() (map[int64]incident.Incident, error) {
		return a.with.r.store.IncidentsByID(ctx, distinct(a.with.all, func(o *Alert) int64 { return o.Alert.Incident }))
	})
	i, ok := known[a.Alert.Incident]
	if err != nil || !ok {
		return nil, err
	}
	return a.with.r.showIncident(i), nil
}

// around is how long before its first and after its last finding an alert's exchanges are shown.
const around = time.Minute

// Exchanges of its actor around its findings, newest first.
func (a *Alert) Exchanges(ctx context.Context, first int32) ([]*Exchange, error) {
	f, known := exchangesAbout(a.Alert.Actor)
	if !known {
		return []*Exchange{}, nil
	}
	f.From, f.To = a.First.Add(-a.Window-around), a.Last.Add(around)
	return a.with.r.exchanges(ctx, f, first)
}

// AlertConnection is a page of alerts.
type AlertConnection struct {
	Edges    []*AlertEdge
	PageInfo *PageInfo
	count    counter
}

// TotalCount is counted only when somebody asks.
func (c *AlertConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

type counter func(context.Context) (int, error)

// An Incident is an incident.Incident as the schema shows it.
type Incident struct {
	incident.Incident
	r *Resolver
}

func (r *Resolver) showIncident(i incident.Incident) *Incident { return &Incident{i, r} }

// ID is text, as that of an alert.
func (i *Incident) ID() string { return strconv.FormatInt(i.Incident.ID, 10) }

// FirstAt is when it began.
func (i *Incident) FirstAt() time.Time { return i.First }

// LastAt is when its newest alert last took a finding.
func (i *Incident) LastAt() time.Time { return i.Last }

// AlertCount is how many alerts belong to it.
func (i *Incident) AlertCount() int { return i.Incident.Alerts }

// ClientCount is how many different actors they are about.
func (i *Incident) ClientCount() int { return i.Clients }

// Alerts are those that belong to it, newest first.
func (i *Incident) Alerts(ctx context.Context, first int32) ([]*Alert, error) {
	p, err := page(first, nil)
	if err != nil {
		return nil, err
	}
	s, err := i.r.store.Alerts(ctx, store.AlertFilter{Incident: i.Incident.ID}, p)
	return i.r.showAlerts(s.Items), err
}

// IncidentConnection is a page of incidents.
type IncidentConnection struct {
	Edges    []*IncidentEdge
	PageInfo *PageInfo
	count    counter
}

// TotalCount is counted only when somebody asks.
func (c *IncidentConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }

// once asks once for all who want the same; the first to ask lends its context.
type once[T any] struct {
	do  sync.Once
	v   T
	err error
}

func (o *once[T]) get(ask func() (T, error)) (T, error) {
	o.do.Do(func() { o.v, o.err = ask() })
	return o.v, o.err
}

// distinct are the different names that some give, leaving out the zero.
func distinct[T any, N comparable](in []T, name func(T) N) []N {
	var none N
	seen, out := map[N]bool{none: true}, []N(nil)
	for _, v := range in {
		if n := name(v); !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
}
