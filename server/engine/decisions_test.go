package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestAllowBeatsBlockAndNoRuleFires(t *testing.T) {
	p := newPlay(t)
	p.Apply(decision("D-BLOCK00000000", Block, network("198.18.0.0/16"), time.Time{}))
	p.refuses(p.get(person, ""), 403, "operator")
	p.Apply(decision("D-ALLOW00000000", Allow, network("198.18.0.8/32"), time.Time{}))
	for range 200 {
		v, found := p.exchange(person, Request{Path: "/api/admin/"}, 401)
		p.passes(v)
		p.finds(found)
	}
	p.refuses(p.get(attacker, ""), 403, "operator")
}

func TestABlockComesBackWhenTheAllowEnds(t *testing.T) {
	p := newPlay(t)
	p.Apply(decision("D-BLOCK00000000", Block, network("198.18.0.8/32"), noon.Add(time.Hour)))
	p.Apply(decision("D-ALLOW00000000", Allow, network("198.18.0.0/24"), noon.Add(time.Minute)))
	p.passes(p.get(person, ""))
	p.wait(time.Minute)
	v := p.get(person, "")
	p.refuses(v, 403, "operator")
	if v.RetryAfter != 59*time.Minute {
		t.Errorf("asked to wait %v", v.RetryAfter)
	}
}

func TestAnExpiredEntryNeverHidesALiveOne(t *testing.T) {
	p := newPlay(t)
	p.Apply(decision("D-LONG000000000", Block, network("198.18.0.7/32"), noon.Add(time.Hour)))
	p.Apply(decision("D-SHORT00000000", Block, network("198.18.0.7/32"), noon.Add(time.Minute)))
	p.Apply(decision("D-ALLOW00000000", Allow, network("198.18.0.7/32"), noon.Add(time.Minute)))
	p.Apply(decision("D-WIDE000000000", Block, network("198.18.0.0/16"), time.Time{}))
	p.wait(time.Minute)
	if v := p.get(attacker, ""); v.Reference != "D-WIDE000000000" || v.RetryAfter != 0 {
		t.Errorf("refused with %+v, want the block that never ends", v)
	}
	if _, ok := p.Lift("D-WIDE000000000", p.at, "ada"); !ok {
		t.Fatal("nothing to lift")
	}
	if v := p.get(attacker, ""); v.Reference != "D-LONG000000000" {
		t.Errorf("refused with %+v, want the longer block", v)
	}
	if ended := p.Expire(p.at); len(ended) != 2 {
		t.Errorf("%d decisions ended, want 2", len(ended))
	}
}

func TestAnOperatorsEntryIsExact(t *testing.T) {
	p := newPlay(t)
	p.Apply(decision("D-EXACT00000000", Block, network("2001:db8::1/128"), time.Time{}))
	p.refuses(p.get("2001:db8::1", ""), 403, "operator")
	p.passes(p.get("2001:db8::2", ""))
}

func TestABlockedKeyIsRefusedFromAnywhere(t *testing.T) {
	p := newPlay(t)
	p.Apply(Decision{ID: "D-KEY0000000000", Action: Block, Target: Target{Key: key("stolen")}, Origin: ByImport, From: noon})
	for _, client := range []string{attacker, person, "2001:db8::1"} {
		_, v := p.ask(client, Request{Key: key("stolen")})
		p.refuses(v, 403, "import")
		_, v = p.ask(client, Request{Key: key("mine")})
		p.passes(v)
	}
}

func TestAWatchedClientIsJudgedAsAnyone(t *testing.T) {
	p := newPlay(t)
	p.Apply(decision("D-WATCH00000000", Monitor, network("198.18.0.0/24"), noon.Add(time.Hour)))
	for range 100 {
		v := p.get(attacker, "")
		p.passes(v)
		if !v.Monitored {
			t.Fatal("not watched")
		}
	}
	v := p.get(attacker, "")
	p.refuses(v, 429, rate)
	if !v.Monitored || !p.get(attacker, "").Monitored || !p.Watched(netip.MustParseAddr(attacker), Key{}, p.at) {
		t.Error("a refused request is not watched")
	}
	if p.get("198.18.1.1", "").Monitored {
		t.Error("watches somebody else")
	}
}

