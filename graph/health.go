package graph

import (
	"context"
	"strconv"
)

// Usual is told from memory.
func (r *healthResolver) Usual(ctx context.Context, obj *Health) (*Usual, error) {
	_ = obj // of which there is one
	return r.usual(), ctx.Err()
}

// Memory is looked at.
func (r *healthResolver) Memory(ctx context.Context, obj *Health) ([]*RuleMemory, error) {
	_ = obj // of which there is one
	return r.memory(), ctx.Err()
}

// Health is told from memory.
func (r *queryResolver) Health(ctx context.Context) (*Health, error) {
	return r.showHealth(r.guard.Health()), ctx.Err()
}

// Upstreams are told from memory.
func (r *queryResolver) Upstreams(ctx context.Context) ([]*Upstream, error) {
	return told(r.about.Upstreams), ctx.Err()
}

// Logs are told from memory.
func (r *queryResolver) Logs(ctx context.Context) ([]*FollowedLog, error) {
	return told(r.about.Logs), ctx.Err()
}

// Rules are those that there are, with their figures.
func (r *queryResolver) Rules(ctx context.Context) ([]*Rule, error) {
	var out []*Rule
	would := r.wouldHave()
	for _, s := range r.guard.Rules() {
		out = append(out, r.showRule(&s, would))
	}
	return out, ctx.Err()
}

// Audit lists who did what, newest first.
func (r *queryResolver) Audit(ctx context.Context, first int32, after *string) (*AuditConnection, error) {
	p, err := page(first, after)
	if err != nil {
		return nil, err
	}
	s, err := r.store.Audit(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &AuditConnection{PageInfo: pageInfo(s), Edges: make([]*AuditEdge, len(s.Items))}
	for i, e := range s.Items {
		out.Edges[i] = &AuditEdge{Cursor: s.Cursors[i], Node: &AuditEntry{
			ID: strconv.FormatInt(e.Seq, 10), At: e.At, Actor: e.Actor, Origin: e.Origin,
			Verb: e.Verb, Object: e.Object, Detail: e.Detail,
		}}
	}
	return out, nil
}

// Search finds what a text names.
func (r *queryResolver) Search(ctx context.Context, text string) ([]*Hit, error) {
	return r.search(ctx, text)
}

// HealthChanged tells when a dependency is lost or found.
func (r *subscriptionResolver) HealthChanged(ctx context.Context) (<-chan *Health, error) {
	return follow(ctx, &r.guard.News().HealthChanged, r.showHealth), nil
}

// Health returns HealthResolver implementation.
func (r *Resolver) Health() HealthResolver { return &healthResolver{r} }

type healthResolver struct{ *Resolver }
