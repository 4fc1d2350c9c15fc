package gateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A witness is a guard that has nothing against anybody, unless told, and remembers all.
type witness struct {
	judge func(engine.Request) engine.Verdict

	mu       sync.Mutex
	asked    []engine.Request
	observed []engine.Exchange
}

func (g *witness) Decide(r engine.Request) engine.Verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r)
	if g.judge != nil {
		return g.judge(r)
	}
	return engine.Verdict{}
}

func (g *witness) Observe(x engine.Exchange) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.observed = append(g.observed, x)
}

// only is the one exchange that there was.
func (g *witness) only(t *testing.T) engine.Exchange {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.observed) != 1 {
		t.Fatalf("%d exchanges observed, want exactly one", len(g.observed))
	}
	return g.observed[0]
}

func (g *witness) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked, g.observed = nil, nil
}

// quiet is for tests that make the gateway log.
var quiet = slog.New(slog.DiscardHandler)

// ask sends one request through a gateway, without a socket.
func ask(gw http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	gw.ServeHTTP(w, r)
	return w
}

func request(method, target, remote string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, http.NoBody)
	r.RemoteAddr = remote
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// raw sends bytes to a server and reads one answer.
func raw(t *testing.T, addr net.Addr, text string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(text, " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", firstLine(text), err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%q: %v", firstLine(text), err)
	}
	return res, string(body)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\r\n")
	return clip(line)
}

func clip(s string) string { return s[:min(len(s), 80)] }

// teapot answers 418 and counts.
func teapot(calls *int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		*calls++
		w.WriteHeader(http.StatusTeapot)
	})
}

func TestAnAnswerIsObservedAsItWas(t *testing.T) {
	for _, c := range []struct {
		about  string
		method string
		api    http.HandlerFunc
		status int
		bytes  int64
	}{
		{"nothing said at all", "GET", func(http.ResponseWriter, *http.Request) {}, 200, 0},
		{"a body without a status", "GET", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, 200, 5},
		{"several writes", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			w.Write([]byte("one"))
			w.Write([]byte("two"))
		}, 201, 6},
		{"a short failure of undeclared length", "GET", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 401) }, 401, 3},
		{"a failure of declared length", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000")
			w.WriteHeader(403)
			w.Write(make([]byte, 10000))
		}, 403, 10000},
		{"a failure of declared length in parts", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000")
			w.WriteHeader(403)
			for range 10 {
				w.Write(make([]byte, 1000))
			}
		}, 403, 10000},
		{"no content", "DELETE", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, 0},
		{"HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "500") }, 200, 0},
		{"an early hint first", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(404)
		}, 404, 0},
		{"a flushed stream", "GET", func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				io.WriteString(w, "tick")
				w.(http.Flusher).Flush()
			}
		}, 200, 12},
		{"copied from a reader", "GET", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("12345678")) }, 200, 8},
		{"a file", "GET", func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "f.txt", time.Time{}, bytes.NewReader(make([]byte, 70_000)))
		}, 200, 70_000},
		{"a switch of protocols", "GET", func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			c.Close()
		}, 101, 0},
	} {
		g := &witness{}
		s := httptest.NewServer(New(Config{}, g, c.api))
		req, _ := http.NewRequest(c.method, s.URL+"/thing?secret=1", http.NoBody)
		res, err := s.Client().Do(req)
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		s.Close()
		x := g.only(t)
		if x.Status != c.status || x.Bytes != c.bytes || x.Refused || x.Took < 0 || x.Path != "/thing" || x.Method != c.method {
			t.Errorf("%s: observed %d, %d bytes, %s %s, refused %v", c.about, x.Status, x.Bytes, x.Method, x.Path, x.Refused)
		}
	}
}

