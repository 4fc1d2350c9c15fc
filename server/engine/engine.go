// Package engine is Sentinel's core: what happened, what it means, what to do. It is pure:
// no clock, no I/O, no goroutine, no dice; time is a field of its input. The same calls in
// the same order give the same answers, on every node and in every replay.
package engine

import (
	"slices"
	"strconv"
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
	policy   Policy
	lists    *lists
	requests []*armed            // asked by Decide, in the order of judgement
	byStatus [600][]*armed       // asked by Observe
	byPath   map[string][]*armed // likewise
	always   []*armed            // likewise
	memories []*armed
	start    atomic.Pointer[time.Time]
}

// New takes all the memory that the engine counts in. The seed keys its hashes: it must be
// unguessable where strangers send traffic, and changes no answer while tables aren't full.
func New(p Policy, seed uint64) (*Engine, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	k := newKeyed(seed)
	e := &Engine{policy: p, byPath: map[string][]*armed{}}
	e.lists = newLists(p.Decisions, k, e.Forget)
	for _, r := range rules {
		if !p.Terms(r.ID).Off {
			e.index(arm(r, p, k))
		}
	}
	return e, nil
}

func (e *Engine) index(a *armed) {
	e.memories = append(e.memories, a)
	switch {
	case a.On == Requests:
		e.requests = append(e.requests, a)
	case a.Paths != nil:
		for _, path := range a.Paths(e.policy) {
			if !slices.Contains(e.byPath[path], a) {
				e.byPath[path] = append(e.byPath[path], a)
			}
		}
	case a.Statuses != nil:
		for _, status := range a.Statuses {
			e.byStatus[status] = append(e.byStatus[status], a)
		}
	default:
		e.always = append(e.always, a)
	}
}

// Decide judges a request before the API sees it, and counts it when it passes. The order:
// allowed, blocked, decoy, rate, passed; the first match wins. Whoever is allowed is not
// counted.
func (e *Engine) Decide(r Request) Verdict {
	r.Client = r.Client.Unmap()
	if r.Folded == "" {
		r.Folded, _ = Fold(r.Path)
	}
	s := e.lists.judge(r.Client, r.Key, r.At, r.Exempt)
	v := Verdict{Monitored: s.watched}
	if s.action() == Allow {
		return v
	}
	if s.action() == Block {
		return s.refuse(v, 403, r.At)
	}
	for _, a := range e.requests {
		if !a.asks(&r) || a.When != nil && !a.When(Exchange{Request: r}) {
			continue
		}
		q := e.question(a, &r)
		if a.Together != nil && r.Together > 0 {
			q.together = a.Together(Exchange{Request: r})
		}
		if s.action() == Throttle && a.More > 0 {
			q.slow = max(a.More/10, 1)
		}
		var t tally
		if a.watch == nil {
			t = a.counter.see(actorOf(r.Client), q)
		} else {
			t = a.watch.ask(Exchange{Request: r}, q)
		}
		if t.over || t.slow {
			return e.refuse(v, a, r, t, s)
		}
	}
	return v
}

// refuse answers a request that tripped a rule, or went over a throttled client's limit.
func (e *Engine) refuse(v Verdict, a *armed, r Request, t tally, s standing) Verdict {
	v.RetryAfter = time.Duration(t.wait) * time.Millisecond
	if !t.over {
		wait := v.RetryAfter
		v = s.refuse(v, 429, r.At)
		v.RetryAfter = wait
		return v
	}
	v.Status, v.Cause = a.Refuse, a.ID
	if t.tell {
		v.Finding = e.find(a, Exchange{Request: r}, t)
	}
	if d := v.decision(); d != nil && d.Action == Block {
		v.Reference, v.RetryAfter = d.ID, d.Until.Sub(r.At)
		return v
	}
	v.Reference = ExchangeReference(r.ID)
	return v
}

