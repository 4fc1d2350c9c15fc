package engine

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func observe(p *Policy)                { p.Observe = true }
func enforce(p *Policy)                { p.Observe = false }
func shadow(rule string) func(*Policy) { return terms(rule, func(t *Terms) { t.Shadow = true }) }
func enforced(rule string) func(*Policy) {
	return terms(rule, func(t *Terms) { t.Shadow = false })
}

func TestWhoObservesRefusesNothingAndSaysWhatItWouldHaveBeen(t *testing.T) {
	p := newPlay(t, observe, func(p *Policy) { p.Denies = []string{"/closed"} })
	p.Apply(decision("D-BLOCK00000000", Block, network("198.18.0.8/32"), time.Time{}))
	for range 100 {
		p.would(p.get(attacker, ""), "")
	}
	v := p.get(attacker, "")
	p.would(v, rate)
	if v.Finding == nil || v.Finding.Decision != nil || !strings.Contains(v.Finding.Reason, "only observes") {
		t.Fatalf("finds %+v", v.Finding)
	}
	p.would(p.get(attacker, "/api/admin"), rate) // he would be blocked
	p.would(p.get(person, "/api/admin"), causeOperator)
	p.would(p.get("198.18.0.9", "/closed/door"), DeniedPath)
	v = p.get("198.18.0.9", "/api/admin")
	p.would(v, decoy)
	if v.Finding == nil {
		t.Error("does not find who touched a decoy")
	}
	p.wouldHave(rate, 1, 2)
	p.wouldHave(decoy, 1, 1)
	p.wouldHave(causeOperator, 0, 1)
	p.wouldHave(DeniedPath, 0, 1)
	if ds := p.Decisions(p.at); len(ds) != 1 {
		t.Errorf("in force are %+v, want the operator's alone", ds)
	}
	p.wait(5 * time.Minute)
	p.would(p.get(attacker, ""), "") // the block would have ended
}

func TestWhatWouldHaveBeenBlockedIsCountedUntilTheBlockWouldHaveEnded(t *testing.T) {
	p := newPlay(t, observe)
	for n := range 20 {
		_, found := p.exchange(attacker, Request{Path: "/api/login", Method: "POST"}, 401)
		if n == 5 {
			p.finds(found, failed)
		} else {
			p.finds(found)
		}
		p.wait(time.Minute)
	}
	p.wouldHave(failed, 1, 14)
	p.wait(30 * time.Minute)
	p.would(p.get(attacker, ""), "")
	p.finds(p.fail(attacker))
}

// The same traffic, once observed and once enforced: what would have been refused is refused.
func TestWhatIsCountedInObserveModeIsWhatEnforcingDoes(t *testing.T) {
	o, e := newPlay(t, observe), newPlay(t)
	would, did := 0, 0
	for n := range 3000 {
		client := []string{attacker, person, "2001:db8::1"}[n%3]
		r := Request{Path: "/api/history"}
		status := 200
		switch {
		case n%7 == 0 && client == person:
			r, status = Request{Path: "/api/login", Method: "POST"}, 401
		case n%501 == 500:
			r.Path = "/api/admin/x"
		}
		v, _ := o.exchange(client, r, status)
		w, _ := e.exchange(client, r, status)
		if (v.Would != "") != w.Refused() || v.Would != w.Cause {
			t.Fatalf("request %d would have been refused by %q, and is by %q", n, v.Would, w.Cause)
		}
		if v.Would != "" {
			would++
		}
		if w.Refused() {
			did++
		}
		d := time.Duration(n%400) * time.Millisecond
		o.wait(d)
		e.wait(d)
	}
	if would == 0 || would != did {
		t.Errorf("%d would have been refused, %d were", would, did)
	}
}

func TestARuleInShadowModeCountsAndTheOthersEnforce(t *testing.T) {
	p := newPlay(t, shadow(failed), shadow(decoy))
	for range 5 {
		p.finds(p.fail(attacker))
	}
	found := p.fail(attacker)
	p.finds(found, failed)
	if found[0].Decision != nil || !strings.Contains(found[0].Reason, "shadow") {
		t.Errorf("found %+v", found[0])
	}
	p.would(p.get(attacker, ""), failed)
	v := p.get(person, "/api/admin")
	p.would(v, decoy)
	if v.Finding == nil || len(p.Decisions(p.at)) != 0 {
		t.Errorf("found %+v, %d decisions", v.Finding, len(p.Decisions(p.at)))
	}
	for range 93 { // with the seven before, what would have been blocked counts where a rule enforces
		p.passes(p.get(attacker, ""))
	}
	p.refuses(p.get(attacker, ""), 429, rate)
	p.refuses(p.get(attacker, "/api/admin"), 403, rate)
	p.wouldHave(failed, 1, 94)
	p.wouldHave(decoy, 1, 1)
	p.wouldHave(rate, 0, 0)
	if d := p.Decisions(p.at); len(d) != 1 || d[0].Rule != rate {
		t.Errorf("in force are %+v", d)
	}
}

