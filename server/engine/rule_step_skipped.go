package engine

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Before people send money they get a quote, confirm a payee, look at their balance: the program that
// they use does it for them. A program that a thief wrote goes straight to the payment. What comes
// before a payment is learned (RULES BL-01), as it differs from API to API; who never did it himself is
// not told of, whatever others do.
//
// Of a key that pays without a look at the balance payment-without-balance tells already, and stands in.
var stepSkipped = Rule{
	ID: "step-skipped", Title: "Payment without what comes before it", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Impact, Money: true},
	On:      Answers, Methods: []string{"POST"},
	When:  func(x *Exchange) bool { return identified(&x.Request) && attempted(x.Status) },
	Terms: Terms{Within: 15 * time.Minute, Severity: Info},
	Watch: watchSkips,
	Explain: func(p Policy, t Terms) string {
		return fmt.Sprintf("A payment (POST %s, or a path that is called so) by an account, key or session without the request that at least %d %% "+
			"of %d or more such payments had in the %s before, and nearly all of its own. It is learned; severity is %s where its program is new too.",
			strings.Join(p.Payments, ", "), customShare, customFrom, words(t.Within), Medium)
	},
}

// moneyWords end the paths that payments are posted to, as they are usually called.
var moneyWords = []string{
	"payment", "payments", "pay", "transfer", "transfers", "payout", "payouts", "withdraw", "withdrawal", "withdrawals",
	"transaction", "transactions", "charge", "charges", "checkout", "remittance", "remittances",
}

const (
	customShare = 95   // percent of the sessions with a payment that have what comes before, of at least
	customFrom  = 1000 // sessions
	customMost  = 4096 // sessions, after which all counts are halved
	ownShare    = 90   // percent of somebody's own, of at least
	ownFrom     = 5
	ownMost     = 200
	changedFrom = 8 // of the last 32 sessions without: the API is used otherwise than it was
	usualSteps  = 16
	ownSteps    = 8
	customsKept = 512
)

// attempted reports an answer to who was believed, whether he paid or not.
func attempted(status int) bool {
	switch status {
	case 401, 403, 404, 405, 410, 429:
		return false
	}
	return status >= 200 && status < 500
}

// skips remember when each account, key or session last began to pay, and what it used to do before; and
// what is usual before each payment, by what those show who pay.
//
// Payments that are no further apart than the span belong together: who tries again, or pays five
// bills, got his quote before the first.
type skips struct {
	*table // by holder and route; a slot holds when he last tried, and in how many sessions he paid as far as that matters
	span   int64
	paths  []string
	payers []spender
	steps  *steps
	customs
}

// A spender is who pays.
type spender struct {
	holder uint64
	tried  int64 // milliseconds
	paid   uint8 // sessions
	kept   [ownSteps]habit
}

// A habit is a route that somebody was on before he paid, in so many sessions.
type habit struct {
	route uint32
	times uint8
}

// customs are what is usual before payments.
type customs struct {
	table *table // by kind of who pays, and route
	of    []custom
}

// A custom is what comes before one kind of payment.
type custom struct {
	sessions uint32
	last     uint64 // who taught it last
	at       int64
	before   [usualSteps]usualStep
}

// A usualStep is a route that many were on before they paid. Who comes new takes over the count of who
// had to give way, and how much of it may not be his own (Space-Saving of Metwally and others, 2005).
type usualStep struct {
	route  uint32
	times  uint32
	error  uint32
	missed uint32 // the last 32 sessions, a bit each: 1 where it was left out
}

func watchSkips(p Policy, t Terms, k keyed) watch {
	w := &skips{table: newTable(p.Clients/8, k), span: t.Within.Milliseconds(), paths: p.Payments}
	w.payers = make([]spender, w.size())
	w.customs.table = newTable(customsKept, k)
	w.customs.of = make([]custom, w.customs.table.size())
	return w
}

func (w *skips) under(p Policy) watch {
	now := *w
	now.paths = p.Payments
	return &now
}

// follow those who walk the API, before anything is asked.
func (w *skips) follow(s *steps) {
	if w.steps == nil {
		w.steps = s
	}
}

// pays reports whether a payment is posted to a folded path.
func (w *skips) pays(path string) bool {
	path = trimSlash(path)
	if slices.Contains(w.paths, path) {
		return true
	}
	for path != "" {
		i := strings.LastIndexByte(path, '/')
		if word := path[i+1:]; !identifier(word) {
			return slices.Contains(moneyWords, word[strings.LastIndexAny(word, "-_.:")+1:])
		}
		path = path[:max(i, 0)]
	}
	return false
}

func (w *skips) ask(v *view, q *question) (t tally) {
	if v.site.template == 0 || !w.pays(v.Folded) {
		return t
	}
	route := w.hash(v.site.template, methodHash(v.Method))
	had := w.steps.passed(v, route, w.span)
	who := w.holderWord(&v.Request)
	p, begins := w.begin(who, route, q.at)
	if !begins {
		return t
	}
	usual, share, sessions := w.customs.left(w.hash(credentials(&v.Request), route), who, &had, v.Status < 400, q.at)
	if usual == 0 || !had.whole || v.unchecked || !p.used(usual) {
		w.take(who, route, &had)
		return t
	}
	w.take(who, route, &had)
	return w.tell(v, usual, share, sessions, p)
}

// credentials are what kind of client it is: which it shows.
func credentials(r *Request) (kind uint64) {
	for i, has := range [...]bool{!r.Key.Zero(), !r.Session.Zero(), r.Account != ""} {
		if has {
			kind |= 1 << i
		}
	}
	return kind
}

