package simulator_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/simulator"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// inEventTime plays a plan through a new engine and a new book of alerts.
func inEventTime(t *testing.T, plan simulator.Plan) (*simulator.Played, map[string]int) {
	t.Helper()
	e, err := engine.New(simulator.Policy(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p, found := simulator.PlayEngine(e, plan, noon)
	rules := map[string]int{}
	book := incident.NewBook(incident.Limits{})
	incidents := map[string]int64{} // of a rule's alert about an actor
	note := func(a *incident.Alert) { incidents[a.Rule+a.Actor.Network.String()] = a.Incident }
	for i := range found {
		rules[found[i].Rule]++
		c := book.Fold(found[i])
		note(&c.Alert)
		for j := range c.Joined {
			note(&c.Joined[j])
		}
	}
	for i := range p.Facts {
		for j := range p.Facts[i].Alerts {
			a := &p.Facts[i].Alerts[j]
			if id := incidents[a.Rule+plan.Actors[i].Network.String()]; id != 0 {
				a.Incident = strconv.FormatInt(id, 10)
			}
		}
	}
	return p, rules
}

// TestScenarios holds the rules to their scenarios: each rule has one that shows it at work, and
// one of honest traffic that comes close and stays silent. Whoever adds a rule adds both.
func TestScenarios(t *testing.T) {
	all := load(t)
	for i := range all {
		s := &all[i]
		t.Run(s.ID, func(t *testing.T) {
			for seed := range uint64(5) {
				p, rules := inEventTime(t, s.Expand(seed))
				for _, v := range simulator.Judge(p) {
					if !v.Kept {
						t.Errorf("seed %d: %s: %s", seed, v.Claim, v.Sentence)
					}
				}
				for _, rule := range s.Shows {
					if rules[rule] == 0 {
						t.Errorf("seed %d: does not show %s", seed, rule)
					}
				}
				for rule := range rules {
					if !slices.Contains(s.Shows, rule) {
						t.Errorf("seed %d: trips %s, which it does not mention", seed, rule)
					}
				}
			}
		})
	}
	for _, rule := range engine.Rules() {
		if rule.SignIns || rule.Strange || rule.ID == "anomaly" || rule.Pack != "core" {
			continue // the bank shows no pages, and nobody waits for a day: scenes of the engine's own tests show these
		}
		shown := slices.ContainsFunc(all, func(s simulator.Scenario) bool {
			return slices.Contains(s.Shows, rule.ID) && slices.ContainsFunc(s.Promises, func(p simulator.Promise) bool {
				return p.Kind == "alert" && p.Rule == rule.ID
			})
		})
		near := slices.ContainsFunc(all, func(s simulator.Scenario) bool {
			return s.Nearly != nil && s.Nearly.Rule == rule.ID && slices.ContainsFunc(s.Promises, func(p simulator.Promise) bool {
				return p.Kind == "silent"
			})
		})
		if !shown {
			t.Errorf("no scenario shows %s at work and promises its alert: add simulator/scenarios/NAME.json", rule.ID)
		}
		if !near {
			t.Errorf("no near miss comes close to %s and promises silence: add simulator/scenarios/NAME.json", rule.ID)
		}
	}
}

func TestOneStepMoreTripsTheRuleThatANearMissComesCloseTo(t *testing.T) {
	for _, s := range load(t) {
		if s.Nearly == nil {
			continue
		}
		plan, err := s.Tipped(3)
		if err != nil {
			t.Fatal(err)
		}
		if _, rules := inEventTime(t, plan); rules[s.Nearly.Rule] == 0 || len(rules) != 1 {
			t.Errorf("%s: one step more trips %v, want %s alone", s.ID, rules, s.Nearly.Rule)
		}
	}
}

func TestAnEngineWithoutRulesBreaksThePromisesOfEveryAttack(t *testing.T) {
	for _, s := range load(t) {
		if s.Kind != simulator.Attack {
			continue
		}
		p := simulator.Policy()
		e, err := engine.New(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		plan := s.Expand(1)
		for _, a := range plan.Actors { // an operator lets them all through
			e.Apply(engine.Decision{ID: "D-" + a.Label(), Action: engine.Allow, Target: engine.Target{Network: a.Network}, Origin: engine.ByOperator, From: noon})
		}
		played, _ := simulator.PlayEngine(e, plan, noon)
		if simulator.Kept(simulator.Judge(played)) {
			t.Errorf("%s: every promise came true although no rule could fire", s.ID)
		}
	}
}

func TestEventTimePassesAsThePlanSays(t *testing.T) {
	s := find(t, "slow-payer")
	plan := s.Expand(1)
	p, _ := inEventTime(t, plan)
	for i, a := range plan.Actors {
		got := p.Outcomes[i][1].Sent - p.Outcomes[i][0].Answered
		if got != a.Requests[1].Wait || got < 230*time.Second {
			t.Errorf("%s waited %s, planned %s", a.Label(), got, a.Requests[1].Wait)
		}
	}
}
