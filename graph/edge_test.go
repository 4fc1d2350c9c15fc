package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/access"
)

// run asks a server whose every field passes a middleware, signed in as an operator of a role.
func run(t *testing.T, about graph.About, role access.Role, around graphql.FieldMiddleware, query string) (data string, codes []string, log string) {
	t.Helper()
	var written bytes.Buffer
	srv := graph.NewServer(graph.NewResolver(nil, nil, nil, about, slog.New(slog.NewTextHandler(&written, nil))))
	if around != nil {
		srv.AroundFields(around)
	}
	s := &scale{}
	srv.AddTransport(s)
	srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	ctx := graphql.StartOperationTrace(graph.SignedIn(t.Context(), graph.Operator{Name: "ada", Role: role}))
	op, errs := s.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query})
	for _, e := range errs {
		b, err := json.Marshal(e.Extensions)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, string(b))
	}
	if errs != nil {
		return "", codes, written.String()
	}
	next, ctx := s.exec.DispatchOperation(ctx, op)
	answer := next(ctx)
	for _, e := range answer.Errors {
		b, err := json.Marshal(e.Extensions)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, string(b))
	}
	return string(answer.Data), codes, written.String()
}

func TestAQuestionThatTakesTooLongIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		data, codes, _ := run(t, graph.About{}, access.Admin, func(ctx context.Context, _ graphql.Resolver) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "{me{name}}")
		if took := time.Since(start); took != 5*time.Second || data != "null" || len(codes) != 1 || codes[0] != `{"code":"TOO_COMPLEX"}` {
			t.Errorf("after %s: %s %v", took, data, codes)
		}
	})
}

func TestAPanicIsToldByReferenceAlone(t *testing.T) {
	_, codes, log := run(t, graph.About{}, access.Admin, func(context.Context, graphql.Resolver) (any, error) {
		panic("the secret of the house")
	}, "{me{name}}")
	if len(codes) != 1 || !strings.Contains(codes[0], `"code":"INTERNAL","reference":"E-`) || strings.Contains(codes[0], "secret") {
		t.Fatalf("told %v", codes)
	}
	if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "the secret of the house") || !strings.Contains(log, codes[0][len(codes[0])-17:len(codes[0])-2]) {
		t.Errorf("logged %s", log)
	}
}

func TestTheSchemaIsShownInTheDemoOnly(t *testing.T) {
	const q = "{__schema{queryType{name}}}"
	if data, codes, _ := run(t, graph.About{Demo: true}, access.Admin, nil, q); len(codes) > 0 || !strings.Contains(data, "Query") {
		t.Errorf("in the demo: %s %v", data, codes)
	}
	if data, codes, _ := run(t, graph.About{}, access.Admin, nil, q); len(codes) != 1 || strings.Contains(data, "Query") {
		t.Errorf("elsewhere: %s %v", data, codes)
	}
}

func TestAViewerLooksAndDoesNotAct(t *testing.T) {
	for _, change := range []string{
		`mutation{block(input:{target:"198.51.100.7"}){id}}`, `mutation{allow(input:{target:"198.51.100.7"}){id}}`,
		`mutation{monitor(input:{target:"198.51.100.7"}){id}}`, `mutation{lift(ids:["D-1"]){lifted{id}}}`, `mutation{resolve(ids:["1"]){id}}`,
	} {
		if _, codes, _ := run(t, graph.About{}, access.Viewer, nil, change); len(codes) != 1 || codes[0] != `{"code":"DENIED"}` {
			t.Errorf("%s: %v", change, codes)
		}
	}
	if data, codes, _ := run(t, graph.About{}, access.Viewer, nil, "{me{name role}}"); len(codes) > 0 || data != `{"me":{"name":"ada","role":"VIEWER"}}` {
		t.Errorf("looking: %s %v", data, codes)
	}
}
