package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// within says whether the minute of a time belongs to a span, as the store counts.
func inSpan(at, from, to time.Time) bool {
	ends := at.Truncate(time.Minute)
	return !ends.Before(from) && ends.Before(to)
}

func TestRollUpsAddUpToTheExchanges(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		r := rand.New(rand.NewPCG(5, 6))
		var all []Seen
		for n := range 60 { // batches all over five hours, some of them in the same minute
			batch := make([]Seen, 1+r.IntN(120))
			for i := range batch {
				batch[i] = exchange(time.Duration(r.IntN(5*3600_000))*time.Millisecond/time.Duration(1+n%3), len(all)+i, "198.18.0.7")
				batch[i].Status = []int{200, 201, 401, 403, 429}[r.IntN(5)]
				batch[i].Refused = batch[i].Status == 429
				batch[i].Took = time.Duration(r.IntN(9000)) * time.Microsecond
				batch[i].Route = []string{"/api/balance", "/api/history", "/api/cards/{id}"}[r.IntN(3)]
			}
			write(t, s, batch...)
			all = append(all, batch...)
		}
		for range 200 {
			from := noon.Add(time.Duration(r.IntN(6*3600)-1800) * time.Second)
			to := from.Add(time.Duration(r.IntN(6*3600)) * time.Second)
			var want Stats
			ends := map[string]*Endpoint{}
			mix := map[int]int64{}
			for _, x := range all {
				if !inSpan(x.At, from, to) {
					continue
				}
				want.Requests++
				want.Failed += bit(x.Status >= 400)
				want.Refused += bit(x.Refused)
				mix[x.Status]++
				if ends[x.Route] == nil {
					ends[x.Route] = &Endpoint{Path: x.Route}
				}
				e := ends[x.Route]
				e.Requests++
				e.Failed += bit(x.Status >= 400)
				e.Refused += bit(x.Refused)
				e.Took += x.Took
			}
			if got := must(s.Stats(t.Context(), from, to))(t); got != want {
				t.Fatalf("stats from %v to %v: got %+v, want %+v", from, to, got, want)
			}
			var wantMix []StatusCount
			for _, status := range slices.Sorted(maps.Keys(mix)) {
				wantMix = append(wantMix, StatusCount{status, mix[status]})
			}
			if got := must(s.StatusMix(t.Context(), from, to))(t); !slices.Equal(got, wantMix) {
				t.Fatalf("status mix from %v to %v: got %v, want %v", from, to, got, wantMix)
			}
			got := must(s.TopEndpoints(t.Context(), from, to, 10))(t)
			if len(got) != len(ends) || !slices.IsSortedFunc(got, func(a, b Endpoint) int { return int(b.Requests - a.Requests) }) {
				t.Fatalf("endpoints from %v to %v: got %v", from, to, got)
			}
			for _, e := range got {
				w := *ends[e.Path]
				if w.Took = (w.Took / time.Duration(w.Requests)).Truncate(time.Microsecond); e != w {
					t.Fatalf("endpoint from %v to %v: got %+v, want %+v", from, to, e, w)
				}
			}
		}
	})
}

func TestATimelineHasEveryStep(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		at := func(after time.Duration, status int) Seen {
			x := exchange(after, int(after/time.Second)+status, "198.18.0.7")
			x.Status, x.Refused = status, status == 429
			return x
		}
		write(t, s, at(0, 200), at(30*time.Second, 429), at(3*time.Minute, 404), at(61*time.Minute, 200), at(2*time.Hour, 200))
		record(t, s, Batch{Alerts: []incident.Alert{alert(1, time.Second), alert(2, 3*time.Minute), alert(3, 61*time.Minute)}})

		want := make([]Point, 5)
		for i := range want {
			want[i].At = noon.Add(time.Duration(i) * time.Minute)
		}
		want[0].Requests, want[0].Failed, want[0].Refused, want[0].Alerts = 2, 1, 1, 1
		want[3].Requests, want[3].Failed, want[3].Alerts = 1, 1, 1
		if got := must(s.Timeline(t.Context(), noon.Add(-time.Second), noon.Add(4*time.Minute+time.Second), time.Minute))(t); !reflect.DeepEqual(got, want) {
			t.Errorf("by minutes: got %+v, want %+v", got, want)
		}
		hours := []Point{
			{noon, 3, 2, 1, 2},
			{noon.Add(time.Hour), 1, 0, 0, 1},
			{noon.Add(2 * time.Hour), 1, 0, 0, 0},
		}
		if got := must(s.Timeline(t.Context(), noon.Add(-time.Minute), noon.Add(2*time.Hour+time.Minute), time.Hour))(t); !reflect.DeepEqual(got, hours) {
			t.Errorf("by hours: got %+v, want %+v", got, hours)
		}
		halves := must(s.Timeline(t.Context(), noon, noon.Add(2*time.Hour), 30*time.Minute))(t)
		if len(halves) != 4 || halves[0].Requests != 3 || halves[1].Requests != 0 || halves[2].Requests != 1 || halves[2].Alerts != 1 {
			t.Errorf("by half hours: got %+v", halves)
		}
		if got := must(s.Timeline(t.Context(), noon, noon, time.Minute))(t); len(got) != 0 {
			t.Errorf("no time at all has %d points", len(got))
		}
		// A window that ends now has the minute that has begun, and as many points as it has minutes.
		now := noon.Add(7 * time.Second)
		got := must(s.Timeline(t.Context(), now.Add(-time.Hour), now, time.Minute))(t)
		if len(got) != 60 || !got[59].At.Equal(noon) || got[59].Requests != 2 {
			t.Errorf("the last hour has %d points and ends with %+v", len(got), got[len(got)-1])
		}
	})
}

