package engine

import (
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stranger is the n-th of many clients that come once.
func stranger(n int) string {
	return netip.AddrFrom4([4]byte{100, byte(n >> 16), byte(n >> 8), byte(n)}).String()
}

func TestAFloodOfStrangersPushesOutNobodyWhoWasCounted(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Clients = 1024 })
	for range 3 {
		p.fail(attacker)
	}
	for range 60 {
		p.passes(p.get(attacker, ""))
	}
	for n := range 50_000 {
		p.get(stranger(n), "")
		p.fail(stranger(n))
	}
	for range 34 { // with six to fail, a hundred
		p.passes(p.get(attacker, ""))
	}
	p.fail(attacker)
	p.fail(attacker)
	p.finds(p.fail(attacker), failed)
	for _, f := range p.Memory() {
		if f.Held > f.Clients {
			t.Errorf("%s remembers %d of at most %d", f.Rule, f.Held, f.Clients)
		}
	}
}

// The slow attacker of the measurements: one failure in 90 seconds, amid so many strangers
// that the table is full of them ten times over before he comes again.
func TestASlowAttackerIsCaughtAmidAFlood(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Clients = 1024 })
	failures, n := 0, 0
	for failures < 8 {
		failures++
		if found := p.fail(attacker); len(found) > 0 {
			return
		}
		for range 900 {
			for range 6 {
				for _, found := range p.fail(stranger(n)) {
					if !found.Weak { // as what their networks do together is
						t.Fatalf("a stranger is accused: %s", found.Reason)
					}
				}
				n++
			}
			p.wait(100 * time.Millisecond)
		}
	}
	t.Errorf("not caught after %d failures amid %d strangers", failures, n)
}

func TestAFloodOfPayersAccusesNobodyWrongly(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Clients = 1024 })
	look := Request{Path: "/api/balance", Key: key("mine")}
	for n := range 3000 {
		p.exchange(stranger(n), look, 200)
	}
	for n := range 3000 {
		_, found := p.exchange(stranger(n), Request{Method: "POST", Path: "/api/transaction", Key: key("mine")}, 200)
		p.finds(found)
	}
	p.wait(5 * time.Minute)
	_, found := p.exchange(attacker, Request{Method: "POST", Path: "/api/transaction", Key: key("mine")}, 200)
	p.finds(found, payment)
}

func TestTheEngineTakesItsMemoryWhenItIsMadeAndNoMore(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	e, err := New(Defaults(), 1)
	if err != nil {
		t.Fatal(err)
	}
	made := heap()
	if taken := made - before; taken > 96<<20 { // what is not needed is never touched
		t.Errorf("takes %d MB, want 96 at most", taken>>20)
	}
	p := &play{T: t, Engine: e, at: noon}
	strangers := 200_000
	if raced {
		strangers = 50_000
	}
	for n := range strangers {
		_, found := p.exchange(stranger(n), Request{Method: "POST", Path: "/api/balance", Key: key("mine")}, 401)
		p.finds(found)
	}
	if grown := heap() - made; grown > 1<<20 {
		t.Errorf("%d strangers make it grow by %d kB", strangers, grown>>10)
	}
	runtime.KeepAlive(e)
}

func TestPassingTrafficCostsNoMemory(t *testing.T) {
	e := newEngine(t)
	for i := range 2000 {
		d := decision("D-"+strconv.Itoa(i), Action(i%4+1), network("172.16.0.0/12"), time.Time{})
		d.Target.Network = netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 32)
		e.Apply(d)
	}
	e.Apply(decision("D-BLOCKED", Block, network("192.0.2.0/24"), time.Time{}))
	e.Apply(decision("D-WATCHED", Monitor, network("198.18.0.0/24"), time.Time{}))
	at, client := noon, netip.MustParseAddr(person)
	for name, x := range map[string]Exchange{
		"a balance":        {Request: Request{Method: "GET", Folded: "/api/balance", Key: key("mine")}, Status: 200},
		"a payment":        {Request: Request{Method: "POST", Folded: "/api/transaction", Key: key("mine")}, Status: 200},
		"anything":         {Request: Request{Method: "GET", Folded: "/api/history"}, Status: 200},
		"a few failures":   {Request: Request{Method: "POST", Folded: "/api/login"}, Status: 401},
		"an IPv6 client's": {Request: Request{Method: "GET", Folded: "/api/balance", Client: netip.MustParseAddr("2001:db8::1")}, Status: 200},
		"a blocked one":    {Request: Request{Method: "GET", Folded: "/", Client: netip.MustParseAddr("192.0.2.1")}, Status: 200},
	} {
		if !x.Client.IsValid() {
			x.Client = client
		}
		if n := testing.AllocsPerRun(500, func() {
			at = at.Add(3 * time.Minute)
			x.At = at
			if v := e.Decide(x.Request); v.Status == 429 || v.Finding != nil {
				t.Errorf("%s: %+v", name, v)
			}
			if x.Method == "POST" && x.Status == 200 {
				look := x
				look.Method, look.Folded = "GET", "/api/balance"
				e.Observe(look)
			}
			if found := e.Observe(x); found != nil {
				t.Errorf("%s: %v", name, found)
			}
		}); n > 0 && !raced { // with the race detector on a pool forgets at random
			t.Errorf("%s costs %v allocations", name, n)
		}
	}
}

// The core has no clock, no I/O, no goroutine and no dice, and this proves it.
func TestTheEngineIsPure(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{
		"embed", // data of the program itself
		"bufio", "bytes", "cmp", "container/heap", "crypto/sha256", "encoding/binary", "encoding/hex", "errors", "fmt", "hash", "io", "iter", "maps", "math", "math/bits",
		"net/netip", "slices", "strconv", "strings", "sync", "sync/atomic", "time", "unicode", "unicode/utf8",
		"golang.org/x/text/unicode/norm",
		"github.com/sentinel-protocol/sentinel/server/anomaly",
		"github.com/sentinel-protocol/sentinel/server/engine/ahead", // changes time and nothing else
	}
	read := 0
	for _, file := range files {
		name := file.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			if path, _ := strconv.Unquote(spec.Path.Value); !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		for _, forbidden := range []string{"time.Now", "time.Since", "time.Until", "time.After", "time.Sleep", "time.NewTimer", "time.NewTicker", "\tgo "} {
			if strings.Contains(string(source), forbidden) {
				t.Errorf("%s contains %q", name, forbidden)
			}
		}
		read++
	}
	if read < 10 {
		t.Fatalf("only %d files were read", read)
	}
}