func TestTookIsMeasuredByTheClockThatWasGiven(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g := &witness{}
	gw := New(Config{Now: func() time.Time { return at }}, g, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		at = at.Add(250 * time.Millisecond)
	}))
	start := at
	ask(gw, request("GET", "/", "192.0.2.1:1"))
	if x := g.only(t); x.Took != 250*time.Millisecond || !x.At.Equal(start) {
		t.Errorf("took %v from %v", x.Took, x.At)
	}
	g.forget()
	gw = New(Config{Now: func() time.Time { return at }}, g, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		at = at.Add(-time.Hour) // the clock is put back
	}))
	ask(gw, request("GET", "/", "192.0.2.1:1"))
	if x := g.only(t); x.Took != 0 {
		t.Errorf("a clock that steps back must not make time negative: %v", x.Took)
	}
}

func TestARefusalTellsWhatToDoAndKeepsTheAPIOutOfIt(t *testing.T) {
	for _, c := range []struct {
		about   string
		verdict engine.Verdict
		status  int
		retry   string
		kind    string
	}{
		{"a block", engine.Verdict{Status: 403, Cause: "honeypot", Reference: "D-0123456789ABC", RetryAfter: time.Hour}, 403, "3600", "refused"},
		{"a block until lifted", engine.Verdict{Status: 403, Cause: "operator", Reference: "D-0123456789ABC"}, 403, "", "refused"},
		{"too many", engine.Verdict{Status: 429, Cause: "rate-abuse", Reference: "D-0123456789ABC", RetryAfter: 300 * time.Second}, 429, "300", "too-many-requests"},
		{"rounded up", engine.Verdict{Status: 429, Reference: "D-0123456789ABC", RetryAfter: 1500 * time.Millisecond}, 429, "2", "too-many-requests"},
		{"at least a second", engine.Verdict{Status: 429, Reference: "D-0123456789ABC", RetryAfter: time.Millisecond}, 429, "1", "too-many-requests"},
		{"never at once", engine.Verdict{Status: 429, Reference: "D-0123456789ABC"}, 429, "1", "too-many-requests"},
	} {
		calls := 0
		g := &witness{judge: func(engine.Request) engine.Verdict { return c.verdict }}
		w := ask(New(Config{}, g, teapot(&calls)), request("GET", "/api/balance", "192.0.2.1:1"))
		var p struct {
			Type, Title, Detail, Reference string
			Status                         int
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		h := w.Header()
		if w.Code != c.status || calls != 0 || h.Get("Retry-After") != c.retry || h.Get("Cache-Control") != "no-store" ||
			h.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d after %d calls, %v", c.about, w.Code, calls, h)
		}
		if p.Type != "urn:sentinel-protocol:problem:"+c.kind || p.Title == "" || p.Detail == "" || p.Status != c.status || p.Reference != "D-0123456789ABC" {
			t.Errorf("%s: %s", c.about, w.Body)
		}
		if strings.Contains(w.Body.String(), "honeypot") || strings.Contains(w.Body.String(), "rate-abuse") {
			t.Errorf("%s: the answer names the rule: %s", c.about, w.Body)
		}
		x := g.only(t)
		if !x.Refused || x.Cause != c.verdict.Cause || x.Status != c.status || x.Bytes != int64(w.Body.Len()) {
			t.Errorf("%s: observed %+v", c.about, x)
		}
	}
}

func TestHEADIsRefusedWithoutABody(t *testing.T) {
	g := &witness{judge: func(engine.Request) engine.Verdict { return engine.Verdict{Status: 403, Reference: "D-1"} }}
	s := httptest.NewServer(New(Config{}, g, http.NotFoundHandler()))
	defer s.Close()
	res, body := raw(t, s.Listener.Addr(), "HEAD /api/balance HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if res.StatusCode != 403 || body != "" || res.ContentLength <= 0 {
		t.Errorf("got %d, length %d, %q", res.StatusCode, res.ContentLength, body)
	}
	if x := g.only(t); x.Bytes != 0 || !x.Refused {
		t.Errorf("observed %+v", x)
	}
}

