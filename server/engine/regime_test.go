package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestARevisionKeepsWhatWasCounted(t *testing.T) {
	p := newPlay(t)
	for range 5 {
		p.fail(attacker)
	}
	p.get(person, "/api/admin")
	p.revise(terms(failed, func(t *Terms) { t.For, t.Severity = time.Hour, Low }), func(p *Policy) { p.Decoys = []string{"/trap"} })
	found := p.fail(attacker)
	p.finds(found, failed)
	if d := found[0].Decision; found[0].Severity != Low || d == nil || d.Until.Sub(d.From) != time.Hour {
		t.Errorf("found %+v", found[0])
	}
	p.refuses(p.get(person, ""), 403, decoy) // decisions stay
	p.refuses(p.get("198.18.0.9", "/trap"), 403, decoy)
	p.passes(p.get("198.18.0.10", "/api/admin"))
}

func TestARuleWithOtherFiguresBeginsAnew(t *testing.T) {
	p := newPlay(t)
	for range 5 {
		p.fail(attacker)
	}
	p.revise(terms(failed, func(t *Terms) { t.More = 2 }))
	p.finds(p.fail(attacker))
	p.finds(p.fail(attacker))
	p.finds(p.fail(attacker), failed)
	p.revise(terms(failed, func(t *Terms) { t.Off = true }))
	for range 20 {
		p.finds(p.fail(person))
	}
	p.revise(terms(failed, func(t *Terms) { t.Off = false }))
	p.finds(p.fail(person))
}

func TestAWrongRevisionChangesNothing(t *testing.T) {
	p := newPlay(t)
	q := p.Policy()
	q.Denies = []string{"/"}
	q.Observe = true
	var invalid Invalid
	if err := p.Revise(q); !errors.As(err, &invalid) || invalid.Field != "denies" {
		t.Errorf("got %v", err)
	}
	p.refuses(p.get(attacker, "/api/admin"), 403, decoy)
	if p.Policy().Observe {
		t.Error("half of it is in force")
	}
}

func TestAPolicyIsNobodysToChangeOnceItIsInForce(t *testing.T) {
	q := Defaults()
	q.Denies = []string{"/closed"}
	e, err := New(q, 1)
	if err != nil {
		t.Fatal(err)
	}
	q.Denies[0], q.Decoys[0] = "/open", "/open"
	delete(q.Rules, rate)
	if v := e.Decide(Request{At: noon, Client: netip.MustParseAddr(person), Folded: "/closed"}); v.Cause != DeniedPath {
		t.Errorf("got %+v", v)
	}
	if _, known := e.Policy().Rules[rate]; !known {
		t.Error("a rule is gone")
	}
}

func TestAPolicyMayBeRevisedWhileItIsAsked(t *testing.T) {
	e := newEngine(t)
	var done atomic.Bool
	var refused atomic.Int64
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		together(3, func(i int) {
			for n := 0; !done.Load(); n++ {
				r := Request{ID: uint64(n), At: noon, Client: netip.AddrFrom4([4]byte{10, byte(i), byte(n >> 8), byte(n)}), Folded: "/api/admin"}
				if v := e.Decide(r); v.Refused() {
					refused.Add(1)
				} else if v.Would != decoy {
					t.Errorf("neither refused nor said to be: %+v", v)
					return
				}
				e.Observe(Exchange{Request: r, Status: 401})
			}
		})
	}()
	for n := range 200 {
		p := e.Policy().clone()
		p.Observe = n%2 == 0
		terms(failed, func(t *Terms) { t.More = 1 + n%3 })(&p)
		if err := e.Revise(p); err != nil {
			t.Error(err)
		}
	}
	done.Store(true)
	<-finished
	if refused.Load() == 0 {
		t.Error("nothing was ever refused")
	}
}

func TestTheRateIsHalvedWhileCountsCantBeShared(t *testing.T) {
	p := newPlay(t)
	for range 50 {
		_, v := p.ask(attacker, Request{Tighten: true})
		p.passes(v)
	}
	_, v := p.ask(attacker, Request{Tighten: true})
	p.refuses(v, 429, rate)
	if v.Finding != nil || v.Reference[:2] != "X-" || v.RetryAfter != time.Minute || v.Quota.Limit != 50 {
		t.Errorf("refused with %+v", v)
	}
	p.passes(p.get(attacker, "")) // the sharing is back
	if n := len(p.Decisions(p.at)); n != 0 {
		t.Errorf("%d decisions", n)
	}
}

