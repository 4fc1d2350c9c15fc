package graph

import (
	"context"
	"time"

	"github.com/sentinel-protocol/sentinel/server/backtest"
)

// SaveRule adds a version to a rule of the console.
func (r *mutationResolver) SaveRule(ctx context.Context, input SaveRuleInput) (*Rule, error) {
	by, err := Acting(ctx)
	if err != nil {
		return nil, err
	}
	v, err := r.guard.SaveRule(ctx, by, input.Definition, int(input.ExpectedVersion))
	if err != nil {
		return nil, inInput(err)
	}
	return r.rule(v.Rule)
}

// SetRuleMode of any rule.
func (r *mutationResolver) SetRuleMode(ctx context.Context, rule string, mode *RuleMode) (*Rule, error) {
	by, err := Acting(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.guard.SetRuleMode(ctx, by, rule, modeWord(mode)); err != nil {
		return nil, err
	}
	return r.rule(rule)
}

// DeleteRule of the console.
func (r *mutationResolver) DeleteRule(ctx context.Context, rule string, expectedVersion int32) (string, error) {
	by, err := Acting(ctx)
	if err != nil {
		return "", err
	}
	return rule, r.guard.DeleteRule(ctx, by, rule, int(expectedVersion))
}

// Backtest plays a rule over the stored traffic of a window that ends now.
func (r *queryResolver) Backtest(ctx context.Context, rule BacktestInput, window time.Duration) (*Backtest, error) {
	if err := checkWindow(window); err != nil {
		return nil, err
	}
	t, err := rule.trial(r.guard.Policy())
	if err != nil {
		return nil, err
	}
	ctx, end, err := r.trials.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	traffic, err := r.past(ctx, window, &t)
	if err != nil {
		return nil, err
	}
	result, err := backtest.Run(ctx, t, traffic)
	if err != nil {
		return nil, err
	}
	return showBacktest(&result), nil
}

// Impact compares terms with those in force.
func (r *queryResolver) Impact(ctx context.Context, rule string, mode *RuleMode, terms *TermsInput) (*Impact, error) {
	before := backtest.Test{Policy: r.guard.Policy(), Rule: rule}
	after := before
	var err error
	if after.Policy, err = terms.terms().Under(after.Policy, rule); err != nil {
		return nil, inTerms(err, rule)
	}
	after.Policy = inMode(after.Policy, rule, mode)
	ctx, end, err := r.trials.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	traffic, err := r.past(ctx, impactWindow, &before, &after)
	if err != nil {
		return nil, err
	}
	i, err := backtest.Compare(ctx, before, after, traffic)
	if err != nil {
		return nil, err
	}
	return showImpact(&i), nil
}

// RuleVersions are told from the store, newest first.
func (r *queryResolver) RuleVersions(ctx context.Context, rule string, first int32, after *string) (*RuleVersionConnection, error) {
	p, err := page(first, after)
	if err != nil {
		return nil, err
	}
	s, err := r.store.RuleVersions(ctx, rule, p)
	if err != nil {
		return nil, err
	}
	total, err := r.store.CountRuleVersions(ctx, rule)
	if err != nil {
		return nil, err
	}
	out := &RuleVersionConnection{PageInfo: pageInfo(s), TotalCount: int32(total), Edges: make([]*RuleVersionEdge, len(s.Items))} //nolint:gosec // nobody saves that many
	for i := range s.Items {
		out.Edges[i] = &RuleVersionEdge{Cursor: s.Cursors[i], Node: showVersion(&s.Items[i])}
	}
	return out, nil
}

// DeletedRules are those whose last version says so.
func (r *queryResolver) DeletedRules(ctx context.Context) ([]*RuleVersion, error) {
	gone := r.guard.DeletedRules()
	out := make([]*RuleVersion, min(len(gone), mostDeleted))
	for i := range out {
		out[i] = showVersion(&gone[i])
	}
	return out, ctx.Err()
}

// CheckRule reads a definition as SaveRule would, and plays its scenarios.
func (r *queryResolver) CheckRule(ctx context.Context, definition string) (*RuleCheck, error) {
	rule, policy, err := r.guard.ReadRule(definition)
	if err != nil {
		return &RuleCheck{Mistakes: showMistakes(err), Scenarios: []*RuleScenario{}}, nil
	}
	said, mode := policy.Explain(rule.ID), ruleMode(rule.Engine().Terms)
	out := &RuleCheck{Rule: &rule.ID, Explanation: &said, Mode: &mode, Mistakes: []*RuleMistake{}}
	r.playing.Lock()
	defer r.playing.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err() // nobody waits any more
	}
	out.Scenarios, err = showScenarios(rule)
	return out, err
}
