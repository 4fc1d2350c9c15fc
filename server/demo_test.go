package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// The test binary is the program itself when it is told so: what is killed below is real.
func TestMain(m *testing.M) {
	if os.Getenv("SENTINEL_TEST_AS_PROGRAM") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A demo is a running child process.
type demo struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	done chan struct{}
	errs *lockedBuffer
}

var printedAddress = regexp.MustCompile(`on http://(\S+)`)

func startDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, done: make(chan struct{}), errs: &lockedBuffer{}}
	d.cmd = exec.Command(os.Args[0], append([]string{"demo", "--listen", "127.0.0.1:0"}, args...)...)
	d.cmd.Env = append(os.Environ(), "SENTINEL_TEST_AS_PROGRAM=1")
	d.cmd.Stderr = d.errs
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		defer close(d.done)
		var text bytes.Buffer
		b := make([]byte, 4096)
		for {
			n, err := out.Read(b)
			text.Write(b[:n])
			if m := printedAddress.FindSubmatch(text.Bytes()); m != nil {
				select {
				case found <- string(m[1]):
				default:
				}
			}
			if err != nil {
				break
			}
		}
		_ = d.cmd.Wait()
	}()
	t.Cleanup(func() { d.kill() })
	select {
	case d.addr = <-found:
	case <-d.done:
		t.Fatalf("the demo ended at once: %s", d.errs)
	case <-time.After(60 * time.Second):
		t.Fatalf("the demo doesn't listen: %s", d.errs)
	}
	return d
}

func (d *demo) kill() { _ = d.cmd.Process.Kill(); <-d.done }

// stop asks for an orderly end.
func (d *demo) stop() {
	d.t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(30 * time.Second):
		d.t.Fatal("the demo doesn't stop")
	}
}

// ask sends one request to the bank and gives the status.
func (d *demo) ask(client, method, path, key, body string) int {
	d.t.Helper()
	code, err := d.try(client, method, path, key, body)
	if err != nil {
		d.t.Fatal(err)
	}
	return code
}

