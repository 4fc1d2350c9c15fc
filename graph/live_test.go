package graph

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func opened(t *testing.T) *Resolver {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	policy := engine.Defaults()
	policy.Clients, policy.Decisions = 1<<10, 1<<10
	g, err := guard.New(t.Context(), guard.Config{Store: s, Policy: policy, Seed: 1, Node: "test", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return NewResolver(s, g, nil, About{}, log)
}

func TestFiguresAreComputedOnceForAllWhoWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := opened(t)
		ctx, leave := context.WithCancel(t.Context())
		var watchers []<-chan *Stats
		for range 20 {
			w, err := r.pulse.stats(ctx, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			watchers = append(watchers, w)
		}
		first := <-watchers[0]
		for _, w := range watchers[1:] {
			if <-w != first {
				t.Fatal("somebody is told figures of his own")
			}
		}
		a, err := first.TopEndpoints(ctx, 5)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := first.TopEndpoints(ctx, 5); err != nil || len(a) != len(b) {
			t.Errorf("asked again: %v %v", b, err)
		}
		leave()
		synctest.Wait()
		if len(r.pulse.windows) > 0 || r.pulse.watching != 0 {
			t.Error("who left is still told")
		}
	})
}

func TestAWatcherWhoDoesNotReadSeesTheNewestAndWhatHeMissed(t *testing.T) {
	box := newMailbox[*ExchangesSeen]()
	w := &watcher{box: box}
	const batches, each = 10, 30
	for b := range batches {
		var some []store.Seen
		for i := range each {
			some = append(some, store.Seen{Exchange: engine.Exchange{Request: engine.Request{ID: uint64(b*each + i)}}})
		}
		w.tell([][]store.Seen{some}, 0)
	}
	got := <-box
	if len(got.Exchanges) != mostShown || got.Skipped != batches*each-mostShown {
		t.Fatalf("shown %d, skipped %d", len(got.Exchanges), got.Skipped)
	}
	for i, x := range got.Exchanges {
		if x.Seen.ID != uint64(batches*each-1-i) {
			t.Fatalf("at %d stands %d", i, x.Seen.ID)
		}
	}
}
