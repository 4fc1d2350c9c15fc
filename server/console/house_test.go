package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/console"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A house is a console on a real store and a real guard, behind a real listener.
type house struct {
	t     testing.TB
	store *store.Store
	guard *guard.Guard
	ui    *console.Console
	log   *lockedBuffer
	pipes *pipes

	client *http.Client
	seq    uint64
}

func open(t testing.TB, change ...func(*console.Config)) *house {
	t.Helper()
	h := &house{t: t, log: &lockedBuffer{}}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	var err error
	if h.store, err = store.Open(t.Context(), store.Config{Dir: t.TempDir()}, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.must(h.store.Close()) })
	policy := engine.Defaults()
	policy.Clients, policy.Decisions = 1<<10, 1<<10
	if h.guard, err = guard.New(t.Context(), guard.Config{Store: h.store, Policy: policy, Seed: 1, Node: "test", Log: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.must(h.guard.Close()) })
	cfg := console.Config{
		Store: h.store, Guard: h.guard, App: fstest.MapFS{"index.html": {Data: []byte("<!doctype html>the app")}},
		Hosts: []string{host}, Demo: true, Version: "test", Log: log,
	}
	for _, c := range change {
		c(&cfg)
	}
	if h.ui, err = console.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.must(h.ui.Close()) })
	h.pipes = &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: h.ui, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(h.pipes)
	}()
	h.client = &http.Client{
		Transport:     &http.Transport{DialContext: h.pipes.dial, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		h.ui.HangUp()
		h.client.CloseIdleConnections()
		h.must(srv.Close())
		<-served
	})
	return h
}

// host is what the console of a house is called.
const host = "sentinel.test:8080"

// pipes are a listener without a network: nothing is buffered between the two ends, and time in
// a testing/synctest bubble passes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return pipeAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- addressed{theirs}:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "192.0.2.200:4711" }

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Error(err)
	}
}

// An answer to a request.
type answer struct {
	code   int
	header http.Header
	body   string
}

// send asks with headers given as "Name: value"; Host is one of them.
func (h *house) send(method, path, body string, headers ...string) answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+host+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body == "" {
		r.Body = nil
		r.ContentLength = 0
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Add(name, value)
		}
	}
	return h.do(r)
}

func (h *house) do(r *http.Request) answer {
	h.t.Helper()
	a, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{a.StatusCode, a.Header, string(b)}
}

const isJSON = "Content-Type: application/json"

// get decodes the JSON at a path.
func (h *house) get(path string, into any) {
	h.t.Helper()
	a := h.send("GET", path, "")
	if a.code != 200 {
		h.t.Fatalf("GET %s answers %d %s", path, a.code, a.body)
	}
	h.must(json.Unmarshal([]byte(a.body), into))
}

// A problem is one error of a GraphQL answer.
type problem struct {
	Message    string
	Path       []any
	Extensions struct{ Code, Field, Reference string }
}

// ask asks GraphQL, decodes the data into into, and returns the errors.
func (h *house) ask(into any, document string, variables map[string]any) []problem {
	h.t.Helper()
	b, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		h.t.Fatal(err)
	}
	a := h.send("POST", "/graphql", string(b), isJSON)
	var out struct {
		Data   json.RawMessage
		Errors []problem
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		h.t.Fatalf("%s: %d %s", err, a.code, a.body)
	}
	if into != nil && len(out.Errors) == 0 {
		h.must(json.Unmarshal(out.Data, into))
	}
	return out.Errors
}

// mustAsk asks what must be answered.
func (h *house) mustAsk(into any, document string, variables map[string]any) {
	h.t.Helper()
	if errs := h.ask(into, document, variables); len(errs) > 0 {
		h.t.Fatalf("%s: %+v", document, errs)
	}
}

// traffic passes the gateway's two questions: what comes, and what became of it.
func (h *house) traffic(x engine.Exchange) engine.Verdict {
	h.seq++
	x.At = time.Now()
	x.ID = uint64(x.At.UnixMilli())<<20 | h.seq
	x.Folded, x.Route = x.Path, x.Path
	v := h.guard.Decide(x.Request)
	if v.Refused() {
		x.Status, x.Refused, x.Cause = v.Status, true, v.Cause
	}
	h.guard.Observe(x)
	return v
}

func exchange(client, method, path string, status int) engine.Exchange {
	return engine.Exchange{
		Request: engine.Request{
			Client: netip.MustParseAddr(client), Method: method, Path: path, UserAgent: "test",
			Key: engine.Key{Hash: [16]byte{1}, Prefix: "user_key"},
		},
		Status: status, Took: 1500 * time.Microsecond, Bytes: 10,
	}
}

// trip has a client ask for a decoy, which blocks it.
func (h *house) trip(client string) {
	h.t.Helper()
	h.traffic(exchange(client, "GET", "/api/admin/users", 200))
	h.flush()
}

// flush waits until all is written and told.
func (h *house) flush() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	h.must(h.guard.Flush(ctx))
}

// eventually waits for a condition that another goroutine makes true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(10 * time.Second); !is(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func must(t *testing.T, b []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
}

func undemo(c *console.Config) { c.Demo = false }

// batchOf is decisions to block 198.51.100.66, as a rule had made them.
func batchOf(in ...engine.Decision) store.Batch {
	for i := range in {
		in[i].Action, in[i].Origin, in[i].Rule, in[i].By = engine.Block, engine.ByRule, "rate-abuse", "test"
		in[i].Target = engine.ActorOf(netip.MustParseAddr("198.51.100.66"))
		if !in[i].Lifted.IsZero() {
			in[i].LiftedBy = "somebody"
		}
	}
	return store.Batch{Decisions: in}
}
