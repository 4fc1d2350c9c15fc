package guard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// The modes of a rule, as definitions write them.
const (
	ModeShadow = "shadow"
	ModeOff    = "off"
)

// clockTime is how messages tell when somebody else changed a rule.
const clockTime = time.DateTime + " UTC"

// A RuleOrigin is where a rule comes from.
type RuleOrigin uint8

// The origins of rules.
const (
	RuleBuiltIn RuleOrigin = iota + 1 // the program's own code
	RulePack                          // a pack that comes with the program
	RuleFile                          // a pack in the directory of the settings
	RuleConsole                       // written in the console
)

// A RuleState is a rule with where it comes from and how it stands. One that Failed has of the
// engine's rule no more than its ID, title, version and pack.
type RuleState struct {
	engine.Rule
	Origin RuleOrigin
	Terms  engine.Terms       // in force
	Usual  engine.Terms       // those of its pack and the settings; of the console's, those in force
	Set    store.RuleMode     // what the console says of its mode; zero when nothing, or when it is its own
	Saved  *store.RuleVersion // the last version; nil for rules that are not the console's
	Failed string             // why it is not in force; empty when it is
}

// Rules lists those that there are: in force in the order of judgement, then those that failed.
func (g *Guard) Rules() []RuleState {
	base, book, failed := g.laws.now()
	p := g.engine.Policy()
	var out []RuleState
	for _, r := range p.All() {
		s := RuleState{Rule: r, Origin: originOf(r, base), Terms: p.Terms(r.ID), Usual: p.Terms(r.ID)}
		if s.Origin == RuleConsole {
			if mine := book.of(r.ID); mine != nil {
				s.Saved = &mine.RuleVersion
			}
		} else {
			s.Usual = base.Terms(r.ID)
			if m := book.modes[r.ID]; m.Mode != "" {
				s.Set = m
			}
		}
		out = append(out, s)
	}
	for _, id := range slices.Sorted(maps.Keys(failed)) {
		out = append(out, failedState(book.of(id), failed[id]))
	}
	return out
}

// An Unknown is how often the condition of a rule could not be evaluated since it was read: it was false
// then, so that the rule may have missed something.
type Unknown struct {
	Rule  string
	Times uint64
}

// Unknowns are told of every rule in force with an expression, in the order of judgement.
func (g *Guard) Unknowns() (all []Unknown) {
	p := g.engine.Policy()
	for _, r := range p.All() {
		if r.Unknown != nil && !p.Terms(r.ID).Off {
			all = append(all, Unknown{r.ID, r.Unknown()})
		}
	}
	return all
}

func failedState(mine *savedRule, why string) RuleState {
	s := RuleState{
		Rule:   engine.Rule{ID: mine.Rule, Title: mine.Rule, Version: mine.Finds, Pack: rules.ConsolePack},
		Origin: RuleConsole, Terms: engine.Terms{Off: true}, Saved: &mine.RuleVersion, Failed: why,
	}
	if mine.rule != nil {
		s.Title, s.Pack, s.Terms = mine.rule.Title, mine.rule.Pack, mine.rule.Engine().Terms
	}
	s.Usual = s.Terms
	return s
}

func originOf(r engine.Rule, base engine.Policy) RuleOrigin {
	switch {
	case find(engine.Policy{}, r.ID) != nil:
		return RuleBuiltIn
	case find(base, r.ID) == nil:
		return RuleConsole
	case rules.ComesWith(r.ID):
		return RulePack
	}
	return RuleFile
}

// DeletedRules are the notes that rules of the console were deleted, newest first. Their versions
// are kept, and saving one of them brings the rule back.
func (g *Guard) DeletedRules() []store.RuleVersion {
	_, book, _ := g.laws.now()
	var out []store.RuleVersion
	for _, s := range book.saved {
		if s.deleted() {
			out = append(out, s.RuleVersion)
		}
	}
	slices.SortFunc(out, func(a, b store.RuleVersion) int { return b.At.Compare(a.At) })
	return out
}

// ReadRule reads a rule as SaveRule does, and returns a policy with it in force, in place of the
// version that is. Every mistake is told: see rules.Mistakes.
func (g *Guard) ReadRule(text string) (*rules.Rule, engine.Policy, error) {
	base, book, _ := g.laws.now()
	return read(base, book, text)
}

