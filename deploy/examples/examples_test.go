// Package examples_test runs the examples as they stand, with the real proxies, against a
// Sentinel and an API in this process.
package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/ingest"
)

// binary finds a proxy, or says why the test can't run.
func binary(t *testing.T, path string) string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: install it", path)
		}
		t.Skipf("%s is not installed", path)
	}
	return path
}

// A watch is a guard with the engine's rules that remembers what it observed.
type watch struct {
	gateway.Guard
	mu       sync.Mutex
	observed []engine.Exchange
}

func (w *watch) Observe(x engine.Exchange) {
	w.Guard.Observe(x)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.observed = append(w.observed, x)
}

// A site is a proxy between clients and an API, and the Sentinel that it asks.
type site struct {
	t        *testing.T
	guard    *watch
	auth     *gateway.ForwardAuth
	sentinel *httptest.Server
	api      *httptest.Server
	url      string
	log      string // the proxy's

	mu   sync.Mutex
	seen []*http.Request // by the API
}

func newSite(t *testing.T) *site {
	t.Helper()
	p := engine.Defaults()
	p.Denies = []string{"/internal"}
	rate := p.Rules["rate-abuse"]
	rate.More, rate.Do = 20, 0 // refuses, and blocks nobody: the next address may be needed again
	p.Rules["rate-abuse"] = rate
	alone, err := gateway.Alone(p)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, guard: &watch{Guard: alone}, log: filepath.Join(t.TempDir(), "access.json")}
	s.auth = gateway.NewForwardAuth(gateway.Config{
		From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}, RateLimit: true,
	}, s.guard)
	s.sentinel = httptest.NewServer(s.auth)
	t.Cleanup(s.sentinel.Close)
	s.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Clone(r.Context()))
		s.mu.Unlock()
		if r.URL.Path == "/login" {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/forbidden" {
			http.Error(w, "the API's own", http.StatusForbidden)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(s.api.Close)
	return s
}

// template is an example with its addresses and files put in place of those it names.
func (s *site) template(file string, more ...string) string {
	s.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	pairs := append([]string{"127.0.0.1:8082", s.sentinel.Listener.Addr().String(), "127.0.0.1:3000", s.api.Listener.Addr().String()}, more...)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(text), pairs[i]) {
			s.t.Fatalf("%s doesn't mention %s", file, pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(string(text))
}

// port is one that nobody listens on.
func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// run starts a proxy and waits until it answers.
func (s *site) run(listen string, name string, args ...string) {
	s.t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+s.t.TempDir(), "XDG_DATA_HOME="+s.t.TempDir(), "XDG_CONFIG_HOME="+s.t.TempDir())
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if s.t.Failed() {
			s.t.Logf("%s said:\n%s", filepath.Base(name), out.String())
		}
	})
	s.url = "http://127.0.0.1:" + listen
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+listen, time.Second)
		if err == nil {
			c.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			s.t.Fatalf("%s ended: %v\n%s", name, err, out.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not listen: %v", name, err)
		}
	}
}

// An answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request from an address of this machine's loopback network.
func (s *site) ask(from, method, path, body string, headers ...string) answer {
	s.t.Helper()
	a, err := ask(s.url, from, method, path, body, headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func ask(base, from, method, path, body string, headers ...string) (answer, error) {
	t := &http.Transport{
		DialContext:       (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}).DialContext,
		DisableKeepAlives: true,
	}
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Transport: t, Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text)}, err
}

func (s *site) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// problem checks a refusal and answers its reference.
func (s *site) problem(about string, a answer, status int) string {
	s.t.Helper()
	var p struct {
		Status    int
		Reference string
	}
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(a.body), &p) != nil ||
		p.Status != status || p.Reference == "" || a.header.Get("X-Sentinel-Reference") != p.Reference {
		s.t.Errorf("%s: got %d %v %s", about, a.status, a.header, a.body)
	}
	return p.Reference
}

