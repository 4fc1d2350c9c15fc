package guard

import (
	"sync/atomic"
	"time"
)

// meterSpan is what Rate looks back on, in seconds.
const meterSpan = 10

// A meter counts by the second. Each slot holds a second's number and its count, so that
// counting is one exchange of 64 bits.
type meter struct {
	slots [16]atomic.Uint64
}

const (
	countBits = 24 // 16 million a second
	muchLater = 60 // seconds; a slot that is so far ahead is of a clock that was put back since
)

// count one at that time. What is older than the slot's second is left out.
func (m *meter) count(at time.Time) {
	second := uint64(at.Unix())
	slot := &m.slots[second%uint64(len(m.slots))]
	for {
		old := slot.Load()
		next := old + 1
		switch had := old >> countBits; {
		case had > second && had < second+muchLater:
			return
		case had != second:
			next = second<<countBits | 1
		}
		if slot.CompareAndSwap(old, next) {
			return
		}
	}
}

// rate is the mean per second over the ten seconds before.
func (m *meter) rate(now time.Time) float64 {
	second := now.Unix()
	part := float64(now.Nanosecond()) / float64(time.Second)
	sum := 0.0
	for back := range int64(meterSpan + 1) {
		v := m.slots[uint64(second-back)%uint64(len(m.slots))].Load()
		if v>>countBits != uint64(second-back) {
			continue
		}
		n := float64(v & (1<<countBits - 1))
		if back == meterSpan { // its first part is too old
			n *= 1 - part
		}
		sum += n
	}
	return sum / meterSpan
}

// Rate is how many requests a second were observed over the last ten seconds.
func (g *Guard) Rate() float64 { return g.meter.rate(g.now()) }
