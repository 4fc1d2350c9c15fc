package engine

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// manyRules are as many rules as a pack may hold, of every kind of counter, most of them about
// answers that few get.
func manyRules() []Rule {
	by := [][]Dimension{nil, {OfNetwork}, {OfAccount}, {OfKey}, {OfClient, OfAccount}, {OfUserAgent}}
	var all []Rule
	for n := range 30 {
		all = append(all, data(fmt.Sprint("rule-", n), func(r *Rule) {
			r.By, r.Within, r.More = by[n%len(by)], 10*time.Minute, 5+n
			switch n % 5 {
			case 0:
				r.Distinct, r.More = OfPath, 5+n
			case 1:
				r.More = 400 * n
			case 2:
				r.Within = time.Minute
			}
			switch n % 3 {
			case 0:
				r.Routes, r.Statuses = []string{fmt.Sprintf("/admin-%d/**", n)}, nil
			case 1:
				r.Methods, r.Routes = []string{"POST"}, []string{"/accounts/{id}/*.pdf", "/files/**"}
			}
		}))
	}
	return all
}

// A million clients fail once each, with an account of their own, and one tries a list, slowly.
func TestAMillionKeysTakeNoMoreMemoryAndHideNoSlowAttacker(t *testing.T) {
	n := 1_000_000
	if testing.Short() || raced {
		n = 200_000
	}
	spray := data("spray", func(r *Rule) { r.Distinct, r.More, r.Within = OfAccount, 5, 20*time.Minute })
	slow := data("slow", func(r *Rule) { r.More, r.Within = 5, 20*time.Minute })
	e := newEngine(t, silent, func(p *Policy) { p.Clients = Defaults().Clients }, pack(append(manyRules(), spray, slow)...))
	before := alive()
	told := map[string]int{}
	for i := range n {
		at := noon.Add(time.Duration(i) * (20 * time.Minute / time.Duration(n)))
		x := Exchange{Request: Request{ID: uint64(i), At: at, Client: source(uint32(i) * 2), Method: "POST", Folded: "/api/login", Account: fmt.Sprint("account ", i)}, Status: 401}
		if i%(n/14) == n/28 {
			x.Client = netip.MustParseAddr(attacker)
		}
		for _, f := range e.Observe(x) {
			if f.Rule == "spray" || f.Rule == "slow" {
				if f.Client.String() != attacker {
					t.Fatalf("a stranger is accused: %s", f.Reason)
				}
				told[f.Rule]++
			}
		}
	}
	if told["spray"] != 1 || told["slow"] != 1 {
		t.Errorf("the slow one is told of %v", told)
	}
	if grown := (alive() - before) >> 10; grown > 512 {
		t.Errorf("%d keys make it grow by %d kB", n, grown)
	}
	flooded := false
	for _, f := range e.Memory() {
		if f.Held > f.Clients {
			t.Errorf("%s holds %d of %d", f.Rule, f.Held, f.Clients)
		}
		flooded = flooded || f.Flooded
	}
	if flooded {
		t.Error("what comes evenly is taken for a flood")
	}
	runtime.KeepAlive(e)
}

func TestManyRulesTakeLittleMemory(t *testing.T) {
	before := alive()
	bare, err := New(Defaults(), 1)
	if err != nil {
		t.Fatal(err)
	}
	core := alive() - before
	p := Defaults()
	p.Packs = manyRules()
	e, err := New(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	if more := alive() - before - 2*core; more > 40<<20 {
		t.Errorf("30 rules take %d MB", more>>20)
	} else {
		t.Logf("the engine takes %d MB, 30 rules %d more", core>>20, more>>20)
	}
	runtime.KeepAlive(bare)
	runtime.KeepAlive(e)
}

func TestWhoWasToldOfIsNotPushedOutAndOneNetworkPushesOutNobody(t *testing.T) {
	w := newTwelfths[uint16](2, 600_000, 900_000, true, 512, newKeyed(1), levelsOf(nil))
	who := actorOf(netip.MustParseAddr(attacker))
	for range 3 {
		w.see(who, &question{at: 1, hush: forever})
	}
	for n := range 20_000 { // of one network, each of whom is told of too
		for range 3 {
			w.see(actorOf(netip.MustParseAddr("10.0.0.0"))+actor(n%256), &question{at: 2, hush: forever})
		}
	}
	for n := range 20_000 { // of many
		for range 2 {
			w.see(actorOf(netip.MustParseAddr("11.0.0.0"))+actor(n<<8), &question{at: 3, hush: forever})
		}
	}
	if got := w.see(who, &question{at: 4, hush: forever}); !got.over || got.tell || got.count != 4 {
		t.Errorf("who was told of is %+v", got)
	}
	f := w.fill()
	if f.Evicted == 0 || f.Held > f.Clients {
		t.Errorf("it was never full: %+v", f)
	}
}

func TestAFloodOfNewKeysIsSeen(t *testing.T) {
	w := newTwelfths[uint16](200, 600_000, 900_000, true, 512, newKeyed(1), levelsOf(nil))
	next := actor(1)
	minute := func(m, keys int) Fill {
		for n := range keys {
			next++
			w.see(next, &question{at: int64(m)*60_000 + int64(n%60_000)})
		}
		return w.fill()
	}
	for m := range 30 {
		if f := minute(m, 1000); f.Flooded {
			t.Fatalf("minute %d of the usual is a flood: %+v", m, f)
		}
	}
	if f := minute(30, 20_000); !f.Flooded {
		t.Errorf("twenty times the usual is none: %+v", f)
	}
	minute(31, 1000)
	if f := minute(32, 1000); f.Flooded || f.New != 1000 {
		t.Errorf("two minutes later: %+v", f)
	}
}
