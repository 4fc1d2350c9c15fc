package engine

import "slices"

// A regime is a policy in force: its rules armed, and indexed by what they are asked about. It
// does not change once it can be read; the memories of its rules do.
type regime struct {
	policy   Policy
	rules    []*armed
	requests []*armed            // asked by Decide: those that refuse, then those that only count, each in the order of judgement
	byStatus [600][]*armed       // asked by Observe
	byPath   map[string][]*armed // likewise
	always   []*armed            // likewise
	signIns  []*armed            // likewise, about sign-ins
	learners []learner           // of every answer, before rules are asked; one may use what those before it filled in
	history  *history            // nil when nobody is spared for others
	outcomes *outcomes           // of sign-ins; one of the learners, nil when there are none
}

// newRegime takes over from the one before what is counted the same way. The policy is valid.
func newRegime(p Policy, k keyed, before *regime) *regime {
	g := &regime{policy: p.clone(), byPath: map[string][]*armed{}}
	g.learnSignIns(k, before)
	for _, r := range rules {
		if !p.Terms(r.ID).Off {
			g.index(arm(r, g.policy, k, before))
		}
	}
	slices.SortStableFunc(g.requests, func(a, b *armed) int {
		switch {
		case a.shadow == b.shadow:
			return 0
		case b.shadow:
			return -1
		}
		return 1
	})
	if before != nil && before.policy.Collateral == p.Collateral && before.policy.Clients == p.Clients {
		g.history = before.history
	} else {
		g.history = newHistory(p, k)
	}
	return g
}

func (g *regime) index(a *armed) {
	g.rules = append(g.rules, a)
	switch {
	case a.On == Requests:
		g.requests = append(g.requests, a)
	case a.SignIns:
		g.signIns = append(g.signIns, a)
	case a.Paths != nil:
		for _, path := range a.Paths(g.policy) {
			if !slices.Contains(g.byPath[path], a) {
				g.byPath[path] = append(g.byPath[path], a)
			}
		}
	case a.Statuses != nil:
		for _, status := range a.Statuses {
			g.byStatus[status] = append(g.byStatus[status], a)
		}
	default:
		g.always = append(g.always, a)
	}
}

// armed is the rule with that ID, nil when it is off.
func (g *regime) armed(id string) *armed {
	if g == nil {
		return nil
	}
	for _, a := range g.rules {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// Revise puts another policy in force at once. What a rule has counted stays when its figures
// (how many, within what, for how many clients) do; what it is to do about it may change. A rule
// that begins to enforce has not told of anybody yet, whatever it counted in shadow. When the
// policy is wrong, each mistake is an Invalid and nothing changes.
func (e *Engine) Revise(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	e.revising.Lock()
	defer e.revising.Unlock()
	g := newRegime(p, e.hash, e.regime.Load())
	e.regime.Store(g)
	e.lists.bound(p.Decisions)
	e.shadow.bound(p.Decisions)
	e.shadow.drop(func(rule string) bool {
		a := g.armed(rule)
		return a == nil || !a.shadow
	})
	return nil
}

// Policy in force. It is not to be changed.
func (e *Engine) Policy() Policy { return e.regime.Load().policy }
