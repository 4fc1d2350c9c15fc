package guard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A rulebook is what the console says of rules: those that were written in it, and the modes of
// others. It does not change; what is newer is merged into another.
type rulebook struct {
	saved map[string]*savedRule // by ID; those that were deleted too
	modes map[string]store.RuleMode
}

// A savedRule is the last version of a rule of the console.
type savedRule struct {
	store.RuleVersion
	rule *rules.Rule // nil when it was deleted, or can't be read
	err  error       // why it can't
}

func (s *savedRule) deleted() bool { return s.Change == store.RuleDeleted }

// readSaved compiles a version. What was taken once may be refused by a newer program.
func readSaved(v store.RuleVersion) *savedRule {
	s := &savedRule{RuleVersion: v}
	if s.deleted() {
		return s
	}
	if s.rule, s.err = rules.ReadSaved(v.Definition, v.Finds); s.err == nil && s.rule.ID != v.Rule {
		s.rule, s.err = nil, fmt.Errorf("its definition is of another rule, %s", s.rule.ID)
	}
	return s
}

// A Shelf is where the console's rules and modes are kept. *store.Store is one.
type Shelf interface {
	SavedRules(context.Context) ([]store.RuleVersion, error)
	RuleModes(context.Context) ([]store.RuleMode, error)
}

// InForce is a policy of settings and packs as a Guard that starts on the shelf would have it in
// force: with the console's rules and modes. Which rules of the console are not, and why, is told by ID.
func InForce(ctx context.Context, s Shelf, p engine.Policy) (engine.Policy, map[string]string, error) {
	book, err := readBook(ctx, s, nil)
	if err != nil {
		return p, nil, err
	}
	p, failed := book.under(p)
	return p, failed, nil
}

// readBook reads what is stored; what is compiled already in known is not compiled again.
func readBook(ctx context.Context, l Shelf, known *rulebook) (*rulebook, error) {
	versions, err := l.SavedRules(ctx)
	if err != nil {
		return nil, err
	}
	modes, err := l.RuleModes(ctx)
	if err != nil {
		return nil, err
	}
	b := &rulebook{saved: map[string]*savedRule{}, modes: map[string]store.RuleMode{}}
	for _, v := range versions {
		if was := known.of(v.Rule); was != nil && was.Number == v.Number {
			b.saved[v.Rule] = was
			continue
		}
		b.saved[v.Rule] = readSaved(v)
	}
	for _, m := range modes {
		b.modes[m.Rule] = m
	}
	return b, nil
}

// of is the last version of a rule, nil when the console never had it.
func (b *rulebook) of(rule string) *savedRule {
	if b == nil {
		return nil
	}
	return b.saved[rule]
}

// live are the rules that were not deleted, by their IDs.
func (b *rulebook) live() []*savedRule {
	var out []*savedRule
	for _, id := range slices.Sorted(maps.Keys(b.saved)) {
		if s := b.saved[id]; !s.deleted() {
			out = append(out, s)
		}
	}
	return out
}

// merge takes of each thing what is newer: numbers and times only grow.
func (b *rulebook) merge(o *rulebook) *rulebook {
	m := &rulebook{saved: maps.Clone(b.saved), modes: maps.Clone(b.modes)}
	for id, s := range o.saved {
		if was := m.saved[id]; was == nil || was.Number < s.Number {
			m.saved[id] = s
		}
	}
	for id, mode := range o.modes {
		if was, known := m.modes[id]; !known || !mode.At.Before(was.At) {
			m.modes[id] = mode
		}
	}
	return m
}

// with is the book with one more version.
func (b *rulebook) with(s *savedRule) *rulebook {
	return b.merge(&rulebook{saved: map[string]*savedRule{s.Rule: s}})
}

// under puts the book in force over a policy. What can't be is told by rule, and left out: a rule
// that can't be read, or is called like one of the policy's.
func (b *rulebook) under(base engine.Policy) (engine.Policy, map[string]string) {
	p, failed := withModes(base, b.modes), map[string]string{}
	p.Packs = slices.Clone(p.Packs)
	for _, s := range b.live() {
		switch other := find(base, s.Rule); {
		case s.err != nil:
			failed[s.Rule] = told(s.err)
		case other != nil:
			failed[s.Rule] = taken(other)
		default:
			p = added(p, s.rule)
		}
	}
	if p.Validate() == nil {
		return p, failed
	}
	p = withModes(base, b.modes)
	for _, s := range b.live() {
		if failed[s.Rule] != "" {
			continue
		}
		more := added(p, s.rule)
		if err := more.Validate(); err != nil {
			failed[s.Rule] = told(err)
			continue
		}
		p = more
	}
	return p, failed
}

func added(p engine.Policy, r *rules.Rule) engine.Policy { return rules.Set{r}.Into(p) }

// withModes is a policy with the modes that were set. What is set for a rule that is gone waits
// until it comes back.
func withModes(p engine.Policy, modes map[string]store.RuleMode) engine.Policy {
	p.Rules = maps.Clone(p.Rules)
	for id, m := range modes {
		if m.Mode == "" || find(p, id) == nil {
			continue
		}
		t := p.Terms(id)
		t.Off, t.Shadow = m.Mode == ModeOff, m.Mode == ModeShadow
		p.Rules[id] = t
	}
	return p
}

func find(p engine.Policy, id string) *engine.Rule {
	all := p.All()
	if i := slices.IndexFunc(all, func(r engine.Rule) bool { return r.ID == id }); i >= 0 {
		return &all[i]
	}
	return nil
}

func taken(r *engine.Rule) string {
	return fmt.Sprintf("is %s, as that of a rule in the pack %s: choose another", r.ID, packOf(r))
}

func packOf(r *engine.Rule) string {
	if r.Pack == "" {
		return "core"
	}
	return r.Pack
}

// told is a reason in one line.
func told(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// laws are the policy of settings and packs, and the book over it.
type laws struct {
	mu     sync.Mutex
	base   engine.Policy
	book   *rulebook
	failed map[string]string // why rules of the book are not in force
}

func (l *laws) now() (engine.Policy, *rulebook, map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base, l.book, l.failed
}

// enact puts a base, or that of before for nil, and what is newer in a book in force for the very
// next request. What untouched rules have counted stays.
func (g *Guard) enact(base *engine.Policy, newer *rulebook) error {
	g.laws.mu.Lock()
	defer g.laws.mu.Unlock()
	if base == nil {
		base = &g.laws.base
	}
	book := g.laws.book
	if newer != nil {
		book = book.merge(newer)
	}
	p, failed := book.under(*base)
	if err := g.engine.Revise(p); err != nil {
		return fmt.Errorf("revise the policy: %w", err)
	}
	for rule, why := range failed {
		if g.laws.failed[rule] != why {
			g.log.Error("a rule of the console is not in force", "rule", rule, "err", why)
		}
	}
	g.laws.base, g.laws.book, g.laws.failed = *base, book, failed
	g.tally.follow(g.engine.Policy())
	g.refreeze()
	return nil
}