func (d *demo) try(client, method, path, key, body string) (int, error) {
	r, err := http.NewRequest(method, "http://"+d.addr+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("X-Simulated-IP", client)
	r.Header.Set("X-API-Key", key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	_, err = io.Copy(io.Discard, a.Body)
	return a.StatusCode, err
}

// query asks GraphQL and decodes data into into.
func (d *demo) query(into any, document string, variables map[string]any) {
	d.t.Helper()
	b, _ := json.Marshal(map[string]any{"query": document, "variables": variables})
	a, err := http.Post("http://"+d.addr+"/graphql", "application/json", bytes.NewReader(b))
	if err != nil {
		d.t.Fatal(err)
	}
	defer a.Body.Close()
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(a.Body).Decode(&answer); err != nil {
		d.t.Fatal(err)
	}
	if len(answer.Errors) > 0 {
		d.t.Fatalf("%s: %v", document, answer.Errors)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		d.t.Fatal(err)
	}
}

// subscribe opens a socket and hands on the data of one subscription until the socket ends.
func (d *demo) subscribe(document string) <-chan json.RawMessage {
	d.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	c, answer, err := dialer.Dial("ws://"+d.addr+"/graphql", http.Header{"Origin": {"http://" + d.addr}})
	if err != nil {
		d.t.Fatalf("open the socket: %v (%v)", err, answer)
	}
	answer.Body.Close()
	type message struct {
		ID      string          `json:"id,omitempty"`
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}
	send := func(m message) {
		if err := c.WriteJSON(m); err != nil {
			d.t.Fatal(err)
		}
	}
	send(message{Type: "connection_init"})
	var m message
	if err := c.ReadJSON(&m); err != nil || m.Type != "connection_ack" {
		d.t.Fatalf("no acknowledgement: %v %v", m, err)
	}
	payload, _ := json.Marshal(map[string]string{"query": document})
	send(message{ID: "1", Type: "subscribe", Payload: payload})
	out := make(chan json.RawMessage, 4096)
	go func() {
		defer close(out)
		defer c.Close()
		for {
			var m message
			if err := c.ReadJSON(&m); err != nil {
				return
			}
			switch m.Type {
			case "next":
				out <- m.Payload
			case "ping":
				_ = c.WriteJSON(message{Type: "pong"})
			}
		}
	}()
	return out
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

func TestTheDemoRefusesWhatItsRulesSay(t *testing.T) {
	d := startDemo(t, "--data", t.TempDir())
	for i := 1; i <= 103; i++ {
		want := 200
		if i == 101 {
			want = 429
		} else if i > 101 {
			want = 403
		}
		if got := d.ask("198.18.0.1", "GET", "/api/balance", "user_key_1", ""); got != want {
			t.Fatalf("request %d got %d, want %d", i, got, want)
		}
	}
	for i := 1; i <= 8; i++ {
		want := 401
		if i > 6 {
			want = 403
		}
		if got := d.ask("198.18.0.2", "GET", "/api/balance", fmt.Sprintf("invalid_%d", i), ""); got != want {
			t.Fatalf("failure %d got %d, want %d", i, got, want)
		}
	}
	for _, path := range []string{"/api/admin/users", "/api/balance"} {
		if got := d.ask("2001:db8::7", "GET", path, "user_key_3", ""); got != 403 {
			t.Fatalf("%s after a decoy got %d", path, got)
		}
	}
	for range 2 {
		if got := d.ask("198.18.0.4", "POST", "/api/transaction", "user_key_4", `{"amount": 1.5, "recipient": "shop"}`); got != 200 {
			t.Fatalf("payment got %d", got)
		}
	}

	var seen struct {
		Alerts struct {
			Edges []struct {
				Node struct{ Rule, Severity, Client string }
			}
		}
	}
	want := map[string]string{
		"198.18.0.1": "rate-abuse HIGH", "198.18.0.2": "failed-authentication HIGH",
		"2001:db8::7": "honeypot CRITICAL", "198.18.0.4": "payment-without-balance MEDIUM",
	}
	eventually(t, "one alert each", func() bool {
		d.query(&seen, `{ alerts { edges { node { rule severity client } } } }`, nil)
		got := map[string]string{}
		for _, e := range seen.Alerts.Edges {
			got[e.Node.Client] += e.Node.Rule + " " + e.Node.Severity
		}
		return len(seen.Alerts.Edges) == len(want) && fmt.Sprint(got) == fmt.Sprint(want)
	})
}

// Twenty times: what subscribers were told is in the database after kill -9, and in force
// before the first request is answered.
func TestWhatWasAnnouncedSurvivesBeingKilledUnderLoad(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	for round := range rounds {
		d := startDemo(t, "--data", dir)
		alerts := d.subscribe(`subscription { alertRaised { id client } }`)
		decisions := d.subscribe(`subscription { decisionChanged { id state target { label } } }`)

		ctx, cancel := context.WithCancel(t.Context())
		var load sync.WaitGroup
		for worker := range 4 {
			load.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					client := fmt.Sprintf("198.18.%d.%d", round*4+worker, i%250)
					if i >= 250 {
						client = fmt.Sprintf("198.19.%d.%d", round*4+worker, i%250)
					}
					_, _ = d.try(client, "GET", "/api/admin/users", "user_key", "") // a decision each
				}
			})
		}
		told := map[string]bool{} // ID of a decision to whether it was heard of
		blocked := map[string]bool{}
		raised := map[string]bool{}
		deadline := time.After(20 * time.Second)
		for len(told) < 25+round*3 || len(raised) < 25 {
			select {
			case a := <-alerts:
				var m struct {
					Data struct{ AlertRaised struct{ ID, Client string } }
				}
				if err := json.Unmarshal(a, &m); err != nil {
					t.Fatal(err)
				}
				raised[m.Data.AlertRaised.ID] = true
			case n := <-decisions:
				var m struct {
					Data struct {
						DecisionChanged struct {
							ID, State string
							Target    struct{ Label string }
						}
					}
				}
				if err := json.Unmarshal(n, &m); err != nil {
					t.Fatal(err)
				}
				told[m.Data.DecisionChanged.ID] = true
				blocked[m.Data.DecisionChanged.Target.Label] = true
			case <-deadline:
				t.Fatalf("round %d: only %d decisions and %d alerts were announced: %s", round, len(told), len(raised), d.errs)
			}
		}
		d.kill()
		cancel()
		load.Wait()

		d = startDemo(t, "--data", dir)
		for client := range blocked { // from the very first request after the start
			if got := d.ask(client, "GET", "/api/balance", "user_key", ""); got != 403 {
				t.Fatalf("round %d: %s was announced as blocked and got %d after the restart", round, client, got)
			}
		}
		for id := range told {
			var m struct{ Decision *struct{ ID string } }
			if d.query(&m, `query($id: ID!) { decision(id: $id) { id } }`, map[string]any{"id": id}); m.Decision == nil {
				t.Fatalf("round %d: the announced decision %s is gone", round, id)
			}
		}
		for id := range raised {
			var m struct{ Alert *struct{ ID string } }
			if d.query(&m, `query($id: ID!) { alert(id: $id) { id } }`, map[string]any{"id": id}); m.Alert == nil {
				t.Fatalf("round %d: the announced alert %s is gone", round, id)
			}
		}
		d.kill()
	}
}

