package engine

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// together runs f in so many goroutines and waits for them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func TestInParallelNeverMoreThanAHundredPass(t *testing.T) {
	for range 20 {
		e := newEngine(t)
		var passed, told, id atomic.Int64
		together(4, func(int) {
			for range 100 {
				n := id.Add(1)
				v := e.Decide(Request{ID: uint64(n), At: noon.Add(time.Duration(n) * time.Millisecond), Client: netip.MustParseAddr(attacker), Folded: "/"})
				if !v.Refused() {
					passed.Add(1)
				}
				if v.Finding != nil {
					told.Add(1)
				}
			}
		})
		if passed.Load() != 100 || told.Load() != 1 {
			t.Fatalf("%d passed and %d were told, want 100 and 1", passed.Load(), told.Load())
		}
	}
}

func TestInParallelADecoyIsFoundOnce(t *testing.T) {
	for range 50 {
		e := newEngine(t)
		var told atomic.Int64
		together(4, func(i int) {
			v := e.Decide(Request{At: noon.Add(time.Duration(i)), Client: netip.MustParseAddr(attacker), Folded: "/api/admin"})
			if v.Status != 403 {
				t.Errorf("got %d", v.Status)
			}
			if v.Finding != nil {
				told.Add(1)
			}
		})
		if told.Load() != 1 || len(e.Decisions(noon)) != 1 {
			t.Fatalf("found %d times, %d decisions", told.Load(), len(e.Decisions(noon)))
		}
	}
}

func TestInParallelTheSixthFailureIsFoundOnce(t *testing.T) {
	e := newEngine(t)
	var told atomic.Int64
	together(4, func(int) {
		for j := range 250 {
			client := netip.AddrFrom4([4]byte{10, 0, 0, byte(j)})
			for range 2 {
				r := Request{At: noon.Add(time.Duration(j) * time.Millisecond), Client: client, Folded: "/api/login"}
				told.Add(int64(len(e.Observe(Exchange{Request: r, Status: 401}))))
			}
		}
	})
	if told.Load() != 250 {
		t.Errorf("found %d times, want once for each of 250 clients", told.Load())
	}
}

// Everything at once, for the race detector; what is asked while it changes is always one of
// the two answers.
func TestListsMayChangeWhileTheyAreAsked(t *testing.T) {
	e := newEngine(t)
	var done atomic.Bool
	var askers sync.WaitGroup
	for i := range 2 {
		askers.Go(func() {
			for n := 0; !done.Load(); n++ {
				at := noon.Add(time.Duration(n) * time.Millisecond)
				r := Request{ID: uint64(n), At: at, Client: netip.AddrFrom4([4]byte{10, byte(i), byte(n >> 8), byte(n)}), Key: key("k"), Folded: "/api/balance", Method: "GET"}
				if v := e.Decide(r); v.Refused() && v.Cause != "operator" {
					t.Errorf("refused by %s", v.Cause)
					return
				}
				e.Observe(Exchange{Request: r, Status: 200})
				e.Covering(r.Client, r.Key, at)
			}
		})
	}
	for n := range 300 {
		id := fmt.Sprintf("D-%013d", n%50)
		target := Target{Network: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), 0, 0}), 8+n%25).Masked()}
		e.Apply(decision(id, Action(n%4)+1, target, noon.Add(time.Duration(n)*time.Second)))
		switch n % 5 {
		case 0:
			e.Lift(id, noon, "ada")
		case 1:
			e.Expire(noon.Add(time.Duration(n) * time.Second))
		case 2:
			e.Decisions(noon)
			e.Within(target, noon)
		case 3:
			e.Forget(target)
			e.Memory()
		}
	}
	done.Store(true)
	askers.Wait()
}

func TestWhatIsDoneIsWhatTheDecisionSaysWhileItChanges(t *testing.T) {
	l := newLists(1<<17, newKeyed(1), func(Target) {})
	a := netip.MustParseAddr(attacker)
	var done atomic.Bool
	var askers sync.WaitGroup
	for range 2 {
		askers.Go(func() {
			for !done.Load() {
				if s := l.judge(a, Key{}, noon, false); s.by != nil && s.by.action() != s.does {
					t.Errorf("%s by a decision to %s", s.does, s.by.action())
					return
				}
			}
		})
	}
	for n := range 100_000 {
		l.apply(Decision{ID: NewReference('D', fmt.Sprint(n%2)), Action: Throttle + Action(n%2), Target: ActorOf(a), Origin: ByOperator, From: noon})
		if n%3 == 0 {
			l.lift(NewReference('D', fmt.Sprint(n%2)), noon, "ada")
		}
	}
	done.Store(true)
	askers.Wait()
}

func TestARenewedBlockHasNoGap(t *testing.T) {
	e := newEngine(t)
	d := decision("D-BLOCK00000000", Block, network("198.18.0.7/32"), noon.Add(time.Hour))
	e.Apply(d)
	var done atomic.Bool
	var asker sync.WaitGroup
	asker.Go(func() {
		for !done.Load() {
			if v := e.Decide(Request{At: noon, Client: netip.MustParseAddr(attacker), Folded: "/"}); v.Status != 403 {
				t.Errorf("passes while the block is renewed")
				return
			}
		}
	})
	for range 2000 {
		d.Until = d.Until.Add(time.Minute)
		e.Apply(d)
	}
	done.Store(true)
	asker.Wait()
}
