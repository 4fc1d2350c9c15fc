package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestPreflightsOfTheBankAreAnsweredAndCountForNobody(t *testing.T) {
	refuse := func(engine.Request) engine.Verdict { return engine.Verdict{Status: 403, Reference: "D-1"} }
	for _, c := range []struct {
		about, method, target string
		headers               []string
		preflight             bool
	}{
		{"a preflight", "OPTIONS", "/api/balance", []string{"Origin", "http://other", "Access-Control-Request-Method", "GET"}, true},
		{"no origin", "OPTIONS", "/api/balance", []string{"Access-Control-Request-Method", "GET"}, false},
		{"no method asked for", "OPTIONS", "/api/balance", []string{"Origin", "http://other"}, false},
		{"not OPTIONS", "GET", "/api/balance", []string{"Origin", "http://other", "Access-Control-Request-Method", "GET"}, false},
		{"a decoy", "OPTIONS", "/api/admin/users", []string{"Origin", "http://other", "Access-Control-Request-Method", "GET"}, false},
		{"another spelling", "OPTIONS", "/api/%62alance", []string{"Origin", "http://other", "Access-Control-Request-Method", "GET"}, false},
	} {
		g := &witness{judge: refuse}
		calls := 0
		w := ask(New(Config{CORS: []string{"/api/balance"}}, g, teapot(&calls)), request(c.method, c.target, "192.0.2.1:1", c.headers...))
		if !c.preflight {
			if w.Code != 403 || len(g.asked) != 1 || len(g.observed) != 1 {
				t.Errorf("%s: got %d, asked %d times", c.about, w.Code, len(g.asked))
			}
			continue
		}
		h := w.Header()
		if w.Code != http.StatusNoContent || len(g.asked)+len(g.observed)+calls != 0 || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: got %d, asked %d times, %v", c.about, w.Code, len(g.asked), h)
		}
		for _, name := range []string{"Content-Type", "X-API-Key", "X-Simulated-IP", "Idempotency-Key"} {
			if !strings.Contains(h.Get("Access-Control-Allow-Headers"), name) {
				t.Errorf("%s: may not send %s", c.about, name)
			}
		}
		if h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Access-Control-Allow-Private-Network") != "" {
			t.Errorf("%s: allows too much: %v", c.about, h)
		}
	}
}

func TestAPageOfAnotherOriginCanReadAnswersAndRefusalsOfTheBankOnly(t *testing.T) {
	for _, status := range []int{0, 403, 429} {
		g := &witness{judge: func(engine.Request) engine.Verdict { return engine.Verdict{Status: status, Reference: "D-1"} }}
		gw := New(Config{CORS: []string{"/api/balance"}}, g, http.NotFoundHandler())
		h := ask(gw, request("GET", "/api/balance?x", "192.0.2.1:1", "Origin", "http://other")).Header()
		if h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "Retry-After") {
			t.Errorf("%d: %v", status, h)
		}
		if h := ask(gw, request("GET", "/api/other", "192.0.2.1:1", "Origin", "http://other")).Header(); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%d: another path: %v", status, h)
		}
	}
}
