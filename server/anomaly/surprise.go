package anomaly

import "sync/atomic"

// counts remember how often things came, in sets of eight. In a full set a newcomer first has to
// wear down the rarest, once for each time it came: so what came often stays, whatever else comes
// once. One goroutine at a time changes them; others may read meanwhile.
type counts struct {
	total atomic.Uint32
	cells []atomic.Uint64 // 32 bits of the key's hash, never zero, and the count; so many as are a power of two
}

const (
	ways       = 8
	commonRoom = 4096
)

func newCounts(room int) *counts {
	if room == 0 {
		room = commonRoom
	}
	n := ways
	for n < room {
		n *= 2
	}
	return &counts{cells: make([]atomic.Uint64, n)}
}

// mix spreads keys over 64 bits (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// place is where a key's set begins, and what it is known by there.
func (c *counts) place(key uint64) (set int, tag uint64) {
	h := mix(key)
	return int(h&uint64(len(c.cells)-1)) &^ (ways - 1), max(h>>32, 1) //nolint:gosec // within the cells
}

// of a key: its count, in units.
func (c *counts) of(key uint64) uint32 {
	set, tag := c.place(key)
	for i := set; i < set+ways; i++ {
		if cell := c.cells[i].Load(); cell>>32 == tag {
			return uint32(cell)
		}
	}
	return 0
}

// count a key.
func (c *counts) count(key uint64, weight uint32) {
	set, tag := c.place(key)
	rarest := set
	for i := set; i < set+ways; i++ {
		cell := c.cells[i].Load()
		if cell>>32 == tag {
			c.cells[i].Store(cell + uint64(weight))
			return
		}
		if uint32(cell) < uint32(c.cells[rarest].Load()) {
			rarest = i
		}
	}
	if cell := c.cells[rarest].Load(); uint32(cell) > weight {
		c.cells[rarest].Store(cell - uint64(weight))
		return
	}
	c.cells[rarest].Store(tag<<32 | uint64(weight))
}

func (c *counts) learn(key uint64, weight uint32) {
	c.total.Add(weight)
	c.count(key, weight)
}

func (c *counts) decay() {
	c.total.Store(keep(c.total.Load()))
	for i := range c.cells {
		cell := c.cells[i].Load()
		n := keep(uint32(cell))
		if n == 0 {
			cell = 0
		}
		c.cells[i].Store(cell>>32<<32 | uint64(n))
	}
}

// share of a key among all, where one that never came counts half.
func (c *counts) share(key uint64) float64 {
	return (float64(c.of(key)) + unit/2) / (float64(c.total.Load()) + unit)
}

// surprise at a key: -ln of its share.
func (c *counts) surprise(key uint64) float64 { return -ln(min(c.share(key), 1)) }

// Of transitions three things are counted in one memory: what came, what it came after, and both.
func after(given uint64) uint64     { return mix(given ^ 0x61667465725f5f31) }
func pair(given, key uint64) uint64 { return mix(mix(given^0x706169725f5f5f31) ^ key) }

// surpriseAfter another. How much its share among all counts is as if that had been seen twice: it
// decides where little is known of what comes after.
func (c *counts) surpriseAfter(given, key uint64) float64 {
	const prior = 2 * unit
	p := (float64(c.of(pair(given, key))) + prior*c.share(key)) / (float64(c.of(after(given))) + prior)
	return -ln(min(p, 1))
}

func (c *counts) learnAfter(given, key uint64, weight uint32) {
	c.learn(key, weight)
	c.count(after(given), weight)
	c.count(pair(given, key), weight)
}
