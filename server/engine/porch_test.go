package engine

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// aFlood fails once each, from another address each time.
type aFlood struct {
	t    *testing.T
	e    *Engine
	next uint32
}

// until so many more have come, at a time.
func (f *aFlood) pass(n int, at time.Time) {
	f.t.Helper()
	for range n {
		f.next++
		for _, found := range f.e.Observe(failing(anywhere(f.next), at)) {
			if found.Rule == failed {
				f.t.Fatalf("a stranger is accused: %s", found.Reason)
			}
		}
	}
}

// anywhere is an address of a network of its own.
func anywhere(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], bits.Reverse32(n))
	return netip.AddrFrom4(b)
}

func failing(a netip.Addr, at time.Time) Exchange {
	return Exchange{Request: Request{At: at, Client: a, Method: "POST", Path: "/api/login", Folded: "/api/login"}, Status: 401}
}

func small(p *Policy) { p.Clients = 1 << 10 }

// tries at a password, each behind a part of the flood, until he is found.
func (f *aFlood) tries(a netip.Addr, most int, from time.Time, every time.Duration) (attempts int, found Finding) {
	for n := range most {
		at := from.Add(time.Duration(n) * every)
		f.pass(700, at.Add(-every/2))
		for _, found := range f.e.Observe(failing(a, at)) {
			if found.Rule == failed {
				return n + 1, found
			}
		}
	}
	return 0, Finding{}
}

func TestWhoFailsAmongManyIsFoundAtHisSixth(t *testing.T) {
	for _, client := range []string{attacker, "2001:db8:1:2::3"} {
		f := &aFlood{t: t, e: newEngine(t, small)}
		f.pass(5000, noon) // so many more than can be remembered
		attempts, found := f.tries(netip.MustParseAddr(client), 20, noon.Add(2*time.Minute), 90*time.Second)
		if attempts != 6 || found.Count != 6 || len(found.Times) != 6 || !found.Times[0].Equal(noon.Add(2*time.Minute)) {
			t.Errorf("%s is found at attempt %d, at %v", client, attempts, found.Times)
		}
	}
}

func TestWhoIsPushedOutHavingComeOnceIsStillKnown(t *testing.T) {
	f := &aFlood{t: t, e: newEngine(t, small)}
	who := netip.MustParseAddr(attacker)
	f.e.Observe(failing(who, noon))
	f.pass(3000, noon.Add(time.Second))
	for n := range uint32(400) { // who come twice push him out
		for range 2 {
			f.e.Observe(failing(anywhere(1_000_000+n), noon.Add(2*time.Second)))
		}
	}
	if attempts, _ := f.tries(who, 20, noon.Add(90*time.Second), 90*time.Second); attempts != 5 {
		t.Errorf("found at attempt %d behind the first, want 5", attempts)
	}
}

func TestWhoFailsMoreSlowlyThanTheLimitAmongManyIsNotFound(t *testing.T) {
	f := &aFlood{t: t, e: newEngine(t, small)}
	f.pass(5000, noon)
	if attempts, found := f.tries(netip.MustParseAddr(attacker), 12, noon.Add(5*time.Minute), 2*time.Minute); attempts != 0 {
		t.Errorf("five in ten minutes are found: %s", found.Reason)
	}
}

