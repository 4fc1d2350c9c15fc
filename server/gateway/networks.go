package gateway

import (
	"net/netip"
	"slices"
)

// networks are sorted by their first address and none lies within another, so that one search
// answers for any number of them.
type networks []netip.Prefix

func newNetworks(lists ...[]netip.Prefix) networks {
	var all networks
	for _, list := range lists {
		for _, p := range list {
			if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
				p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
			}
			if p.IsValid() {
				all = append(all, p.Masked())
			}
		}
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits() // the wider first
	})
	kept := all[:0]
	for _, p := range all {
		if len(kept) == 0 || !kept[len(kept)-1].Contains(p.Addr()) {
			kept = append(kept, p)
		}
	}
	return kept
}

// contains reports whether a canonical address lies in one of them.
func (n networks) contains(a netip.Addr) bool {
	i, found := slices.BinarySearchFunc(n, a, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	return found || i > 0 && n[i-1].Contains(a)
}
