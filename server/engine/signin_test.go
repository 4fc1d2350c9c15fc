package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

const (
	stuffingRule = "credential-stuffing"
	guessingRule = "account-guessing"
	stuffedRule  = "stuffed-account"
	sprayRule    = "success-after-spray"
)

// lenient switches the rules off that would block before others see what follows.
func lenient(p *Policy) {
	for _, rule := range []string{failed, signInRule} {
		terms(rule, func(t *Terms) { t.Off = true })(p)
	}
}

// strict is a play on an API whose failures have been seen to be 401.
func strict(t *testing.T, change ...func(*Policy)) *play {
	t.Helper()
	p := newPlay(t, append(change, lenient)...)
	p.people(api, 0, 8)
	return p
}

func TestAClientThatFailsOnTenAccountsIsFound(t *testing.T) {
	p := strict(t)
	p.finds(p.signIn(api, attacker, "alice", true))
	for n := range 9 {
		p.finds(p.signIn(api, attacker, fmt.Sprintf("victim%d", n), false))
		p.finds(p.signIn(api, attacker, fmt.Sprintf("victim%d", n), false))
		p.wait(30 * time.Second)
	}
	found := p.signIn(api, attacker, "victim9", false)
	p.finds(found, stuffingRule)
	f := found[0]
	if want := `10 accounts from 198.18.0.7 in 4 minutes 30 seconds, 19 failed, 1 succeeded: "victim0", "victim1", "victim2", ….`; f.Reason != want {
		t.Errorf("the reason is %q, want %q", f.Reason, want)
	}
	if len(f.Seen) != 10 || f.Seen[9] != "victim9" || f.Count != 10 || f.Severity != High {
		t.Errorf("the finding is %+v", f)
	}
	if r := f.Receipt(); !r.Recount().Proven {
		t.Errorf("the receipt does not prove it: %s", r.Recount().Why)
	}
	p.refuses(p.get(attacker, "/"), 403, stuffingRule)
}

func TestManyAccountsOverALongTimeAreNoList(t *testing.T) {
	p := strict(t)
	for n := range 60 {
		p.finds(p.signIn(api, person, fmt.Sprintf("clerk%d", n), false))
		p.wait(time.Minute + 7*time.Second)
	}
}

func TestAnOfficeWherePeopleGetInIsNoList(t *testing.T) {
	p := strict(t)
	for n := range 40 { // Monday morning behind one address: every second one mistypes, one in ten twice
		clerk := fmt.Sprintf("clerk%d", n)
		for range min(n%2+n%10/9, 2) {
			p.finds(p.signIn(api, person, clerk, false))
			p.wait(3 * time.Second)
		}
		p.finds(p.signIn(api, person, clerk, true))
		p.wait(5 * time.Second)
	}
}

func TestAListFromAnOfficeIsToldAndBlocksNobody(t *testing.T) {
	p := strict(t)
	for n := range 6 {
		p.finds(p.signIn(api, person, fmt.Sprintf("clerk%d", n), true))
	}
	p.wait(time.Hour)
	var found []Finding
	for n := range 40 {
		found = append(found, p.signIn(api, person, fmt.Sprintf("victim%d", n), false)...)
	}
	p.finds(found, stuffingRule)
	if found[0].Decision != nil {
		t.Error("the office is blocked")
	}
	p.passes(p.get(person, "/"))
}

func TestAListFromManyAddressesOfOneNetworkIsFound(t *testing.T) {
	p := strict(t)
	var found []Finding
	for n := range 12 {
		found = append(found, p.signIn(api, fmt.Sprintf("198.51.100.%d", n%4), fmt.Sprintf("victim%d", n), false)...)
	}
	p.finds(found, stuffingRule)
	if f := found[0]; f.Actor != network("198.51.100.0/24") || f.Decision != nil || len(f.Seen) != 10 {
		t.Errorf("the finding is %+v", f)
	}
}

