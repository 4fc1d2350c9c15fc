package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"testing"
	"time"
)

// nobody is a writer that does nothing.
type nobody http.Header

func (n nobody) Header() http.Header         { return http.Header(n) }
func (n nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n nobody) WriteHeader(int)             {}

const balance = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 22 Nov 2026 15:00:00 GMT\r\nContent-Type: application/json\r\n" +
	"Content-Length: 57\r\nConnection: keep-alive\r\n\r\n" + `{"balance":1000,"currency":"USD","account_id":"ACC12345"}`

func benchmark(b *testing.B, h http.Handler) {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://api.test/api/balance?limit=10", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	r.RequestURI, r.RemoteAddr = "/api/balance?limit=10", "192.0.2.1:4711"
	for _, f := range [][2]string{
		{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) bench"}, {"Accept", "application/json"}, {"X-Api-Key", "user_key"}, {"Accept-Encoding", "gzip"},
	} {
		r.Header.Set(f[0], f[1])
	}
	w := nobody{}
	b.ReportAllocs()
	for b.Loop() {
		clear(w)
		h.ServeHTTP(w, r)
	}
}

// echoing answers without looking at more than the end of a head.
func echoing(b *testing.B) string {
	return play(b, func(c net.Conn, _ func() ([]byte, bool)) {
		buf := make([]byte, 4096)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			if _, err := io.WriteString(c, balance); err != nil {
				return
			}
		}
	}).url
}

// The way to a target and back, without a server in front.
func BenchmarkProxy(b *testing.B) {
	_, p := front(b, echoing(b))
	benchmark(b, p)
}

type pool struct{ sync.Pool }

func (p *pool) Get() []byte  { return *p.Pool.Get().(*[]byte) }
func (p *pool) Put(b []byte) { p.Pool.Put(&b) }

// tuned is httputil.ReverseProxy at its best: many unused connections kept, buffers reused.
func tuned(tb testing.TB, to string) (*httputil.ReverseProxy, *http.Transport) {
	at := mustURL(tb, to)
	tr := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true, IdleConnTimeout: 90 * time.Second}
	tb.Cleanup(tr.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Transport: tr, BufferPool: &pool{sync.Pool{New: func() any { b := make([]byte, bulk); return &b }}},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(at)
			p.Out.Host = p.In.Host
			p.SetXForwarded()
		},
	}, tr
}

func BenchmarkReverseProxy(b *testing.B) {
	p, _ := tuned(b, echoing(b))
	benchmark(b, p)
}
