package engine

import "slices"

// A Rule is what is looked for and what is done about it. The engine owns the memory that a
// rule counts in. The terms in a rule hold unless the policy says otherwise.
type Rule struct {
	ID, Title string
	Version   int

	// On is when the rule is asked, the next four about what; nil stands for all. The first two
	// are an index over answers, so that a rule costs nothing where it has no say. A rule has
	// one of them at most.
	On       Moment
	Statuses []int
	Paths    func(Policy) []string // exactly these folded paths, with or without a slash at the end
	Below    func(Policy) []string // these folded paths and all below them
	When     func(*Exchange) bool
	SignIns  bool // sign-ins only, instead of a status or path

	Terms                        // how many within how long trip the rule, and what follows
	Refuse   int                 // the status that refuses the request that tripped it; On Requests only
	Together func(*Exchange) int // what all nodes counted; nil when they don't
	Quota    bool                // clients are told what is left of its limit

	// Watch stands in where counting by client can't say what the rule looks for. It takes all
	// its memory when it is made.
	Watch func(Policy, Terms, keyed) watch

	Explain func(Policy, Terms) string // the condition in plain words, with figures
	Reason  func(Finding) string       // what happened, in one sentence, with figures; nil where Watch says it
}

// Moment is when a rule is asked.
type Moment uint8

// Requests are judged before the API sees them, Answers afterwards.
const (
	Requests Moment = iota + 1
	Answers
)

// rules in the order of judgement. A new one is a file and a line here.
var rules = []Rule{
	honeypot,
	rateAbuse,
	failedAuthentication,
	failedSignIn,
	paymentWithoutBalance,
}

// Rules lists what the engine looks for, in the order of judgement.
func Rules() []Rule { return slices.Clone(rules) }

func ruleNamed(id string) (Rule, bool) {
	for _, r := range rules {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}

// A watch is a rule that is code, with its memory.
type watch interface {
	memory
	ask(*view, question) tally
}

// A memory is what a rule has counted.
type memory interface {
	forget(Target)
	fill() Fill
}

// A counter is the memory of a rule that counts by client.
type counter interface {
	memory
	see(actor, question) tally
	retell() // of who is over the limit, as if it were news
}

// armed is a rule under a policy, with its memory.
type armed struct {
	Rule
	Terms
	below   []string
	shadow  bool    // only counts what it would have done
	counter counter // or
	watch   watch
}

// arm gives a rule its memory: that of before, where it counts the same.
func arm(r Rule, p Policy, k keyed, before *regime) *armed {
	a := &armed{Rule: r, Terms: p.Terms(r.ID)}
	a.shadow = a.Shadow || p.Observe
	if r.Below != nil {
		a.below = r.Below(p)
	}
	if was := before.armed(r.ID); was != nil && was.counts(a, before.policy, p) {
		a.counter, a.watch = was.counter, was.watch
		if a.counter != nil && (a.Do != was.Do || a.shadow != was.shadow) {
			a.counter.retell()
		}
		return a
	}
	span, late := a.Within.Milliseconds(), p.Late.Milliseconds()
	switch keep := r.On == Answers; {
	case r.Watch != nil:
		a.watch = r.Watch(p, a.Terms, k)
	case a.More == 0: // only who was told of, within a minute
		a.counter = newWindow[uint32](0, hushed, late, keep, p.Clients/8, k)
	case span <= shortSpan:
		w := newWindow[uint16](a.More, span, late, keep, p.Clients, k)
		if r.Quota {
			w.meter()
		}
		a.counter = w
	default:
		w := newWindow[uint32](a.More, span, late, keep, p.Clients, k)
		w.admit(p.Clients * cellsPerClient)
		if r.Quota {
			w.meter()
		}
		a.counter = w
	}
	return a
}

// counts reports whether a rule counts under one policy as it does under another, whatever
// follows from it.
func (a *armed) counts(o *armed, p, q Policy) bool {
	return a.More == o.More && a.Within == o.Within && p.Clients == q.Clients && p.Late == q.Late &&
		(a.watch == nil || slices.Equal(p.Payments, q.Payments) && slices.Equal(p.Balances, q.Balances))
}

const (
	shortSpan      = 60_000 // milliseconds that a window of 16 bits may span
	hushed         = 60_000 // milliseconds between findings where one is enough and nobody is blocked
	cellsPerClient = 32     // of the sketch, in each row
)

// asks reports whether a request lies below what a rule watches. Paths and statuses are the
// index's.
func (a *armed) asks(r *Request) bool {
	return a.Rule.Below == nil || below(a.below, r.Folded)
}

// below reports whether a folded path is one of these, or lies below.
func below(tops []string, path string) bool {
	for _, top := range tops {
		if len(path) >= len(top) && path[:len(top)] == top && (len(path) == len(top) || path[len(top)] == '/') {
			return true
		}
	}
	return false
}

func (a *armed) memory() memory {
	if a.watch != nil {
		return a.watch
	}
	return a.counter
}
