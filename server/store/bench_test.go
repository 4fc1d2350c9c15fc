package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

var (
	benchPaths  = []string{"/api/balance", "/api/balance", "/api/balance", "/api/history", "/api/transaction", "/api/login", "/api/cards", "/api/admin/export"}
	benchAgents = []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36",
		"LegitimateApp/1.0", "curl/8.5.0", "python-requests/2.31",
	}
)

// fill makes a batch of traffic of 50,000 clients, spread evenly over a span that begins at from.
func fill(batch []Seen, from time.Time, span time.Duration, r *rand.Rand) {
	for i := range batch {
		at := from.Add(span * time.Duration(i) / time.Duration(len(batch)))
		u := r.IntN(50_000)
		path := benchPaths[r.IntN(len(benchPaths))]
		x := Seen{Exchange: engine.Exchange{
			Request: engine.Request{
				ID: uint64(at.UnixMilli())<<idBits | uint64(i), At: at,
				Client: netip.AddrFrom4([4]byte{198, 18, byte(u >> 8), byte(u)}),
				Key:    engine.Key{Hash: [16]byte{1, byte(u), byte(u >> 8)}, Prefix: "user_key"},
				Method: "GET", Path: path, Folded: path, Route: path, UserAgent: benchAgents[u%len(benchAgents)],
			},
			Status: 200, Took: time.Duration(r.IntN(90_000)) * time.Microsecond, Bytes: int64(r.IntN(4000)),
		}}
		switch r.IntN(40) {
		case 0:
			x.Status = 401
		case 1:
			x.Status, x.Refused, x.Cause = 403, true, "honeypot"
		case 2:
			x.Status, x.Refused, x.Cause = 429, true, "rate-abuse"
		}
		batch[i] = x
	}
}

func BenchmarkWriteExchanges(b *testing.B) {
	for _, size := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := opened(b, Config{Dir: b.TempDir()})
			r := rand.New(rand.NewPCG(1, 2))
			batch := make([]Seen, size)
			at := noon
			rows := 0
			for b.Loop() {
				b.StopTimer()
				fill(batch, at, 20*time.Millisecond, r)
				at = at.Add(20 * time.Millisecond)
				b.StartTimer()
				if err := s.WriteExchanges(context.Background(), batch); err != nil {
					b.Fatal(err)
				}
				rows += size
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkDashboard asks what one view of the dashboard asks, over 100,000 and 1,000,000 stored
// exchanges of a day, and reports p50 and p95 of each question.
func BenchmarkDashboard(b *testing.B) {
	for _, rows := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			s := opened(b, Config{Dir: b.TempDir()})
			now := noon
			stored(b, s, rows, now)
			from, before := now.Add(-time.Hour), now.Add(-2*time.Hour)
			questions := []struct {
				name string
				ask  func(ctx context.Context) error
			}{
				{"stats", func(ctx context.Context) error {
					if _, err := s.Stats(ctx, before, from); err != nil {
						return err
					}
					_, err := s.Stats(ctx, from, now)
					return err
				}},
				{"timeline", func(ctx context.Context) error { _, err := s.Timeline(ctx, from, now, time.Minute); return err }},
				{"endpoints", func(ctx context.Context) error { _, err := s.TopEndpoints(ctx, from, now, 5); return err }},
				{"mix", func(ctx context.Context) error { _, err := s.StatusMix(ctx, from, now); return err }},
				{"alerts", func(ctx context.Context) error { _, err := s.Alerts(ctx, AlertFilter{}, Page{First: 50}); return err }},
				{"decisions", func(ctx context.Context) error {
					_, err := s.Decisions(ctx, DecisionFilter{InForce: true, At: now}, Page{First: 50})
					return err
				}},
				{"logs", func(ctx context.Context) error {
					_, err := s.Exchanges(ctx, ExchangeFilter{}, Page{First: 200})
					return err
				}},
				{"client", func(ctx context.Context) error {
					_, err := s.ClientFigures(ctx, netip.MustParsePrefix("198.18.3.7/32"), from, now)
					return err
				}},
				{"stats30d", func(ctx context.Context) error { _, err := s.Stats(ctx, now.Add(-30*24*time.Hour), now); return err }},
				{"endpoints24h", func(ctx context.Context) error {
					_, err := s.TopEndpoints(ctx, now.Add(-24*time.Hour), now, 5)
					return err
				}},
				{"timeline24h", func(ctx context.Context) error {
					_, err := s.Timeline(ctx, now.Add(-24*time.Hour), now, time.Minute)
					return err
				}},
			}
			took := make([][]time.Duration, len(questions))
			b.ResetTimer()
			for b.Loop() {
				for i, q := range questions {
					began := time.Now()
					if err := q.ask(context.Background()); err != nil {
						b.Fatal(q.name, err)
					}
					took[i] = append(took[i], time.Since(began))
				}
			}
			for i, q := range questions {
				slices.Sort(took[i])
				n := len(took[i])
				b.ReportMetric(float64(took[i][n/2].Microseconds())/1000, q.name+"-p50-ms")
				b.ReportMetric(float64(took[i][n*95/100].Microseconds())/1000, q.name+"-p95-ms")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// stored fills a store with a day of traffic that ends at now, and with what was found in it.
func stored(tb testing.TB, s *Store, rows int, now time.Time) {
	tb.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	batch := make([]Seen, 5000)
	n := rows / len(batch)
	each := 24 * time.Hour / time.Duration(n)
	for i := range n {
		fill(batch, now.Add(-24*time.Hour+each*time.Duration(i)), each, r)
		write(tb, s, batch...)
	}
	var found Batch
	for i := range 2000 {
		ago := -24 * time.Hour * time.Duration(2000-i) / 2000
		found.Alerts = append(found.Alerts, alert(int64(i+1), ago))
		found.Decisions = append(found.Decisions, decision(fmt.Sprintf("D-%013d", i), ago))
	}
	record(tb, s, found)
}