func TestAListTriedWithOneKeyIsFound(t *testing.T) {
	p := strict(t)
	var found []Finding
	for n := range 12 {
		x := api.failure
		x.Method, x.Path, x.Account, x.Key = "POST", api.path, fmt.Sprintf("victim%d", n), key("app")
		found = append(found, p.answer(fmt.Sprintf("10.44.%d.1", n), x)...)
	}
	p.finds(found, stuffingRule)
	if f := found[0]; f.Actor.Key != key("app") || f.Decision != nil {
		t.Errorf("the finding is %+v", f)
	}
}

func TestGuessingAtOneAccountFromManyPlacesIsFound(t *testing.T) {
	p := strict(t)
	for n := range 9 {
		p.finds(p.signIn(api, fmt.Sprintf("10.44.%d.1", n%3), "alice", false))
		p.wait(5 * time.Minute)
	}
	found := p.signIn(api, "10.44.0.1", "alice", false)
	p.finds(found, guessingRule)
	f := found[0]
	if want := `account "alice" failed 10 times in 45 minutes, from at least 3 networks it was never signed in to from; the limit is 9 in 1 hour.`; f.Reason != want {
		t.Errorf("the reason is %q, want %q", f.Reason, want)
	}
	if f.Actor != (Target{Account: "alice"}) || f.Decision != nil || len(f.Times) != 10 {
		t.Errorf("the finding is %+v", f)
	}
	p.finds(p.signIn(api, "10.44.1.1", "alice", false))
	p.wait(time.Hour)
	for n := range 9 {
		p.finds(p.signIn(api, fmt.Sprintf("10.44.%d.1", n%3), "alice", false))
	}
	p.finds(p.signIn(api, "10.44.1.1", "alice", false), guessingRule)
}

func TestAForgottenPasswordIsNoAttack(t *testing.T) {
	p := strict(t)
	for range 5 { // phone, office, home; he had been at home and in the office before
		p.signIn(api, "10.50.1.1", "bob", true)
		p.signIn(api, "10.50.2.1", "bob", true)
	}
	p.wait(24 * time.Hour)
	for n := range 15 {
		p.finds(p.signIn(api, fmt.Sprintf("10.50.%d.1", n%3+1), "bob", false))
		p.wait(time.Minute)
		if n%3 == 2 && n < 12 {
			p.wait(9 * time.Minute)
		}
	}
	p.finds(p.signIn(api, "10.50.1.1", "bob", true))
	for range 4 { // a new device, and the right password at last
		p.finds(p.signIn(api, "10.50.9.1", "carol", false))
	}
	p.finds(p.signIn(api, "10.50.9.1", "carol", true))
}

func TestAPasswordManagerThatKeepsTryingTheOldOneIsNoAttackOnTheAccount(t *testing.T) {
	p := strict(t)
	for range 300 {
		for _, f := range p.signIn(api, person, "bob", false) {
			t.Fatalf("found %s: %s", f.Rule, f.Reason)
		}
		p.wait(20 * time.Second)
	}
	p.finds(p.signIn(api, "10.50.1.1", "bob", true))
}

func TestMonitoringThatSignsInAllDayIsNoAttack(t *testing.T) {
	p := newPlay(t)
	p.people(api, 0, 8)
	for n := range 600 { // from a dozen places, as such services do; the API is down at times
		x := api.success
		if n%50 == 0 {
			x = Exchange{Status: 503}
		}
		x.Method, x.Path, x.Account = "POST", api.path, "monitor"
		p.finds(p.answer(fmt.Sprintf("10.60.%d.1", n%12), x))
		p.wait(30 * time.Second)
	}
}

func TestAnAccountThatManyNetworksTryIsFound(t *testing.T) {
	p := strict(t)
	for range 2 {
		p.signIn(api, person, "alice", true)
	}
	for n := range 9 {
		p.finds(p.signIn(api, fmt.Sprintf("10.44.%d.1", n), "alice", false))
		p.wait(2 * time.Hour)
	}
	found := p.signIn(api, "2001:db8:9::1", "alice", false)
	p.finds(found, stuffedRule)
	f := found[0]
	if want := `account "alice" was tried from 10 networks within 1 day, 10 failed and 2 succeeded: 10.44.0.0/24, 10.44.1.0/24, 10.44.2.0/24, ….`; f.Reason != want {
		t.Errorf("the reason is %q, want %q", f.Reason, want)
	}
	if len(f.Seen) != 10 || !slices.Contains(f.Seen, "2001:db8:9::/48") || f.Actor.Account != "alice" || f.Decision != nil {
		t.Errorf("the finding is %+v", f)
	}
}

