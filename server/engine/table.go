package engine

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/sentinel-protocol/sentinel/server/engine/ahead"
)

// A table finds a slot for each key, in a fixed number of slots: sets of eight, chosen by a
// keyed hash, in stripes with a lock each. What belongs to a key lies in its slot, and where
// that is not enough in an array of the table's owner, by the slot's number; all of it under
// the stripe's lock.
//
// The sets hold small entries that lead to the slots, and slots are given out one after the
// other. So what is used lies close together, and memory that was never needed is never
// touched.
type table struct {
	keyed
	stripes [stripes]stripe
	sets    uint64        // in a stripe; a power of two
	entries []entry       // of all stripes, in their order
	soon    ahead.Array   // the slots of all stripes, and
	beside  []ahead.Array // what lies beside them by their numbers

	admission *admission // to full sets; nil admits everybody
	steady    int64      // milliseconds, from a multiple of it to the next, in which no count falls; 0 where that is not known
	clients   bool       // keys are actors
}

type stripe struct {
	table      *table
	mu         sync.Mutex
	first      int     // number of its first slot in the table
	entries    []entry // sets of eight
	slots      []slot
	used       int   // slots given out so far
	free       int64 // the first of those given back, plus one; it leads to the next
	held       int   // slots in use
	evicted    int   // keys pushed out while they still counted
	turnedAway int   // keys that were not admitted
	fresh      newcomers
	waited     bool    // who claims a slot came before, which his table knows
	lost       uint64  // the key that was pushed out last
	floors     []floor // of sets, where counts are steady
}

// A floor is what every slot of a full set counts at least, within a stretch of time.
type floor struct {
	stretch int64 // 0 where it is not known
	count   int
}

type slot struct {
	key        uint64
	mark, more int64 // as the owner likes
}

// An entry is the number of a slot in its stripe, plus one, under some bits of its key's
// hash, that hardly ever another slot is looked at in vain. 0 is empty.
type entry uint32

const (
	stripes  = 64
	ways     = 8
	slotBits = 19 // of an entry
)

func newEntry(hash uint64, i int) entry { return entry(hash>>(32+slotBits)<<slotBits) | entry(i+1) }

func (e entry) slot() int { return int(e&(1<<slotBits-1)) - 1 }

func newTable(slots int, k keyed) *table {
	n := powerOfTwo(max(slots, stripes*ways))
	t := &table{keyed: k, sets: uint64(n / stripes / ways), entries: make([]entry, n)}
	each, all := n/stripes, make([]slot, n)
	t.soon = ahead.Of(all, 1)
	for i := range t.stripes {
		t.stripes[i].table, t.stripes[i].first = t, i*each
		t.stripes[i].entries = t.entries[i*each : (i+1)*each : (i+1)*each]
		t.stripes[i].slots = all[i*each : (i+1)*each : (i+1)*each]
	}
	return t
}

func (t *table) size() int { return len(t.stripes) * len(t.stripes[0].slots) }

// at is where a hash leads: a stripe, and the first entry of a set within it.
func (t *table) at(hash uint64) (s *stripe, set int) {
	return &t.stripes[hash%stripes], int(hash>>32&(t.sets-1)) * ways
}

// lay beside the slots what belongs to them by their numbers in the table, so many elements to each. It is
// fetched with them.
func lay[T any](t *table, s []T, each int) { t.beside = append(t.beside, ahead.Of(s, each)) }

// itself is for those that hold a table.
func (t *table) itself() *table { return t }

// foresee asks for the entries that a hash leads to, so that they are on their way.
func (t *table) foresee(hash uint64) {
	at := hash % stripes
	ahead.Line(&t.entries[int(at*t.sets+hash>>32&(t.sets-1))*ways])
}

