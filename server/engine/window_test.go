package engine

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A log is the slow, obvious window: every time that was counted, in a slice.
type log struct {
	limit int
	span  int64
	keep  bool
	times []int64
}

// over is the rule in one line: more than the limit within (at-span, at].
func (l *log) over(at int64) bool {
	n := 1
	for _, t := range l.times {
		if t > at-l.span && t <= at {
			n++
		}
	}
	if l.keep || n <= l.limit {
		l.times = append(l.times, at)
	}
	return n > l.limit
}

// anywhere asks for any stretch shorter than the span that holds the exchange and more than
// the limit: what order has nothing to do with.
func (l *log) anywhere(at int64) bool {
	for _, end := range append(slices.Clone(l.times), at) {
		n := 0
		for _, t := range l.times {
			if t > end-l.span && t <= end {
				n++
			}
		}
		if end >= at && at > end-l.span && n+1 > l.limit {
			return true
		}
	}
	return false
}

// newest is a log that remembers as much as the window does: the newest times, and nothing of
// exchanges that are too late.
type newest struct {
	log
	late   int64
	last   int64
	begun  bool
	before *newest
}

func (l *newest) over(at int64) bool {
	if !l.begun || l.last-at > putBack {
		l.times, l.last, l.begun = nil, at, true
	}
	switch behind := l.last - at; {
	case behind > l.late:
		return false
	case behind >= l.span:
		return l.before.over(at)
	}
	over := l.limit == 0 || l.anywhere(at)
	if over && !l.keep {
		return true
	}
	l.times = append(l.times, at)
	slices.Sort(l.times)
	l.last = max(l.last, at)
	l.times = l.times[max(0, len(l.times)-l.limit):]
	return over
}

func remembered(limit int, span, late int64, keep bool) *newest {
	l := &newest{log: log{limit: limit, span: span, keep: keep}, late: late}
	if late >= span {
		l.before = remembered(limit, span, span-1, keep)
	}
	return l
}

// windows under test, with the terms of the rate rule and of failed authentication.
func windows(limit int, keep bool) (short *window[uint16], long *window[uint32]) {
	k := newKeyed(1)
	return newWindow[uint16](limit, 60_000, 900_000, keep, 512, k), newWindow[uint32](limit, 600_000, 900_000, keep, 512, k)
}

// compare runs exchanges of one client, at these steps of milliseconds from one to the next,
// through both windows and their references.
func compare(t interface{ Fatalf(string, ...any) }, limit int, keep bool, steps []int64) {
	short, long := windows(limit, keep)
	for _, w := range []struct {
		name string
		over func(at int64) bool
		slow *newest
	}{
		{"16 bits", func(at int64) bool { return short.see(5, &question{at: at}).over }, remembered(limit, 60_000, 900_000, keep)},
		{"32 bits", func(at int64) bool { return long.see(5, &question{at: at}).over }, remembered(limit, 600_000, 900_000, keep)},
	} {
		exact := &log{limit: limit, span: w.slow.span, keep: keep}
		all := &log{limit: limit, span: w.slow.span}
		ordered, at := true, int64(0)
		for i, step := range steps {
			at += step
			ordered = ordered && step >= 0
			got := w.over(at)
			if want := w.slow.over(at); got != want {
				t.Fatalf("%s, limit %d: exchange %d at %d: over is %v, want %v", w.name, limit, i, at, got, want)
			}
			if ordered && got != exact.over(at) {
				t.Fatalf("%s, limit %d: exchange %d at %d, all in order: over is %v", w.name, limit, i, at, got)
			}
			if got && !all.anywhere(at) {
				t.Fatalf("%s, limit %d: exchange %d at %d: there never were so many", w.name, limit, i, at)
			}
			if keep || !got {
				all.times = append(all.times, at)
			}
		}
	}
}

func FuzzWindow(f *testing.F) {
	f.Add(uint8(3), false, []byte{1, 2, 3, 200, 250, 0, 0, 0})
	f.Add(uint8(30), false, make([]byte, 100))
	f.Add(uint8(5), true, []byte{60, 60, 60, 220, 60, 60, 255, 1, 60, 240, 60})
	f.Fuzz(func(t *testing.T, limit uint8, keep bool, bytes []byte) {
		compare(t, int(limit%32)+1, keep, stepsOf(bytes[:min(len(bytes), 120)]))
	})
}