func TestAnAccountOfATravellerWhoMostlyGetsInIsNotFound(t *testing.T) {
	p := strict(t)
	for n := range 40 {
		p.finds(p.signIn(api, fmt.Sprintf("10.44.%d.1", n), "alice", false))
		p.wait(20 * time.Second)
		p.finds(p.signIn(api, fmt.Sprintf("10.44.%d.1", n), "alice", true))
		p.wait(50 * time.Minute)
	}
}

func TestASuccessAmidAnAttackIsCritical(t *testing.T) {
	for name, attack := range map[string]struct {
		plays func(*play)
		who   string
		why   string
	}{
		"its own failures": {func(p *play) {
			for range 5 {
				p.signIn(api, attacker, "alice", false)
			}
		}, attacker, "after it failed on it 5 times within an hour"},
		"a list": {func(p *play) {
			terms(stuffingRule, func(t *Terms) { t.Do, t.For = 0, 0 })
			for n := range 12 {
				p.signIn(api, attacker, fmt.Sprint("victim", n), false)
			}
		}, attacker, "while it tries 10 accounts, 12 failed"},
		"others that guess": {func(p *play) {
			for n := range 12 {
				p.signIn(api, fmt.Sprintf("10.44.%d.1", n%4), "alice", false)
			}
		}, "10.44.7.1", "while it is guessed at: it failed 10 times, from at least 4 networks"},
		"many that try": {func(p *play) {
			for n := range 12 {
				p.signIn(api, fmt.Sprintf("10.44.%d.1", n), "alice", false)
				p.wait(90 * time.Minute)
			}
		}, "10.44.77.1", "while it is tried from 10 networks, 12 failed"},
	} {
		t.Run(name, func(t *testing.T) {
			p := strict(t, terms(stuffingRule, func(t *Terms) { t.Do, t.For = 0, 0 }))
			p.signIn(api, person, "alice", true)
			attack.plays(p)
			p.finds(p.signIn(api, person, "alice", true)) // the owner, where he was before
			found := p.signIn(api, attack.who, "alice", true)
			p.finds(found, sprayRule)
			f := found[0]
			if want := attack.who + ` signed in to account "alice" ` + attack.why + "."; f.Reason != want {
				t.Errorf("the reason is %q, want %q", f.Reason, want)
			}
			if f.Severity != Critical || f.Decision != nil || f.Actor.Account != "alice" {
				t.Errorf("the finding is %+v", f)
			}
			p.finds(p.signIn(api, attack.who, "alice", true))
		})
	}
}

func TestToForgetAnAccountForgetsWhoTriedIt(t *testing.T) {
	p := strict(t)
	for n := range 9 {
		p.signIn(api, fmt.Sprintf("10.44.%d.1", n), "alice", false)
	}
	p.Forget(Target{Account: "alice"})
	p.finds(p.signIn(api, "10.44.77.1", "alice", false))
}

// Between counting an exchange and telling of it somebody may lift a decision, or another push the
// record out. Then there is less to tell.
func TestWhatWasForgottenJustNowIsToldWithoutItsTimes(t *testing.T) {
	p := Defaults()
	e, err := New(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	o := e.regime.Load().outcomes
	x := &view{Exchange: Exchange{Request: Request{Client: netip.MustParseAddr("192.0.2.1"), Account: "ada"}, Status: 401}, now: 1000}
	x.signIn = signIn{outcome: Failed, sure: true, account: 7, accounts: o.accounts, sources: o.sources}
	x.tried = attacked{guesses: 10, networks: 3, guessed: true}
	x.source.client = spree{accounts: 10, failed: 10, over: true}
	for _, rule := range []Rule{accountGuessing, credentialStuffing} {
		tally := rule.Watch(p, p.Terms(rule.ID), e.hash).ask(x, &question{at: x.now, hush: forever})
		if !tally.tell || tally.reason == "" {
			t.Errorf("%s: told %v: %q", rule.ID, tally.tell, tally.reason)
		}
	}
}