func read(base engine.Policy, book *rulebook, text string) (*rules.Rule, engine.Policy, error) {
	r, err := rules.ReadSaved(text, 1)
	if err != nil {
		return nil, base, err
	}
	was := book.of(r.ID)
	switch other := find(base, r.ID); {
	case other != nil:
		return nil, base, mistaken("id", taken(other))
	case (was == nil || was.deleted()) && len(book.live()) >= rules.MostRules:
		return nil, base, mistaken("", fmt.Sprintf("is one too many: there are %d rules of the console already", rules.MostRules))
	}
	number, finds := 1, 1
	if was != nil {
		number = was.Number + 1
		finds = number
		if was.rule != nil && was.rule.Same(r) {
			finds = was.Finds
		}
	}
	if r, err = rules.ReadSaved(text, finds); err != nil {
		return nil, base, err
	}
	p, failed := book.with(&savedRule{RuleVersion: store.RuleVersion{Rule: r.ID, Number: number}, rule: r}).under(base)
	if why := failed[r.ID]; why != "" {
		return nil, base, mistaken("", why)
	}
	return r, p, nil
}

func mistaken(field, problem string) error {
	return rules.Mistake{File: rules.ConsolePack, Invalid: engine.Invalid{Field: field, Problem: problem}}
}

// SaveRule adds a version to a rule of the console, and puts it in force for the very next request.
// Expected is the version that was changed, 0 for a rule that there is not: when somebody else was
// quicker, nothing changes. What the operator can correct is engine.Invalid, with the first mistake
// of the definition. A rule that finds something in the honest traffic of its own scenario is refused.
func (g *Guard) SaveRule(ctx context.Context, by By, definition string, expected int) (store.RuleVersion, error) {
	if r, _, err := g.ReadRule(definition); err == nil { // else it is told below
		if err := g.accuses(ctx, r); err != nil {
			return store.RuleVersion{}, err
		}
	}
	return g.changeRule(ctx, func(base engine.Policy, book *rulebook, d *draft) (store.RuleVersion, error) {
		r, _, err := read(base, book, definition)
		if err != nil {
			return store.RuleVersion{}, inDefinition(err)
		}
		was := book.of(r.ID)
		if err := expect(expected, r.ID, was); err != nil {
			return store.RuleVersion{}, err
		}
		if was != nil && was.Definition == definition && !was.deleted() {
			return was.RuleVersion, nil // it is what there is
		}
		v := g.next(by, r.ID, was)
		v.Change, v.Finds, v.Mode, v.Definition = store.RuleSaved, r.Version, r.Mode, definition
		d.note(v, by, "save rule", fmt.Sprintf("version %d, mode %s: %s", v.Number, v.Mode, r.Title))
		return v, nil
	})
}

// accuses plays the honest traffic of a rule, before anything waits for that.
func (g *Guard) accuses(ctx context.Context, r *rules.Rule) error {
	g.playing.Lock()
	defer g.playing.Unlock()
	if ctx.Err() != nil {
		return ctx.Err() // nobody waits any more
	}
	if err := r.Accuses(); err != nil {
		return inDefinition(err)
	}
	return nil
}

// SetRuleMode puts a rule into a mode, until another is set; empty for that of its pack and the
// settings, which a rule of the console has not. The mode of a rule of the console is a version
// of it.
func (g *Guard) SetRuleMode(ctx context.Context, by By, rule, mode string) error {
	_, err := g.changeRule(ctx, func(base engine.Policy, book *rulebook, d *draft) (store.RuleVersion, error) {
		was := book.of(rule)
		switch known := find(base, rule); {
		case known != nil:
			m := store.RuleMode{Rule: rule, Mode: mode, By: by.Name, At: milli(g.now())}
			d.Modes = append(d.Modes, m)
			said := m.Mode
			if said == "" {
				said = "as its pack and the settings say"
			}
			d.Audit = append(d.Audit, store.Entry{At: m.At, Actor: by.Name, Origin: by.Origin, Verb: "set mode", Object: "rule " + rule, Detail: said})
			return store.RuleVersion{}, nil
		case was == nil || was.deleted():
			return store.RuleVersion{}, fmt.Errorf("rule %s: %w", rule, store.ErrNotFound)
		case mode == "":
			return store.RuleVersion{}, engine.Invalid{Field: "mode", Problem: "must be given: a rule of the console has no other than its own"}
		case was.rule == nil:
			return store.RuleVersion{}, engine.Invalid{Field: "rule", Problem: "is not in force, as its definition can't be used: mend that first"}
		case was.Mode == mode:
			return was.RuleVersion, nil
		}
		text, err := was.rule.WithMode(was.Definition, mode)
		if err != nil {
			return store.RuleVersion{}, err
		}
		v := g.next(by, rule, was)
		v.Change, v.Finds, v.Mode, v.Definition = store.RuleModeSet, was.Finds, mode, text
		d.note(v, by, "set mode", fmt.Sprintf("%s, version %d", mode, v.Number))
		return v, nil
	})
	return err
}