// guarded is what any proxy has to do with a Sentinel beside it.
func (s *site) guarded() {
	s.t.Helper()
	a := s.ask("127.0.0.9", "POST", "/api/echo?x=1", "hello", "X-Forwarded-For", "198.51.100.66", "X-API-Key", "user_key_1", "User-Agent", "tester/1.0")
	if a.status != 200 || a.body != "hello" || s.calls() != 1 {
		s.t.Fatalf("got %d %v %q", a.status, a.header, a.body)
	}
	if r := s.seen[0]; r.Method != "POST" || r.RequestURI != "/api/echo?x=1" || r.Header.Get("X-Forwarded-For") != "127.0.0.9" {
		s.t.Errorf("the API got %s %s, X-Forwarded-For %q", r.Method, r.RequestURI, r.Header["X-Forwarded-For"])
	}

	if a := s.ask("127.0.0.9", "GET", "/forbidden", ""); a.status != 403 || a.body != "the API's own\n" {
		s.t.Errorf("the API's own 403 became %d %q", a.status, a.body)
	}

	calls := s.calls()
	s.problem("a denied path", s.ask("127.0.0.9", "GET", "/internal/x?next=/public", ""), 403)
	s.problem("a denied path, in other words", s.ask("127.0.0.9", "GET", "/public/%2e%2e/Internal", ""), 403)
	s.problem("with other headers", s.ask("127.0.0.9", "GET", "/internal", "", "X-Original-URI", "/public", "X-Forwarded-Uri", "/public", "X-Original-Url", "/public"), 403)
	s.problem("an ambiguous path", s.ask("127.0.0.9", "GET", "/a%5cb", ""), 400)
	s.problem("a decoy", s.ask("127.0.0.10", "GET", "/api/admin/users", ""), 403)
	blocked := s.ask("127.0.0.10", "GET", "/api/echo", "")
	if ref := s.problem("who is blocked", blocked, 403); !strings.HasPrefix(ref, "D-") || blocked.header.Get("Retry-After") == "" {
		s.t.Errorf("blocked with the reference %q, Retry-After %q", ref, blocked.header.Get("Retry-After"))
	}
	if s.calls() != calls {
		s.t.Errorf("the API was asked %d times for what is refused", s.calls()-calls)
	}
	if a := s.ask("127.0.0.11", "GET", "/api/echo", ""); a.status != 200 {
		s.t.Errorf("the neighbour got %d", a.status)
	}

	for range 20 {
		if a := s.ask("127.0.0.12", "GET", "/api/echo", ""); a.status != 200 {
			s.t.Fatalf("below the limit: got %d %s", a.status, a.body)
		}
	}
	many := s.ask("127.0.0.12", "GET", "/api/echo", "")
	s.problem("too many", many, 429)
	if wait, err := strconv.Atoi(many.header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
		s.t.Errorf("Retry-After is %q", many.header.Get("Retry-After"))
	}
}

// logged waits for a line of the proxy's log that does.
func (s *site) logged(does func(line map[string]any) bool) map[string]any {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		text, err := os.ReadFile(s.log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			s.t.Fatal(err)
		}
		for one := range strings.Lines(string(text)) {
			var fields map[string]any
			if strings.HasSuffix(one, "\n") && json.Unmarshal([]byte(one), &fields) != nil {
				s.t.Fatalf("not JSON: %s", one)
			}
			if fields != nil && does(fields) {
				return fields
			}
		}
	}
	s.t.Fatal("the log has no such line")
	return nil
}

