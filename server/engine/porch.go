package engine

import (
	"math/bits"
	"slices"
)

// A porch remembers who came to a full set of a table, and when, as those that come once push out
// nobody. Who comes again is let in, and his first time counts with the others. A word is enough for
// each, so there is room for many more than in the table. Its parts lie under the locks of the
// table's stripes.
type porch struct {
	table *table
	span  int64  // milliseconds that a time counts
	half  uint   // bits of a time within a turn, which is no shorter than the span
	sets  uint64 // in a part; a power of two
	parts [stripes]waiting
}

// waiting are those on a part of a porch, in sets: the upper bits of a hash, which with those that
// lead to the set are some sixty, and under them a time of this turn or the one before, by whether
// the turn is even. 0 where nobody is.
type waiting struct {
	turn int64
	ones []uint64
}

// A set is searched through; the oldest in it gives way.
const onPorch = 16

func newPorch(t *table, room int, span int64) *porch {
	each := powerOfTwo(max(room/stripes, onPorch))
	p := &porch{table: t, span: span, half: uint(bits.Len64(uint64(span))), sets: uint64(each / onPorch)}
	for i := range p.parts {
		p.parts[i].ones = make([]uint64, each)
	}
	return p
}

// set that a hash leads to.
func (p *porch) set(hash uint64) (w *waiting, ones []uint64) {
	w = &p.parts[hash%stripes]
	from := hash / stripes & (p.sets - 1) * onPorch
	return w, w.ones[from : from+onPorch]
}

// find somebody in a set; negative when he isn't there.
func (p *porch) find(ones []uint64, hash uint64) int {
	return slices.IndexFunc(ones, func(one uint64) bool { return one != 0 && (one^hash)>>(p.half+1) == 0 })
}

// one is what stands for somebody who came then.
func (p *porch) one(hash uint64, at int64) uint64 {
	low := uint64(1)<<(p.half+1) - 1
	return hash&^low | uint64(at)&low
}

// time that one came.
func (p *porch) time(w *waiting, one uint64) int64 {
	turn := w.turn - (w.turn^int64(one>>p.half))&1
	return turn<<p.half | int64(one&(1<<p.half-1))
}

// came is when somebody came, if that still counts at a time.
func (p *porch) came(hash uint64, at int64) (first int64, ok bool) {
	w, ones := p.set(hash)
	i := p.find(ones, hash)
	if i < 0 {
		return 0, false
	}
	first = p.time(w, ones[i])
	return first, first <= at && at-first < p.span
}

// wait remembers that somebody came, unless an earlier time of his still counts.
func (p *porch) wait(hash uint64, at int64) {
	w, ones := p.set(hash)
	switch turn := at >> p.half; {
	case turn > w.turn || w.turn<<p.half-at > putBack:
		p.turn(w, turn)
	case turn < w.turn-1:
		return // too late to matter
	}
	if _, known := p.came(hash, at); known {
		return
	}
	place := p.find(ones, hash)
	if place < 0 {
		place = slices.Index(ones, 0)
	}
	if place < 0 {
		place = 0
		for i := range ones {
			if p.time(w, ones[i]) < p.time(w, ones[place]) {
				place = i
			}
		}
	}
	ones[place] = p.one(hash, at)
}

// turn begins another turn, and forgets those whose times it would take for its own.
func (p *porch) turn(w *waiting, turn int64) {
	next := turn == w.turn+1
	w.turn = turn
	for i, one := range w.ones {
		if !next || p.time(w, one)>>p.half == turn {
			w.ones[i] = 0
		}
	}
}

// leave forgets somebody.
func (p *porch) leave(hash uint64) {
	if _, ones := p.set(hash); p.find(ones, hash) >= 0 {
		ones[p.find(ones, hash)] = 0
	}
}

// forget those that a network holds, and where these are many everybody: they begin anew.
func (p *porch) forget(n actors) {
	if n.from == n.to {
		hash := p.table.hash(uint64(n.from))
		s, _ := p.table.at(hash)
		s.mu.Lock()
		p.leave(hash)
		s.mu.Unlock()
		return
	}
	for i := range p.parts {
		p.table.stripes[i].mu.Lock()
		clear(p.parts[i].ones)
		p.table.stripes[i].mu.Unlock()
	}
}

func (p *porch) carry(c *carrier) {
	p.table.eachStripe(c, func(n int) {
		w := &p.parts[n]
		if carry(c, &w.turn); c.loading() {
			w.load(c)
			return
		}
		for i, one := range w.ones {
			if one != 0 {
				place := i + 1
				carry(c, &place)
				c.number(one)
			}
		}
		end := 0
		carry(c, &end)
	})
}

func (w *waiting) load(c *carrier) {
	for last, place := 0, 0; ; last = place {
		if carry(c, &place); place == 0 || c.err != nil {
			return
		}
		if place <= last || place > len(w.ones) {
			c.fail()
			return
		}
		w.ones[place-1] = c.number(0)
	}
}
