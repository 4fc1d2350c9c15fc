package engine

import (
	"net/netip"
	"sync/atomic"

	"github.com/gaissmai/bart"
)

// prefixes finds the decisions that cover an address. Most lists name single clients, so those
// lie in an index by actor, which answers with one look whatever their number; networks of other
// sizes lie in a trie. Readers take no lock: each change of the trie is a new one that shares
// with the one before what it did not touch.
type prefixes struct {
	clients *index // of IPv4 addresses, and IPv6 addresses and their /64
	nets    atomic.Pointer[bart.Table[*held]]
	sieve   atomic.Pointer[sieve] // before the nets, when there are many; knows each before it is there
	sifted  int                   // nets that the sieve was told of
	moved   func(from, to *held)  // told when a decision is held anew
}

// mostOfOne are found together for one actor; further addresses of one IPv6 /64 lie among the nets.
const mostOfOne = 8

func newPrefixes(k keyed, moved func(from, to *held)) *prefixes {
	return &prefixes{clients: newIndex(k, clientWord), moved: moved}
}

// clientWord is what the index finds a decision about a client by.
func clientWord(h *held) uint64 { return uint64(actorOf(h.network().Addr())) }

func (p *prefixes) trie() *bart.Table[*held] {
	if t := p.nets.Load(); t != nil {
		return t
	}
	return new(bart.Table[*held])
}

// cover calls f for each decision whose network holds the address.
func (p *prefixes) cover(a netip.Addr, f func(*held)) {
	if !a.IsValid() {
		return
	}
	for h := p.clients.chain(uint64(actorOf(a))); h != nil; h = h.next {
		if h.holdsFor(a) {
			f(h)
		}
	}
	if s := p.sieve.Load(); s != nil && !s.holds(a) {
		return
	}
	t := p.nets.Load()
	if t == nil || !t.Contains(a) {
		return
	}
	for bits := a.BitLen(); bits >= 0; {
		found, chain, ok := t.LookupPrefixLPM(netip.PrefixFrom(a, bits))
		if !ok {
			return
		}
		for ; chain != nil; chain = chain.next {
			f(chain)
		}
		bits = found.Bits() - 1
	}
}

// within calls f for each decision whose network lies in this one. For one that is wider than a
// client it looks at all clients.
func (p *prefixes) within(network netip.Prefix, f func(*held)) {
	who := actorsOf(network)
	look := func(chain *held) {
		for ; chain != nil; chain = chain.next {
			if n := chain.network(); n.Bits() >= network.Bits() && network.Contains(n.Addr()) {
				f(chain)
			}
		}
	}
	if who.from == who.to {
		look(p.clients.chain(uint64(who.from)))
	} else {
		p.clients.each(look)
	}
	for _, chain := range p.trie().Subnets(network) {
		for ; chain != nil; chain = chain.next {
			f(chain)
		}
	}
}

// single reports whether a network is one that the index finds.
func single(n netip.Prefix) bool {
	return n.Addr().Is4() && n.Bits() == 32 || n.Addr().Is6() && (n.Bits() == 64 || n.Bits() == 128)
}

// addClient adds a decision, unless it belongs among the nets.
func (p *prefixes) addClient(h *held, n netip.Prefix) bool {
	if !single(n) {
		return false
	}
	word := uint64(actorOf(n.Addr()))
	chain := p.clients.chain(word)
	if n.Bits() == 128 && chain.longerThan(mostOfOne) {
		return false
	}
	p.clients.set(word, h.with(chain))
	return true
}

func (h *held) longerThan(n int) bool {
	for ; h != nil; h = h.next {
		if n--; n < 0 {
			return true
		}
	}
	return false
}

func (p *prefixes) add(h *held) {
	if n := h.network(); !p.addClient(h, n) {
		h.flags |= inNets
		p.sift(n)
		p.nets.Store(p.trie().ModifyPersist(n, func(chain *held, _ bool) (*held, bool) { return h.with(chain), false }))
	}
}

// addAll adds many, with one new trie for those that belong there.
func (p *prefixes) addAll(many []*held) {
	nets := many[:0]
	p.clients.reserve(len(many))
	for _, h := range many {
		if !p.addClient(h, h.network()) {
			nets = append(nets, h)
		}
	}
	t := p.trie()
	if len(nets) < t.Size()/16 { // a copy of all would cost more
		for _, h := range nets {
			p.add(h)
		}
		return
	}
	t = t.Clone()
	for _, h := range nets {
		h.flags |= inNets
		t.Modify(h.network(), func(chain *held, _ bool) (*held, bool) { return h.with(chain), false })
	}
	p.resift(t)
	p.nets.Store(t)
}

// sift tells the sieve of a network that is about to be among the nets, and makes it anew when
// most of what it knows is gone.
func (p *prefixes) sift(n netip.Prefix) {
	t := p.trie()
	if p.sifted++; p.sifted > 2*t.Size()+sieveFrom {
		p.resift(t)
		p.sifted++
	}
	if s := p.sieve.Load(); s != nil {
		s.add(n)
	}
}

// resift makes a sieve for all nets, if there are many.
func (p *prefixes) resift(t *bart.Table[*held]) {
	p.sifted = t.Size()
	if t.Size() < sieveFrom {
		p.sieve.Store(nil)
		return
	}
	s := &sieve{keyed: p.clients.keyed}
	for known := range t.All() {
		s.add(known)
	}
	p.sieve.Store(s)
}

func (p *prefixes) remove(h *held) {
	if h.flags&inNets == 0 {
		word := uint64(actorOf(h.network().Addr()))
		p.clients.set(word, p.clients.chain(word).without(h, p.moved))
		return
	}
	p.nets.Store(p.trie().ModifyPersist(h.network(), func(chain *held, _ bool) (*held, bool) {
		rest := chain.without(h, p.moved)
		return rest, rest == nil
	}))
}

// exactly calls f for each decision about exactly this network.
func (p *prefixes) exactly(n netip.Prefix, f func(*held)) {
	if single(n) {
		for h := p.clients.chain(uint64(actorOf(n.Addr()))); h != nil; h = h.next {
			if h.network() == n {
				f(h)
			}
		}
	}
	chain, _ := p.trie().Get(n)
	for ; chain != nil; chain = chain.next {
		f(chain)
	}
}
