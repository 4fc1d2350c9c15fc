package engine

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sightings is the slow, obvious count of different values: all of them, and when they came.
type sightings struct {
	span   int64
	values map[uint64][]int64
}

func (s *sightings) see(value uint64, at int64) (different int) {
	s.values[value] = append(s.values[value], at)
	for _, times := range s.values {
		if slices.ContainsFunc(times, func(t int64) bool { return t > at-s.span && t <= at }) {
			different++
		}
	}
	return different
}

func TestFewDifferentValuesAreCountedExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, manyValues-1).Draw(t, "limit")
		w := newDistinct(limit, 60_000, 900_000, true, 512, newKeyed(1), levelsOf(nil))
		truth, at := &sightings{60_000, map[uint64][]int64{}}, int64(0)
		for range rapid.IntRange(1, 500).Draw(t, "exchanges") {
			at += rapid.SampledFrom([]int64{0, 1, 900, 7000, 59_999, 60_000, 1 << 33}).Draw(t, "step")
			value := rapid.Uint64Range(0, 90).Draw(t, "value")
			got, want := w.see(7, &question{at: at, value: value}), truth.see(value, at)
			if got.over != (want > limit) || got.count < min(want, fewValues) || got.count > want || got.only {
				t.Fatalf("at %d: %+v, want %d of more than %d", at, got, want, limit)
			}
		}
	})
}

func TestManyDifferentValuesAreCountedWithinSixAndAHalfPercent(t *testing.T) {
	squares, n := 0.0, 0
	for _, many := range []int{100, 400, 1000, 5000, 20_000} {
		for seed := range uint64(50) {
			w := newDistinct(64, 600_000, 900_000, true, 512, newKeyed(seed), levelsOf(nil))
			var last tally
			for v := range many {
				last = w.see(7, &question{at: int64(v % 200), value: uint64(v)})
			}
			wrong := float64(last.count)/float64(many) - 1
			squares, n = squares+wrong*wrong, n+1
			if sure := surely(last.count); sure > many {
				t.Errorf("of %d it is sure of %d", many, sure)
			}
		}
	}
	if rms := math.Sqrt(squares / float64(n)); rms > 0.065 {
		t.Errorf("they are told with a standard error of %.2f %%", 100*rms)
	}
}

func TestValuesThatAreOldCountNoMore(t *testing.T) {
	w := newDistinct(100, 600_000, 900_000, true, 512, newKeyed(1), levelsOf(nil))
	for v := range 90 {
		w.see(7, &question{at: 0, value: uint64(v)})
	}
	for v := range 90 {
		if got := w.see(7, &question{at: 600_000 + int64(v), value: uint64(100 + v)}); got.over || got.count > 99 || v < manyValues && got.count != v+1 {
			t.Fatalf("a window later, after %d: %+v", v+1, got)
		}
	}
	if got := w.see(7, &question{at: 2_000_000, value: 1}); got.count != 1 {
		t.Errorf("much later: %+v", got)
	}
}

func TestWhoTriesManyAccountsIsFound(t *testing.T) {
	for _, limit := range []int{5, 30, 100} {
		p := newPlay(t, silent, pack(data("spray", func(r *Rule) {
			r.Distinct, r.More, r.Within, r.Do, r.For = OfAccount, limit, 10*time.Minute, Block, time.Hour
		})))
		for range 3 * limit { // a person who forgot it
			_, found := p.exchange(person, Request{Account: "bob"}, 401)
			p.finds(found)
		}
		var told []Finding
		n := 0
		for ; n < 3*limit && (len(told) == 0 || told[len(told)-1].Decision == nil); n++ {
			_, found := p.exchange(attacker, Request{Account: fmt.Sprint("account ", n)}, 401)
			told = append(told, found...)
			p.wait(time.Second)
		}
		if len(told) == 0 || n > limit*3/2+1 {
			t.Fatalf("limit %d: told %v after %d accounts", limit, told, n)
		}
		first, last := told[0], told[len(told)-1]
		if limit < manyValues && (n != limit+1 || len(told) != 1 || len(first.Seen) != min(limit+1, fewValues)) {
			t.Errorf("found after %d accounts: %+v", n, first)
		}
		if first.Seen[len(first.Seen)-1] != fmt.Sprint("account ", first.Count-1) && limit < manyValues || first.Count <= limit {
			t.Errorf("seen %q of %d", first.Seen, first.Count)
		}
		if last.Decision == nil || last.Decision.Target != ActorOf(last.Client) {
			t.Errorf("decided %+v", last.Decision)
		}
	}
}

func TestOneAccountFromManyNetworksIsFoundAndBlocked(t *testing.T) {
	p := newPlay(t, silent, pack(data("spread", func(r *Rule) {
		r.By, r.Distinct, r.More, r.Within, r.Do, r.For = []Dimension{OfAccount}, OfNetwork, 3, time.Hour, Block, time.Hour
	})))
	for n := range 20 {
		_, found := p.exchange(stranger(n), Request{Account: "bob"}, 401) // all of one network
		p.finds(found)
	}
	for n := range 3 {
		_, found := p.exchange(stranger(n<<8), Request{Account: "alice"}, 401)
		p.finds(found)
	}
	_, found := p.exchange(stranger(3<<8), Request{Account: "alice"}, 401)
	p.finds(found, "spread")
	if got := found[0]; !slices.Equal(got.Seen, []string{"100.0.0.0/24", "100.0.1.0/24", "100.0.2.0/24", "100.0.3.0/24"}) || got.Actor.Account != "alice" {
		t.Errorf("found %+v", got)
	}
	if _, v := p.ask(person, Request{Account: "alice"}); v.Cause != "spread" {
		t.Errorf("afterwards %+v", v)
	}
}

func TestRoomIsLentToWhoNeedsItAndGivenBack(t *testing.T) {
	w := newDistinct(100, 600_000, 900_000, true, 512, newKeyed(1), levelsOf(nil))
	show := func(who, many int, at int64) (t tally) {
		for v := range many {
			t = w.see(actor(who), &question{at: at, value: uint64(v)})
		}
		return t
	}
	for who := 1; who <= 256; who++ { // more than there is room for
		if got := show(who, 40, 1); got.count > 40 || got.count < fewValues || got.over {
			t.Fatalf("%d shows 40: %+v", who, got)
		}
		if who%3 == 0 {
			w.dropKey(uint64(who), w.hash(uint64(who)))
		}
	}
	if f := w.fill(); f.TurnedAway == 0 {
		t.Error("there was room for all")
	}
	for who := 1001; who <= 1020; who++ { // nobody of before counts any more
		at := 700_000 * int64(who-1000)
		if got := show(who, 40, at); got.count != 40 {
			t.Fatalf("%d shows 40 later: %+v", who, got)
		}
	}
	if got := show(1020, 5, 14_700_000); got.count != 5 {
		t.Errorf("who shows few again: %+v", got)
	}
	if got := show(1020, 90, 14_700_001); got.count < 75 || got.count > 99 {
		t.Errorf("and then many: %+v", got)
	}
}
