package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// A tally counts sources by what they are and by what was said about them.
type tally struct {
	hits   int // hostile and flagged
	wrong  int // legitimate and flagged
	missed int // hostile, not flagged
	quiet  int // legitimate, not flagged
}

func (t *tally) add(hostile, flagged bool) {
	switch {
	case hostile && flagged:
		t.hits++
	case flagged:
		t.wrong++
	case hostile:
		t.missed++
	default:
		t.quiet++
	}
}

func (t tally) plus(o tally) tally {
	return tally{t.hits + o.hits, t.wrong + o.wrong, t.missed + o.missed, t.quiet + o.quiet}
}

func (t tally) sources() int { return t.hits + t.wrong + t.missed + t.quiet }
func (t tally) hostile() int { return t.hits + t.missed }
func (t tally) flagged() int { return t.hits + t.wrong }

// precision is the share of the flagged who are hostile, NaN when nobody is flagged.
func (t tally) precision() float64 { return ratio(t.hits, t.flagged()) }

// recall is the share of the hostile who are flagged, NaN when nobody is hostile.
func (t tally) recall() float64 { return ratio(t.hits, t.hostile()) }

// f1 is the harmonic mean of both, NaN when nobody is hostile and nobody is flagged.
func (t tally) f1() float64 { return ratio(2*t.hits, 2*t.hits+t.wrong+t.missed) }

// ratio is NaN where there is nothing to compare with.
func ratio(part, whole int) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return float64(part) / float64(whole)
}

// A span is where a figure lies in 95 of 100 resamples.
type span struct{ low, high float64 }

// spans of the three figures.
type spans struct{ precision, recall, f1 span }

const (
	rounds = 1000
	seed   = 1 // the same tally has the same intervals
)

// bootstrap draws as many sources as there are, with replacement, again and again. Resamples in
// which a figure is not defined have no say about it.
func (t tally) bootstrap() spans {
	dice := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // figures that can be repeated
	n := t.sources()
	var precision, recall, f1 []float64
	for range rounds {
		var s tally
		for range n {
			switch i := dice.IntN(n); {
			case i < t.hits:
				s.hits++
			case i < t.hits+t.wrong:
				s.wrong++
			case i < t.hits+t.wrong+t.missed:
				s.missed++
			default:
				s.quiet++
			}
		}
		precision, recall, f1 = append(precision, s.precision()), append(recall, s.recall()), append(f1, s.f1())
	}
	return spans{middle95(precision), middle95(recall), middle95(f1)}
}

func middle95(figures []float64) span {
	figures = defined(figures)
	return span{quantile(figures, 0.025), quantile(figures, 0.975)}
}

func defined(figures []float64) []float64 {
	return slices.DeleteFunc(figures, math.IsNaN)
}

// quantile is the smallest figure that at least that share of the figures do not exceed; for the
// half it is the median, which lies between the two in the middle. NaN when there are none.
func quantile(figures []float64, share float64) float64 {
	n := len(figures)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(figures))
	if share == 0.5 && n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[max(int(math.Ceil(share*float64(n))), 1)-1]
}
