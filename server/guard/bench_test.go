package guard

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// BenchmarkGuard is what a request pays for a guard: Decide and Observe, as the gateway calls
// them. The first is the guard itself; the second shares its cores with the database that
// writes what goes by, as fast as it can.
func BenchmarkGuard(b *testing.B) {
	b.Run("itself", func(b *testing.B) { guarded(b, forgetful{&paper{}}) })
	b.Run("writing", func(b *testing.B) {
		db, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()}, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		guarded(b, db)
	})
}

// forgetful keeps no traffic.
type forgetful struct{ *paper }

func (forgetful) SavedRules(context.Context) ([]store.RuleVersion, error) { return nil, nil }
func (forgetful) RuleModes(context.Context) ([]store.RuleMode, error)     { return nil, nil }
func (forgetful) WriteExchanges(context.Context, []store.Seen) error      { return nil }

func guarded(b *testing.B, s ledger) {
	g, err := open(b.Context(), Config{Policy: engine.Defaults(), Seed: 1, Node: "here"}, s)
	if err != nil {
		b.Fatal(err)
	}
	exchanges(b, g)
	b.StopTimer()
	lost := g.Health().TrafficLost
	if err := g.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(lost)/float64(b.N), "lost/op")
}

// BenchmarkEngineAlone is the same without a guard.
func BenchmarkEngineAlone(b *testing.B) {
	e, err := engine.New(engine.Defaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	exchanges(b, watching{e})
}

type watching struct{ *engine.Engine }

func (w watching) Observe(x engine.Exchange) { w.Engine.Observe(x) }

// exchanges passes honest traffic of sixteen thousand clients through, at a pace that no rule minds.
func exchanges(b *testing.B, g interface {
	Decide(engine.Request) engine.Verdict
	Observe(engine.Exchange)
},
) {
	b.ReportAllocs()
	at := time.Now()
	n := 0
	for b.Loop() {
		n++
		r := engine.Request{
			ID: uint64(at.UnixMilli())<<20 | uint64(n), At: at.Add(time.Duration(n) * 100 * time.Microsecond),
			Client: netip.AddrFrom4([4]byte{10, 0, byte(n >> 8 & 63), byte(n)}),
			Method: "GET", Path: "/api/balance", Folded: "/api/balance", Route: "/api/balance",
		}
		g.Decide(r)
		g.Observe(engine.Exchange{Request: r, Status: 200, Took: time.Millisecond})
	}
}

// BenchmarkHammering is what a request of somebody costs who is blocked and goes on asking.
func BenchmarkHammering(b *testing.B) {
	g, err := open(b.Context(), Config{Policy: engine.Defaults(), Seed: 1, Node: "here"}, forgetful{&paper{}})
	if err != nil {
		b.Fatal(err)
	}
	const blocked = 1 << 10
	network := func(n int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 32)
	}
	for n := range blocked {
		if _, err := g.Place(b.Context(), By{Name: "ada"}, Wanted{Action: engine.Block, Network: network(n)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	at := time.Now()
	n := 0
	for b.Loop() {
		n++
		r := engine.Request{ID: uint64(n), At: at.Add(time.Duration(n) * 100 * time.Microsecond), Client: network(n % blocked).Addr(), Method: "GET", Path: "/", Folded: "/", Route: "/"}
		if v := g.Decide(r); !v.Refused() {
			b.Fatal("passes")
		}
	}
	b.StopTimer()
	if err := g.Close(); err != nil {
		b.Fatal(err)
	}
}
