package proxy

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func urls(t testing.TB, all ...string) (u []*url.URL) {
	t.Helper()
	for _, s := range all {
		u = append(u, mustURL(t, s))
	}
	return u
}

var quietLog = slog.New(slog.DiscardHandler)

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// front serves a proxy for one upstream at a URL and returns where.
func front(t testing.TB, target string, change ...func(*Upstream)) (at string, p *Proxy) {
	t.Helper()
	u := Upstream{Name: "api", Targets: []*url.URL{mustURL(t, target)}, PreserveHost: true}
	for _, f := range change {
		f(&u)
	}
	p, err := New(Config{Upstreams: []Upstream{u}, Log: quietLog})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, p), p
}

func serve(t testing.TB, p *Proxy) string {
	t.Helper()
	s := httptest.NewUnstartedServer(p)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		p.Close()
	})
	return strings.TrimPrefix(s.URL, "http://")
}

// A script is a target that answers with bytes as they are written here.
type script struct {
	url      string
	conns    atomic.Int32
	mu       sync.Mutex
	requests [][]byte // heads and bodies as they came
}

// play listens and has each connection served by f, which gets one request after the other.
func play(t testing.TB, f func(c net.Conn, next func() ([]byte, bool))) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{url: "http://" + l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			wg.Go(func() {
				defer c.Close()
				in := bufio.NewReader(c)
				f(c, func() ([]byte, bool) { return s.next(in) })
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return s
}

// next reads a request: its head, and a body of a declared length.
func (s *script) next(in *bufio.Reader) ([]byte, bool) {
	var all bytes.Buffer
	r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(onebyte{in}, &all)))
	if err != nil {
		return nil, false
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, false
	}
	s.mu.Lock()
	s.requests = append(s.requests, all.Bytes())
	s.mu.Unlock()
	return all.Bytes(), true
}

// onebyte keeps a buffered reader from taking more than it needs.
type onebyte struct{ r io.Reader }

func (o onebyte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

func (s *script) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]string, len(s.requests))
	for i, r := range s.requests {
		all[i] = string(r)
	}
	return all
}

// says answers every request with the same bytes, and closes when it is told to.
func says(t testing.TB, answer string, hangUp bool) *script {
	return play(t, func(c net.Conn, next func() ([]byte, bool)) {
		for {
			if _, ok := next(); !ok {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil || hangUp {
				return
			}
		}
	})
}

// send writes bytes to an address and returns all that comes back until the connection ends.
func send(t testing.TB, at, bytes string) string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, bytes); err != nil {
		t.Fatal(err)
	}
	back, _ := io.ReadAll(c) // a reset is an end too
	return string(back)
}

const get = "GET /a%20b?c=%2F HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n"

func TestTheRequestGoesOnAsItCame(t *testing.T) {
	s := says(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false)
	at, _ := front(t, s.url)
	for _, c := range []struct{ name, sent, want string }{
		{"the path byte for byte", get, "GET /a%20b?c=%2F HTTP/1.1\r\nHost: api.test\r\n" +
			"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: api.test\r\n\r\n"},
		{
			"without what is for one hop, nor what nobody vouches for",
			"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x-one, X-Forwarded-For\r\nX-One: 1\r\nTE: trailers\r\nKeep-Alive: 1\r\n" +
				"Upgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Authorization: x\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n",
		},
		{
			"with an absolute target in origin form, for the host that it names", "GET http://b.test?x HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n",
			"GET /?x HTTP/1.1\r\nHost: b.test\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: b.test\r\n\r\n",
		},
		{
			"with a length of zero where one is expected", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nContent-Length: 0\r\n\r\n",
		},
		{
			"with its body", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
			"POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nContent-Length: 5\r\n\r\nhello",
		},
		{
			"with chunks made anew, and no trailers", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nX: y\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		},
		{
			"to the target's own host for a client that names none", "GET / HTTP/1.0\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: " + strings.TrimPrefix(s.url, "http://") + "\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n\r\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := send(t, at, c.sent); !strings.HasPrefix(got, "HTTP/1.") || !strings.Contains(got, " 200 OK\r\n") {
				t.Fatalf("answered with %q", got)
			}
			all := s.seen()
			if got := all[len(all)-1]; got != c.want {
				t.Errorf("the target got\n%q, want\n%q", got, c.want)
			}
		})
	}
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections were made, want 1 that is used again", n)
	}
}

func TestWhatCanNotStandInARequestLineIsRefused(t *testing.T) {
	s := says(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false)
	_, p := front(t, s.url)
	for name, change := range map[string]func(*http.Request){
		"a space in the target": func(r *http.Request) { r.RequestURI = "/a HTTP/1.1\r\nX: y" },
		"an authority":          func(r *http.Request) { r.RequestURI = "b.test:443" },
		"a space in the host":   func(r *http.Request) { r.Host = "a b" },
		"a line end in a value": func(r *http.Request) { r.Header["X"] = []string{"a\r\nB: c"} },
		"a space in a name":     func(r *http.Request) { r.Header["X y"] = []string{"a"} },
		"a space in the method": func(r *http.Request) { r.Method = "GET /" },
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		change(r)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s is answered with %d %s", name, w.Code, w.Body)
		}
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

// judged is a writer that knows who asks, as a gateway's does.
type judged struct {
	*httptest.ResponseRecorder
	client    netip.Addr
	forwarded string
}

func (j judged) Asker() (netip.Addr, string) { return j.client, j.forwarded }

func TestAGatewaySaysWhoAsks(t *testing.T) {
	s := says(t, "HTTP/1.1 204 No Content\r\n\r\n", false)
	_, p := front(t, s.url)
	for _, c := range []struct{ forwarded, want string }{
		{"", "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: example.com\r\n\r\n"},
		{"192.0.2.7, 10.0.0.1", "X-Forwarded-For: 192.0.2.7, 10.0.0.1\r\nX-Forwarded-Host: example.com\r\n\r\n"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("X-Forwarded-Proto", "https") // a trusted proxy's
		p.ServeHTTP(judged{httptest.NewRecorder(), netip.MustParseAddr("192.0.2.7"), c.forwarded}, r)
		all := s.seen()
		if got := all[len(all)-1]; !strings.HasSuffix(got, "X-Forwarded-Proto: https\r\n"+c.want) {
			t.Errorf("the target got %q, want %q at its end", got, c.want)
		}
	}
}
