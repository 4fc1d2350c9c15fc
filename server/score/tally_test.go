package main

import (
	"fmt"
	"math"
	"testing"
)

func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-9
}

func TestFiguresOfATallyAreThoseWorkedByHand(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		tally
		precision, recall, f1 float64
	}{
		{tally{hits: 3, wrong: 1, missed: 2, quiet: 4}, 0.75, 0.6, 2.0 / 3},
		{tally{hits: 5, quiet: 9}, 1, 1, 1},
		{tally{wrong: 2, missed: 2}, 0, 0, 0},
		{tally{missed: 7}, nan, 0, 0},
		{tally{quiet: 7}, nan, nan, nan},
	} {
		if !near(c.tally.precision(), c.precision) || !near(c.tally.recall(), c.recall) || !near(c.tally.f1(), c.f1) {
			t.Errorf("%+v: %v %v %v", c.tally, c.tally.precision(), c.tally.recall(), c.tally.f1())
		}
	}
}

func TestATallyCountsEachKindOfSource(t *testing.T) {
	var got tally
	for range 2 {
		got.add(true, true)
	}
	got.add(false, true)
	got.add(true, false)
	got.add(false, false)
	if want := (tally{2, 1, 1, 1}); got != want || got.sources() != 5 || got.hostile() != 3 || got.flagged() != 3 {
		t.Errorf("%+v, want %+v", got, want)
	}
	if sum := got.plus(tally{1, 2, 3, 4}); sum != (tally{3, 3, 4, 5}) {
		t.Errorf("%+v", sum)
	}
}

func TestIntervalsAreThoseOfABinomialAndTheSameEachTime(t *testing.T) {
	even := tally{hits: 50, missed: 50}
	in := even.bootstrap()
	// 95 of 100 draws of 100 fair coins lie between 40 and 60.
	if math.Abs(in.recall.low-0.40) > 0.015 || math.Abs(in.recall.high-0.60) > 0.015 {
		t.Errorf("recall between %v and %v", in.recall.low, in.recall.high)
	}
	if in.precision != (span{1, 1}) {
		t.Errorf("precision %v of who was never wrong", in.precision)
	}
	if again := even.bootstrap(); again != in {
		t.Errorf("%v, then %v", in, again)
	}
	nobody := tally{missed: 3, quiet: 3}.bootstrap()
	if !math.IsNaN(nobody.precision.low) || nobody.recall != (span{0, 0}) {
		t.Errorf("%v where nobody is flagged", nobody)
	}
	if nothing := (tally{}).bootstrap(); !math.IsNaN(nothing.f1.low) {
		t.Errorf("%v of nothing", nothing)
	}
}

func TestQuantilesAreFiguresThatOccurred(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		share   float64
		want    float64
	}{
		{nil, 0.5, math.NaN()},
		{[]float64{7}, 0.95, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 2, 3}, 0.5, 2.5},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, 0.95, 19},
		{[]float64{5, 4}, 0, 4},
	} {
		if got := quantile(c.figures, c.share); !near(got, c.want) {
			t.Errorf("%v of %v is %v, want %v", c.share, c.figures, got, c.want)
		}
	}
}

func TestFiguresThatNothingDefinesAreDashes(t *testing.T) {
	nan := math.NaN()
	got := fmt.Sprint(within(nan, span{nan, nan}), share(nan), short(nan), short(math.Inf(1)), bare(nan),
		" ", within(0.5, span{0.25, 0.75}), share(0.456), " ", short(2.5), " ", short(3), " ", short(1234.5), bare(0.07), bare(1))
	if want := "----- 0.50 (0.25-0.75)46 % 2.5 3 1234.071.00"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
