package main

import (
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/score/made"
)

func TestAWindowSaysWhatLookingAtEveryTimeSays(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	over := 0
	for range 2000 {
		l := limit{1 + dice.IntN(6), time.Duration(1+dice.IntN(5)) * time.Second}
		var w window
		var times []time.Time
		at := time.Unix(0, 0)
		for range dice.IntN(40) {
			at = at.Add(time.Duration(dice.IntN(1500)) * time.Millisecond)
			times = append(times, at)
			w.add(l, at)
		}
		if w.over {
			over++
		}
		if w.over != l.over(times) {
			t.Fatalf("more than %d in %v: %t of %v", l.more, l.within, w.over, times)
		}
	}
	if over < 100 || over > 1900 {
		t.Errorf("%d of 2000 were over: the test says little", over)
	}
}

func TestWhoIsAskedForDecidesWhatCounts(t *testing.T) {
	at := netip.MustParseAddr
	m := &madeScore{
		sources: map[netip.Addr]*known{
			at("10.0.0.1"): {kind: made.Honest, requests: 7},
			at("10.0.0.2"): {kind: made.Honest, requests: 3},
			at("10.0.0.3"): {kind: made.Honest, requests: 900, rate: window{over: true}},
			at("10.0.0.4"): {kind: made.Bot, requests: 5},
			at("10.0.0.5"): {kind: made.Hostile, requests: 2},
			at("10.0.0.6"): {kind: made.Hostile, requests: 2},
			at("10.0.0.7"): {kind: made.Bystander, requests: 1},
			at("10.0.0.8"): {kind: made.Honest, requests: 4},
		},
		replayed: &replayed{clients: map[netip.Addr]verdict{
			at("10.0.0.2"): {blocked: true}, at("10.0.0.3"): {blocked: true}, at("10.0.0.4"): {blocked: true}, at("10.0.0.5"): {}, at("10.0.0.7"): {}, at("10.0.0.8"): {slight: true},
		}},
	}
	if got, want := m.tally(), (tally{hits: 1, wrong: 4, missed: 1, quiet: 1}); got != want {
		t.Errorf("tally %+v, want %+v", got, want)
	}
	if got, want := m.grave(), (tally{hits: 1, wrong: 3, missed: 1, quiet: 2}); got != want {
		t.Errorf("grave %+v, want %+v", got, want)
	}
	want := harm{sources: 5, requests: 919, blocked: 1, overLimit: 1, flagged: 4, published: 1, slight: 1, bots: 1, botsBlocked: 1}
	if got := m.harm(); got != want {
		t.Errorf("harm %+v, want %+v", got, want)
	}
}

func TestMadeTrafficIsFedAndShownByTrack(t *testing.T) {
	binary := saying(t, `{"type":"summary","lines":1,"bad_lines":0,"late_lines":0,"clients":1,"seconds":0.1}`)
	var out strings.Builder
	if err := (player{binary: reading(t, binary), tracks: true, honest: 100}).play(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, track := range made.Tracks {
		if !slices.ContainsFunc(strings.Split(out.String(), "\n"), func(line string) bool {
			return strings.HasPrefix(line, track.Name+" ") && strings.HasSuffix(strings.Join(strings.Fields(line), " "), " - 0.00 0.00 - 0.00")
		}) {
			t.Errorf("%s: nobody is found, and it says\n%s", track.Name, out.String())
		}
	}
	if !strings.Contains(out.String(), "100 honest requests") {
		t.Errorf("it says\n%s", out.String())
	}
}

// reading is a program that takes in what it is fed before it answers as another does.
func reading(t *testing.T, as string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "sentinel", "#!/bin/sh\ncat >/dev/null\nexec "+as+" \"$@\"\n")
	return filepath.Join(dir, "sentinel")
}
