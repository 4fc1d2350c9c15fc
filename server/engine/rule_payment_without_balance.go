package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// People look at their balance before they pay; a stolen key that is being emptied does not.
// It is two paths and their order, which counting can't say, so it is code. It tells once per
// client, key and window.
var paymentWithoutBalance = Rule{
	ID: "payment-without-balance", Title: "Payment without a balance check", Version: 1, Pack: core,
	Meaning: Meaning{Stage: Impact, Money: true},
	On:      Answers,
	Paths:   func(p Policy) []string { return append(slices.Clone(p.Payments), p.Balances...) },
	When:    func(x *Exchange) bool { return !x.Key.Zero() && x.Status != 401 },
	Terms:   Terms{Within: 5 * time.Minute, Severity: Medium},
	Watch:   watchPayments,
	Explain: func(p Policy, t Terms) string {
		return fmt.Sprintf("A payment (POST %s) with a valid key, when the same client had not asked for %s with that key in the %s before.",
			strings.Join(p.Payments, ", "), strings.Join(p.Balances, ", "), words(t.Within))
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s paid with key %s and had not looked at the balance in the %s before.",
			f.Actor, quoted(f.Key.Prefix), words(f.Window))
	},
}

// payments remembers for each client and key when the balance was last looked at, and when
// a payment without was last told.
type payments struct {
	*table   // by a hash of client and key; a slot holds when he looked, and when he was told of
	span     int64
	payments []string
	balances []string
	payers   []payer

	// doubt is when each set last lost a look at the balance that still counted. A payer who is
	// not known is taken to have looked then, so that what was forgotten accuses nobody.
	doubt []int64
}

type payer struct {
	actor actor
	key   [16]byte
}

const never = math.MinInt64 / 2

func watchPayments(p Policy, t Terms, k keyed) watch {
	w := &payments{table: newTable(p.Clients/4, k), span: t.Within.Milliseconds(), payments: p.Payments, balances: p.Balances}
	w.payers = make([]payer, w.size())
	lay(w.table, w.payers, 1)
	w.doubt = slices.Repeat([]int64{never}, w.size()/ways)
	return w
}

func (w *payments) under(p Policy) watch {
	now := *w
	now.payments, now.balances = p.Payments, p.Balances
	return &now
}

// A deal is an exchange that looks at the balance, or pays.
type deal struct {
	looks, pays bool
	payer       uint64 // a hash of client and key, where either is
}

// dealt tells what an exchange is to payments, and works it out once.
func (w *payments) dealt(x *view) *deal {
	d := &x.deal
	if d.looks || d.pays {
		return d
	}
	path := trimSlash(x.Folded)
	d.looks = x.Method == "GET" && x.Status/100 == 2 && slices.Contains(w.balances, path)
	d.pays = x.Method == "POST" && slices.Contains(w.payments, path)
	if d.looks || d.pays {
		d.payer = w.hash(uint64(actorOf(x.Client)), binary.LittleEndian.Uint64(x.Key.Hash[:8]), binary.LittleEndian.Uint64(x.Key.Hash[8:]))
	}
	return d
}

// place is for who asks for memory ahead.
func (w *payments) place(x *view) (hash uint64, ok bool) {
	if x.Key.Zero() {
		return 0, false
	}
	d := w.dealt(x)
	return d.payer, d.looks || d.pays
}

func (w *payments) ask(x *view, q *question) (t tally) {
	d := w.dealt(x)
	if !d.looks && !d.pays {
		return t
	}
	client, hash, looks := actorOf(x.Client), d.payer, d.looks
	s, set := w.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, hash, hash)
	if i < 0 {
		var pushed worth
		i, pushed = s.claim(set, hash, hash, q.at, func(i int) worth { return w.worth(s, i, q.at) })
		doubt := &w.doubt[(s.first+set)/ways]
		if pushed.count == worthLook {
			*doubt = q.at
		}
		s.slots[i].mark, s.slots[i].more = *doubt, never
		w.payers[s.first+i] = payer{client, x.Key.Hash}
	}
	p := &s.slots[i]
	when, said := w.when(p, q.at)
	x.unchecked = !looks && q.at-when >= w.span
	switch {
	case looks:
		p.mark = max(when, q.at)
	case q.at-when >= w.span && q.at-said >= w.span:
		p.more = q.at
		t = tally{over: true, tell: true, count: 1, telling: &telling{times: []int64{q.at}, unless: fmt.Sprintf(
			"With a look at the balance by the same client and key in the %s before it would not have fired.", words(time.Duration(w.span)*time.Millisecond))}}
	}
	return t
}

// when he looked and was told of; never, when the clock was put back since.
func (w *payments) when(p *slot, now int64) (looked, told int64) {
	looked, told = p.mark, p.more
	if looked-now > putBack {
		looked = never
	}
	if told-now > putBack {
		told = never
	}
	return looked, told
}

// What a payer has to set against a newcomer: a look at the balance counts more than that a
// payment without was told.
const (
	worthTelling = 1
	worthLook    = 2
)

func (w *payments) worth(s *stripe, i int, now int64) worth {
	switch when, said := w.when(&s.slots[i], now); {
	case now-when < w.span:
		return worth{count: worthLook, newest: when}
	case now-said < w.span:
		return worth{count: worthTelling, newest: said}
	}
	return worth{}
}

// retell every payment that goes on.
func (w *payments) retell() { w.eachSlot(func(s *slot) { s.more = never }) }

func (w *payments) forget(t Target) {
	who := actorsOf(t.Network)
	w.dropIf(func(n int, _ uint64) bool {
		if t.Network.IsValid() {
			return who.hold(w.payers[n].actor)
		}
		return w.payers[n].key == t.Key.Hash
	})
}
