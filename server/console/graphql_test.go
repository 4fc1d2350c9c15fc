package console_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestAPageIsToldAllOfAnAlert(t *testing.T) {
	h := open(t)
	for range 3 {
		h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	}
	h.trip("198.51.100.7")
	h.trip("198.51.100.8")
	var got struct {
		Alerts struct {
			TotalCount int
			PageInfo   struct {
				EndCursor   string
				HasNextPage bool
			}
			Edges []struct {
				Node struct {
					ID, Rule, Severity, Status, Client, KeyPrefix, Reason, Method, Path, FirstAt string
					RuleVersion, Findings, WindowSeconds                                         int
					Actor                                                                        struct{ Label, Network string }
					Decision                                                                     struct {
						ID, State, Until, By string
						Alert                struct{ ID string }
					}
					Decisions  []struct{ ID string }
					Incident   struct{ Reference string }
					Exchanges  []struct{ Path string }
					Times      []string
					ResolvedAt *string
				}
			}
		}
	}
	h.mustAsk(&got, `{alerts(first: 1, filter: {severities: [CRITICAL], status: OPEN, text: "decoy"}) {
		totalCount pageInfo {endCursor hasNextPage} edges {node {
		id rule ruleVersion severity status client keyPrefix reason method path firstAt findings windowSeconds
		actor {label network} decision {id state until by alert {id}} decisions {id} incident {reference}
		exchanges {path} times resolvedAt }}}}`, nil)
	a := got.Alerts.Edges[0].Node
	if got.Alerts.TotalCount != 2 || !got.Alerts.PageInfo.HasNextPage || len(got.Alerts.Edges) != 1 {
		t.Errorf("the page is %+v", got.Alerts)
	}
	if a.Rule != "honeypot" || a.Severity != "CRITICAL" || a.Client != "198.51.100.8" || a.Actor.Label != "198.51.100.8" ||
		a.KeyPrefix != "user_key" || a.Path != "/api/admin/users" || a.ResolvedAt != nil {
		t.Errorf("the alert is %+v", a)
	}
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", a.FirstAt); err != nil || time.Since(at) > time.Minute {
		t.Errorf("it began at %s", a.FirstAt)
	}
	if a.Decision.State != "IN_FORCE" || a.Decision.By != "test" || a.Decision.Alert.ID != a.ID || len(a.Decisions) != 1 || a.Decisions[0].ID != a.Decision.ID {
		t.Errorf("its decisions are %+v and %+v", a.Decision, a.Decisions)
	}
	if len(a.Exchanges) != 1 || a.Exchanges[0].Path != "/api/admin/users" {
		t.Errorf("its exchanges are %+v", a.Exchanges)
	}
	var next struct {
		Alerts struct {
			Edges []struct{ Node struct{ Client string } }
		}
	}
	h.mustAsk(&next, `query($after: String!) {alerts(first: 1, after: $after) {edges {node {client}}}}`, map[string]any{"after": got.Alerts.PageInfo.EndCursor})
	if len(next.Alerts.Edges) != 1 || next.Alerts.Edges[0].Node.Client != "198.51.100.7" {
		t.Errorf("the next page is %+v", next)
	}
}

func TestADecisionIsInForceForTheNextRequestAndLiftedByOneStep(t *testing.T) {
	h := open(t)
	ask := func() int { return h.traffic(exchange("2001:db8::1", "GET", "/api/balance", 200)).Status }
	var made struct {
		Block struct{ ID, State, By, Reason, Until string }
	}
	h.mustAsk(&made, `mutation {block(input: {target: "2001:db8::1", reason: "testing", duration: "90s"}) {id state by reason until}}`, nil)
	if made.Block.State != "IN_FORCE" || made.Block.By != "demo admin" || made.Block.Reason != "testing" || made.Block.Until == "" {
		t.Errorf("the block is %+v", made.Block)
	}
	if code := ask(); code != 403 {
		t.Errorf("blocked, it is answered %d", code)
	}
	var lifted struct {
		Lift struct {
			Lifted []struct{ ID, State, LiftedBy string }
		}
	}
	h.mustAsk(&lifted, `mutation($id: ID!) {lift(ids: [$id]) {lifted {id state liftedBy}}}`, map[string]any{"id": made.Block.ID})
	if len(lifted.Lift.Lifted) != 1 || lifted.Lift.Lifted[0].State != "LIFTED" || lifted.Lift.Lifted[0].LiftedBy != "demo admin" {
		t.Errorf("lifted: %+v", lifted)
	}
	if code := ask(); code != 0 {
		t.Errorf("lifted, it is answered %d", code)
	}
	h.mustAsk(nil, `mutation {allow(input: {target: "2001:db8::/32"}) {id}}`, nil)
	h.trip("2001:db8::1")
	if code := ask(); code != 0 {
		t.Errorf("allowed, it is answered %d", code)
	}
	var audit struct {
		Audit struct {
			Edges []struct {
				Node struct{ Actor, Origin, Verb, Object string }
			}
		}
	}
	h.mustAsk(&audit, `{audit {edges {node {actor origin verb object}}}}`, nil)
	var verbs []string
	for _, e := range audit.Audit.Edges {
		verbs = append(verbs, e.Node.Verb)
		if e.Node.Actor != "demo admin" || e.Node.Origin != "192.0.2.200" {
			t.Errorf("the audit log says %+v", e.Node)
		}
	}
	if strings.Join(verbs, " ") != "allow lift block" {
		t.Errorf("the audit log holds %v", verbs)
	}
}

