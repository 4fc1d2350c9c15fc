package engine

import "sync"

// ways is how many slots a key may lie in: one cache line of actors.
const ways = 8

// A table finds a slot for each key, in a fixed number of slots: sets of eight, chosen by a
// keyed hash, in stripes with a lock each. The zero key is an empty slot. What lies in a slot
// is kept by who owns the table, by the slot's number and under the stripe's lock.
type table[K comparable] struct {
	keyed
	stripes []stripe[K]
	sets    uint64 // in a stripe; a power of two
}

type stripe[K comparable] struct {
	mu         sync.Mutex
	first      int // number of its first slot
	keys       []K
	sketch     *sketch // admits to full sets; nil admits everybody
	held       int     // slots in use
	evicted    int     // keys pushed out while they still counted
	turnedAway int     // keys that the sketch did not admit
	_          [24]byte
}

const stripes = 64

func newTable[K comparable](slots int, k keyed) table[K] {
	n := powerOfTwo(max(slots, stripes*ways))
	t := table[K]{keyed: k, stripes: make([]stripe[K], stripes), sets: uint64(n / stripes / ways)}
	for i := range t.stripes {
		t.stripes[i].first = i * n / stripes
		t.stripes[i].keys = make([]K, n/stripes)
	}
	return t
}

func (t *table[K]) slots() int { return len(t.stripes) * len(t.stripes[0].keys) }

// at is where a hash leads: a stripe, and the first slot of a set within it.
func (t *table[K]) at(hash uint64) (s *stripe[K], set int) {
	return &t.stripes[hash%stripes], int(hash>>32&(t.sets-1)) * ways
}

// find answers the key's place in the stripe, or -1.
func (s *stripe[K]) find(set int, k K) int {
	for i, key := range s.keys[set : set+ways] {
		if key == k {
			return set + i
		}
	}
	return -1
}

// A worth is what a slot's holder has to set against a newcomer.
type worth struct {
	count  int   // what is counted within the window
	newest int64 // when last
}

// claim makes room for a key in its set: an empty slot, else the one of least worth (one
// that counts nothing any more, else the smallest count, else the oldest). So who comes
// once can't push out who came often. With a sketch, a newcomer enters a full set only if he
// was seen more often than the victim counts; else the slot is -1. pushed is what was lost.
func (s *stripe[K]) claim(set int, k K, hash uint64, now int64, weigh func(slot int) worth) (slot int, pushed worth) {
	var zero K
	victim, least := -1, worth{}
	for i := set; i < set+ways; i++ {
		if s.keys[i] == zero {
			s.held++
			s.keys[i] = k
			return i, worth{}
		}
		w := weigh(s.first + i)
		if victim < 0 || w.count < least.count || w.count == least.count && w.newest < least.newest {
			victim, least = i, w
		}
	}
	if least.count > 0 {
		if s.sketch != nil && s.sketch.seen(hash, now) <= least.count {
			s.turnedAway++
			return -1, worth{}
		}
		s.evicted++
	}
	s.keys[victim] = k
	return victim, least
}

// drop empties a slot.
func (s *stripe[K]) drop(i int) {
	var zero K
	if s.keys[i] != zero {
		s.keys[i] = zero
		s.held--
	}
}

// dropIf empties the slots of the keys that are wanted no more.
func (t *table[K]) dropIf(unwanted func(K) bool) {
	var zero K
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		for j, k := range s.keys {
			if k != zero && unwanted(k) {
				s.drop(j)
			}
		}
		s.mu.Unlock()
	}
}

// Fill says how full a rule's memory is.
type Fill struct {
	Rule       string
	Clients    int // remembered at most
	Held       int // remembered now, the forgettable included
	Evicted    int // pushed out by others while they still counted
	TurnedAway int // not let in, because all who were in counted more
}

func (t *table[K]) fill() (f Fill) {
	f.Clients = t.slots()
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		f.Held += s.held
		f.Evicted += s.evicted
		f.TurnedAway += s.turnedAway
		s.mu.Unlock()
	}
	return f
}

func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
