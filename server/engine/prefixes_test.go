package engine

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// scan is the slow, obvious list: every decision in a slice, looked at one by one.
type scan []Decision

func (s *scan) apply(d Decision) {
	*s = slices.DeleteFunc(*s, func(o Decision) bool { return o.ID == d.ID })
	if d.Lifted.IsZero() {
		*s = append(*s, d)
	}
}

func (s scan) covering(a netip.Addr, k Key, at time.Time) (ds []Decision) {
	for _, d := range s {
		in := d.Target.Network.IsValid() && d.Target.Network.Contains(a)
		of := !d.Target.Network.IsValid() && !k.Zero() && d.Target.Key.Hash == k.Hash
		if (in || of) && (d.Until.IsZero() || at.Before(d.Until)) {
			ds = append(ds, d)
		}
	}
	return ds
}

func (s scan) action(a netip.Addr, k Key, at time.Time, exempt bool) (do Action, watched bool) {
	for _, d := range s.covering(a, k, at) {
		switch {
		case exempt && d.Origin == ByRule:
		case d.Action == Monitor:
			watched = true
		default:
			do = max(do, d.Action)
		}
	}
	return do, watched
}

// A change to the lists, in few values, so that targets and IDs meet often.
type change struct{ id, action, target, hours, way byte }

var (
	targets = []Target{
		network("10.0.0.0/8"), network("10.1.0.0/16"), network("10.1.2.0/24"), network("10.1.2.3/32"), network("0.0.0.0/0"), network("10.1.2.128/25"),
		network("2001:db8::/32"), network("2001:db8::/64"), network("2001:db8::1/128"), network("::/0"),
		{Key: key("a")},
		{Key: key("b")},
	}
	clients = []netip.Addr{
		netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("10.1.2.200"), netip.MustParseAddr("10.9.9.9"), netip.MustParseAddr("192.0.2.1"),
		netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db9::"),
	}
	keys = []Key{{}, key("a"), key("c")}
)

// follow makes the changes one after the other, an hour apart, and compares the lists with a
// scan after each.
func follow(t interface{ Fatalf(string, ...any) }, changes []change) {
	l, s, at := newLists(1<<17, newKeyed(1), func(Target) {}), scan(nil), noon
	for i, c := range changes {
		at = at.Add(time.Hour)
		id := fmt.Sprintf("D-%d", c.id%16)
		if c.id%2 == 0 { // as ours are, and so held in short
			id = NewReference('D', id)
		}
		d := Decision{
			ID: id, Action: Action(c.action%4) + 1, Target: targets[int(c.target)%len(targets)],
			Origin: Origin(c.action/4%4) + 1, From: at,
		}
		if c.hours%16 > 0 {
			d.Until = at.Add(time.Duration(c.hours%16) * time.Hour)
		}
		switch c.way % 8 {
		case 0:
			_, inForce := l.lift(id, at, "ada")
			j := slices.IndexFunc(s, func(o Decision) bool { return o.ID == id && o.InForce(at) })
			if inForce != (j >= 0) {
				t.Fatalf("change %d: lifting %s is %v", i, id, inForce)
			}
			if inForce {
				s = slices.Delete(s, j, j+1)
			}
		case 1:
			d.Lifted = at
			l.apply(d)
			s.apply(d)
		case 2:
			want := 0
			s = slices.DeleteFunc(s, func(o Decision) bool {
				if o.InForce(at) {
					return false
				}
				want++
				return true
			})
			if got := len(l.expire(at)); got != want {
				t.Fatalf("change %d: %d expired, want %d", i, got, want)
			}
		case 3:
			l.restore(slices.Values([]Decision{d, {ID: "D-99", Action: Monitor, Target: d.Target, Until: at.Add(time.Hour)}, d}))
			s.apply(d)
			s.apply(Decision{ID: "D-99", Action: Monitor, Target: d.Target, Until: at.Add(time.Hour)})
		default:
			l.apply(d)
			s.apply(d)
		}
		agree(t, i, l, s, at)
	}
}

