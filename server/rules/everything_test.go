package rules_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

// everything is an engine with all rules that come with the program, but for those that are left out.
func everything(t testing.TB, without ...func(engine.Rule) bool) *engine.Engine {
	t.Helper()
	set, err := rules.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	p := engine.Defaults()
	p.Packs = set.Rules()
	for _, out := range without {
		for _, r := range p.All() {
			if out(r) {
				terms := p.Terms(r.ID)
				terms.Off = true
				p.Rules[r.ID] = terms
			}
		}
	}
	e, err := engine.New(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// BenchmarkEverything is what the engine does for a request that passes, with everything on.
func BenchmarkEverything(b *testing.B) {
	crowd(b, func() *engine.Engine { return everything(b) })
}

// BenchmarkEverythingWithoutExpressions is the same without those rules that hold an expression.
func BenchmarkEverythingWithoutExpressions(b *testing.B) {
	crowd(b, func() *engine.Engine {
		return everything(b, func(r engine.Rule) bool { return r.Explains != "" && r.When != nil })
	})
}

// BenchmarkCore is the same with the rules of the pack core alone.
func BenchmarkCore(b *testing.B) {
	crowd(b, func() *engine.Engine { return everything(b, beyondCore) })
}

// BenchmarkCoreWithoutAnomaly is the same without the anomaly score.
func BenchmarkCoreWithoutAnomaly(b *testing.B) {
	crowd(b, func() *engine.Engine {
		return everything(b, beyondCore, func(r engine.Rule) bool { return r.ID == "anomaly" })
	})
}

func beyondCore(r engine.Rule) bool { return r.Pack != "core" }

// A crowd of people with an account and a key each look at what they have, and pay. They come in
// no order, each once in two seconds on the average: 1,000 of them send 500 requests a second, and what is
// known of them fits into a processor's caches; 10,000 send 5,000, and it does not. What is told of single
// exchanges, as p50, holds the reading of the clock.
func crowd(b *testing.B, fresh func() *engine.Engine) {
	for _, people := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("people=%d", people), func(b *testing.B) { crowdOf(b, fresh(), people) })
	}
}

func crowdOf(b *testing.B, e *engine.Engine, people int) {
	b.Helper()
	agents := make([]string, 50)
	for i := range agents {
		agents[i] = fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", 100+i, 100+i)
	}
	accounts := make([]string, people)
	for i := range accounts {
		accounts[i] = fmt.Sprintf("person%d@example.com", i)
	}
	asks := [...]engine.Exchange{
		{Request: engine.Request{Method: "GET", Path: "/api/balance"}, Status: 200, Bytes: 180},
		{Request: engine.Request{Method: "POST", Path: "/api/transaction"}, Status: 201, Bytes: 90},
		{Request: engine.Request{Method: "GET", Path: "/api/history"}, Status: 200, Bytes: 2400},
		{Request: engine.Request{Method: "GET", Path: "/static/app.css", Signs: engine.Referred}, Status: 200, Bytes: 9000},
	}
	n, dice, rounds, wire := 0, rand.New(rand.NewPCG(1, 2)), make([]uint8, people), []byte(nil)
	next := func() (x engine.Exchange) {
		who := dice.IntN(people)
		x = asks[int(rounds[who])%len(asks)]
		rounds[who]++
		x.ID, x.At = uint64(n), noon.Add(time.Duration(n)*2*time.Second/time.Duration(people))
		x.Folded, x.Route = x.Path, x.Path
		x.Client = netip.AddrFrom4([4]byte{10, byte(who >> 8), byte(who), 7})
		x.Key.Hash[0], x.Key.Hash[1], x.Key.Hash[15] = byte(who), byte(who>>8), 1
		x.Account, x.UserAgent, x.Fingerprint = accounts[who], agents[who%len(agents)], uint64(who%7+1)
		wire = append(append(wire[:0], x.Account...), x.UserAgent...) // who asks the engine has just read them
		n++
		return x
	}
	judge := func(x *engine.Exchange) {
		if v := e.Decide(x.Request); v.Refused() {
			b.Fatalf("refused: %+v", v)
		}
		for _, f := range e.Observe(*x) {
			if !f.Weak {
				b.Fatalf("found: %s", f.Reason)
			}
		}
	}
	for range 32 * people { // everybody is known, and has taught what one may in ten minutes
		x := next()
		judge(&x)
	}
	var took [1 << 11]int // of one in seven, in steps of 16 ns
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		x := next()
		if n%7 != 0 {
			judge(&x)
			continue
		}
		began := time.Now()
		judge(&x)
		took[min(int(time.Since(began)/16), len(took)-1)]++
	}
	b.ReportMetric(quantile(took[:], 0.5)*16, "p50-ns")
	b.ReportMetric(quantile(took[:], 0.99)*16, "p99-ns")
}

