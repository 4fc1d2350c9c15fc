package anomaly

import (
	"math/rand/v2"
	"testing"
)

// slowly is oddness, by looking at everything.
func slowly(h *histogram, bin int) float64 {
	all, above := uint32(unit), uint32(unit)
	for b, n := range h.count {
		if all += n; b >= bin {
			above += n
		}
	}
	if float64(above) > float64(all)*commonly {
		return 0
	}
	return ln(float64(all)) - ln(float64(above)) - indifferent
}

func TestAHistogramKnowsAtAnyTimeWhatIsUsual(t *testing.T) {
	dice := rand.New(rand.NewPCG(7, 7))
	for round := range 20 {
		var h histogram
		h.start(0, 1)
		middle, spread := dice.Float64()*bins, dice.Float64()*bins
		for n := range 3000 {
			if n%500 == 0 { // usage changes
				middle = dice.Float64() * bins
			}
			h.add(h.bin(middle+dice.NormFloat64()*spread), unit*uint32(1+n%2)) //nolint:gosec // it is small
			if n%700 == 699 {
				h.decay()
			}
			if n%11 == 0 {
				for bin := range bins {
					if got, want := h.oddness(bin), slowly(&h, bin); got != want {
						t.Fatalf("round %d, event %d: bin %d adds %v to a score, want %v", round, n, bin, got, want)
					}
				}
			}
		}
		var copied histogram
		copied.start(0, 1)
		copied.read(&reader{left: h.append(nil)})
		if copied.usual.Load() != h.usual.Load() || copied.tail != h.tail || copied.rest != h.rest || copied.sum != h.sum {
			t.Fatalf("round %d: a snapshot knows %d, %d, %d of %d to be usual, want %d, %d, %d of %d", round,
				copied.usual.Load(), copied.tail, copied.rest, copied.sum, h.usual.Load(), h.tail, h.rest, h.sum)
		}
	}
}

// What is scored and then learned is the same, whether it was looked at once or twice.
func TestToTakeWhatWasLookedAtIsToLearnIt(t *testing.T) {
	once, twice := newModel(t), newModel(t)
	var p Places
	for n := range 30_000 {
		x, at := usualEvent(n), int64(n)*minute
		if n%50 == 7 {
			x[n%2].Number *= 20
		}
		if a, b := once.Look(x, &p), twice.Score(x); a != b {
			t.Fatalf("event %d scores %v and %v", n, a, b)
		}
		once.Take(x, &p, uint64(n%70), at)
		twice.Learn(x, uint64(n%70), at)
	}
	a, err := once.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	b, err := twice.MarshalBinary()
	if err != nil || string(a) != string(b) {
		t.Errorf("two models that learned the same differ (%v)", err)
	}
}
