package main

import (
	"context"
	"encoding/binary"
	"math"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/httprate"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/middleware/stdlib"
	"github.com/ulule/limiter/v3/drivers/store/memory"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A contestant does one thing again and again. What it remembers lasts from round to round.
type contestant struct {
	name string // as Go's benchmarks write it, without "Benchmark"
	row  string // of the table; empty when nobody is compared with it
	who  string
	run  func(*testing.B)
}

const (
	people  = 10_000             // clients that take turns
	apart   = time.Second        // between two requests of one of them: sixty a minute pass
	ours    = "sentinel"         // in the table
	nobody  = math.MaxInt32      // a limit that peers, who read the clock, never reach here
	realIP  = "X-Real-Ip"        // where a middleware finds the client
	history = "/api/history?n=5" // what they ask for
)

// contestants in the order in which they take turns.
func contestants(limit int) []contestant {
	return []contestant{
		{"Exchange", "", ours, exchange(newEngine())},
		{"ExchangeParallel", "", ours, exchangeParallel(newEngine())},
		{"Count/sentinel", "count", ours, countSentinel(newEngine())},
		{"Count/httprate", "count", "httprate", countHttprate(limit)},
		{"Count/ulule", "count", "ulule", countUlule(limit)},
		{"Middleware/sentinel", "middleware", ours, middleware(sentinel(newEngine(), clock()))},
		{"Middleware/httprate", "middleware", "httprate", middleware(httprateMiddleware(limit))},
		{"Middleware/ulule", "middleware", "ulule", middleware(ululeMiddleware(limit))},
	}
}

func newEngine() *engine.Engine {
	e, err := engine.New(engine.Defaults(), 1)
	if err != nil {
		panic(err) // the defaults are valid
	}
	return e
}

// A turn is whose it is and when: everybody once a second of the engine's time, which is an
// input, so that each has some sixty requests in the window that is counted exactly.
type turn struct {
	n, from, to int
	round       int
	at          time.Time
}

func everybody() *turn { return &turn{to: people, at: time.Unix(1_800_000_000, 0)} }

func (t *turn) next() int {
	n := t.n
	t.at = t.at.Add(apart / time.Duration(t.to-t.from))
	if t.n++; t.n == t.to {
		t.n = t.from
		t.round++
	}
	return n
}

func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func key(n int) (k engine.Key) {
	binary.LittleEndian.PutUint64(k.Hash[:], uint64(n)+1)
	return k
}

// visit is what people do in turn: look at the balance, pay, look at the history.
var visit = [3]engine.Exchange{
	{Request: engine.Request{Method: "GET", Path: "/api/balance", Folded: "/api/balance"}, Status: 200},
	{Request: engine.Request{Method: "POST", Path: "/api/transaction", Folded: "/api/transaction"}, Status: 201},
	{Request: engine.Request{Method: "GET", Path: "/api/history", Folded: "/api/history"}, Status: 200},
}

func (t *turn) exchange() engine.Exchange {
	x := visit[t.round%len(visit)]
	n := t.next()
	x.ID, x.At, x.Client, x.Key = uint64(n), t.at, address(n), key(n)
	return x
}

func pass(b *testing.B, e *engine.Engine, x *engine.Exchange) {
	if v := e.Decide(x.Request); v.Refused() {
		b.Fatalf("refused: %+v", v)
	}
	if found := e.Observe(*x); found != nil {
		b.Fatalf("found: %+v", found)
	}
}

func exchange(e *engine.Engine) func(*testing.B) {
	t := everybody()
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x := t.exchange()
			pass(b, e, &x)
		}
	}
}

// exchangeParallel gives each goroutine people of its own.
func exchangeParallel(e *engine.Engine) func(*testing.B) {
	var turns [64]*turn
	for i := range turns {
		from := i * people / len(turns)
		turns[i] = &turn{n: from, from: from, to: (i + 1) * people / len(turns), at: time.Unix(1_800_000_000, 0)}
	}
	return func(b *testing.B) {
		b.ReportAllocs()
		var next atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			t := turns[int(next.Add(1)-1)%len(turns)]
			for pb.Next() {
				x := t.exchange()
				pass(b, e, &x)
			}
		})
	}
}

