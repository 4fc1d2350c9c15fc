package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestWhoIsBusyIsCountedExactlyAmidManyWhoAreNot(t *testing.T) {
	const limit, span, late, busy = 100, 60_000, 15_000, 200
	w := newWindow[uint16](limit, span, late, false, 1<<12, newKeyed(1))
	exact := map[actor]*newest{}
	dice := rand.New(rand.NewPCG(1, 2))
	over := 0
	for at := int64(0); at < 5*span; at += 2 {
		who := actor(dice.IntN(busy) + 1)
		if dice.IntN(3) == 0 {
			who = actor(1_000 + dice.IntN(1_000))
		}
		when := max(at-int64(dice.IntN(8)/7*dice.IntN(late)), 0)
		if exact[who] == nil {
			exact[who] = remembered(limit, span, late, false)
		}
		got, want := w.see(who, &question{at: when}).over, exact[who].over(when)
		if got != want {
			t.Fatalf("%d at %d: over is %v, want %v", who, when, got, want)
		}
		if got {
			over++
		}
	}
	if over == 0 {
		t.Error("nobody was over the limit")
	}
}

func TestMoreBusyClientsThanRingsHideAnExcessAndInventNone(t *testing.T) {
	const limit, span = 100, 60_000
	w := newWindow[uint16](limit, span, 0, false, 1<<12, newKeyed(1))
	see := func(clients, times int, from int64) (over int) {
		for n := range times {
			for c := range clients {
				if w.see(actor(c+1), &question{at: from + int64(n*500)}).over {
					over++
				}
			}
		}
		return over
	}
	if over := see(1<<11, limit, 0); over > 0 {
		t.Fatalf("%d are over a limit that nobody reached", over)
	}
	if over := see(1<<11, 1, limit*500); over == 0 || over == 1<<11 {
		t.Errorf("%d of %d are found: want those who were lent a ring", over, 1<<11)
	}
	if over := see(1<<8, limit+1, 10*span); over != 1<<8 {
		t.Errorf("%d of %d are found once the others are idle", over, 1<<8)
	}
}

// Fifty may come within a minute. 51 come in 57 seconds, most of them at the end of a twelfth of it.
func TestUpTo128AreCountedOneByOneWhateverTheyAreCountedBy(t *testing.T) {
	for _, limit := range []int{17, 50, MostCounted} {
		for d := OfClient; d <= OfEverybody; d++ {
			by := Rule{
				ID: "by-it", Title: "Many", Pack: "mine", Version: 1, On: Answers, By: []Dimension{d}, Explains: "Many.",
				Terms: Terms{More: limit, Within: time.Minute, Severity: Low},
			}
			p := newPlay(t, func(p *Policy) { p.Packs = []Rule{by} }, terms(rate, func(t *Terms) { t.Off = true }))
			ask := func() (fired bool) {
				_, found := p.exchange(attacker, Request{
					Key: key("mine"), Account: "ada", Session: key("session"), Fingerprint: 7, UserAgent: "curl/8",
					Place: Place{Country: Country{'N', 'L'}, ASN: 64500},
				}, 200)
				return slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == by.ID && !f.Weak && f.Count == limit+1 })
			}
			ask() // time begins, and so do twelfths
			p.wait(2*time.Minute + 4900*time.Millisecond)
			for n := range limit {
				if n == limit-limit/5 {
					p.wait(57 * time.Second)
				}
				if ask() {
					t.Errorf("by %s: %d of %d trip it", d, n+1, limit)
				}
			}
			if !ask() {
				t.Errorf("by %s: %d within 57 seconds are not found, %d may come", d, limit+1, limit)
			}
		}
	}
}
