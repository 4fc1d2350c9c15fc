// Package engine is Sentinel's core: what happened, what it means, what to do. It is pure:
// no clock, no I/O, no goroutine, no dice; time is a field of its input. The same calls in
// the same order give the same answers, on every node and in every replay.
package engine

import (
	"net/netip"
	"time"
)

// An Engine judges requests and learns from answers. All methods may be called from several
// goroutines at once; none of them waits for anything but another call.
type Engine struct{ policy Policy }

// New takes all the memory the engine will use for counting. The seed keys its hashes: it
// must be unguessable where strangers send traffic, and changes no answer.
func New(p Policy, seed uint64) (*Engine, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return &Engine{policy: p}, nil
}

// Decide judges a request before the API sees it, and counts it.
func (e *Engine) Decide(r Request) Verdict { return Verdict{} }

// Observe learns from an answer. What it finds is in force when it returns.
func (e *Engine) Observe(x Exchange) []Finding { return nil }

// Apply puts a decision in force at once. One with a known ID replaces it: renewed, or lifted.
func (e *Engine) Apply(d Decision) {}

// Restore applies many decisions at once, far faster than one by one.
func (e *Engine) Restore(ds []Decision) {}

// Lift ends a decision and forgets what was counted against its target. It answers the
// decision as it is now, or false when none with that ID is in force.
func (e *Engine) Lift(id string, at time.Time, by string) (Decision, bool) { return Decision{}, false }

// Forget drops what was counted against a target.
func (e *Engine) Forget(t Target) {}

// Decisions lists those in force, oldest first.
func (e *Engine) Decisions(at time.Time) []Decision { return nil }

// Covering lists the decisions in force that name this address or key, the one that counts first.
func (e *Engine) Covering(a netip.Addr, k Key, at time.Time) []Decision { return nil }

// Within lists the decisions in force whose target lies within this one: what an allow entry lifts.
func (e *Engine) Within(t Target, at time.Time) []Decision { return nil }

// Expire removes the decisions that have ended and returns them.
func (e *Engine) Expire(at time.Time) []Decision { return nil }

// Watched reports whether an operator asked to watch this client.
func (e *Engine) Watched(a netip.Addr, k Key, at time.Time) bool { return false }

// ActorOf is whom rules count for an address: an IPv4 address or an IPv6 /64.
func ActorOf(a netip.Addr) Target {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return Target{Network: p}
}