func TestABodyIsNotAskedForWhenTheRequestIsRefused(t *testing.T) {
	g := &witness{judge: func(engine.Request) engine.Verdict { return engine.Verdict{Status: 403, Reference: "D-1"} }}
	s := httptest.NewServer(New(Config{}, g, http.NotFoundHandler()))
	defer s.Close()
	res, _ := raw(t, s.Listener.Addr(), "POST /api/transaction HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
	if res.StatusCode != 403 {
		t.Errorf("the first answer is %d", res.StatusCode)
	}
}

func TestAnAPIThatPanicsIsAnsweredForAndObserved(t *testing.T) {
	g := &witness{}
	s := httptest.NewServer(New(Config{Log: quiet, CORS: []string{"/open"}}, g, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "half=done")
		w.Header().Set("Content-Length", "5000")
		if r.URL.Path == "/late" {
			w.Write(make([]byte, 5000)[:4999])
			w.(http.Flusher).Flush()
		}
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
		panic("out of cheese")
	})))
	defer s.Close()
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)

	res, body := raw(t, s.Listener.Addr(), "GET /open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	x := g.only(t)
	if res.StatusCode != 500 || res.Header.Get("Content-Type") != "application/problem+json" || res.Header.Get("Set-Cookie") != "" {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
	if res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("a page of another origin can't read it")
	}
	if !strings.Contains(body, engine.ExchangeReference(x.ID)) || strings.Contains(body, "cheese") {
		t.Errorf("the answer is %s", body)
	}
	if x.Status != 500 || x.Refused || x.Bytes != int64(len(body)) {
		t.Errorf("observed %+v", x)
	}

	for path, status := range map[string]int{"/late": 200, "/abort": 502} {
		g.forget()
		res, err := s.Client().Get(s.URL + path)
		if err == nil {
			_, err = io.ReadAll(res.Body)
		}
		if err == nil {
			t.Errorf("%s: the client must not take the answer for whole", path)
		}
		if x := g.only(t); x.Status != status {
			t.Errorf("%s: observed %d", path, x.Status)
		}
	}
}

func TestIDsRiseAlsoWhenTheClockStepsBack(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g := &witness{}
	gw := New(Config{Now: func() time.Time { return at }}, g, http.NotFoundHandler())
	var last uint64
	for i, step := range []time.Duration{0, 0, time.Millisecond, -time.Hour, 0, 30 * time.Minute, 2 * time.Hour} {
		at = at.Add(step)
		g.forget()
		ask(gw, request("GET", "/", "192.0.2.1:1"))
		x := g.only(t)
		if x.ID <= last {
			t.Fatalf("step %d: %d after %d", i, x.ID, last)
		}
		last = x.ID
	}
	if got := time.UnixMilli(int64(last >> 20)); !got.Equal(at) {
		t.Errorf("the ID tells %v, not %v", got, at)
	}
}

func TestTwoNodesInOneMillisecondNumberApart(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	seen := map[uint64]bool{}
	for _, node := range []uint8{0, 1, 255} {
		g := New(Config{Node: node}, nil, nil).(*gateway)
		for range 5000 { // more than a millisecond has room for
			id := g.nextID(at)
			if seen[id] {
				t.Fatalf("node %d repeats %d", node, id)
			}
			seen[id] = true
		}
	}
}

func TestIDsNeverRepeatHoweverManyAskAtOnce(t *testing.T) {
	g := &witness{}
	at := time.Now()
	gw := New(Config{Now: func() time.Time { return at }}, g, http.NotFoundHandler())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				ask(gw, request("GET", "/", "192.0.2.1:1"))
			}
		})
	}
	all.Wait()
	seen := make(map[uint64]bool)
	for _, x := range g.observed {
		seen[x.ID] = true
	}
	if len(seen) != 4000 {
		t.Errorf("%d IDs for 4000 requests", len(seen))
	}
}