// DeleteRule takes a rule of the console out of force. Its versions are kept, what it decided
// goes on until it ends, and saving one of them brings it back.
func (g *Guard) DeleteRule(ctx context.Context, by By, rule string, expected int) error {
	_, err := g.changeRule(ctx, func(base engine.Policy, book *rulebook, d *draft) (store.RuleVersion, error) {
		was := book.of(rule)
		if was == nil || was.deleted() {
			if find(base, rule) != nil {
				return store.RuleVersion{}, engine.Invalid{Field: "rule", Problem: "is not the console's, and can't be deleted here: switch it off instead"}
			}
			return store.RuleVersion{}, fmt.Errorf("rule %s: %w", rule, store.ErrNotFound)
		}
		if err := expect(expected, rule, was); err != nil {
			return store.RuleVersion{}, err
		}
		v := g.next(by, rule, was)
		v.Change, v.Finds, v.Mode = store.RuleDeleted, was.Finds, was.Mode
		d.note(v, by, "delete rule", fmt.Sprintf("version %d was the last", was.Number))
		return v, nil
	})
	return err
}

// next version of a rule.
func (g *Guard) next(by By, rule string, was *savedRule) store.RuleVersion {
	v := store.RuleVersion{Rule: rule, Number: 1, By: by.Name, At: milli(g.now())}
	if was != nil {
		v.Number = was.Number + 1
	}
	return v
}

// note adds a version and its entry in the audit log.
func (d *draft) note(v store.RuleVersion, by By, verb, detail string) {
	d.Rules = append(d.Rules, v)
	d.Audit = append(d.Audit, store.Entry{At: v.At, Actor: by.Name, Origin: by.Origin, Verb: verb, Object: "rule " + v.Rule, Detail: detail})
}

// changeRule works a change out against what is stored, which may be another node's, has it
// written, and puts it in force.
func (g *Guard) changeRule(ctx context.Context, work func(engine.Policy, *rulebook, *draft) (store.RuleVersion, error)) (store.RuleVersion, error) {
	var done store.RuleVersion
	var enacted error
	err := g.change(ctx, func(ctx context.Context, d *draft) (func(), error) {
		base, known, _ := g.laws.now()
		book, err := readBook(ctx, g.store, known)
		if err != nil {
			return nil, err
		}
		if done, err = work(base, book, d); err != nil {
			return nil, err
		}
		for _, v := range d.Rules {
			book = book.with(readSaved(v))
		}
		for _, m := range d.Modes {
			book = book.merge(&rulebook{modes: map[string]store.RuleMode{m.Rule: m}})
		}
		return func() { enacted = g.enact(nil, book) }, nil
	})
	if errors.Is(err, store.ErrStale) {
		return done, engine.Invalid{Field: "expectedVersion", Problem: "is not the last any more: another node saved one in this very moment; look at that, then save again"}
	}
	if err == nil && enacted == nil {
		g.news.HealthChanged.Publish(g.Health())
	}
	return done, errors.Join(err, enacted)
}

// expect compares the version that an operator knows with the last one.
func expect(expected int, rule string, last *savedRule) error {
	wrong := func(problem string, args ...any) error {
		return engine.Invalid{Field: "expectedVersion", Problem: fmt.Sprintf("is %d, and ", expected) + fmt.Sprintf(problem, args...)}
	}
	switch {
	case last == nil && expected == 0, last != nil && last.Number == expected, last != nil && last.deleted() && expected == 0:
		return nil
	case last == nil:
		return wrong("there is no rule %s in the console: was its id changed? Leave the version out to make a new rule", rule)
	case last.deleted():
		return wrong("%s deleted the rule on %s: save with version %d to bring it back", last.By, last.At.Format(clockTime), last.Number)
	case expected == 0:
		return wrong("there is a rule %s, version %d by %s: open that one to change it, or choose another id", rule, last.Number, last.By)
	}
	return wrong("%s saved version %d on %s: look at that one first, then save yours over it", last.By, last.Number, last.At.Format(clockTime))
}

// inDefinition is the first mistake of a definition, as that of a field.
func inDefinition(err error) error {
	all := rules.Mistakes(err)
	first := all[0].Invalid
	field := "definition"
	if first.Field != "" {
		field += "." + first.Field
	}
	if all[0].Line > 0 {
		first.Problem += fmt.Sprintf(" (line %d)", all[0].Line)
	}
	if len(all) > 1 {
		first.Problem += fmt.Sprintf("; and %d more", len(all)-1)
	}
	return engine.Invalid{Field: field, Problem: first.Problem}
}
