package console

import (
	"testing"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/access"
)

// What is added to the schema or to the routes has to say who may do it.
func TestEveryFieldAndRouteSaysWhoMayDoIt(t *testing.T) {
	var deeds []string
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for _, root := range []string{"Query", "Mutation", "Subscription"} {
		for _, f := range schema.Types[root].Fields {
			if f.Name[:2] != "__" {
				deeds = append(deeds, root+"."+f.Name)
			}
		}
	}
	c := &Console{}
	for _, routes := range []map[string]methods{c.calls(), c.signs()} {
		for path, do := range routes {
			for method := range do {
				deeds = append(deeds, method+" "+path)
			}
		}
	}
	if len(deeds) < 50 {
		t.Fatalf("only %d were found", len(deeds))
	}
	for _, deed := range deeds {
		if _, known := access.Needs(deed); !known {
			t.Errorf("nobody may do %s: server/access/rights.go does not name it", deed)
		}
	}
	for _, deed := range deeds {
		least, _ := access.Needs(deed)
		changes := deed[:1] == "M" || deed[:4] == "POST"
		if changes && least < access.Analyst && deed != "Mutation.changePassword" && c.signs()[deed[5:]] == nil {
			t.Errorf("a viewer may do %s", deed)
		}
	}
}

func TestWhatIsInNoTableIsDoneByNobody(t *testing.T) {
	for _, deed := range []string{"Query.secrets", "Mutation.become", "GET /api/secrets", "DELETE /api/monitoring/stats", ""} {
		if access.Admin.May(deed) {
			t.Errorf("an admin may do %q", deed)
		}
	}
}
