package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A served is a running `sentinel serve`.
type served struct {
	t                         *testing.T
	cmd                       *exec.Cmd
	config                    string
	gateway, console, service string // URLs; empty when closed
	setup                     string // token of the link that makes the first admin
	done                      chan struct{}
	errs                      *lockedBuffer
}

var printedDoor = regexp.MustCompile(`(?m)^    (gateway|console|service)  ?(\S+)$`)

// serve starts the program with a configuration in which UPSTREAM stands for an API's URL.
func serve(t *testing.T, yaml string, api http.Handler, args ...string) *served {
	t.Helper()
	upstream := httptest.NewServer(api)
	t.Cleanup(upstream.Close)
	s := &served{t: t, done: make(chan struct{}), errs: &lockedBuffer{}, config: filepath.Join(t.TempDir(), "sentinel.yml")}
	s.write(strings.ReplaceAll(yaml, "UPSTREAM", upstream.URL))
	s.cmd = exec.Command(os.Args[0], append([]string{
		"serve", "--config", s.config, "--data", filepath.Join(t.TempDir(), "data"),
		"--gateway-listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0", "--service-listen", "127.0.0.1:0",
	}, args...)...)
	s.cmd.Env = append(os.Environ(), "SENTINEL_TEST_AS_PROGRAM=1")
	s.cmd.Stderr = s.errs
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		defer close(s.done)
		var text strings.Builder
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			text.WriteString(lines.Text() + "\n")
			if strings.HasPrefix(lines.Text(), "  Ready") {
				ready <- text.String()
			}
		}
		_ = s.cmd.Wait()
	}()
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); <-s.done })
	select {
	case text := <-ready:
		for _, m := range printedDoor.FindAllStringSubmatch(text, -1) {
			switch m[1] {
			case "gateway":
				s.gateway = m[2]
			case "console":
				s.console = m[2]
			case "service":
				s.service = m[2]
			}
		}
		if _, token, ok := strings.Cut(text, "/setup#token="); ok {
			s.setup, _, _ = strings.Cut(token, "\n")
		}
	case <-s.done:
		t.Fatalf("it ended at once: %s", s.errs)
	case <-time.After(60 * time.Second):
		t.Fatalf("it doesn't listen: %s", s.errs)
	}
	return s
}

func (s *served) write(yaml string) {
	s.t.Helper()
	if err := os.WriteFile(s.config, []byte(yaml), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// edit changes the configuration, asks for it to be read again, and waits until it says so.
func (s *served) edit(old, new, says string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	before := strings.Count(s.errs.String(), says)
	s.write(strings.Replace(string(text), old, new, 1))
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	s.until("it says "+says, func() bool { return strings.Count(s.errs.String(), says) > before })
}

func (s *served) until(what string, is func() bool) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-s.done:
			s.t.Fatalf("it ended before %s: %s", what, s.errs)
		case <-deadline:
			s.t.Fatalf("never: %s\n%s", what, s.errs)
		}
	}
}

// get asks the gateway as a client behind a trusted proxy.
func (s *served) get(client, path string) int {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.gateway+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", client)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Body.Close()
	_, _ = io.Copy(io.Discard, a.Body)
	return a.StatusCode
}

// admin makes the first operator and returns his cookie.
func (s *served) admin() *http.Cookie {
	s.t.Helper()
	b, _ := json.Marshal(map[string]string{"token": s.setup, "name": "ada", "password": "correct horse battery staple"})
	a, err := http.Post(s.console+"/setup", "application/json", bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK || len(a.Cookies()) == 0 {
		text, _ := io.ReadAll(a.Body)
		s.t.Fatalf("setup: %s %s", a.Status, text)
	}
	return a.Cookies()[0]
}

// ask puts a question to GraphQL and decodes its data.
func (s *served) ask(as *http.Cookie, into any, query string) {
	s.t.Helper()
	b, _ := json.Marshal(map[string]string{"query": query})
	r, err := http.NewRequest(http.MethodPost, s.console+"/graphql", bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.AddCookie(as)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Body.Close()
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(a.Body).Decode(&answer); err != nil || len(answer.Errors) > 0 {
		s.t.Fatalf("%s: %v %v", query, err, answer.Errors)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		s.t.Fatal(err)
	}
}

const behindProxy = `
gateway:
  mode: observe
  upstreams: [{url: UPSTREAM}]
clients: {trusted_proxies: [127.0.0.0/8]}
`

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })

