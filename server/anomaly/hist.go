package anomaly

import (
	"math"
	"sync/atomic"
)

const (
	bins   = 64
	groups = 8 // of bins, so that a tail is the sum of a few
)

// A histogram counts what was seen, and forgets slowly. One goroutine at a time changes it; others
// may read meanwhile, and see it a little off.
type histogram struct {
	low, width float64
	scale      float64       // bins in one
	sum        atomic.Uint32 // of all
	group      [groups]atomic.Uint32
	count      [bins]atomic.Uint32
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

func (h *histogram) add(bin int, weight uint32) {
	h.sum.Add(weight)
	h.group[bin/(bins/groups)].Add(weight)
	h.count[bin].Add(weight)
}

// decay takes a fifth of everything.
func (h *histogram) decay() {
	total := uint32(0)
	for g := range groups {
		sum := uint32(0)
		for b := g * bins / groups; b < (g+1)*bins/groups; b++ {
			n := keep(h.count[b].Load())
			h.count[b].Store(n)
			sum += n
		}
		h.group[g].Store(sum)
		total += sum
	}
	h.sum.Store(total)
}

// keep is what a decay leaves of a count.
func keep(n uint32) uint32 { return n - n/5 - min(n%5, 1) }

// total of what was seen.
func (h *histogram) total() uint32 { return h.sum.Load() }

// oddness is what a value adds to a score, by P(X >= x) of what was seen and this one. Most values lie
// where most lie, so it is often told by one bin or a few.
func (h *histogram) oddness(x float64) float64 {
	bin := h.bin(x)
	above, all := uint32(unit), float64(h.total()+unit)
	enough := all * usual
	next := (bin/(bins/groups) + 1) * (bins / groups)
	for b := bin; b < next; b++ {
		if above += h.count[b].Load(); float64(above) > enough {
			return 0
		}
	}
	for g := next / (bins / groups); g < groups; g++ {
		if above += h.group[g].Load(); float64(above) > enough {
			return 0
		}
	}
	return ln(all) - ln(float64(above)) - indifferent
}

var usual = math.Exp(-indifferent)

// quantile is the bin in which a share q of what was seen is reached.
func (h *histogram) quantile(q float64) int {
	want, sum := q*float64(h.total()), 0.0
	for b := range bins {
		if sum += float64(h.count[b].Load()); sum >= want && sum > 0 {
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
