package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/access"
)

// A scale asks the edge what it makes of documents, without running them.
type scale struct {
	exec graphql.GraphExecutor
	live bool // as over a socket
}

func (s *scale) Supports(*http.Request) bool { return true }

func (s *scale) Do(_ http.ResponseWriter, _ *http.Request, exec graphql.GraphExecutor) { s.exec = exec }

func newScale(demo bool) *scale {
	s := &scale{live: true}
	srv := graph.NewServer(graph.NewResolver(nil, nil, nil, graph.About{Demo: demo}, slog.New(slog.DiscardHandler)))
	srv.AddTransport(s)
	srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	return s
}

// weigh is the code of the first error, empty when the document may run.
func (s *scale) weigh(query string, variables map[string]any) (code, message string) {
	ctx := graph.SignedIn(context.Background(), graph.Operator{Name: "ada", Role: access.Admin})
	if s.live {
		ctx = graph.WithHangUp(ctx, func(int, string) {})
	}
	ctx = graphql.StartOperationTrace(ctx)
	op, errs := s.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if errs == nil {
		return "", ""
	}
	told := s.exec.DispatchError(graphql.WithOperationContext(ctx, op), errs)
	if len(told.Errors) == 0 || len(told.Errors) > 10 {
		return "", fmt.Sprintf("%d errors", len(told.Errors))
	}
	return fmt.Sprint(told.Errors[0].Extensions["code"]), all(told.Errors)
}

func all(list gqlerror.List) string {
	b, _ := json.Marshal(list) // of plain values
	return string(b)
}

func repeat(n int, format string) string {
	var s strings.Builder
	for i := range n {
		s.WriteString(strings.ReplaceAll(strings.ReplaceAll(format, "%+", fmt.Sprint(i+1)), "%", fmt.Sprint(i)))
	}
	return s.String()
}

// chained is 944 bytes that gqlgen's own complexity walk takes 8.7 seconds for.
var chained = "{me{...f0}} " + repeat(26, "fragment f% on Operator{...f%+ ...f%+} ") + "fragment f26 on Operator{name}"