// begin a payment: who pays as he was before, and whether it is not part of the last.
func (w *skips) begin(who, route uint64, now int64) (p spender, begins bool) {
	w.touch(who, route, now, func(is *spender) {
		begins = now-is.tried >= w.span || is.tried-now > putBack
		p = *is
		is.tried = max(now, is.tried)
		if begins {
			is.tried = now
		}
	})
	return p, begins
}

func (w *skips) touch(who, route uint64, now int64, f func(*spender)) {
	key := w.hash(who, route)
	s, set := w.at(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, key, key)
	if i < 0 {
		if i, _ = s.claim(set, key, key, now, func(i int) worth {
			return worth{int(s.slots[i].more), s.slots[i].mark}
		}); i < 0 {
			return
		}
		w.payers[s.first+i] = spender{holder: who, tried: never}
	}
	p := &w.payers[s.first+i]
	f(p)
	s.slots[i].mark, s.slots[i].more = p.tried, int64(min(p.paid, ownFrom))
}

// take in what somebody did before he paid.
func (w *skips) take(who, route uint64, had *passed) {
	key := w.hash(who, route)
	s, set := w.at(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(set, key, key); i >= 0 {
		p := &w.payers[s.first+i]
		p.take(had)
		s.slots[i].more = int64(min(p.paid, ownFrom))
	}
}

func (p *spender) take(had *passed) {
	if p.paid++; p.paid > ownMost {
		p.paid /= 2
		for i := range p.kept {
			p.kept[i].times /= 2
		}
	}
	for _, route := range had.routes[:had.n] {
		least := &p.kept[0]
		for i := range p.kept {
			h := &p.kept[i]
			if h.route == route {
				least = h
				break
			}
			if h.times < least.times {
				least = h
			}
		}
		if least.route != route {
			*least = habit{route: route}
		}
		least.times++
	}
}

// used reports whether somebody used to pass a route before he paid.
func (p *spender) used(route uint32) bool {
	return p.paid >= ownFrom && 100*int(p.times(route)) >= ownShare*int(p.paid)
}

func (p *spender) times(route uint32) uint8 {
	for _, h := range p.kept {
		if h.route == route {
			return h.times
		}
	}
	return 0
}

// left is the most usual of the routes that come before a payment and did not, with the percentage of
// sessions that have it; 0 for none. It learns from the session where it was paid.
func (c *customs) left(key, who uint64, had *passed, paid bool, now int64) (route uint32, share int, sessions uint32) {
	s, set := c.table.at(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, key, key)
	if i < 0 {
		if i, _ = s.claim(set, key, key, now, func(i int) worth {
			m := &c.of[s.first+i]
			return worth{int(m.sessions), m.at}
		}); i < 0 {
			return 0, 0, 0
		}
		c.of[s.first+i] = custom{}
	}
	m := &c.of[s.first+i]
	m.at = now
	route, share = m.left(had)
	sessions = m.sessions
	if paid && m.last != who { // nobody teaches it alone
		m.last = who
		m.take(had)
	}
	return route, share, sessions
}

func (m *custom) left(had *passed) (route uint32, share int) {
	if m.sessions < customFrom {
		return 0, 0
	}
	for i := range m.before {
		b := &m.before[i]
		is := int(uint64(b.times-b.error) * 100 / uint64(m.sessions))
		if b.route != 0 && is >= customShare && is > share && !had.holds(b.route) && bits.OnesCount32(b.missed) < changedFrom {
			route, share = b.route, is
		}
	}
	return route, share
}

// take a session in.
func (m *custom) take(had *passed) {
	if m.sessions++; m.sessions > customMost {
		m.sessions /= 2
		for i := range m.before {
			m.before[i].times, m.before[i].error = m.before[i].times/2, (m.before[i].error+1)/2
		}
	}
	for i := range m.before {
		b := &m.before[i]
		b.missed <<= 1
		if !had.holds(b.route) {
			b.missed |= 1
		}
	}
	for _, route := range had.routes[:had.n] {
		m.pass(route)
	}
}

func (m *custom) pass(route uint32) {
	least := &m.before[0]
	for i := range m.before {
		b := &m.before[i]
		if b.route == route {
			b.times++
			return
		}
		if b.times < least.times {
			least = b
		}
	}
	*least = usualStep{route: route, times: least.times + 1, error: least.times}
}

// tell of a payment without what comes before.
func (w *skips) tell(v *view, usual uint32, share int, sessions uint32, p spender) tally {
	step, who := v.visitors.site.inventory.named(usual), v.holderOrClient()
	t := tally{
		over: true, tell: true, count: 1, telling: &telling{
			times: []int64{v.now}, about: who, seen: []string{step},
			reason: fmt.Sprintf("%s sent %s and not %s in the %s before. %d %% of %d such sessions have one, and %d of its own %d.",
				who, quoted(templateText(v.Method+" "+routeOf(&v.Request))), step, words(time.Duration(w.span)*time.Millisecond), share, sessions, p.times(usual), p.paid),
			unless: fmt.Sprintf("With %s in the %s before it would not have fired.", step, words(time.Duration(w.span)*time.Millisecond)),
		},
	}
	if v.use.strange {
		t.severity = Medium
		t.reason += " Its program was never used there."
	}
	return t
}

// forget drops what is known of an account, a key or a client. What is usual stays.
func (w *skips) forget(t Target) {
	who, where := w.traveller(&Request{Account: t.Account, Key: t.Key}), actorsOf(t.Network)
	w.dropIf(func(n int, _ uint64) bool {
		if t.Network.IsValid() {
			return where.hold(actor(w.payers[n].holder))
		}
		return w.payers[n].holder == who
	})
}
