package bank

import (
	"crypto/sha256"
	"strconv"
	"sync"
	"time"
)

// A payment moved money from one account to another. It never changes.
type payment struct {
	id       string
	at       time.Time
	from, to string
	amount   Cents
}

// An account holds money, its newest payments and the newest answers given under an
// idempotency key. Accounts form a ring from the busiest to the longest idle.
type account struct {
	id       string
	balance  Cents
	payments []*payment // oldest first
	answers  []answered // oldest first

	newer, older *account
}

// answered is what was said to a payment under an idempotency key. Keys and bodies come from
// strangers and may be long, so only their digests are kept.
type answered struct {
	key, wanted [sha256.Size]byte
	payment     *payment // nil when it was refused for lack of funds
}

// A ledger is the bank's books: every account, under one lock, bounded. Money enters when an
// account is opened and leaves when one is closed for idleness; in between it only moves.
type ledger struct {
	mu       sync.Mutex
	limits   limits
	accounts map[string]*account
	idle     account // the ring's head: newer is the longest idle, older the busiest
	last     uint64  // of payment IDs

	opened, closed Cents // what came with accounts and went with them
}

func newLedger(l limits) *ledger {
	b := &ledger{limits: l, accounts: make(map[string]*account)}
	b.idle.newer, b.idle.older = &b.idle, &b.idle
	return b
}

// balance of an account, which is opened when there is none.
func (l *ledger) balance(id string) Cents {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.use(id).balance
}

// history is the newest n payments of an account, newest first. The account is opened when
// there is none.
func (l *ledger) history(id string, n int) []*payment {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.use(id).payments
	newest := make([]*payment, 0, min(n, len(all)))
	for i := len(all) - 1; i >= 0 && len(newest) < n; i-- {
		newest = append(newest, all[i])
	}
	return newest
}

// An order is a payment that is asked for. Once is the idempotency key, empty for none.
type order struct {
	at       time.Time
	from, to string
	amount   Cents
	once     string
}

// pay carries an order out, or says why not. Under a key that was used before it does
// nothing: it gives the answer of then and again is true, or it refuses when the order
// differs.
func (l *ledger) pay(o order) (p *payment, again bool, no *refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := l.use(o.from)

	var was answered
	if o.once != "" {
		was.key = sha256.Sum256([]byte(o.once))
		was.wanted = sha256.Sum256([]byte(o.amount.String() + " " + o.to))
		for i := range from.answers {
			switch a := &from.answers[i]; {
			case a.key != was.key:
			case a.wanted != was.wanted:
				return nil, false, errReused
			case a.payment == nil:
				return nil, true, errFunds
			default:
				return a.payment, true, nil
			}
		}
	}

	if from.balance < o.amount {
		no = errFunds
	} else {
		p = l.move(o, from, l.use(o.to))
	}
	if o.once != "" {
		was.payment = p
		from.answers = keep(from.answers, was, l.limits.answers)
	}
	return p, false, no
}

// move books the order on both accounts.
func (l *ledger) move(o order, from, to *account) *payment {
	l.last = max(l.last+1, uint64(max(o.at.UnixMilli(), 0))<<16) //nolint:gosec // not negative
	p := &payment{
		id: "txn_" + strconv.FormatUint(l.last, 32),
		at: o.at, from: from.id, to: to.id, amount: o.amount,
	}
	from.balance -= o.amount
	to.balance += o.amount
	from.payments = keep(from.payments, p, l.limits.payments)
	to.payments = keep(to.payments, p, l.limits.payments)
	return p
}

// use finds an account or opens it, and counts as activity. The two accounts of a payment are
// the two busiest, so opening the second never closes the first.
func (l *ledger) use(id string) *account {
	a, known := l.accounts[id]
	if known {
		a.newer.older, a.older.newer = a.older, a.newer
	} else {
		if len(l.accounts) >= l.limits.accounts {
			l.close(l.idle.newer)
		}
		a = &account{id: id, balance: l.limits.opening}
		l.accounts[id] = a
		l.opened += a.balance
	}
	a.newer, a.older = &l.idle, l.idle.older
	a.newer.older, a.older.newer = a, a
	return a
}

func (l *ledger) close(a *account) {
	a.newer.older, a.older.newer = a.older, a.newer
	delete(l.accounts, a.id)
	l.closed += a.balance
}

// keep appends v and forgets the oldest beyond most.
func keep[T any](all []T, v T, most int) []T {
	if len(all) < most {
		return append(all, v)
	}
	copy(all, all[1:])
	all[len(all)-1] = v
	return all
}

var (
	errFunds = &refusal{
		status: 422, Problem: "The account does not hold enough.", Field: "amount",
		Remedy: "Ask " + Balance + " what it holds, and pay at most that.",
	}
	errReused = &refusal{
		status: 422, Problem: "This idempotency key was used for another payment.", Field: "Idempotency-Key",
		Remedy: "Send the same payment again, or take a new key for a new one.",
	}
)