func agree(t interface{ Fatalf(string, ...any) }, i int, l *lists, s scan, at time.Time) {
	for _, a := range clients {
		for _, k := range keys {
			for _, exempt := range []bool{false, true} {
				got := l.judge(a, k, at, exempt)
				if do, watched := s.action(a, k, at, exempt); got.action() != do || got.watched != watched {
					t.Fatalf("change %d: %s with key %q gets %v, %v, want %v, %v", i, a, k.Prefix, got.action(), got.watched, do, watched)
				}
			}
			if got, want := ids(l.covering(a, k, at)), ids(s.covering(a, k, at)); !slices.Equal(got, want) {
				t.Fatalf("change %d: %v cover %s, want %v", i, got, a, want)
			}
		}
	}
	for _, target := range targets {
		var want []Decision
		for _, d := range s {
			same := !target.Network.IsValid() && d.Target.Key == target.Key && !d.Target.Network.IsValid()
			in := target.Network.IsValid() && d.Target.Network.IsValid() && target.Network.Overlaps(d.Target.Network) && d.Target.Network.Bits() >= target.Network.Bits()
			if (same || in) && d.InForce(at) {
				want = append(want, d)
			}
		}
		if got := ids(l.within(target, at)); !slices.Equal(got, ids(want)) {
			t.Fatalf("change %d: %v lie within %s, want %v", i, got, target, ids(want))
		}
	}
	inForce := slices.DeleteFunc(slices.Clone(s), func(d Decision) bool { return !d.InForce(at) })
	if got := ids(l.all(at)); !slices.Equal(got, ids(inForce)) {
		t.Fatalf("change %d: %v are in force, want %v", i, got, ids(inForce))
	}
}

func ids(ds []Decision) (ids []string) {
	for _, d := range ds {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}

func FuzzPrefixSet(f *testing.F) {
	f.Add([]byte{0, 3, 0, 0, 7, 1, 2, 3, 1, 7, 2, 2, 2, 0, 7, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		var changes []change
		for c := range slices.Chunk(bytes[:min(len(bytes), 200)], 5) {
			if len(c) == 5 {
				changes = append(changes, change{c[0], c[1], c[2], c[3], c[4]})
			}
		}
		follow(t, changes)
	})
}

func TestTheListsAgreeWithAScan(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) change {
		b := rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "change")
		return change{b[0], b[1], b[2], b[3], b[4]}
	})
	rapid.Check(t, func(t *rapid.T) { follow(t, rapid.SliceOfN(one, 1, 40).Draw(t, "changes")) })
}

// feed is a list of addresses that somebody else keeps.
func feed(n int) []Decision {
	ds := make([]Decision, n)
	for i := range ds {
		a := netip.AddrFrom4([4]byte{byte(1 + i>>16), byte(i >> 8), byte(i), 7})
		ds[i] = Decision{ID: fmt.Sprintf("D-%013d", i), Action: Block, Target: ActorOf(a), Origin: ByFeed, From: noon}
	}
	return ds
}

