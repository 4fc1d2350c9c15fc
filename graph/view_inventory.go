package graph

import (
	"slices"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// among keeps those that a filter asks for.
func (f *ServedFilter) among(all []engine.Endpoint) []engine.Endpoint {
	if f == nil {
		return all
	}
	text := ""
	if f.Text != nil {
		text = strings.ToLower(*f.Text)
	}
	return slices.DeleteFunc(all, func(e engine.Endpoint) bool {
		return len(f.Methods) > 0 && !slices.Contains(f.Methods, e.Method) ||
			!strings.Contains(strings.ToLower(e.Route), text) ||
			f.Late != nil && *f.Late != e.Late ||
			f.Authenticated != nil && *f.Authenticated != (e.Authenticated > 0)
	})
}

// endpointID says where in the order of the inventory an endpoint stands, and is its cursor too: so
// a page goes on rightly whatever was added or given up meanwhile.
func endpointID(e *engine.Endpoint) string { return e.Route + " " + e.Method }

// follows reports whether an endpoint comes after the one with that ID.
func follows(e *engine.Endpoint, id string) bool {
	cut := strings.LastIndexByte(id, ' ') // a method has none
	if c := strings.Compare(e.Route, id[:max(cut, 0)]); c != 0 {
		return c > 0
	}
	return e.Method > id[cut+1:]
}

// inventoryPage is a part of a list that is ordered by route and method.
func inventoryPage(all []engine.Endpoint, p store.Page) *ServedConnection {
	out := &ServedConnection{Edges: []*ServedEdge{}, PageInfo: &PageInfo{}, TotalCount: int32(len(all))} //nolint:gosec // as many as fit in memory
	for i := range all {
		e := &all[i]
		switch {
		case p.After != "" && !follows(e, p.After):
			continue
		case len(out.Edges) == p.First:
			out.PageInfo.HasNextPage = true
			return out
		}
		id := endpointID(e)
		out.Edges, out.PageInfo.EndCursor = append(out.Edges, &ServedEdge{Cursor: id, Node: showEndpoint(e)}), &id
	}
	return out
}

func showEndpoint(e *engine.Endpoint) *ServedEndpoint {
	out := &ServedEndpoint{
		ID: endpointID(e), Method: e.Method, Route: e.Route, FirstAt: e.First, LastAt: e.Last, Requests: e.Requests,
		Statuses: []*StatusClass{}, Late: e.Late, Authenticated: float64(e.Authenticated) / float64(max(e.Requests, 1)),
	}
	for class, n := range e.Statuses {
		if n > 0 {
			out.Statuses = append(out.Statuses, &StatusClass{Class: int32(class), Count: n}) //nolint:gosec // below 6
		}
	}
	return out
}
