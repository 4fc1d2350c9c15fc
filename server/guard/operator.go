package guard

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// By is who changes something, for the audit log.
type By struct {
	Name   string // the operator's
	Origin string // the address he works from, or "cli"
}

// Place puts an operator's decision in force: for the very next request when it returns. The
// same action on the same network renews the decision that is there. An allow entry lifts the
// blocks by rules that lie within it.
//
// It answers engine.Invalid for what the operator can correct, and ErrUnavailable when the
// change can't be written down; then nothing has changed.
func (g *Guard) Place(ctx context.Context, by By, w Wanted) (engine.Decision, error) {
	if err := w.check(by, &g.spared); err != nil {
		return engine.Decision{}, err
	}
	var placed engine.Decision
	err := g.change(ctx, func(_ context.Context, d *draft) (func(), error) {
		at := milli(g.now())
		var lifted []engine.Decision
		placed, lifted = g.place(at, by, w)
		d.Decisions = slices.Concat(lifted, []engine.Decision{placed})
		d.Audit = append(d.Audit, store.Entry{
			At: at, Actor: by.Name, Origin: by.Origin, Verb: verbs[w.Action],
			Object: placed.Target.String(), Detail: until(placed),
		})
		d.Audit = append(d.Audit, liftEntries(at, by, lifted)...)
		return func() {
			g.engine.Apply(placed)
			g.lift(lifted...)
			if w.Action == engine.Allow {
				g.forget(placed.Target)
			}
		}, nil
	})
	if err != nil {
		return engine.Decision{}, err
	}
	return placed, nil
}

// place works out what Place changes.
func (g *Guard) place(at time.Time, by By, w Wanted) (placed engine.Decision, lifted []engine.Decision) {
	placed = engine.Decision{
		Action: w.Action, Target: engine.Target{Network: w.Network, Key: w.Key}, Reason: w.Reason,
		Origin: engine.ByOperator, By: by.Name, From: at,
	}
	if w.For > 0 {
		placed.Until = at.Add(w.For)
	}
	for _, d := range g.engine.Within(placed.Target, at) {
		switch {
		case d.Origin == engine.ByOperator && d.Action == w.Action && d.Target == placed.Target:
			placed.ID = d.ID
		case d.Origin == engine.ByRule && w.Action == engine.Allow && (d.Action == engine.Block || d.Action == engine.Throttle):
			lifted = append(lifted, g.liftedBy(d, at, by))
		}
	}
	if placed.ID == "" {
		g.placed++
		placed.ID = engine.NewReference('D', g.node, strconv.FormatInt(g.started.UnixNano(), 36), strconv.Itoa(g.placed))
	}
	return placed, lifted
}

var verbs = map[engine.Action]string{engine.Allow: "allow", engine.Block: "block", engine.Monitor: "monitor"}

func until(d engine.Decision) string {
	s := d.ID + " until lifted"
	if !d.Until.IsZero() {
		s = d.ID + " until " + d.Until.UTC().Format(time.RFC3339)
	}
	if d.Reason != "" {
		s += ": " + d.Reason
	}
	return s
}

