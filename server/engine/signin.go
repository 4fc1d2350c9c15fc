package engine

import (
	"encoding/binary"
	"slices"
)

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
type teller struct {
	*table
	of []uint64 // by slot, the client or account that was told of, 0 where its key says it
}

func newTeller(p Policy, k keyed) teller {
	t := teller{table: newTable(p.Clients/64, k)}
	t.of = make([]uint64, t.size())
	return t
}

// news reports whether something was not told of somebody since the span began.
func (t teller) news(key, of uint64, at, span int64) bool {
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
	s.slots[i].mark, t.of[s.first+i] = at, of
	return true
}

// retell all that was told, should it go on.
func (t teller) retell() { t.dropIf(func(int, uint64) bool { return true }) }

// forget what was told of a target, so that it is told anew should it go on. What was told of others
// stays told.
func (t teller) forget(target Target) {
	var told func(key, of uint64) bool
	switch {
	case target.Account != "":
		who := max(t.text(target.Account), 1)
		told = func(key, of uint64) bool { return key == who || of == who }
	case !target.Key.Zero():
		who := t.keyed.hash(levelKey, binary.LittleEndian.Uint64(target.Key.Hash[:]))
		told = func(key, _ uint64) bool { return key == who }
	case target.Network.IsValid():
		who := actorsOf(target.Network)
		network := t.keyed.hash(levelNetwork, uint64(who.from.network()))
		told = func(key, of uint64) bool { return key == network || of != 0 && who.hold(actor(of)) }
	default:
		return
	}
	t.dropIf(func(n int, key uint64) bool { return told(key, t.of[n]) })
}