// stepsOf reads a byte as a step: mostly some way forward, sometimes back.
func stepsOf(bytes []byte) (steps []int64) {
	for _, b := range bytes {
		switch n := int64(b & 31); b >> 5 {
		case 0:
			steps = append(steps, n)
		case 1, 2, 3:
			steps = append(steps, n*50)
		case 4:
			steps = append(steps, n*2000)
		case 5:
			steps = append(steps, -n)
		case 6:
			steps = append(steps, -n*n*100)
		case 7:
			steps = append(steps, (n-16)*300_000)
		}
	}
	return steps
}

func TestAWindowInOrderIsExactToTheMillisecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 128).Draw(t, "limit")
		mean := rapid.SampledFrom([]int64{1, 100, 600, 1200, 7000, 120_000}).Draw(t, "mean")
		steps := rapid.SliceOfN(rapid.Int64Range(0, 2*mean), 1, 300).Draw(t, "steps")
		compare(t, limit, rapid.Bool().Draw(t, "keep"), steps)
	})
}

func TestAWindowInAnyOrderNeverInventsAnExcess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		step := rapid.OneOf(rapid.Int64Range(0, 4000), rapid.Int64Range(-3000, 0), rapid.Int64Range(-950_000, 950_000))
		compare(t, limit, rapid.Bool().Draw(t, "keep"), rapid.SliceOfN(step, 1, 200).Draw(t, "steps"))
	})
}

func TestWhatAClientIsWorthIsWhatHeStillCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 128).Draw(t, "limit")
		w, _ := windows(limit, true)
		hash := w.hash(5)
		s, set := w.at(hash)
		at, counted := int64(0), &log{limit: limit, span: 60_000, keep: true}
		for _, step := range rapid.SliceOfN(rapid.Int64Range(0, 3000), 1, 200).Draw(t, "steps") {
			at += step
			w.see(5, &question{at: at})
			counted.over(at)
			now := at + rapid.Int64Range(-90_000, 90_000).Draw(t, "later")
			want := 0
			for _, t := range counted.times[max(len(counted.times)-limit, 0):] {
				if t > max(now, at)-60_000 {
					want++
				}
			}
			if got := w.worth(s, s.find(set, 5, hash), now); got.count%pinned != want {
				t.Fatalf("at %d, %d later: worth %d, want %d", at, now-at, got.count, want)
			}
		}
		if got := w.worth(s, s.find(set, 5, hash), at-2*putBack); got.count != 0 {
			t.Fatalf("worth %d once the clock is put back", got.count)
		}
	})
}

// Lines of a log that come late, as far as the ring reaches, are found as if they had come
// in order.
func TestLateExchangesAreCountedWhereTheyBelong(t *testing.T) {
	for name, late := range map[string]int64{"a little": 4000, "a minute": 61_000, "a quarter of an hour": 899_000} {
		short, long := windows(5, true)
		for span, w := range map[int64]counter{60_000: short, 600_000: long} {
			w.see(9, &question{at: 1_000_000})
			more := 5
			if late < span { // the first is within the span, too
				more = 4
			}
			for i := range more {
				if w.see(9, &question{at: 1_000_000 - late + int64(i)*100}).over {
					t.Fatalf("%s late, window of %d: over after %d more", name, span, i+1)
				}
			}
			got := w.see(9, &question{at: 1_000_000 - late + 50})
			if !got.over || !got.tell || len(got.times) != 6 || !slices.IsSorted(got.times) {
				t.Errorf("%s late, window of %d: the sixth is %+v", name, span, got)
			}
		}
	}
}

func TestWhatComesTooLateIsNotCounted(t *testing.T) {
	short, long := windows(5, true)
	for _, w := range []counter{short, long} {
		w.see(9, &question{at: 2_000_000})
		for range 50 {
			if w.see(9, &question{at: 2_000_000 - 900_001}).over {
				t.Fatal("counted")
			}
		}
	}
}

