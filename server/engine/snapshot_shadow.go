package engine

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// supposing is what rules would have decided, and how often it would have made a difference. It is
// put in force when the whole snapshot was read.
type supposing struct {
	shadow    *lists
	would     map[string]*supposed
	decisions []Decision
	counts    []WouldHave
}

// Bounds of a decision's texts.
const (
	mostSpelt  = 64 // bytes of an identity
	mostTold   = 4096
	mostTarget = 512
)

func (s *supposing) carry(c *carrier) {
	if c.loading() {
		s.load(c)
		return
	}
	all := s.shadow.every()
	c.number(uint64(len(all)))
	for _, h := range all {
		d := h.decision()
		d.carry(c)
		c.flush()
	}
	c.number(uint64(len(s.would)))
	for _, cause := range slices.Sorted(maps.Keys(s.would)) {
		n := s.would[cause]
		w := WouldHave{cause, n.findings.Load(), n.requests.Load()}
		w.carry(c)
	}
}

func (s *supposing) load(c *carrier) {
	for n := c.number(0); n > 0 && c.err == nil; n-- {
		var d Decision
		d.carry(c)
		s.decisions = append(s.decisions, d)
	}
	for n := c.number(0); n > 0 && c.err == nil; n-- {
		var w WouldHave
		w.carry(c)
		s.counts = append(s.counts, w)
	}
}

func (w *WouldHave) carry(c *carrier) {
	w.Rule = c.text(w.Rule, mostName)
	carry(c, &w.Findings)
	carry(c, &w.Requests)
}

// goOn puts what was read in force.
func (s *supposing) goOn(e *Engine) {
	e.shadow.restore(slices.Values(s.decisions))
	for _, w := range s.counts {
		if n := (*e.would.Load())[w.Rule]; n != nil {
			n.findings.Store(w.Findings)
			n.requests.Store(w.Requests)
		}
	}
}

// every decision on the lists, whether it has ended or not.
func (l *lists) every() []*held {
	l.mu.Lock()
	all := slices.Concat(l.queues[:]...)
	l.mu.Unlock()
	slices.SortFunc(all, func(a, b *held) int { return strings.Compare(a.reference(), b.reference()) })
	return all
}

// carry a decision of a rule's that nobody lifted.
func (d *Decision) carry(c *carrier) {
	d.ID = c.text(d.ID, mostSpelt)
	carry(c, &d.Action)
	d.Target.carry(c)
	d.Reason = c.text(d.Reason, mostTold)
	d.Origin = ByRule
	d.Rule = c.text(d.Rule, mostName)
	d.Finding = c.text(d.Finding, mostSpelt)
	carryTime(c, &d.From)
	carryTime(c, &d.Until)
	if d.Action < Monitor || d.Action > Block {
		c.fail()
	}
}

func (t *Target) carry(c *carrier) {
	address, size := t.Network.Addr().AsSlice(), max(t.Network.Bits(), 0)
	address = []byte(c.text(string(address), 16))
	carry(c, &size)
	if c.loading() && len(address) > 0 {
		a, _ := netip.AddrFromSlice(address)
		if t.Network = netip.PrefixFrom(a, size); !t.Network.IsValid() || t.Network.Masked() != t.Network || a.Is4In6() {
			t.Network = netip.Prefix{}
			c.fail()
		}
	}
	carryAll(c, t.Key.Hash[:])
	t.Key.Prefix = c.text(t.Key.Prefix, mostSpelt)
	t.Account, t.Route = c.text(t.Account, mostTarget), c.text(t.Route, mostTarget)
}