func TestSpansThatFollowEachOtherShareNothing(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	for i := range 400 {
		write(t, s, exchange(time.Duration(i)*time.Minute/2, i, "198.18.0.7"))
	}
	for _, now := range []time.Duration{200 * time.Minute, 190*time.Minute + 17*time.Second} {
		end := noon.Add(now)
		total := int64(0)
		for end.After(noon.Add(-time.Hour)) {
			total += must(s.Stats(t.Context(), end.Add(-37*time.Minute), end))(t).Requests
			end = end.Add(-37 * time.Minute)
		}
		want := must(s.Stats(t.Context(), noon.Add(-24*time.Hour), noon.Add(now)))(t).Requests
		if total != want {
			t.Errorf("parts add up to %d, the whole is %d", total, want)
		}
	}
}

func TestStatsCountAlertsAndBlockedTargetsAtTheEndOfTheSpan(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		resolved := alert(1, 0)
		resolved.Status, resolved.ResolvedAt = incident.Resolved, noon.Add(30*time.Minute)
		open := alert(2, 10*time.Minute)
		early := decision("D-1", 0) // until 13:00
		again := decision("D-2", 10*time.Minute)
		again.Until = time.Time{}
		again.Lifted = noon.Add(40 * time.Minute)
		ofKey := decision("D-3", 20*time.Minute)
		ofKey.Target = engine.Target{Key: engine.Key{Hash: [16]byte{1}}}
		allow := decision("D-4", 0)
		allow.Action, allow.Target = engine.Allow, networkTarget("198.18.9.9/32")
		record(t, s, Batch{Alerts: []incident.Alert{resolved, open}, Decisions: []engine.Decision{early, again, ofKey, allow}})

		for _, c := range []struct {
			after                   time.Duration
			alerts, raised, blocked int64
		}{
			{-time.Second, 0, 0, 0},
			{5 * time.Minute, 1, 1, 1},
			{15 * time.Minute, 2, 2, 1},
			{25 * time.Minute, 2, 2, 2},
			{35 * time.Minute, 1, 2, 2},
			{45 * time.Minute, 1, 2, 2},
			{65 * time.Minute, 1, 1, 1},
			{2 * time.Hour, 1, 0, 0},
		} {
			end := noon.Add(c.after)
			got := must(s.Stats(t.Context(), end.Add(-time.Hour), end))(t)
			if got.Alerts != c.alerts || got.Raised != c.raised || got.Blocked != c.blocked {
				t.Errorf("at %v: %d open, %d raised, %d blocked; want %d, %d, %d", c.after,
					got.Alerts, got.Raised, got.Blocked, c.alerts, c.raised, c.blocked)
			}
		}
	})
}

func TestInventedPathsAreCountedTogetherAndCrowdNobodyOut(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		n := 0
		of := func(path string, status int) Seen {
			n++
			x := exchange(time.Second, n, "198.18.0.7")
			x.Path, x.Folded, x.Route, x.Status = path, path, path, status
			return x
		}
		var junk []Seen
		for i := range 1000 {
			junk = append(junk, of(fmt.Sprintf("/junk/%d", i), 404))
		}
		write(t, s, junk[:500]...)
		write(t, s, junk[500:]...)
		write(t, s, of("/api/balance", 200), of("/api/balance", 401))
		s.slots = nil // as after a restart
		for i := range 300 {
			write(t, s, of(fmt.Sprintf("/good/%d", i), 200))
		}
		write(t, s, of("/api/balance", 200))

		top := must(s.TopEndpoints(t.Context(), noon, noon.Add(time.Minute), 1000))(t)
		if len(top) != mostPaths+1 {
			t.Errorf("%d paths are told apart, want %d and one for the rest", len(top), mostPaths)
		}
		if top[0].Path != OtherPaths || top[0].Requests != 900+300-99 || top[1] != (Endpoint{"/api/balance", 3, 1, 0, 1500 * time.Microsecond}) {
			t.Errorf("the first two are %+v", top[:2])
		}
		if got := must(s.Stats(t.Context(), noon, noon.Add(time.Minute)))(t).Requests; got != int64(n) {
			t.Errorf("counted %d, want %d", got, n)
		}
		long := of("/"+string(make([]byte, 300)), 200)
		write(t, s, long)
	})
}

func TestFiguresOfNobodyAreZero(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if got := must(s.Stats(t.Context(), noon, noon.Add(time.Hour)))(t); got != (Stats{}) {
			t.Errorf("got %+v", got)
		}
		if got := must(s.ClientFigures(t.Context(), netip.MustParsePrefix("198.18.0.7/32"), noon, noon.Add(time.Hour)))(t); got != (ClientStats{}) {
			t.Errorf("got %+v", got)
		}
		if got := must(s.TopEndpoints(t.Context(), noon, noon.Add(time.Hour), 5))(t); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
}
