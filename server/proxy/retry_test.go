package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestOnlySafeRequestsAreSentAgainAndOnlyAfterAUsedConnection(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, c := range []struct {
		name, method, body string
		answers            int    // on each connection before it is closed at a request
		part               string // of an answer before that
		status, requests   int
	}{
		{"a GET after a used one", "GET", "", 1, "", 200, 3},
		{"a HEAD after a used one", "HEAD", "", 1, "", 200, 3},
		{"a POST", "POST", "", 1, "", 502, 2},
		{"a DELETE", "DELETE", "", 1, "", 502, 2},
		{"a GET with a body", "GET", "x", 1, "", 502, 2},
		{"a GET after a fresh one", "GET", "", 0, "", 502, 1},
		{"a GET when a byte had come", "GET", "", 1, "H", 502, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var requests atomic.Int32
			s := play(t, func(conn net.Conn, next func() ([]byte, bool)) {
				for n := 0; ; n++ {
					request, got := next()
					if !got {
						return
					}
					requests.Add(1)
					if n == c.answers {
						io.WriteString(conn, c.part)
						return
					}
					if strings.HasPrefix(string(request), "HEAD") {
						io.WriteString(conn, strings.TrimSuffix(ok, "ok"))
					} else {
						io.WriteString(conn, ok)
					}
				}
			})
			_, p := front(t, s.url)
			var w *httptest.ResponseRecorder
			for range min(c.answers+1, 2) {
				w = httptest.NewRecorder()
				p.ServeHTTP(w, httptest.NewRequest(c.method, "/", strings.NewReader(c.body)))
			}
			if w.Code != c.status || int(requests.Load()) != c.requests {
				t.Errorf("answered with %d after %d requests, want %d after %d", w.Code, requests.Load(), c.status, c.requests)
			}
		})
	}
}

func TestAConnectionThatWasClosedMeanwhileCostsNoRequest(t *testing.T) {
	closed := make(chan struct{}, 100)
	s := play(t, func(c net.Conn, next func() ([]byte, bool)) {
		if _, ok := next(); ok {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
		c.Close()
		closed <- struct{}{}
	})
	_, p := front(t, s.url)
	for i := range 20 {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("body")))
		if w.Code != http.StatusOK {
			t.Fatalf("POST %d is answered with %d", i, w.Code)
		}
		<-closed
	}
}