func TestADecoyIsADecoyHoweverLate(t *testing.T) {
	for _, late := range []time.Duration{0, time.Minute, 20 * time.Minute, 2 * time.Hour} {
		p := newPlay(t)
		_, v := p.ask(person, Request{Path: "/api/admin", Exempt: true})
		p.refuses(v, 403, decoy)
		if v.RetryAfter != 0 {
			t.Errorf("asked to come back to a decoy in %v", v.RetryAfter)
		}
		p.wait(-late)
		_, v = p.ask(person, Request{Path: "/api/admin", Exempt: true})
		p.refuses(v, 403, decoy)
	}
}

func TestAClockThatStepsBackBlocksNobodyAndFreesNobody(t *testing.T) {
	for _, back := range []time.Duration{10 * time.Minute, 20 * time.Minute, 50 * time.Minute, 3 * time.Hour, 1000 * time.Hour} {
		p := newPlay(t)
		p.refuses(p.get(attacker, "/api/admin/"), 403, decoy)
		for range 90 {
			p.passes(p.get(person, ""))
			p.wait(600 * time.Millisecond)
		}
		p.wait(-back)
		for range 90 {
			p.passes(p.get(person, ""))
			p.wait(600 * time.Millisecond)
		}
		p.refuses(p.get(attacker, ""), 403, decoy)
	}
}

func TestFailuresBeforeAClockStepCountAfterIt(t *testing.T) {
	p := newPlay(t)
	for range 5 {
		p.finds(p.fail(attacker))
	}
	p.wait(-5 * time.Minute)
	p.finds(p.fail(attacker), failed)
}

func TestAClockPutBackBeginsAnewForPaymentsToo(t *testing.T) {
	p := newPlay(t)
	pay := Request{Method: "POST", Path: "/api/transaction", Key: key("mine")}
	p.exchange(person, Request{Path: "/api/balance", Key: key("mine")}, 200)
	_, found := p.exchange(attacker, pay, 200)
	p.finds(found, payment)
	p.wait(-10 * time.Minute) // a little: both still count
	for _, client := range []string{person, attacker} {
		_, found = p.exchange(client, pay, 200)
		p.finds(found)
	}
	p.wait(-2 * time.Hour)
	for _, client := range []string{person, attacker} {
		_, found = p.exchange(client, pay, 200)
		p.finds(found, payment)
	}
}

// One line of a log that is dated wrongly spoils the memory of its own client at most.
func TestATimeFarAheadBlindsNobody(t *testing.T) {
	p := newPlay(t)
	p.wait(100_000 * time.Hour)
	p.get(attacker, "")
	p.get(person, "")
	p.wait(-100_000 * time.Hour)
	for range 100 {
		p.passes(p.get(attacker, ""))
	}
	p.refuses(p.get(attacker, ""), 429, rate)
}

func TestAThrottledClientIsHeldToATenthOfTheLimit(t *testing.T) {
	p := newPlay(t)
	d := decision("D-THROTTLE00000", Throttle, network("198.18.0.7/32"), time.Time{})
	p.Apply(d)
	passed := 0
	for range 1200 { // two minutes, ten a second
		v := p.get(attacker, "")
		if v.Refused() {
			p.refuses(v, 429, "operator")
			if v.Reference != d.ID || v.Finding != nil || v.RetryAfter <= 0 || v.RetryAfter > time.Minute {
				t.Fatalf("refused with %+v", v)
			}
		} else {
			passed++
		}
		p.wait(100 * time.Millisecond)
	}
	if passed != 20 {
		t.Errorf("%d passed in two minutes, want 20", passed)
	}
	p.passes(p.get(person, ""))
}

func TestRetryAfterIsWhenThereIsRoomAgain(t *testing.T) {
	p := newPlay(t, terms(rate, func(t *Terms) { t.Do, t.For, t.More = 0, 0, 3 }))
	for range 3 {
		p.passes(p.get(person, ""))
		p.wait(10 * time.Second)
	}
	v := p.get(person, "")
	p.refuses(v, 429, rate)
	if v.RetryAfter != 30*time.Second {
		t.Fatalf("asked to wait %v, want 30s", v.RetryAfter)
	}
	p.wait(v.RetryAfter - time.Millisecond)
	p.refuses(p.get(person, ""), 429, rate)
	p.wait(time.Millisecond)
	p.passes(p.get(person, ""))
}
