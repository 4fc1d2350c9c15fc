package engine

import (
	"net/netip"
	"testing"
	"time"
)

// noon is when tests begin.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// A play is an engine and what happens to it, in order.
type play struct {
	*testing.T
	*Engine
	at    time.Time
	next  uint64
	hears func(Finding) // what is said; nil for nobody
}

// Decide as the engine does, and let what it says be heard.
func (p *play) Decide(r Request) Verdict {
	v := p.Engine.Decide(r)
	if p.hears != nil && v.Finding != nil {
		p.hears(*v.Finding)
	}
	return v
}

// Observe likewise.
func (p *play) Observe(x Exchange) []Finding {
	found := p.Engine.Observe(x)
	if p.hears != nil {
		for _, f := range found {
			p.hears(f)
		}
	}
	return found
}

func newPlay(t *testing.T, change ...func(*Policy)) *play {
	t.Helper()
	return &play{T: t, Engine: newEngine(t, change...), at: noon}
}

func newEngine(t testing.TB, change ...func(*Policy)) *Engine {
	t.Helper()
	p := Defaults()
	p.Clients = 4096
	for _, f := range change {
		f(&p)
	}
	e, err := New(p, 7)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// with changes the terms of a rule.
func terms(rule string, change func(*Terms)) func(*Policy) {
	return func(p *Policy) {
		t := p.Rules[rule]
		change(&t)
		p.Rules[rule] = t
	}
}

func (p *play) wait(d time.Duration) { p.at = p.at.Add(d) }

// ask sends a request as the exchange says, now, from that client.
func (p *play) ask(client string, r Request) (Request, Verdict) {
	p.next++
	r.ID, r.At, r.Client = p.next, p.at, netip.MustParseAddr(client)
	if r.Method == "" {
		r.Method = "GET"
	}
	if r.Path == "" {
		r.Path = "/api/history"
	}
	r.Folded, _ = Fold(r.Path)
	return r, p.Decide(r)
}

func (p *play) get(client, path string) Verdict {
	_, v := p.ask(client, Request{Path: path})
	return v
}

// exchange is a request, answered by the API with that status unless it is refused.
func (p *play) exchange(client string, r Request, status int) (Verdict, []Finding) {
	r, v := p.ask(client, r)
	x := Exchange{Request: r, Status: status, Would: v.Would}
	if v.Refused() {
		x.Status, x.Refused, x.Cause = v.Status, true, v.Cause
	}
	return v, p.Observe(x)
}

func (p *play) fail(client string) []Finding {
	_, f := p.exchange(client, Request{Path: "/api/login", Method: "POST"}, 401)
	return f
}

func (p *play) passes(v Verdict) {
	p.Helper()
	if v.Refused() {
		p.Fatalf("refused with %d by %s, want it to pass", v.Status, v.Cause)
	}
}

func (p *play) refuses(v Verdict, status int, cause string) {
	p.Helper()
	if v.Status != status || v.Cause != cause {
		p.Fatalf("got %d by %q, want %d by %q", v.Status, v.Cause, status, cause)
	}
	if len(v.Reference) != 15 {
		p.Fatalf("the reference of a refusal is %q", v.Reference)
	}
}

func (p *play) would(v Verdict, cause string) {
	p.Helper()
	if v.Refused() || v.Would != cause || v.Reference != "" || v.RetryAfter != 0 {
		p.Fatalf("got %+v, want it to pass and to say %q", v, cause)
	}
}

// wouldHave checks what would have been done for a cause.
func (p *play) wouldHave(cause string, findings, requests int64) {
	p.Helper()
	for _, w := range p.WouldHave() {
		if w.Rule == cause {
			if w.Findings != findings || w.Requests != requests {
				p.Errorf("%s would have found %d and refused %d, want %d and %d", cause, w.Findings, w.Requests, findings, requests)
			}
			return
		}
	}
	p.Errorf("nothing is said of %s", cause)
}

func (p *play) revise(change ...func(*Policy)) {
	p.Helper()
	q := p.Policy().clone()
	for _, f := range change {
		f(&q)
	}
	if err := p.Revise(q); err != nil {
		p.Fatal(err)
	}
}

// finds what says something by itself.
func (p *play) finds(found []Finding, rules ...string) {
	p.Helper()
	found = strong(found)
	if len(found) != len(rules) {
		p.Fatalf("found %v, want %v", found, rules)
	}
	for i, f := range found {
		if f.Rule != rules[i] {
			p.Fatalf("found %s, want %s", f.Rule, rules[i])
		}
	}
}

func network(s string) Target { return Target{Network: netip.MustParsePrefix(s)} }

func key(s string) Key {
	k := Key{Prefix: s[:min(len(s), 8)]}
	copy(k.Hash[:], s)
	return k
}

func decision(id string, do Action, t Target, until time.Time) Decision {
	return Decision{ID: id, Action: do, Target: t, Origin: ByOperator, By: "ada", From: noon, Until: until}
}
