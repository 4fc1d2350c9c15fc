package graph

import (
	"context"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// BlockIncident blocks all sources of an incident.
func (r *mutationResolver) BlockIncident(ctx context.Context, id string, duration *time.Duration) (*BlockIncidentPayload, error) {
	by, err := Acting(ctx)
	if err != nil {
		return nil, err
	}
	n, err := number("id", id)
	if err != nil {
		return nil, err
	}
	if duration != nil && *duration <= 0 {
		return nil, engine.Invalid{Field: "duration", Problem: "must be longer than zero, or absent: until lifted"}
	}
	done, err := r.guard.BlockIncident(ctx, by, n, value(duration))
	if err != nil {
		return nil, err
	}
	return &BlockIncidentPayload{
		Incident: r.showIncident(done.Incident), BlockedCount: amount(len(done.Decisions)),
		SparedCount: amount(len(done.Spared)), Spared: showSpared(done.Spared), BlockedBeforeCount: amount(done.Before),
	}, nil
}

// UndoIncident lifts what BlockIncident has blocked.
func (r *mutationResolver) UndoIncident(ctx context.Context, id string) (*UndoIncidentPayload, error) {
	by, err := Acting(ctx)
	if err != nil {
		return nil, err
	}
	n, err := number("id", id)
	if err != nil {
		return nil, err
	}
	i, lifted, err := r.guard.UndoIncident(ctx, by, n)
	if err != nil {
		return nil, err
	}
	return &UndoIncidentPayload{Incident: r.showIncident(i), LiftedCount: amount(len(lifted))}, nil
}

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
