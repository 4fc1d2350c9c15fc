package engine

import "slices"

// A trail is which routes a walker was well answered on lately, and when: the newest dozen of them.
type trail struct {
	routes [trailKept]uint32 // some bits of their hashes; 0 for none
	at     [trailKept]uint32 // seconds
	lost   uint32            // when the newest was passed that had to give way, in seconds; 0 for none
	begun  uint32            // in seconds
	here   uint8             // where the last lies
}

const trailKept = 12

// tagOf a route: enough of its hash to tell it from others.
func tagOf(route uint64) uint32 { return uint32(route) | 1 }

// pass a route. The one that was passed longest ago gives way.
func (t *trail) pass(route uint64, now int64) {
	tag, at := tagOf(route), seconds(now)
	if t.routes[t.here] == tag {
		t.at[t.here] = at
		return
	}
	oldest := 0
	for i, r := range t.routes {
		if r == tag {
			t.here, t.at[i] = uint8(i), at
			return
		}
		if t.at[i] < t.at[oldest] {
			oldest = i
		}
	}
	t.lost = t.at[oldest]
	t.here, t.routes[oldest], t.at[oldest] = uint8(oldest), tag, at
}

// Passed are the routes that somebody was on lately.
type passed struct {
	routes [trailKept]uint32
	n      int
	whole  bool // there were no others
}

func (p *passed) holds(tag uint32) bool { return slices.Contains(p.routes[:p.n], tag) }

// passed within a span before now, but for one route.
func (t *trail) passed(now, span int64, but uint32) (p passed) {
	since := max(now-span, 0)
	for i, r := range t.routes {
		if r != 0 && r != but && int64(t.at[i])*1000 >= since/1000*1000 {
			p.routes[p.n] = r
			p.n++
		}
	}
	p.whole = (t.lost == 0 || int64(t.lost)*1000 < since/1000*1000) && int64(t.begun)*1000 < since
	return p
}

// passed are the routes that the holder of an exchange was well answered on within a span before it,
// but for its own.
func (s *steps) passed(v *view, route uint64, span int64) passed {
	who := s.holderWord(&v.Request)
	hash := s.hash(who)
	stripe, set := s.at(hash)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	i := stripe.find(set, who, hash)
	if i < 0 {
		return passed{}
	}
	return s.walkers[stripe.first+i].trail.passed(v.now, span, tagOf(route))
}