// Observe learns from an answer. What it finds is in force when it returns; nil means that
// there is nothing to say. What the gateway refused counts against nobody.
func (e *Engine) Observe(x Exchange) (found []Finding) {
	if x.Refused {
		return nil
	}
	x.Client = x.Client.Unmap()
	if x.Folded == "" {
		x.Folded, _ = Fold(x.Path)
	}
	var byStatus []*armed
	if x.Status > 0 && x.Status < len(e.byStatus) {
		byStatus = e.byStatus[x.Status]
	}
	byPath := e.byPath[trimSlash(x.Folded)]
	if len(byStatus)+len(byPath)+len(e.always) == 0 {
		return nil
	}
	if s := e.lists.judge(x.Client, x.Key, x.At, x.Exempt); s.action() == Allow {
		return nil
	}
	for _, asked := range [...][]*armed{byStatus, byPath, e.always} {
		for _, a := range asked {
			if !a.asks(&x.Request) || a.When != nil && !a.When(x) {
				continue
			}
			q := e.question(a, &x.Request)
			if a.Together != nil {
				q.together = a.Together(x)
			}
			var t tally
			if a.watch != nil {
				t = a.watch.ask(x, q)
			} else {
				t = a.counter.see(actorOf(x.Client), q)
			}
			if t.tell {
				if f := e.find(a, x, t); f != nil {
					found = append(found, *f)
				}
			}
		}
	}
	return found
}

// question about an exchange, without what all nodes know.
func (e *Engine) question(a *armed, r *Request) question {
	q := question{at: e.tick(r.At)}
	switch {
	case a.acts(r):
		q.hush = q.at + a.For.Milliseconds()
	case a.More == 0:
		q.hush = q.at + hushed
	default:
		q.hush = forever
	}
	return q
}

// tick is the engine's time in whole milliseconds since the first exchange it saw.
func (e *Engine) tick(at time.Time) int64 {
	start := e.start.Load()
	if start == nil {
		first := at.Add(-time.Duration(at.Nanosecond()) % time.Millisecond)
		if first.Year() < 1970 {
			first = time.Unix(0, 0)
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

// find makes a finding and puts its decision in force. nil when the same was decided in the
// meantime.
func (e *Engine) find(a *armed, x Exchange, t tally) *Finding {
	actor := ActorOf(x.Client)
	f := Finding{
		ID:   contentID(a.ID, actor.String(), string(x.Key.Hash[:]), strconv.FormatInt(x.At.UnixNano(), 10)),
		Rule: a.ID, Version: a.Version, Title: a.Title, Severity: a.Severity, At: x.At,
		Actor: actor, Client: x.Client, Key: x.Key,
		Exchange: x.ID, Method: x.Method, Path: x.Path, Status: x.Status,
		Count: max(t.count, 1), Limit: a.More, Window: a.Within,
	}
	now := e.tick(x.At)
	for _, at := range t.times[max(len(t.times)-mostTimes, 0):] {
		f.Times = append(f.Times, x.At.Add(time.Duration(at-now)*time.Millisecond))
	}
	f.Reason = a.Reason(f)
	if a.acts(&x.Request) {
		d := Decision{
			ID:     NewReference('D', f.ID, a.Do.String()),
			Action: a.Do, Target: actor, Reason: f.Reason, Origin: ByRule, Rule: a.ID, Finding: f.ID,
			From: x.At, Until: x.At.Add(a.For),
		}
		if !e.lists.place(d, x.At) {
			return nil
		}
		f.Decision = &d
	}
	return &f
}

// mostTimes are told with a finding.
const mostTimes = 128

// acts reports whether tripping the rule leads to a decision.
func (a *armed) acts(r *Request) bool { return a.Do != 0 && !r.Exempt }

// action of the decision that counts, 0 for none.
func (s standing) action() Action {
	if s.by == nil {
		return 0
	}
	return s.by.Action
}

// refuse with the decision that counts.
func (s standing) refuse(v Verdict, status int, at time.Time) Verdict {
	v.Status, v.Reference = status, s.by.ID
	switch s.by.Origin {
	case ByRule:
		v.Cause = s.by.Rule
	case ByImport:
		v.Cause = "import"
	case ByFeed:
		v.Cause = "feed"
	default:
		v.Cause = "operator"
	}
	if !s.by.Until.IsZero() {
		v.RetryAfter = s.by.Until.Sub(at)
	}
	return v
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
