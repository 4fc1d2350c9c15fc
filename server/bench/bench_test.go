package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A limiter that does not limit is fast and worth nothing.
func TestEachMiddlewareRefusesThe101stRequest(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, m := range map[string]func(http.Handler) http.Handler{
		"sentinel": sentinel(newEngine(), func() time.Time { return now }),
		"httprate": httprateMiddleware(100),
		"ulule":    ululeMiddleware(100),
	} {
		h := m(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		for i := range 101 {
			r := httptest.NewRequest(http.MethodGet, history, http.NoBody)
			r.Header.Set(realIP, "198.18.0.7")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if want := map[bool]int{true: 200, false: 429}[i < 100]; w.Code != want {
				t.Fatalf("%s answers request %d with %d, want %d", name, i+1, w.Code, want)
			}
		}
	}
}

func BenchmarkPeers(b *testing.B) {
	for _, c := range contestants(nobody) {
		b.Run(c.name, c.run)
	}
}