func TestAReceiptSaysWhyAndHowToUndo(t *testing.T) {
	h := open(t)
	for range 101 {
		h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	}
	refused := h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	h.flush()
	type receipt struct {
		Receipt *struct {
			Reference, Summary, Undo string
			Decision                 *struct{ ID, State string }
			Alert                    *struct{ Rule string }
			Exchange                 *struct{ Status int }
			Exchanges                []struct{ At string }
		}
	}
	const q = `query($r: String!) {receipt(reference: $r) {reference summary undo decision {id state} alert {rule} exchange {status} exchanges(first: 500) {at}}}`
	var got receipt
	h.mustAsk(&got, q, map[string]any{"r": strings.ToLower(refused.Reference)})
	r := got.Receipt
	if r == nil || r.Decision == nil || r.Decision.ID != refused.Reference || r.Alert == nil || r.Alert.Rule != "rate-abuse" {
		t.Fatalf("the receipt of %s is %+v", refused.Reference, r)
	}
	if len(r.Exchanges) != 101 || r.Exchange == nil || r.Exchange.Status != 429 {
		t.Errorf("it shows %d exchanges and %+v", len(r.Exchanges), r.Exchange)
	}
	if !strings.Contains(r.Summary, "rate-abuse") || !strings.Contains(r.Undo, refused.Reference) {
		t.Errorf("it says %q and %q", r.Summary, r.Undo)
	}
	var newest struct {
		Exchanges struct {
			Edges []struct{ Node struct{ Reference string } }
		}
	}
	h.mustAsk(&newest, `{exchanges(first: 1) {edges {node {reference}}}}`, nil)
	got = receipt{}
	h.mustAsk(&got, q, map[string]any{"r": newest.Exchanges.Edges[0].Node.Reference})
	if got.Receipt == nil || got.Receipt.Decision == nil || got.Receipt.Decision.ID != refused.Reference {
		t.Errorf("the receipt of the exchange that was refused is %+v", got.Receipt)
	}
	for _, unknown := range []string{"D-0000000000000", "X-0000000000001", "X-ZZZZZZZZZZZZZ", "", "' OR 1=1--"} {
		got = receipt{}
		h.mustAsk(&got, q, map[string]any{"r": unknown})
		if got.Receipt != nil {
			t.Errorf("%q has the receipt %+v", unknown, got.Receipt)
		}
	}
}

func TestSearchFindsWhatATextNames(t *testing.T) {
	h := open(t)
	h.trip("198.51.100.7")
	h.trip("2001:db8:1:2::3")
	var known struct {
		Alerts struct {
			Edges []struct{ Node struct{ ID string } }
		}
		Decisions struct {
			Edges []struct{ Node struct{ ID string } }
		}
		Exchanges struct {
			Edges []struct {
				Node struct{ ID, Reference string }
			}
		}
	}
	h.mustAsk(&known, `{alerts {edges {node {id}}} decisions {edges {node {id}}} exchanges {edges {node {id reference}}}}`, nil)
	for text, want := range map[string]string{
		known.Alerts.Edges[0].Node.ID:           "ALERT",
		known.Decisions.Edges[0].Node.ID:        "DECISION",
		known.Exchanges.Edges[0].Node.Reference: "EXCHANGE",
		"198.51.100.7":                          "CLIENT ALERT DECISION",
		" 2001:DB8:1:2::4 ":                     "CLIENT ALERT DECISION",
		"198.51.100.0/24":                       "ALERT",
		"decoy":                                 "ALERT ALERT DECISION DECISION",
		"INC-00000":                             "",
		"%":                                     "",
		"nothing of the kind":                   "",
		"":                                      "",
	} {
		var got struct{ Search []struct{ Kind, ID string } }
		h.mustAsk(&got, `query($t: String!) {search(text: $t) {kind id label detail}}`, map[string]any{"t": text})
		var kinds []string
		for _, hit := range got.Search {
			kinds = append(kinds, hit.Kind)
		}
		if strings.Join(kinds, " ") != want {
			t.Errorf("%q finds %v, want %s", text, kinds, want)
		}
	}
}

