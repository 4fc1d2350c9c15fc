package graph

import (
	"context"
)

// Resolve closes alerts, and with lift ends the decisions that they led to.
func (r *mutationResolver) Resolve(ctx context.Context, ids []string, lift bool) ([]*Alert, error) {
	by, err := Acting(ctx)
	if err != nil {
		return nil, err
	}
	numbers, err := numbers("ids", ids)
	if err != nil {
		return nil, err
	}
	resolved, err := r.guard.Resolve(ctx, by, numbers, lift)
	return r.showAlerts(resolved), err
}

// Alerts are listed newest first.
func (r *queryResolver) Alerts(ctx context.Context, filter *AlertFilter, first int32, after *string) (*AlertConnection, error) {
	ask, err := filter.Ask()
	if err != nil {
		return nil, err
	}
	p, err := page(first, after)
	if err != nil {
		return nil, err
	}
	s, err := r.store.Alerts(ctx, ask, p)
	if err != nil {
		return nil, err
	}
	out := &AlertConnection{
		PageInfo: pageInfo(s), Edges: make([]*AlertEdge, len(s.Items)),
		count: func(ctx context.Context) (int, error) { return r.store.CountAlerts(ctx, ask) },
	}
	for i, a := range r.showAlerts(s.Items) {
		out.Edges[i] = &AlertEdge{Cursor: s.Cursors[i], Node: a}
	}
	return out, nil
}

// Alert finds one, or nothing.
func (r *queryResolver) Alert(ctx context.Context, id string) (*Alert, error) {
	n, err := number("id", id)
	if err != nil {
		return nil, err
	}
	a, err := r.store.Alert(ctx, n)
	if err != nil {
		return absent[Alert](err)
	}
	return r.showAlert(a), nil
}

// AlertRaised tells of alerts once they are written.
func (r *subscriptionResolver) AlertRaised(ctx context.Context) (<-chan *Alert, error) {
	return follow(ctx, &r.guard.News().AlertRaised, r.showAlert), nil
}

// AlertChanged tells of alerts that took findings or were resolved.
func (r *subscriptionResolver) AlertChanged(ctx context.Context) (<-chan *Alert, error) {
	return follow(ctx, &r.guard.News().AlertChanged, r.showAlert), nil
}