// learns checks that sign-ins which the API refuses count, although Sentinel sees the answers in
// the proxy's log alone, and that Sentinel's own refusals there don't.
func (s *site) learns(format string) {
	s.t.Helper()
	f, err := ingest.ParseFormat(format)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- ingest.Follow(ctx, &ingest.Source{File: s.log, Format: f, Every: 10 * time.Millisecond, FromStart: true}, s.auth.Answered)
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	}()
	const from = "127.0.0.20"
	observed := func(status int) (n int) {
		s.guard.mu.Lock()
		defer s.guard.mu.Unlock()
		for _, x := range s.guard.observed {
			if x.Client == netip.MustParseAddr(from) && x.Status == status {
				n++
				if x.Key.Prefix != "user_" || x.Bytes == 0 != x.Refused || x.ID == 0 {
					s.t.Errorf("observed %+v", x)
				}
			}
		}
		return n
	}
	until := func(status, n int) {
		s.t.Helper()
		for deadline := time.Now().Add(10 * time.Second); observed(status) < n; <-time.After(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				s.t.Fatalf("%d answers %d are known, want %d", observed(status), status, n)
			}
		}
	}
	for range 6 {
		if a := s.ask(from, "POST", "/login", "{}", "X-API-Key", "user_key_1"); a.status != 401 {
			s.t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	until(401, 6)
	for range 3 {
		s.problem("after six wrong passwords", s.ask(from, "GET", "/api/echo", "", "X-API-Key", "user_key_1"), 403)
	}
	if a := s.ask("127.0.0.21", "POST", "/login", "{}"); a.status != 401 { // the last line of the log
		s.t.Errorf("the neighbour got %d", a.status)
	}
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(5 * time.Millisecond) {
		s.guard.mu.Lock()
		last := s.guard.observed[len(s.guard.observed)-1]
		s.guard.mu.Unlock()
		if last.Client == netip.MustParseAddr("127.0.0.21") {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatal("the end of the log is never read")
		}
	}
	if n := observed(403); n != 3 {
		s.t.Errorf("three refusals were observed as %d", n)
	}
}

// away checks that requests pass while Sentinel is away.
func (s *site) away() {
	s.t.Helper()
	s.sentinel.Close()
	start := time.Now()
	for range 3 {
		if a := s.ask("127.0.0.13", "POST", "/api/echo", "hello"); a.status != 200 || a.body != "hello" {
			s.t.Errorf("with Sentinel away: got %d %v %s", a.status, a.header, a.body)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		s.t.Errorf("three requests took %v", took)
	}
}

func TestNginx(t *testing.T) {
	bin := binary(t, "/usr/sbin/nginx")
	s, dir, listen := newSite(t), t.TempDir(), port(t)
	example := s.template("nginx/sentinel.conf", "listen 8080", "listen 127.0.0.1:"+listen, "/var/log/nginx/sentinel.json", s.log)
	if err := os.WriteFile(filepath.Join(dir, "sentinel.conf"), []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	main := fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log stderr warn;
events { worker_connections 128; }
http {
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	include %[1]s/sentinel.conf;
}
`, dir)
	if os.Geteuid() == 0 {
		main = "user root;\n" + main
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(listen, bin, "-p", dir, "-c", conf, "-e", "stderr")
	s.guarded()
	a := s.ask("127.0.0.14", "GET", "/api/echo", "")
	if policy, left := a.header.Get("RateLimit-Policy"), a.header.Get("RateLimit"); policy != `"rate-abuse";q=20;w=60` || !strings.HasPrefix(left, `"rate-abuse";r=19`) {
		t.Errorf("the client is told %q, %q", policy, left)
	}
	l := s.logged(func(l map[string]any) bool { return l["request_uri"] == "/api/echo?x=1" })
	for field, want := range map[string]string{"remote_addr": "127.0.0.9", "request_method": "POST", "status": "200", "body_bytes_sent": "5", "http_user_agent": "tester/1.0", "sentinel_reference": ""} {
		if l[field] != want {
			t.Errorf("logged %s %v, want %s", field, l[field], want)
		}
	}
	if _, err := time.Parse(time.RFC3339, l["time_iso8601"].(string)); err != nil {
		t.Error(err)
	}
	for _, field := range []string{"msec", "request_time"} {
		if _, err := strconv.ParseFloat(l[field].(string), 64); err != nil {
			t.Error(field, err)
		}
	}
	if l := s.logged(func(l map[string]any) bool { return l["request_uri"] == "/api/echo" && l["status"] == "403" }); !strings.HasPrefix(l["sentinel_reference"].(string), "D-") {
		t.Errorf("a refusal is logged as %v", l)
	}
	s.learns("nginx-json")
	s.away()
}

func TestCaddy(t *testing.T) {
	bin := binary(t, "/usr/bin/caddy")
	s, dir, listen, spare := newSite(t), t.TempDir(), port(t), port(t)
	example := s.template("caddy/Caddyfile", ":8080 {", "http://127.0.0.1:"+listen+" {", "/var/log/caddy/sentinel.json", s.log, "127.0.0.1:8083", "127.0.0.1:"+spare)
	conf := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(conf, []byte("{\n\tadmin off\n}\n"+example), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(listen, bin, "run", "--adapter", "caddyfile", "--config", conf)
	s.guarded()
	l := s.logged(func(l map[string]any) bool {
		r, _ := l["request"].(map[string]any)
		return r["uri"] == "/api/echo?x=1"
	})
	r, _ := l["request"].(map[string]any)
	if l["status"] != 200.0 || l["size"] != 5.0 || r["method"] != "POST" || r["remote_ip"] != "127.0.0.9" {
		t.Errorf("logged %v", l)
	}
	if text, err := os.ReadFile(s.log); err != nil || strings.Contains(string(text), "user_key_1") {
		t.Errorf("the API key is in the log, or there is none: %v", err)
	}
	s.learns("caddy")
	s.away()
}
