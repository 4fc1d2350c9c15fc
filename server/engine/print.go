package engine

// prints remember by which programs each account or key is used, and from where each session was
// last. A program is known by its fingerprint where the edge sees one, else by what its user agent
// says without its versions.
type prints struct {
	*table // by account, key or session; a slot holds when it was last well answered, and how often as far as that matters
	known  []habits
}

// habits of an account, a key or a session.
type habits struct {
	at      int64 // milliseconds of the last good answer
	begun   int64 // of the first
	times   uint32
	network uint32 // that it was last used from, as a hash; 0 when unknown
	prints  [printsKept]uint32
	seen    [printsKept]uint16 // how often each, as far as it matters
}

const (
	printsKept   = 4
	habitFrom    = 20             // good answers, and
	habitIn      = 60 * 60 * 1000 // milliseconds, until another program is news
	sessionMoves = 10 * 60 * 1000 // milliseconds within which a session can't be somewhere else with something else
)

// A use is what a view says of the program that sent it.
type use struct {
	strange bool // its account or key is well known, and never by this program
	moved   bool // its session was used by another program and from another network, just before
	since   int64
}

func newPrints(p Policy, k keyed) *prints {
	h := &prints{table: newTable(p.Clients/8, k)}
	h.known = make([]habits, h.size())
	lay(h.table, h.known, 1)
	return h
}

// printOf a request: a few bits of its fingerprint, or of its user agent; 0 when it shows neither.
func (k keyed) printOf(r *Request) uint32 {
	h := r.Fingerprint
	if h == 0 {
		if r.UserAgent == "" {
			return 0
		}
		h = 1
		for i := range len(r.UserAgent) {
			if c := r.UserAgent[i]; c < '0' || c > '9' {
				h = (h ^ uint64(c)) * 1099511628211
			}
		}
	}
	h = scramble(h ^ k.k1)
	return max(uint32(h>>32), 1)
}

// provider of a request's address: who announces it where that is known, else an IPv4 /16 or an
// IPv6 /32.
func (k keyed) provider(r *Request) uint32 {
	if r.Place.ASN != 0 {
		return r.Place.ASN
	}
	a := uint64(actorOf(r.Client))
	if r.Client.Is4() {
		a >>= 16
	} else {
		a >>= 32
	}
	return max(uint32(scramble(a^k.k0)>>32), 1)
}

func (h *prints) look(v *view) {
	if v.Status/100 != 2 {
		return
	}
	print := h.printOf(&v.Request)
	if print == 0 {
		return
	}
	if who, hash := v.travellerAt(h.keyed); who != 0 {
		h.touch(who, hash, v, func(p *habits) { v.use.strange = p.strange(print, v.now); p.take(print, v.now) })
	}
	if !v.Session.Zero() {
		network := h.provider(&v.Request)
		who := v.Session.word()
		h.touch(who, h.word(who), v, func(p *habits) {
			v.use.since = v.now - p.at
			v.use.moved = p.times > 0 && p.prints[0] != print && p.network != network && v.use.since < sessionMoves
			p.at, p.network, p.prints[0], p.times = v.now, network, print, min(p.times+1, habitFrom)
		})
	}
}

// touch what is known of somebody, unless this comes late or he finds no room.
func (h *prints) touch(who, hash uint64, v *view, f func(*habits)) {
	s, set := h.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, who, hash)
	if i < 0 {
		if i, _ = s.claim(set, who, hash, v.now, func(i int) worth {
			return worth{int(s.slots[i].more), s.slots[i].mark}
		}); i < 0 {
			return
		}
		h.known[s.first+i] = habits{at: v.now, begun: v.now}
	}
	p := &h.known[s.first+i]
	switch behind := p.at - v.now; {
	case behind > putBack:
		*p = habits{at: v.now, begun: v.now}
	case behind > 0:
		return
	}
	f(p)
	s.slots[i].mark, s.slots[i].more = p.at, min(int64(p.times), habitFrom)
}

// strange reports whether a program was never used by somebody who is known.
func (p *habits) strange(print uint32, now int64) bool {
	if p.times < habitFrom || now-p.begun < habitIn {
		return false
	}
	for _, known := range p.prints {
		if known == print {
			return false
		}
	}
	return true
}

// take notes that he used a program. The one that was used least makes room.
func (p *habits) take(print uint32, now int64) {
	p.at, p.times = now, min(p.times+1, 1<<31)
	least := 0
	for i := range p.prints {
		if p.prints[i] == print {
			p.seen[i] = min(p.seen[i]+1, 1<<15)
			return
		}
		if p.seen[i] < p.seen[least] {
			least = i
		}
	}
	p.prints[least], p.seen[least] = print, 1
}

// forget drops what is known of a key, an account or a session's holder.
func (h *prints) forget(t Target) {
	if who := h.traveller(&Request{Account: t.Account, Key: t.Key}); who != 0 {
		h.dropKey(who, h.hash(who))
	}
}