func TestToLiftForgetsWhatWasCounted(t *testing.T) {
	for name, undo := range map[string]func(p *play, d Decision){
		"lifted": func(p *play, d Decision) { p.Lift(d.ID, p.at, "ada") },
		"lifted on another node": func(p *play, d Decision) {
			d.Lifted, d.LiftedBy = p.at, "ada"
			p.Apply(d)
		},
		"allowed for a moment": func(p *play, d Decision) {
			p.Lift(d.ID, p.at, "ada")
			p.Apply(decision("D-ALLOW00000000", Allow, network("198.18.0.0/24"), p.at))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t)
			for range 101 {
				p.get(attacker, "")
			}
			for range 5 {
				p.fail("198.18.0.9")
			}
			d := p.Decisions(p.at)
			if len(d) != 1 {
				t.Fatalf("%d decisions in force, want 1", len(d))
			}
			undo(p, d[0])
			for range 100 {
				p.passes(p.get(attacker, ""))
			}
			v := p.get(attacker, "")
			p.refuses(v, 429, rate)
			if v.Finding == nil {
				t.Error("does not find the next excess")
			}
		})
	}
}

func TestForgettingANetworkForgetsItsClientsOnly(t *testing.T) {
	p := newPlay(t)
	for range 5 {
		p.fail(attacker)
		p.fail("198.19.0.1")
		p.fail("2001:db8::1")
	}
	p.Forget(network("198.18.0.0/16"))
	p.finds(p.fail(attacker))
	p.finds(p.fail("198.19.0.1"), failed)
	p.Forget(network("2001:db8::99/128"))
	p.finds(p.fail("2001:db8::1"))
	k := key("mine")
	pay := Request{Method: "POST", Path: "/api/transaction", Key: k}
	_, found := p.exchange(person, pay, 200)
	p.finds(found, payment)
	p.Forget(Target{Key: k})
	_, found = p.exchange(person, pay, 200)
	p.finds(found, payment)
}

func TestADecisionOfARuleDoesNotHoldForTheExempt(t *testing.T) {
	p := newPlay(t)
	p.get(attacker, "/api/admin/")
	_, v := p.ask(attacker, Request{Exempt: true})
	p.passes(v)
	p.Apply(decision("D-BLOCK00000000", Block, network("198.18.0.7/32"), time.Time{}))
	_, v = p.ask(attacker, Request{Exempt: true})
	p.refuses(v, 403, "operator")
}

func TestARestoredEngineRefusesTheFirstRequest(t *testing.T) {
	p := newPlay(t)
	p.get(attacker, "/api/admin/")
	p.Apply(decision("D-BLOCK00000000", Block, Target{Key: key("stolen")}, time.Time{}))
	q := newPlay(t)
	q.Restore(p.Decisions(p.at))
	q.refuses(q.get(attacker, ""), 403, decoy)
	_, v := q.ask(person, Request{Key: key("stolen")})
	q.refuses(v, 403, "operator")
}

func TestARenewedDecisionReplacesTheFirst(t *testing.T) {
	p := newPlay(t)
	d := decision("D-BLOCK00000000", Block, network("198.18.0.7/32"), noon.Add(time.Minute))
	p.Apply(d)
	d.Until = noon.Add(time.Hour)
	p.Apply(d)
	p.wait(time.Minute)
	p.refuses(p.get(attacker, ""), 403, "operator")
	if n := len(p.Decisions(p.at)); n != 1 {
		t.Errorf("%d decisions in force, want 1", n)
	}
	d.Target = network("198.18.0.8/32")
	p.Apply(d)
	p.passes(p.get(attacker, ""))
	p.refuses(p.get(person, ""), 403, "operator")
}

func TestRulesDecideABoundedNumberAndAnAttackerPushesOutHisOwn(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Decisions = 1024 })
	p.refuses(p.get(attacker, "/api/admin/"), 403, decoy)
	p.wait(time.Second)
	a := netip.MustParseAddr("2001:db8::").As16()
	for i := range 5000 { // one network, many clients
		a[6], a[7] = byte(i>>8), byte(i)
		p.get(netip.AddrFrom16(a).String(), "/api/admin/")
	}
	if _, n := p.Listed(); n > 1024/16+1 {
		t.Errorf("one network has %d decisions", n)
	}
	p.refuses(p.get(attacker, ""), 403, decoy)
	p.refuses(p.get(netip.AddrFrom16(a).String(), ""), 403, decoy)
	ended := p.Expire(p.at)
	for _, d := range ended {
		if d.LiftedBy != NoRoom || d.InForce(p.at) {
			t.Fatalf("%s gave way as %+v", d.ID, d)
		}
	}
	if _, n := p.Listed(); len(ended)+n != 5001 {
		t.Errorf("%d gave way and %d are left, of 5001", len(ended), n)
	}
	p.refuses(p.get("2001:db8::1", "/api/admin/"), 403, decoy) // gave way: found anew
	if n := len(p.Covering(netip.MustParseAddr("2001:db8::1"), Key{}, p.at)); n != 1 {
		t.Errorf("%d decisions cover who was found anew", n)
	}
}

