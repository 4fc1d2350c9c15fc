package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// A runner runs cases against the product.
type runner struct {
	fixture *fixture
	scale   float64
	inside  *namespace // where this process runs already; nil: the machine's own network
}

// A result is what became of a case.
type result struct {
	ID      string   `json:"id"`
	Verdict string   `json:"verdict"` // passed, failed or not run
	Why     string   `json:"why,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	took    time.Duration
}

// one runs a case and judges it. Whatever keeps it from being run makes it one that was not.
func (r *runner) one(ctx context.Context, c badCase) (out result) {
	began := time.Now()
	out = result{ID: c.ID, Verdict: "not run"}
	defer func() { out.took = time.Since(began) }()
	if why := waits(c); why != "" {
		out.Why = why
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(5, 40*r.scale))*time.Minute)
	defer cancel()
	for tries := 1; ; tries++ {
		v, notes, err := r.attempt(ctx, c)
		out.Notes = append(out.Notes, notes...)
		switch told, not := (*elsewhere)(nil), notRun(""); {
		case errors.As(err, &told):
			out.Verdict, out.Why, out.Notes = told.Verdict, told.Why, told.Notes
		case errors.As(err, &not):
			out.Why = string(not)
		case err != nil: // the product did not do what every case needs
			out.Verdict, out.Why = "failed", err.Error()
		case v.spoilt() && tries < mostTries:
			out.Notes = append(out.Notes, fmt.Sprintf("try %d: %s", tries, v.why))
			continue
		case v.state == held:
			out.Verdict = "passed"
		case v.state == unseen:
			out.Why = v.why
		default:
			out.Verdict, out.Why = "failed", v.why
		}
		return out
	}
}

// mostTries is how often a case is run that misses nothing but a bound on time: a machine does
// other things as well. The tries are told.
const mostTries = 3

func (r *runner) attempt(ctx context.Context, c badCase) (verdict, []string, error) {
	o, notes, err := r.outcome(ctx, c)
	if err != nil {
		return verdict{}, notes, err
	}
	expect, err := bind(c.Expect, ours)
	if err != nil {
		return verdict{}, notes, err
	}
	return o.judge(object(expect)), notes, nil
}

func (r *runner) outcome(ctx context.Context, c badCase) (*outcome, []string, error) {
	if needsNamespace(c) && r.inside == nil {
		return nil, nil, r.elsewhere(ctx, c)
	}
	if c.How == "config" {
		return r.config(ctx, c)
	}
	p := planOf(c)
	if err := prepare(c, &p); err != nil {
		return nil, nil, err
	}
	s, err := r.fixture.start(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	defer s.stop()
	names := s.names(r.fixture)
	bound, err := bind(c.Input, names)
	if err != nil {
		return nil, nil, err
	}
	c.Input = object(bound)
	if err := s.control(ctx, controlPath); err != nil {
		return nil, nil, err
	}
	if p.demo {
		for _, b := range listedBlocks {
			if status, body, err := s.place(ctx, "blacklist", b, 0); err != nil || status != http.StatusOK {
				return nil, nil, fmt.Errorf("place %s: %d %s: %w", b, status, body, err)
			}
		}
	}
	j := &job{runner: r, product: s, c: c, out: newOutcome(c.Input)}
	j.out.demo = p.demo
	if err := j.run(ctx); err != nil {
		return nil, j.notes, err
	}
	return j.out, j.notes, nil
}

// names is what the product calls what cases name.
func (s *product) names(f *fixture) map[string]string {
	out := map[string]string{
		"p.login": "/session", "p.graphql": "/graphql", "p.forwardauth": "/authz", "p.health": "/readyz", "p.metrics": "/metrics",
		"p.export": "/api/export/exchanges.csv", "p.logs": "/api/monitoring/logs", "p.blocks": "/api/ip-management/list",
		"p.block": "/api/ip-management/add", "p.unblock": "/api/ip-management/remove", "p.alerts": "/api/monitoring/alerts",
		"q.list": "alerts", "self.host": s.console, "token.admin": f.token,
	}
	maps.Copy(out, ours)
	return out
}

// ours is what stands in expectations too: the address that the operator works from.
var ours = map[string]string{"self.admin_ip": "127.0.0.1"}
