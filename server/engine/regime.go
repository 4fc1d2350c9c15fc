package engine

import (
	"cmp"
	"slices"
)

// A regime is a policy in force: its rules armed, and indexed by what they are asked about. It
// does not change once it can be read; the memories of its rules do.
type regime struct {
	policy   Policy
	rules    []*armed
	journeys *journeys
	prints   *prints
	steps    *steps
	ladders  *ladders
	requests asked         // asked by Decide: those that refuse, then those that only count, each in the order of judgement
	answers  asked         // asked by Observe
	byStatus [600][]*armed // likewise, with those that are always asked
	shared   *admission    // to the full memories of rules
	learners []learner     // of every answer, before rules are asked; one may use what those before it filled in
	idle     []learner     // that no rule asks
	history  *history      // nil when nobody is spared for others
	signIns  []*armed      // likewise, about sign-ins
	outcomes *outcomes     // of sign-ins; one of the learners, nil when there are none
	oddities *oddities     // nil when nobody looks for any
	strange  []*armed      // likewise, about what is strange
	sources  *visitors     // of every answer; one of the learners
	clients  []*table      // that are looked into for every request, by client
	expected []expected    // tables that are looked into for nearly every answer

	unforeseen []expected // those of them that are not looked into by client; see Engine.Foresee
}

// newRegime takes over from the one before what is counted the same way. The policy is valid.
func newRegime(p Policy, k keyed, before *regime) *regime {
	g := &regime{policy: p.clone(), requests: newAsked(), answers: newAsked()}
	g.learnSources(k, before)
	g.learnSignIns(k, before)
	if before != nil && before.policy.Clients == p.Clients {
		g.shared = before.shared
	} else {
		g.shared = newAdmission(p.Clients*cellsPerClient, admitted)
	}
	for _, r := range p.All() {
		if !p.Terms(r.ID).Off {
			g.rules = append(g.rules, arm(r, g.policy, k, g.shared, before))
		}
	}
	if before != nil && before.policy.Clients == p.Clients {
		g.journeys, g.prints, g.steps, g.ladders = before.journeys, before.prints, before.steps, before.ladders
	} else {
		g.journeys, g.prints, g.steps, g.ladders = newJourneys(p, k), newPrints(p, k), newSteps(p, k), newLadders(p, k)
	}
	for _, l := range []struct {
		learner
		by []string // rules that ask it; while all of them are off, it learns nothing
	}{
		{g.journeys, []string{impossibleTravel.ID, newCountry.ID}},
		{g.prints, []string{newProgram.ID, sessionMoved.ID, stepSkipped.ID}},
		{g.steps, []string{oddSequence.ID, stepSkipped.ID}},
	} {
		if slices.ContainsFunc(l.by, func(id string) bool { return g.armed(id) != nil }) {
			g.learners = append(g.learners, l.learner)
		} else {
			g.idle = append(g.idle, l.learner)
		}
	}
	if a := g.armed(stepSkipped.ID); a != nil {
		a.watch.(*skips).follow(g.steps) //nolint:errcheck,forcetypeassert // it is of no other kind
	}
	g.index()
	g.cover()
	g.expect()
	if before != nil && before.policy.Collateral == p.Collateral && before.policy.Clients == p.Clients {
		g.history = before.history
	} else {
		g.history = newHistory(p, k)
	}
	return g
}

// index the rules. Of those that are asked about requests, the ones that refuse come first.
func (g *regime) index() {
	for i, a := range g.rules {
		if a.order = i; a.shadow {
			a.order += len(g.rules)
		}
		if w, ok := a.watch.(*oddities); ok {
			g.oddities = w
		}
	}
	for _, a := range slices.SortedFunc(slices.Values(g.rules), func(a, b *armed) int { return cmp.Compare(a.order, b.order) }) {
		switch {
		case a.On == Requests:
			if g.requests.add(a, g.policy); a.Afterwards {
				g.answers.add(a, g.policy)
			}
		case a.SignIns:
			g.signIns = append(g.signIns, a)
		case a.Strange:
			g.strange = append(g.strange, a)
		case a.Statuses != nil:
			for _, status := range a.Statuses {
				if l := g.byStatus[status]; len(l) == 0 || l[len(l)-1] != a {
					g.byStatus[status] = append(l, a)
				}
			}
		default:
			g.answers.add(a, g.policy)
		}
	}
	for i, l := range g.byStatus {
		if g.byStatus[i] = g.answers.always; len(l) > 0 {
			g.byStatus[i] = merged(g.answers.always, l)
		}
	}
}

// about are the rules that are asked about an answer.
func (g *regime) about(x *Exchange) turn {
	always := g.answers.always
	if x.Status > 0 && x.Status < len(g.byStatus) {
		always = g.byStatus[x.Status]
	}
	return g.answers.about(x.Folded, always)
}

// cover notes which rules stand in for which. Those beyond sixty-four stand in for none.
func (g *regime) cover() {
	bit := uint64(1)
	for _, a := range g.rules {
		for _, id := range a.CoveredBy {
			by := g.armed(id)
			if by == nil || by.On != Answers || by.shadow && !a.shadow {
				continue
			}
			if by.covers == 0 {
				by.covers = bit
				bit <<= 1
			}
			a.covered |= by.covers
		}
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
	e.suppose(p) // before anybody can count by it
	e.regime.Store(g)
	e.lists.bound(p.Decisions)
	e.shadow.bound(p.Decisions)
	e.overshadow(g)
	return nil
}

// overshadow drops what rules would have decided that now decide, or are gone.
func (e *Engine) overshadow(g *regime) {
	e.shadow.drop(func(rule string) bool {
		a := g.armed(rule)
		return a == nil || !a.shadow
	})
}

// Policy in force. It is not to be changed.
func (e *Engine) Policy() Policy { return e.regime.Load().policy }
