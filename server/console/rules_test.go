package console_test

import (
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const ruleFields = `{id title version pack origin mode usualMode failed explanation severity by modeSet{by at} saved{number finds change mode definition by at} wouldHave{findings requests}}`

type listedRule struct {
	ID, Title, Pack, Origin, Mode, UsualMode, Explanation string
	Version                                               int
	Failed                                                *string
	ModeSet                                               *struct{ By string }
	Saved                                                 *savedVersion
	WouldHave                                             struct{ Findings, Requests int }
}

type savedVersion struct {
	Rule, Change, Mode, Definition, By string
	Number, Finds                      int
}

const logins = `id: logins-tried
title: Many logins tried
explains: One client is refused three times.
when: {route: /api/login, status: 4xx}
count: 2
within: 10m
severity: LOW
do: block
for: 1h
mode: shadow
`

const saveRule = `mutation($d:String!,$v:Int!){saveRule(input:{definition:$d,expectedVersion:$v})` + ruleFields + `}`

func (h *house) saveRule(definition string, expected int) (listedRule, []problem) {
	h.t.Helper()
	var out struct{ SaveRule listedRule }
	wrong := h.ask(&out, saveRule, map[string]any{"d": definition, "v": expected})
	return out.SaveRule, wrong
}

func (h *house) listed(id string) *listedRule {
	h.t.Helper()
	var out struct{ Rules []listedRule }
	h.mustAsk(&out, `{rules`+ruleFields+`}`, nil)
	for _, r := range out.Rules {
		if r.ID == id {
			return &r
		}
	}
	return nil
}

func TestARuleIsWrittenTriedEnforcedAndDeletedInTheConsole(t *testing.T) {
	h := open(t)
	r, wrong := h.saveRule(logins, 0)
	if len(wrong) > 0 || r.Origin != "CONSOLE" || r.Mode != "SHADOW" || r.Saved == nil || r.Saved.Number != 1 || r.Saved.By != "demo admin" || r.Saved.Definition != logins {
		t.Fatalf("saved %+v, %v", r, wrong)
	}
	for range 4 {
		h.supposed(exchange("203.0.113.9", "POST", "/api/login", 401))
	}
	if r := h.listed("logins-tried"); r == nil || r.WouldHave.Findings == 0 || r.WouldHave.Requests != 1 || !strings.Contains(r.Explanation, "shadow") {
		t.Errorf("in shadow it is told as %+v", r)
	}
	var set struct{ SetRuleMode listedRule }
	h.mustAsk(&set, `mutation{setRuleMode(rule:"logins-tried",mode:ENFORCE)`+ruleFields+`}`, nil)
	if r := set.SetRuleMode; r.Mode != "ENFORCE" || r.Saved.Number != 2 || r.Saved.Change != "MODE_SET" || r.Version != 1 || !strings.Contains(r.Saved.Definition, "mode: enforce") {
		t.Errorf("enforcing it is told as %+v", r)
	}
	if v := h.traffic(exchange("203.0.113.9", "POST", "/api/login", 401)); v.Refused() {
		t.Error("refused before it was over the limit again")
	}
	if v := h.traffic(exchange("203.0.113.9", "GET", "/api/balance", 200)); !v.Refused() {
		t.Error("it is not enforced")
	}
	var gone struct {
		DeleteRule   string
		DeletedRules []savedVersion
		RuleVersions struct {
			TotalCount int
			Edges      []struct{ Node savedVersion }
		}
	}
	h.mustAsk(&gone, `mutation{deleteRule(rule:"logins-tried",expectedVersion:2)}`, nil)
	h.mustAsk(&gone, `{deletedRules{rule number change} ruleVersions(rule:"logins-tried"){totalCount edges{node{rule number change definition by}}}}`, nil)
	if h.listed("logins-tried") != nil || len(gone.DeletedRules) != 1 || gone.DeletedRules[0].Number != 3 || gone.RuleVersions.TotalCount != 3 {
		t.Errorf("deleted it is told as %+v", gone)
	}
	first := gone.RuleVersions.Edges[2].Node
	if first.Definition != logins || first.Number != 1 || first.Change != "SAVED" {
		t.Errorf("the first version is %+v", first)
	}
	if r, wrong := h.saveRule(first.Definition, 3); len(wrong) > 0 || r.Saved.Number != 4 || r.Mode != "SHADOW" {
		t.Errorf("brought back as %+v, %v", r, wrong)
	}
}

func TestTwoWhoEditOneRuleAreToldOfEachOther(t *testing.T) {
	h := open(t)
	h.saveRule(logins, 0)
	h.saveRule(strings.Replace(logins, "count: 2", "count: 5", 1), 1)
	_, wrong := h.saveRule(strings.Replace(logins, "count: 2", "count: 3", 1), 1)
	if len(wrong) != 1 || wrong[0].Extensions.Code != "INVALID" || wrong[0].Extensions.Field != "input.expectedVersion" || !strings.Contains(wrong[0].Message, "demo admin saved version 2") {
		t.Errorf("told %+v", wrong)
	}
}

func TestADefinitionIsCheckedWhileItIsWritten(t *testing.T) {
	h := open(t)
	type check struct {
		Rule, Explanation *string
		Mistakes          []struct {
			Field, Problem string
			Line           *int
		}
		Scenarios []struct {
			Name, Problem string
			Requests      int
			FiredAt       *int
		}
	}
	ask := func(definition string) check {
		t.Helper()
		var out struct{ CheckRule check }
		h.mustAsk(&out, `query($d:String!){checkRule(definition:$d){rule explanation mistakes{field line problem} scenarios{name requests firedAt problem}}}`, map[string]any{"d": definition})
		return out.CheckRule
	}
	c := ask(strings.Replace(strings.Replace(logins, "status: 4xx", "where: statu > 1", 1), "LOW", "GRAVE", 1))
	if c.Rule != nil || len(c.Mistakes) != 2 || c.Mistakes[0].Field != "when.where" || *c.Mistakes[0].Line != 4 || !strings.Contains(c.Mistakes[0].Problem, "at 1:1: statu is neither") || *c.Mistakes[1].Line != 7 {
		t.Errorf("told %+v", c)
	}
	c = ask(logins + "shows: [{request: POST /api/login, status: 401, times: 3}]\nnearly: [{request: POST /api/login, status: 401, times: 4}]\n")
	if len(c.Mistakes) != 0 || c.Rule == nil || !strings.Contains(*c.Explanation, "more than 2") && !strings.Contains(*c.Explanation, "three") {
		t.Errorf("told %+v", c)
	}
	if len(c.Scenarios) != 2 || *c.Scenarios[0].FiredAt != 3 || c.Scenarios[0].Problem != "" || !strings.Contains(c.Scenarios[1].Problem, "honest traffic") {
		t.Errorf("played %+v", c.Scenarios)
	}
	if c = ask(strings.Replace(logins, "logins-tried", "honeypot", 1)); len(c.Mistakes) != 1 || c.Mistakes[0].Field != "id" {
		t.Errorf("of a built-in id: %+v", c)
	}
	if h.listed("logins-tried") != nil {
		t.Error("looking has saved it")
	}
}

func TestTheModeOfABuiltInRuleIsSetAndTakenBack(t *testing.T) {
	h := open(t)
	var out struct{ SetRuleMode listedRule }
	const set = `mutation($m:RuleMode){setRuleMode(rule:"honeypot",mode:$m)` + ruleFields + `}`
	h.mustAsk(&out, set, map[string]any{"m": "OFF"})
	if r := out.SetRuleMode; r.Origin != "BUILT_IN" || r.Mode != "OFF" || r.UsualMode != "ENFORCE" || r.ModeSet == nil || r.ModeSet.By != "demo admin" || r.Saved != nil {
		t.Errorf("told %+v", r)
	}
	if v := h.traffic(exchange("203.0.113.9", "GET", "/api/admin", 200)); v.Refused() {
		t.Error("it still refuses")
	}
	h.mustAsk(&out, set, nil)
	if r := out.SetRuleMode; r.Mode != "ENFORCE" || r.ModeSet != nil {
		t.Errorf("taken back: %+v", r)
	}
	if v := h.traffic(exchange("203.0.113.9", "GET", "/api/admin", 200)); !v.Refused() {
		t.Error("it does not refuse")
	}
	for document, code := range map[string]string{
		`mutation{setRuleMode(rule:"nowhere",mode:OFF){id}}`:         "NOT_FOUND",
		`mutation{deleteRule(rule:"honeypot",expectedVersion:0)}`:    "INVALID",
		`mutation{deleteRule(rule:"nowhere",expectedVersion:0)}`:     "NOT_FOUND",
		`mutation{saveRule(input:{definition:"id: [",}){id}}`:        "INVALID",
		`{ruleVersions(rule:"honeypot",first:501){totalCount}}`:      "INVALID",
		`{a:checkRule(definition:""){rule} ruleVersions(rule:1){x}}`: "INVALID",
	} {
		if wrong := h.ask(new(any), document, nil); len(wrong) != 1 || wrong[0].Extensions.Code != code {
			t.Errorf("%s: %+v", document, wrong)
		}
	}
}

func TestRulesSayWhereTheyComeFrom(t *testing.T) {
	h := open(t)
	p := engine.Defaults()
	p.Packs = append(p.Packs, engine.Rule{ID: "theirs", Title: "Theirs", Pack: "shop", On: engine.Answers, Terms: engine.Terms{Severity: engine.Low}})
	h.must(h.guard.Revise(p))
	h.saveRule(logins, 0)
	for id, origin := range map[string]string{"rate-abuse": "BUILT_IN", "theirs": "FILE", "logins-tried": "CONSOLE"} {
		if r := h.listed(id); r == nil || r.Origin != origin {
			t.Errorf("%s: %+v", id, r)
		}
	}
}

func TestAnExpressionThatCannotBeEvaluatedIsTold(t *testing.T) {
	h := open(t)
	const divides = `id: divides
title: Divides
explains: It divides by how far a status is from 401.
when: {where: 1000 / (status - 401) > 3}
severity: LOW
`
	if _, wrong := h.saveRule(divides, 0); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	var out struct {
		Health struct {
			Unevaluated []struct {
				Rule  string
				Times int
			}
		}
	}
	const asked = `{health{unevaluated{rule times}}}`
	if h.mustAsk(&out, asked, nil); len(out.Health.Unevaluated) != 0 {
		t.Errorf("before anything came %v", out)
	}
	for range 3 {
		h.traffic(exchange("203.0.113.9", "POST", "/api/login", 401))
	}
	h.traffic(exchange("203.0.113.9", "GET", "/api/balance", 200))
	if h.mustAsk(&out, asked, nil); len(out.Health.Unevaluated) != 1 || out.Health.Unevaluated[0].Rule != "divides" || out.Health.Unevaluated[0].Times != 3 {
		t.Errorf("told is %+v", out.Health)
	}
}
