package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	Spared    []Spared          // sources that were not blocked
	Before    int               // sources that an operator had blocked already
}

// Spared is who is not blocked, and why, in a sentence that goes on from his name.
type Spared struct {
	Target engine.Target
	Why    string
}

// BlockIncident blocks all sources of an incident at once, as if an operator had placed each: for
// zero until lifted. Who is spared stays spared, and what an operator decided before stays as it is,
// so that UndoIncident ends just what was done here. Accounts under attack are not blocked; who
// attacks them is. Nor is anybody for whom others would pay: an address that several accounts or keys
// with a good history use, a network of crawlers; the answer names them. store.ErrNotFound means that there is no such incident.
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
			why := g.spares(t, at)
			if err := w.check(by, &g.spared); err != nil && why == "" {
				why = refusal(err)
			}
			switch {
			case why != "":
				out.Spared = append(out.Spared, Spared{t, why})
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
			Detail: fmt.Sprintf("%d sources blocked, %d spared, %d blocked before: %s", len(out.Decisions), len(out.Spared), out.Before, reason),
		})
		return func() { g.engine.Restore(out.Decisions) }, nil
	})
	return out, err
}

// UndoIncident lifts every block that BlockIncident or the score made for this incident and that is in
// force, and forgets what was counted against their targets. The score blocks nobody of it any more.
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
			Origins: []engine.Origin{engine.ByOperator, engine.ByRule}, Actions: []engine.Action{engine.Block}, InForce: true, At: at, Text: mark(id),
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
		return func() {
			g.lift(lifted...)
			if known := g.strikes[id]; known != nil {
				known[pardoned] = true
			}
		}, nil
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

// spares says why a target is not blocked for an incident, in words that go on from its name; empty
// when it may be.
func (g *Guard) spares(t engine.Target, at time.Time) string {
	n := t.Network
	if !n.IsValid() {
		return g.letIn(t, at)
	}
	if slices.ContainsFunc(loopbacks, n.Overlaps) {
		return "is this machine itself"
	}
	if _, hit := g.spared.overlaps(n); hit {
		return "is a trusted proxy or another that is never blocked"
	}
	if mine := g.spared.mine.Load(); mine != nil {
		for a, end := range *mine {
			if at.Before(end) && n.Contains(a) {
				return "is where an operator works from"
			}
		}
	}
	if g.doubt.of(n.Addr()) {
		return "is where nearly all traffic seems to come from"
	}
	if g.engine.Shared(n, at) {
		return "is used by several accounts or keys with a good history"
	}
	if name, is := g.engine.CrawlerIn(n); is {
		return "is a network of the crawler " + name
	}
	return g.letIn(t, at)
}

func (g *Guard) letIn(t engine.Target, at time.Time) string {
	for _, d := range g.engine.Within(t, at) {
		if d.Action == engine.Allow && d.Origin == engine.ByOperator {
			return "is allowed by an operator"
		}
	}
	return ""
}

// refusal is why an operator can't block a target, as it is said of it.
func refusal(err error) string {
	if wrong, ok := errors.AsType[engine.Invalid](err); ok {
		return wrong.Problem
	}
	return err.Error()
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