func TestDocumentsThatAreTooMuchAreRefusedBeforeAnythingWalksThem(t *testing.T) {
	for name, c := range map[string]struct{ document, code string }{
		"fragments that spread each other twice":     {chained, "TOO_COMPLEX"},
		"nineteen of them, below the limit":          {"{me{...f0}} " + repeat(19, "fragment f% on Operator{...f%+ ...f%+} ") + "fragment f19 on Operator{name}", "TOO_COMPLEX"},
		"the same below introspection":               {"{__schema{...f0}} " + repeat(19, "fragment f% on __Schema{...f%+ ...f%+} ") + "fragment f19 on __Schema{__typename}", "TOO_COMPLEX"},
		"the same, spread by nothing":                {"{me{name}} " + repeat(19, "fragment f% on Operator{...f%+ ...f%+} ") + "fragment f19 on Operator{name}", "TOO_COMPLEX"},
		"fragments with fields between":              {"{me{...f0}} " + repeat(10, "fragment f% on Operator{a:name ...f%+ b:name ...f%+ c:role ...f%+} ") + "fragment f10 on Operator{name}", "TOO_COMPLEX"},
		"a fragment that contains itself":            {"{me{...a}} fragment a on Operator{...b} fragment b on Operator{...a}", "INVALID"},
		"one field 20,000 times":                     {"{" + repeat(20000, "me{name} ") + "}", "TOO_COMPLEX"},
		"as many as there are tokens":                {"{" + repeat(290, "me{name} ") + "}", "TOO_COMPLEX"},
		"one leaf on one level":                      {"{me{" + repeat(1400, "name ") + "}}", "TOO_COMPLEX"},
		"inline fragments":                           {"{" + repeat(2500, "...{me{name}} ") + "}", "TOO_COMPLEX"},
		"inline fragments, below the token limit":    {"{" + repeat(180, "...{me{name}} ") + "}", "TOO_COMPLEX"},
		"directives":                                 {"{me{name " + repeat(1400, "@a ") + "}}", "TOO_COMPLEX"},
		"directives by the hundred thousand":         {"{me{name " + repeat(300000, "@a ") + "}}", "TOO_COMPLEX"},
		"aliases":                                    {"{me{" + repeat(31, "a%:name ") + "}}", "TOO_COMPLEX"},
		"aliases by the thousand":                    {"{" + repeat(10000, "a%:me{name} ") + "}", "TOO_COMPLEX"},
		"fields at the root":                         {"{" + repeat(21, "me{name} ") + "}", "TOO_COMPLEX"},
		"fields at the root, by fragments":           {"{" + repeat(7, "...r ") + "} fragment r on Query{me{name} health{node} rules{id}}", "TOO_COMPLEX"},
		"depth":                                      {"{alerts{edges{node{" + repeat(5, "incident{alerts{") + "id" + repeat(5, "}}") + "}}}}", "TOO_COMPLEX"},
		"depth by the hundred":                       {"{alerts" + repeat(500, "{edges") + repeat(500, "}") + "}", "TOO_COMPLEX"},
		"depth of introspection":                     {"{__schema{types{fields{type{" + repeat(60, "ofType{") + "name" + repeat(60, "}") + "}}}}}", "TOO_COMPLEX"},
		"lists in lists of introspection":            {"{__schema{types{fields{type{fields{type{fields{name}}}}}}}}", "INVALID"},
		"variables":                                  {"query(" + repeat(60, "$v%:Int ") + "){me{name}}", "TOO_COMPLEX"},
		"variables by the thousand":                  {"query(" + repeat(2000, "$v%:Int ") + "){me{name}}", "TOO_COMPLEX"},
		"operations":                                 {repeat(11, "query q%{me{name}} "), "TOO_COMPLEX"},
		"lists in lists":                             {"{alerts(first:500){edges{node{id exchanges(first:500){id path}}}}}", "TOO_COMPLEX"},
		"lists in lists, by a fragment":              {"{alerts(first:500){...c}} fragment c on AlertConnection{edges{...e}} fragment e on AlertEdge{node{exchanges(first:500){...x}}} fragment x on Exchange{id path}", "TOO_COMPLEX"},
		"many cheap lists":                           {"{" + repeat(19, "a%:exchanges(first:500){edges{node{id path method status took}}} ") + "}", "TOO_COMPLEX"},
		"a list that is too long":                    {"{alerts(first:501){totalCount}}", "INVALID"},
		"a list of nothing":                          {"{alerts(first:0){totalCount}}", "INVALID"},
		"a list of less than nothing":                {"{alerts(first:-1){totalCount}}", "INVALID"},
		"two subscriptions in one":                   {"subscription{alertRaised{id} alertChanged{id}}", "INVALID"},
		"a name of sixty thousand letters":           {"fragment f on " + strings.Repeat("A", 60000) + "{id} {me{name}}", "INVALID"},
		"hundreds of unknown arguments":              {"{me(" + repeat(450, "a%:1 ") + "){name}}", "INVALID"},
		"a null byte":                                {"{me{name\x00}}", "INVALID"},
		"no document":                                {"", "INVALID"},
		"no operation":                               {"fragment f on Operator{name}", "INVALID"},
		"wide levels, one below the other":           {"{alerts{" + wide("totalCount", 95) + "edges{" + wide("cursor", 95) + "node{" + wide("id", 95) + "actor{" + wide("label", 95) + "} incident{" + wide("id", 95) + "}}}}}", ""},
		"as much as may be, in fragments that clash": {"{me{" + repeat(19, "...f% ") + "}} " + repeat(19, "fragment f% on Operator{"+wide("name", 5)+"} "), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var code, message string
			spent := cheapest(5, func() { code, message = newScale(true).weigh(c.document, nil) })
			if code != c.code {
				t.Errorf("%q %s, want %q", code, message, c.code)
			}
			if len(message) > 8000 {
				t.Errorf("the refusal is %d bytes long", len(message))
			}
			if strings.Contains(message, "Did you mean") {
				t.Errorf("the refusal gives hints: %s", message)
			}
			if spent > 50*time.Millisecond {
				t.Errorf("took %s of CPU", spent)
			}
			t.Logf("%d bytes, %s of CPU: %.80s", len(c.document), spent, message)
		})
	}
}

func wide(field string, n int) string { return strings.Repeat(field+" ", n) }

