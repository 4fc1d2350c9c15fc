package engine

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

// A crowd is 10,000 people with a key each, and what they do in turn: look at the balance, pay,
// look at the history. Each sends a request a second, so that all of them pass.
const crowd = 10_000

var session = [3]Exchange{
	{Request: Request{Method: "GET", Path: "/api/balance", Folded: "/api/balance"}, Status: 200},
	{Request: Request{Method: "POST", Path: "/api/transaction", Folded: "/api/transaction"}, Status: 201},
	{Request: Request{Method: "GET", Path: "/api/history", Folded: "/api/history"}, Status: 200},
}

func member(n int) (netip.Addr, Key) {
	k := Key{Prefix: "bench"}
	k.Hash[0], k.Hash[1], k.Hash[15] = byte(n), byte(n>>8), 1
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), k
}

// exchanges is what a stretch of the crowd does, one exchange after the other.
type exchanges struct {
	from, to, n int
	round       int
	at          time.Time
}

func (c *exchanges) next() (x Exchange) {
	x = session[c.round%len(session)]
	x.ID, x.At = uint64(c.n), c.at
	x.Client, x.Key = member(c.n)
	c.at = c.at.Add(time.Second / time.Duration(c.to-c.from))
	if c.n++; c.n == c.to {
		c.n = c.from
		c.round++
	}
	return x
}

func pass(b *testing.B, e *Engine, x *Exchange) {
	if v := e.Decide(x.Request); v.Refused() {
		b.Fatalf("refused: %+v", v)
	}
	if found := e.Observe(*x); found != nil {
		b.Fatalf("found: %+v", found)
	}
}

// BenchmarkExchange is all that the engine does for a request that passes: Decide and
// Observe with every rule on.
func BenchmarkExchange(b *testing.B) {
	e, err := New(Defaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	people := exchanges{to: crowd, at: noon}
	for range 3 * crowd { // everybody is known
		x := people.next()
		pass(b, e, &x)
	}
	b.ReportAllocs()
	for b.Loop() {
		x := people.next()
		pass(b, e, &x)
	}
}

// BenchmarkExchangeManyRules is the same with thirty rules of packs besides, of which few have a say.
func BenchmarkExchangeManyRules(b *testing.B) {
	p := Defaults()
	p.Packs = manyRules()
	e, err := New(p, 1)
	if err != nil {
		b.Fatal(err)
	}
	people := exchanges{to: crowd, at: noon}
	for range 3 * crowd {
		x := people.next()
		pass(b, e, &x)
	}
	b.ReportAllocs()
	for b.Loop() {
		x := people.next()
		pass(b, e, &x)
	}
}

// BenchmarkExchangeCounted is an exchange that ten rules of packs count, by whom and in ways of all kinds.
func BenchmarkExchangeCounted(b *testing.B) {
	p := Defaults()
	for _, r := range manyRules() {
		if r.Routes == nil {
			r.Statuses, r.More = nil, 100_000
			if r.Distinct != ByNothing {
				r.More = 100
			}
			p.Packs = append(p.Packs, r)
		}
	}
	e, err := New(p, 1)
	if err != nil {
		b.Fatal(err)
	}
	people := exchanges{to: crowd / 10, at: noon}
	step := func() {
		x := people.next()
		x.Account, x.UserAgent = "somebody", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
		e.Decide(x.Request)
		e.Observe(x)
	}
	for range crowd {
		step()
	}
	b.ReportMetric(float64(len(p.Packs)), "rules")
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
}

func BenchmarkExchangeParallel(b *testing.B) {
	e, err := New(Defaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	const shares = 16
	var share atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		n := int(share.Add(1)-1) % shares
		people := exchanges{from: n * crowd / shares, n: n * crowd / shares, to: (n + 1) * crowd / shares, at: noon}
		for pb.Next() {
			x := people.next()
			pass(b, e, &x)
		}
	})
}

// BenchmarkRefusal is what a client costs that is blocked and goes on.
func BenchmarkRefusal(b *testing.B) {
	e, err := New(Defaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	r := Request{At: noon, Client: netip.MustParseAddr(attacker), Path: "/api/admin/", Folded: "/api/admin/"}
	e.Decide(r)
	b.ReportAllocs()
	for b.Loop() {
		if v := e.Decide(r); v.Status != 403 {
			b.Fatal(v)
		}
	}
}

// BenchmarkList is a list of a million addresses: to load it, and to ask it.
func BenchmarkList(b *testing.B) {
	ds := feed(1_000_000)
	b.Run("restore", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			newEngine(b).Restore(ds)
		}
	})
	e := newEngine(b)
	e.Restore(ds)
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			d := ds[n%1000]
			d.Until = noon.Add(time.Hour)
			e.Apply(d)
		}
	})
	for name, client := range map[string]string{"listed": "1.0.0.7", "not listed": "1.0.0.8"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			a := netip.MustParseAddr(client)
			for b.Loop() {
				e.lists.judge(a, Key{}, noon, false)
			}
		})
	}
}

func BenchmarkFold(b *testing.B) {
	for _, path := range []string{"/api/transaction", "/API//Admin/%2e%2e/x;y=1"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fold(path)
			}
		})
	}
}

// BenchmarkSignIn is what the engine does for a sign-in, with all rules on: mostly of people who
// get in, some of whom mistype, and a tenth from lists.
func BenchmarkSignIn(b *testing.B) {
	e, err := New(Defaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	names := make([]string, 50_000)
	for i := range names {
		names[i] = fmt.Sprintf("person%d@example.com", i)
	}
	x := Exchange{Request: Request{Method: "POST", Folded: "/api/login", Route: "/api/login", At: noon}}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		x.Account, x.Client = names[n*7919%len(names)], source(uint32(n%40_000))
		x.Status = 200
		if n%4 == 0 {
			x.Status = 401
		}
		x.At = x.At.Add(5 * time.Millisecond)
		if v := e.Decide(x.Request); !v.Refused() {
			e.Observe(x)
		}
	}
}
