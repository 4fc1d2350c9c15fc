package graph

import (
	"context"
	"time"

	"github.com/sentinel-protocol/sentinel/server/store"
)

// Stats are the figures of a window that ends now, and of the one before.
func (r *queryResolver) Stats(ctx context.Context, window time.Duration) (*Stats, error) {
	if err := checkWindow(window); err != nil {
		return nil, err
	}
	return r.stats(ctx, window, time.Now())
}

// Timeline cuts a window into steps.
func (r *queryResolver) Timeline(ctx context.Context, window time.Duration, step time.Duration) ([]*store.Point, error) {
	if err := checkWindow(window); err != nil {
		return nil, err
	}
	if err := checkStep(window, step); err != nil {
		return nil, err
	}
	now := time.Now()
	points, err := r.store.Timeline(ctx, now.Add(-window), now, step)
	out := make([]*store.Point, len(points))
	for i := range points {
		out[i] = &points[i]
	}
	return out, err
}

// StatsChanged is computed once for all who watch the same window.
func (r *subscriptionResolver) StatsChanged(ctx context.Context, window time.Duration) (<-chan *Stats, error) {
	if err := checkWindow(window); err != nil {
		return nil, err
	}
	return r.pulse.stats(ctx, window)
}

// TimelineTicked is the current minute so far.
func (r *subscriptionResolver) TimelineTicked(ctx context.Context) (<-chan *store.Point, error) {
	return r.pulse.minute(ctx)
}
