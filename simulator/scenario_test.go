package simulator_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/sentinel-protocol/sentinel/simulator"
)

func load(t testing.TB) []simulator.Scenario {
	t.Helper()
	all, err := simulator.Load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func find(t testing.TB, id string) simulator.Scenario {
	t.Helper()
	s, err := simulator.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSixOfTheOriginalComeFirstAndInTheirOrder(t *testing.T) {
	want := []string{"normal-traffic", "rate-attack", "distributed-attack", "brute-force", "honeypot", "combined-attack"}
	all := load(t)
	for i, id := range want {
		if all[i].ID != id {
			t.Errorf("place %d is %s, want %s", i+1, all[i].ID, id)
		}
	}
}

func TestAnUnknownScenarioIsAnErrorThatNamesTheKnownOnes(t *testing.T) {
	_, err := simulator.Find("rate-atack")
	if err == nil || !strings.Contains(err.Error(), "rate-attack") {
		t.Errorf("got %v", err)
	}
}

// good is the smallest scenario that is valid; each case breaks one thing of it.
const good = `{
	"id": "x", "title": "X", "kind": "attack", "order": 1, "summary": "s", "explains": "e", "shows": ["rate-abuse"],
	"actors": [{"name": "a", "label": "A", "count": 1, "addresses": {"pool": "198.18.0.0/15"}, "key": "k_{run}",
		"steps": [{"method": "GET", "path": "/api/balance", "repeat": 3}]}],
	"promises": [{"kind": "refused", "group": "a", "from": 2, "status": 429, "then": 403, "claim": "c", "kept": "after {request}"}]
}`

func TestAScenarioThatSaysWhatItShouldNotIsRefusedWithTheField(t *testing.T) {
	if _, err := simulator.Parse([]byte(good)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"a field that does not exist", `"order": 1`, `"order": 1, "ordr": 2`, "ordr"},
		{"more after the end", `"kept": "after {request}"}]` + "\n}", `"kept": "after {request}"}]` + "\n} {}", "after its end"},
		{"an id with spaces", `"id": "x"`, `"id": "x y"`, "id"},
		{"an unknown kind", `"kind": "attack"`, `"kind": "raid"`, "kind"},
		{"an attack that shows nothing", `"shows": ["rate-abuse"],`, ``, "shows"},
		{"an attack that is nearly one", `"order": 1`, `"order": 1, "nearly": {"rule": "r", "tip": {"method": "GET", "path": "/api/x"}}`, "nearly"},
		{"addresses of real people", "198.18.0.0/15", "8.8.8.0/24", "pool"},
		{"a rotating IPv4 address", `"198.18.0.0/15"}`, `"198.18.0.0/15", "rotates": true}`, "rotates"},
		{"a path of the console", `"/api/balance"`, `"/graphql"`, "path"},
		{"a method that does not exist", `"GET"`, `"LOOK"`, "method"},
		{"a body on a GET", `"repeat": 3`, `"repeat": 3, "body": {}`, "body"},
		{"a body that is no object", `"method": "GET", "path": "/api/balance"`, `"method": "POST", "path": "/api/balance", "body": [1]`, "body"},
		{"an unknown slot", `k_{run}`, `k_{runs}`, "{runs}"},
		{"a header that players set", `"repeat": 3`, `"repeat": 3, "headers": {"x-simulated-ip": "127.0.0.1"}`, "x-simulated-ip"},
		{"a pace that runs backwards", `"repeat": 3`, `"repeat": 3, "pace": {"from": 2, "to": 1}`, "pace"},
		{"more requests than a simulator should send", `"repeat": 3`, `"repeat": 10001`, "at most"},
		{"a promise of no known kind", `"kind": "refused"`, `"kind": "refsued"`, "refsued"},
		{"a promise about nobody", `"group": "a"`, `"group": "b"`, "group"},
		{"a promise that lacks what it needs", `"then": 403, `, ``, "then"},
		{"a promise with what it ignores", `"then": 403`, `"then": 403, "severity": "HIGH"`, "severity"},
		{"a promise beyond the last request", `"from": 2`, `"from": 4`, "from"},
		{"a sentence with a figure that the kind does not have", `after {request}`, `after {alerts}`, "{alerts}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			if _, err := simulator.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %q", err, c.want)
			}
		})
	}
}

