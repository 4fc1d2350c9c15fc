package console_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

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
	if a := h.send("POST", "/graphql", strings.Repeat(" ", 70_000), isJSON); a.code != 413 {
		t.Errorf("a body that nobody may send is answered %d", a.code)
	}
	for _, path := range []string{"/api/monitoring/stats", "/api/ip-management/list", "/api/export/alerts.csv"} {
		if a := h.send("GET", path, ""); a.code != 401 {
			t.Errorf("%s answers %d", path, a.code)
		}
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
