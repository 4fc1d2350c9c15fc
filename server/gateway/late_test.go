package gateway

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A slowWitness takes its time to take an exchange in, and counts the requests that were
// judged before that of the exchange before was done.
type slowWitness struct {
	judged, taken, late atomic.Int64
}

func (g *slowWitness) Decide(engine.Request) engine.Verdict {
	if g.taken.Load() < g.judged.Load() {
		g.late.Add(1)
	}
	g.judged.Add(1)
	return engine.Verdict{}
}

func (g *slowWitness) Observe(engine.Exchange) {
	for start := time.Now(); time.Since(start) < 300*time.Microsecond; { // far longer than loopback takes
		continue
	}
	g.taken.Add(1)
}

// An answerKind is one way in which an API can answer.
type answerKind struct {
	status   int
	size     int
	declared bool
	flush    string // "", "first" or "last"; "copy" for a body that is copied from a reader
	method   string
}

func (k answerKind) String() string {
	return fmt.Sprintf("%s %d, %d bytes, declared %v, flush %q", k.method, k.status, k.size, k.declared, k.flush)
}

func (k answerKind) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if k.declared {
		w.Header().Set("Content-Length", strconv.Itoa(k.size))
	}
	w.WriteHeader(k.status)
	if k.flush == "first" {
		w.(http.Flusher).Flush()
	}
	if k.flush == "copy" {
		_, _ = io.Copy(w, io.LimitReader(zeros{}, int64(k.size)))
		return
	}
	for left, part := k.size, make([]byte, 1500); left > 0; left -= len(part) {
		part = part[:min(len(part), left)]
		_, _ = w.Write(part)
	}
	if k.flush == "last" {
		w.(http.Flusher).Flush()
	}
}

// zeros is a reader without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func kinds() []answerKind {
	var all []answerKind
	for _, status := range []int{200, 401, 403, 404, 500} {
		for _, size := range []int{0, 1, 500, 2047, 2048, 2049, 4095, 4096, 4097, 20_000, 300_000} {
			for _, declared := range []bool{false, true} {
				for _, flush := range []string{"", "first", "last", "copy"} {
					all = append(all, answerKind{status, size, declared, flush, "GET"})
				}
			}
		}
	}
	for _, flush := range []string{"", "first"} {
		all = append(all, answerKind{204, 0, false, flush, "GET"}, answerKind{304, 0, false, flush, "GET"},
			answerKind{200, 10, true, flush, "HEAD"}, answerKind{401, 0, true, flush, "HEAD"})
	}
	return all
}

// The client asks again the instant it has the answer: all of it, or of a failure the status
// line. It asks over another connection, so that nothing but the gateway can make it wait.
func TestNoRequestIsLateWhateverTheAnswerBefore(t *testing.T) {
	for _, k := range kinds() {
		g := &slowWitness{}
		s := httptest.NewServer(New(Config{}, g, k))
		conns := [2]*bufio.ReadWriter{dial(t, s), dial(t, s)}
		const rounds = 6
		for i := range rounds {
			c := conns[i%2]
			fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: x\r\n\r\n", k.method)
			c.Flush()
			if i > 1 && k.status >= 400 { // the answer of two rounds ago is still in the way
				skip(t, c, k)
			}
			if k.status >= 400 {
				if _, err := c.Peek(1); err != nil {
					t.Fatalf("%v: %v", k, err)
				}
				continue
			}
			skip(t, c, k)
		}
		s.CloseClientConnections()
		s.Close()
		if late, judged := g.late.Load(), g.judged.Load(); late != 0 || judged != rounds {
			t.Errorf("%v: %d of %d requests were late", k, late, judged)
		}
	}
}

func dial(t *testing.T, s *httptest.Server) *bufio.ReadWriter {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReadWriter(bufio.NewReaderSize(c, 1<<20), bufio.NewWriter(c))
}

