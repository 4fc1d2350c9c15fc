package service

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// allowed are the networks whose clients no bouncer may shut out. A bouncer knows no allow entries:
// what covers an allowed address is told in parts that don't. It does not change once made.
type allowed struct{ table *bart.Lite }

func allowing(networks map[string]netip.Prefix) allowed {
	t := new(bart.Lite)
	for _, n := range networks {
		t.Insert(n)
	}
	return allowed{t}
}

func (a allowed) overlaps(n netip.Prefix) bool { return a.table.OverlapsPrefix(n) }

// covers reports whether all of a network is allowed.
func (a allowed) covers(n netip.Prefix) bool { return a.table.LookupPrefix(n) }

// mostParts of one network are told. With more, the widest are, and the rest is left to the gateway.
const mostParts = 1024

// parts are the widest networks that make up one without what is allowed within it, until tell
// answers false.
func (a allowed) parts(n netip.Prefix, tell func(netip.Prefix) bool) {
	if !a.overlaps(n) {
		tell(n)
		return
	}
	told := 0
	for open := []netip.Prefix{n}; len(open) > 0; open = open[1:] {
		switch p := open[0]; {
		case a.covers(p):
		case !a.overlaps(p):
			if told++; !tell(p) || told == mostParts {
				return
			}
		case told+len(open) <= mostParts:
			low, high := halves(p)
			open = append(open, low, high)
		}
	}
}

// isPart reports whether a network is one of the parts of another.
func (a allowed) isPart(part, of netip.Prefix) bool {
	if part.Bits() < of.Bits() || !of.Contains(part.Addr()) || a.overlaps(part) {
		return false
	}
	return part == of || a.overlaps(parent(part))
}

// partOf is the part of a network that holds an address, false when the address is allowed.
func (a allowed) partOf(n netip.Prefix, addr netip.Addr) (netip.Prefix, bool) {
	for bits := n.Bits(); bits <= addr.BitLen(); bits++ {
		p, err := addr.Prefix(bits)
		if err != nil || a.covers(p) {
			return p, false
		}
		if !a.overlaps(p) {
			return p, true
		}
	}
	return n, false
}

func halves(n netip.Prefix) (low, high netip.Prefix) {
	low = netip.PrefixFrom(n.Addr(), n.Bits()+1)
	b := n.Addr().AsSlice()
	b[n.Bits()/8] |= 1 << (7 - n.Bits()%8)
	a, _ := netip.AddrFromSlice(b)
	return low, netip.PrefixFrom(a, n.Bits()+1)
}

func parent(n netip.Prefix) netip.Prefix { return netip.PrefixFrom(n.Addr(), n.Bits()-1).Masked() }
