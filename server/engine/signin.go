package engine

import "slices"

// learnSignIns puts in place what learns about sign-ins, where there are any. What was learned
// stays while the policy says the same of them.
func (g *regime) learnSignIns(k keyed, before *regime) {
	p := &g.policy
	if len(p.SignIns) == 0 {
		return
	}
	same := func(rules ...string) bool {
		if before == nil || before.outcomes == nil || p.Clients != before.policy.Clients {
			return false
		}
		for _, id := range rules {
			is, was := p.Terms(id), before.policy.Terms(id)
			if is.More != was.More || is.Within != was.Within {
				return false
			}
		}
		return true
	}
	if same() && slices.Equal(p.SignIns, before.policy.SignIns) && slices.Equal(p.FailedSignIns, before.policy.FailedSignIns) {
		was := *before.outcomes
		g.outcomes = &was
	} else {
		g.outcomes = learnOutcomes(*p, k)
	}
	if o := g.outcomes; o.accounts == nil || !same(accountGuessing.ID, stuffedAccount.ID, credentialStuffing.ID) {
		names := new(roll)
		o.accounts, o.sources = learnAccounts(*p, k, names), learnSources(*p, k, names)
	}
	if o := g.outcomes; o.flows == nil || !same(stuffingCampaign.ID) {
		o.flows = newFlows(*p)
	}
	g.learners = append(g.learners, g.outcomes)
}

// A teller remembers whom a rule told of, so that it does not tell the same again at once. It
// counts nothing itself: learners have.
type teller struct{ *table }

func newTeller(p Policy, k keyed) teller { return teller{newTable(p.Clients/64, k)} }

// news reports whether something was not told since the span began.
func (t teller) news(key uint64, at, span int64) bool {
	hash := t.hash(key)
	s, set := t.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, key, hash)
	if i < 0 {
		i, _ = s.claim(set, key, hash, at, func(i int) worth { return worth{1, s.slots[i].mark} })
	} else if behind := at - s.slots[i].mark; behind < span && behind > -putBack {
		return false
	}
	s.slots[i].mark = at
	return true
}

// forget nobody in particular: what was told stays told, and its time passes.
func (t teller) forget(Target) { t.dropIf(func(int, uint64) bool { return true }) }
