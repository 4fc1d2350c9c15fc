package engine

import (
	"net/netip"
	"sync/atomic"
)

// prefixes finds the decisions that cover an address. Most lists name single clients, so those
// lie in an index by actor, which answers with one look whatever their number. Networks of other
// sizes lie in one by their first bits, which is looked at for each size there may be around the
// address. Readers take no lock.
type prefixes struct {
	clients *index                // of IPv4 addresses, and IPv6 addresses and their /64
	nets    *index                // the others
	sizes   atomic.Pointer[sizes] // of the nets, nil while there are none; knows each before it is there
	moved   func(from, to *held)  // told when a decision is held anew
}

// atOnce so many networks are asked for.
const atOnce = 4

// mostOfOne are found together for one actor; further addresses of one IPv6 /64 lie among the nets.
const mostOfOne = 8

func newPrefixes(k keyed, moved func(from, to *held)) *prefixes {
	netWord := func(h *held) uint64 { return h.spot().within(int(h.bits), k) }
	return &prefixes{clients: newIndex(k, clientWord), nets: newIndex(k, netWord), moved: moved}
}

// clientWord is what the index of clients finds a decision by.
func clientWord(h *held) uint64 { return uint64(h.spot().actor()) }

// cover calls f for each decision whose network holds the address.
func (p *prefixes) cover(a netip.Addr, f func(*held)) {
	p.find(a, func(s spot, chain *held, _ hint) { chain.covering(s, f) })
}

// find calls f for each chain that may hold decisions about an address.
func (p *prefixes) find(a netip.Addr, f func(s spot, chain *held, known hint)) {
	if !a.IsValid() || p.empty() {
		return
	}
	s := spotOf(a)
	client := p.clients.ask(uint64(s.actor()))
	var inquiries [atOnce]inquiry
	if z := p.sizes.Load(); z != nil {
		nets := z.around(s)
		var words [atOnce]uint64
		for n := nets.words(z.keyed, words[:]); n > 0; n = nets.words(z.keyed, words[:]) {
			for i, word := range words[:n] {
				inquiries[i] = p.nets.ask(word)
			}
			for i := range n {
				if chain, known := inquiries[i].answer(); chain != nil && !known.excludes(s) {
					f(s, chain, known)
				}
			}
		}
	}
	if chain, known := client.answer(); chain != nil && !known.excludes(s) {
		f(s, chain, known)
	}
}

// empty reports whether there never was a decision.
func (p *prefixes) empty() bool { return p.clients.empty() && p.sizes.Load() == nil }

// within calls f for each decision whose network lies in this one. For one that is wider than a
// client it looks at all.
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
	p.nets.each(look)
}

// single reports whether a network is one that the index of clients finds.
func single(n netip.Prefix) bool {
	return n.Addr().Is4() && n.Bits() == 32 || n.Addr().Is6() && (n.Bits() == 64 || n.Bits() == 128)
}

// add makes a decision readable.
func (p *prefixes) add(h *held) {
	n := h.network()
	if single(n) {
		word := clientWord(h)
		if chain := p.clients.chain(word); n.Bits() != 128 || !chain.longerThan(mostOfOne) {
			p.clients.set(word, h.with(chain))
			return
		}
	}
	h.flags |= inNets
	p.note(n)
	word := p.nets.word(h)
	p.nets.set(word, h.with(p.nets.chain(word)))
}

// covering calls f for each decision of a chain that holds a spot.
func (h *held) covering(s spot, f func(*held)) {
	for ; h != nil; h = h.next {
		if h.holds(s) {
			f(h)
		}
	}
}

func (h *held) longerThan(n int) bool {
	for ; h != nil; h = h.next {
		if n--; n < 0 {
			return true
		}
	}
	return false
}

// addAll adds many.
func (p *prefixes) addAll(many []*held) {
	nets := 0
	for _, h := range many {
		if !single(h.network()) {
			nets++
		}
	}
	p.clients.reserve(len(many) - nets)
	p.nets.reserve(nets)
	if nets > 0 {
		p.noteAnew(nets)
	}
	for _, h := range many {
		p.add(h)
	}
}

// note the size of a network that is about to be among the nets.
func (p *prefixes) note(n netip.Prefix) {
	if z := p.sizes.Load(); z == nil || z.noted == z.room {
		p.noteAnew(1)
	}
	p.sizes.Load().note(n)
}

// noteAnew makes sizes for the nets that there are, and some more.
func (p *prefixes) noteAnew(more int) {
	z := newSizes(p.nets.keyed, p.nets.table.Load().live+more)
	p.nets.each(func(chain *held) {
		for ; chain != nil; chain = chain.next {
			z.note(chain.network())
		}
	})
	p.sizes.Store(z)
}

func (p *prefixes) remove(h *held) {
	x := p.clients
	if h.flags&inNets != 0 {
		x = p.nets
	}
	word := x.word(h)
	x.set(word, x.chain(word).without(h, p.moved))
}

// exactly calls f for each decision about exactly this network.
func (p *prefixes) exactly(n netip.Prefix, f func(*held)) {
	look := func(h *held) {
		for ; h != nil; h = h.next {
			if h.network() == n {
				f(h)
			}
		}
	}
	if single(n) {
		look(p.clients.chain(uint64(actorOf(n.Addr()))))
	}
	look(p.nets.chain(spotOf(n.Addr()).within(n.Bits(), p.nets.keyed)))
}
