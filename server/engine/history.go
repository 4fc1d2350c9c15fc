package engine

import (
	"encoding/binary"
	"math"
	"net/netip"
	"sync/atomic"
	"time"
)

// history remembers who got good answers where, so that a rule does not block many for one
// (RULES part B, collateral guard): behind one address may sit an office or a mobile network.
//
// For each network it keeps a few identities, of which those that have proved themselves are
// never pushed out by new ones. Who wants to be spared needs as many identities as the policy
// says, each with a good answer more than an hour ago; he is throttled then. An answer is good
// where the API has refused others: one that never looks at a key proves nothing about it.
type history struct {
	*table // by actor; a slot holds when anybody was last noted there, and since when the first has been
	enough int
	kept   int // identities per network
	people []identity
	strict []atomic.Uint32 // routes where somebody was refused: a mark each
	lately []atomic.Uint32 // who was noted within a minute: a mark each, so that most are noted for little
}

// An identity is an account, a key or a session, and when it was first and last well answered.
type identity struct {
	who         uint32 // zero for nobody
	first, last int32  // seconds
}

const (
	often    = 60           // seconds within which one good answer is as good as many
	proven   = 60 * 60      // seconds after which an identity counts
	lastsFor = 24 * 60 * 60 // seconds that it does without another good answer

	strictRoutes = 1 << 12 // that are remembered; one that is forgotten spares nobody
)

// refused notes that the API looks at who asks on this route.
func (h *history) refused(x *Exchange) {
	at, mark := h.route(x)
	at.Store(mark)
}

// route is where it is remembered that a route refuses, and by what mark.
func (h *history) route(x *Exchange) (*atomic.Uint32, uint32) {
	route := x.Route
	if route == "" {
		route = x.Folded
	}
	mix := h.text(route) ^ h.text(x.Method)<<1
	return &h.strict[mix%strictRoutes], max(uint32(mix>>32), 1)
}

func newHistory(p Policy, k keyed) *history {
	if p.Collateral == 0 {
		return nil
	}
	h := &history{table: newTable(p.Clients/4, k), enough: p.Collateral, kept: 2 * p.Collateral}
	h.people = make([]identity, h.size()*h.kept)
	h.lately = make([]atomic.Uint32, h.size())
	h.strict = make([]atomic.Uint32, strictRoutes)
	return h
}

// identify is that of an exchange.
func (v *view) identify(k keyed) uint32 {
	if v.Account != "" {
		h := v.hashed(OfAccount, v.Account, k)
		return max(uint32(h^h>>32), 1)
	}
	return k.identify(&v.Request)
}

// identify answers who an exchange is for, and 0 for nobody: its account, else its key, else its
// session, as one person may have all three.
func (k keyed) identify(r *Request) uint32 {
	var h uint64
	switch {
	case r.Account != "":
		h = k.text(r.Account)
	case !r.Key.Zero():
		h = binary.LittleEndian.Uint64(r.Key.Hash[:])
	case !r.Session.Zero():
		h = ^binary.LittleEndian.Uint64(r.Session.Hash[:])
	default:
		return 0
	}
	return max(uint32(h^h>>32), 1)
}

func (i *identity) proven(now int32) bool {
	return i.who != 0 && now-i.first >= proven && now-i.last < lastsFor
}

// note that somebody was well answered in a network.
func (h *history) note(x *Exchange, who uint32, at int64) {
	a, now := actorOf(x.Client), int32(at/1000)
	mix := scramble(uint64(a) ^ uint64(who)<<32 ^ h.k0)
	mark := uint32(mix>>32) ^ uint32(now/often)
	lately := &h.lately[mix&uint64(len(h.lately)-1)]
	if lately.Load() == mark {
		return
	}
	if is, mark := h.route(x); is.Load() != mark {
		return
	}
	lately.Store(mark)
	hash := h.hash(uint64(a))
	s, set := h.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, uint64(a), hash)
	if i < 0 {
		if i, _ = s.claim(set, uint64(a), hash, at, func(i int) worth { return h.worth(s, i, now) }); i < 0 {
			return
		}
		clear(h.of(s, i))
	}
	people := h.of(s, i)
	enter(people, who, now)
	slot := &s.slots[i]
	slot.mark, slot.more = 0, math.MaxInt64
	for _, p := range people {
		if p.who != 0 {
			slot.mark, slot.more = max(slot.mark, int64(p.last)), min(slot.more, int64(p.first))
		}
	}
}

// enter somebody who was well answered now, unless all there have proved themselves.
func enter(people []identity, who uint32, now int32) {
	oldest := -1
	for j := range people {
		p := &people[j]
		switch {
		case p.who == who || p.who == 0:
			if p.who == 0 || p.first > now {
				p.first = now
			}
			p.who, p.last = who, now
			return
		case !p.proven(now) && (oldest < 0 || p.last < people[oldest].last):
			oldest = j
		}
	}
	if oldest >= 0 {
		people[oldest] = identity{who, now, now}
	}
}

func (h *history) of(s *stripe, i int) []identity {
	return h.people[(s.first+i)*h.kept : (s.first+i+1)*h.kept]
}

// worth is how many proved themselves; enough of them stay, whoever comes. Where nobody has been
// for long enough, as in most networks of a flood, they are not looked at one by one.
func (h *history) worth(s *stripe, i int, now int32) (w worth) {
	if slot := &s.slots[i]; int64(now)-slot.more < proven {
		return worth{newest: slot.mark}
	}
	for _, p := range h.of(s, i) {
		if p.proven(now) {
			w.count++
		}
		w.newest = max(w.newest, int64(p.last))
	}
	if w.count >= h.enough {
		w.count = precious
	}
	return w
}

// shared reports whether so many have proved themselves in a network that it must not be blocked
// for one of them.
func (h *history) shared(a actor, at int64) bool {
	if h == nil {
		return false
	}
	hash := h.hash(uint64(a))
	s, set := h.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, uint64(a), hash)
	return i >= 0 && h.worth(s, i, int32(at/1000)).count == precious
}

// spares reports whether a network must not be blocked: so many have proved themselves there, or in
// the networks within it together.
func (h *history) spares(n netip.Prefix, at int64) bool {
	who := actorsOf(n)
	if h == nil || who.from == who.to {
		return h.shared(who.from, at)
	}
	proven := 0
	for i := range h.stripes {
		s := &h.stripes[i]
		s.mu.Lock()
		for _, e := range s.entries[:min(s.held, 1)*len(s.entries)] {
			if i := e.slot(); i >= 0 && who.hold(actor(s.slots[i].key)) {
				proven += min(h.worth(s, i, int32(at/1000)).count, h.enough)
			}
		}
		s.mu.Unlock()
	}
	return proven >= h.enough
}

// Shared reports whether so many accounts or keys with a good history use a network that rules would not
// block it for one of them; see Policy.Collateral.
func (e *Engine) Shared(n netip.Prefix, at time.Time) bool {
	return e.regime.Load().history.spares(n, e.tick(at))
}