// Lift ends decisions, and forgets what was counted against their targets, so that nobody is
// blocked again for what was before. A rule's decision takes its twins with it: those of the
// same rule about the same target, as several nodes may have made. What has ended already is
// answered as it is; store.ErrNotFound means that one of the IDs is unknown, and none is lifted.
func (g *Guard) Lift(ctx context.Context, by By, ids []string) ([]engine.Decision, error) {
	if len(ids) == 0 {
		return nil, engine.Invalid{Field: "ids", Problem: "must name a decision"}
	}
	var answer []engine.Decision
	err := g.change(ctx, func(ctx context.Context, d *draft) (func(), error) {
		at := milli(g.now())
		var lifted []engine.Decision
		for _, id := range ids {
			x, counts := g.engine.Decision(id, at)
			if !counts {
				ended, err := g.store.Decision(ctx, id)
				if err != nil {
					return nil, err
				}
				answer = append(answer, ended)
				continue
			}
			answer = append(answer, g.liftedBy(x, at, by))
			lifted = append(lifted, g.liftedBy(x, at, by))
			for _, other := range g.engine.Within(x.Target, at) {
				if twins(other, x) {
					lifted = append(lifted, g.liftedBy(other, at, by))
				}
			}
		}
		answer, lifted = once(answer), once(lifted)
		d.Decisions, d.Audit = lifted, liftEntries(at, by, lifted)
		return func() { g.lift(lifted...) }, nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func once(ds []engine.Decision) []engine.Decision {
	return latest(ds, func(d engine.Decision) string { return d.ID })
}

func twins(x, y engine.Decision) bool {
	return x.ID != y.ID && x.Origin == engine.ByRule && y.Origin == engine.ByRule &&
		x.Rule == y.Rule && x.Action == y.Action && x.Target == y.Target
}

func (g *Guard) liftedBy(d engine.Decision, at time.Time, by By) engine.Decision {
	d = g.signed(d)
	d.Lifted, d.LiftedBy = at, by.Name
	return d
}

func liftEntries(at time.Time, by By, lifted []engine.Decision) []store.Entry {
	var es []store.Entry
	for _, d := range lifted {
		es = append(es, store.Entry{
			At: at, Actor: by.Name, Origin: by.Origin, Verb: "lift",
			Object: d.Target.String(), Detail: d.ID + ", " + d.Action.String() + ": " + d.Reason,
		})
	}
	return es
}

// lift ends decisions here and forgets the counts behind them, everywhere.
func (g *Guard) lift(lifted ...engine.Decision) {
	g.pardon(lifted)
	for _, d := range lifted {
		g.engine.Lift(d.ID, d.Lifted, d.LiftedBy)
		g.lifts.remember(d)
		g.forget(d.Target)
	}
}

// forget drops what all nodes counted about a target. The engine has done so for this one.
func (g *Guard) forget(t engine.Target) {
	if g.peers == nil || !t.Network.IsValid() { // rules count no keys
		return
	}
	if t.Network.IsSingleIP() {
		t = engine.ActorOf(t.Network.Addr())
	}
	g.peers.Forget(t, rateAbuse, failedAuthentication)
}

// Resolve closes alerts; with lift also ends the decisions in force that they led to. Alerts
// that are closed already are answered as they are; store.ErrNotFound means that one of the IDs
// is unknown, and nothing is changed.
func (g *Guard) Resolve(ctx context.Context, by By, ids []int64, lift bool) ([]incident.Alert, error) {
	if len(ids) == 0 {
		return nil, engine.Invalid{Field: "ids", Problem: "must name an alert"}
	}
	var answer []incident.Alert
	err := g.change(ctx, func(ctx context.Context, d *draft) (func(), error) {
		at := milli(g.now())
		before, err := g.alerts(ctx, ids)
		if err != nil {
			return nil, err
		}
		r := g.book.Resolve(at, by.Name, ids...)
		answer = latest(append(before, r.Alerts...), func(a incident.Alert) int64 { return a.ID })
		var lifted []engine.Decision
		if lift {
			lifted = g.ledTo(at, by, answer)
		}
		d.Alerts, d.Incidents, d.Decisions = r.Alerts, r.Incidents, lifted
		for _, a := range r.Alerts {
			d.Audit = append(d.Audit, store.Entry{
				At: at, Actor: by.Name, Origin: by.Origin, Verb: "resolve",
				Object: "alert " + strconv.FormatInt(a.ID, 10), Detail: a.Title + ": " + a.Actor.String(),
			})
		}
		d.Audit = append(d.Audit, liftEntries(at, by, lifted)...)
		return func() { g.book.Settle(r); g.lift(lifted...) }, nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// alerts finds alerts as they are. Open ones that the book has forgotten it is told again.
func (g *Guard) alerts(ctx context.Context, ids []int64) ([]incident.Alert, error) {
	var found []incident.Alert
	for _, id := range ids {
		a, known := g.book.Alert(id)
		if !known {
			var err error
			if a, err = g.store.Alert(ctx, id); err != nil {
				return nil, err
			}
			if a.Status == incident.Open {
				if err := g.recall(ctx, []incident.Alert{a}); err != nil {
					return nil, err
				}
			}
		}
		found = append(found, a)
	}
	return found, nil
}

// ledTo are the decisions in force that alerts led to, lifted.
func (g *Guard) ledTo(at time.Time, by By, alerts []incident.Alert) []engine.Decision {
	var lifted []engine.Decision
	for _, a := range alerts {
		for _, d := range g.engine.Within(a.Actor, at) {
			if d.Origin == engine.ByRule && (d.ID == a.Decision || d.Rule == a.Rule && d.Target == a.Actor) {
				lifted = append(lifted, g.liftedBy(d, at, by))
			}
		}
	}
	return once(lifted)
}
