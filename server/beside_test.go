package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/bank"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// BenchmarkRequestsBesideWrites asks the bank through the gateway at an even 500 requests a
// second, in turns of a second with the traffic file at rest and with 75,000 more rows a second
// being written to it, and reports the 99th percentile of both. Each turn is one iteration.
func BenchmarkRequestsBesideWrites(b *testing.B) {
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()}, log)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	g, err := guard.New(b.Context(), guard.Config{Store: db, Policy: engine.Defaults(), Node: "bench", Log: log})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	srv := httptest.NewServer(gateway.New(gateway.Config{Demo: true, Log: log}, g, bank.New(time.Now)))
	defer srv.Close()

	var rest, busy []time.Duration
	rows := 0
	for b.Loop() {
		rest = append(rest, turn(b, srv.URL)...)
		ctx, stop := context.WithCancel(b.Context())
		written := make(chan int, 1)
		go func() { written <- write(ctx, db) }()
		busy = append(busy, turn(b, srv.URL)...)
		stop()
		rows += <-written
	}
	b.ReportMetric(p99(rest), "p99-ms-at-rest")
	b.ReportMetric(p99(busy), "p99-ms-writing")
	b.ReportMetric(float64(rows)/float64(b.N), "rows/turn")
}

var keepsAlive = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}

// turn sends 500 requests, one every two milliseconds whether or not the last was answered, and
// counts each from the moment it was due.
func turn(b *testing.B, url string) []time.Duration {
	const n = 500
	took := make(chan time.Duration, n)
	begin := time.Now()
	for i := range n {
		due := begin.Add(time.Duration(i) * 2 * time.Millisecond)
		time.Sleep(time.Until(due)) // the pace is what is measured against
		go func() {
			r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, url+bank.Balance, http.NoBody)
			r.Header.Set("X-Simulated-IP", "198.18."+strconv.Itoa(i%200)+".1")
			r.Header.Set("X-API-Key", "user_key")
			if a, err := keepsAlive.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, a.Body)
				a.Body.Close()
			}
			took <- time.Since(due)
		}()
	}
	out := make([]time.Duration, 0, n)
	for range n {
		out = append(out, <-took)
	}
	return out
}

// write fills the traffic file with 75 batches of 1,000 a second until ctx ends.
func write(ctx context.Context, db *store.Store) int {
	store.GiveWay() // as the guard's own writer does
	tick := time.NewTicker(time.Second / 75)
	defer tick.Stop()
	batch := make([]store.Seen, 1000)
	id := uint64(time.Now().Add(-time.Hour).UnixMilli()) << 20
	for rows := 0; ; rows += len(batch) {
		select {
		case <-ctx.Done():
			return rows
		case <-tick.C:
		}
		for i := range batch {
			id += 1 << 14
			batch[i].Request = engine.Request{
				ID: id, At: time.UnixMilli(int64(id >> 20)), Client: netip.AddrFrom4([4]byte{198, 19, byte(i >> 4), byte(i)}),
				Method: "GET", Path: "/api/balance", Folded: "/api/balance", Route: "/api/balance",
			}
			batch[i].Status = 200
		}
		if err := db.WriteExchanges(ctx, batch); err != nil {
			return rows
		}
	}
}

func p99(of []time.Duration) float64 {
	slices.Sort(of)
	return float64(of[len(of)*99/100].Microseconds()) / 1000
}