func TestAnOrderlyStopLosesNoTraffic(t *testing.T) {
	dir := t.TempDir()
	d := startDemo(t, "--data", dir)
	const sent = 400
	for i := range sent {
		d.ask(fmt.Sprintf("198.18.%d.%d", i%8, i/8), "GET", "/api/balance", "user_key", "")
	}
	d.stop()
	d = startDemo(t, "--data", dir)
	var m struct {
		Stats struct{ Now struct{ Requests int } }
	}
	d.query(&m, `{ stats(window: "1h") { now { requests } } }`, nil)
	if m.Stats.Now.Requests != sent {
		t.Fatalf("%d of %d requests were kept", m.Stats.Now.Requests, sent)
	}
}

func TestTwoDemosWithOneRedisCountTogether(t *testing.T) {
	redis := startRedis(t)
	a := startDemo(t, "--data", t.TempDir(), "--redis", redis)
	b := startDemo(t, "--data", t.TempDir(), "--redis", redis)
	passed := 0
	for i := range 160 {
		d := a
		if i%2 == 1 {
			d = b
		}
		if d.ask("198.18.9.9", "GET", "/api/balance", "user_key", "") == 200 {
			passed++
		}
	}
	if passed != 100 {
		t.Fatalf("%d of 160 requests over two nodes passed, want 100", passed)
	}
	a.ask("198.18.9.10", "GET", "/api/admin/", "user_key", "")
	eventually(t, "the other node refuses too", func() bool {
		return b.ask("198.18.9.10", "GET", "/api/balance", "user_key", "") == 403
	})
}

func TestTheDemoListensElsewhereOnlyWithAPassword(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  func(*Config)
		says string
	}{
		"every address":           {func(c *Config) { c.Listen = "0.0.0.0:8080" }, "--allow-remote"},
		"no port":                 {func(c *Config) { c.Listen = "127.0.0.1" }, "host:port"},
		"a database of no kind":   {func(c *Config) { c.Database = "mysql://x/y" }, "postgres://"},
		"a redis that is no URL":  {func(c *Config) { c.Redis = "localhost:6379" }, "redis://"},
		"a password that is kept": {func(c *Config) { c.Redis = "http://u:hunter2@h" }, "redis://"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Defaults()
			c.cfg(&cfg)
			err := cfg.Validate()
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("got %v, want a remedy with %q", err, c.says)
			}
		})
	}
}

// startRedis starts a Redis of its own on a socket file, so that no port can collide.
func startRedis(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Redis for the tests: apt-get install redis-server")
		}
		t.Skip("no Redis here: apt-get install redis-server")
	}
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := dir + "/s"
	cmd := exec.Command(bin, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "Redis listens", func() bool { _, err := os.Stat(socket); return err == nil })
	return "unix://" + socket
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited ten seconds in vain: %s", what)
		}
	}
}
