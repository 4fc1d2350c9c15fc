package incident

import (
	"container/list"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Limits bound what a Book remembers, and say what belongs together.
type Limits struct {
	Within      time.Duration // alerts that share a trait are one attack when at most this far apart
	PerIncident int           // alerts; what comes on top begins the next incident
	Alerts      int           // remembered at once, in all
	Bytes       int           // that they may take, about
	Nodes       int           // that others may link to by rare tokens, weak observations among them
}

// Defaults are limits for a server: an hour, and a hundred thousand alerts or 64 MiB.
func Defaults() Limits {
	return Limits{Within: time.Hour, PerIncident: 1000, Alerts: 100_000, Bytes: 64 << 20, Nodes: mostNodes}
}

// A Book folds findings into alerts, and alerts into incidents.
//
// Findings of one rule about one actor are one alert while that alert is open. Alerts that
// share their client, their key or their network (IPv4 /24, IPv6 /48), and were active within
// an hour of each other, are one incident, from the second alert on. So are alerts and weak
// observations that share rare tokens, at least two that weigh enough together, or an account;
// weak observations alone become an incident when they come from three sources and score as much
// as somebody should know of. What was idle for six hours, or a day where credentials are tried,
// takes in nothing new: what is like it later begins an incident that names it. What an operator has
// closed stays closed: an alert resolved alone, or an incident all of whose alerts are
// resolved, takes nothing in; what comes later begins anew.
//
// A Book is bounded. When it is full it forgets the alert or whole incident that was quiet
// the longest, which stays open where it is stored; should its actor be found again, that
// is a new alert. Times are kept to the millisecond, as they are stored.
//
// The same calls in the same order give the same results. A Book is for one goroutine.
type Book struct {
	limits    Limits
	alerts    map[int64]*entry   // by alert ID
	open      map[subject]*entry // those that take findings
	incidents map[int64]*group   // by incident ID
	leads     map[trait]lead     // where a trait leads to
	groups    *list.List         // of *group with alerts, the quietest first
	bytes     int

	arena               arena
	hidden, quick, slow *list.List // of *group without alerts: no incident; one; one that may be idle long
	ghosts              *list.List // of *group that is closed
	begun               uint64     // groups
	now                 time.Time  // the newest event time
}

// A subject is what the findings of one open alert have in common.
type subject struct {
	rule  string
	actor engine.Target
}

// An entry is a remembered alert.
type entry struct {
	Alert
	group *group
	bytes int
}

// A lead is the group that showed a trait last, and when.
type lead struct {
	group *group
	at    time.Time
}

// A Change is what a finding did. A weak one has no alert.
type Change struct {
	Alert    Alert      // as it is now
	Raised   bool       // it is new
	Incident *Incident  // what it belongs to as it is now, nil while that is no incident
	Joined   []Alert    // other alerts that came into that incident by this
	Emptied  []Incident // incidents that lost all alerts to it: resolved, without alerts
	Closed   []Incident // incidents without alerts that were idle for too long: resolved
	Sources  []Source   // that are new in the incident; not to be changed
}

// NewBook returns an empty book. Limits that are zero are the default ones.
func NewBook(l Limits) *Book {
	d := Defaults()
	if l.Within <= 0 {
		l.Within = d.Within
	}
	if l.PerIncident <= 0 {
		l.PerIncident = d.PerIncident
	}
	if l.Alerts <= 0 {
		l.Alerts = d.Alerts
	}
	if l.Bytes <= 0 {
		l.Bytes = d.Bytes
	}
	if l.Nodes <= 0 {
		l.Nodes = d.Nodes
	}
	return &Book{
		limits:    l,
		alerts:    make(map[int64]*entry),
		open:      make(map[subject]*entry),
		incidents: make(map[int64]*group),
		leads:     make(map[trait]lead),
		groups:    list.New(),
		arena:     newArena(max(min(l.Nodes, mostNodes), leastNodes)),
		hidden:    list.New(), quick: list.New(), slow: list.New(), ghosts: list.New(),
	}
}

// Fold takes a finding in. Folding the newest finding of an alert again changes nothing.
func (b *Book) Fold(f engine.Finding) Change {
	f.At = milli(f.At)
	if f.Weak {
		return b.observe(&f)
	}
	e := b.open[subject{f.Rule, f.Actor}]
	raised := e == nil
	switch {
	case raised:
		e = b.raise(&f)
	case e.Finding == f.ID:
		return Change{Alert: e.Alert, Incident: e.group.public()}
	default:
		e.merge(&f)
	}
	c := Change{Raised: raised}
	b.pass(f.At, &c)
	b.weigh(e)
	e.group.span(e.First, e.Last, e.Severity)
	e.group.note(strandOf(&f))
	e.group.touch(accountOf(&f))
	b.relate(e, &f, &c)
	b.settle(e.group, e, &c)
	b.forget()
	c.Alert = e.Alert
	return c
}

// raise begins an alert, alone in its group.
func (b *Book) raise(f *engine.Finding) *entry {
	e := &entry{Alert: Alert{
		ID: b.unusedAlert(f.ID), Rule: f.Rule, Actor: f.Actor, Severity: f.Severity,
		Status: Open, First: f.At, Last: f.At, Findings: 1,
	}}
	e.newest(f)
	b.alerts[e.ID] = e
	b.open[subject{e.Rule, e.Actor}] = e
	g := b.found()
	g.add(e)
	b.lay(g)
	return e
}

// merge adds a further finding to an open alert.
func (e *entry) merge(f *engine.Finding) {
	e.Findings++
	e.Severity = max(e.Severity, f.Severity)
	if f.At.Before(e.First) {
		e.First = f.At
	}
	if !f.At.Before(e.Last) {
		e.newest(f)
	} else if e.Decision == "" && f.Decision != nil {
		e.Decision = f.Decision.ID
	}
}

// newest shows the alert as its newest finding does.
func (e *entry) newest(f *engine.Finding) {
	e.Version, e.Title, e.Reason = f.Version, f.Title, f.Reason
	e.Client, e.Key, e.Method = f.Client, f.Key, f.Method
	e.Path = strings.Clone(f.Path) // not the whole request that it may be a part of
	e.Last, e.Finding = f.At, f.ID
	e.Count, e.Limit, e.Window = f.Count, f.Limit, f.Window
	e.Times = make([]time.Time, len(f.Times))
	for i, t := range f.Times {
		e.Times[i] = milli(t)
	}
	e.Evidence = f.Evidence()
	if f.Decision != nil {
		e.Decision = f.Decision.ID
	}
}

// Alert returns a remembered alert.
func (b *Book) Alert(id int64) (Alert, bool) {
	e := b.alerts[id]
	if e == nil {
		return Alert{}, false
	}
	return e.Alert, true
}

// Incident returns one that is remembered, as it is now.
func (b *Book) Incident(id int64) (Incident, bool) {
	g := b.incidents[id]
	if g == nil {
		return Incident{}, false
	}
	return *g.public(), true
}

// Sources are those of an incident that is remembered, in the order in which they came: the first
// few thousand. They are not to be changed.
func (b *Book) Sources(id int64) []Source {
	g := b.incidents[id]
	if g == nil {
		return nil
	}
	return slices.Clip(g.listed)
}

// Nodes returns how much is remembered that may be linked to.
func (b *Book) Nodes() int { return len(b.arena.nodes) - len(b.arena.free) }

// Len returns how many alerts are remembered: the open ones, and the resolved ones of open incidents.
func (b *Book) Len() int { return len(b.alerts) }

// weigh keeps account of what an alert takes.
func (b *Book) weigh(e *entry) {
	const fixed = 900 // the alert, its places in maps and lists
	now := fixed + len(e.Reason) + len(e.Path) + len(e.Method) + len(e.Finding) + len(e.Decision) + 24*len(e.Times) + e.Evidence.Size()
	b.bytes += now - e.bytes
	e.bytes = now
}

// forget drops what was quiet the longest until the rest fits, but never what is newest.
func (b *Book) forget() {
	for b.groups.Len() > 1 &&
		(len(b.alerts) > b.limits.Alerts || b.bytes+len(b.leads)*leadSize+b.groups.Len()*groupSize > b.limits.Bytes) {
		b.drop(b.groups.Front().Value.(*group))
	}
}

// drop forgets a group and all its alerts.
func (b *Book) drop(g *group) {
	for _, e := range g.alerts {
		delete(b.alerts, e.ID)
		b.bytes -= e.bytes
		if s := (subject{e.Rule, e.Actor}); b.open[s] == e {
			delete(b.open, s)
		}
	}
	for t := range g.traits {
		if b.leads[t].group == g {
			delete(b.leads, t)
		}
	}
	if g.ID != 0 {
		delete(b.incidents, g.ID)
	}
	b.dissolve(g)
}

// What a lead takes, and a group beside its alerts, about, in bytes.
const (
	leadSize  = 250
	groupSize = 2200
)

// leastNodes are enough to link anything at all.
const leastNodes = 64

func milli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