// Many addresses of one network, some named more than once, and each list held in short, whole,
// in front of and behind others.
func TestNeighboursAreFoundAndLeaveOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, s := newLists(1<<17, newKeyed(1), func(Target) {}), scan(nil)
		base := netip.MustParseAddr("2001:db8::").As16()
		n := rapid.IntRange(1, 40).Draw(t, "addresses")
		for i := range n {
			base[15] = byte(rapid.IntRange(0, 20).Draw(t, "address"))
			bits := rapid.SampledFrom([]int{128, 128, 128, 127, 64, 48}).Draw(t, "bits")
			p, _ := netip.AddrFrom16(base).Prefix(bits)
			d := Decision{ID: fmt.Sprint("odd ", i), Action: Action(i%4) + 1, Target: Target{Network: p}, Origin: ByOperator, From: noon}
			if rapid.Bool().Draw(t, "in short") {
				d.ID = NewReference('D', d.ID)
			}
			l.apply(d)
			s.apply(d)
		}
		for len(s) > 0 {
			for i := range byte(21) {
				base[15] = i
				a := netip.AddrFrom16(base)
				if got, want := ids(l.covering(a, Key{}, noon)), ids(s.covering(a, Key{}, noon)); !slices.Equal(got, want) {
					t.Fatalf("%v cover %s, want %v", got, a, want)
				}
			}
			d := s[rapid.IntRange(0, len(s)-1).Draw(t, "one")]
			if got, ok := l.lift(d.ID, noon, "ada"); !ok || got.Target != d.Target {
				t.Fatalf("%s is lifted as %+v", d.ID, got)
			}
			d.Lifted = noon
			s.apply(d)
		}
		if all, _ := l.size(); all != 0 || len(l.shared) != 0 || len(l.odd) != 0 {
			t.Fatalf("%d are left, %d and %d of what they had", all, len(l.shared), len(l.odd))
		}
	})
}

func TestADecisionIsAnsweredAsItWasTold(t *testing.T) {
	local := time.FixedZone("", 3600)
	for name, change := range map[string]func(*Decision){
		"in short":                   func(*Decision) {},
		"of an IPv4 network":         func(d *Decision) { d.Target = network("10.0.0.0/8") },
		"of an IPv6 address":         func(d *Decision) { d.Target = network("2001:db8::1/128") },
		"of everybody":               func(d *Decision) { d.Target = network("::/0") },
		"of a key":                   func(d *Decision) { d.Target = Target{Key: key("stolen")} },
		"of an odd name":             func(d *Decision) { d.ID = "from elsewhere" },
		"of a name in small letters": func(d *Decision) { d.ID = strings.ToLower(d.ID) },
		"without end":                func(d *Decision) { d.Until = time.Time{} },
		"for a thousand years":       func(d *Decision) { d.Until = d.From.AddDate(1000, 0, 0) },
		"of another zone":            func(d *Decision) { d.From = d.From.In(local) },
		"of another zone's end":      func(d *Decision) { d.Until = d.Until.In(local) },
		"of a live clock":            func(d *Decision) { d.From = time.Now(); d.Until = d.From.Add(time.Hour) },
		"of a rule":                  func(d *Decision) { d.Origin, d.Rule, d.Finding = ByRule, rate, "0123456789abcdef01234567" },
	} {
		t.Run(name, func(t *testing.T) {
			d := Decision{
				ID: NewReference('D', name), Action: Block, Target: network("192.0.2.7/32"), Origin: ByFeed,
				Reason: "because", By: "a feed", From: noon, Until: noon.Add(time.Hour),
			}
			change(&d)
			e := newEngine(t)
			e.Apply(d)
			at := d.From
			if got, ok := e.Decision(d.ID, at); !ok || got != d {
				t.Errorf("told %+v, answered %+v", d, got)
			}
			if ds := e.Decisions(at); len(ds) != 1 || ds[0] != d {
				t.Errorf("all are %+v", ds)
			}
			n := 0
			e.EachDecision(at, func(got Decision) bool {
				n++
				return got == d
			})
			if lifted, ok := e.Lift(d.ID, at, "ada"); n != 1 || !ok || lifted.LiftedBy != "ada" {
				t.Errorf("%d of it, lifted as %+v", n, lifted)
			}
			if _, ok := e.Decision(d.ID, at); ok {
				t.Error("there after it was lifted")
			}
		})
	}
}

