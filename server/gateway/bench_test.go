package gateway

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// nobody is a response writer that does nothing.
type nobody struct{ h http.Header }

func (n nobody) Header() http.Header         { return n.h }
func (n nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n nobody) WriteHeader(int)             {}

func benchmark(b *testing.B, g Guard, headers ...string) {
	body := []byte(`{"balance":1000.00}`)
	at := time.Now()
	now := func() time.Time { // a millisecond for each request, so that no client asks too often
		at = at.Add(time.Millisecond / 2)
		return at
	}
	gw := New(Config{KeySecret: []byte("a secret of the operator"), Now: now}, g, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(body)
	}))
	r := request("GET", "/api/balance?limit=10", "192.0.2.1:4711", append(headers,
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "Accept", "*/*", "Accept-Encoding", "gzip", "Accept-Language", "en")...)
	w := nobody{http.Header{}}
	remotes := make([]string, 1<<14)
	for i := range remotes {
		remotes[i] = fmt.Sprintf("198.18.%d.%d:4711", i>>8, i&0xff)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.RemoteAddr = remotes[i%len(remotes)]
		gw.ServeHTTP(w, r)
	}
}

// What the gateway itself costs a request, with a guard that does nothing.
func BenchmarkMiddlewareAlone(b *testing.B) { benchmark(b, idle{}, "X-API-Key", "user_key_1") }

// The same without an API key: no keyed hash.
func BenchmarkMiddlewareAloneWithoutKey(b *testing.B) { benchmark(b, idle{}) }

// With the engine and the mission's rules behind it, 16,384 clients in turn.
func BenchmarkMiddleware(b *testing.B) {
	e, err := engine.New(engine.Defaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, enforcer{e}, "X-API-Key", "user_key_1")
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
