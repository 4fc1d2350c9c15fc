package engine

import (
	"fmt"
	"math"
	"slices"
)

// A Rule is what is looked for and what is done about it. The engine owns the memory that a
// rule counts in. The terms in a rule hold unless the policy says otherwise.
type Rule struct {
	ID, Title string
	Pack      string // that it belongs to: "core" or "fintech" for those of the engine
	Version   int

	// On is when the rule is asked, the next six about what; nil stands for all. Where they say so,
	// an index spares a rule the exchanges that it has no say in: statuses, else paths and routes
	// without an open first segment.
	On       Moment
	Statuses []int
	Paths    func(Policy) []string                                // exactly these folded paths, with or without a slash at the end
	Below    func(Policy) []string                                // these folded paths and all below them
	Methods  []string                                             // in capitals
	Routes   []string                                             // patterns of folded paths: "/wp-login.php", "/accounts/{id}", "/admin/**", "/*.php"
	When     func(*Exchange) bool                                 // asked last, as it may cost more
	Where    string                                               // how When is written, in rules that are data: written otherwise, it counts otherwise
	Unknown  func() uint64                                        // how often When could not tell, and was false; nil where it always can
	Carries  func(Policy) func(key [16]byte, account string) bool // requests with these; no pointer, which would have every request allocated
	SignIns  bool                                                 // sign-ins only, instead of a status or path
	Strange  bool                                                 // what is strange about the site or its request only, likewise

	By       []Dimension // who is counted, one or a pair; nil for the client
	Distinct Dimension   // different values of it are counted; zero: exchanges are

	Meaning // of an attack in which it finds something; none where it says nothing of how far that has come

	Terms                          // how many within how long trip the rule, and what follows
	Refuse     int                 // the status that refuses the request that tripped it; On Requests only
	Most       int                 // the greatest More that it can count; 0 for as many as any
	Afterwards bool                // On Requests, and asked with the answer too: bodies are looked into late
	Together   func(*Exchange) int // what all nodes counted; nil when they don't
	Quota      bool                // clients are told what is left of its limit

	// Watch stands in where counting by client can't say what the rule looks for. It takes all
	// its memory when it is made.
	Watch func(Policy, Terms, keyed) watch

	// CoveredBy are IDs of rules that stand in for this one: where one of them has found something in
	// an exchange, this is not asked. Rules about answers only. One that is in shadow mode stands in for
	// no rule that enforces.
	CoveredBy []string

	// Explain says the condition in plain words, with figures, Reason in one sentence what happened,
	// likewise, where Watch does not. Rules that are data have Explains instead: what they look for, without the figures.
	Explain  func(Policy, Terms) string
	Reason   func(Finding) string
	Explains string
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
	honeyToken,
	rateAbuse,
	failedAuthentication,
	failedSignIn,
	credentialStuffing,
	accountGuessing,
	stuffedAccount,
	successAfterSpray,
	stuffingCampaign,
	failedAttempt,
	paymentWithoutBalance,
	stepSkipped,
	anomalous,
	impossibleTravel,
	newCountry,
	sessionMoved,
	objectEnumeration,
	oddSequence,
	newProgram,
	injection,
	leakProbe,
	foreignSoftware,
	probing,
	unknownSoftware,
	proxyAbuse,
	formSpam,
	strayRequest,
	barePost,
	botLike,
}

// Rules lists what the engine looks for by itself, in the order of judgement. See Policy.All.
func Rules() []Rule { return slices.Clone(rules) }

// A watch is a rule that is code, with its memory.
type watch interface {
	memory
	ask(*view, *question) tally
}

// A follower is a watch that goes by lists of the policy. It is the same memory under another: what it
// remembers holds whatever is on them.
type follower interface{ under(Policy) watch }

// A memory is what a rule has counted.
type memory interface {
	forget(Target)
	fill() Fill
}

// A counter is the memory of a rule that counts exchanges, or values, under a word for whom.
type counter interface {
	memory
	see(actor, *question) tally
}

// armed is a rule under a policy, with its memory.
type armed struct {
	Rule
	Terms
	levels  levels
	counts  string // by what: where it is the same, what was counted goes on
	routes  []pattern
	gate    gate // before the routes
	below   []string
	carries func(key [16]byte, account string) bool
	single  bool    // it counts different paths of a route: where the path is the route, there is one
	plain   bool    // it counts exchanges by client
	order   int     // among all that are asked at the same moment
	shadow  bool    // only counts what it would have done
	covers  uint64  // its bit among those that stand in for others
	covered uint64  // bits of those that stand in for it
	lasts   int64   // milliseconds, of what is done
	counter counter // or
	watch   watch
	known   known // the watch, where it counts nothing; else nil
}

// arm gives a rule its memory: that of before, where it counts the same.
func arm(r Rule, p Policy, k keyed, shared *admission, before *regime) *armed {
	a := prepare(r, p)
	a.remember(p, k, shared, before)
	a.known, _ = a.watch.(known)
	return a
}

// prepare a rule, as yet without a memory.
func prepare(r Rule, p Policy) *armed {
	a := &armed{Rule: r, Terms: p.Terms(r.ID), levels: levelsOf(r.By)}
	a.lasts = a.Terms.For.Milliseconds()
	a.shadow, a.plain = a.Shadow || p.Observe, a.levels.client() && r.Distinct == ByNothing
	a.single = a.Distinct == OfPath && a.More > 0 && slices.Contains(r.By, OfRoute)
	a.counts = a.countsBy(&p)
	if r.Below != nil {
		a.below = r.Below(p)
	}
	if r.Carries != nil {
		a.carries = r.Carries(p)
	}
	for _, route := range r.Routes {
		pattern, _ := compile(route) // Validate has looked
		a.routes = append(a.routes, pattern)
		a.gate.open(&pattern)
	}
	return a
}

