package guard

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// IncidentRule is the rule of a decision that no rule made but the score of an incident.
const IncidentRule = "incident"

// strikes are the sources of incidents that were dealt with because of the score, so that nobody is
// blocked twice for the same one. It is of the outbox's goroutine alone.
type strikes map[int64]map[engine.Target]bool

// pardoned stands in for all sources of an incident of which an operator lifted a block: he knows
// better, and none of it is blocked by itself any more.
var pardoned = engine.Target{Route: "pardoned"}

// strike blocks the sources of incidents with such a score as the policy names (see
// engine.Policy.Incidents), each of them once: in force when it returns, and written with the incident.
// Keys and accounts are not blocked, as who attacks with them is not whose they are; nor is anybody whom
// BlockIncident spares.
func (g *Guard) strike(d *draft) {
	p := g.engine.Policy()
	for _, i := range latest(d.Incidents, func(i incident.Incident) int64 { return i.ID }) {
		switch {
		case i.Status != incident.Open:
			delete(g.strikes, i.ID)
		case p.Incidents.From > 0 && !p.Observe && i.Score() >= p.Incidents.From:
			g.strikeAt(d, i, p.Incidents)
		}
	}
}

func (g *Guard) strikeAt(d *draft, i incident.Incident, terms engine.IncidentTerms) {
	struck := g.struck(i.ID)
	if struck == nil || struck[pardoned] {
		return
	}
	at := milli(g.now())
	finding := engine.NewReference('F', IncidentRule, strconv.FormatInt(i.ID, 10), strconv.FormatInt(at.UnixMilli(), 10))
	first := len(d.Decisions)
	for _, s := range g.book.Sources(i.ID) {
		t := engine.ActorOf(s.Client)
		if s.Actor.Network.IsValid() {
			t = s.Actor
		}
		if !t.Network.IsValid() || struck[t] {
			continue
		}
		struck[t] = true
		if g.spares(t, at) != "" || g.blocked(t, at) {
			continue
		}
		made := g.signed(engine.Decision{
			ID: engine.NewReference('D', IncidentRule, strconv.FormatInt(i.ID, 10), t.String()), Action: engine.Block, Target: t,
			Reason: clip(fmt.Sprintf("%s its score is %d, and from %d on its sources are blocked. %s", mark(i.ID), i.Score(), terms.From, i.Title), longestReason),
			Origin: engine.ByRule, Rule: IncidentRule, Finding: finding, From: at, Until: at.Add(terms.For),
		})
		g.engine.Apply(made)
		d.Decisions = append(d.Decisions, made)
	}
	if len(d.Decisions) > first {
		d.Receipts = append(d.Receipts, store.Receipt{Finding: finding, Incident: i.ID, Receipt: scored(i, terms, at)})
	}
}

// scored is what the score of an incident is made of, as it can be added up again.
func scored(i incident.Incident, terms engine.IncidentTerms, at time.Time) engine.Receipt {
	r := engine.Receipt{Rule: IncidentRule, Version: 1, At: at, Count: i.Score(), Limit: terms.From - 1}
	for _, reason := range i.Reasons(i.Last) {
		r.Parts = append(r.Parts, engine.Part{Feature: reason.What, Value: float64(reason.Points), Share: float64(reason.Points)})
	}
	r.Unless = fmt.Sprintf("With a score below %d it would not have been blocked.", terms.From)
	return r
}

// struck are the sources of an incident that were dealt with, as far as the database knows before
// anything is decided; nil while it can't be asked.
func (g *Guard) struck(id int64) map[engine.Target]bool {
	if known := g.strikes[id]; known != nil {
		return known
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	known := make(map[engine.Target]bool)
	of := store.DecisionFilter{Origins: []engine.Origin{engine.ByRule, engine.ByOperator}, Actions: []engine.Action{engine.Block}, Text: mark(id)}
	err := g.store.EachDecision(ctx, of, func(x engine.Decision) error {
		if strings.HasPrefix(x.Reason, mark(id)) {
			known[x.Target] = true
			known[pardoned] = known[pardoned] || !x.Lifted.IsZero() && x.LiftedBy != engine.NoRoom
		}
		return nil
	})
	if err != nil {
		g.log.Error("ask for the blocks of an incident", "incident", incident.Reference(id), "err", err)
		return nil
	}
	if g.strikes == nil {
		g.strikes = make(strikes)
	}
	g.strikes[id] = known
	return known
}

// pardon an incident of which an operator lifted a block.
func (g *Guard) pardon(lifted []engine.Decision) {
	for id, known := range g.strikes {
		if slices.ContainsFunc(lifted, func(d engine.Decision) bool { return strings.HasPrefix(d.Reason, mark(id)) }) {
			known[pardoned] = true
		}
	}
}

// blocked reports whether a decision blocks that very target already.
func (g *Guard) blocked(t engine.Target, at time.Time) bool {
	return slices.ContainsFunc(g.engine.Within(t, at), func(d engine.Decision) bool { return d.Action == engine.Block && d.Target == t })
}