func TestAnErrorSaysWhatToCorrect(t *testing.T) {
	h := open(t)
	for document, want := range map[string]struct{ code, field string }{
		`{alerts(first: 501) {totalCount}}`:                                                         {"INVALID", "first"},
		`{client(address: "198.51.100.300") {requests}}`:                                            {"INVALID", "address"},
		`{client(address: 5) {requests}}`:                                                           {"INVALID", "address"},
		`{alerts(filter: {client: "198.51.100.7/24"}) {totalCount}}`:                                {"INVALID", "filter.client"},
		`{exchanges(filter: {client: "' OR 1=1--"}) {edges {cursor}}}`:                              {"INVALID", "filter.client"},
		`{exchanges(filter: {status: 99}) {edges {cursor}}}`:                                        {"INVALID", "filter.status"},
		`{exchanges(filter: {statusClass: 6}) {edges {cursor}}}`:                                    {"INVALID", "filter.statusClass"},
		`{exchanges(filter: {from: "yesterday"}) {edges {cursor}}}`:                                 {"INVALID", "filter.from"},
		`{alerts(filter: {from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z"}) {totalCount}}`: {"INVALID", "filter.to"},
		`{alerts(filter: {incident: "x"}) {totalCount}}`:                                            {"INVALID", "filter.incident"},
		`{alerts(filter: {severities: [AWFUL]}) {totalCount}}`:                                      {"INVALID", "query"},
		`{alerts(after: "AAAA") {totalCount}}`:                                                      {"INVALID", "after"},
		`{decisions(after: "YW13cnRxMjgwLjUy") {totalCount}}`:                                       {"INVALID", "after"},
		`{alert(id: "x") {id}}`:                                                                     {"INVALID", "id"},
		`{exchange(id: "-1") {id}}`:                                                                 {"INVALID", "id"},
		`{stats(window: "59s") {from}}`:                                                             {"INVALID", "window"},
		`{stats(window: "31d") {from}}`:                                                             {"INVALID", "window"},
		`{stats {topEndpoints(first: 51) {path}}}`:                                                  {"INVALID", "first"},
		`{timeline(window: "30d") {at}}`:                                                            {"INVALID", "step"},
		`{timeline(step: "90s") {at}}`:                                                              {"INVALID", "step"},
		`mutation {block(input: {target: "0.0.0.0/0"}) {id}}`:                                       {"INVALID", "input.target"},
		`mutation {block(input: {target: "192.0.2.200"}) {id}}`:                                     {"INVALID", "input.target"},
		`mutation {block(input: {target: "198.51.100.7", duration: "0s"}) {id}}`:                    {"INVALID", "input.duration"},
		`mutation {block(input: {target: "198.51.100.7", reason: "a\nb"}) {id}}`:                    {"INVALID", "input.reason"},
		`mutation {block(input: {}) {id}}`:                                                          {"INVALID", "query"},
		`mutation {lift(ids: ["D-0000000000000"]) {lifted {id}}}`:                                   {"NOT_FOUND", ""},
		`mutation {resolve(ids: ["5"]) {id}}`:                                                       {"NOT_FOUND", ""},
		`mutation {resolve(ids: ["five"]) {id}}`:                                                    {"INVALID", "ids"},
		`{mee {name}}`:                                                                              {"INVALID", "query"},
		`{alerts(frist: 5) {totalCount}}`:                                                           {"INVALID", "query"},
		`{me`:                                                                                       {"INVALID", "query"},
		`subscription {alertRaised {id}}`:                                                           {"INVALID", "query"},
	} {
		errs := h.ask(nil, document, nil)
		if len(errs) != 1 || errs[0].Extensions.Code != want.code || errs[0].Extensions.Field != want.field {
			t.Errorf("%s gives %+v, want %+v", document, errs, want)
			continue
		}
		for _, leak := range []string{"SQL", "sql", "Did you mean", "goroutine", ".go:"} {
			if strings.Contains(errs[0].Message, leak) {
				t.Errorf("%s says %q", document, errs[0].Message)
			}
		}
	}
	for document, variables := range map[string]map[string]any{
		`query($a: IP!) {client(address: $a) {requests}}`:                        {"a": "x"},
		`query($a: Int!) {alerts(first: $a) {totalCount}}`:                       {"a": "ten"},
		`query($a: AlertFilter) {alerts(filter: $a) {totalCount}}`:               {"a": map[string]any{"client": "x"}},
		`query($a: [Severity!]) {alerts(filter: {severities: $a}) {totalCount}}`: {"a": []string{"AWFUL"}},
	} {
		errs := h.ask(nil, document, variables)
		if len(errs) != 1 || errs[0].Extensions.Code != "INVALID" || errs[0].Extensions.Field == "" {
			t.Errorf("%s with %v gives %+v", document, variables, errs)
		}
	}
}

