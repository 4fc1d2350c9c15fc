package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// A matcher is one of Envoy's string matchers.
type matcher struct {
	Exact      string `yaml:"exact"`
	IgnoreCase bool   `yaml:"ignore_case"`
}

type matchers struct {
	Patterns []matcher `yaml:"patterns"`
}

// match reports whether a header is one of them.
func (ms matchers) match(name string) bool {
	return slices.ContainsFunc(ms.Patterns, func(m matcher) bool { return strings.EqualFold(name, m.Exact) && (m.IgnoreCase || name == m.Exact) })
}

// extAuthz is what of Envoy's filter decides how it asks.
type extAuthz struct {
	Allowed matchers `yaml:"allowed_headers"`
	Lenient bool     `yaml:"failure_mode_allow"`
	Service struct {
		URI struct {
			URI string `yaml:"uri"`
		} `yaml:"server_uri"`
		Prefix   string `yaml:"path_prefix"`
		Response struct {
			Client  matchers `yaml:"allowed_client_headers"`
			Success matchers `yaml:"allowed_client_headers_on_success"`
		} `yaml:"authorization_response"`
	} `yaml:"http_service"`
}

// manager reads a part of the example's connection manager.
func manager(t *testing.T, part string, into any) {
	t.Helper()
	text, err := os.ReadFile("envoy/envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path, err := yaml.PathString("$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config." + part + ".typed_config")
	if err != nil {
		t.Fatal(err)
	}
	if err := path.Read(bytes.NewReader(text), into); err != nil {
		t.Fatal(err)
	}
}

// filter reads the ext_authz filter of the example.
func filter(t *testing.T) (f extAuthz) {
	t.Helper()
	manager(t, "http_filters[0]", &f)
	if f.Service.Prefix == "" || len(f.Allowed.Patterns) == 0 || len(f.Service.Response.Client.Patterns) == 0 || f.Service.URI.URI != "http://127.0.0.1:8082" {
		t.Fatalf("the example says %+v", f)
	}
	return f
}

// ask asks as Envoy's HTTP ext_authz does: method and host of the request, its path behind
// the prefix, the headers that are allowed, and the connection's address at the right end of
// X-Forwarded-For, followed by Envoy's own.
func (f extAuthz) ask(base, client, method, path string, header http.Header) (answer, error) {
	var pairs []string
	for name, values := range header {
		if f.Allowed.match(name) && !strings.EqualFold(name, "X-Forwarded-For") {
			pairs = append(pairs, name, strings.Join(values, ","))
		}
	}
	return ask(base, "127.0.0.1", method, f.Service.Prefix+path, "", append(pairs, "X-Forwarded-For", forwarded(header, client)+",127.0.0.1")...)
}

// forwarded is X-Forwarded-For as Envoy writes it on.
func forwarded(header http.Header, client string) string {
	return strings.Join(append(slices.Clone(header["X-Forwarded-For"]), client), ",")
}

// asEnvoy answers what the client would get.
func (f extAuthz) asEnvoy(t *testing.T, s *site, client, method, path string, header http.Header) answer {
	t.Helper()
	a, err := f.ask(s.sentinel.URL, client, method, path, header)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(a.header, func(name string, _ []string) bool { return !f.Service.Response.Client.match(name) })
	return a
}

// An envoy plays Envoy's part by the example's own words: it asks, passes on or refuses, and writes
// its access log.
type envoy struct {
	extAuthz
	sentinel, api string // URLs
	format        map[string]string
	log           *os.File
	fail          func(error)
}

// playEnvoy puts one in front of the site's API, that asks a Sentinel at sentinel.
func (s *site) playEnvoy(sentinel string) {
	s.t.Helper()
	var log struct {
		Path   string `yaml:"path"`
		Format struct {
			JSON map[string]string `yaml:"json_format"`
		} `yaml:"log_format"`
	}
	manager(s.t, "access_log[0]", &log)
	if log.Path == "" || len(log.Format.JSON) == 0 {
		s.t.Fatalf("the example logs %+v", log)
	}
	file, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	e := &envoy{extAuthz: filter(s.t), sentinel: sentinel, api: s.api.URL, format: log.Format.JSON, log: file, fail: func(err error) { s.t.Error(err) }}
	srv := httptest.NewServer(e)
	s.t.Cleanup(func() {
		srv.Close()
		_ = file.Close()
	})
	s.url = srv.URL
}

func (e *envoy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	a, told := e.answered(r, client)
	for name, values := range a.header {
		if told.match(name) {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)

	line := map[string]any{}
	for field, operator := range e.format {
		value, known := map[string]any{
			"%START_TIME%":                       start.UTC().Format("2006-01-02T15:04:05.000Z"),
			"%DOWNSTREAM_REMOTE_ADDRESS%":        r.RemoteAddr,
			"%REQ(:METHOD)%":                     r.Method,
			"%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%": r.RequestURI,
			"%RESPONSE_CODE%":                    a.status,
			"%DURATION%":                         time.Since(start).Milliseconds(),
			"%BYTES_SENT%":                       len(a.body),
			"%REQ(USER-AGENT)%":                  orNull(r.UserAgent()),
		}[operator]
		if !known {
			e.fail(fmt.Errorf("the example logs %s as %s, which nobody knows here", field, operator))
		}
		line[field] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		e.fail(err)
	}
	if _, err := e.log.Write(append(text, '\n')); err != nil {
		e.fail(err)
	}
}

// orNull is a header as Envoy's JSON has it: null when there is none.
func orNull(value string) any {
	if value == "" {
		return nil
	}
	return value
}

// answered is what becomes of a request, and which headers of that a client is told.
func (e *envoy) answered(r *http.Request, client string) (answer, matchers) {
	verdict, err := e.ask(e.sentinel, client, r.Method, r.RequestURI, r.Header)
	switch {
	case err != nil && !e.Lenient:
		return answer{status: http.StatusForbidden}, matchers{}
	case err == nil && verdict.status/100 != 2:
		return verdict, e.Service.Response.Client
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		e.fail(err)
	}
	pairs := []string{"X-Forwarded-For", forwarded(r.Header, client)}
	for name, values := range r.Header {
		if name != "X-Forwarded-For" {
			pairs = append(pairs, name, strings.Join(values, ","))
		}
	}
	a, err := ask(e.api, "127.0.0.1", r.Method, r.RequestURI, string(body), pairs...)
	if err != nil {
		return answer{status: http.StatusServiceUnavailable}, matchers{}
	}
	for name, values := range verdict.header {
		if e.Service.Response.Success.match(name) {
			a.header[name] = values
		}
	}
	return a, e.Service.Response.Success
}

// Envoy itself is not at hand everywhere, so the test plays its part by the example's own words.
func TestEnvoysContract(t *testing.T) {
	f, s := filter(t), newSite(t)
	s.template("envoy/envoy.yaml", "port_value: 8082", "", "port_value: 3000", "", "path: /var/log/envoy/sentinel.json", "")
	a := f.asEnvoy(t, s, "192.0.2.77", "DELETE", "/api/echo?x=1", http.Header{"X-Api-Key": {"user_key_1"}, "User-Agent": {"tester"}, "X-Forwarded-For": {"198.51.100.66"}})
	if a.status < 200 || a.status > 299 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	s.problem("a denied path", f.asEnvoy(t, s, "192.0.2.77", "GET", "/internal?next=/public", nil), 403)
	s.problem("a denied path with forged headers", f.asEnvoy(t, s, "192.0.2.77", "GET", "/internal", http.Header{"X-Forwarded-Uri": {"/public"}, "X-Original-Uri": {"/public"}}), 403)
	s.problem("a denied path behind two slashes", f.asEnvoy(t, s, "192.0.2.77", "GET", "//internal", nil), 403)
	s.problem("an ambiguous path", f.asEnvoy(t, s, "192.0.2.77", "GET", "/a%2fb", nil), 400)
	s.problem("a decoy", f.asEnvoy(t, s, "192.0.2.78", "POST", "/api/admin", nil), 403)
	if a := f.asEnvoy(t, s, "192.0.2.78", "GET", "/", nil); !strings.HasPrefix(s.problem("who is blocked", a, 403), "D-") || a.header.Get("Retry-After") == "" {
		t.Errorf("blocked with %v", a.header)
	}
	for range 20 {
		f.asEnvoy(t, s, "192.0.2.79", "GET", "/", nil)
	}
	s.problem("too many", f.asEnvoy(t, s, "192.0.2.79", "GET", "/", nil), 429)
}

func TestEnvoysLogTeachesWhatTheAPIAnswered(t *testing.T) {
	s := newSite(t)
	s.playEnvoy(s.sentinel.URL)
	a := s.ask("127.0.0.9", "POST", "/api/echo?x=1", "hello", "X-Forwarded-For", "198.51.100.66", "User-Agent", "tester/1.0")
	if policy := a.header.Get("RateLimit-Policy"); a.status != 200 || a.body != "hello" || policy != `"rate-abuse";q=20;w=60` {
		t.Errorf("got %d %v %q", a.status, a.header, a.body)
	}
	l := s.logged(func(l map[string]any) bool { return l["path"] == "/api/echo?x=1" })
	if l["method"] != "POST" || l["response_code"] != 200.0 || l["bytes_sent"] != 5.0 || l["user_agent"] != "tester/1.0" ||
		!strings.HasPrefix(fmt.Sprint(l["downstream_remote_address"]), "127.0.0.9:") {
		t.Errorf("logged %v", l)
	}
	s.learns("envoy")
	s.away()
}

// What the example says beside its YAML is what Sentinel needs, so the program runs with that.
func TestServeBlocksWhoGuessesBehindEnvoy(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	s := newSite(t)
	if err := os.WriteFile(s.log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text := s.template("envoy/envoy.yaml", "port_value: 8082", "", "port_value: 3000", "", "path: /var/log/envoy/sentinel.json", "", "file: /var/log/envoy/sentinel.json", "file: "+s.log)
	logs := regexp.MustCompile(`(?m)^# +(logs: \[.*\])$`).FindStringSubmatch(text)
	if logs == nil {
		t.Fatal("the example doesn't say how Sentinel learns from its log")
	}
	s.playEnvoy(s.serve("gateway: {mode: enforce}\nclients: {self_test: false} # its clients are all of this machine\n" + logs[1] + "\n"))
	for range 6 {
		if a := s.ask("127.0.0.20", "POST", "/login", "{}", "X-API-Key", "user_key_1"); a.status != 401 {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	var a answer
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(250 * time.Millisecond) {
		if a = s.ask("127.0.0.20", "GET", "/api/echo", ""); a.status != 200 || time.Now().After(deadline) {
			break
		}
	}
	if ref := s.problem("after six wrong passwords", a, 403); !strings.HasPrefix(ref, "D-") {
		t.Errorf("the reference is %q", ref)
	}
	if a := s.ask("127.0.0.21", "POST", "/login", "{}"); a.status != 401 || a.body != "wrong password\n" {
		t.Errorf("the neighbour got %d %s", a.status, a.body)
	}
}

// serve builds and runs the program with these settings, and answers the URL of its service listener.
func (s *site) serve(settings string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	bin, config := filepath.Join(dir, "sentinel"), filepath.Join(dir, "sentinel.yml")
	if out, err := exec.Command("go", "build", "-o", bin, "../../server").CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(bin, "serve", "--config", config, "--data", filepath.Join(dir, "data"), "--console-listen", "127.0.0.1:0", "--service-listen", "127.0.0.1:0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil || s.t.Failed() {
			s.t.Logf("%v\n%s", err, errs.String())
		}
	})
	url := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if at, is := strings.CutPrefix(lines.Text(), "    service "); is {
			url = strings.TrimSpace(at)
		}
		if strings.HasPrefix(lines.Text(), "  Ready") {
			return url
		}
	}
	s.t.Fatal("it never was ready")
	return ""
}
