package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
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
	for _, c := range []struct {
		size     int
		accounts bool
	}{{100, false}, {1000, false}, {5000, false}, {1000, true}} {
		name, size := fmt.Sprint(c.size), c.size
		if c.accounts {
			name += "WithAccounts"
		}
		b.Run(name, func(b *testing.B) {
			s := benchStore(b)
			r := rand.New(rand.NewPCG(1, 2))
			batch := make([]Seen, size)
			at := noon
			rows := 0
			for b.Loop() {
				b.StopTimer()
				fill(batch, at, 20*time.Millisecond, r)
				at = at.Add(20 * time.Millisecond)
				for i := range batch {
					if c.accounts {
						u := r.IntN(50_000)
						batch[i].Account = fmt.Sprintf("user%d@example.com", u)
						batch[i].Session = engine.Key{Hash: [16]byte{2, byte(u), byte(u >> 8)}, Prefix: "sess_abc"}
					}
				}
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

// A question is asked again and again.
type question struct {
	name string
	ask  func(context.Context) error
}

// measure reports p50 and p95 of each question.
func measure(b *testing.B, questions []question) {
	took := make([][]time.Duration, len(questions))
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
}

// asking drops the answer of a question.
func asking[T any](ask func(context.Context) (T, error)) func(context.Context) error {
	return func(ctx context.Context) error { _, err := ask(ctx); return err }
}

// BenchmarkDashboard asks what one view of the dashboard asks, over 100,000 and 1,000,000 stored
// exchanges of a day.
func BenchmarkDashboard(b *testing.B) {
	for _, rows := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			s := benchStore(b)
			now := noon
			stored(b, s, rows, now)
			hour, day, month := now.Add(-time.Hour), now.Add(-24*time.Hour), now.Add(-30*24*time.Hour)
			measure(b, []question{
				{"stats", asking(func(ctx context.Context) (Stats, error) { return s.Stats(ctx, hour, now) })},
				{"before", asking(func(ctx context.Context) (Stats, error) { return s.Stats(ctx, hour.Add(-time.Hour), hour) })},
				{"timeline", asking(func(ctx context.Context) ([]Point, error) { return s.Timeline(ctx, hour, now, time.Minute) })},
				{"endpoints", asking(func(ctx context.Context) ([]Endpoint, error) { return s.TopEndpoints(ctx, hour, now, 5) })},
				{"mix", asking(func(ctx context.Context) ([]StatusCount, error) { return s.StatusMix(ctx, hour, now) })},
				{"alerts", asking(func(ctx context.Context) (Slice[incident.Alert], error) {
					return s.Alerts(ctx, AlertFilter{Status: incident.Open}, Page{First: 50})
				})},
				{"alertCount", asking(func(ctx context.Context) (int, error) {
					return s.CountAlerts(ctx, AlertFilter{Status: incident.Open})
				})},
				{"decisions", asking(func(ctx context.Context) (Slice[engine.Decision], error) {
					return s.Decisions(ctx, DecisionFilter{InForce: true, At: now}, Page{First: 50})
				})},
				{"logs", asking(func(ctx context.Context) (Slice[Seen], error) {
					return s.Exchanges(ctx, ExchangeFilter{}, Page{First: 200})
				})},
				{"client", asking(func(ctx context.Context) (ClientStats, error) {
					return s.ClientFigures(ctx, netip.MustParsePrefix("198.18.3.7/32"), hour, now)
				})},
				{"stats30d", asking(func(ctx context.Context) (Stats, error) { return s.Stats(ctx, month, now) })},
				{"timeline24h", asking(func(ctx context.Context) ([]Point, error) { return s.Timeline(ctx, day, now, time.Minute) })},
				{"timeline30d", asking(func(ctx context.Context) ([]Point, error) { return s.Timeline(ctx, month, now, time.Hour) })},
				{"endpoints30d", asking(func(ctx context.Context) ([]Endpoint, error) { return s.TopEndpoints(ctx, month, now, 5) })},
			})
		})
	}
}

// BenchmarkSearch looks for exchanges of all kinds of rarity among 1,000,000.
func BenchmarkSearch(b *testing.B) {
	s := benchStore(b)
	stored(b, s, 1_000_000, noon)
	page := func(f ExchangeFilter) func(context.Context) error {
		return asking(func(ctx context.Context) (Slice[Seen], error) { return s.Exchanges(ctx, f, Page{First: 50}) })
	}
	network := netip.MustParsePrefix
	measure(b, []question{
		{"status", page(ExchangeFilter{Status: 401})},
		{"client", page(ExchangeFilter{Client: network("198.18.3.7/32")})},
		{"clientAndRare", page(ExchangeFilter{Client: network("198.18.0.0/16"), Path: "needle"})},
		{"network", page(ExchangeFilter{Client: network("198.18.3.0/24")})},
		{"absentClient", page(ExchangeFilter{Client: network("203.0.113.7/32")})},
		{"absentNetwork", page(ExchangeFilter{Client: network("2001:db8::/32")})},
		{"absentPath", page(ExchangeFilter{Path: "needle"})},
		{"figuresOfAll", asking(func(ctx context.Context) (ClientStats, error) {
			return s.ClientFigures(ctx, network("198.18.0.0/15"), noon.Add(-time.Hour), noon)
		})},
	})
}

// benchStore is on PostgreSQL when SENTINEL_TEST_POSTGRES says where, else on SQLite.
func benchStore(b *testing.B) *Store {
	if os.Getenv("SENTINEL_TEST_POSTGRES") != "" {
		return opened(b, Config{URL: schema(b)})
	}
	return opened(b, Config{Dir: b.TempDir()})
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

// BenchmarkInForce reads 1,000,000 decisions of a feed and puts them in force, as a start does.
func BenchmarkInForce(b *testing.B) {
	s := benchStore(b)
	const many = 1_000_000
	batch := make([]engine.Decision, 0, 50_000)
	for i := range many {
		a := netip.AddrFrom4([4]byte{11 + byte(i>>16), byte(i >> 8), byte(i), 0})
		batch = append(batch, engine.Decision{
			ID: fmt.Sprintf("D-%013d", i), Action: engine.Block, Target: engine.Target{Network: netip.PrefixFrom(a, 24)},
			Reason: "listed by a feed", Origin: engine.ByFeed, By: "feed", From: noon, Until: noon.Add(24 * time.Hour),
		})
		if len(batch) == cap(batch) {
			if err := s.Record(context.Background(), Batch{Decisions: batch}); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	for b.Loop() {
		e, err := engine.New(engine.Defaults(), 1)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		n := 0
		e.RestoreEach(func(yield func(engine.Decision) bool) {
			err = s.EachInForce(context.Background(), noon, func(d engine.Decision) error {
				n++
				yield(d) // always wants more
				return nil
			})
		})
		if err != nil || n != many {
			b.Fatal(n, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "in-force-s")
	}
	b.ReportMetric(0, "ns/op")
}
