package engine

import "slices"

// learnSignIns puts in place what learns about sign-ins, where any rule asks. What was learned
// stays while the policy says the same of them.
func (g *regime) learnSignIns(k keyed, before *regime) {
	p := &g.policy
	if len(p.SignIns) == 0 {
		return
	}
	if before != nil && before.outcomes != nil && p.Clients == before.policy.Clients &&
		slices.Equal(p.SignIns, before.policy.SignIns) && slices.Equal(p.FailedSignIns, before.policy.FailedSignIns) {
		g.outcomes = before.outcomes
	} else {
		g.outcomes = learnOutcomes(*p, k)
	}
	g.learners = append(g.learners, g.outcomes)
}