func TestWhatEndedMakesRoomAndWaitsToBeTold(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Decisions = 1024 })
	for n := range 64 {
		p.refuses(p.get(fmt.Sprintf("198.18.1.%d", n), "/api/admin/"), 403, decoy)
	}
	p.wait(time.Hour)
	p.refuses(p.get("198.18.1.1", "/api/admin/"), 403, decoy) // his own has ended
	p.refuses(p.get("198.18.2.1", "/api/admin/"), 403, decoy) // and so has that of another
	p.wait(time.Minute)
	ended := p.Expire(p.at)
	if len(ended) != 64 {
		t.Fatalf("%d ended, want 64", len(ended))
	}
	for _, d := range ended {
		if !d.Lifted.IsZero() || d.InForce(p.at) {
			t.Errorf("%s is told as %+v", d.ID, d)
		}
	}
	if all, byRules := p.Listed(); all != 2 || byRules != 2 {
		t.Errorf("%d are listed, %d by rules, want 2", all, byRules)
	}
}

func TestWhatWaitsToBeToldIsBounded(t *testing.T) {
	l := newLists(16, newKeyed(1), func(Target) {})
	a := netip.MustParseAddr("10.0.0.0")
	for n := range mostEnded * 2 {
		a = a.Next()
		l.place(Decision{ID: fmt.Sprint(n), Action: Block, Origin: ByRule, Rule: decoy, Target: ActorOf(a), From: noon, Until: noon.Add(time.Hour)}, noon)
	}
	if n := len(l.expire(noon)); n > mostEnded {
		t.Errorf("%d wait, want %d at most", n, mostEnded)
	}
}

func TestAFewAreRestoredAmongMany(t *testing.T) {
	e := newEngine(t)
	many := make([]Decision, 1000)
	for n := range many {
		many[n] = decision(fmt.Sprint("many ", n), Block, ActorOf(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})), time.Time{})
	}
	few := []Decision{decision("few", Block, network("192.0.2.0/24"), time.Time{}), many[7], {ID: "lifted", Lifted: noon}}
	e.Restore(many)
	e.Restore(few)
	if n := len(e.Decisions(noon)); n != 1001 {
		t.Errorf("%d are in force, want 1001", n)
	}
	for _, client := range []string{"192.0.2.9", "10.0.0.7", "10.0.3.231"} {
		if v := e.Decide(Request{At: noon, Client: netip.MustParseAddr(client), Folded: "/"}); v.Status != 403 {
			t.Errorf("%s passes", client)
		}
	}
}

func TestNamesRoundTrip(t *testing.T) {
	for s := Info; s <= Critical; s++ {
		if got, ok := ParseSeverity(s.String()); !ok || got != s {
			t.Errorf("%s reads as %s", s, got)
		}
	}
	for a := Monitor; a <= Allow; a++ {
		if got, ok := ParseAction(a.String()); !ok || got != a {
			t.Errorf("%s reads as %s", a, got)
		}
	}
	for o := ByRule; o <= ByFeed; o++ {
		if got, ok := ParseOrigin(o.String()); !ok || got != o {
			t.Errorf("%s reads as %s", o, got)
		}
	}
	for _, name := range []string{"", "high", "NONE"} {
		_, severity := ParseSeverity(name)
		_, action := ParseAction(name)
		_, origin := ParseOrigin(name)
		if severity || action || origin {
			t.Errorf("%q is read as a name", name)
		}
	}
	for want, target := range map[string]Target{
		"198.18.0.7": ActorOf(netip.MustParseAddr(attacker)), "2001:db8::/64": ActorOf(netip.MustParseAddr("2001:db8::7%eth0")),
		"10.0.0.0/8": network("10.0.0.0/8"), "key stolen…": {Key: key("stolen")},
	} {
		if got := target.String(); got != want {
			t.Errorf("a target is called %q, want %q", got, want)
		}
	}
}

func TestIdentityFollowsFromContent(t *testing.T) {
	run := func(seed uint64) (said []string) {
		e, err := New(Defaults(), seed)
		if err != nil {
			t.Fatal(err)
		}
		p := &play{T: t, Engine: e, at: noon}
		for i := range 300 {
			p.next = uint64(i) * seed // references of exchanges are each node's own
			v := p.get(fmt.Sprintf("198.18.0.%d", i%3), "")
			if f := v.Finding; f != nil {
				said = append(said, f.ID, f.Decision.ID)
			}
			p.wait(time.Millisecond)
			for _, f := range p.fail(fmt.Sprintf("198.18.1.%d", i%5)) {
				said = append(said, f.ID, f.Decision.ID)
			}
		}
		return said
	}
	one, other := run(1), run(99)
	if len(one) == 0 || fmt.Sprint(one) != fmt.Sprint(other) {
		t.Errorf("%v, then %v", one, other)
	}
	for i, id := range one {
		if slices.Contains(one[:i], id) {
			t.Errorf("%s names two things", id)
		}
	}
}
