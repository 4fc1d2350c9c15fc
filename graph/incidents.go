package graph

import (
	"context"

	"github.com/sentinel-protocol/sentinel/server/incident"
)

// Incidents are listed newest first.
func (r *queryResolver) Incidents(ctx context.Context, status *incident.Status, first int32, after *string) (*IncidentConnection, error) {
	p, err := page(first, after)
	if err != nil {
		return nil, err
	}
	s, err := r.store.Incidents(ctx, value(status), p)
	if err != nil {
		return nil, err
	}
	out := &IncidentConnection{
		PageInfo: pageInfo(s), Edges: make([]*IncidentEdge, len(s.Items)),
		count: func(ctx context.Context) (int, error) { return r.store.CountIncidents(ctx, value(status)) },
	}
	for i, in := range s.Items {
		out.Edges[i] = &IncidentEdge{Cursor: s.Cursors[i], Node: r.showIncident(in)}
	}
	return out, nil
}

// Incident finds one, or nothing.
func (r *queryResolver) Incident(ctx context.Context, id string) (*Incident, error) {
	n, err := number("id", id)
	if err != nil {
		return nil, err
	}
	i, err := r.store.Incident(ctx, n)
	if err != nil {
		return absent[Incident](err)
	}
	return r.showIncident(i), nil
}

// IncidentChanged tells of incidents once they are written.
func (r *subscriptionResolver) IncidentChanged(ctx context.Context) (<-chan *Incident, error) {
	return follow(ctx, &r.guard.News().IncidentChanged, r.showIncident), nil
}
