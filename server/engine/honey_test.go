package engine

import (
	"testing"
	"time"
)

const honeyRule = "honey-token"

func decoys(p *Policy) { p.DecoyKeys, p.DecoyAccounts = []Key{key("backup")}, []string{"treasury"} }

func TestADecoyKeyIsRefusedAndBlocksWhoUsesIt(t *testing.T) {
	p := newPlay(t, decoys)
	r, v := p.ask(attacker, Request{Key: key("backup")})
	p.refuses(v, 403, honeyRule)
	f := v.Finding
	if f == nil || f.Decision == nil || f.Severity != Critical || f.Actor != network(attacker+"/32") {
		t.Fatalf("the finding is %+v", f)
	}
	if want := `198.18.0.7 used key "backup", a decoy that was given to nobody.`; f.Reason != want {
		t.Errorf("the reason is %q, want %q", f.Reason, want)
	}
	p.refuses(p.get(attacker, ""), 403, honeyRule)
	p.finds(p.Observe(Exchange{Request: r, Status: 403, Refused: true}))
	p.wait(time.Hour)
	p.passes(p.get(attacker, ""))
}

func TestARealKeyOnADecoyAccountIsSuspended(t *testing.T) {
	p := newPlay(t, decoys)
	_, v := p.ask(attacker, Request{Key: key("stolen"), Account: "treasury"})
	p.refuses(v, 403, honeyRule)
	if v.Finding.Actor.Key != key("stolen") || v.Finding.Decision.Target.Key != key("stolen") {
		t.Errorf("the finding is %+v", v.Finding)
	}
	_, v = p.ask("203.0.113.9", Request{Key: key("stolen")})
	p.refuses(v, 403, honeyRule)
	p.passes(p.get(attacker, ""))
}

func TestADecoyAccountInABodyIsFoundWithTheAnswer(t *testing.T) {
	p := newPlay(t, decoys)
	r, v := p.ask(attacker, Request{Method: "POST", Path: "/api/login"})
	p.passes(v)
	r.Account = "treasury" // read after the judgement
	p.finds(p.Observe(Exchange{Request: r, Status: 401}), honeyRule)
	p.refuses(p.get(attacker, ""), 403, honeyRule)
}

func TestInShadowADecoyIsToldOnce(t *testing.T) {
	p := newPlay(t, decoys, func(p *Policy) { p.Observe = true })
	for n := range 3 {
		v, found := p.exchange(attacker, Request{Key: key("backup")}, 200)
		p.passes(v)
		p.finds(found)
		if (v.Finding != nil) != (n == 0) {
			t.Errorf("told with request %d: %v", n+1, v.Finding != nil)
		}
	}
}

func TestOtherKeysAndAccountsAreNoDecoys(t *testing.T) {
	for _, change := range []func(*Policy){decoys, func(*Policy) {}} {
		p := newPlay(t, change)
		for _, r := range []Request{{}, {Key: key("backup2"), Account: "treasury2"}, {Account: "treasurer"}} {
			v, found := p.exchange(person, r, 200)
			p.passes(v)
			p.finds(found)
		}
	}
}