func TestAFirstTimeAmongManyOutlivesARestart(t *testing.T) {
	f := &aFlood{t: t, e: newEngine(t, small)}
	f.pass(5000, noon)
	who, at := netip.MustParseAddr(attacker), noon.Add(time.Minute)
	f.e.Observe(failing(who, at))
	snapshot := snapshotOf(t, f.e)
	f.e = newEngine(t, small)
	if err := f.e.Resume(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(snapshotOf(t, f.e), snapshot) {
		t.Error("a snapshot of what was resumed is another")
	}
	if attempts, _ := f.tries(who, 20, at.Add(90*time.Second), 90*time.Second); attempts != 5 {
		t.Errorf("found at attempt %d after a restart behind the first, want 5", attempts)
	}
}

func TestWhoIsForgottenIsForgottenAmongManyToo(t *testing.T) {
	for _, target := range []string{"203.0.113.7/32", "203.0.113.0/24"} {
		f := &aFlood{t: t, e: newEngine(t, small)}
		f.pass(5000, noon)
		who, at := netip.MustParseAddr("203.0.113.7"), noon.Add(time.Minute)
		f.e.Observe(failing(who, at))
		f.e.Forget(network(target))
		if attempts, _ := f.tries(who, 20, at.Add(time.Minute), time.Minute); attempts != 6 {
			t.Errorf("found at attempt %d after %s was forgotten, want 6", attempts, target)
		}
	}
}

func TestANetworkIsCountedWhenItsAddressesAreTooMany(t *testing.T) {
	spread := func(full bool, n int) (told []Finding) {
		f := &aFlood{t: t, e: newEngine(t, small)}
		if full {
			f.pass(5000, noon)
		}
		for i := range n {
			a := netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
			for _, found := range f.e.Observe(failing(a, noon.Add(time.Minute+time.Duration(i)*time.Second))) {
				if found.Rule == failed {
					told = append(told, found)
				}
			}
		}
		return told
	}
	told := spread(true, 60)
	if len(told) != 1 || told[0].Actor != network("203.0.113.0/24") || told[0].Count != 21 || len(told[0].Times) != 21 || told[0].Decision != nil || !told[0].Weak {
		t.Fatalf("sixty addresses of one network among many: %+v", told)
	}
	if want := "More addresses come at once than can be remembered one by one"; !strings.Contains(told[0].Reason, want) {
		t.Errorf("it doesn't say %q: %s", want, told[0].Reason)
	}
	if told := spread(true, 20); told != nil {
		t.Errorf("twenty people of one network among many are told of: %s", told[0].Reason)
	}
	if told := spread(false, 60); told != nil {
		t.Errorf("where there is room each is counted by himself, and yet: %s", told[0].Reason)
	}
}

func TestInAFloodTheSketchAdmitsWhoComesOnceMore(t *testing.T) {
	w := newWindow[uint32](5, 600_000, 900_000, true, 512, newKeyed(1))
	w.share(newAdmission(1<<20, 600_000))
	next := uint64(1 << 40)
	minute := func(m int64, keys int) {
		for range keys {
			next += 1 << 20
			w.see(actor(next), &question{at: m * 60_000})
		}
	}
	visits := func(who actor, m int64) (n int) { // until he is in
		for n = 1; n < 10; n++ {
			w.see(who, &question{at: m*60_000 + int64(n)})
			hash := w.hash(uint64(who))
			if s, set := w.at(hash); s.find(set, uint64(who), hash) >= 0 {
				return n
			}
		}
		return n
	}
	minute(1, 3000)
	for m := range int64(8) {
		minute(10+m, 1000)
	}
	if n := visits(actor(1<<50), 18); n != 2 {
		t.Errorf("as always one is in at his visit %d, want 2", n)
	}
	minute(18, 40_000)
	if n := visits(actor(1<<51), 18); n != 3 {
		t.Errorf("in a flood one is in at his visit %d, want 3", n)
	}
}

// A porch answers as a map would of those that it has room for, and never what did not happen.
func TestAPorchKnowsTheFirstTimeThatCounts(t *testing.T) {
	const span = 600_000
	k := newKeyed(1)
	p := newPorch(newTable(512, k), 1<<16, span)
	came := map[uint64]int64{}
	dice := rand.New(rand.NewPCG(1, 2))
	missed, asked := 0, 0
	for n := range 200_000 {
		at := 1_700_000_000_000 + int64(n)*400 - int64(dice.IntN(2))*dice.Int64N(span)
		key := 1 + dice.Uint64N(3000)
		first, known := p.came(k.hash(key), at)
		was, remembered := came[key]
		remembered = remembered && was <= at && at-was < span
		if known && (!remembered || first != was) {
			t.Fatalf("%d came at %d, it says %d, %v", key, was, first, known)
		}
		if remembered {
			asked++
			if !known {
				missed++
			}
		} else {
			p.wait(k.hash(key), at)
			came[key] = at
		}
		if first, known := p.came(k.hash(key), at); known && first > at {
			t.Fatalf("%d comes at %d, later than now", key, first)
		}
	}
	if asked < 50_000 || missed*100 > asked {
		t.Errorf("it forgot %d of %d", missed, asked)
	}
}