// cheapest is the least CPU time that the process took for one of n tries: what else runs on the
// machine does not count.
func cheapest(n int, do func()) time.Duration {
	least := time.Hour
	for range n {
		var before, after syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		do()
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		least = min(least, time.Duration(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano()))
	}
	return least
}

// What the app asks must stay far below the limits.
const dashboard = `query Dashboard($window: Duration!) {
  stats(window: $window) { from to now { ...F } before { ...F } requestsPerSecond
    topEndpoints(first: 10) { path requests failed refused took } statusMix { status requests } }
  timeline(window: $window, step: "1m") { at requests failed refused alerts }
  alerts(first: 50) { totalCount pageInfo { endCursor hasNextPage } edges { cursor node { ...A } } }
  decisions(first: 50) { totalCount edges { node { ...D alert { id title } } } }
  exchanges(first: 200) { edges { node { id reference at client keyPrefix method path status took bytes refused cause monitored userAgent } } }
  health { state dependencies { name state detail since } }
  me { name role }
}
fragment F on Figures { requests failed refused failedShare activeAlerts blockedClients }
fragment A on Alert { id rule title severity status actor { label network } client keyPrefix reason method path firstAt lastAt findings count limit windowSeconds
  decision { ...D } incident { id reference title } }
fragment D on Decision { id action target { label network keyPrefix } reason origin rule by from until state liftedAt liftedBy }`

func TestWhatTheAppAsksIsAllowed(t *testing.T) {
	s := newScale(true)
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
	}{
		"dashboard":     {dashboard, map[string]any{"window": "1h"}},
		"introspection": {introspection.Query, nil},
		"the playground's own": {"{__schema{types{...FullType}}} fragment FullType on __Type{fields{args{...InputValue} type{...TypeRef}}} " +
			"fragment InputValue on __InputValue{type{...TypeRef}} fragment TypeRef on __Type{" + repeat(10, "ofType{") + "name" + repeat(10, "}") + "}", nil},
		"first by variable":    {"query($n: Int = 20){alerts(first: $n){totalCount}}", map[string]any{"n": json.Number("500")}},
		"first by its default": {"query($n: Int! = 20){alerts(first: $n){totalCount}}", nil},
		"subscription":         {"subscription{exchangesSeen{skipped exchanges{id path}}}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if code, message := s.weigh(c.query, c.variables); code != "" {
				t.Errorf("%s %s", code, message)
			}
		})
	}
}

func TestFirstIsBoundedByVariableToo(t *testing.T) {
	code, message := newScale(true).weigh("query($n: Int!){alerts(first: $n){totalCount}}", map[string]any{"n": json.Number("1000000000")})
	if code != "INVALID" || !strings.Contains(message, `"field":"first"`) {
		t.Errorf("%s %s", code, message)
	}
}

func TestOnlyASocketSubscribes(t *testing.T) {
	s := newScale(true)
	s.live = false
	if code, message := s.weigh("subscription{alertRaised{id}}", nil); code != "INVALID" {
		t.Errorf("%q %s", code, message)
	}
}

func TestADocumentThatPassedIsStillWeighedWithItsVariables(t *testing.T) {
	s := newScale(true)
	const q = "query($n: Int!){alerts(first: $n){edges{node{id exchanges(first: $n){id}}}}}"
	if code, message := s.weigh(q, map[string]any{"n": json.Number("10")}); code != "" {
		t.Fatalf("ten: %s %s", code, message)
	}
	if code, _ := s.weigh(q, map[string]any{"n": json.Number("500")}); code != "TOO_COMPLEX" {
		t.Errorf("five hundred: %q", code)
	}
}

// Whatever is asked, the answer comes at once.
func FuzzGraphQLCost(f *testing.F) {
	for _, seed := range []string{dashboard, introspection.Query, chained, "{me{...a}} fragment a on Operator{...a}", "query($n:Int=3){alerts(first:$n){edges{cursor}}}", "{a:me{name @skip(if:true)}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if len(query) > 64<<10 {
			t.Skip("more than a request may carry")
		}
		if spent := cheapest(3, func() { newScale(true).weigh(query, nil) }); spent > 100*time.Millisecond {
			t.Errorf("took %s of CPU", spent)
		}
	})
}
