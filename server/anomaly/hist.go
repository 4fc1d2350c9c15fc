package anomaly

import (
	"math"
	"sync/atomic"
)

const bins = 64

// A histogram counts what was seen, and forgets slowly. Of whom the model's lock has, all may be read
// and changed; without it only how usual a bin is.
//
// Most of what comes is usual. So the histogram knows the last bin that is, and keeps that exact with
// every count: a usual value is told by one comparison.
type histogram struct {
	low, width float64
	scale      float64      // bins in one
	usual      atomic.Int32 // the last bin whose tail, what lies there and above, is a share of all that is not odd
	sum        uint32       // of all
	tail       uint32       // of the last usual bin
	rest       uint32       // of the one after it
	count      [bins]uint32
}

// commonly is the share of all that a value's tail has at least, if it is not odd.
var commonly = math.Exp(-indifferent)

// start with bins of that width, from low on.
func (h *histogram) start(low, width float64) {
	h.low, h.width, h.scale = low, width, 1/width
	h.settle()
}

// bin of a value. What lies outside, or is no number, is put at the end that is nearer to it, or
// at the beginning.
func (h *histogram) bin(x float64) int {
	switch b := (x - h.low) * h.scale; {
	case b >= bins:
		return bins - 1
	case b >= 1:
		return int(b)
	}
	return 0
}

// odd reports whether a value in that bin adds to a score. It takes no lock.
func (h *histogram) odd(bin int) bool { return bin > int(h.usual.Load()) }

func (h *histogram) add(bin int, weight uint32) {
	usual := int(h.usual.Load())
	h.sum += weight
	h.count[bin] += weight
	if bin >= usual {
		h.tail += weight
		if bin > usual {
			h.rest += weight
		}
	}
	if h.enough(h.tail) && !h.enough(h.rest) {
		return // as nearly always
	}
	for ; !h.enough(h.tail); usual-- {
		h.rest = h.tail
		h.tail += h.count[usual-1]
	}
	for ; usual < bins-1 && h.enough(h.rest); usual++ {
		h.tail = h.rest
		h.rest -= h.count[usual+1]
	}
	h.usual.Store(int32(usual)) //nolint:gosec // 0 to 63
}

// enough reports whether a tail is a share of all that is not odd. That value which is looked at
// counts too; so the first bin's tail always is.
func (h *histogram) enough(tail uint32) bool {
	return float64(tail+unit) > float64(h.sum+unit)*commonly
}

// settle finds the last usual bin anew.
func (h *histogram) settle() {
	h.sum = 0
	for _, n := range h.count {
		h.sum += n
	}
	usual := bins - 1
	for h.tail, h.rest = h.count[usual], 0; !h.enough(h.tail); h.tail += h.count[usual] {
		h.rest = h.tail
		usual--
	}
	h.usual.Store(int32(usual)) //nolint:gosec // 0 to 63
}

// decay takes a fifth of everything.
func (h *histogram) decay() {
	for b := range h.count {
		h.count[b] = keep(h.count[b])
	}
	h.settle()
}

// keep is what a decay leaves of a count.
func keep(n uint32) uint32 { return n - n/5 - min(n%5, 1) }

// oddness is what a value in a bin adds to a score, by P(X >= x) of what was seen and this one.
func (h *histogram) oddness(bin int) float64 {
	if !h.odd(bin) {
		return 0
	}
	above := uint32(0)
	if first := int(h.usual.Load()) + 1; bin-first < bins-bin { // the shorter way
		above = h.rest
		for _, n := range h.count[first:bin] {
			above -= n
		}
	} else {
		for _, n := range h.count[bin:] {
			above += n
		}
	}
	return ln(float64(h.sum+unit)) - ln(float64(above+unit)) - indifferent
}

// quantile is the bin in which a share q of what was seen is reached.
func (h *histogram) quantile(q float64) int {
	want, sum := q*float64(h.sum), 0.0
	for b := range bins {
		if sum += float64(h.count[b]); sum >= want && sum > 0 {
			return b
		}
	}
	return bins - 1
}

// from is where a bin begins.
func (h *histogram) from(bin int) float64 { return h.low + float64(bin)*h.width }

// A tally counts the events of one day, a bin each.
type tally [bins]uint32

// median bin, -1 when nothing was seen.
func (t *tally) median() int {
	total, sum := uint64(0), uint64(0)
	for _, n := range t {
		total += uint64(n)
	}
	for b, n := range t {
		if sum += uint64(n); sum > 0 && sum*2 >= total {
			return b
		}
	}
	return -1
}

// ln is the natural logarithm of a positive number, within a ten-thousandth, in a few steps.
func ln(x float64) float64 {
	const (
		mantissa = 52
		between  = mantissa - 6 // bits from one entry to the next
	)
	b := math.Float64bits(x)
	i := b >> between & (logs - 1)
	part := float64(b&(1<<between-1)) / (1 << between)
	return (float64(int(b>>mantissa)-1023) * math.Ln2) + logarithms[i] + part*(logarithms[i+1]-logarithms[i]) //nolint:gosec // 11 bits
}

const logs = 64

// logarithms of 1 to 2.
var logarithms = func() (l [logs + 1]float64) {
	for i := range l {
		l[i] = math.Log1p(float64(i) / logs)
	}
	return l
}()