// quantile of counts, as the place where a share q of them is reached.
func quantile(counts []int, q float64) float64 {
	all, sum := 0, 0.0
	for _, n := range counts {
		all += n
	}
	for i, n := range counts {
		if sum += float64(n); sum >= q*float64(all) {
			return float64(i) + 0.5
		}
	}
	return float64(len(counts))
}

var many = flag.Uint("sources", 1_000_000, "how many touch the memory of an engine with everything on")

// Many sources in twenty minutes, with everything on: each fails to sign in once, or is well
// answered with a key of its own. One of them tries a password every 90 seconds.
func TestManySourcesTouchLittleMemoryAndHideNobody(t *testing.T) {
	sources, most := uint32(*many), int64(64)
	if raced {
		sources = 100_000
	}
	before := resident(t)
	e := everything(t)
	const span, begins, every = 20 * time.Minute, 10 * time.Minute, 90 * time.Second // he comes when everything is full
	brute := netip.MustParseAddr("203.0.113.7")
	attempts, caught := 0, 0
	for n := range sources {
		at := noon.Add(time.Duration(n) * (span / time.Duration(sources)))
		x := engine.Exchange{Request: engine.Request{ID: uint64(n), At: at, Client: source(n), Method: "POST", Folded: "/api/login", Path: "/api/login", UserAgent: "curl/8.5.0"}, Status: 401}
		if n%4 == 3 {
			x.Status = 200
			binary.BigEndian.PutUint32(x.Key.Hash[:], n+1)
		}
		if v := e.Decide(x.Request); v.Refused() {
			t.Fatalf("source %d is refused by %s", n, v.Cause)
		}
		for _, f := range e.Observe(x) {
			if !f.Weak {
				t.Fatalf("source %d is accused: %s", n, f.Reason)
			}
		}
		if due := begins + time.Duration(attempts)*every; caught > 0 || at.Sub(noon) < due {
			continue
		}
		attempts++
		x.Client, x.Status, x.Key = brute, 401, engine.Key{}
		if v := e.Decide(x.Request); v.Refused() {
			t.Fatalf("attempt %d is refused by %s before it is found", attempts, v.Cause)
		}
		for _, f := range e.Observe(x) {
			if !f.Weak && f.Rule == "failed-authentication" {
				caught = attempts
			}
		}
	}
	if caught != 6 { // more than five
		t.Errorf("the slow attacker is caught at attempt %d, want 6", caught)
	}
	touched := (resident(t) - before) >> 20
	t.Logf("%d sources touch %d MB; the slow attacker is caught at attempt %d", sources, touched, caught)
	if touched > most && !raced {
		t.Errorf("%d sources touch %d MB, want %d at most", sources, touched, most)
	}
	runtime.KeepAlive(e)
}

// source is one of as many distinct addresses as there are numbers, all over IPv4 and IPv6.
func source(n uint32) netip.Addr {
	var b [16]byte
	if n%2 == 0 {
		binary.BigEndian.PutUint32(b[:], bits.Reverse32(n)|1)
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	b[0], b[1] = 0x20, 0x01
	binary.BigEndian.PutUint32(b[2:], bits.Reverse32(n))
	b[15] = 1
	return netip.AddrFrom16(b)
}

// resident memory of this process in bytes, once what it is done with is given back.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	var size, pages int64
	text, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(text), &size, &pages)
	}
	if err != nil {
		t.Skip("this system does not tell how much memory is resident")
	}
	return pages * int64(os.Getpagesize())
}
