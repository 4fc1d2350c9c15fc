package graph

import (
	"context"
	"time"

	"github.com/sentinel-protocol/sentinel/server/backtest"
)

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
