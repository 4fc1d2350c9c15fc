package engine

import (
	"iter"
	"net/netip"
	"slices"
	"time"
)

// Apply puts a decision in force at once. One with a known ID is replaced: renewed, or lifted
// when it says so. To lift, and to allow, also forgets what was counted against the target.
func (e *Engine) Apply(d Decision) {
	e.lists.apply(d)
	if d.Action == Allow || !d.Lifted.IsZero() {
		e.Forget(d.Target)
	}
}

// Restore puts many decisions in force at once, far faster than one by one, and forgets
// nothing of what was counted. Those that are lifted are passed over.
func (e *Engine) Restore(ds []Decision) { e.lists.restore(slices.Values(ds)) }

// RestoreEach is Restore for more than one wants to have in memory at once, as a million that are
// read from a database. No decision changes until all are told.
func (e *Engine) RestoreEach(ds iter.Seq[Decision]) { e.lists.restore(ds) }

// Lift ends a decision and forgets what was counted against its target, so that the next
// request does not bring it back. It answers the decision as it is now, or false when none
// with that ID is in force.
func (e *Engine) Lift(id string, at time.Time, by string) (Decision, bool) {
	d, ok := e.lists.lift(id, at, by)
	if ok {
		e.Forget(d.Target)
	}
	return d, ok
}

// Forget drops what all rules counted against a target. For an IPv6 address that is what
// was counted against its /64.
func (e *Engine) Forget(t Target) {
	g := e.regime.Load()
	for _, a := range g.rules {
		a.memory().forget(t)
	}
	for _, l := range g.learners {
		l.forget(t)
	}
	g.ladders.forget(t)
	for _, idle := range g.idle { // they may learn again
		idle.forget(t)
	}
}

// Decisions lists those in force, oldest first.
func (e *Engine) Decisions(at time.Time) []Decision { return e.lists.all(at) }

// EachDecision calls f for those in force, in no order, until it answers false. It makes no copy of
// all of them, as Decisions does.
func (e *Engine) EachDecision(at time.Time, f func(Decision) bool) {
	for _, h := range e.lists.inForce(at) {
		if !f(h.decision()) {
			return
		}
	}
}

// Decision is the one with that ID, or false when none with it is in force.
func (e *Engine) Decision(id string, at time.Time) (Decision, bool) { return e.lists.one(id, at) }

// Covering lists the decisions in force that hold for this address or key, what counts most
// first.
func (e *Engine) Covering(a netip.Addr, k Key, at time.Time) []Decision {
	return e.lists.covering(a.Unmap(), k, at)
}

// Within lists the decisions in force whose target lies within this one: what an allow entry
// for it makes pointless.
func (e *Engine) Within(t Target, at time.Time) []Decision { return e.lists.within(t, at) }

// Expire takes off the decisions that have ended and answers them, so that it can be
// announced; among them those of rules that had to give way to newer ones (LiftedBy NoRoom).
// Call it often: what has ended counts nothing even before, but takes up room.
func (e *Engine) Expire(at time.Time) []Decision { return e.lists.expire(at) }

// Watched reports whether a decision asks to watch this client or key.
func (e *Engine) Watched(a netip.Addr, k Key, at time.Time) bool {
	return e.lists.judge(a.Unmap(), k, at, false).watched
}

// Memory says how full each rule's memory is.
func (e *Engine) Memory() []Fill {
	armed := e.regime.Load().rules
	fills := make([]Fill, 0, len(armed))
	for _, a := range armed {
		f := a.memory().fill()
		f.Rule = a.ID
		fills = append(fills, f)
	}
	return fills
}

// Listed is how many decisions are held, and how many of them rules made.
func (e *Engine) Listed() (all, byRules int) { return e.lists.size() }
