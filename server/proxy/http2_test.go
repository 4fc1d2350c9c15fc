package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A client of HTTP/2 sees the same API: what is framed anew on one side is so on the other.
func TestClientsMaySpeakHTTP2(t *testing.T) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprintln(w, r.Proto, r.ContentLength, n, err, r.Header.Get("X-Forwarded-Proto"), r.Trailer)
		w.(http.Flusher).Flush()
		if r.URL.Path == "/broken" {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Sum", "1")
	}))
	target.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer target.Close()
	_, p := front(t, target.URL)
	s := httptest.NewUnstartedServer(p)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	large := bytes.Repeat([]byte("x"), 1<<20)
	for _, c := range []struct {
		method, path string
		body         io.Reader
		length       int64
		want         string
	}{
		{"GET", "/", http.NoBody, 0, "HTTP/1.1 0 0 <nil> https map[]\n"},
		{"POST", "/", strings.NewReader("hello"), 5, "HTTP/1.1 5 5 <nil> https map[]\n"},
		{"POST", "/", bytes.NewReader(large), 1 << 20, "HTTP/1.1 1048576 1048576 <nil> https map[]\n"},
		{"POST", "/", io.NopCloser(bytes.NewReader(large)), -1, "HTTP/1.1 -1 1048576 <nil> https map[]\n"},
		{"GET", "/broken", http.NoBody, 0, ""},
	} {
		r, err := http.NewRequestWithContext(context.Background(), c.method, s.URL+c.path, c.body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = c.length
		a, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(a.Body)
		a.Body.Close()
		switch {
		case a.ProtoMajor != 2 || len(a.Trailer) > 0:
			t.Errorf("the answer is %s with trailers %v", a.Proto, a.Trailer)
		case c.want == "" && err == nil:
			t.Errorf("an answer that broke off was taken for whole: %q", got)
		case c.want != "" && (string(got) != c.want || err != nil):
			t.Errorf("%s of %d bytes: %q, %v, want %q", c.method, c.length, got, err, c.want)
		}
	}
}
