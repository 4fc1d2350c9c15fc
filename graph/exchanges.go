package graph

import (
	"context"
	"strconv"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Exchanges are listed newest first. A filter that matches little may end a page early.
func (r *queryResolver) Exchanges(ctx context.Context, filter *ExchangeFilter, first int32, after *string) (*ExchangeConnection, error) {
	ask, err := filter.Ask()
	if err != nil {
		return nil, err
	}
	p, err := page(first, after)
	if err != nil {
		return nil, err
	}
	s, err := r.store.Exchanges(ctx, ask, p)
	if err != nil {
		return nil, err
	}
	out := &ExchangeConnection{PageInfo: pageInfo(s), Edges: make([]*ExchangeEdge, len(s.Items))}
	for i, x := range showExchanges(s.Items) {
		out.Edges[i] = &ExchangeEdge{Cursor: s.Cursors[i], Node: x}
	}
	return out, nil
}

// Exchange finds one, or nothing when it is not kept any more.
func (r *queryResolver) Exchange(ctx context.Context, id string) (*Exchange, error) {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nil, engine.Invalid{Field: "id", Problem: "is not an ID"}
	}
	x, err := r.store.Exchange(ctx, n)
	if err != nil {
		return absent[Exchange](err)
	}
	return &Exchange{x}, nil
}

// ExchangesSeen shows traffic in batches that a person can follow.
func (r *subscriptionResolver) ExchangesSeen(ctx context.Context, filter *ExchangeFilter) (<-chan *ExchangesSeen, error) {
	ask, err := filter.Ask()
	if err != nil {
		return nil, err
	}
	return r.traffic.seen(ctx, ask)
}
