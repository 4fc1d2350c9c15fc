package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/store"
)

// State of a dependency, and of the whole.
type State uint8

// From the best to the worst.
const (
	OK       State = iota + 1
	Degraded       // its work is done another way
	Down           // its work is not done, or waits
)

var states = [...]string{"", "OK", "DEGRADED", "DOWN"}

func (s State) String() string { return states[min(int(s), len(states)-1)] }

// A Dependency is something that the guard needs and that can fail.
type Dependency struct {
	Name   string // database, traffic, redis
	State  State
	Detail string    // what is wrong and what happens meanwhile; empty when OK
	Since  time.Time // when it came to be so
}

// Health is how the guard is.
type Health struct {
	State        State // of the worst dependency
	Node         string
	Started      time.Time
	Dependencies []Dependency
	TrafficLost  int64 // traffic rows that could not be kept since the start
	FindingsLost int64 // findings that could not be kept to be written; their decisions are in force all the same
	Waiting      int64 // findings and decisions that wait to be written

	Mode         string // ModeObserve or ModeEnforce
	NotEnforcing string // why rules don't enforce against whom most traffic comes from; empty when they do
}

// The modes of the gateway.
const (
	ModeObserve = "observe" // everything passes, and is counted
	ModeEnforce = "enforce"
)

// Mode of the policy in force.
func (g *Guard) Mode() string {
	if g.engine.Policy().Observe {
		return ModeObserve
	}
	return ModeEnforce
}

// The dependencies, by their names in DESIGN and on screen.
const (
	database = "database"
	traffics = "traffic"
	redis    = "redis"
)

const (
	pingEvery   = 5 * time.Second
	pingTimeout = 2 * time.Second
)

// health remembers what was found out about each dependency.
type health struct {
	mu         sync.Mutex
	conditions []condition
	away       atomic.Bool // something that a failure policy minds
}

// A condition tells a write that failed from a question that was not answered: an answer does
// not mean that writing works again.
type condition struct {
	name           string
	written, asked error
	since          time.Time
}

func (c *condition) err() error {
	if c.written != nil {
		return c.written
	}
	return c.asked
}

func (h *health) begin(at time.Time, names ...string) {
	for _, n := range names {
		h.conditions = append(h.conditions, condition{name: n, since: at})
	}
}

// note takes in what was found out. It reports whether the state has changed by it, and since
// when the former one had lasted.
func (h *health) note(name string, at time.Time, found func(*condition)) (changed bool, former time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.conditions {
		c := &h.conditions[i]
		if c.name != name {
			continue
		}
		before := c.err() == nil
		found(c)
		h.away.Store(slices.ContainsFunc(h.conditions, func(c condition) bool { return c.name != traffics && c.err() != nil }))
		if before != (c.err() == nil) {
			former, c.since = c.since, at
			return true, former
		}
	}
	return false, time.Time{}
}

func (h *health) list() []Dependency {
	h.mu.Lock()
	defer h.mu.Unlock()
	ds := make([]Dependency, len(h.conditions))
	for i, c := range h.conditions {
		ds[i] = Dependency{Name: c.name, State: OK, Since: c.since}
		if err := c.err(); err != nil {
			ds[i].State, ds[i].Detail = meanwhile(c.name, err)
		}
	}
	return ds
}

// meanwhile says in plain words what the loss of a dependency means.
func meanwhile(name string, err error) (State, string) {
	switch name {
	case database:
		return Down, fmt.Sprintf("Alerts and decisions can't be written (%v). Decisions stay in force; what is found waits.", err)
	case traffics:
		return Degraded, fmt.Sprintf("Traffic can't be written (%v). Rows wait; those that find no room are counted as lost.", err)
	default:
		return Degraded, fmt.Sprintf("Other nodes can't be asked (%v). Each counts for itself; what is blocked stays blocked.", err)
	}
}

