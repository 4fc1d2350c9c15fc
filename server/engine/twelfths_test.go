package engine

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func within13(times []int64, from, to int64) (n int) {
	for _, t := range times {
		if t > from && t <= to {
			n++
		}
	}
	return n
}

func TestTwelfthsNeverCountTooManyAndAreLateByASubWindowAtMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const span, part = int64(60_000), int64(5000)
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		w := newTwelfths[uint16](limit, span, 900_000, true, 512, newKeyed(1), levelsOf(nil))
		mean := rapid.SampledFrom([]int64{1, 100, 900, 5000, 20_000}).Draw(t, "mean")
		var times []int64
		at := int64(0)
		for _, step := range rapid.SliceOfN(rapid.Int64Range(0, 2*mean), 1, 400).Draw(t, "steps") {
			at += step
			times = append(times, at)
			got := w.see(9, &question{at: at})
			sure := got.over && !got.only
			if most := within13(times, at-span, at); sure && most <= limit {
				t.Fatalf("at %d it is sure of %d, and there are %d", at, got.count, most)
			}
			if least := within13(times, at-span+part, at); least > limit && !sure {
				t.Fatalf("at %d there are %d in less than a window by a sub-window: %+v", at, least, got)
			}
		}
	})
}

func TestLateExchangesCountInTheirOwnSubWindowWhileItLives(t *testing.T) {
	w := newTwelfths[uint32](10, 60_000, 900_000, true, 512, newKeyed(1), levelsOf(nil))
	w.see(9, &question{at: 1_000_000})
	for n := range 9 { // just inside, and well outside
		if got := w.see(9, &question{at: 1_000_000 - 54_000}); got.over {
			t.Fatalf("over after %d", n+2)
		}
		if got := w.see(9, &question{at: 1_000_000 - 70_000}); got.over || got.count > 0 {
			t.Fatalf("counted what its sub-window does not remember: %+v", got)
		}
	}
	if got := w.see(9, &question{at: 1_000_000 - 54_000}); !got.over || !got.tell || got.count != 11 {
		t.Errorf("the eleventh is %+v", got)
	}
	if got := w.see(9, &question{at: 1_000_000 - putBack - 1}); got.over || got.count != 1 {
		t.Errorf("once the clock is put back: %+v", got)
	}
}

func TestALargeLimitIsEnforcedByWhatIsSureAndNobodyIsRefusedBelowIt(t *testing.T) {
	p := newPlay(t, terms(rate, func(t *Terms) { t.More, t.Do, t.For = 1000, 0, 0 }))
	passed, refused := 0, 0
	for range 1500 { // in 75 seconds
		v := p.get(attacker, "")
		if v.Refused() {
			p.refuses(v, 429, rate)
			refused++
			if v.RetryAfter <= 0 || v.RetryAfter > time.Minute || v.Quota.Left != 0 || v.Quota.Limit != 1000 {
				t.Fatalf("refused with %+v", v)
			}
		} else {
			passed++
			if passed <= 1000 && v.Quota.Left != 1000-passed {
				t.Fatalf("after %d: %+v", passed, v.Quota)
			}
		}
		p.wait(50 * time.Millisecond)
	}
	if passed < 1000 || passed > 1300 || refused < 200 {
		t.Errorf("%d passed, %d were refused", passed, refused)
	}
}

func TestAnEstimateTellsAndOnlyWhatIsSureBlocks(t *testing.T) {
	p := newPlay(t, silent, pack(data("network", func(r *Rule) {
		r.By, r.More, r.Within, r.Do, r.For = []Dimension{OfNetwork}, 240, time.Minute, Block, time.Hour
	})))
	var told []Finding
	for n := range 120 {
		told = append(told, p.fail(stranger(n))...)
	}
	p.wait(61 * time.Second) // a fifth of their sub-window is over
	for n := range 145 {
		told = append(told, p.fail(stranger(n))...)
	}
	if len(told) != 1 || told[0].Decision != nil || told[0].Count != 241 {
		t.Fatalf("told %+v", told)
	}
	for n := range 120 {
		told = append(told, p.fail(stranger(n))...)
	}
	if len(told) != 2 || told[1].Decision == nil || told[1].Actor != network("100.0.0.0/24") {
		t.Fatalf("told %+v", told)
	}
	p.refuses(p.get(stranger(250), ""), 403, "network")
}