// fetch asks for what belongs to a hash once its entries are there, or, where all are taken by others, for
// the slots of those who may have to give way. It looks without the lock, and so may be wrong in what it
// asks for.
func (t *table) fetch(hash uint64) {
	at := hash % stripes
	all := (*[ways]entry)(t.entries[int(at*t.sets+hash>>32&(t.sets-1))*ways:])
	like := entry(hash >> (32 + slotBits))
	first := int(at*t.sets) * ways
	alike, free := uint(0), uint(0) // a bit for each that is; made without a branch, as nobody can foretell which
	for i := range all {
		e := entry(atomic.LoadUint32((*uint32)(&all[i])))
		bit := uint(0)
		if e>>slotBits == like {
			bit = 1 << i
		}
		alike |= bit
		bit = 0
		if e == 0 {
			bit = 1 << i
		}
		free |= bit
	}
	if alike|free == 0 { // somebody has to give way
		for i := range all {
			t.soon.Line(first + entry(atomic.LoadUint32((*uint32)(&all[i]))).slot())
		}
		return
	}
	for alike &^= free; alike != 0; alike &= alike - 1 {
		n := first + entry(atomic.LoadUint32((*uint32)(&all[bits.TrailingZeros(alike)%ways]))).slot()
		t.soon.Element(n)
		for b := range t.beside {
			t.beside[b].Element(n)
		}
	}
}

// find answers the number of the key's slot in the stripe, or -1.
func (s *stripe) find(set int, key, hash uint64) int {
	like := hash >> (32 + slotBits)
	all := (*[ways]entry)(s.entries[set:])
	alike := uint(0) // a bit for each that is; made without a branch, as nobody can foretell which
	for at := range all {
		bit := uint(0)
		if uint64(all[at]>>slotBits) == like {
			bit = 1 << at
		}
		alike |= bit
	}
	for ; alike != 0; alike &= alike - 1 {
		if i := all[bits.TrailingZeros(alike)%ways].slot(); i >= 0 && s.slots[i].key == key {
			return i
		}
	}
	return -1
}

// A worth is what a slot's holder has to set against a newcomer.
type worth struct {
	count  int   // what is counted within the window, and pinned on top of it for who was told of
	newest int64 // when last
}

// pinned is added to what counts of somebody who was told of, while that is not over.
const pinned = 1 << 40

// precious is the worth of what nobody pushes out.
const precious = math.MaxInt

// mostPinned of one network, in a set: the others of it take their chance, so that who has many
// addresses of a network can't fill the sets.
const mostPinned = 2

// claim makes room for a key in its set: a slot that was never used or is given back, else
// that of least worth (one that counts nothing any more, else the smallest count, else the
// oldest). So who comes once can't push out who came often, and nobody who was told of, within
// bounds. With an admission, a newcomer enters a full set only if he was seen more often than the
// victim counts; else the answer is -1. The slot is empty but for the key; pushed is what was lost.
func (s *stripe) claim(set int, key, hash uint64, now int64, weigh func(i int) worth) (i int, pushed worth) {
	victim := -1
	s.fresh.count(now)
	for at := set; at < set+ways; at++ {
		if s.entries[at] == 0 {
			i = s.take()
			s.slots[i] = slot{key: key}
			s.enter(at, newEntry(hash, i))
			s.raise(set, now, 0)
			return i, worth{}
		}
	}
	if known := s.floor(set, now); known > 0 && !s.admits(hash, now, known) {
		s.turnedAway++
		return -1, worth{}
	}
	var pins [ways]uint64 // networks
	n, least := 0, precious
	for at := set; at < set+ways; at++ {
		i := s.entries[at].slot()
		w := weigh(i)
		least = min(least, w.count%pinned)
		if w.count >= pinned && w.count != precious {
			w.count -= pinned
			pins[n] = s.table.network(s.slots[i].key)
			if n++; times(pins[:n], pins[n-1]) <= mostPinned {
				continue
			}
		}
		if victim < 0 || w.count < pushed.count || w.count == pushed.count && w.newest < pushed.newest {
			victim, pushed = at, w
		}
	}
	if victim < 0 || pushed.count == precious || pushed.count > 0 && !s.admits(hash, now, pushed.count) {
		s.raise(set, now, least)
		s.turnedAway++
		return -1, worth{}
	}
	s.raise(set, now, 0)
	if pushed.count > 0 {
		s.evicted++
	}
	i = s.entries[victim].slot()
	s.lost = s.slots[i].key
	s.slots[i] = slot{key: key}
	s.enter(victim, newEntry(hash, i))
	return i, pushed
}

// enter what leads to a slot. Who fetches looks at entries without the lock.
func (s *stripe) enter(at int, e entry) { atomic.StoreUint32((*uint32)(&s.entries[at]), uint32(e)) }

