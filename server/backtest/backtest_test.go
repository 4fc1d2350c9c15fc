package backtest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/backtest"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// noon is when what is stored begins.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// A past is what happened before an engine, and what is stored of it.
type past struct {
	t      testing.TB
	store  *store.Store
	engine *engine.Engine
	policy engine.Policy
	at     time.Time
	n      uint64
	found  []engine.Finding
	rows   []store.Seen
}

func newPast(t testing.TB, change ...func(*engine.Policy)) *past {
	t.Helper()
	p := &past{t: t, at: noon, policy: small()}
	for _, c := range change {
		c(&p.policy)
	}
	var err error
	if p.store, err = store.Open(t.Context(), store.Config{Dir: t.TempDir()}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if p.engine, err = engine.New(p.policy, 7); err != nil {
		t.Fatal(err)
	}
	return p
}

func small() engine.Policy {
	set, err := rules.BuiltIn()
	if err != nil {
		panic(err)
	}
	p := set.Into(engine.Defaults())
	p.Clients, p.Decisions = 1<<12, 1<<12
	return p
}

func terms(rule string, change func(*engine.Terms)) func(*engine.Policy) {
	return func(p *engine.Policy) {
		t := p.Terms(rule)
		change(&t)
		p.Rules[rule] = t
	}
}

func shadow(rule string) func(*engine.Policy) {
	return terms(rule, func(t *engine.Terms) { t.Shadow = true })
}

// alone leaves one rule on.
func alone(rule string) func(*engine.Policy) {
	return func(p *engine.Policy) {
		for _, r := range p.All() {
			t := p.Terms(r.ID)
			t.Off = r.ID != rule
			p.Rules[r.ID] = t
		}
	}
}

// ask sends a request, which the API answers with a status unless the engine refuses it.
func (p *past) ask(client, method, path string, status int, change ...func(*engine.Request)) engine.Verdict {
	p.n++
	folded, _ := engine.Fold(path)
	r := engine.Request{
		ID: uint64(p.at.UnixMilli())<<20 | p.n, At: p.at, Client: netip.MustParseAddr(client),
		Method: method, Path: path, Folded: folded, Route: folded, UserAgent: "app/1", Signs: engine.Referred,
	}
	for _, c := range change {
		c(&r)
	}
	v := p.engine.Decide(r)
	if v.Finding != nil {
		p.found = append(p.found, *v.Finding)
	}
	x := engine.Exchange{Request: r, Status: status, Refused: v.Refused(), Cause: v.Cause, Would: v.Would, Took: time.Millisecond}
	if v.Refused() {
		x.Status = v.Status
	}
	p.found = append(p.found, p.engine.Observe(x)...)
	p.rows = append(p.rows, store.Seen{Exchange: x})
	return v
}

func (p *past) wait(d time.Duration) { p.at = p.at.Add(d) }

// keep what happened in the store.
func (p *past) keep() {
	p.t.Helper()
	for part := range slices.Chunk(p.rows, 1000) {
		if err := p.store.WriteExchanges(p.t.Context(), part); err != nil {
			p.t.Fatal(err)
		}
	}
	p.rows = nil
}

// try a rule on all that is stored from a time on.
func (p *past) try(policy engine.Policy, rule string, from time.Time) backtest.Result {
	p.t.Helper()
	t := backtest.Test{Policy: policy, Rule: rule, From: from, To: p.at.Add(time.Second)}
	traffic, allowed, err := backtest.Stored(p.t.Context(), p.store, t.From, t.To, p.at)
	if err != nil {
		p.t.Fatal(err)
	}
	t.Allowed = allowed
	r, err := backtest.Run(p.t.Context(), t, traffic)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// by are the findings of one rule.
func (p *past) by(rule string) (found []engine.Finding) {
	for _, f := range p.found {
		if f.Rule == rule && !f.Weak {
			found = append(found, f)
		}
	}
	return found
}

// day is a day of an API: people at work, one who guesses passwords, one who knocks at decoys.
func (p *past) day() {
	for i := range 400 {
		person := fmt.Sprintf("198.51.100.%d", 1+i%20)
		p.ask(person, "GET", "/api/balance", 200)
		if i%7 == 0 {
			p.ask(person, "POST", "/api/login", 401)
			p.ask(person, "POST", "/api/login", 200)
		}
		if i > 100 && i < 160 {
			p.ask("203.0.113.9", "POST", "/api/login", 401)
		}
		if i == 120 || i == 300 {
			p.ask("203.0.113.77", "GET", "/api/admin/users", 404)
		}
		p.wait(10 * time.Second)
	}
}

const failed = "failed-authentication"

func TestABacktestFindsWhatTheLiveEngineFound(t *testing.T) {
	for _, mode := range []string{"enforced", "in shadow"} {
		for _, rule := range []string{failed, "honeypot", "rate-abuse"} {
			t.Run(rule+" "+mode, func(t *testing.T) {
				change := []func(*engine.Policy){alone(rule)}
				if mode == "in shadow" {
					change = append(change, shadow(rule))
				}
				p := newPast(t, change...)
				p.day()
				for range 150 {
					p.ask("203.0.113.50", "GET", "/api/history", 200)
					p.wait(20 * time.Millisecond)
				}
				refused, well := 0, 0
				for i := range p.rows {
					if x := &p.rows[i]; x.Cause == rule || x.Would == rule {
						refused++
						if x.Status == 200 {
							well++
						}
					}
				}
				p.keep()
				live := p.by(rule)
				if len(live) == 0 || refused == 0 {
					t.Fatalf("live there were %d findings and %d refusals", len(live), refused)
				}
				r := p.try(p.policy, rule, noon)
				if r.Findings != len(live) || r.Refused != refused || r.WellAnswered != well {
					t.Errorf("found %d, refused %d, %d well answered; live %d, %d, %d", r.Findings, r.Refused, r.WellAnswered, len(live), refused, well)
				}
				first, _ := live[0].Done()
				if h := r.Hits[0]; h.Target != live[0].Actor || !h.At.Equal(live[0].At) || h.Count != live[0].Count || h.Reason != first {
					t.Errorf("the first was %+v\nlive %+v", h, live[0])
				}
				if !r.First.Equal(live[0].At) || !r.Last.Equal(live[len(live)-1].At) {
					t.Errorf("from %s to %s, live from %s to %s", r.First, r.Last, live[0].At, live[len(live)-1].At)
				}
			})
		}
	}
}

func TestARuleInShadowAmidAllOthersCountsAsItsBacktestDoes(t *testing.T) {
	p := newPast(t, shadow(failed))
	p.day()
	p.keep()
	r := p.try(p.policy, failed, noon)
	for _, w := range p.engine.WouldHave() {
		if w.Rule == failed && (int64(r.Findings) != w.Findings || int64(r.Refused) != w.Requests || w.Requests == 0) {
			t.Errorf("the backtest has %d findings and %d requests, live there were %+v", r.Findings, r.Refused, w)
		}
	}
}

func TestWhatOthersRefusedCountsForNothing(t *testing.T) {
	p := newPast(t)
	p.ask("203.0.113.9", "GET", "/api/admin", 200)
	for range 20 {
		p.wait(time.Second)
		if v := p.ask("203.0.113.9", "POST", "/api/login", 401); !v.Refused() {
			t.Fatal("he is not blocked")
		}
	}
	p.keep()
	r := p.try(p.policy, failed, noon)
	if r.Findings != 0 || r.Refused != 0 || r.Rows != 21 || !said(r, "21 requests of the window were refused by others") {
		t.Errorf("%+v", r)
	}
}

func TestOtherTermsHitOthersAndSayWhatCanNotBeKnown(t *testing.T) {
	p := newPast(t, alone(failed))
	for range 9 {
		p.ask("203.0.113.9", "POST", "/api/login", 401)
		p.wait(time.Second)
	}
	for i := range 9 {
		p.ask("198.51.100.7", "POST", "/api/login", []int{401, 200, 200}[i%3])
		p.wait(time.Second)
	}
	p.keep()
	three, eight := 2, 8
	strict, err := backtest.Terms{More: &three}.Under(p.policy, failed)
	must(t, err)
	r := p.try(strict, failed, noon)
	if r.Hit != 2 || r.Clients != 2 || r.Hits[1].Name != "198.51.100.7" || r.Refused != 6+2 || r.WellAnswered != 2 {
		t.Errorf("with a limit of two: %+v", r)
	}
	lax, err := backtest.Terms{More: &eight}.Under(p.policy, failed)
	must(t, err)
	if r = p.try(lax, failed, noon); r.Hit != 0 || !said(r, "3 requests were refused by this rule then") {
		t.Errorf("with a limit of eight: %+v", r)
	}
	if _, err := (backtest.Terms{More: new(int)}).Under(p.policy, failed); err == nil || !strings.Contains(err.Error(), "rules.failed-authentication.more") {
		t.Errorf("a limit of none is %v", err)
	}
}

func TestWhatCameBeforeTheWindowIsCountedAndNotTold(t *testing.T) {
	p := newPast(t, alone(failed), shadow(failed))
	for range 4 {
		p.ask("203.0.113.9", "POST", "/api/login", 401)
		p.ask("203.0.113.10", "POST", "/api/login", 401)
		p.ask("203.0.113.10", "POST", "/api/login", 401)
		p.wait(time.Second)
	}
	from := p.at
	for range 3 {
		p.ask("203.0.113.9", "POST", "/api/login", 401)
		p.ask("203.0.113.10", "GET", "/api/balance", 200)
		p.wait(time.Second)
	}
	p.keep()
	r := p.try(p.policy, failed, from)
	if r.Before != 12 || r.Rows != 6 || r.Findings != 1 || !r.First.Equal(from.Add(time.Second)) {
		t.Errorf("%+v", r)
	}
	if r.Hit != 2 || r.Refused != 4 || r.WellAnswered != 3 {
		t.Errorf("whoever was blocked before the window: %+v", r.Hits)
	}
}

func TestWhoIsAllowedIsLeftOut(t *testing.T) {
	p := newPast(t, alone(failed), shadow(failed))
	for range 9 {
		p.ask("203.0.113.9", "POST", "/api/login", 401)
		p.wait(time.Second)
	}
	p.keep()
	must(t, p.store.Record(t.Context(), store.Batch{Decisions: []engine.Decision{{
		ID: "D-ALLOW00000000", Action: engine.Allow, Origin: engine.ByOperator, From: p.at,
		Target: engine.Target{Network: netip.MustParsePrefix("203.0.113.9/32")},
	}}}))
	if r := p.try(p.policy, failed, noon); r.Findings != 0 || !said(r, "allow list") {
		t.Errorf("%+v", r)
	}
}

const drained = `
id: balances-drained
title: Balances drained
explains: An account reads more than three balances in a minute.
when: {route: /api/balance, where: status == 200}
by: account
count: 3
within: 1m
severity: HIGH
do: block
for: 1h
`

func TestARuleThatThereIsNotYetIsTried(t *testing.T) {
	p := newPast(t)
	for range 8 {
		p.ask("203.0.113.9", "GET", "/api/balance", 200, func(r *engine.Request) { r.Account = "ada" })
		p.wait(time.Second)
	}
	p.keep()
	rule, err := rules.ReadOne("mine.yml", []byte(drained), "")
	must(t, err)
	policy, err := backtest.Defined(p.policy, rule)
	must(t, err)
	r := p.try(policy, rule.ID, noon)
	if r.Findings != 1 || r.Accounts != 1 || r.Hits[0].Name != `account "ada"` || r.Refused != 4 || r.WellAnswered != 4 {
		t.Errorf("%+v", r)
	}
	if len(p.engine.Policy().Packs) == len(policy.Packs) {
		t.Error("the policy in force has the rule")
	}
}

func TestHostileDefinitionsAreRefusedOrBounded(t *testing.T) {
	p := newPast(t)
	for i := range 400 {
		p.ask(fmt.Sprintf("10.%d.%d.1", i/250, i%250), "GET", fmt.Sprintf("/p/%d", i), 200)
		p.wait(time.Millisecond)
	}
	p.keep()
	for change, says := range map[string]string{
		"id: failed-authentication":        "built-in rule",
		"count: 9999999":                   "count",
		"within: 9000h":                    "within",
		"by: [account, account]":           "by",
		"for: 99999999h":                   "for",
		"id: " + strings.Repeat("a", 9999): "id",
		"when: {where: '[1,2,3,4,5,6].all(a,[1,2,3,4,5,6].all(b,[1,2,3,4,5,6].all(c,[1,2,3,4,5,6].all(d,path.contains(user_agent)))))'}": "where",
		"when: {where: path.matches(user_agent)}": "where",
	} {
		field, _, _ := strings.Cut(change, ":")
		lines := strings.Split(strings.TrimSpace(drained), "\n")
		for i := range lines {
			if strings.HasPrefix(lines[i], field+":") {
				lines[i] = change
			}
		}
		rule, err := rules.ReadOne("mine.yml", []byte(strings.Join(lines, "\n")), "")
		if err == nil {
			_, err = backtest.Defined(p.policy, rule)
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v", change, err)
		}
	}
	everybody := strings.NewReplacer("route: /api/balance, where: status == 200", "", "count: 3", "count: 0", "within: 1m", "", "by: account", "by: client").Replace(drained)
	rule, err := rules.ReadOne("mine.yml", []byte(everybody), "")
	must(t, err)
	policy, err := backtest.Defined(p.policy, rule)
	must(t, err)
	policy.Clients, policy.Decisions = 1<<15, 1<<15
	if r := p.try(policy, rule.ID, noon); r.Hit != 400 || len(r.Hits) != 100 {
		t.Errorf("hit %d, told %d", r.Hit, len(r.Hits))
	}
}

func TestWhoEndsItGetsNothingAndWhoRunsOutOfTimeGetsAPart(t *testing.T) {
	p := newPast(t)
	for range 5000 {
		p.ask("198.51.100.3", "GET", "/api/balance", 200)
		p.wait(time.Second)
	}
	p.keep()
	test := backtest.Test{Policy: p.policy, Rule: failed, From: noon, To: p.at}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := backtest.Run(ctx, test, func(ctx context.Context, do func(*engine.Exchange) error) (bool, error) {
		return p.store.EachInOrder(ctx, noon, p.at, backtest.MostRows, func(x *engine.Exchange) error {
			if n++; n == 2000 {
				cancel()
			}
			return do(x)
		})
	})
	if !errors.Is(err, context.Canceled) || n > 4000 {
		t.Errorf("after %d exchanges: %v", n, err)
	}
	n = 0
	r, err := backtest.Run(t.Context(), test, func(ctx context.Context, do func(*engine.Exchange) error) (bool, error) {
		return p.store.EachInOrder(ctx, noon, p.at, backtest.MostRows, func(x *engine.Exchange) error {
			if n++; n == 2000 {
				return context.DeadlineExceeded
			}
			return do(x)
		})
	})
	if err != nil || r.Rows != 1999 || r.Cut == "" || !r.Until.Equal(noon.Add(1998*time.Second)) {
		t.Errorf("%v, %d rows until %s, %q", err, r.Rows, r.Until, r.Cut)
	}
	r, err = backtest.Run(t.Context(), test, func(ctx context.Context, do func(*engine.Exchange) error) (bool, error) {
		return p.store.EachInOrder(ctx, noon, p.at, 3000, do)
	})
	if err != nil || r.Rows != 3000 || !strings.Contains(r.Cut, "shorter window") {
		t.Errorf("%v, %d rows, %q", err, r.Rows, r.Cut)
	}
}

func TestAnImpactTellsWhoIsNewlyHitAndWhoIsNot(t *testing.T) {
	p := newPast(t, alone(failed), shadow(failed))
	for i := range 12 {
		p.ask("203.0.113.9", "POST", "/api/login", 401)
		if i < 4 {
			p.ask("198.51.100.7", "POST", "/api/login", 401)
		}
		p.wait(time.Second)
	}
	p.keep()
	compare := func(before, after engine.Policy) backtest.Impact {
		t.Helper()
		b := backtest.Test{Policy: before, Rule: failed, From: noon, To: p.at}
		a := b
		a.Policy = after
		traffic, _, err := backtest.Stored(t.Context(), p.store, noon, p.at, p.at)
		must(t, err)
		i, err := backtest.Compare(t.Context(), b, a, traffic)
		must(t, err)
		return i
	}
	enforced := p.policy
	enforced.Rules = map[string]engine.Terms{}
	for id, t := range p.policy.Rules {
		t.Shadow = false
		enforced.Rules[id] = t
	}
	i := compare(p.policy, enforced)
	if i.Before.Findings != 1 || i.Before.Refused != 0 || i.Before.Hit != 0 || i.After.Hit != 1 || i.After.Refused != 6 || len(i.NewlyHit) != 1 || len(i.NoLongerHit) != 0 {
		t.Errorf("from shadow to enforcing: %+v", i)
	}
	three := 3
	strict, err := backtest.Terms{More: &three}.Under(enforced, failed)
	must(t, err)
	i = compare(enforced, strict)
	if len(i.NewlyHit) != 1 || i.NewlyHit[0].Name != "198.51.100.7" || i.After.Refused != 8 {
		t.Errorf("from five to three: %+v", i)
	}
	i = compare(strict, enforced)
	if len(i.NoLongerHit) != 1 || len(i.NewlyHit) != 0 {
		t.Errorf("from three to five: %+v", i)
	}
}

func said(r backtest.Result, what string) bool {
	return slices.ContainsFunc(r.Untold, func(s string) bool { return strings.Contains(s, what) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkBacktestOf200000Rows(b *testing.B) {
	p := newPast(b)
	for i := range 200_000 {
		status := 200
		if i%11 == 0 {
			status = 401
		}
		p.ask(fmt.Sprintf("198.18.%d.%d", i%200, i/200%250), "GET", fmt.Sprintf("/api/accounts/%d", i%500), status)
		p.wait(50 * time.Millisecond)
	}
	p.keep()
	policy := p.policy
	policy.Clients = 1 << 17
	for b.Loop() {
		if r := p.try(policy, failed, noon); r.Rows != 200_000 {
			b.Fatalf("%d rows", r.Rows)
		}
	}
	b.ReportMetric(200_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
