package guard

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// Blocked says what blocking an incident has done.
type Blocked struct {
	Incident  incident.Incident
	Decisions []engine.Decision // that were made
	Spared    int               // sources that are never blocked, or allowed by an operator
	Before    int               // sources that an operator had blocked already
}

// BlockIncident blocks all sources of an incident at once, as if an operator had placed each: for
// zero until lifted. Who is spared stays spared, and what an operator decided before stays as it is,
// so that UndoIncident ends just what was done here. Accounts under attack are not blocked; who
// attacks them is. store.ErrNotFound means that there is no such incident.
func (g *Guard) BlockIncident(ctx context.Context, by By, id int64, d time.Duration) (Blocked, error) {
	var out Blocked
	err := g.change(ctx, func(ctx context.Context, draft *draft) (func(), error) {
		out = Blocked{}
		var targets []engine.Target
		var err error
		if out.Incident, targets, err = g.sources(ctx, id); err != nil {
			return nil, err
		}
		at := milli(g.now())
		reason := mark(id) + " " + clip(out.Incident.Title, longestReason-len(mark(id))-1)
		for _, t := range targets {
			w := Wanted{Action: engine.Block, Network: t.Network, Key: t.Key, Reason: reason, For: d}
			switch err := w.check(by, &g.spared); {
			case err != nil || g.sparedNow(t, at):
				out.Spared++
			case g.decided(t, at):
				out.Before++
			default:
				placed, _ := g.place(at, by, w)
				out.Decisions = append(out.Decisions, placed)
			}
		}
		draft.Decisions = out.Decisions
		draft.Audit = append(draft.Audit, store.Entry{
			At: at, Actor: by.Name, Origin: by.Origin, Verb: "blockIncident", Object: out.Incident.Reference(),
			Detail: fmt.Sprintf("%d sources blocked, %d spared, %d blocked before: %s", len(out.Decisions), out.Spared, out.Before, reason),
		})
		return func() { g.engine.Restore(out.Decisions) }, nil
	})
	return out, err
}

// UndoIncident lifts every block that BlockIncident made for this incident and that is in force,
// and forgets what was counted against their targets.
func (g *Guard) UndoIncident(ctx context.Context, by By, id int64) (incident.Incident, []engine.Decision, error) {
	var i incident.Incident
	var lifted []engine.Decision
	err := g.change(ctx, func(ctx context.Context, draft *draft) (func(), error) {
		lifted = nil
		var err error
		if i, err = g.store.Incident(ctx, id); err != nil {
			return nil, err
		}
		at := milli(g.now())
		of := store.DecisionFilter{
			Origins: []engine.Origin{engine.ByOperator}, Actions: []engine.Action{engine.Block}, InForce: true, At: at, Text: mark(id),
		}
		err = g.store.EachDecision(ctx, of, func(x engine.Decision) error {
			if now, counts := g.engine.Decision(x.ID, at); counts && strings.HasPrefix(now.Reason, mark(id)) {
				lifted = append(lifted, g.liftedBy(now, at, by))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		draft.Decisions = lifted
		draft.Audit = append(draft.Audit, store.Entry{
			At: at, Actor: by.Name, Origin: by.Origin, Verb: "undoIncident", Object: i.Reference(),
			Detail: fmt.Sprintf("%d blocks lifted: %s", len(lifted), i.Title),
		})
		return func() { g.lift(lifted...) }, nil
	})
	return i, lifted, err
}

// mark begins the reason of every block of an incident. A short name alone may stand for two.
func mark(id int64) string {
	return incident.Reference(id) + " (incident " + strconv.FormatInt(id, 10) + "):"
}

// clip cuts a text between letters.
func clip(s string, most int) string {
	r := []rune(s)
	return string(r[:min(len(r), most)])
}

// sources are whom blocking an incident would be about, each once.
func (g *Guard) sources(ctx context.Context, id int64) (incident.Incident, []engine.Target, error) {
	i, known := g.book.Incident(id)
	all := g.book.Sources(id)
	if !known {
		var err error
		if i, err = g.store.Incident(ctx, id); err != nil {
			return i, nil, err
		}
		all = i.Sources
	}
	var targets []engine.Target
	seen := make(map[engine.Target]bool)
	add := func(t engine.Target, client incident.Source) {
		if t.Account != "" || t.Route != "" {
			t = engine.ActorOf(client.Client)
		}
		if t != (engine.Target{}) && !seen[t] {
			seen[t] = true
			targets = append(targets, t)
		}
	}
	for _, s := range all {
		add(s.Actor, s)
	}
	err := g.store.EachAlert(ctx, store.AlertFilter{Incident: id}, func(a incident.Alert) error {
		add(a.Actor, incident.Source{Client: a.Client})
		return nil
	})
	return i, targets, err
}

// sparedNow reports whether somebody is at work there whom no rule blocks, or who is allowed.
func (g *Guard) sparedNow(t engine.Target, at time.Time) bool {
	if mine := g.spared.mine.Load(); mine != nil && t.Network.IsValid() {
		for a, end := range *mine {
			if at.Before(end) && t.Network.Contains(a) {
				return true
			}
		}
	}
	for _, d := range g.engine.Within(t, at) {
		if d.Action == engine.Allow && d.Origin == engine.ByOperator {
			return true
		}
	}
	return false
}

// decided reports whether an operator has blocked the target.
func (g *Guard) decided(t engine.Target, at time.Time) bool {
	for _, d := range g.engine.Within(t, at) {
		if d.Action == engine.Block && d.Origin == engine.ByOperator && d.Target == t {
			return true
		}
	}
	return false
}
