package store

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/incident"
)

func TestNodesThatStartTogetherShareADatabase(t *testing.T) {
	url := schema(t)
	const nodes, batches, size = 3, 30, 20
	var opening, writing sync.WaitGroup
	stores := make([]*Store, nodes)
	for n := range nodes {
		opening.Go(func() {
			s, err := Open(t.Context(), Config{URL: url}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			s.full = 100
			stores[n] = s
		})
	}
	opening.Wait()
	for n, s := range stores {
		if s == nil {
			t.FailNow()
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		writing.Go(func() {
			for b := range batches {
				batch := make([]Seen, size)
				for i := range batch {
					id := (b*size+i)*nodes + n
					batch[i] = exchange(time.Duration(b)*time.Second, id, "198.18.0.7")
				}
				if err := s.WriteExchanges(t.Context(), batch); err != nil {
					t.Error(err)
				}
				if err := s.Record(t.Context(), Batch{Alerts: []incident.Alert{alert(1, 0)}, Audit: []Entry{{At: noon}}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	const all = nodes * batches * size
	if got := must(stores[0].Stats(t.Context(), noon, noon.Add(time.Minute)))(t).Requests; got != all {
		t.Errorf("counted %d requests, want %d", got, all)
	}
	found := 0
	last := uint64(1 << 63)
	err := stores[1].EachExchange(t.Context(), ExchangeFilter{Client: networkTarget("198.18.0.7/32").Network}, func(x Seen) error {
		if found++; x.ID >= last {
			t.Errorf("exchange %d came after %d", x.ID, last)
		}
		last = x.ID
		return nil
	})
	if err != nil || found != all {
		t.Errorf("found %d exchanges, want %d: %v", found, all, err)
	}
}

func TestADatabaseThatIsAwayIsAnErrorInTime(t *testing.T) {
	began := time.Now()
	_, err := Open(t.Context(), Config{URL: "postgres://sentinel:secret@127.0.0.1:1/none?connect_timeout=2"}, slog.New(slog.DiscardHandler))
	if err == nil || time.Since(began) > 20*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is in the error: %v", err)
	}
}
