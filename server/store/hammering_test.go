package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestHammeringAddsUpWhoeverCountsIt(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		add := func(more map[string]Hammering) {
			t.Helper()
			if err := s.AddHammering(t.Context(), more); err != nil {
				t.Fatal(err)
			}
		}
		add(nil)
		add(map[string]Hammering{"D-1": {3, noon.Add(time.Minute)}, "D-2": {1, noon}})
		add(map[string]Hammering{"D-1": {4, noon}}) // of another node, whose last was before
		add(map[string]Hammering{"D-2": {1 << 40, noon.Add(time.Hour)}})
		got := must(s.Hammering(t.Context(), []string{"D-2", "D-1", "D-3"}))(t)
		if len(got) != 2 || got["D-1"] != (Hammering{7, noon.Add(time.Minute)}) || got["D-2"] != (Hammering{1<<40 + 1, noon.Add(time.Hour)}) {
			t.Errorf("got %+v", got)
		}
		many, names := map[string]Hammering{}, []string(nil)
		for n := range 2500 {
			names = append(names, fmt.Sprint("D-", n))
			many[names[n]] = Hammering{1, noon}
		}
		add(many)
		if got := must(s.Hammering(t.Context(), names))(t); len(got) != 2500 || got["D-1"].Requests != 8 {
			t.Errorf("of many %d are known, %+v", len(got), got["D-1"])
		}
	})
}

func TestHammeringGoesWithItsDecision(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		forever := decision("D-FOREVER000000", 0)
		forever.Until = time.Time{}
		record(t, s, Batch{Decisions: []engine.Decision{forever, decision("D-ENDED00000000", 0)}})
		more := map[string]Hammering{forever.ID: {1, noon}, "D-ENDED00000000": {1, noon}, "D-NOTWRITTENYET": {1, noon.Add(899 * day)}}
		if err := s.AddHammering(t.Context(), more); err != nil {
			t.Fatal(err)
		}
		retain(t, s, Retention{Alerts: 400 * day}, noon.Add(900*day))
		got := must(s.Hammering(t.Context(), []string{forever.ID, "D-ENDED00000000", "D-NOTWRITTENYET"}))(t)
		if _, gone := got["D-ENDED00000000"]; len(got) != 2 || gone {
			t.Errorf("left is %+v", got)
		}
	})
}