// remember what was counted before, where it is counted the same way, else nothing as yet.
func (a *armed) remember(p Policy, k keyed, shared *admission, before *regime) {
	if was := before.armed(a.ID); was != nil && was.counts == a.counts {
		a.counter, a.watch = was.counter, was.watch
		if w, ok := a.watch.(follower); ok {
			a.watch = w.under(p)
		}
		if a.does() != was.does() {
			a.retell()
		}
		return
	}
	if a.Watch == nil {
		a.counter = a.count(p, k, shared)
		return
	}
	a.watch = a.Watch(p, a.Terms, k)
	if w, ok := a.watch.(interface{ share(*admission) }); ok {
		w.share(shared)
	}
}

// count makes the memory that a rule counts in: every time of up to MostCounted, and twelfths of
// the span for more. Rules of packs may be many, and so have fewer slots each.
func (a *armed) count(p Policy, k keyed, shared *admission) counter {
	span, late, keep, slots := a.Within.Milliseconds(), p.Late.Milliseconds(), a.On == Answers, p.Clients
	switch {
	case a.Pack == core:
	case a.More > MostCounted || a.levels.many() && a.More > fewTimes:
		slots = p.Clients / busyShare
	default:
		slots = p.Clients / packShare
	}
	switch {
	case a.More == 0: // only who was told of, within a minute
		w := newWindow[uint32](0, hushed, late, keep, min(slots, p.Clients/8), k)
		w.by(a.levels)
		return w
	case a.Distinct != ByNothing:
		w := newDistinct(a.More, span, late, keep, slots, k, a.levels)
		w.admission = shared
		return w
	case a.More > MostCounted:
		if a.More < math.MaxUint16 {
			w := newTwelfths[uint16](a.More, span, late, keep, slots, k, a.levels)
			w.metered = a.Quota
			w.admission = shared
			return w
		}
		w := newTwelfths[uint32](a.More, span, late, keep, slots, k, a.levels)
		w.metered = a.Quota
		w.admission = shared
		return w
	case span <= shortSpan:
		w := newWindow[uint16](a.More, span, late, keep, slots, k)
		w.by(a.levels)
		if a.Quota {
			w.meter()
		}
		return w
	default:
		w := newWindow[uint32](a.More, span, late, keep, slots, k)
		w.by(a.levels)
		w.admission = shared
		if a.Quota {
			w.meter()
		}
		if a.Pack == core && a.levels.client() {
			if w.porch = newPorch(w.table, p.Clients*waitingPerClient, span); a.On == Answers {
				w.gather(k)
			}
		}
		return w
	}
}

// Gradual reports whether a rule that blocks is to show what it would do before it may: any but
// those of the mission.
func (r *Rule) Gradual() bool { return r.Pack != core && r.Do == Block }

// The packs of the engine's own rules: those of the mission, and those that financial APIs need beside.
const (
	core    = "core"
	fintech = "fintech"
)

// countsBy says by what a rule counts under a policy, whatever follows from it and whatever it is called.
func (a *armed) countsBy(p *Policy) string {
	return fmt.Sprintf("%d %v %v %v %d %d %q %v %q %q %q %d %v", a.More, a.Within, a.levels, a.Distinct, a.On, a.Version, a.Pack,
		a.Statuses, a.Methods, a.Routes, a.Where, p.Clients, p.Late)
}

// does is a number for what follows from a rule, and whether it does.
func (a *armed) does() uint64 { return uint64(a.Do)<<1 | uint64(bit(a.shadow)) }

// retell of who is over the limit, as if it were news: what is done about it now was done to nobody.
func (a *armed) retell() {
	if m, ok := a.memory().(interface{ retell() }); ok {
		m.retell()
	}
}

const (
	shortSpan        = 60_000  // milliseconds that a window of 16 bits may span
	hushed           = 60_000  // milliseconds between findings where one is enough and nobody is blocked
	cellsPerClient   = 32      // of the admission that rules share, in each row
	waitingPerClient = 8       // come once, and are remembered before a full table
	admitted         = 600_000 // milliseconds; who came twice within half of that is no newcomer
	packShare        = 16      // rules of packs remember that much less,
	busyShare        = 8       // or that, of those that count a lot: many meet everybody, or take little for each
)

// asks reports whether a rule has a say about a request, as far as the index has not told. What
// answers are asked for besides, see answers.
func (a *armed) asks(r *Request, start beginnings) bool {
	return (a.Rule.Below == nil || below(a.below, r.Folded)) && (a.carries == nil || a.carries(r.Key.Hash, r.Account)) &&
		(a.Methods == nil || slices.Contains(a.Methods, r.Method)) &&
		(a.routes == nil || a.gate.lets(start) && a.routed(r.Folded))
}

func (a *armed) routed(path string) bool {
	for i := range a.routes {
		if a.routes[i].matches(path) {
			return true
		}
	}
	return false
}

// see counts an exchange, or the value in it, under whom the rule counts by; nothing when he has
// no name in it.
func (a *armed) see(x *view, q *question, k keyed) (t tally) {
	word, ok := a.levels.of[0].value(x, k)
	if !ok {
		return t
	}
	if a.levels.n == 1 {
		q.hash = x.places.place(a.levels.of[0], word, k)
	} else {
		n, ok := a.levels.name(x, k)
		if !ok {
			return t
		}
		word, q.parts = n.word, n.parts
	}
	if a.Distinct != ByNothing {
		if a.single && x.template() == x.Folded {
			return t
		}
		if q.value, ok = a.Distinct.value(x, k); !ok {
			return t
		}
		q.of, q.view = a.Distinct, x
	}
	return a.counter.see(actor(word), q)
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
