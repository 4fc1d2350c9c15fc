package store

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestExchangesAreGivenInTheOrderOfTheirTime(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var batch []Seen
		for i := range inOrder + 300 {
			batch = append(batch, exchange(time.Duration(i)*time.Millisecond, i%7, "198.51.100.7"))
		}
		for from := len(batch); from > 0; from -= 1000 { // the newest first
			write(t, s, batch[max(from-1000, 0):from]...)
		}
		last, n := uint64(0), 0
		count := func(x *engine.Exchange) error {
			if x.ID <= last {
				t.Fatalf("after %d comes %d", last, x.ID)
			}
			last, n = x.ID, n+1
			return nil
		}
		more, err := s.EachInOrder(t.Context(), noon.Add(100*time.Millisecond), noon.Add(4300*time.Millisecond), 1<<20, count)
		if err != nil || more || n != 4200 {
			t.Errorf("%d were given, more: %v, %v", n, more, err)
		}
		for _, c := range []struct {
			most int
			more bool
		}{{inOrder, true}, {inOrder + 1, true}, {len(batch) - 1, true}, {len(batch), false}} {
			last, n = 0, 0
			more, err := s.EachInOrder(t.Context(), time.Time{}, time.Time{}, c.most, count)
			if err != nil || more != c.more || n != c.most {
				t.Errorf("of at most %d, %d were given, more: %v, %v", c.most, n, more, err)
			}
		}
		enough := errors.New("enough")
		if _, err := s.EachInOrder(t.Context(), noon, time.Time{}, 10, func(*engine.Exchange) error { return enough }); !errors.Is(err, enough) {
			t.Error(err)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := s.EachInOrder(ended, noon, time.Time{}, 10, count); err == nil {
			t.Error("goes on after its context has ended")
		}
	})
}

func TestWhoReadsInOrderKeepsNobodyFromWriting(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		write(t, s, exchange(0, 1, "198.51.100.7"), exchange(time.Second, 1, "198.51.100.7"))
		n := 0
		_, err := s.EachInOrder(t.Context(), noon, time.Time{}, 10, func(*engine.Exchange) error {
			n++
			write(t, s, exchange(time.Minute+time.Duration(n)*time.Second, 1, "198.51.100.7"))
			return nil
		})
		if err != nil || n != 2 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestWhatComesBeforeBeginsWithAStretch(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if at := must(s.Before(t.Context(), noon, 100_000))(t); at.Unix() != 0 {
			t.Errorf("of nothing the beginning is %s", at)
		}
		s.full = 100
		for i := range 10 {
			var batch []Seen
			for j := range 100 {
				batch = append(batch, exchange(time.Duration(i*100+j)*time.Second, 1, "198.51.100.7"))
			}
			write(t, s, batch...)
		}
		at := must(s.Before(t.Context(), noon.Add(950*time.Second), 3*rowsOfStretch))(t)
		if at.Before(noon.Add(699*time.Second)) || at.After(noon.Add(700*time.Second)) {
			t.Errorf("three stretches before begin %s after noon", at.Sub(noon))
		}
	})
}

func TestStoredTrafficIsLookedAtBesideItsWriter(t *testing.T) {
	for _, c := range []Config{{Dir: t.TempDir()}, {}} {
		name := "SQLite"
		if c.Dir == "" {
			name = "PostgreSQL"
		}
		t.Run(name, func(t *testing.T) {
			if c.Dir == "" {
				c.URL = schema(t)
			}
			s := opened(t, c)
			write(t, s, exchange(0, 1, "198.51.100.7"))
			beside, err := Look(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := beside.Close(); err != nil {
					t.Error(err)
				}
			}()
			write(t, s, exchange(time.Second, 1, "198.51.100.7"))
			record(t, s, Batch{Rules: []RuleVersion{{Rule: "cards", Number: 1, Finds: 1, Change: RuleSaved, Mode: "shadow", Definition: "id: cards", By: "ada", At: noon}}})
			if saved, err := beside.SavedRules(t.Context()); err != nil || len(saved) != 1 || saved[0].Mode != "shadow" {
				t.Errorf("the rules of the console are %+v, %v", saved, err)
			}
			n := 0
			if _, err := beside.EachInOrder(t.Context(), noon, time.Time{}, 10, func(*engine.Exchange) error { n++; return nil }); err != nil || n != 2 {
				t.Errorf("%d exchanges are seen, %v", n, err)
			}
			if err := beside.WriteExchanges(t.Context(), []Seen{exchange(time.Minute, 1, "198.51.100.7")}); err == nil {
				t.Error("it can be written to")
			}
			if err := beside.Record(t.Context(), Batch{Audit: []Entry{{At: noon, Actor: "ada", Verb: "block"}}}); err == nil {
				t.Error("the record can be written to")
			}
		})
	}
	if _, err := Look(t.Context(), Config{Dir: t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of an empty directory: %v", err)
	}
}
