package service

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func drawn(t *rapid.T, name string, least int) netip.Prefix {
	bits := rapid.IntRange(least, 32).Draw(t, name+" bits")
	a := netip.AddrFrom4([4]byte{203, 0, 113, rapid.Byte().Draw(t, name)})
	return netip.PrefixFrom(a, bits).Masked()
}

func TestPartsAreARangeWithoutWhatIsAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawn(t, "network", 24)
		networks := map[string]netip.Prefix{}
		for i := range rapid.IntRange(0, 6).Draw(t, "allows") {
			networks[string(rune('a'+i))] = drawn(t, "allow", 23)
		}
		allows := allowing(networks)
		told := map[netip.Addr]int{}
		allows.parts(n, func(p netip.Prefix) bool {
			if !allows.isPart(p, n) {
				t.Fatalf("%v is told as a part of %v, and then is none", p, n)
			}
			for a := p.Addr(); p.Contains(a); a = a.Next() {
				told[a]++
			}
			return true
		})
		for a := n.Addr(); n.Contains(a); a = a.Next() {
			want := 1
			for _, w := range networks {
				if w.Contains(a) {
					want = 0
				}
			}
			if told[a] != want {
				t.Fatalf("%v is told %d times, want %d; %v without %v", a, told[a], want, n, networks)
			}
			part, ok := allows.partOf(n, a)
			if ok != (want == 1) || ok && (!part.Contains(a) || !allows.isPart(part, n)) {
				t.Fatalf("%v lies in part %v (%v) of %v without %v", a, part, ok, n, networks)
			}
		}
	})
}

func TestPartsAreBoundedAndNeverHoldWhoIsAllowed(t *testing.T) {
	networks := map[string]netip.Prefix{}
	for i := range 3000 {
		a := netip.AddrFrom4([4]byte{10, byte(i), byte(i * 7), byte(i * 13)})
		networks[a.String()] = netip.PrefixFrom(a, 32)
	}
	allows := allowing(networks)
	var parts []netip.Prefix
	allows.parts(netip.MustParsePrefix("10.0.0.0/8"), func(p netip.Prefix) bool { parts = append(parts, p); return true })
	if len(parts) == 0 || len(parts) > mostParts {
		t.Errorf("%d parts, want at most %d", len(parts), mostParts)
	}
	for _, p := range parts {
		if allows.overlaps(p) {
			t.Errorf("%v holds somebody who is allowed", p)
		}
	}
	six := allowing(map[string]netip.Prefix{"": netip.MustParsePrefix("2001:db8::1/128")})
	n := 0
	six.parts(netip.MustParsePrefix("2001:db8::/32"), func(netip.Prefix) bool { n++; return true })
	if n != 96 {
		t.Errorf("a /32 without one address is told in %d parts, want 96", n)
	}
}