func TestWhatIsLeftOfTheLimitIsTold(t *testing.T) {
	p := newPlay(t)
	for n := range 100 {
		v := p.get(attacker, "")
		want := Quota{Limit: 100, Left: 99 - n, Window: time.Minute, Reset: time.Minute - time.Duration(n)*100*time.Millisecond}
		if v.Quota != want {
			t.Fatalf("after %d: %+v, want %+v", n+1, v.Quota, want)
		}
		p.wait(100 * time.Millisecond)
	}
	p.wait(50*time.Second + 500*time.Millisecond) // the first six are out of the window
	if v := p.get(attacker, ""); v.Quota.Left != 5 || v.Quota.Reset != 100*time.Millisecond {
		t.Errorf("after the window moved: %+v", v.Quota)
	}
	for range 5 {
		p.passes(p.get(attacker, ""))
	}
	v := p.get(attacker, "")
	p.refuses(v, 429, rate)
	if v.Quota != (Quota{Limit: 100, Window: time.Minute, Reset: 100 * time.Millisecond}) {
		t.Errorf("refused with %+v", v.Quota)
	}
	if v := p.get(attacker, ""); v.Quota != (Quota{}) {
		t.Errorf("who is blocked is told of a rate: %+v", v.Quota)
	}
	p.Apply(decision("D-SLOW000000000", Throttle, network("198.18.0.8/32"), time.Time{}))
	for n := range 10 {
		if v := p.get(person, ""); v.Quota.Limit != 10 || v.Quota.Left != 9-n {
			t.Fatalf("throttled, after %d: %+v", n+1, v.Quota)
		}
	}
	v = p.get(person, "")
	p.refuses(v, 429, causeOperator)
	if v.Quota.Limit != 10 || v.Quota.Left != 0 || v.Quota.Reset != time.Minute || v.RetryAfter != time.Minute {
		t.Errorf("throttled and refused: %+v", v)
	}
	_, v = p.ask("198.18.0.9", Request{Together: 70})
	if v.Quota.Left != 30 {
		t.Errorf("with 70 counted by all nodes: %+v", v.Quota)
	}
}

// office is a network where that many people were well answered two hours ago and lately.
func office(p *play, client string, people int) {
	p.exchange("198.51.100.250", Request{}, 401) // the API looks at who asks
	for range 3 {
		for n := range people {
			_, found := p.exchange(client, Request{Account: fmt.Sprintf("person %d", n)}, 200)
			p.finds(found)
		}
		p.wait(time.Hour)
	}
}

func TestANetworkThatManyUseIsThrottledInsteadOfBlocked(t *testing.T) {
	p := newPlay(t)
	office(p, person, 5)
	for range 5 {
		p.fail(person)
	}
	found := p.fail(person)
	p.finds(found, failed)
	d := found[0].Decision
	if d == nil || d.Action != Throttle || !strings.Contains(d.Reason, "throttled instead of blocked") || found[0].Reason != d.Reason {
		t.Fatalf("decided %+v", d)
	}
	p.wait(time.Minute)
	for range 10 {
		p.passes(p.get(person, ""))
	}
	p.refuses(p.get(person, ""), 429, failed)
	p.wait(25 * time.Hour) // nobody was seen for a day
	p.refuses(p.get(person, "/api/admin"), 403, decoy)
	p.refuses(p.get(person, ""), 403, decoy)
}

func TestFewStrangersOrNewcomersSpareNobody(t *testing.T) {
	for name, before := range map[string]func(p *play){
		"four people":                    func(p *play) { office(p, person, 4) },
		"five people of another network": func(p *play) { office(p, "198.18.0.9", 5) },
		"five who came just now": func(p *play) {
			p.exchange("198.51.100.250", Request{}, 401)
			for n := range 50 {
				p.exchange(person, Request{Account: fmt.Sprint(n)}, 200)
			}
		},
		"five who were never well answered": func(p *play) {
			for n := range 5 {
				p.exchange(person, Request{Account: fmt.Sprint(n)}, 404)
				p.wait(time.Hour)
				p.exchange(person, Request{Account: fmt.Sprint(n)}, 404)
			}
		},
		"five invented keys where nobody looks at them": func(p *play) {
			for range 3 {
				for n := range 5 {
					p.exchange(person, Request{Path: "/public", Key: key(fmt.Sprint(n))}, 200)
				}
				p.wait(time.Hour)
			}
		},
		"nobody, as it is switched off": func(p *play) {
			p.revise(func(p *Policy) { p.Collateral = 0 })
			office(p, person, 5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t)
			before(p)
			for range 6 {
				p.fail(person)
			}
			p.refuses(p.get(person, ""), 403, failed)
		})
	}
}

func TestOnePersonWithAnAccountAKeyAndASessionIsOne(t *testing.T) {
	p := newPlay(t)
	p.exchange("198.51.100.250", Request{}, 401)
	for n := range 3 {
		for _, r := range []Request{
			{Account: "alice", Key: key("a"), Session: key("s1")},
			{Account: "alice", Key: key("b"), Session: key("s2")},
			{Account: "alice", Session: key(fmt.Sprint("s", n))},
			{Key: key("c")},
			{Key: key("c"), Session: key("s3")},
			{Session: key("s4")},
		} {
			p.exchange(person, r, 200)
		}
		p.wait(time.Hour)
	}
	for range 6 { // alice, c and s4 are three
		p.fail(person)
	}
	p.refuses(p.get(person, ""), 403, failed)
}

func TestNewcomersPushOutNobodyWithAGoodHistory(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Clients = 1024 })
	office(p, person, 5)
	for n := range 100 { // in the same network
		p.exchange(person, Request{Account: fmt.Sprint("new ", n)}, 200)
	}
	p.wait(time.Minute)
	for n := range 20_000 { // and from everywhere
		p.exchange(stranger(n), Request{Account: "x"}, 200)
	}
	for range 6 {
		p.fail(person)
	}
	if ds := p.Covering(netip.MustParseAddr(person), Key{}, p.at); len(ds) != 1 || ds[0].Action != Throttle {
		t.Errorf("decided %+v", ds)
	}
}
