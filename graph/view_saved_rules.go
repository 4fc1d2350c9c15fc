package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/rules"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// mostDeleted rules are listed.
const mostDeleted = 100

var ruleOrigins = map[guard.RuleOrigin]RuleOrigin{
	guard.RuleBuiltIn: RuleOriginBuiltIn, guard.RulePack: RuleOriginPack, guard.RuleFile: RuleOriginFile, guard.RuleConsole: RuleOriginConsole,
}

// showRule is a rule with what was counted that rules would have done.
func (r *Resolver) showRule(s *guard.RuleState, would map[string]*WouldHave) *Rule {
	out := &Rule{
		ID: s.ID, Title: s.Title, Version: int32(s.Version), Pack: packOf(s.Rule), By: countedBy(s.Rule), Severity: s.Terms.Severity, //nolint:gosec // rules are checked
		Mode: ruleMode(s.Terms), UsualMode: ruleMode(s.Usual), Origin: ruleOrigins[s.Origin], Failed: words(s.Failed),
		WouldHave: would[s.ID], Explanation: r.guard.Explain(s.ID),
	}
	if s.Set.Mode != "" {
		out.ModeSet = &RuleModeSet{By: s.Set.By, At: s.Set.At}
	}
	if s.Saved != nil {
		out.Saved = showVersion(s.Saved)
	}
	if s.Failed != "" {
		out.By, out.Explanation, out.WouldHave = []string{}, "", nil
		out.Severity = max(out.Severity, engine.Info)
	}
	if out.WouldHave == nil {
		out.WouldHave = &WouldHave{}
	}
	return out
}

// rule as it stands after a change.
func (r *Resolver) rule(id string) (*Rule, error) {
	all := r.guard.Rules()
	i := slices.IndexFunc(all, func(s guard.RuleState) bool { return s.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("rule %s: %w", id, store.ErrNotFound) // deleted in this very moment
	}
	return r.showRule(&all[i], r.wouldHave()), nil
}

var ruleChanges = map[store.RuleChange]RuleChange{
	store.RuleSaved: RuleChangeSaved, store.RuleModeSet: RuleChangeModeSet, store.RuleDeleted: RuleChangeDeleted,
}

func showVersion(v *store.RuleVersion) *RuleVersion {
	return &RuleVersion{
		Rule: v.Rule, Number: int32(v.Number), Finds: int32(v.Finds), Change: ruleChanges[v.Change], //nolint:gosec // nobody saves that many
		Mode: RuleMode(strings.ToUpper(v.Mode)), Definition: v.Definition, By: v.By, At: v.At,
	}
}

// modeWord is a mode as definitions write it; empty for nil.
func modeWord(m *RuleMode) string {
	return strings.ToLower(string(value(m)))
}

func showMistakes(err error) []*RuleMistake {
	out := []*RuleMistake{}
	for _, m := range rules.Mistakes(err) {
		told := &RuleMistake{Field: m.Field, Problem: m.Problem}
		if m.Line > 0 {
			line := int32(m.Line) //nolint:gosec // of a short text
			told.Line = &line
		}
		out = append(out, told)
	}
	return out
}

// showScenarios plays those that a rule has.
func showScenarios(r *rules.Rule) ([]*RuleScenario, error) {
	played, err := r.Play()
	if err != nil {
		return nil, err
	}
	out := []*RuleScenario{}
	for _, p := range played {
		if p.Requests == 0 {
			continue
		}
		s := &RuleScenario{Name: p.Scenario, Requests: int32(p.Requests), Problem: words(p.Problem)} //nolint:gosec // definitions are bounded
		if p.At > 0 {
			at := int32(p.At) //nolint:gosec // likewise
			s.FiredAt = &at
		}
		out = append(out, s)
	}
	return out, nil
}
