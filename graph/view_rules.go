package graph

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/sentinel-protocol/sentinel/server/backtest"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

const (
	impactWindow   = 24 * time.Hour
	longestTrial   = 30 * time.Second // after which a part is told
	trialsAtOnce   = 2
	longestReading = 64 << 10 // bytes of a definition
)

// trials are the backtests that run. The zero value has none.
type trials struct {
	mu      sync.Mutex
	running map[string]bool // by who asked
}

// begin one for the operator of a context, until end is called or the time is up.
func (t *trials) begin(ctx context.Context) (until context.Context, end func(), err error) {
	o, ok := OperatorOf(ctx)
	if !ok {
		return nil, nil, Fault{Code: Unauthenticated, Message: "Sign in first."}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.running[o.ID]:
		return nil, nil, Fault{Code: TooComplex, Message: "A backtest of yours still runs: wait for it, or withdraw it."}
	case len(t.running) >= trialsAtOnce:
		return nil, nil, Fault{Code: TooComplex, Message: "Others have backtests run at the moment: ask again in half a minute."}
	}
	if t.running == nil {
		t.running = map[string]bool{}
	}
	t.running[o.ID] = true
	until, cancel := context.WithTimeout(ctx, longestTrial)
	return until, func() {
		cancel()
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.running, o.ID)
	}, nil
}

// past is the stored traffic of a window that ends now, which tests are told of.
func (r *Resolver) past(ctx context.Context, window time.Duration, tests ...*backtest.Test) (backtest.Traffic, error) {
	now := time.Now().Add(time.Millisecond) // what this one brought belongs to it
	traffic, allowed, err := backtest.Stored(ctx, r.store, now.Add(-window), now, now)
	for _, t := range tests {
		t.From, t.To, t.Places, t.Allowed = now.Add(-window), now, r.about.Places, allowed
	}
	return traffic, err
}

// patience is how long an operation may take: longer when it plays stored traffic.
func patience(op *ast.OperationDefinition) time.Duration {
	if plays(op.SelectionSet, map[string]bool{}) {
		return longestTrial + longestOperation
	}
	return longestOperation
}

func plays(set ast.SelectionSet, seen map[string]bool) bool {
	for _, selection := range set {
		switch x := selection.(type) {
		case *ast.Field:
			if x.Name == "backtest" || x.Name == "impact" {
				return true
			}
		case *ast.InlineFragment:
			if plays(x.SelectionSet, seen) {
				return true
			}
		case *ast.FragmentSpread:
			if !seen[x.Name] && x.Definition != nil {
				seen[x.Name] = true
				if plays(x.Definition.SelectionSet, seen) {
					return true
				}
			}
		}
	}
	return false
}

// trial is the test that an input asks for.
func (in *BacktestInput) trial(p engine.Policy) (t backtest.Test, err error) {
	t = backtest.Test{Policy: p, Rule: value(in.Rule)}
	switch {
	case (in.Rule == nil) == (in.Definition == nil):
		return t, engine.Invalid{Field: "rule", Problem: "must have either the ID of a rule or a definition"}
	case in.Definition != nil && len(*in.Definition) > longestReading:
		return t, engine.Invalid{Field: "rule.definition", Problem: "must be at most 64 kB long"}
	case in.Definition != nil:
		read, err := rules.ReadOne("definition", []byte(*in.Definition), "")
		if err != nil {
			return t, engine.Invalid{Field: "rule.definition", Problem: "can't be used: " + strings.ReplaceAll(err.Error(), "\n", "; ")}
		}
		if t.Policy, err = backtest.Defined(p, read); err != nil {
			return t, engine.Invalid{Field: "rule.definition", Problem: "can't be used: " + err.Error()}
		}
		t.Rule, t.Failed = read.ID, read.Failed
	}
	if t.Policy, err = in.Terms.terms().Under(t.Policy, t.Rule); err != nil {
		return t, inTerms(err, t.Rule)
	}
	return t, nil
}

// terms of an input; none for nil.
func (in *TermsInput) terms() (t backtest.Terms) {
	if in == nil {
		return t
	}
	t.Within, t.Severity, t.For = in.Within, in.Severity, in.Duration
	if in.Limit != nil {
		more := int(*in.Limit)
		t.More = &more
	}
	if in.Action != nil {
		do, _ := engine.ParseAction(string(*in.Action)) // 0 for NOTHING
		t.Do = &do
	}
	return t
}

// inTerms says of a mistake in terms which field of the input it is.
func inTerms(err error, rule string) error {
	wrong, ok := errors.AsType[engine.Invalid](err)
	if !ok {
		return err
	}
	if field, of := strings.CutPrefix(wrong.Field, "rules."+rule+"."); of {
		names := map[string]string{"more": "limit", "within": "within", "severity": "severity", "do": "action", "for": "duration"}
		wrong.Field = "terms." + names[field]
	}
	return wrong
}

// inMode is a policy with a rule in a mode, its own for nil.
func inMode(p engine.Policy, rule string, mode *RuleMode) engine.Policy {
	if mode == nil {
		return p
	}
	t := p.Terms(rule)
	t.Off, t.Shadow = *mode == RuleModeOff, *mode == RuleModeShadow
	p.Rules[rule] = t // Terms.Under made it our own
	return p
}

func showFigures(f backtest.Figures) *BacktestFigures {
	return &BacktestFigures{
		Findings: int64(f.Findings), Hit: int64(f.Hit), Clients: int64(f.Clients), Keys: int64(f.Keys), Accounts: int64(f.Accounts),
		Refused: int64(f.Refused), WellAnswered: int64(f.WellAnswered),
	}
}

func showHits(in []backtest.Hit) []*BacktestHit {
	out := make([]*BacktestHit, len(in))
	for i, h := range in {
		out[i] = &BacktestHit{
			Target: &Target{h.Target}, Client: h.Client, At: h.At, LastAt: h.Last, Findings: int64(h.Findings),
			Count: int64(h.Count), Limit: int64(h.Limit), Acts: h.Acts, Reason: h.Reason,
			Refused: int64(h.Refused), WellAnswered: int64(h.WellAnswered),
		}
	}
	return out
}

func showBacktest(r *backtest.Result) *Backtest {
	out := &Backtest{
		Rule: r.Rule, Title: r.Title, Version: int32(r.Version), Explanation: r.Explains, //nolint:gosec // rules are checked
		From: r.From, To: r.To, Until: r.Until, Cut: words(r.Cut), Figures: showFigures(r.Figures),
		FirstAt: instant(r.First), LastAt: instant(r.Last), Hits: showHits(r.Hits), Hours: []*BacktestHour{},
		Played: int64(r.Rows), Learned: int64(r.Before), Untold: r.Untold,
	}
	for _, h := range r.Hours {
		out.Hours = append(out.Hours, &BacktestHour{At: h.At, Findings: int64(h.Findings), Refused: int64(h.Refused)})
	}
	return out
}

func showImpact(i *backtest.Impact) *Impact {
	return &Impact{
		Before: showFigures(i.Before), After: showFigures(i.After),
		NewlyHit: showHits(i.NewlyHit), NoLongerHit: showHits(i.NoLongerHit),
		MoreNewlyHit: int64(i.MoreHit), MoreNoLongerHit: int64(i.MoreFreed), Played: showBacktest(&i.Played),
	}
}
