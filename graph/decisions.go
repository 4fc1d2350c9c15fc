package graph

import (
	"context"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Block is in force for the very next request.
func (r *mutationResolver) Block(ctx context.Context, input DecideInput) (*Decision, error) {
	return r.place(ctx, engine.Block, input)
}

// Allow lets an address or network pass, and lifts what rules decided within it.
func (r *mutationResolver) Allow(ctx context.Context, input DecideInput) (*Decision, error) {
	return r.place(ctx, engine.Allow, input)
}

// Monitor keeps an eye on an address or network.
func (r *mutationResolver) Monitor(ctx context.Context, input DecideInput) (*Decision, error) {
	return r.place(ctx, engine.Monitor, input)
}

// Lift ends decisions.
func (r *mutationResolver) Lift(ctx context.Context, ids []string) (*LiftPayload, error) {
	by, err := Acting(ctx)
	if err != nil {
		return nil, err
	}
	if len(ids) > mostListed {
		return nil, engine.Invalid{Field: "ids", Problem: "are too many at once"}
	}
	lifted, err := r.guard.Lift(ctx, by, ids)
	return &LiftPayload{Lifted: r.showDecisions(lifted)}, err
}

// Decisions are listed newest first.
func (r *queryResolver) Decisions(ctx context.Context, filter *DecisionFilter, first int32, after *string) (*DecisionConnection, error) {
	ask, err := filter.Ask()
	if err != nil {
		return nil, err
	}
	ask.At = time.Now() // the same for the page and its total
	p, err := page(first, after)
	if err != nil {
		return nil, err
	}
	s, err := r.store.Decisions(ctx, ask, p)
	if err != nil {
		return nil, err
	}
	out := &DecisionConnection{
		PageInfo: pageInfo(s), Edges: make([]*DecisionEdge, len(s.Items)),
		count: func(ctx context.Context) (int, error) { return r.store.CountDecisions(ctx, ask) },
	}
	for i, d := range r.showDecisions(s.Items) {
		out.Edges[i] = &DecisionEdge{Cursor: s.Cursors[i], Node: d}
	}
	return out, nil
}

// Decision finds one, or nothing.
func (r *queryResolver) Decision(ctx context.Context, id string) (*Decision, error) {
	d, err := r.store.Decision(ctx, id)
	if err != nil {
		return absent[Decision](err)
	}
	return r.showDecision(d), nil
}

// Receipt explains what a refused client was given as reference.
func (r *queryResolver) Receipt(ctx context.Context, reference string) (*Receipt, error) {
	return r.receipt(ctx, reference)
}

// DecisionChanged tells of decisions once they are written.
func (r *subscriptionResolver) DecisionChanged(ctx context.Context) (<-chan *Decision, error) {
	return follow(ctx, &r.guard.News().DecisionChanged, r.showDecision), nil
}
