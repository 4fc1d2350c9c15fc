package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/route"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func served() []engine.Endpoint {
	return []engine.Endpoint{
		{Method: "GET", Route: "/a", Requests: 4, Statuses: [6]int64{2: 3, 4: 1}, Authenticated: 1},
		{Method: "POST", Route: "/a", Requests: 1, Late: true},
		{Method: "GET", Route: "/a b/{id}", Requests: 1},
		{Method: "GET", Route: "/z", Requests: 1},
	}
}

func ids(c *ServedConnection) (all []string) {
	for _, e := range c.Edges {
		all = append(all, e.Node.ID)
	}
	return all
}

func TestAnInventoryIsListedToItsEndWhateverComesBetween(t *testing.T) {
	one := inventoryPage(listed(served(), nil), store.Page{First: 2})
	if got := ids(one); len(got) != 2 || got[0] != "/a GET" || got[1] != "/a POST" || !one.PageInfo.HasNextPage || one.TotalCount != 4 {
		t.Fatalf("the first page is %v, %+v", got, one)
	}
	grown := append([]engine.Endpoint{{Method: "GET", Route: "/"}}, served()...)
	two := inventoryPage(listed(grown, nil), store.Page{First: 2, After: *one.PageInfo.EndCursor})
	if got := ids(two); len(got) != 2 || got[0] != "/a b/{id} GET" || got[1] != "/z GET" || two.PageInfo.HasNextPage {
		t.Errorf("the second page is %v, %+v", got, two.PageInfo)
	}
	if got := ids(inventoryPage(listed(served(), nil), store.Page{First: 9, After: "nonsense"})); len(got) != 0 && got[0] != "/a GET" {
		t.Errorf("after nonsense: %v", got)
	}
}

func TestAnEndpointTellsItsAnswersAndWhoAsks(t *testing.T) {
	e := inventoryPage(listed(served(), nil), store.Page{First: 1}).Edges[0].Node
	if e.Authenticated != 0.25 || len(e.Statuses) != 2 || e.Statuses[1].Class != 4 || e.Statuses[1].Count != 1 {
		t.Errorf("got %+v", e)
	}
}

func TestAnInventoryIsFiltered(t *testing.T) {
	yes, no, text := true, false, "A"
	for name, c := range map[string]struct {
		filter *ServedFilter
		want   int
	}{
		"nothing asked":       {nil, 4},
		"a method":            {&ServedFilter{Methods: []string{"POST"}}, 1},
		"part of the route":   {&ServedFilter{Text: &text}, 3},
		"late ones":           {&ServedFilter{Late: &yes}, 1},
		"never authenticated": {&ServedFilter{Authenticated: &no}, 3},
		"shadows of no file":  {&ServedFilter{Listings: []Listing{ListingShadow}}, 0},
	} {
		if got := len(c.filter.among(listed(served(), nil))); got != c.want {
			t.Errorf("%s: %d are listed, want %d", name, got, c.want)
		}
	}
}

func TestAnInventoryIsHeldAgainstTheFileOfTheAPI(t *testing.T) {
	file, err := route.Read([]byte(`
openapi: 3.1.0
paths:
  /Accounts/{accountId}: {get: {}, put: {deprecated: true}}
  /reports/2024: {get: {deprecated: true}}
  /old/export: {post: {deprecated: true}}
  /cards: {get: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	seen := []engine.Endpoint{
		{Method: "GET", Route: "/Accounts/{accountId}", Requests: 9, First: time.Unix(7, 0)},
		{Method: "OPTIONS", Route: "/Accounts/{accountId}", Requests: 9},
		{Method: "DELETE", Route: "/accounts/{id}", Requests: 2},
		{Method: "GET", Route: "/debug/dump", Requests: 4},
		{Method: "GET", Route: "/reports/{id}", Requests: 3},
	}
	var got []string
	for _, l := range inventoryPage(listed(seen, file), store.Page{First: 50}).Edges {
		e := l.Node
		got = append(got, fmt.Sprint(e.ID, " ", *e.Listing, " ", e.Deprecated, " ", e.FirstAt != nil))
	}
	want := []string{
		"/Accounts/{accountId} GET LISTED false true", "/Accounts/{accountId} OPTIONS LISTED false false", "/Accounts/{accountId} PUT UNUSED true false",
		"/accounts/{id} DELETE SHADOW false false", "/cards GET UNUSED false false", "/debug/dump GET SHADOW false false",
		"/old/export POST UNUSED true false", "/reports/{id} GET LISTED true false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	yes := true
	for name, c := range map[string]struct {
		filter *ServedFilter
		want   int
	}{
		"shadows":              {&ServedFilter{Listings: []Listing{ListingShadow}}, 2},
		"unused and shadows":   {&ServedFilter{Listings: []Listing{ListingShadow, ListingUnused}}, 5},
		"deprecated and asked": {&ServedFilter{Listings: []Listing{ListingListed}, Deprecated: &yes}, 1},
	} {
		if got := len(c.filter.among(listed(seen, file))); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
