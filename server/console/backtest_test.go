package console_test

import (
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const tried = `{rule title explanation cut figures{findings hit clients accounts refused wellAnswered} firstAt lastAt played learned untold
	hours{at findings refused} hits{target{label} client at lastAt findings count limit acts reason refused wellAnswered}}`

type backtested struct {
	Rule, Title, Explanation string
	Cut                      *string
	Figures                  struct{ Findings, Hit, Clients, Accounts, Refused, WellAnswered int }
	Played, Learned          int
	Untold                   []string
	Hours                    []struct{ Findings, Refused int }
	Hits                     []struct {
		Target         struct{ Label string }
		Client, Reason string
		Count, Refused int
		Acts           bool
	}
}

// guessed is a house in which somebody has guessed nine passwords while the rule was in shadow,
// and looked at a balance then.
func guessed(t *testing.T) *house {
	h := open(t)
	p := h.guard.Policy()
	terms := p.Terms("failed-authentication")
	terms.Shadow = true
	p.Rules = map[string]engine.Terms{"failed-authentication": terms}
	h.must(h.guard.Revise(p))
	for range 9 {
		h.supposed(exchange("203.0.113.9", "POST", "/api/login", 401))
	}
	h.supposed(exchange("203.0.113.9", "GET", "/api/balance", 200))
	h.flush()
	return h
}

func TestABacktestCountsAsTheShadowDid(t *testing.T) {
	h := guessed(t)
	var out struct {
		Backtest backtested
		Rules    []struct {
			ID        string
			WouldHave struct{ Findings, Requests int }
		}
	}
	h.mustAsk(&out, `{backtest(rule:{rule:"failed-authentication"},window:"1h")`+tried+` rules{id wouldHave{findings requests}}}`, nil)
	b := out.Backtest
	if b.Cut != nil || b.Played != 10 || len(b.Hits) != 1 || b.Hits[0].Target.Label != "203.0.113.9" || b.Hits[0].Count != 6 || !b.Hits[0].Acts || b.Figures.WellAnswered != 1 {
		t.Errorf("%+v", b)
	}
	if strings.Contains(b.Hits[0].Reason, "shadow") || strings.Contains(b.Explanation, "shadow") {
		t.Errorf("%q, %q", b.Hits[0].Reason, b.Explanation)
	}
	for _, r := range out.Rules {
		if r.ID == "failed-authentication" && (r.WouldHave.Findings != b.Figures.Findings || r.WouldHave.Requests != b.Figures.Refused || b.Figures.Refused != 4) {
			t.Errorf("the shadow counted %+v, the backtest %+v", r.WouldHave, b.Figures)
		}
	}
}

func TestADefinitionIsTriedAndNothingOfItStays(t *testing.T) {
	h := guessed(t)
	const definition = `{"id": "a-login", "title": "A login", "explains": "Somebody signs in.", "when": {"route": "/api/login", "status": "4xx"}, "count": 2, "within": "1m", "severity": "LOW", "do": "block", "for": "1h"}`
	var out struct{ Backtest backtested }
	const ask = `query($d:String!,$t:TermsInput){backtest(rule:{definition:$d,terms:$t})` + tried + `}`
	h.mustAsk(&out, ask, map[string]any{"d": definition})
	if b := out.Backtest; b.Rule != "a-login" || b.Figures.Refused != 7 || b.Hits[0].Count != 3 {
		t.Errorf("%+v", b)
	}
	h.mustAsk(&out, ask, map[string]any{"d": definition, "t": map[string]any{"limit": 7, "action": "NOTHING"}})
	if b := out.Backtest; b.Figures.Findings != 1 || b.Figures.Refused != 0 || b.Hits[0].Acts || b.Hits[0].Count != 8 {
		t.Errorf("%+v", b)
	}
	for _, r := range h.guard.Policy().All() {
		if r.ID == "a-login" {
			t.Error("it is in force")
		}
	}
}

func TestAnImpactIsToldAgainstTheTermsInForce(t *testing.T) {
	h := guessed(t)
	var out struct {
		Impact struct {
			Before, After         struct{ Findings, Hit, Refused int }
			NewlyHit, NoLongerHit []struct{ Target struct{ Label string } }
			MoreNewlyHit          int
			Played                backtested
		}
	}
	const ask = `query($m:RuleMode,$t:TermsInput){impact(rule:"failed-authentication",mode:$m,terms:$t){before{findings hit refused} after{findings hit refused}
		newlyHit{target{label}} noLongerHit{target{label}} moreNewlyHit played` + tried + `}}`
	h.mustAsk(&out, ask, map[string]any{"m": "ENFORCE"})
	i := out.Impact
	if i.Before.Refused != 0 || i.Before.Hit != 0 || i.After.Refused != 4 || i.After.Hit != 1 || len(i.NewlyHit) != 1 || i.NewlyHit[0].Target.Label != "203.0.113.9" {
		t.Errorf("to enforcing: %+v", i)
	}
	h.mustAsk(&out, ask, map[string]any{"m": "OFF"})
	if i = out.Impact; i.Before.Findings != 1 || i.After.Findings != 0 || len(i.NewlyHit) != 0 {
		t.Errorf("to off: %+v", i)
	}
	if h.guard.Policy().Terms("failed-authentication").Off {
		t.Error("asking has switched it off")
	}
	h.mustAsk(&out, ask, map[string]any{"m": "ENFORCE", "t": map[string]any{"limit": 9}})
	if i = out.Impact; i.After.Hit != 0 || len(i.NewlyHit) != 0 {
		t.Errorf("to nine: %+v", i)
	}
}

func TestWhatCanNotBeTriedSaysWhy(t *testing.T) {
	h := guessed(t)
	for _, c := range []struct{ ask, field, says string }{
		{`{backtest(rule:{}){rule}}`, "rule", "either the ID of a rule or a definition"},
		{`{backtest(rule:{rule:"honeypot",definition:"id: a"}){rule}}`, "rule", "either"},
		{`{backtest(rule:{rule:"nothing"}){rule}}`, "rule", "none that there is"},
		{`{backtest(rule:{definition:"id: [a"}){rule}}`, "rule.definition", "not YAML"},
		{`{backtest(rule:{definition:"id: honeypot"}){rule}}`, "rule.definition", "built-in"},
		{`{backtest(rule:{definition:"&a [*a, *a]"}){rule}}`, "rule.definition", "anchor"},
		{`{backtest(rule:{rule:"failed-authentication",terms:{limit:0}}){rule}}`, "terms.limit", "must be 1 to"},
		{`{backtest(rule:{rule:"failed-authentication",terms:{within:"90d"}}){rule}}`, "terms.within", "must be 1 second"},
		{`{backtest(rule:{rule:"honeypot"},window:"99d"){rule}}`, "window", ""},
		{`{impact(rule:"nothing"){before{hit}}}`, "rule", "none that there is"},
		{`{impact(rule:"honeypot",terms:{limit:4}){before{hit}}}`, "terms.limit", "must be 0"},
	} {
		errs := h.ask(nil, c.ask, nil)
		if len(errs) != 1 || errs[0].Extensions.Code != "INVALID" || errs[0].Extensions.Field != c.field || !strings.Contains(errs[0].Message, c.says) {
			t.Errorf("%s: %+v", c.ask, errs)
		}
	}
}
