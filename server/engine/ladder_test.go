package engine

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var fourSteps = LadderOf(5*time.Minute, 30*time.Minute, 4*time.Hour, 24*time.Hour)

func withLadder(p *Policy) {
	terms(failed, func(t *Terms) { t.Ladder, t.For = fourSteps, fourSteps[0] })(p)
}

// offends until it is blocked, and answers the decision.
func (p *play) offends(client string) Decision {
	p.Helper()
	for range 6 {
		for _, f := range strong(p.fail(client)) {
			if f.Decision != nil {
				return *f.Decision
			}
		}
		p.wait(time.Second)
	}
	p.Fatal("it is not blocked")
	return Decision{}
}

func TestWhoDoesItAgainIsBlockedForLongerUntilHeIsQuietForAWeek(t *testing.T) {
	p := newPlay(t, withLadder)
	for n, want := range []time.Duration{5 * time.Minute, 30 * time.Minute, 4 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
		d := p.offends(attacker)
		if long := d.Until.Sub(d.From); long != want {
			t.Fatalf("the %d. time it is blocked for %s, want %s", n+1, long, want)
		}
		if step := []string{"Step 1 of 4: for 5 minutes.", "Step 2 of 4: for 30 minutes.", "Step 3 of 4: for 4 hours.", "Step 4 of 4: for 1 day."}[min(n, 3)]; !strings.HasSuffix(d.Reason, step) {
			t.Errorf("the reason does not say %q: %s", step, d.Reason)
		}
		p.refuses(p.get(attacker, ""), 403, failed)
		p.at = d.Until.Add(time.Duration(n) * time.Hour)
		p.passes(p.get(attacker, ""))
	}
	if d := p.offends(person); d.Until.Sub(d.From) != 5*time.Minute {
		t.Errorf("another is blocked from %s until %s", d.From, d.Until)
	}
	p.wait(7*24*time.Hour - 6*time.Hour) // and four hours that passed before
	if d := p.offends(attacker); d.Until.Sub(d.From) != 24*time.Hour {
		t.Errorf("after less than a week it is blocked for %s", d.Until.Sub(d.From))
	}
	p.wait(8*24*time.Hour + time.Minute)
	if d := p.offends(attacker); d.Until.Sub(d.From) != 5*time.Minute {
		t.Errorf("after a quiet week it is blocked for %s", d.Until.Sub(d.From))
	}
}

func TestALadderIsClimbedByOneRuleAndTargetAndForgottenWhenItWasAMistake(t *testing.T) {
	p := newPlay(t, withLadder)
	d := p.offends(attacker)
	if _, ok := p.Lift(d.ID, p.at, "ada"); !ok {
		t.Fatal("it can't be lifted")
	}
	if d := p.offends(attacker); d.Until.Sub(d.From) != 5*time.Minute {
		t.Errorf("after a mistake it is blocked for %s", d.Until.Sub(d.From))
	}
	p.wait(time.Hour)
	p.get(attacker, "/api/admin/x")
	for _, d := range p.Covering(netip.MustParseAddr(attacker), Key{}, p.at) {
		if d.Rule == "honeypot" && d.Until.Sub(d.From) != time.Hour {
			t.Errorf("another rule blocks for %s", d.Until.Sub(d.From))
		}
	}
}

func TestWhatIsSupposedClimbsALadderOfItsOwn(t *testing.T) {
	p := newPlay(t, withLadder, terms(failed, func(t *Terms) { t.Shadow = true }))
	for range 2 {
		p.mistypes(6)
		p.wait(2 * time.Hour)
	}
	p.revise(terms(failed, func(t *Terms) { t.Shadow = false }))
	if d := p.offends(attacker); d.Until.Sub(d.From) != 5*time.Minute {
		t.Errorf("the first real block is for %s", d.Until.Sub(d.From))
	}
}

func TestALadderOutlivesARestartAndAnotherPolicy(t *testing.T) {
	p := newPlay(t, withLadder)
	d := p.offends(attacker)
	snapshot := snapshotOf(t, p.Engine)
	p.Engine = newEngine(t, withLadder)
	if err := p.Resume(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	p.revise(func(p *Policy) { p.Decoys = []string{"/trap"} })
	p.at = d.Until.Add(time.Second)
	if d := p.offends(attacker); d.Until.Sub(d.From) != 30*time.Minute {
		t.Errorf("afterwards it is blocked for %s", d.Until.Sub(d.From))
	}
}

func TestLaddersAreValidatedAndExplained(t *testing.T) {
	p := Defaults()
	withLadder(&p)
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if said := p.Explain(failed); !strings.Contains(said, "blocks the client for 5 minutes, then for 30 minutes, 4 hours, 1 day as it goes on, from the first again after a quiet week.") {
		t.Errorf("it explains itself as %q", said)
	}
	for _, bad := range []Ladder{LadderOf(time.Hour, time.Minute), LadderOf(time.Millisecond), LadderOf(time.Hour, LongestAction+1)} {
		terms(failed, func(t *Terms) { t.Ladder = bad })(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "ladder") {
			t.Errorf("%v: %v", bad.Rungs(), err)
		}
	}
}
