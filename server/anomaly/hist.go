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
	total      atomic.Uint32
	group      [groups]atomic.Uint32
	count      [bins]atomic.Uint32
}

// bin of a value. What lies outside, or is no number, is put at the end that is nearer to it, or
// at the beginning.
func (h *histogram) bin(x float64) int {
	switch b := (x - h.low) / h.width; {
	case b >= bins:
		return bins - 1
	case b >= 1:
		return int(b)
	}
	return 0
}

func (h *histogram) add(bin int, weight uint32) {
	h.total.Add(weight)
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
	h.total.Store(total)
}

// keep is what a decay leaves of a count.
func keep(n uint32) uint32 { return n - n/5 - min(n%5, 1) }

// tail is P(X >= x), of what was seen and this one.
func (h *histogram) tail(bin int) float64 {
	g := bin / (bins / groups)
	sum := uint32(unit)
	for b := bin; b < (g+1)*bins/groups; b++ {
		sum += h.count[b].Load()
	}
	for g++; g < groups; g++ {
		sum += h.group[g].Load()
	}
	return min(float64(sum)/float64(h.total.Load()+unit), 1)
}

// oddness is what a value adds to a score.
func (h *histogram) oddness(x float64) float64 {
	p := h.tail(h.bin(x))
	if p > usual {
		return 0
	}
	return -math.Log(p) - indifferent
}

var usual = math.Exp(-indifferent)

// quantile is the bin in which a share q of what was seen is reached.
func (h *histogram) quantile(q float64) int {
	want, sum := q*float64(h.total.Load()), 0.0
	for b := range bins {
		if sum += float64(h.count[b].Load()); sum >= want && sum > 0 {
			return b
		}
	}
	return bins - 1
}

// from is where a bin begins.
func (h *histogram) from(bin int) float64 { return h.low + float64(bin)*h.width }

// median bin, -1 when nothing was seen.
func (h *histogram) median() int {
	total, sum := uint64(h.total.Load()), uint64(0)
	for b := range bins {
		if sum += uint64(h.count[b].Load()); sum > 0 && sum*2 >= total {
			return b
		}
	}
	return -1
}

func (h *histogram) clear() {
	h.total.Store(0)
	for g := range h.group {
		h.group[g].Store(0)
	}
	for b := range h.count {
		h.count[b].Store(0)
	}
}
