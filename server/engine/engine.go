// Package engine is Sentinel's core: what happened, what it means, what to do. It is pure:
// no clock, no I/O, no goroutine, no dice; time is a field of its input. The same calls in
// the same order give the same answers, on every node and in every replay.
package engine

import (
	"cmp"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// An Engine judges requests and learns from answers. All methods may be called from several
// goroutines at once. None waits for anything but another call, and those are short: a lock
// covers a sixty-fourth of a rule's clients, and looking up a decision takes none.
//
// Times are compared as time.Time does: by the monotonic reading where both have one. So
// whoever serves live traffic leaves that reading on Request.At, and a wall clock that steps
// back is not noticed at all: it blocks nobody and frees nobody. Times without it, as from
// logs, are taken at their word; see Policy.Late.
type Engine struct {
	regime   atomic.Pointer[regime]
	revising sync.Mutex
	lists    *lists
	shadow   *lists // what rules would have decided; in force nowhere
	would    atomic.Pointer[map[string]*supposed]
	hash     keyed
	memos    memos
	start    atomic.Pointer[time.Time]
	before   atomic.Pointer[time.Time] // start of the engine whose snapshot was resumed, by the wall clock
	foreseen atomic.Bool               // what is looked up by client; see Foresee
}

// New takes all the memory that the engine counts in. The seed keys its hashes: it must be
// unguessable where strangers send traffic, and changes no answer while tables aren't full.
func New(p Policy, seed uint64) (*Engine, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	k := newKeyed(seed)
	e := &Engine{hash: k, shadow: newLists(p.Decisions, k, func(Target) {})}
	e.lists = newLists(p.Decisions, k, e.Forget)
	e.suppose(p)
	e.regime.Store(newRegime(p, k, nil))
	return e, nil
}

// Decide judges a request before the API sees it, and counts it when it passes. The order:
// allowed, blocked, denied path, decoy, rate, passed; the first match wins. Whoever is allowed
// is not counted. What is not enforced (see Policy.Observe, Terms.Shadow, Request.Doubted)
// refuses nothing: the verdict passes, and Would says what it would have been.
func (e *Engine) Decide(r Request) Verdict { return e.decide(&r, new(insight)) }

func (e *Engine) decide(r *Request, k *insight) Verdict {
	r.Client = r.Client.Unmap()
	if r.Folded == "" {
		r.Folded, _ = Fold(r.Path)
	}
	g := e.regime.Load()
	hash := e.hash.word(uint64(actorOf(r.Client)))
	clients := g.clients
	if e.foreseen.Load() {
		clients = nil
	}
	for _, t := range clients {
		t.foresee(hash)
	}
	s := e.lists.stand(r, r.Exempt || r.Doubted)
	for _, t := range clients {
		t.fetch(hash)
	}
	v := Verdict{Monitored: s.watched}
	switch {
	case s.action() == Allow:
		return v
	case s.action() == Block:
		v = s.refuse(v, 403, r.At)
	case len(g.policy.Denies) > 0 && below(g.policy.Denies, r.Folded):
		v.Status, v.Cause, v.Reference = 403, DeniedPath, ExchangeReference(r.ID)
	default:
		k.stands, k.place = s, hash
		return e.ask(g, v, r, k)
	}
	if g.policy.Observe {
		e.count(v.Cause)
		return Verdict{Would: v.Cause, Monitored: v.Monitored}
	}
	return v
}

// ask the rules about a request that lists let pass.
func (e *Engine) ask(g *regime, v Verdict, r *Request, k *insight) Verdict {
	s, shadow := k.stands, e.supposedly(g, r)
	would := ""
	if shadow.action() == Block {
		would = shadow.by.rule()
	}
	now := e.tick(r.At)
	var x *view // made when a rule wants to see it
	defer func() { giveBack(x) }()
	see := func() *view {
		if x == nil {
			x = lendRequest(r, now)
		}
		return x
	}
	skipped := len(g.policy.Skips) > 0 && below(g.policy.Skips, r.Folded)
	start, q := beginning(r.Folded), questions.Get().(*question)
	defer questions.Put(q)
	turn := g.requests.about(r.Folded, g.requests.always)
	for a := turn.next(); a != nil; a = turn.next() {
		counts := a.shadow || r.Doubted && a.More > 0 // and does nothing
		if counts && would != "" {
			break // it would not have come here
		}
		if skipped && a.Rule.Below == nil || !a.asks(r, start) || a.When != nil && !a.When(&see().Exchange) {
			continue
		}
		*q = question{at: now, hush: a.hush(r, now)}
		if a.Together != nil && r.Together > 0 {
			q.together = a.Together(&see().Exchange)
		}
		q.slow, q.supposed = a.slower(r, s, shadow, counts)
		var t tally
		switch {
		case a.watch != nil:
			t = a.watch.ask(see(), q)
		case a.plain:
			q.hash = k.place
			t = a.counter.see(actorOf(r.Client), q)
		default:
			t = a.see(see(), q, e.hash)
		}
		over := t.over || t.slow && !q.supposed
		switch {
		case over && !counts:
			return e.refuse(v, g, a, see(), q, t, s)
		case t.over || t.slow:
			if would = a.cause(t, s, shadow); t.over && t.tell {
				v.Finding = e.find(g, a, see(), t)
			}
		}
		if a.Quota && !counts {
			v.Quota = a.quota(q, t)
		}
	}
	if would != "" {
		v.Would = would
		e.count(would)
	}
	k.supposed, k.now, k.start = shadow, now, start
	k.still = v.Finding == nil
	return v
}

// supposedly is what the lists would say, had the rules decided that only count.
func (e *Engine) supposedly(g *regime, r *Request) (s standing) {
	if s = e.shadow.stand(r, r.Exempt); s.by == nil || r.Doubted {
		return s
	}
	if a := g.armed(s.by.rule()); a == nil || !a.shadow {
		return standing{}
	}
	return s
}

// slower is the lower limit that holds for a request, 0 for the rule's own, and whether it is
// only supposed to hold.
func (a *armed) slower(r *Request, s, shadow standing, counts bool) (limit int, only bool) {
	limit = a.More
	switch {
	case a.More == 0 || !a.levels.client() || s.action() != Throttle && shadow.action() != Throttle && !r.Tighten:
		return 0, false
	case s.action() == Throttle:
		limit /= 10
	case shadow.action() == Throttle && !r.Tighten:
		limit, only = limit/10, !counts
	}
	if r.Tighten {
		limit /= 2
	}
	return max(limit, 1), only
}

// cause of a refusal that is only supposed.
func (a *armed) cause(t tally, s, shadow standing) string {
	switch {
	case t.over:
		return a.ID
	case s.action() == Throttle:
		return s.cause()
	case shadow.action() == Throttle:
		return shadow.cause()
	}
	return a.ID
}

func (a *armed) quota(q *question, t tally) Quota {
	limit := a.More
	if q.slow > 0 && !q.supposed {
		limit = q.slow
	}
	return Quota{Limit: limit, Left: t.left, Window: a.Within, Reset: time.Duration(t.reset) * time.Millisecond}
}

// refuse answers a request that tripped a rule, or went over a lower limit: a throttled client's,
// or that of everybody while counts can't be shared.
func (e *Engine) refuse(v Verdict, g *regime, a *armed, x *view, q *question, t tally, s standing) Verdict {
	wait := time.Duration(t.wait) * time.Millisecond
	if a.Quota {
		t.left, t.reset = 0, t.wait
		v.Quota = a.quota(q, t)
	}
	if !t.over && s.action() == Throttle {
		v = s.refuse(v, 429, x.At)
		v.RetryAfter = wait
		return v
	}
	v.Status, v.Cause, v.RetryAfter = a.Refuse, a.ID, wait
	if t.over && t.tell {
		v.Finding = e.find(g, a, x, t)
	}
	if d := v.decision(); d != nil && d.Action == Block {
		v.Reference, v.RetryAfter = d.ID, d.Until.Sub(x.At)
		return v
	}
	v.Reference = ExchangeReference(x.ID)
	return v
}

// Observe learns from an answer. What it finds is in force when it returns; nil means that
// there is nothing to say. What the gateway refused counts against nobody, nor does what it
// would have refused, had it enforced.
func (e *Engine) Observe(seen Exchange) (found []Finding) { return e.observe(&seen, new(insight)) }

func (e *Engine) observe(seen *Exchange, k *insight) (found []Finding) {
	if seen.Refused {
		return nil
	}
	x := lend(seen)
	defer giveBack(x)
	x.Client = x.Client.Unmap()
	if x.Folded == "" {
		x.Folded, _ = Fold(x.Path)
	}
	if k.still {
		x.places.know(OfClient, k.place)
	}
	g := e.regime.Load()
	expected := g.expected
	if e.foreseen.Load() {
		expected = g.unforeseen
	}
	foresee(expected, x, e.hash)
	e.memos.recall(x, e.hash)
	fetch(expected, x, e.hash)
	turn := g.about(&x.Exchange)
	who := uint32(0)
	switch {
	case g.history == nil:
	case x.Status/100 == 2:
		who = x.identify(e.hash)
	case x.Status == 401 || x.Status == 403:
		g.history.refused(&x.Exchange)
	}
	if turn.n == 0 && len(g.learners) == 0 && who == 0 || below(g.policy.Skips, x.Folded) {
		return nil
	}
	if !k.still {
		k.stands, k.supposed = e.lists.stand(&x.Request, x.Exempt || x.Doubted), e.supposedly(g, &x.Request)
		k.now, k.start = e.tick(x.At), beginning(x.Folded)
	}
	if s := &k.stands; s.action() == Allow || g.policy.Observe && (s.action() == Block || below(g.policy.Denies, x.Folded)) {
		return nil
	}
	x.now = k.now
	if who != 0 {
		g.history.note(&x.Exchange, who, x.now)
	}
	for _, l := range g.learners {
		l.look(x)
	}
	if x.outcome != NoSignIn {
		turn.add(g.signIns)
	}
	if x.strange() {
		turn.add(g.strange)
	}
	if turn.n == 0 {
		return nil
	}
	said := uint64(0) // by rules that stand in for others
	for a := turn.next(); a != nil; a = turn.next() {
		if a.covered&said != 0 || (a.shadow || x.Doubted) && k.supposed.action() == Block || !a.asks(&x.Request, k.start) || a.When != nil && !a.When(&x.Exchange) {
			continue
		}
		t := a.answered(x, e.hash)
		if t.over && !t.weak {
			said |= a.covers
		}
		if t.tell {
			if f := e.find(g, a, x, t); f != nil {
				found = append(found, *f)
			}
		}
	}
	return found
}

// answered is what a rule says about an answer.
func (a *armed) answered(x *view, k keyed) tally {
	if a.known != nil { // nothing is counted
		return a.known(x)
	}
	q := &x.question
	*q = question{at: x.now, hush: a.hush(&x.Request, x.now)}
	if a.Together != nil {
		q.together = a.Together(&x.Exchange)
	}
	if a.watch != nil {
		return a.watch.ask(x, q)
	}
	return a.see(x, q, k)
}

// hush is until when an excess that is told now is enough.
func (a *armed) hush(r *Request, now int64) int64 {
	switch {
	case a.acts(r) && (a.shadow || r.Doubted):
		return now // the shadow of the block keeps it from being told again
	case a.acts(r):
		return now + a.lasts
	case a.More == 0:
		return now + hushed
	}
	return forever
}

// tick is the engine's time in whole milliseconds since the first exchange it saw.
func (e *Engine) tick(at time.Time) int64 {
	start := e.start.Load()
	if start == nil {
		first := at.Add(-time.Duration(at.Nanosecond()) % time.Millisecond)
		if first.Year() < 1970 {
			first = time.Unix(0, 0)
		}
		if before := e.before.Load(); before != nil { // and the clock of this process from then on
			first = at.Add(before.Sub(at.Round(0)))
		}
		e.start.CompareAndSwap(nil, &first)
		start = e.start.Load()
	}
	d := at.Sub(*start)
	ms := int64(d / time.Millisecond)
	if d < 0 && d%time.Millisecond != 0 {
		ms--
	}
	return ms
}

// find makes a finding and puts its decision in force, or into the shadow. nil when the same was
// decided in the meantime.
func (e *Engine) find(g *regime, a *armed, x *view, t tally) *Finding {
	if t.telling == nil {
		t.telling = new(telling)
	}
	actor := t.about
	if actor == (Target{}) {
		actor = a.levels.about().target(x)
	}
	if actor == (Target{}) {
		actor = ActorOf(x.Client)
	}
	crawler := g.sources.verifies(&x.Request)
	if crawler && a.On == Answers {
		return nil
	}
	f := Finding{
		ID:   contentID(a.ID, actor.String(), string(x.Key.Hash[:]), strconv.FormatInt(x.At.UnixNano(), 10)),
		Rule: a.ID, Version: a.Version, Title: a.Title, Severity: cmp.Or(t.severity, a.Severity), At: x.At, Meaning: a.Meaning,
		Actor: actor, Client: x.Client, Key: x.Key,
		Account: x.Account, Session: x.Session, Fingerprint: x.Fingerprint, UserAgent: x.UserAgent, Place: x.Place,
		Weak: t.weak, Seen: t.seen, Parts: t.parts, Unless: t.unless,
		Exchange: x.ID, Method: x.Method, Path: x.Path, Status: x.Status,
		Count: max(t.count, 1), Limit: a.More, Window: a.Within,
	}
	now := e.tick(x.At)
	for _, at := range t.times[max(len(t.times)-mostTimes, 0):] {
		f.Times = append(f.Times, x.At.Add(time.Duration(at-now)*time.Millisecond))
	}
	if f.Unless == "" && !f.Weak {
		f.Unless = f.unless()
	}
	if f.Reason = t.reason; f.Reason == "" {
		f.Reason = a.reason(f)
	}
	if t.only && a.counter != nil && t.reason == "" {
		f.Reason += " That is an estimate: nothing is decided by it."
	}
	g.suspect(a, x, &f)
	if !crawler {
		f.Tokens = g.tokens(x)
	}
	if !f.Weak {
		g.sources.suspect(actorOf(x.Client))
	}
	acts := a.acts(&x.Request) && !t.only && !crawler
	if a.shadow || x.Doubted && a.More > 0 {
		return e.imagine(g, a, x, f, acts)
	}
	if !acts {
		return &f
	}
	d := a.decide(g, x, &f, now)
	if !e.lists.place(d, x.At) {
		return nil
	}
	a.climb(g, &d, now)
	f.Decision = &d
	return &f
}

// imagine counts a finding of a rule that only counts, and what it would have led to.
func (e *Engine) imagine(g *regime, a *armed, x *view, f Finding, acts bool) *Finding {
	if acts {
		reason := f.Reason
		d := a.decide(g, x, &f, e.tick(x.At))
		if !e.shadow.place(d, x.At) {
			return nil
		}
		a.climb(g, &d, e.tick(x.At))
		f.Reason = reason + nothingDone
		switch {
		case x.Doubted:
			f.Reason += "nearly all traffic seems to come from there."
		case g.policy.Observe:
			f.Reason += "the gateway only observes."
		default:
			f.Reason += "the rule is in shadow mode."
		}
	}
	(*e.would.Load())[a.ID].findings.Add(1)
	return &f
}

// decide what a rule does about a finding. A network that many use who did no harm is throttled
// instead of blocked, and the finding says so.
func (a *armed) decide(g *regime, x *view, f *Finding, now int64) Decision {
	do, target := a.Do, f.Actor
	if do == Block && !target.Key.Zero() && g.sources.share(target.Key, g.policy.Collateral, now) {
		target = ActorOf(x.Client)
		f.Reason += fmt.Sprintf(" At least %s with a good history used this key in 24 hours, so the client is blocked instead.",
			plural(g.policy.Collateral, "other client"))
	}
	if do == Block && target.Network.IsValid() && g.history.spares(target.Network, now) {
		do = Throttle
		f.Reason += fmt.Sprintf(" At least %s with a good history used this network in 24 hours, so it is throttled instead of blocked.",
			plural(g.policy.Collateral, "account or key"))
	}
	long := a.stay(g, target, f, now)
	return Decision{
		ID:     NewReference('D', f.ID, do.String()),
		Action: do, Target: target, Reason: f.Reason, Origin: ByRule, Rule: a.ID, Finding: f.ID,
		From: x.At, Until: x.At.Add(long),
	}
}

// mostTimes are told with a finding.
const mostTimes = 128

// acts reports whether tripping the rule leads to a decision. Where one request is enough, it is
// refused of whoever is doubted too, and he is not blocked for it: it may be another's.
func (a *armed) acts(r *Request) bool { return a.Do != 0 && !r.Exempt && (!r.Doubted || a.More > 0) }

// action of the decision that counts, 0 for none.
func (s standing) action() Action { return s.does }

// refuse with the decision that counts.
func (s standing) refuse(v Verdict, status int, at time.Time) Verdict {
	v.Status, v.Cause, v.Reference = status, s.cause(), s.by.reference()
	v.RetryAfter = s.by.left(at)
	return v
}

// cause is why the decision that counts refuses.
func (s standing) cause() string {
	switch s.by.origin() {
	case ByRule:
		return s.by.rule()
	case ByImport:
		return causeImport
	case ByFeed:
		return causeFeed
	default:
		return causeOperator
	}
}

func (v Verdict) decision() *Decision {
	if v.Finding == nil {
		return nil
	}
	return v.Finding.Decision
}

func trimSlash(path string) string {
	if len(path) > 1 && path[len(path)-1] == '/' {
		return path[:len(path)-1]
	}
	return path
}