func TestADecisionCountsToItsVeryEnd(t *testing.T) {
	a := netip.MustParseAddr(attacker)
	for _, end := range []time.Time{
		noon.Add(time.Nanosecond), noon.Add(time.Hour + 59*time.Second + 999), noon.Truncate(time.Minute).Add(time.Minute),
		time.Date(2001, 1, 1, 0, 0, 30, 1, time.UTC), time.Date(2090, 1, 1, 0, 0, 30, 1, time.UTC),
	} {
		e := newEngine(t)
		d := decision(NewReference('D', "one"), Block, network("198.18.0.0/16"), end)
		e.Apply(d)
		for _, at := range []time.Time{time.Unix(0, 0), end.Add(-time.Hour), end.Add(-time.Minute), end.Add(-time.Second), end.Add(-1)} {
			if v := e.Decide(Request{At: at, Client: a, Folded: "/"}); v.Reference != d.ID {
				t.Errorf("at %s, before its end at %s, it doesn't count", at, end)
			}
		}
		for _, at := range []time.Time{end, end.Add(time.Second), end.Add(time.Hour)} {
			if v := e.Decide(Request{At: at, Client: a, Folded: "/"}); v.Refused() {
				t.Errorf("at %s, after its end at %s, it counts", at, end)
			}
		}
	}
}

func TestOfEqualsTheOneThatEndsLastCounts(t *testing.T) {
	for name, ends := range map[string][2]time.Duration{
		"hours apart":          {time.Hour, 2 * time.Hour},
		"in one minute":        {time.Hour, time.Hour + time.Second},
		"beyond what is short": {100 * 365 * 24 * time.Hour, 101 * 365 * 24 * time.Hour},
	} {
		for _, wide := range []int{0, 1} { // which of the two is about the wider network
			e := newEngine(t)
			var ds [2]Decision
			for i := range ds {
				target := network("198.18.0.0/16")
				if i == wide {
					target = network("198.18.0.0/15")
				}
				ds[i] = decision(NewReference('D', fmt.Sprint(i)), Block, target, noon.Add(ends[i]))
				e.Apply(ds[i])
			}
			if v := e.Decide(Request{At: noon, Client: netip.MustParseAddr(attacker), Folded: "/"}); v.Reference != ds[1].ID {
				t.Errorf("%s: %s refuses, not %s", name, v.Reference, ds[1].ID)
			}
		}
	}
}

// The first networks of IPv6 share words with others, and IPv4 addresses have the place of some.
func TestOddAddressesAreNotTakenForOthers(t *testing.T) {
	odd := []string{"::/64", "0:0:0:1::/64", "::1/128", "0:0:0:1::1/128", "0:ffff:c612:7::/64", "0:ffff:c612:7::/128", "198.18.0.7/32", "2001:db8::1/128", "2001:db8::2/128"}
	for _, one := range odd {
		e := newEngine(t)
		d := decision(NewReference('D', one), Block, network(one), noon.Add(time.Hour))
		e.Apply(d)
		for _, other := range odd {
			a := netip.MustParsePrefix(other).Addr()
			if got := e.Decide(Request{At: noon, Client: a, Folded: "/"}).Refused(); got != d.Target.Network.Contains(a) {
				t.Errorf("with %s blocked, %s is refused: %v", one, a, got)
			}
		}
	}
}

func TestALongListOfAllKindsIsFoundAsAScanFindsIt(t *testing.T) {
	const n = 30_000
	ds := blocklist(n)
	e := newEngine(t)
	e.Restore(ds[:n/3])
	e.RestoreEach(slices.Values(ds[n/3 : n/2]))
	for _, d := range ds[n/2:] {
		e.Apply(d)
	}
	var nets scan
	for i := 9; i < n; i += 10 {
		nets.apply(ds[i])
	}
	dice := rand.New(rand.NewPCG(5, 6))
	check := func(listed bool, from int) {
		t.Helper()
		for i := from; i < n; i += 2 {
			a := ds[i].Target.Network.Addr()
			if got := slices.ContainsFunc(e.Covering(a, Key{}, noon), func(d Decision) bool { return d.ID == ds[i].ID }); got != listed {
				t.Fatalf("%s is found: %v", ds[i].Target, got)
			}
		}
		for range 2000 {
			a := someIPv4(dice)
			if dice.IntN(2) == 0 {
				a = someIPv6(dice)
			}
			if got, want := ids(e.Covering(a, Key{}, noon)), ids(nets.covering(a, Key{}, noon)); !slices.Equal(got, want) {
				t.Fatalf("%v cover %s, want %v", got, a, want)
			}
		}
	}
	check(true, 0)
	check(true, 1)
	for i := 1; i < n; i += 2 { // all nets go
		if _, ok := e.Lift(ds[i].ID, noon, "ada"); !ok {
			t.Fatalf("%s can't be lifted", ds[i].Target)
		}
	}
	nets = nil
	check(true, 0)
	check(false, 1)
	for i := 1; i < n; i += 20 {
		e.Apply(ds[i])
	}
	check(true, 0)
	if all, _ := e.Listed(); all != n/2+n/20 {
		t.Errorf("%d are listed", all)
	}
}

