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
	ID: "payment-without-balance", Title: "Payment without a balance check", Version: 1,
	On:    Answers,
	Paths: func(p Policy) []string { return append(slices.Clone(p.Payments), p.Balances...) },
	When:  func(x Exchange) bool { return !x.Key.Zero() && x.Status != 401 },
	Terms: Terms{Within: 5 * time.Minute, Severity: Medium},
	Watch: watchPayments,
	Explain: func(p Policy, t Terms) string {
		return fmt.Sprintf("A payment (POST %s) with a valid key, when neither it nor the client had asked for %s in the %s before.",
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
	table[payer]
	span     int64
	balances []string
	seen     []payerTimes

	// doubt is when each set last lost a look at the balance that still counted. A payer who is
	// not known is taken to have looked then, so that what was forgotten accuses nobody.
	doubt []int64
}

type payer struct {
	actor actor
	key   [16]byte
}

type payerTimes struct{ looked, told int64 }

const never = math.MinInt64 / 2

func watchPayments(p Policy, t Terms, k keyed) watch {
	w := &payments{table: newTable[payer](p.Clients, k), span: t.Within.Milliseconds(), balances: p.Balances}
	w.seen = make([]payerTimes, w.slots())
	w.doubt = slices.Repeat([]int64{never}, w.slots()/ways)
	return w
}

func (w *payments) ask(x Exchange, q question) (t tally) {
	balance := slices.Contains(w.balances, trimSlash(x.Folded))
	looks := balance && x.Method == "GET" && x.Status/100 == 2
	if pays := !balance && x.Method == "POST"; !looks && !pays {
		return t
	}
	who := payer{actorOf(x.Client), x.Key.Hash}
	hash := w.hash(uint64(who.actor), binary.LittleEndian.Uint64(who.key[:8]), binary.LittleEndian.Uint64(who.key[8:]))
	s, set := w.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, who)
	if i < 0 {
		var pushed worth
		i, pushed = s.claim(set, who, hash, q.at, func(slot int) worth { return w.worth(slot, q.at) })
		doubt := &w.doubt[(s.first+set)/ways]
		if pushed.count == looked {
			*doubt = q.at
		}
		w.seen[s.first+i] = payerTimes{*doubt, never}
	}
	p := &w.seen[s.first+i]
	if p.looked-q.at > putBack {
		p.looked = never
	}
	if p.told-q.at > putBack {
		p.told = never
	}
	switch {
	case looks:
		p.looked = max(p.looked, q.at)
	case q.at-p.looked >= w.span && q.at-p.told >= w.span:
		p.told = q.at
		t = tally{over: true, tell: true, count: 1, times: []int64{q.at}}
	}
	return t
}

// What a payer has to set against a newcomer: a look at the balance counts more than that a
// payment without was told.
const (
	told   = 1
	looked = 2
)

func (w *payments) worth(slot int, now int64) worth {
	p := &w.seen[slot]
	counts := func(at int64) bool { return now-at < w.span && at-now <= putBack }
	switch {
	case counts(p.looked):
		return worth{looked, p.looked}
	case counts(p.told):
		return worth{told, p.told}
	}
	return worth{}
}

func (w *payments) forget(t Target) {
	if t.Network.IsValid() {
		who := actorsOf(t.Network)
		w.dropIf(func(p payer) bool { return who.hold(p.actor) })
		return
	}
	w.dropIf(func(p payer) bool { return p.key == t.Key.Hash })
}
