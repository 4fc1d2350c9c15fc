package graph

import (
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
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
	one := inventoryPage(served(), store.Page{First: 2})
	if got := ids(one); len(got) != 2 || got[0] != "/a GET" || got[1] != "/a POST" || !one.PageInfo.HasNextPage || one.TotalCount != 4 {
		t.Fatalf("the first page is %v, %+v", got, one)
	}
	grown := append([]engine.Endpoint{{Method: "GET", Route: "/"}}, served()...)
	two := inventoryPage(grown, store.Page{First: 2, After: *one.PageInfo.EndCursor})
	if got := ids(two); len(got) != 2 || got[0] != "/a b/{id} GET" || got[1] != "/z GET" || two.PageInfo.HasNextPage {
		t.Errorf("the second page is %v, %+v", got, two.PageInfo)
	}
	if got := ids(inventoryPage(served(), store.Page{First: 9, After: "nonsense"})); len(got) != 0 && got[0] != "/a GET" {
		t.Errorf("after nonsense: %v", got)
	}
}

func TestAnEndpointTellsItsAnswersAndWhoAsks(t *testing.T) {
	e := inventoryPage(served(), store.Page{First: 1}).Edges[0].Node
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
	} {
		if got := len(c.filter.among(served())); got != c.want {
			t.Errorf("%s: %d are listed, want %d", name, got, c.want)
		}
	}
}