func TestAMillionDecisionsTakeTwoHundredMegabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("a million decisions take a few seconds")
	}
	ds := blocklist(1_000_000)
	e := newEngine(t)
	before := alive()
	e.Restore(ds)
	if taken := (alive() - before) >> 20; taken > 200 {
		t.Errorf("they take %d MB", taken)
	}
	d := ds[len(ds)/2]
	if v := e.Decide(Request{At: noon, Client: d.Target.Network.Addr(), Folded: "/"}); v.Status != 403 || v.Cause != causeFeed {
		t.Errorf("one that is listed gets %+v", v)
	}
	runtime.KeepAlive(ds)
}

func TestALongListIsFoundWhole(t *testing.T) {
	ds := feed(100_000)
	e := newEngine(t)
	e.Restore(ds)
	for _, d := range ds {
		v := e.Decide(Request{At: noon, Client: d.Target.Network.Addr(), Folded: "/"})
		if v.Status != 403 || v.Reference != d.ID || v.Cause != "feed" {
			t.Fatalf("%s: %+v", d.Target, v)
		}
		if v := e.Decide(Request{At: noon, Client: d.Target.Network.Addr().Next(), Folded: "/"}); v.Refused() {
			t.Fatalf("refuses the neighbour of %s", d.Target)
		}
	}
	if all, byRules := e.Listed(); all != len(ds) || byRules != 0 {
		t.Errorf("%d are listed, %d by rules", all, byRules)
	}
}

func TestANetworkOfAnySizeIsFoundUpToItsEdges(t *testing.T) {
	for _, others := range []int{0, 30_000} { // which share what is looked at first
		e := newEngine(t)
		e.Restore(blocklist(others))
		dice := rand.New(rand.NewPCG(7, 8))
		for _, in := range []func(*rand.Rand) netip.Addr{someIPv4, someIPv6} {
			for size := range in(dice).BitLen() + 1 {
				n := netip.PrefixFrom(in(dice), size).Masked()
				d := Decision{ID: fmt.Sprint(n), Action: Block, Target: Target{Network: n}, Origin: ByOperator, From: noon}
				found := func(a netip.Addr) bool {
					return slices.ContainsFunc(e.Covering(a, Key{}, noon), func(o Decision) bool { return o.ID == d.ID })
				}
				e.Apply(d)
				exact := 0
				e.lists.exactly(d.Target, func(*held) { exact++ })
				first, last := n.Addr(), lastOf(n)
				if exact != 1 {
					t.Errorf("%s is found %d times by its size", n, exact)
				}
				if !found(first) || !found(last) {
					t.Errorf("%s is not found at its edges among %d others", n, others)
				}
				if a := first.Prev(); a.IsValid() && found(a) {
					t.Errorf("%s is found at %s", n, a)
				}
				if a := last.Next(); a.IsValid() && found(a) {
					t.Errorf("%s is found at %s", n, a)
				}
				e.Lift(d.ID, noon, "ada")
				if found(first) || found(last) {
					t.Errorf("%s is found after it was lifted", n)
				}
			}
		}
	}
}

func lastOf(n netip.Prefix) netip.Addr {
	b := n.Addr().AsSlice()
	for i := n.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 128 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
