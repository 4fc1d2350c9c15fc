package engine

import "sync"

// A table finds a slot for each key, in a fixed number of slots: sets of eight, chosen by a
// keyed hash, in stripes with a lock each. A key is never zero. What belongs to a key lies in its
// slot's mark, beside the key because that is where memory was fetched from anyway, and where
// that is not enough in an array of the table's owner, by the slot's number; all of it under
// the stripe's lock.
type table struct {
	keyed
	stripes [stripes]stripe
	sets    uint64 // in a stripe; a power of two
}

type stripe struct {
	mu         sync.Mutex
	first      int // number of its first slot
	slots      []slot
	sketch     *sketch // admits to full sets; nil admits everybody
	held       int     // slots in use
	evicted    int     // keys pushed out while they still counted
	turnedAway int     // keys that the sketch did not admit
	_          [48]byte
}

// A slot is empty when its key is zero.
type slot struct{ key, mark uint64 }

const (
	stripes = 64
	ways    = 8
)

func newTable(slots int, k keyed) *table {
	n := powerOfTwo(max(slots, stripes*ways))
	t := &table{keyed: k, sets: uint64(n / stripes / ways)}
	all := make([]slot, n)
	for i := range t.stripes {
		t.stripes[i].first = i * n / stripes
		t.stripes[i].slots = all[i*n/stripes : (i+1)*n/stripes]
	}
	return t
}

func (t *table) size() int { return len(t.stripes) * len(t.stripes[0].slots) }

// at is where a hash leads: a stripe, and the first slot of a set within it.
func (t *table) at(hash uint64) (s *stripe, set int) {
	return &t.stripes[hash%stripes], int(hash>>32&(t.sets-1)) * ways
}

// find answers the key's place in the stripe, or -1.
func (s *stripe) find(set int, key uint64) int {
	slots := s.slots[set : set+ways : set+ways]
	for i := range slots {
		if slots[i].key == key {
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
// was seen more often than the victim counts; else the answer is -1. The mark stays as it
// was; pushed is what was lost.
func (s *stripe) claim(set int, key, hash uint64, now int64, weigh func(i int) worth) (i int, pushed worth) {
	victim := -1
	for i := set; i < set+ways; i++ {
		if s.slots[i].key == 0 {
			s.held++
			s.slots[i].key = key
			return i, worth{}
		}
		w := weigh(i)
		if victim < 0 || w.count < pushed.count || w.count == pushed.count && w.newest < pushed.newest {
			victim, pushed = i, w
		}
	}
	if pushed.count > 0 {
		if s.sketch != nil && s.sketch.seen(hash, now) <= pushed.count {
			s.turnedAway++
			return -1, worth{}
		}
		s.evicted++
	}
	s.slots[victim].key = key
	return victim, pushed
}

// drop empties a slot.
func (s *stripe) drop(i int) {
	if s.slots[i].key != 0 {
		s.slots[i] = slot{}
		s.held--
	}
}

// dropIf empties the slots that are wanted no more. It is told the slot's number in the
// table and its key.
func (t *table) dropIf(unwanted func(n int, key uint64) bool) {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		for j := range s.slots {
			if key := s.slots[j].key; key != 0 && unwanted(s.first+j, key) {
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

func (t *table) fill() (f Fill) {
	f.Clients = t.size()
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
