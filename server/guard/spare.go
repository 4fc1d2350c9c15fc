package guard

import (
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// spared are whom no rule blocks: networks that the configuration names, and for a while the
// addresses that operators work from. Asking takes no lock.
type spared struct {
	networks bart.Lite // does not change

	mu   sync.Mutex // held while changing
	mine atomic.Pointer[map[netip.Addr]time.Time]
}

const (
	mostMine = 256         // addresses of operators at a time
	renewal  = time.Minute // by less than this it is not worth it
)

func (s *spared) begin(networks []netip.Prefix) {
	for _, p := range networks {
		if p, ok := canonical(p); ok {
			s.networks.Insert(p)
		}
	}
}

// SpareUntil lets no rule block an operator's address until then: he is limited and alerted as
// anyone. Calling it for every request of his costs nothing much. Of more than a few hundred
// addresses, those whose time ends first are forgotten.
func (g *Guard) SpareUntil(a netip.Addr, until time.Time) { g.spared.until(a, until, g.now()) }

func (s *spared) until(a netip.Addr, until, now time.Time) {
	a = a.Unmap().WithZone("")
	if mine := s.mine.Load(); mine != nil && until.Sub((*mine)[a]) < renewal {
		return
	}
	if !a.IsValid() || !now.Before(until) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make(map[netip.Addr]time.Time)
	if mine := s.mine.Load(); mine != nil {
		maps.Copy(next, *mine)
	}
	maps.DeleteFunc(next, func(_ netip.Addr, end time.Time) bool { return !now.Before(end) })
	next[a] = until
	if len(next) > mostMine {
		first := a
		for b, end := range next {
			if end.Before(next[first]) || end.Equal(next[first]) && b.Less(first) {
				first = b
			}
		}
		delete(next, first)
	}
	s.mine.Store(&next)
}

// holds reports whether rules spare an address.
func (s *spared) holds(a netip.Addr, at time.Time) bool {
	if s.networks.Size() > 0 && s.networks.Contains(a) {
		return true
	}
	mine := s.mine.Load()
	if mine == nil {
		return false
	}
	end, known := (*mine)[a]
	return known && at.Before(end)
}

// overlaps names a network of the configuration that a block would hit.
func (s *spared) overlaps(p netip.Prefix) (netip.Prefix, bool) {
	for mine := range s.networks.All() {
		if mine.Overlaps(p) {
			return mine, true
		}
	}
	return netip.Prefix{}, false
}

// know completes what the gateway says of a request.
func (g *Guard) know(r *engine.Request) {
	r.Client = r.Client.Unmap()
	r.Exempt = r.Exempt || g.spared.holds(r.Client, r.At)
	r.Doubted = g.doubt.of(r.Client)
}
