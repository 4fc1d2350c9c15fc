package bank

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// audit fails unless every cent is accounted for and every bound is kept.
func audit(t *testing.T, l *ledger) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var held Cents
	for id, a := range l.accounts {
		if a.balance < 0 {
			t.Fatalf("%s owes %s", id, a.balance)
		}
		if len(a.payments) > l.limits.payments || len(a.answers) > l.limits.answers {
			t.Fatalf("%s remembers %d payments and %d answers", id, len(a.payments), len(a.answers))
		}
		held += a.balance
	}
	if held != l.opened-l.closed {
		t.Fatalf("accounts hold %s, should hold %s", held, l.opened-l.closed)
	}
	if len(l.accounts) > l.limits.accounts {
		t.Fatalf("%d accounts", len(l.accounts))
	}
	ring := 0
	for a := l.idle.older; a != &l.idle; a = a.older {
		if l.accounts[a.id] != a || a.older.newer != a {
			t.Fatalf("the ring is broken at %s", a.id)
		}
		ring++
	}
	if ring != len(l.accounts) {
		t.Fatalf("%d accounts, %d of them in the ring", len(l.accounts), ring)
	}
}

func TestMoneyIsConserved(t *testing.T) {
	for seed := range uint64(20) {
		dice := rand.New(rand.NewPCG(seed, 1))
		l := newLedger(limits{accounts: 2 + dice.IntN(20), payments: 3, answers: 2, opening: 1_000_00})
		for range 2_000 {
			who := func() string { return fmt.Sprintf("a%d", dice.IntN(40)) }
			switch dice.IntN(4) {
			case 0:
				l.balance(who())
			default:
				o := order{at: noon, from: who(), to: who(), amount: Cents(1 + dice.IntN(600_00))}
				if dice.IntN(2) == 0 {
					o.once = fmt.Sprint(dice.IntN(3))
				}
				if o.from != o.to {
					l.pay(o)
				}
			}
		}
		audit(t, l)
	}
}

func TestConcurrentPaymentsNeverCreateOrLoseMoney(t *testing.T) {
	l := newLedger(limits{accounts: 8, payments: 5, answers: 5, opening: 1_000_00})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(7, uint64(worker)))
			for range 2_000 {
				from := dice.IntN(12)
				to := (from + 1 + dice.IntN(11)) % 12
				l.pay(order{at: noon, from: fmt.Sprint(from), to: fmt.Sprint(to), amount: Cents(1 + dice.IntN(300_00))})
			}
		})
	}
	all.Wait()
	audit(t, l)
}

func TestOneIdempotencyKeyPaysOnceHoweverManySendIt(t *testing.T) {
	l := newLedger(ours)
	ids := make([]string, 16)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			p, _, no := l.pay(order{at: noon, from: "alice", to: "bob", amount: 100, once: "k"})
			if no == nil {
				ids[i] = p.id
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("answers differ: %v", ids)
		}
	}
	if got := l.balance("bob"); got != 1_001_00 {
		t.Fatalf("bob holds %s", got)
	}
}

func TestTheLongestIdleAccountGoes(t *testing.T) {
	l := newLedger(limits{accounts: 3, payments: 5, answers: 5, opening: 1_000_00})
	l.balance("first")
	l.balance("second")
	l.pay(order{at: noon, from: "third", to: "first", amount: 50_00}) // first is busy again
	l.balance("fourth")
	if _, open := l.accounts["second"]; open {
		t.Error("second was idle the longest and is still open")
	}
	for _, id := range []string{"first", "third", "fourth"} {
		if _, open := l.accounts[id]; !open {
			t.Errorf("%s was closed", id)
		}
	}
	if got := l.balance("first"); got != 1_050_00 {
		t.Errorf("first holds %s", got)
	}
	audit(t, l)
}

func TestPayingNeverClosesThePayer(t *testing.T) {
	l := newLedger(limits{accounts: 2, payments: 5, answers: 5, opening: 1_000_00})
	for i := range 100 {
		p, _, no := l.pay(order{at: noon, from: "alice", to: fmt.Sprint("r", i), amount: 1})
		if no != nil || p.from != "alice" {
			t.Fatalf("payment %d: %v", i, no)
		}
	}
	if got := l.balance("alice"); got != 999_00 {
		t.Errorf("alice holds %s", got)
	}
	audit(t, l)
}
