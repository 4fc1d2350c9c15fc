package engine

import (
	"math"
	"math/bits"
)

// A loglog estimates how many different hashes it was shown, within 6.5 % (one standard error), in
// 256 bytes: HyperLogLog of Flajolet and others, 2007, with linear counting while it is nearly
// empty.
type loglog [registers]uint8

const (
	registerBits = 8
	registers    = 1 << registerBits
)

// see a hash; false when that changes nothing.
func (l *loglog) see(hash uint32) bool {
	r := &l[hash>>(32-registerBits)]
	rank := uint8(min(bits.LeadingZeros32(hash<<registerBits), 32-registerBits) + 1)
	if rank <= *r {
		return false
	}
	*r = rank
	return true
}

// united estimates how many different hashes either was shown.
func united(a, b *loglog) int {
	sum, empty := 0.0, 0
	for i := range a {
		r := max(a[i], b[i])
		if r == 0 {
			empty++
		}
		sum += 1 / float64(uint64(1)<<r)
	}
	const m = registers
	estimate := 0.7213 / (1 + 1.079/m) * m * m / sum
	if empty > 0 && estimate <= 2.5*m {
		estimate = m * math.Log(float64(m)/float64(empty))
	}
	return int(math.Round(estimate))
}

// A throng estimates how many different values came lately: in the current half of a span, as far
// as it is over, and in the whole one before. So it never counts what is older than the span.
type throng struct {
	counts      bool // there are so many that they are not known one by one
	turn        int64
	now, before loglog
	count       int
	counted     bool // it is up to date
}

// see a value in its half; one that is older than both is not counted.
func (c *throng) see(hash uint32, turn int64) {
	switch {
	case turn == c.turn+1:
		c.before, c.now, c.turn, c.counted = c.now, loglog{}, turn, false
	case turn > c.turn:
		c.before, c.now, c.turn, c.counted = loglog{}, loglog{}, turn, false
	}
	half := &c.now
	if turn < c.turn {
		half = &c.before
	}
	if turn >= c.turn-1 && half.see(hash) {
		c.counted = false
	}
}

func (c *throng) size() int {
	if !c.counted {
		c.count, c.counted = united(&c.now, &c.before), true
	}
	return c.count
}
