package engine

import (
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// carry what is remembered of each key: its slot, and by row what else belongs to it. Slots are
// given out anew; keys stay in their places, which decide who gives way.
func (t *table) carry(c *carrier, row func(i int)) {
	for n := range t.stripes {
		s := &t.stripes[n]
		s.mu.Lock()
		carry(c, &s.evicted)
		carry(c, &s.turnedAway)
		s.fresh.carry(c)
		if c.loading() {
			s.load(c, row)
		} else {
			s.save(c, row)
		}
		s.mu.Unlock()
		c.flush()
	}
}

func (s *stripe) save(c *carrier, row func(i int)) {
	for at, e := range s.entries {
		if i := e.slot(); i >= 0 {
			place := at + 1
			carry(c, &place)
			tag := uint32(e >> slotBits)
			s.carry(c, &tag, i, row)
		}
	}
	end := 0
	carry(c, &end)
}

func (s *stripe) load(c *carrier, row func(i int)) {
	for last, place := 0, 0; ; last = place {
		if carry(c, &place); place == 0 || c.err != nil {
			return
		}
		if place <= last || place > len(s.entries) {
			c.fail()
			return
		}
		i, tag := s.take(), uint32(0)
		s.carry(c, &tag, i, row)
		if tag >= 1<<(32-slotBits) {
			c.fail()
			return
		}
		s.enter(place-1, entry(tag)<<slotBits|entry(i+1))
	}
}

func (s *stripe) carry(c *carrier, tag *uint32, i int, row func(i int)) {
	slot := &s.slots[i]
	carry(c, tag)
	slot.key = c.number(slot.key)
	carry(c, &slot.mark)
	carry(c, &slot.more)
	row(s.first + i)
}

// nothing belongs to a slot beside.
func nothing(int) {}

// eachStripe carries what belongs to stripes and not to keys.
func (t *table) eachStripe(c *carrier, carry func(n int)) {
	for n := range t.stripes {
		s := &t.stripes[n]
		s.mu.Lock()
		carry(n)
		s.mu.Unlock()
		c.flush()
	}
}

func (n *newcomers) carry(c *carrier) {
	carry(c, &n.minute)
	carry(c, &n.now)
	carry(c, &n.last)
	carryFloat(c, &n.usual)
	carryBit(c, &n.learned)
}

// slotOf is a slot by its number in the table.
func (t *table) slotOf(n int) *slot {
	each := len(t.stripes[0].slots)
	return &t.stripes[n/each].slots[n%each]
}

func (a *admission) carry(c *carrier) {
	for i := range a.parts {
		p := &a.parts[i]
		p.mu.Lock()
		p.sketch.carry(c)
		for j := range p.lately {
			l := &p.lately[j]
			carry(c, &l.hash)
			carry(c, &l.at)
			carry(c, &l.times)
		}
		if carry(c, &p.next); p.next < 0 || p.next >= len(p.lately) {
			p.next = 0
			c.fail()
		}
		p.mu.Unlock()
		c.flush()
	}
}

func (k *sketch) carry(c *carrier) {
	carry(c, &k.turn)
	for _, row := range k.rows {
		for i := 0; i < len(row); i += 4 { // most are zero, and so take a byte of eight cells
			word := row[i:min(i+4, len(row))]
			n := uint32(0)
			for j, b := range word {
				n |= uint32(b) << (8 * j)
			}
			carry(c, &n)
			for j := range word {
				word[j] = byte(n >> (8 * j))
			}
		}
	}
}

func (n *names) carry(c *carrier, slot int) {
	if n.parts != nil {
		n.parts[slot][0] = c.number(n.parts[slot][0])
		n.parts[slot][1] = c.number(n.parts[slot][1])
	}
}

func (w *window[T]) carry(c *carrier) {
	w.table.carry(c, func(i int) {
		h, recent := w.slotOf(i).head(), uint8(0)
		if w.recents != nil {
			carry(c, &w.recents[i])
			recent = w.recents[i]
		}
		if int(h.n) > w.times.most || recent > h.n {
			c.fail()
			return
		}
		carry(c, &w.quiet[i])
		w.names.carry(c, i)
		if c.loading() {
			w.load(c, i, &h)
			return
		}
		ring := w.times.of(i)
		for j := range int(h.n) {
			carry(c, &ring[(int(h.next)+len(ring)-1-j)%len(ring)])
		}
	})
	if w.before != nil {
		w.before.carry(c)
	}
}

// load the times of a slot, the newest first.
func (w *window[T]) load(c *carrier, i int, h *head) {
	var room [MostCounted]T
	times := room[:h.n]
	for j := range times {
		carry(c, &times[j])
	}
	if len(times) > w.times.few {
		w.times.lend(i, func(int) bool { return false })
	}
	slices.Reverse(times)
	h.next = 0
	w.move(h, times, w.times.of(i))
	w.slotOf(i).setHead(h)
	if w.recents != nil {
		w.recents[i] = min(w.recents[i], h.n)
	}
}

func (w *twelfths[T]) carry(c *carrier) {
	w.table.carry(c, func(i int) {
		w.names.carry(c, i)
		for j := range w.ring(i) {
			carry(c, &w.ring(i)[j])
		}
	})
}

func (w *distinct) carry(c *carrier) {
	w.table.carry(c, func(i int) {
		w.names.carry(c, i)
		s := &w.stripes[i/len(w.stripes[0].slots)]
		w.carryRoom(c, s, i-s.first)
		known := w.known(s, i-s.first)
		written := int(w.slotOf(i).mark & everSighted)
		if written > len(known) {
			c.fail()
			return
		}
		for j := range known[:written] {
			carry(c, &known[j].hash)
			carry(c, &known[j].at)
		}
		if room := w.room(s, i-s.first); room >= 0 && w.throngs != nil {
			w.throngs[room].carry(c)
		}
	})
	w.eachStripe(c, func(n int) {
		if carry(c, &w.next[n]); w.next[n] >= saidLately {
			w.next[n] = 0
			c.fail()
		}
		for j := range w.said[n*saidLately : (n+1)*saidLately] {
			v := &w.said[n*saidLately+j]
			carry(c, &v.who)
			carryText(c, &v.long, v.text[:])
		}
	})
}

// carryRoom carries which room is lent to a slot. No two have the same.
func (w *distinct) carryRoom(c *carrier, s *stripe, i int) {
	if w.lent == nil {
		return
	}
	lent := w.lent[s.first+i]
	if carry(c, &lent); !c.loading() || lent == 0 {
		return
	}
	owner := s.first/roomShare + int(lent) - 1
	if int(lent) > len(w.owners)/stripes || w.owners[owner] != 0 {
		c.fail()
		return
	}
	w.owners[owner], w.lent[s.first+i] = int32(i+1), lent
}

func (c *throng) carry(by *carrier) {
	if carryBit(by, &c.counts); !c.counts {
		return
	}
	carry(by, &c.turn)
	c.now.carry(by)
	c.before.carry(by)
	c.counted = c.counted && !by.loading()
}

func (l *loglog) carry(c *carrier) {
	for i := range l {
		if carry(c, &l[i]); l[i] > 32-registerBits+1 {
			l[i] = 0
			c.fail()
		}
	}
}

func (w *payments) carry(c *carrier) {
	w.table.carry(c, func(i int) {
		p := &w.payers[i]
		carry(c, &p.actor)
		for j := range p.key {
			carry(c, &p.key[j])
		}
	})
	w.eachStripe(c, func(n int) {
		s := &w.stripes[n]
		for set := 0; set < len(s.entries); set += ways {
			carry(c, &w.doubt[(s.first+set)/ways])
		}
	})
}

func (h *history) carry(c *carrier) {
	h.table.carry(c, func(i int) {
		for j := range h.people[i*h.kept : (i+1)*h.kept] {
			p := &h.people[i*h.kept+j]
			carry(c, &p.who)
			carry(c, &p.first)
			carry(c, &p.last)
		}
	})
	carryMarks(c, h.strict)
	carryMarks(c, h.lately)
	c.flush()
}

// A marked is what others may set meanwhile.
type marked[T any] interface {
	*atomic.Uint32 | *atomic.Uint64 | *atomic.Int64
	Load() T
	Store(T)
}

func carryMark[T uint32 | uint64 | int64, M marked[T]](c *carrier, m M) {
	mark := m.Load()
	if carry(c, &mark); c.loading() {
		m.Store(mark)
	}
}

func carryMarks(c *carrier, marks []atomic.Uint32) {
	for i := range marks {
		carryMark(c, &marks[i])
	}
}

func carryWords(c *carrier, words []atomic.Uint64) {
	for i := range words {
		carryMark(c, &words[i])
	}
}

// carryAll carries numbers that lie together.
func carryAll[T number](c *carrier, all []T) {
	for i := range all {
		carry(c, &all[i])
	}
}

func carryBit(c *carrier, is *bool) {
	n := bit(*is)
	if carry(c, &n); n > 1 {
		c.fail()
	}
	*is = n == 1
}

// carryFloat carries a number that is one: what is computed with others could not be told.
func carryFloat[T float32 | float64](c *carrier, x *T) {
	bits := math.Float64bits(float64(*x))
	bits = reverse(c.number(reverse(bits)))
	if *x = T(math.Float64frombits(bits)); math.IsNaN(float64(*x)) || math.IsInf(float64(*x), 0) {
		*x = 0
		c.fail()
	}
}

// reverse makes a short number of a float that has few digits.
func reverse(n uint64) uint64 { return bits.Reverse64(n) }

// carryText carries so many bytes of an array.
func carryText(c *carrier, n *uint8, room []byte) {
	*n = uint8(copy(room, c.text(string(room[:*n]), len(room))))
}

// carryTime carries a moment by the wall clock.
func carryTime(c *carrier, t *time.Time) {
	second, rest := t.Unix(), t.Nanosecond()
	carry(c, &second)
	carry(c, &rest)
	if !c.loading() {
		return
	}
	if *t = time.Unix(second, 0).UTC().Add(time.Duration(rest)); t.Year() < 0 || t.Year() > 9999 || rest < 0 || rest >= 1e9 {
		*t = time.Time{}
		c.fail()
	}
}

func (j *journeys) carry(c *carrier) {
	j.table.carry(c, func(i int) {
		p := &j.people[i]
		carry(c, &p.at)
		carry(c, &p.begun)
		carry(c, &p.answered)
		p.place.carry(c)
		for n := range p.homes {
			h := &p.homes[n]
			h.country.carry(c)
			carry(c, &h.day)
			carry(c, &h.times)
		}
	})
}

func (p *Place) carry(c *carrier) {
	p.Country.carry(c)
	carry(c, &p.ASN)
	carry(c, &p.Accuracy)
	carryBit(c, &p.Located)
	carryBit(c, &p.Hosting)
	carryFloat(c, &p.Lat)
	carryFloat(c, &p.Lon)
}

func (c *Country) carry(by *carrier) {
	carry(by, &c[0])
	carry(by, &c[1])
}

func bit(is bool) uint8 {
	if is {
		return 1
	}
	return 0
}
