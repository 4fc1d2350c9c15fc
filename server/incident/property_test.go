package incident_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// A step of a history: a finding, or the resolution of the n-th alert.
type step struct {
	finding engine.Finding
	resolve int // -1 for a finding
}

// history draws findings of few clients, networks and keys, close enough to meet, in order of
// time, with resolutions between them.
func history(t *rapid.T) []step {
	var steps []step
	minute := 0
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		if rapid.IntRange(0, 9).Draw(t, "resolve?") == 0 {
			steps = append(steps, step{resolve: rapid.IntRange(0, 20).Draw(t, "which")})
			continue
		}
		minute += rapid.SampledFrom([]int{0, 1, 20, 45, 61}).Draw(t, "pause")
		rule := rapid.SampledFrom([]string{rate, auth, honeypot}).Draw(t, "rule")
		client := fmt.Sprintf("198.51.%d.%d", rapid.IntRange(1, 4).Draw(t, "network"), rapid.IntRange(1, 3).Draw(t, "host"))
		f := found(rule, client, minute)
		if k := rapid.IntRange(0, 5).Draw(t, "key"); k < 3 {
			f = found(rule, client, minute, withKey(fmt.Sprint("key", k)))
		}
		f.ID += fmt.Sprint("#", len(steps))
		steps = append(steps, step{finding: f, resolve: -1})
	}
	return steps
}

// play folds a history, and returns every answer and what would be stored in the end.
func play(b *incident.Book, steps []step) (answers []any, alerts map[int64]incident.Alert, incidents map[int64]incident.Incident) {
	alerts, incidents = map[int64]incident.Alert{}, map[int64]incident.Incident{}
	var raised []int64
	for _, s := range steps {
		if s.resolve >= 0 {
			if s.resolve >= len(raised) {
				continue
			}
			r := b.Resolve(noon, "ada", raised[s.resolve])
			b.Settle(r)
			answers = append(answers, r)
			for _, a := range r.Alerts {
				alerts[a.ID] = a
			}
			for _, i := range r.Incidents {
				incidents[i.ID] = i
			}
			continue
		}
		c := b.Fold(s.finding)
		answers = append(answers, c)
		if c.Raised {
			raised = append(raised, c.Alert.ID)
		}
		for _, a := range append(slices.Clone(c.Joined), c.Alert) {
			alerts[a.ID] = a
		}
		for _, i := range c.Emptied {
			incidents[i.ID] = i
		}
		if c.Incident != nil {
			incidents[c.Incident.ID] = *c.Incident
		}
	}
	return answers, alerts, incidents
}

func TestTheSameFindingsInTheSameOrderGiveTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := history(t)
		one, _, _ := play(incident.NewBook(incident.Limits{}), steps)
		two, _, _ := play(incident.NewBook(incident.Limits{}), steps)
		if !reflect.DeepEqual(one, two) {
			t.Fatal("two books differ")
		}
		small := incident.Limits{Alerts: 5, PerIncident: 3}
		one, _, _ = play(incident.NewBook(small), steps)
		two, _, _ = play(incident.NewBook(small), steps)
		if !reflect.DeepEqual(one, two) {
			t.Fatal("two small books differ")
		}
	})
}

// What is told of alerts and incidents, finding by finding, must add up: whoever only stores
// the answers has the whole truth.
func TestWhatIsToldAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := incident.Limits{}
		if rapid.Bool().Draw(t, "small") {
			limits.PerIncident = 3
		}
		_, alerts, incidents := play(incident.NewBook(limits), history(t))
		members := map[int64][]incident.Alert{}
		for _, a := range alerts {
			if a.Incident != 0 {
				members[a.Incident] = append(members[a.Incident], a)
			}
		}
		for id, i := range incidents {
			var want incident.Incident
			actors, open := map[engine.Target]bool{}, false
			for _, a := range members[id] {
				want.Severity = max(want.Severity, a.Severity)
				if want.First.IsZero() || a.First.Before(want.First) {
					want.First = a.First
				}
				if a.Last.After(want.Last) {
					want.Last = a.Last
				}
				actors[a.Actor] = true
				open = open || a.Status == incident.Open
			}
			if len(members[id]) != i.Alerts || len(actors) != i.Clients || open != (i.Status == incident.Open) {
				t.Fatalf("%+v\nhas %d alerts of %d clients, open: %v", i, len(members[id]), len(actors), open)
			}
			if i.Alerts > 0 && (i.Alerts < 2 || i.Shared == "" || i.Title == "" ||
				want.Severity != i.Severity || !want.First.Equal(i.First) || !want.Last.Equal(i.Last)) {
				t.Fatalf("%+v\nis told, its alerts say %+v", i, want)
			}
		}
		for id := range members {
			if _, told := incidents[id]; !told {
				t.Fatalf("incident %d was never told", id)
			}
		}
	})
}

