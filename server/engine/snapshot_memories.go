package engine

import (
	"math"
	"slices"
	"sync/atomic"
)

// carry what is remembered of each key: its slot, and by row what else belongs to it. Slots are
// given out anew; keys stay in their places, which decide who gives way.
func (t *table) carry(c *carrier, row func(i int)) {
	for n := range t.stripes {
		s := &t.stripes[n]
		s.mu.Lock()
		carry(c, &s.evicted)
		carry(c, &s.turnedAway)
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
		s.entries[place-1] = entry(tag)<<slotBits | entry(i+1)
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

func (w *payments) carry(c *carrier) {
	w.table.carry(c, func(i int) {
		p := &w.payers[i]
		carry(c, &p.actor)
		for j := range p.key {
			carry(c, &p.key[j])
		}
	})
	for n := range w.stripes {
		s := &w.stripes[n]
		s.mu.Lock()
		for set := 0; set < len(s.entries); set += ways {
			carry(c, &w.doubt[(s.first+set)/ways])
		}
		s.mu.Unlock()
		c.flush()
	}
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

// carryMarks that others may set meanwhile.
func carryMarks(c *carrier, marks []atomic.Uint32) {
	for i := range marks {
		mark := marks[i].Load()
		if carry(c, &mark); c.loading() {
			marks[i].Store(mark)
		}
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
	located, hosting := bit(p.Located), bit(p.Hosting)
	carry(c, &located)
	carry(c, &hosting)
	p.Located, p.Hosting = located != 0, hosting != 0
	lat, lon := math.Float32bits(p.Lat), math.Float32bits(p.Lon)
	carry(c, &lat)
	carry(c, &lon)
	p.Lat, p.Lon = math.Float32frombits(lat), math.Float32frombits(lon)
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