// countSentinel is Decide alone: lists, decoys and the exact window.
func countSentinel(e *engine.Engine) func(*testing.B) {
	t := everybody()
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x := t.exchange()
			if e.Decide(x.Request).Refused() {
				b.Fatal("refused")
			}
		}
	}
}

// names of the clients, ready for those that count by strings.
func names() []string {
	s := make([]string, people)
	for i := range s {
		s[i] = address(i).String()
	}
	return s
}

// countHttprate is what its middleware does besides headers: ask and count under its lock.
func countHttprate(limit int) func(*testing.B) {
	t, clients := everybody(), names()
	l := httprate.NewRateLimiter(limit, time.Minute)
	var mu sync.Mutex
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			client := clients[t.next()]
			mu.Lock()
			ok, _, err := l.Status(client)
			if err == nil {
				err = l.Counter().Increment(client, time.Now().UTC().Truncate(time.Minute))
			}
			mu.Unlock()
			if err != nil || !ok {
				b.Fatal("refused", err)
			}
		}
	}
}

func httprateMiddleware(limit int) func(http.Handler) http.Handler {
	return httprate.LimitBy(limit, time.Minute, func(r *http.Request) (string, error) { return r.Header.Get(realIP), nil })
}

func ululeLimiter(limit int) *limiter.Limiter {
	return limiter.New(memory.NewStore(), limiter.Rate{Period: time.Minute, Limit: int64(limit)}, limiter.WithClientIPHeader(realIP))
}

func countUlule(limit int) func(*testing.B) {
	t, clients := everybody(), names()
	l := ululeLimiter(limit)
	return func(b *testing.B) {
		b.ReportAllocs()
		ctx := context.Background()
		for b.Loop() {
			if c, err := l.Get(ctx, clients[t.next()]); err != nil || c.Reached {
				b.Fatal("refused", err)
			}
		}
	}
}

func ululeMiddleware(limit int) func(http.Handler) http.Handler {
	return stdlib.NewMiddleware(ululeLimiter(limit)).Handler
}

// clock reads the clock, as every middleware must, and tells the engine one on which
// people's requests are a second apart.
func clock() func() time.Time {
	var mu sync.Mutex
	at := time.Unix(1_800_000_000, 0)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		_ = time.Now()
		at = at.Add(apart / people)
		return at
	}
}

// sentinel is the least a gateway does around the engine: who asks for what, judged before
// and learnt from after.
func sentinel(e *engine.Engine, now func() time.Time) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			client, err := netip.ParseAddr(r.Header.Get(realIP))
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			x := engine.Exchange{Request: engine.Request{At: now(), Client: client, Method: r.Method, Path: r.URL.Path, UserAgent: r.UserAgent()}}
			x.Folded, _ = engine.Fold(r.URL.EscapedPath())
			if v := e.Decide(x.Request); v.Refused() {
				w.WriteHeader(v.Status)
				return
			}
			next.ServeHTTP(w, r)
			x.Status = http.StatusOK
			e.Observe(x)
		})
	}
}

// middleware measures one alone: nothing behind it, a writer that writes nothing.
func middleware(m func(http.Handler) http.Handler) func(*testing.B) {
	t, w := everybody(), writer{}
	h := m(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	requests := make([]*http.Request, people)
	for i, client := range names() {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, history, http.NoBody)
		if err != nil {
			panic(err) // it is the same each time
		}
		r.Header.Set(realIP, client)
		r.Header.Set("User-Agent", "bench")
		r.RemoteAddr = "192.0.2.1:4711"
		requests[i] = r
	}
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			clear(w)
			h.ServeHTTP(w, requests[t.next()])
		}
	}
}

type writer http.Header

func (w writer) Header() http.Header         { return http.Header(w) }
func (w writer) Write(b []byte) (int, error) { return len(b), nil }
func (w writer) WriteHeader(status int) {
	if status != http.StatusOK {
		panic("refused")
	}
}
