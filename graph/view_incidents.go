package graph

import (
	"cmp"
	"context"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// WeakCount is how many of its sources no alert is about.
func (i *Incident) WeakCount() int { return i.Weak }

// showSpared are the first who were spared.
func showSpared(all []guard.Spared) []*SparedSource {
	const most = 100
	out := []*SparedSource{}
	for _, s := range all[:min(len(all), most)] {
		out = append(out, &SparedSource{Target: &Target{s.Target}, Reason: s.Why})
	}
	return out
}

// Reasons are those of its score.
func (i *Incident) Reasons() []incident.Reason { return i.Incident.Reasons(i.Last) }

// Stages are what was found, in the order in which an attack goes through them.
func (i *Incident) Stages() []*StageReached {
	var out []*StageReached
	by := make(map[engine.Stage]*StageReached)
	strands := slices.Clone(i.Strands)
	slices.SortStableFunc(strands, func(x, y incident.Strand) int { return cmp.Compare(x.Stage(), y.Stage()) })
	for _, s := range strands {
		at := by[s.Stage()]
		if at == nil {
			at = &StageReached{Stage: s.Stage().String(), FirstAt: s.First, LastAt: s.Last}
			by[s.Stage()] = at
			out = append(out, at)
		}
		if !slices.Contains(at.Titles, s.Title) {
			at.Titles = append(at.Titles, s.Title)
		}
		at.Findings = amount(int(at.Findings) + s.Count)
		at.Success = at.Success || s.Success()
		if s.First.Before(at.FirstAt) {
			at.FirstAt = s.First
		}
		if s.Last.After(at.LastAt) {
			at.LastAt = s.Last
		}
	}
	return out
}

// Sources are a page of those that are kept. A cursor is the place in the list, which only grows.
func (i *Incident) Sources(first int32, after *string) (*SourceConnection, error) {
	p, err := page(first, after)
	if err != nil {
		return nil, err
	}
	from := 0
	if p.After != "" {
		if from, err = strconv.Atoi(p.After); err != nil || from < 0 {
			return nil, engine.Invalid{Field: "after", Problem: "must be a cursor that an earlier page gave"}
		}
	}
	all := i.Incident.Sources
	from = min(from, len(all))
	end := min(from+p.First, len(all))
	out := &SourceConnection{PageInfo: &PageInfo{HasNextPage: end < len(all)}, Edges: make([]*SourceEdge, 0, end-from)}
	for k := from; k < end; k++ {
		out.Edges = append(out.Edges, &SourceEdge{Cursor: strconv.Itoa(k + 1), Node: &Source{all[k]}})
	}
	if n := len(out.Edges); n > 0 {
		out.PageInfo.EndCursor = &out.Edges[n-1].Cursor
	}
	return out, nil
}

// Parent is the incident that this one continues; nil for none, or when it is not kept any more.
func (i *Incident) Parent(ctx context.Context) (*Incident, error) {
	if i.Incident.Parent == 0 {
		return nil, nil
	}
	p, err := i.r.store.Incident(ctx, i.Incident.Parent)
	if err != nil {
		return absent[Incident](err)
	}
	return i.r.showIncident(p), nil
}

// A Source is an incident.Source as the schema shows it.
type Source struct{ incident.Source }

// Target is who it is.
func (s *Source) Target() *Target { return &Target{s.Actor} }

// Client is nil when no address was seen.
func (s *Source) Client() *netip.Addr {
	if !s.Source.Client.IsValid() {
		return nil
	}
	return &s.Source.Client
}

// FirstAt is when it was seen first.
func (s *Source) FirstAt() time.Time { return s.First }

// amount is a count as generated types hold it.
func amount(n int) int32 { return int32(min(n, math.MaxInt32)) } //nolint:gosec // bounded