// skip reads one whole answer.
func skip(t *testing.T, c *bufio.ReadWriter, k answerKind) {
	t.Helper()
	res, err := http.ReadResponse(c.Reader, &http.Request{Method: k.method})
	if err != nil {
		t.Fatalf("%v: %v", k, err)
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || k.method != "HEAD" && n != int64(k.size) {
		t.Fatalf("%v: %d bytes, %v", k, n, err)
	}
}

func TestNoRequestIsLateOverHTTP2(t *testing.T) {
	for _, k := range kinds() {
		if k.size > 20_000 || k.status == 403 || k.status == 500 {
			continue
		}
		g := &slowWitness{}
		s := httptest.NewUnstartedServer(New(Config{}, g, k))
		s.EnableHTTP2 = true
		s.StartTLS()
		for range 4 {
			req, _ := http.NewRequest(k.method, s.URL, http.NoBody)
			res, err := s.Client().Do(req)
			if err != nil {
				t.Fatalf("%v: %v", k, err)
			}
			if res.ProtoMajor != 2 {
				t.Fatal("not HTTP/2")
			}
			if k.status < 400 {
				_, err = io.Copy(io.Discard, res.Body)
			}
			res.Body.Close() // the status of a failure is enough to go on
			if err != nil {
				t.Fatalf("%v: %v", k, err)
			}
		}
		s.Close()
		if late := g.late.Load(); late != 0 {
			t.Errorf("%v: %d requests were late", k, late)
		}
	}
}

func TestNoRequestIsLateAfterAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "statement.csv")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	g := &slowWitness{}
	w := &witness{}
	both := func(g Guard) *httptest.Server {
		return httptest.NewServer(New(Config{}, g, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, path)
		})))
	}
	s := both(g)
	defer s.Close()
	for range 20 {
		req, _ := http.NewRequest("GET", s.URL, http.NoBody)
		req.Header.Set("Range", "bytes=10-700000")
		// a transport of its own, so that each request has its own connection
		res, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{}}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 699_991)
		if _, err := io.ReadFull(res.Body, got); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if late := g.late.Load(); late != 0 {
		t.Errorf("%d requests were late", late)
	}

	s2 := both(w)
	defer s2.Close()
	res, err := s2.Client().Get(s2.URL)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, res.Body); n != 1<<20 || err != nil {
		t.Fatalf("got %d bytes, %v", n, err)
	}
	res.Body.Close()
	if x := w.only(t); x.Bytes != 1<<20 || x.Status != 200 {
		t.Errorf("observed %d, %d bytes", x.Status, x.Bytes)
	}
}

// The mission's own measure, over sockets: a client that never pauses and changes its
// connection for every request, and not one request too many reaches the API.
func TestNotOneRequestTooManyPassesOverSockets(t *testing.T) {
	for _, size := range []int{0, 100, 3000, 5000, 50_000} {
		for _, declared := range []bool{false, true} {
			e, err := engine.New(engine.Defaults(), 1)
			if err != nil {
				t.Fatal(err)
			}
			var calls atomic.Int64
			s := httptest.NewServer(New(Config{Demo: true}, enforcer{e}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				answerKind{http.StatusUnauthorized, size, declared, "", "GET"}.ServeHTTP(w, r)
			})))
			for i := range 20 {
				from := fmt.Sprintf("198.18.0.%d", i)
				var got []string
				for range 9 {
					got = append(got, strconv.Itoa(statusOf(t, s, from)))
				}
				if all := strings.Join(got, " "); all != "401 401 401 401 401 401 403 403 403" {
					t.Errorf("%d bytes, declared %v: got %s", size, declared, all)
				}
			}
			s.Close()
			if n := calls.Load(); n != 20*6 {
				t.Errorf("%d bytes, declared %v: the API was called %d times", size, declared, n)
			}
		}
	}
}

// statusOf asks over a connection of its own and looks at the status line only.
func statusOf(t *testing.T, s *httptest.Server, from string) int {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /api/balance HTTP/1.1\r\nHost: x\r\nX-Simulated-IP: %s\r\n\r\n", from)
	line := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(c, line); err != nil {
		t.Fatal(err)
	}
	status, _ := strconv.Atoi(string(line[9:]))
	return status
}