func TestAShadowOfAThrottleCountsWhatItWouldHaveHeldBack(t *testing.T) {
	p := newPlay(t, shadow(failed), terms(failed, func(t *Terms) { t.Do = Throttle }))
	for range 6 {
		p.fail(attacker)
	}
	for range 10 { // six are counted already
		p.passes(p.get(attacker, ""))
	}
	p.wouldHave(failed, 1, 6)
	for range 84 {
		p.would(p.get(attacker, ""), failed)
	}
	p.refuses(p.get(attacker, ""), 429, rate) // at the hundred that are enforced
}

func TestToSwitchOnBlocksWhoGoesOnAtOnce(t *testing.T) {
	for name, change := range map[string][2]func(*Policy){
		"the gateway": {observe, enforce},
		"the rule":    {shadow(failed), enforced(failed)},
		"the action": {
			terms(failed, func(t *Terms) { t.Do = 0 }),
			terms(failed, func(t *Terms) { t.Do = Block }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, change[0])
			for range 8 {
				p.fail(attacker)
			}
			p.passes(p.get(attacker, ""))
			p.revise(change[1])
			p.passes(p.get(attacker, "")) // nothing is done about what was
			found := p.fail(attacker)
			p.finds(found, failed)
			if found[0].Decision == nil {
				t.Fatal("decides nothing")
			}
			p.refuses(p.get(attacker, ""), 403, failed)
			p.revise(change[0])
			if name == "the gateway" {
				p.would(p.get(attacker, ""), failed)
			}
		})
	}
}

func TestTheDoubtedAreOnlyCountedByRulesAndHeldByLists(t *testing.T) {
	p := newPlay(t)
	r := Request{Doubted: true}
	for range 100 {
		_, v := p.ask(attacker, r)
		p.passes(v)
	}
	_, v := p.ask(attacker, r)
	p.would(v, rate)
	if v.Finding == nil || v.Finding.Decision != nil || !strings.Contains(v.Finding.Reason, "nearly all traffic") {
		t.Errorf("found %+v", v.Finding)
	}
	_, v = p.ask(attacker, Request{Doubted: true, Path: "/api/admin"})
	p.refuses(v, 403, decoy) // that request alone
	if v.Finding == nil || v.Finding.Decision != nil {
		t.Errorf("found %+v", v.Finding)
	}
	p.refuses(p.get(attacker, ""), 429, rate) // no longer doubted: the excess is news
	_, v = p.ask(attacker, r)                 // a rule's block does not hold for the doubted
	p.would(v, rate)
	p.Apply(decision("D-BLOCK00000000", Block, network("198.18.0.7/32"), time.Time{}))
	_, v = p.ask(attacker, r)
	p.refuses(v, 403, causeOperator)
}

func TestADeniedPathIsRefusedAndAccusesNobody(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Denies = []string{"/internal", "/api/admin/old"} })
	for range 200 {
		for _, path := range []string{"/internal", "/Internal/", "//internal/x", "/x/../internal/metrics", "/api/admin/old"} {
			v, found := p.exchange(person, Request{Path: path}, 200)
			p.refuses(v, 403, DeniedPath)
			p.finds(found)
			if v.Reference[:2] != "X-" || v.Finding != nil {
				t.Fatalf("refused with %+v", v)
			}
		}
	}
	p.passes(p.get(person, "/internals"))
	if n := len(p.Decisions(p.at)); n != 0 {
		t.Errorf("%d decisions", n)
	}
	p.Apply(decision("D-ALLOW00000000", Allow, network("198.18.0.8/32"), time.Time{}))
	p.passes(p.get(person, "/internal"))
	p.Apply(decision("D-BLOCK00000000", Block, network("198.18.0.7/32"), time.Time{}))
	p.refuses(p.get(attacker, "/internal"), 403, causeOperator)
}

func TestOnlyListsDeniesAndDecoysJudgeWhatIsSkipped(t *testing.T) {
	p := newPlay(t, func(p *Policy) {
		p.Skips, p.Decoys, p.Denies = []string{"/public"}, []string{"/public/trap"}, []string{"/public/closed"}
	})
	for range 300 {
		v, found := p.exchange(person, Request{Path: "/public/logo.png"}, 401)
		p.passes(v)
		p.finds(found)
	}
	if p.get(person, "/public").Quota != (Quota{}) {
		t.Error("a quota is told though nothing is counted")
	}
	p.passes(p.get(person, ""))
	p.finds(p.fail(person))
	p.refuses(p.get(person, "/public/closed/x"), 403, DeniedPath)
	p.refuses(p.get(attacker, "/public/trap"), 403, decoy)
	p.refuses(p.get(attacker, "/public/logo.png"), 403, decoy)
}

func TestWhatIsCountedInObserveModeIsBounded(t *testing.T) {
	p := newPlay(t, observe, func(p *Policy) { p.Decisions = 1024 })
	a := netip.MustParseAddr("2001:db8::").As16()
	for i := range 5000 {
		a[4], a[5], a[6], a[7] = byte(i), 0, byte(i>>8), byte(i)
		p.get(netip.AddrFrom16(a).String(), "/api/admin/")
	}
	if all, _ := p.shadow.size(); all > 1024 {
		t.Errorf("%d shadows are kept", all)
	}
	p.wouldHave(decoy, 5000, 5000)
}