func TestWhatIsAbsentIsNull(t *testing.T) {
	h := open(t)
	var got map[string]any
	h.mustAsk(&got, `{alert(id: "5") {id} incident(id: "5") {id} decision(id: "D-5") {id} exchange(id: "5") {id}}`, nil)
	for name, v := range got {
		if v != nil {
			t.Errorf("%s is %v", name, v)
		}
	}
}

func TestOurOwnFaultIsToldByReferenceAloneAndLoggedOnce(t *testing.T) {
	h := open(t)
	h.must(h.store.Close())
	errs := h.ask(nil, `{alerts {totalCount}}`, nil)
	if len(errs) != 1 || errs[0].Extensions.Code != "INTERNAL" || !strings.HasPrefix(errs[0].Extensions.Reference, "E-") {
		t.Fatalf("got %+v", errs)
	}
	if strings.Contains(errs[0].Message, "sql") || strings.Contains(errs[0].Message, "database") {
		t.Errorf("it says %q", errs[0].Message)
	}
	if n := strings.Count(h.log.String(), errs[0].Extensions.Reference); n != 1 {
		t.Errorf("the log has it %d times", n)
	}
}

func TestAChangeThatCannotBeWrittenIsNotMade(t *testing.T) {
	h := open(t)
	h.must(h.store.Close())
	errs := h.ask(nil, `mutation {block(input: {target: "198.51.100.7"}) {id}}`, nil)
	if len(errs) != 1 || errs[0].Extensions.Code != "INTERNAL" || !strings.Contains(errs[0].Message, "nothing was changed") {
		t.Errorf("got %+v", errs)
	}
	if in := h.guard.Covering(netip.MustParseAddr("198.51.100.7"), engine.Key{}); len(in) != 0 {
		t.Errorf("in force all the same: %+v", in)
	}
}

func TestOnlyJSONIsTaken(t *testing.T) {
	h := open(t)
	const ask = `{"query":"mutation{block(input:{target:\"198.51.100.7\"}){id}}"}`
	for name, c := range map[string]struct {
		body    string
		headers []string
		code    int
	}{
		"text":                     {ask, []string{"Content-Type: text/plain"}, 415},
		"a form":                   {"query={me{name}}", []string{"Content-Type: application/x-www-form-urlencoded"}, 415},
		"many parts":               {ask, []string{"Content-Type: multipart/form-data; boundary=b"}, 415},
		"nothing said":             {ask, nil, 415},
		"something like it":        {ask, []string{"Content-Type: application/json2"}, 415},
		"JSON with a twist":        {ask, []string{"Content-Type: application/json; a=text/plain"}, 415},
		"two types":                {ask, []string{isJSON, "Content-Type: text/plain"}, 415},
		"compressed":               {ask, []string{isJSON, "Content-Encoding: gzip"}, 415},
		"a batch":                  {"[" + ask + "," + ask + "]", []string{isJSON}, 400},
		"half":                     {`{"query":"{me`, []string{isJSON}, 400},
		"two":                      {ask + ask, []string{isJSON}, 400},
		"a query that is a number": {`{"query":5}`, []string{isJSON}, 400},
		"nothing":                  {"{}", []string{isJSON}, 200},
		"too much":                 {`{"query":"{me{name}}","x":"` + strings.Repeat("secret", 20000) + `"}`, []string{isJSON}, 413},
		"JSON without end":         {strings.Repeat(`{"a":`, 12000), []string{isJSON}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.send("POST", "/graphql", c.body, c.headers...)
			if a.code != c.code || !strings.Contains(a.body, `"errors"`) || strings.Contains(a.body, `"data":{`) {
				t.Errorf("answers %d %s", a.code, a.body)
			}
			if strings.Contains(a.body, "secret") {
				t.Error("the body is repeated")
			}
		})
	}
	if in := h.guard.Decisions(); len(in) > 0 {
		t.Errorf("in force: %+v", in)
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "HEAD"} {
		a := h.send(method, "/graphql?query=mutation{block(input:{target:%22198.51.100.7%22}){id}}", "")
		if a.code != 405 || a.header.Get("Allow") != "POST" {
			t.Errorf("%s answers %d, Allow %q", method, a.code, a.header.Get("Allow"))
		}
	}
	if a := h.send("POST", "/graphql", `{"query":"{me{name}}"}`, "Content-Type: application/json; charset=utf-8"); a.code != 200 {
		t.Errorf("JSON with its charset is answered %d", a.code)
	}
}

