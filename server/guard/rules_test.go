package guard

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

const cards = `id: cards-tried
title: Many cards tried
explains: One client is refused three cards.
when: {route: /cards, status: 402}
count: 2
within: 10m
severity: HIGH
do: block
for: 1h
`

func (s *scene) save(definition string, expected int) store.RuleVersion {
	s.t.Helper()
	v, err := s.SaveRule(s.t.Context(), ada, definition, expected)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *scene) refused(err error, field, problem string) {
	s.t.Helper()
	wrong, ok := errors.AsType[engine.Invalid](err)
	if !ok || wrong.Field != field || !strings.Contains(wrong.Problem, problem) {
		s.t.Errorf("told %v, want %s: %s", err, field, problem)
	}
}

// declined has cards refused to a client, and returns what he gets then.
func (s *scene) declined(client string, times int) int {
	s.t.Helper()
	for range times {
		s.ask(client, "POST", "/cards", 402)
	}
	return s.balance(client)
}

func (s *scene) state(rule string) RuleState {
	s.t.Helper()
	all := s.Rules()
	i := slices.IndexFunc(all, func(r RuleState) bool { return r.ID == rule })
	if i < 0 {
		s.t.Fatalf("rule %s is not listed", rule)
	}
	return all[i]
}

func TestARuleThatIsSavedIsInForceAtOnceAndAfterARestart(t *testing.T) {
	s := newScene(t)
	for range 5 { // one short of what failed-authentication counts
		s.ask("203.0.113.7", "POST", "/api/login", 401)
	}
	v := s.save(cards, 0)
	if v.Number != 1 || v.Change != store.RuleSaved || v.Mode != "enforce" || v.By != "ada" {
		t.Errorf("saved %+v", v)
	}
	if got := s.declined("203.0.113.9", 3); got != 403 {
		t.Errorf("the rule is not in force: %d", got)
	}
	s.ask("203.0.113.7", "POST", "/api/login", 401)
	if got := s.balance("203.0.113.7"); got != 403 {
		t.Errorf("what another rule had counted is lost: %d", got)
	}
	if e := s.audit()[len(s.audit())-1]; e.Verb != "save rule" || e.Object != "rule cards-tried" || e.Actor != "ada" || !strings.Contains(e.Detail, "version 1, mode enforce") {
		t.Errorf("the audit log has %+v", e)
	}
	s.restart()
	if got := s.declined("203.0.113.10", 3); got != 403 {
		t.Errorf("after the restart: %d", got)
	}
	if r := s.state("cards-tried"); r.Origin != RuleConsole || r.Saved == nil || r.Saved.Number != 1 || r.Version != 1 || r.Pack != "console" || r.Failed != "" {
		t.Errorf("it is told as %+v", r)
	}
}

func TestASavedRuleThatIsWrongSaysWhereAndChangesNothing(t *testing.T) {
	s := newScene(t, func(c *Config) {
		c.Policy.Packs = append(c.Policy.Packs, engine.Rule{ID: "theirs", Title: "Theirs", Pack: "shop", On: engine.Answers, Terms: engine.Terms{Severity: engine.Low}})
	})
	for definition, want := range map[string][2]string{
		cards + "mod: off\n": {"definition.mod", "the nearest is mode (line 10)"},
		strings.Replace(cards, "status: 402", "where: statu == 402", 1): {"definition.when.where", "at 1:1: statu is neither a variable nor a function; the nearest variable is status (line 4)"},
		strings.Replace(cards, "within: 10m", "within: 3 days", 1):      {"definition.within", "(line 6)"},
		strings.Replace(cards, "cards-tried", "rate-abuse", 1):          {"definition.id", "built-in"},
		strings.Replace(cards, "cards-tried", "theirs", 1):              {"definition.id", "a rule in the pack shop: choose another"},
		"": {"definition", "empty"},
	} {
		_, err := s.SaveRule(t.Context(), ada, definition, 0)
		s.refused(err, want[0], want[1])
	}
	if n := len(s.audit()); n != 0 || len(s.Rules()) != len(s.Policy().All()) {
		t.Errorf("%d entries in the audit log", n)
	}
}

func TestARuleThatFindsItsOwnHonestTrafficIsNotSaved(t *testing.T) {
	s := newScene(t)
	of := func(n string) string {
		return strings.Replace(cards, "count: 2", "count: 15", 1) + "nearly: [{request: POST /cards, status: 402, times: " + n + "}]\n"
	}
	_, err := s.SaveRule(t.Context(), ada, of("20"), 0)
	s.refused(err, "definition.nearly", "fired at request 16 of honest traffic")
	if n := len(s.audit()); n != 0 || len(s.Rules()) != len(s.Policy().All()) {
		t.Errorf("%d entries in the audit log", n)
	}
	s.save(of("15"), 0)
}

