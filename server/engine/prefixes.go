package engine

import (
	"net/netip"
	"sync/atomic"

	"github.com/gaissmai/bart"
)

// prefixes finds the decisions that cover an address. Readers take no lock: each change is
// a new table that shares what it did not touch with the one before. A key's hash is 16
// bytes, as an IPv6 address is, so the same structure serves keys.
type prefixes struct {
	table atomic.Pointer[bart.Table[*link]]
}

// A link of the chain of decisions on one prefix. Chains are never changed once they can be
// read.
type link struct {
	*held
	next *link
}

func (p *prefixes) load() *bart.Table[*link] {
	if t := p.table.Load(); t != nil {
		return t
	}
	return new(bart.Table[*link])
}

// cover calls f for each decision whose prefix holds the address, longest prefix first, until
// f has enough.
func (p *prefixes) cover(a netip.Addr, f func(*held) (enough bool)) {
	t := p.table.Load()
	if t == nil || !t.Contains(a) {
		return
	}
	for bits := a.BitLen(); bits >= 0; {
		found, chain, ok := t.LookupPrefixLPM(netip.PrefixFrom(a, bits))
		if !ok {
			return
		}
		for ; chain != nil; chain = chain.next {
			if f(chain.held) {
				return
			}
		}
		bits = found.Bits() - 1
	}
}

// within calls f for each decision whose prefix lies in this one.
func (p *prefixes) within(network netip.Prefix, f func(*held)) {
	for _, chain := range p.load().Subnets(network) {
		for ; chain != nil; chain = chain.next {
			f(chain.held)
		}
	}
}

// with and without are what a change does to the chain on its prefix.
func with(h *held) func(*link, bool) (*link, bool) {
	return func(chain *link, _ bool) (*link, bool) { return &link{h, chain}, false }
}

func without(h *held) func(*link, bool) (*link, bool) {
	return func(chain *link, _ bool) (*link, bool) {
		rest := chain.without(h)
		return rest, rest == nil
	}
}

func (l *link) without(h *held) *link {
	switch {
	case l == nil:
		return nil
	case l.held == h:
		return l.next
	}
	return &link{l.held, l.next.without(h)}
}

// change makes the next table.
func (p *prefixes) change(network netip.Prefix, f func(*link, bool) (*link, bool)) {
	p.table.Store(p.load().ModifyPersist(network, f))
}

// add makes one next table for many decisions.
func (p *prefixes) add(many []*held) {
	t := p.load()
	if len(many) < t.Size()/16 { // a copy of all would cost more
		for _, h := range many {
			p.change(h.Target.prefix(), with(h))
		}
		return
	}
	t = t.Clone()
	for _, h := range many {
		t.Modify(h.Target.prefix(), with(h))
	}
	p.table.Store(t)
}

// prefix is where a target lies among the prefixes.
func (t Target) prefix() netip.Prefix {
	if t.Network.IsValid() {
		return t.Network
	}
	return netip.PrefixFrom(netip.AddrFrom16(t.Key.Hash), 128)
}