func TestObservingRefusesNothingAndCountsWhatItWouldHave(t *testing.T) {
	s := serve(t, behindProxy, hello)
	for range 103 {
		if code := s.get("203.0.113.7", "/"); code != 200 {
			t.Fatalf("answers %d", code)
		}
	}
	if code := s.get("203.0.113.8", "/api/admin/users"); code != 200 {
		t.Errorf("a decoy answers %d", code)
	}
	admin := s.admin()
	var seen struct {
		Health    struct{ Mode string }
		Decisions struct{ TotalCount int }
		Rules     []struct {
			ID        string
			WouldHave struct{ Requests, Findings int }
		}
	}
	s.until("it counts", func() bool {
		s.ask(admin, &seen, `{health{mode} decisions{totalCount} rules{id wouldHave{requests findings}}}`)
		for _, r := range seen.Rules {
			if r.ID == "rate-abuse" && r.WouldHave.Requests == 3 && r.WouldHave.Findings == 1 {
				return true
			}
		}
		return false
	})
	if seen.Health.Mode != "OBSERVE" || seen.Decisions.TotalCount != 0 {
		t.Errorf("%+v", seen)
	}
}

func TestAReloadSwitchesEnforcementOnWithoutDroppingARequest(t *testing.T) {
	s := serve(t, behindProxy, hello)
	ctx, stop := context.WithCancel(t.Context())
	var asked, dropped atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ctx.Err() == nil; i++ {
			if s.get(fmt.Sprintf("198.51.100.%d", i%200), "/") != 200 {
				dropped.Add(1)
			}
			asked.Add(1)
		}
	}()
	s.until("traffic flows", func() bool { return asked.Load() > 50 })
	s.edit("mode: observe", "mode: enforce", "read again")
	if code := s.get("203.0.113.8", "/api/admin/users"); code != 403 {
		t.Errorf("a decoy answers %d when enforcing", code)
	}
	s.edit("mode: enforce", "mode: enfroce", "nothing was changed")
	if code := s.get("203.0.113.9", "/api/admin/users"); code != 403 {
		t.Errorf("a decoy answers %d after a mistake in the file", code)
	}
	more := asked.Load() + 50
	s.until("traffic flows on", func() bool { return asked.Load() > more })
	stop()
	<-ended
	if dropped.Load() > 0 {
		t.Errorf("%d of %d requests were dropped", dropped.Load(), asked.Load())
	}
}

func TestAReloadThatCannotBeTakenUpAsAWholeChangesNothing(t *testing.T) {
	cert, key := certified(t)
	s := serve(t, strings.Replace(behindProxy, "observe", "enforce", 1)+"service: {tls: {cert: "+cert+", key: "+key+"}}\n", hello)
	still := func(after string) {
		t.Helper()
		if code := s.get("203.0.113.8", "/api/admin/users"); code != 403 {
			t.Errorf("a decoy answers %d after %s", code, after)
		}
	}
	good, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.edit("mode: enforce", "mode: observe", "nothing was changed")
	still("a reload with a certificate that can't be read")
	if err := os.WriteFile(cert, good, 0o600); err != nil {
		t.Fatal(err)
	}
	before := strings.Count(s.errs.String(), "nothing was changed")
	s.write("")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.until("it refuses an empty file", func() bool { return strings.Count(s.errs.String(), "nothing was changed") > before })
	still("a reload of a file that is being written")
}

// certified writes a certificate that tests may use, and its key.
func certified(t *testing.T) (cert, key string) {
	t.Helper()
	s := httptest.NewTLSServer(hello)
	defer s.Close()
	own := s.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestAStopLetsRequestsInFlightEnd(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	s := serve(t, behindProxy, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-goOn
		fmt.Fprint(w, "at last")
	}))
	code := make(chan int, 1)
	go func() { code <- s.get("203.0.113.7", "/slow") }()
	<-begun
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.until("it takes nothing more", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.gateway, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	close(goOn)
	if got := <-code; got != 200 {
		t.Errorf("the request in flight got %d", got)
	}
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		t.Fatal("it doesn't stop")
	}
	if state := s.cmd.ProcessState.ExitCode(); state != 0 {
		t.Errorf("it ended with %d: %s", state, s.errs)
	}
}

func TestStreamsGoThroughBothWays(t *testing.T) {
	up := websocket.Upgrader{}
	s := serve(t, behindProxy, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: one\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // the client leaves
			return
		}
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		kind, b, err := c.ReadMessage()
		if err == nil {
			_ = c.WriteMessage(kind, append([]byte("echo "), b...))
		}
	}))
	events, err := http.Get(s.gateway + "/events")
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(events.Body).ReadString('\n'); err != nil || line != "data: one\n" {
		t.Errorf("%q %v", line, err)
	}
	_ = events.Body.Close()
	c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.gateway, "http")+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := c.ReadMessage(); err != nil || string(b) != "echo hello" {
		t.Errorf("%q %v", b, err)
	}
}

func TestTheConsoleIsNotReachedThroughTheGateway(t *testing.T) {
	var reached atomic.Int64
	s := serve(t, behindProxy, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		w.WriteHeader(http.StatusTeapot)
	}))
	paths := []string{"/", "/graphql", "/api/monitoring/stats", "/healthz", "/session", "/authz", "/v1/decisions", "/metrics"}
	for _, path := range paths {
		if code := s.get("203.0.113.7", path); code != http.StatusTeapot {
			t.Errorf("%s answers %d through the gateway", path, code)
		}
	}
	if int(reached.Load()) != len(paths) {
		t.Errorf("the API saw %d of %d", reached.Load(), len(paths))
	}
}