func TestARefusalHasItsStatusForClientsThatKnowTheNewMediaType(t *testing.T) {
	h := open(t)
	a := h.send("POST", "/graphql", `{"query":"{mee}"}`, isJSON, "Accept: application/graphql-response+json, application/json;q=0.9")
	if a.code != 400 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/graphql-response+json") {
		t.Errorf("answers %d %s", a.code, a.header.Get("Content-Type"))
	}
	a = h.send("POST", "/graphql", `{"query":"{me{name}}"}`, isJSON, "Accept: application/graphql-response+json")
	if a.code != 200 {
		t.Errorf("a good question is answered %d", a.code)
	}
}

func TestNobodyIsAnsweredWhoIsNotSignedIn(t *testing.T) {
	h := open(t, undemo)
	a := h.send("POST", "/graphql", `{"query":"{me{name}}"}`, isJSON)
	if a.code != 401 || !strings.Contains(a.body, "UNAUTHENTICATED") {
		t.Errorf("GraphQL answers %d %s", a.code, a.body)
	}
	for _, path := range []string{"/api/monitoring/stats", "/api/ip-management/list", "/api/export/alerts.csv"} {
		if a := h.send("GET", path, ""); a.code != 401 {
			t.Errorf("%s answers %d", path, a.code)
		}
	}
}

func TestIntrospectionIsForTheDemo(t *testing.T) {
	const q = `{__schema {types {name}}}`
	if errs := open(t).ask(nil, q, nil); len(errs) > 0 {
		t.Errorf("in the demo: %+v", errs)
	}
}

// A batch of many aliases costs what its parts cost.
func TestOneRequestIsNotMany(t *testing.T) {
	h := open(t)
	var b strings.Builder
	b.WriteString("mutation{")
	for i := range 25 {
		b.WriteString(`a` + string(rune('a'+i)) + `:block(input:{target:"198.51.100.7"}){id} `)
	}
	b.WriteString("}")
	if errs := h.ask(nil, b.String(), nil); len(errs) != 1 || errs[0].Extensions.Code != "TOO_COMPLEX" {
		t.Errorf("got %+v", errs)
	}
	if in := h.guard.Decisions(); len(in) > 0 {
		t.Errorf("in force: %+v", in)
	}
}

func TestTotalsAreCountedForWhoAsks(t *testing.T) {
	h := open(t)
	h.trip("198.51.100.7")
	h.mustAsk(nil, `mutation {block(input: {target: "203.0.113.0/24", duration: "1h"}) {id}}`, nil)
	var got struct {
		All, Mine, InForce, Lifted, Text, Covers struct{ TotalCount int }
	}
	h.mustAsk(&got, `{all: decisions {totalCount} mine: decisions(filter: {origins: [OPERATOR]}) {totalCount}
		inForce: decisions(filter: {state: IN_FORCE}) {totalCount} lifted: decisions(filter: {state: LIFTED}) {totalCount}
		text: decisions(filter: {text: "203.0"}) {totalCount} covers: decisions(filter: {covers: "203.0.113.77"}) {totalCount}}`, nil)
	b, _ := json.Marshal(got)
	if want := `{"All":{"TotalCount":2},"Mine":{"TotalCount":1},"InForce":{"TotalCount":2},"Lifted":{"TotalCount":0},"Text":{"TotalCount":1},"Covers":{"TotalCount":1}}`; string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
}