// floor of a set, 0 when it is not known.
func (s *stripe) floor(set int, now int64) int {
	if s.floors == nil {
		return 0
	}
	if f := &s.floors[set/ways]; f.stretch == s.table.stretch(now) {
		return f.count
	}
	return 0
}

// raise the floor of a set that was looked through, or begin anew with 0.
func (s *stripe) raise(set int, now int64, least int) {
	if s.floors != nil {
		s.floors[set/ways] = floor{s.table.stretch(now), least}
	}
}

// stretch that a time lies in, never 0.
func (t *table) stretch(now int64) int64 {
	n := now / t.steady
	if now < 0 {
		return n - 2
	}
	return n + 1
}

// keepSteady says that no count falls from a multiple of so many milliseconds to the next. So a set is
// looked through once in that time for those whom it turns away.
func (t *table) keepSteady(ms int64) {
	t.steady = ms
	for i := range t.stripes {
		t.stripes[i].floors = make([]floor, t.sets)
	}
}

// times that a value is among others.
func times(all []uint64, value uint64) (n int) {
	for _, v := range all {
		if v == value {
			n++
		}
	}
	return n
}

// network that a key lies in, where keys are clients; all else is a network of its own.
func (t *table) network(key uint64) uint64 {
	if t.clients {
		return uint64(actor(key).network())
	}
	return key
}

// admits reports whether who has that hash came more often than a victim counts. In a flood of new
// keys he must have come once more, as the sketch says too much then.
func (s *stripe) admits(hash uint64, now int64, count int) bool {
	a := s.table.admission
	if a == nil || s.waited && count < 2 {
		return true
	}
	if s.fresh.flooded() {
		count++
	}
	return a.seen(hash, now) > count
}

// take gives out a slot. There is one, as there are no more entries than slots.
func (s *stripe) take() (i int) {
	s.held++
	if s.free == 0 {
		s.used++
		return s.used - 1
	}
	i = int(s.free - 1)
	s.free = s.slots[i].mark
	return i
}

// drop empties an entry and takes its slot back.
func (s *stripe) drop(at int) {
	i := s.entries[at].slot()
	s.enter(at, 0)
	s.slots[i] = slot{mark: s.free}
	s.free = int64(i + 1)
	s.held--
}

// dropKey drops a key.
func (t *table) dropKey(key, hash uint64) {
	s, set := t.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := set; at < set+ways; at++ {
		if i := s.entries[at].slot(); i >= 0 && s.slots[i].key == key {
			s.drop(at)
		}
	}
}

// dropIf drops all that is wanted no more. It is told the slot's number in the table and its
// key.
func (t *table) dropIf(unwanted func(n int, key uint64) bool) {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		for at, e := range s.entries[:min(s.held, 1)*len(s.entries)] { // none when nothing is held
			if i := e.slot(); i >= 0 && unwanted(s.first+i, s.slots[i].key) {
				s.drop(at)
			}
		}
		s.mu.Unlock()
	}
}

// eachSlot calls f for every slot that is in use, and only looks where there is one.
func (t *table) eachSlot(f func(*slot)) {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		for _, e := range s.entries[:min(s.held, 1)*len(s.entries)] {
			if i := e.slot(); i >= 0 {
				f(&s.slots[i])
			}
		}
		s.mu.Unlock()
	}
}

// Fill says how full a rule's memory is.
type Fill struct {
	Rule       string
	Clients    int // remembered at most; keys, accounts or whatever it counts by
	Held       int // remembered now, the forgettable included
	Evicted    int // pushed out by others while they still counted
	TurnedAway int // not let in, because all who were in counted more

	New     int  // that it did not know, in the last minute that is over
	Usual   int  // of them in a minute
	Flooded bool // there are far more than usual now: a flood of invented keys, or a crowd
}

func (t *table) fill() (f Fill) {
	f.Clients = t.size()
	fresh := make([]newcomers, len(t.stripes))
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		fresh[i] = s.fresh
		f.Held += s.held
		f.Evicted += s.evicted
		f.TurnedAway += s.turnedAway
		s.mu.Unlock()
	}
	f.New, f.Usual, f.Flooded = sumOf(fresh)
	return f
}

func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
