package gateway

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// asked are the requests that a proxy asked about and whose answers are not known yet. There
// is room for 32,768; who comes after takes the place of the oldest.
type asked struct {
	seed    maphash.Seed
	unheard func(engine.Exchange) // told of those that nobody answered
	stripes [stripes]stripe
}

const (
	stripes   = 64
	perStripe = 512
	// patience is how long after the question the log of the proxy may tell the answer.
	patience = 2 * time.Minute
)

type stripe struct {
	mu         sync.Mutex
	ring       []question // perStripe of them once one was asked
	begin, end uint64     // of those in use, counted from the first that ever was
	chains     map[uint64]chain
}

// A question was asked; alike ones are answered in the order in which they were asked.
type question struct {
	x      engine.Exchange // without its answer
	hash   uint64
	open   bool
	behind uint64 // the next that is alike, 0 for none
}

type chain struct{ first, last uint64 }

// what makes two requests alike, as a log tells it.
type likeness struct {
	client         netip.Addr
	method, folded string
}

// put remembers a question. When nobody is left to tell about an old one, it is observed
// without its answer.
func (a *asked) put(x engine.Exchange) {
	hash := maphash.Comparable(a.seed, likeness{x.Client, x.Method, x.Folded})
	s := &a.stripes[hash%stripes]
	var late [4]engine.Exchange
	n := 0
	s.mu.Lock()
	if s.ring == nil {
		s.ring, s.chains, s.begin, s.end = make([]question, perStripe), make(map[uint64]chain), 1, 1
	}
	for n < len(late) && s.begin < s.end {
		oldest := &s.ring[s.begin%perStripe]
		if oldest.open && s.end-s.begin < perStripe && x.At.Sub(oldest.x.At) <= patience {
			break
		}
		if oldest.open {
			if !oldest.x.Refused {
				late[n] = oldest.x
				n++
			}
			s.drop(oldest)
		}
		s.begin++
	}
	here := s.end
	s.ring[here%perStripe] = question{x: x, hash: hash, open: true}
	s.end++
	c, known := s.chains[hash]
	if known {
		s.ring[c.last%perStripe].behind = here
		c.last = here
	} else {
		c = chain{here, here}
	}
	s.chains[hash] = c
	s.mu.Unlock()
	for _, x := range late[:n] {
		a.unheard(x)
	}
}

// take answers the oldest question alike, and forgets it.
func (a *asked) take(client netip.Addr, method, folded string, at time.Time) (engine.Exchange, bool) {
	hash := maphash.Comparable(a.seed, likeness{client, method, folded})
	s := &a.stripes[hash%stripes]
	for {
		s.mu.Lock()
		c, known := s.chains[hash]
		if !known {
			s.mu.Unlock()
			return engine.Exchange{}, false
		}
		q := &s.ring[c.first%perStripe]
		x := q.x
		s.drop(q)
		s.mu.Unlock()
		if at.Sub(x.At) <= patience {
			return x, true
		}
		if !x.Refused {
			a.unheard(x)
		}
	}
}

// drop closes a question, the first of its chain.
func (s *stripe) drop(q *question) {
	if q.behind == 0 {
		delete(s.chains, q.hash)
	} else {
		s.chains[q.hash] = chain{q.behind, s.chains[q.hash].last}
	}
	*q = question{}
}
