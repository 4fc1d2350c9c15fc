package simulator_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/simulator"
)

// fast plays a person's pauses in a hundredth of their time: who comes later still does.
var fast = simulator.PlayOptions{Pace: 100}

func play(t *testing.T, target *simulator.Target, s *simulator.Scenario, patience time.Duration) (*simulator.Played, []simulator.Verdict) {
	t.Helper()
	p, err := simulator.Play(t.Context(), target, s.Expand(11), fast)
	if err != nil {
		t.Fatal(err)
	}
	vs, err := simulator.Check(t.Context(), target, p, patience)
	if err != nil {
		t.Fatal(err)
	}
	return p, vs
}

func TestEveryPromiseComesTrueBehindAShield(t *testing.T) {
	for _, s := range load(t) {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			d := &demo{}
			_, vs := play(t, start(t, d), &s, time.Minute)
			for _, v := range vs {
				if !v.Kept {
					t.Errorf("%s: %s", v.Claim, v.Sentence)
				}
			}
			if d.most != 1 {
				t.Errorf("%d requests at a time from one address", d.most)
			}
		})
	}
}

func TestAServerThatNeverBlocksBreaksThePromisesOfEveryAttack(t *testing.T) {
	for _, s := range load(t) {
		if s.Kind != simulator.Attack {
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			_, vs := play(t, start(t, &demo{blind: true}), &s, 0)
			for _, v := range vs {
				if v.Kept && v.Kind != "answered" {
					t.Errorf("kept without a shield: %s: %s", v.Claim, v.Sentence)
				}
			}
		})
	}
}

func TestAServerThatRefusesEverybodyBreaksThePromisesOfHonestTraffic(t *testing.T) {
	for _, s := range load(t) {
		if s.Kind == simulator.Attack {
			continue
		}
		_, vs := play(t, start(t, &demo{stern: true}), &s, 0)
		for _, v := range vs {
			if v.Kept {
				t.Errorf("%s: kept although everybody was refused: %s", s.ID, v.Sentence)
			}
		}
	}
}

func TestPlayingEndsWhenToldTo(t *testing.T) {
	d := &demo{}
	target := start(t, d)
	s := find(t, "rate-attack")
	ctx, stop := context.WithCancel(t.Context())
	p, err := simulator.Play(ctx, target, s.Expand(1), simulator.PlayOptions{Watch: func(_, request int, _ simulator.Outcome) {
		if request == 9 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := len(p.Outcomes[0]); n != 10 || d.answered != 10 {
		t.Errorf("%d outcomes of %d requests, want 10", n, d.answered)
	}
}

func TestPlayingEndsWhenTheTargetGoesAway(t *testing.T) {
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n.Add(1) >= 3 { // what is lost may be sent again at once
			panic(http.ErrAbortHandler)
		}
	}))
	defer srv.Close()
	target, err := simulator.Open(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := find(t, "rate-attack")
	p, err := simulator.Play(t.Context(), target, s.Expand(1), fast)
	if err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("got %v", err)
	}
	if got := p.Outcomes[0]; len(got) != 3 || got[2].Status != 0 || got[2].Problem == "" {
		t.Errorf("got %+v", got)
	}
}

func TestOnlyADemoOnThisMachineIsAttacked(t *testing.T) {
	for _, url := range []string{"http://198.51.100.7:8080", "https://bank.example", "127.0.0.1:8080", "http://127.0.0.1:8080/api", "ftp://localhost", ""} {
		if _, err := simulator.Open(url); err == nil {
			t.Errorf("%q was accepted", url)
		}
	}
	for _, url := range []string{"http://127.0.0.1:8080", "http://localhost:8080/", "http://[::1]:8080"} {
		if _, err := simulator.Open(url); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := start(t, &demo{serious: true}).Ready(t.Context()); !errors.Is(err, simulator.ErrNotDemo) {
		t.Errorf("a server that is no demo: %v", err)
	}
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	target, _ := simulator.Open(srv.URL)
	if err := target.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "is it a Sentinel") {
		t.Errorf("a server that is no Sentinel: %v", err)
	}
}

func TestAFreshRunAvoidsAddressesThatTheTargetKnows(t *testing.T) {
	s := find(t, "rate-attack")
	d := &demo{known: map[string]bool{}}
	target := start(t, d)
	plan, err := target.Fresh(t.Context(), &s)
	if err != nil {
		t.Fatal(err)
	}
	if again := s.Expand(plan.Seed); again.Actors[0].Network != plan.Actors[0].Network {
		t.Error("the plan does not follow from its seed")
	}
	for i := range 255 { // most of the pool
		for j := range 256 {
			d.known[netip.AddrFrom4([4]byte{198, 18, byte(j), byte(i)}).String()] = true
		}
	}
	for range 10 {
		plan, err = target.Fresh(t.Context(), &s)
		if err != nil {
			t.Fatal(err)
		}
		if a := plan.Actors[0].Label(); d.known[a] {
			t.Errorf("%s is known", a)
		}
	}
}

func TestCleanupUndoesTheRunAndLeavesOperatorsAlone(t *testing.T) {
	s := find(t, "brute-force")
	d := &demo{}
	target := start(t, d)
	p, _ := play(t, target, &s, 0)
	d.operator = []engine.Decision{
		{ID: "D-around", Action: engine.Block, Target: engine.Target{Network: netip.MustParsePrefix("198.18.0.0/15")}, By: "demo"},
		{ID: "D-exact", Action: engine.Block, Target: engine.Target{Network: p.Plan.Actors[0].Network}, By: "demo"},
	}
	lifted, resolved, err := simulator.Cleanup(t.Context(), target, &p.Plan)
	if err != nil || lifted != 10 || resolved != 10 {
		t.Errorf("lifted %d, resolved %d, %v", lifted, resolved, err)
	}
	if d.lifted["D-around"] || d.lifted["D-exact"] {
		t.Error("an operator's entry was lifted")
	}
	if left := d.engine.Decisions(time.Now()); len(left) != 0 {
		t.Errorf("%d decisions are left", len(left))
	}
	if lifted, resolved, err = simulator.Cleanup(t.Context(), target, &p.Plan); lifted+resolved != 0 || err != nil {
		t.Errorf("the second time: lifted %d, resolved %d, %v", lifted, resolved, err)
	}
}