// The schema is for people and their editors, the Go types for the program: they must not drift
// apart.
func TestTheSchemaHasTheFieldsOfTheTypes(t *testing.T) {
	var schema struct {
		Object
		Defs map[string]Object `json:"$defs"`
	}
	read(t, "scenario.schema.json", &schema)
	for name, c := range map[string]struct {
		object Object
		of     any
	}{
		"scenario":  {schema.Object, simulator.Scenario{}},
		"nearly":    {schema.Defs["nearly"], simulator.Nearly{}},
		"group":     {schema.Defs["group"], simulator.Group{}},
		"addresses": {schema.Defs["addresses"], simulator.Addresses{}},
		"step":      {schema.Defs["step"], simulator.Step{}},
		"span":      {schema.Defs["span"], simulator.Span{}},
		"promise":   {schema.Defs["promise"], simulator.Promise{}},
	} {
		want := map[string]bool{}
		for f := range reflect.TypeOf(c.of).Fields() {
			field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			want[field] = true
			if p, ok := c.object.Properties[field]; !ok || p.Description == "" && p.Ref == "" {
				t.Errorf("%s: the schema does not describe %q", name, field)
			}
		}
		for field := range c.object.Properties {
			if !want[field] {
				t.Errorf("%s: the schema has %q, the type does not", name, field)
			}
		}
		if c.object.More == nil || *c.object.More {
			t.Errorf("%s: the schema takes unknown fields", name)
		}
	}
}

// Object is as much of a JSON schema as the test looks at.
type Object struct {
	Properties map[string]struct {
		Description string
		Ref         string `json:"$ref"`
	}
	More *bool `json:"additionalProperties"`
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestEveryBodyIsTheSameTextInBothLanguages(t *testing.T) {
	// The browser reads a body and writes it anew. What would come out differently (1.50, 1e3)
	// may not go in.
	for _, s := range load(t) {
		for _, g := range s.Actors {
			for _, step := range g.Steps {
				if len(step.Body) == 0 {
					continue
				}
				var v map[string]any
				var compact, again bytes.Buffer
				if err := json.Unmarshal(step.Body, &v); err != nil {
					t.Fatal(err)
				}
				_ = json.Compact(&compact, step.Body)
				e := json.NewEncoder(&again)
				e.SetEscapeHTML(false)
				_ = e.Encode(v)
				if len(strings.TrimSpace(again.String())) != compact.Len() {
					t.Errorf("%s: %s would be written as %s", s.ID, compact.String(), again.String())
				}
			}
		}
	}
}

func TestTheTourPlaysTheSixAndThenCleansUp(t *testing.T) {
	var tour []struct {
		Scenario, Says string
		Clean          bool
	}
	read(t, "tour.json", &tour)
	all := load(t)
	for i, stop := range tour {
		last := i == len(tour)-1
		if stop.Says == "" || stop.Clean != last || !last && stop.Scenario != all[i].ID {
			t.Errorf("stop %d: %+v", i+1, stop)
		}
	}
	if len(tour) != 7 {
		t.Errorf("the tour has %d stops", len(tour))
	}
}

func TestTheQuestionsFitTheSchemaOfTheConsole(t *testing.T) {
	names, err := filepath.Glob("../graph/*.graphqls")
	if err != nil || len(names) == 0 {
		t.Fatal("no schema", err)
	}
	var sources []*ast.Source
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: name, Input: string(b)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	var questions map[string]string
	read(t, "questions.json", &questions)
	for name, q := range questions {
		if _, err := gqlparser.LoadQueryWithRules(schema, q, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