func TestWhoSavesSecondIsToldWhoWasFirst(t *testing.T) {
	s := newScene(t)
	s.save(cards, 0)
	if _, err := s.SaveRule(t.Context(), By{Name: "bob"}, strings.Replace(cards, "count: 2", "count: 4", 1), 1); err != nil {
		t.Fatal(err)
	}
	_, err := s.SaveRule(t.Context(), ada, strings.Replace(cards, "count: 2", "count: 3", 1), 1)
	s.refused(err, "expectedVersion", "is 1, and bob saved version 2 on")
	_, err = s.SaveRule(t.Context(), ada, cards, 0)
	s.refused(err, "expectedVersion", "there is a rule cards-tried, version 2 by bob")
	_, err = s.SaveRule(t.Context(), ada, strings.Replace(cards, "cards-tried", "cards", 1), 2)
	s.refused(err, "expectedVersion", "was its id changed?")
	s.refused(s.DeleteRule(t.Context(), ada, "cards-tried", 1), "expectedVersion", "bob saved version 2")
	if r := s.state("cards-tried"); r.Terms.More != 4 || r.Version != 2 {
		t.Errorf("in force is %+v", r.Terms)
	}
}

func TestTheModeOfAnyRuleOutlivesARestartUntilItIsTakenBack(t *testing.T) {
	s := newScene(t)
	mode := func(rule, mode string) {
		t.Helper()
		if err := s.SetRuleMode(t.Context(), ada, rule, mode); err != nil {
			t.Fatal(err)
		}
	}
	mode("honeypot", "shadow")
	for _, when := range []string{"at once", "after a restart", "after a reload"} {
		switch when {
		case "after a restart":
			s.restart()
		case "after a reload":
			if err := s.Revise(policy()); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.ask("203.0.113.9", "GET", "/api/admin", 200); got != 200 {
			t.Errorf("%s it answers %d", when, got)
		}
		if r := s.state("honeypot"); !r.Terms.Shadow || r.Usual.Shadow || r.Set.By != "ada" || r.Origin != RuleBuiltIn {
			t.Errorf("%s it is told as %+v", when, r)
		}
	}
	mode("honeypot", "")
	s.trap("203.0.113.9")
	if r := s.state("honeypot"); r.Terms.Shadow || r.Set.Mode != "" {
		t.Errorf("taken back it is told as %+v", r)
	}
	if e := s.audit(); len(e) != 2 || e[0].Verb != "set mode" || e[0].Object != "rule honeypot" || e[1].Detail != "shadow" {
		t.Errorf("the audit log has %+v", e)
	}
	if err := s.SetRuleMode(t.Context(), ada, "nowhere", "off"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of an unknown rule: %v", err)
	}
}

func TestTheModeOfASavedRuleIsAVersionThatGoesOnCounting(t *testing.T) {
	s := newScene(t)
	s.save(cards+"mode: shadow # to begin with\n", 0)
	if got := s.declined("203.0.113.9", 2); got != 200 {
		t.Fatalf("%d", got)
	}
	if err := s.SetRuleMode(t.Context(), ada, "cards-tried", "enforce"); err != nil {
		t.Fatal(err)
	}
	if got := s.declined("203.0.113.9", 1); got != 403 {
		t.Errorf("what it had counted is lost: %d", got)
	}
	r := s.state("cards-tried")
	if r.Saved.Number != 2 || r.Saved.Change != store.RuleModeSet || r.Version != 1 || !strings.HasSuffix(r.Saved.Definition, "mode: enforce # to begin with\n") {
		t.Errorf("saved %+v, finds version %d", r.Saved, r.Version)
	}
	s.refused(s.SetRuleMode(t.Context(), ada, "cards-tried", ""), "mode", "must be given")
	_, err := s.SaveRule(t.Context(), ada, cards, 1)
	s.refused(err, "expectedVersion", "ada saved version 2")
}

func TestADeletedRuleFindsNothingAndComesBackFromItsHistory(t *testing.T) {
	s := newScene(t)
	s.save(cards, 0)
	if err := s.DeleteRule(t.Context(), ada, "cards-tried", 1); err != nil {
		t.Fatal(err)
	}
	if got := s.declined("203.0.113.9", 5); got != 200 {
		t.Errorf("it still finds: %d", got)
	}
	s.restart()
	gone := s.DeletedRules()
	if len(gone) != 1 || gone[0].Rule != "cards-tried" || gone[0].Number != 2 {
		t.Fatalf("deleted are %+v", gone)
	}
	if err := s.DeleteRule(t.Context(), ada, "cards-tried", 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	s.refused(s.DeleteRule(t.Context(), ada, "honeypot", 0), "rule", "switch it off instead")
	history, err := s.store.RuleVersions(t.Context(), "cards-tried", store.Page{First: 10})
	if err != nil || len(history.Items) != 2 {
		t.Fatalf("its history is %+v, %v", history, err)
	}
	if v := s.save(history.Items[1].Definition, 2); v.Number != 3 || v.Finds != 3 {
		t.Errorf("saved again %+v", v)
	}
	if got := s.declined("203.0.113.10", 3); got != 403 || len(s.DeletedRules()) != 0 {
		t.Errorf("it is not back: %d", got)
	}
}

func TestAStoredRuleThatIsNoLongerReadIsShownAndHarmsNobody(t *testing.T) {
	s := newScene(t)
	s.save(cards, 0)
	old := store.RuleVersion{Rule: "older", Number: 1, Finds: 1, Change: store.RuleSaved, Mode: "enforce", Definition: "id: older\nsince: 0.1\n", By: "bob", At: milli(s.clock.now())}
	if err := s.store.Record(t.Context(), store.Batch{Rules: []store.RuleVersion{old}}); err != nil {
		t.Fatal(err)
	}
	s.restart()
	r := s.state("older")
	if !strings.Contains(r.Failed, "since is no field that there is") || r.Origin != RuleConsole || !r.Terms.Off || r.Saved.Definition != old.Definition {
		t.Errorf("it is told as %+v", r)
	}
	if got := s.declined("203.0.113.9", 3); got != 403 {
		t.Errorf("another rule suffers: %d", got)
	}
	s.refused(s.SetRuleMode(t.Context(), ada, "older", "off"), "rule", "mend that first")
	if v := s.save(strings.Replace(cards, "cards-tried", "older", 1), 1); v.Number != 2 || s.state("older").Failed != "" {
		t.Errorf("it can't be mended: %+v", s.state("older"))
	}
}

func TestARuleWhoseNameAPackTakesIsShownAsFailedUntilThePackLetsGo(t *testing.T) {
	s := newScene(t)
	s.save(cards, 0)
	p := policy()
	p.Packs = append(p.Packs, engine.Rule{ID: "cards-tried", Title: "Theirs", Pack: "shop", On: engine.Answers, Terms: engine.Terms{Severity: engine.Low}})
	if err := s.Revise(p); err != nil {
		t.Fatal(err)
	}
	var failed []RuleState
	for _, r := range s.Rules() {
		if r.ID == "cards-tried" && r.Origin == RuleConsole {
			failed = append(failed, r)
		}
	}
	if len(failed) != 1 || !strings.Contains(failed[0].Failed, "as that of a rule in the pack shop") || failed[0].Title != "Many cards tried" {
		t.Errorf("it is told as %+v", failed)
	}
	if err := s.Revise(policy()); err != nil {
		t.Fatal(err)
	}
	if got := s.declined("203.0.113.9", 3); got != 403 {
		t.Errorf("it did not come back: %d", got)
	}
}

func TestNothingIsInForceThatCouldNotBeWritten(t *testing.T) {
	s := newScene(t)
	s.away.leave()
	if _, err := s.SaveRule(t.Context(), ada, cards, 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("told %v", err)
	}
	if err := s.SetRuleMode(t.Context(), ada, "honeypot", "off"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("told %v", err)
	}
	s.away.come()
	if got := s.declined("203.0.113.9", 3); got != 200 {
		t.Errorf("the rule is in force: %d", got)
	}
	s.trap("203.0.113.10")
}

func TestWhatAnotherNodeSavedIsTakenUpByAReloadAndNotWrittenOver(t *testing.T) {
	s := newScene(t)
	other, err := open(t.Context(), Config{Policy: policy(), Seed: 2, Node: "there", Clock: s.clock.now, Log: slog.New(slog.DiscardHandler)}, s.away)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.SaveRule(t.Context(), By{Name: "bob"}, cards, 0); err != nil {
		t.Fatal(err)
	}
	_, err = s.SaveRule(t.Context(), ada, cards, 0)
	s.refused(err, "expectedVersion", "there is a rule cards-tried, version 1 by bob")
	if err := s.Revise(policy()); err != nil {
		t.Fatal(err)
	}
	if got := s.declined("203.0.113.9", 3); got != 403 {
		t.Errorf("it is not in force here: %d", got)
	}
}