// The reference is slow and obvious: it keeps every finding, compares each with all before
// it, and paints what meets in one colour.
func TestGroupsAreThoseOfASlowReference(t *testing.T) {
	type seen struct {
		alert int64
		f     engine.Finding
	}
	rapid.Check(t, func(t *rapid.T) {
		b := incident.NewBook(incident.Limits{})
		var past []seen
		var raised []int64
		colour := map[int64]int64{} // alert -> colour, only of what is not closed
		open := map[int64]bool{}
		paint := func(from, to int64) {
			for a, c := range colour {
				if c == from {
					colour[a] = to
				}
			}
		}
		for _, s := range history(t) {
			if s.resolve >= 0 {
				if s.resolve < len(raised) {
					id := raised[s.resolve]
					b.Settle(b.Resolve(noon, "ada", id))
					open[id] = false
					if c, in := colour[id]; in && !slices.ContainsFunc(slices.Collect(maps.Keys(colour)), func(a int64) bool {
						return colour[a] == c && open[a]
					}) {
						maps.DeleteFunc(colour, func(_, other int64) bool { return other == c })
					}
				}
				continue
			}
			c := b.Fold(s.finding)
			id := c.Alert.ID
			if c.Raised {
				raised = append(raised, id)
				colour[id], open[id] = id, true
			}
			for _, p := range past {
				if _, in := colour[p.alert]; in && s.finding.At.Sub(p.f.At) <= time.Hour && alike(s.finding, p.f) {
					paint(colour[p.alert], colour[id])
				}
			}
			past = append(past, seen{id, s.finding})
			size := 0
			for _, other := range colour {
				if other == colour[id] {
					size++
				}
			}
			if got := max(1, alertsOf(c)); got != size {
				t.Fatalf("after %s the incident has %d alerts, want %d", s.finding.ID, got, size)
			}
		}
	})
}

func alertsOf(c incident.Change) int {
	if c.Incident == nil {
		return 0
	}
	return c.Incident.Alerts
}

func alike(x, y engine.Finding) bool {
	net := func(a netip.Addr) netip.Prefix { p, _ := a.Prefix(24); return p }
	return net(x.Client) == net(y.Client) || !x.Key.Zero() && x.Key == y.Key
}

// A restart in the middle of a history must not show: what is stored is enough to go on.
func TestAfterARestartTheBookGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := incident.NewBook(incident.Limits{})
		steps := history(t)
		_, alerts, incidents := play(b, steps)
		stored := slices.Collect(maps.Values(alerts))
		again := incident.NewBook(incident.Limits{})
		again.Restore(stored, slices.Collect(maps.Values(incidents)))
		if again.Len() != b.Len() {
			t.Fatalf("%d alerts are remembered, want %d", again.Len(), b.Len())
		}
		last := 0
		for _, s := range steps {
			if s.resolve < 0 {
				last = int(s.finding.At.Sub(noon) / time.Minute)
			}
		}
		next := found(rapid.SampledFrom([]string{rate, auth}).Draw(t, "rule"),
			rapid.SampledFrom([]string{"198.51.1.1", "198.51.2.9", "203.0.113.1"}).Draw(t, "client"), last+20)
		want, got := b.Fold(next), again.Fold(next)
		if want.Incident != nil && got.Incident != nil {
			got.Incident.Title = want.Incident.Title // rules of one severity may change places
		}
		for _, joined := range [][]incident.Alert{want.Joined, got.Joined} {
			slices.SortFunc(joined, func(x, y incident.Alert) int { return cmp.Compare(x.ID, y.ID) })
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("the next finding gives\n%+v %+v\nwant\n%+v %+v", got, got.Incident, want, want.Incident)
		}
	})
}

func TestWhatWasForgottenCanBeRecalledAndResolved(t *testing.T) {
	b := incident.NewBook(incident.Limits{Alerts: 2})
	old := b.Fold(found(rate, "198.51.100.1", 0)).Alert
	b.Fold(found(rate, "10.1.0.1", 1))
	b.Fold(found(rate, "10.2.0.1", 2))
	if _, known := b.Alert(old.ID); known {
		t.Fatal("it is not forgotten")
	}
	b.Restore([]incident.Alert{old}, nil)
	r := b.Resolve(noon, "ada", old.ID)
	if len(r.Alerts) != 1 {
		t.Errorf("resolved %+v", r.Alerts)
	}
}
