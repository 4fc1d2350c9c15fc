package gateway

import (
	"net/http"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// nobody is a response writer that does nothing.
type nobody struct{ h http.Header }

func (n nobody) Header() http.Header         { return n.h }
func (n nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n nobody) WriteHeader(int)             {}

var nothingAgainstAnybody = func() Guard {
	p := engine.Defaults()
	for id, terms := range p.Rules {
		terms.Off = true
		p.Rules[id] = terms
	}
	e, err := engine.New(p, 1)
	if err != nil {
		panic(err)
	}
	return enforcer{e}
}

func benchmark(b *testing.B, g Guard, headers ...string) {
	body := []byte(`{"balance":1000.00}`)
	gw := New(Config{KeySecret: []byte("a secret of the operator")}, g, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(body)
	}))
	r := request("GET", "/api/balance?limit=10", "192.0.2.1:4711", append(headers,
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "Accept", "*/*", "Accept-Encoding", "gzip", "Accept-Language", "en")...)
	w := nobody{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		gw.ServeHTTP(w, r)
	}
}

// What the gateway itself costs a request, with a guard that does nothing.
func BenchmarkMiddlewareAlone(b *testing.B) { benchmark(b, idle{}, "X-API-Key", "user_key_1") }

// The same without an API key: no keyed hash.
func BenchmarkMiddlewareAloneWithoutKey(b *testing.B) { benchmark(b, idle{}) }

// With the engine behind it, none of whose rules refuses the one client there is.
func BenchmarkMiddleware(b *testing.B) {
	benchmark(b, nothingAgainstAnybody(), "X-API-Key", "user_key_1")
}

// A refusal, as a blocked client gets it.
func BenchmarkMiddlewareRefusal(b *testing.B) { benchmark(b, wall{}, "X-API-Key", "user_key_1") }

type idle struct{}

func (idle) Decide(engine.Request) engine.Verdict { return engine.Verdict{} }
func (idle) Observe(engine.Exchange)              {}

type wall struct{ idle }

func (wall) Decide(engine.Request) engine.Verdict {
	return engine.Verdict{Status: 403, Cause: "rate-abuse", Reference: "D-0123456789ABC", RetryAfter: 300e9}
}
