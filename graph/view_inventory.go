package graph

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/route"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A listing is an endpoint, and how it stands to the OpenAPI file.
type listing struct {
	engine.Endpoint
	stands     *Listing // nil where there is no file
	deprecated bool
}

// listed says of each endpoint how it stands to the file, and adds those of the file that were not
// seen, in the order of routes and methods.
func listed(seen []engine.Endpoint, file *route.Table) []listing {
	all := make([]listing, 0, len(seen))
	if file == nil {
		for _, e := range seen {
			all = append(all, listing{Endpoint: e})
		}
		return all
	}
	operations, met := file.Operations(), map[route.Operation]bool{}
	for _, e := range seen {
		l := listing{Endpoint: e, stands: new(ListingShadow)}
		if o, ok := operationOf(&e, file, operations); ok {
			met[o] = true
			l.stands, l.deprecated = new(ListingListed), o.Deprecated
		}
		all = append(all, l)
	}
	for _, o := range operations {
		if !met[o] {
			all = append(all, listing{Endpoint: engine.Endpoint{Method: o.Method, Route: o.Route}, stands: new(ListingUnused), deprecated: o.Deprecated})
		}
	}
	slices.SortFunc(all, func(a, b listing) int {
		return cmp.Or(strings.Compare(a.Route, b.Route), strings.Compare(a.Method, b.Method))
	})
	return all
}

// operationOf an endpoint. That which asks what others may do (OPTIONS) is listed with them.
func operationOf(e *engine.Endpoint, file *route.Table, operations []route.Operation) (route.Operation, bool) {
	if o, ok := file.Operation(e.Method, e.Route); ok || e.Method == http.MethodOptions && o.Route != "" {
		return o, true
	}
	for _, o := range operations { // a word of its route may look like the name of one thing among many
		if o.Method == e.Method && engine.Template(o.Route) == e.Route {
			return o, true
		}
	}
	return route.Operation{}, false
}

// among keeps those that a filter asks for.
func (f *ServedFilter) among(all []listing) []listing {
	if f == nil {
		return all
	}
	text := ""
	if f.Text != nil {
		text = strings.ToLower(*f.Text)
	}
	return slices.DeleteFunc(all, func(e listing) bool {
		return len(f.Methods) > 0 && !slices.Contains(f.Methods, e.Method) ||
			!strings.Contains(strings.ToLower(e.Route), text) ||
			f.Late != nil && *f.Late != e.Late ||
			f.Authenticated != nil && *f.Authenticated != (e.Authenticated > 0) ||
			len(f.Listings) > 0 && (e.stands == nil || !slices.Contains(f.Listings, *e.stands)) ||
			f.Deprecated != nil && *f.Deprecated != e.deprecated
	})
}

// endpointID says where in the order of the inventory an endpoint stands, and is its cursor too: so
// a page goes on rightly whatever was added or given up meanwhile.
func endpointID(e *listing) string { return e.Route + " " + e.Method }

// follows reports whether an endpoint comes after the one with that ID.
func follows(e *listing, id string) bool {
	cut := strings.LastIndexByte(id, ' ') // a method has none
	if c := strings.Compare(e.Route, id[:max(cut, 0)]); c != 0 {
		return c > 0
	}
	return e.Method > id[cut+1:]
}

// inventoryPage is a part of a list that is ordered by route and method.
func inventoryPage(all []listing, p store.Page) *ServedConnection {
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

func showEndpoint(e *listing) *ServedEndpoint {
	out := &ServedEndpoint{
		ID: endpointID(e), Method: e.Method, Route: e.Route, Requests: e.Requests,
		Statuses: []*StatusClass{}, Late: e.Late, Authenticated: float64(e.Authenticated) / float64(max(e.Requests, 1)),
		Listing: e.stands, Deprecated: e.deprecated,
	}
	if !e.First.IsZero() {
		out.FirstAt, out.LastAt = &e.First, &e.Last
	}
	for class, n := range e.Statuses {
		if n > 0 {
			out.Statuses = append(out.Statuses, &StatusClass{Class: int32(class), Count: n}) //nolint:gosec // below 6
		}
	}
	return out
}