func TestNobodyIsSignedInUnasked(t *testing.T) {
	s := serve(t, behindProxy, hello)
	for _, path := range []string{"/api/monitoring/stats", "/api/ip-management/list", "/api/export/exchanges.csv"} {
		a, err := http.Get(s.console + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers %s to nobody", path, a.Status)
		}
	}
	admin := s.admin()
	var me struct {
		Me struct{ Name, Role string }
	}
	s.ask(admin, &me, `{me{name role}}`)
	if me.Me.Name != "ada" || me.Me.Role != "ADMIN" {
		t.Errorf("%+v", me)
	}
	b, _ := json.Marshal(map[string]string{"token": s.setup, "name": "eve", "password": "another long password"})
	a, err := http.Post(s.console+"/setup", "application/json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode/100 != 4 {
		t.Errorf("the link works twice: %s", a.Status)
	}
}

func TestWithTheProxyThatMattersMissingFromTheListNobodyIsHeldToTheLimitOfOne(t *testing.T) {
	yaml := strings.NewReplacer("observe", "enforce", "127.0.0.0/8", "203.0.113.0/24").Replace(behindProxy)
	s := serve(t, yaml, hello) // all comes from this machine, which is not listed
	for i := range 250 {
		if code := s.get(fmt.Sprintf("198.51.100.%d", i), "/"); code != 200 {
			t.Fatalf("request %d is answered %d", i, code)
		}
	}
	var health struct{ Health struct{ NotEnforcing string } }
	s.ask(s.admin(), &health, `{health{notEnforcing}}`)
	if says := health.Health.NotEnforcing; !strings.Contains(says, "127.0.0.1") || !strings.Contains(says, "clients.trusted_proxies") {
		t.Errorf("health says %q", says)
	}
}

func TestTheAddressThatAnOperatorWorksFromBehindAProxyIsSpared(t *testing.T) {
	s := serve(t, strings.Replace(behindProxy, "observe", "enforce", 1), hello)
	b, _ := json.Marshal(map[string]string{"token": s.setup, "name": "ada", "password": "correct horse battery staple"})
	r, err := http.NewRequest(http.MethodPost, s.console+"/setup", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", "203.0.113.8, 198.51.100.7")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("setup: %s", a.Status)
	}
	for client, after := range map[string]int{"198.51.100.7": 200, "203.0.113.8": 403, "198.51.100.9": 403} {
		if code := s.get(client, "/api/admin/users"); code != 403 {
			t.Errorf("a decoy answers %s with %d", client, code)
		}
		if code := s.get(client, "/"); code != after {
			t.Errorf("after it %s is answered %d, want %d", client, code, after)
		}
	}
}

func TestSettingsThatCannotBeUsedAreRefusedAtTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sentinel.yml")
	if err := os.WriteFile(file, []byte("gateway: {mod: enforce}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"serve"}, {"config", "check"}, {"config", "print"}} {
		c := exec.Command(os.Args[0], append(command, "--config", file)...)
		c.Env = append(os.Environ(), "SENTINEL_TEST_AS_PROGRAM=1")
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "gateway.mod is no setting that there is; the nearest is gateway.mode") {
			t.Errorf("%v: %v %s", command, err, out)
		}
	}
}

func TestAFollowedLogBlocksWhoGuessesThereAndShowsItsBadLines(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, strings.Replace(behindProxy, "observe", "enforce", 1)+"logs: [{file: "+log+", format: combined}]", hello)
	admin := s.admin()
	var seen struct {
		Upstreams []struct{ Healthy bool }
		Logs      []struct {
			Lines, Bad int
			BadLines   []struct{ Number int }
			Problem    string
		}
	}
	s.until("the log is followed", func() bool {
		s.ask(admin, &seen, `{upstreams{healthy} logs{lines bad badLines{number} problem}}`)
		return len(seen.Logs) == 1 && seen.Logs[0].Problem == ""
	})
	var text strings.Builder
	for i := range 7 {
		fmt.Fprintf(&text, "203.0.113.50 - - [%s] \"POST /login HTTP/1.1\" 401 12 \"-\" \"curl\"\n", time.Now().Add(time.Duration(i)*time.Millisecond).Format("02/Jan/2006:15:04:05 -0700"))
	}
	text.WriteString("this is no line of a log\n")
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text.String()); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	s.until("the client is blocked at the gateway", func() bool { return s.get("203.0.113.50", "/") == 403 })
	s.until("the bad line is shown", func() bool {
		s.ask(admin, &seen, `{upstreams{healthy} logs{lines bad badLines{number} problem}}`)
		return seen.Logs[0].Bad == 1
	})
	if l := seen.Logs[0]; l.Lines != 8 || len(l.BadLines) != 1 || l.BadLines[0].Number != 8 || len(seen.Upstreams) != 1 || !seen.Upstreams[0].Healthy {
		t.Errorf("%+v", seen)
	}
}