// Health is told from memory, at once.
func (g *Guard) Health() Health {
	h := Health{
		State: OK, Node: g.node, Started: g.started, Dependencies: g.health.list(),
		TrafficLost: g.traffic.lost.Load(), FindingsLost: g.outbox.lost.Load(), Waiting: g.outbox.waiting(),
		Mode: g.Mode(), NotEnforcing: g.doubt.says(),
	}
	for i := range h.Dependencies {
		d := &h.Dependencies[i]
		h.State = max(h.State, d.State)
		if d.Name == database && d.State != OK && h.FindingsLost > 0 {
			d.Detail += fmt.Sprintf(" %d found no room and are lost.", h.FindingsLost)
		}
		if d.Name == traffics && d.State == OK {
			g.tellBegunAnew(d)
			h.State = max(h.State, d.State)
		}
	}
	return h
}

// tellBegunAnew shows for an hour, as long as the dashboard looks back, that figures and logs
// begin where the traffic database was damaged or gone.
func (g *Guard) tellBegunAnew(d *Dependency) {
	file, at := g.store.SetAside()
	if at.IsZero() || g.now().Sub(at) > time.Hour {
		return
	}
	d.State, d.Since, d.Detail = Degraded, at, "The traffic database was gone, so figures and logs begin anew. Alerts and decisions are untouched."
	if file != "" {
		d.Detail = fmt.Sprintf("The traffic database was damaged and is kept as %s; figures and logs begin anew. Alerts and decisions are untouched.", file)
	}
}

// wrote notes how a write ended.
func (g *Guard) wrote(name string, err error) {
	g.noteHealth(name, func(c *condition) { c.written = err })
}

// noteHealth tells everybody when a dependency is lost or found again, and leaves in the audit
// log from when to when the guard was without it.
func (g *Guard) noteHealth(name string, found func(*condition)) {
	at := g.now()
	changed, former := g.health.note(name, at, found)
	if !changed {
		return
	}
	for _, d := range g.health.list() {
		switch {
		case d.Name != name:
		case d.State != OK:
			g.log.Error("lost", "what", name, "detail", d.Detail)
		default:
			g.log.Info("recovered", "what", name, "away_since", former)
			g.outbox.add(item{audit: &store.Entry{
				At: at, Actor: "system", Verb: "recover", Object: name,
				Detail: fmt.Sprintf("degraded from %s to %s", former.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339)),
			}})
		}
	}
	g.news.HealthChanged.Publish(g.Health())
}

// watchStore asks the store now and then how it is, so that a loss is noticed when nothing
// happens to be written.
func (g *Guard) watchStore(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.askStore(ctx)
		}
	}
}

func (g *Guard) askStore(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	for name, err := range g.store.Ping(limited) {
		if ctx.Err() != nil {
			return // stopping, and no fault of the store
		}
		g.noteHealth(name, func(c *condition) {
			if c.asked = err; err == nil && !g.stuck(name) {
				c.written = nil // nothing waits that would find out by itself
			}
		})
	}
}

// stuck reports whether something waits because it could not be written.
func (g *Guard) stuck(name string) bool {
	return name == traffics || g.outbox.holds()
}

// askPeers notes whether counts are shared.
func (g *Guard) askPeers() {
	shared, detail := g.peers.State()
	var err error
	if !shared {
		err = errors.New(detail)
	}
	g.noteHealth(redis, func(c *condition) { c.asked = err })
}

const readyTimeout = 2 * time.Second

// Ready asks the databases how they are, for two seconds at most, and tells the state of each
// dependency in lower case. Only without the database of alerts and decisions can the guard not do
// its work.
func (g *Guard) Ready(ctx context.Context) (states map[string]string, ready bool) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	down := strings.ToLower(Down.String())
	states = make(map[string]string)
	for _, d := range g.health.list() {
		states[d.Name] = strings.ToLower(d.State.String())
	}
	for name, err := range g.store.Ping(ctx) {
		if err != nil {
			states[name] = down
		}
	}
	return states, states[database] != down
}
