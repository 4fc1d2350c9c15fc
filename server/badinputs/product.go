package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Plan is how the product is started for one case.
type plan struct {
	rules    tree               // rules whose terms are not those of the fixture
	set      tree               // further settings, over all others
	unset    []string           // settings that are left out
	env      []string           // further environment
	args     []string           // further flags
	tls      bool               // the gateway speaks TLS and HTTP/2
	demo     bool               // sentinel demo instead of serve
	files    uint64             // how many descriptors it may have; 0: as many as we
	anywhere bool               // listen on every address, IPv4 and IPv6
	login    int64              // what the API answers a sign-in; 0: 401
	spoil    func(string) error // done to its data before it starts
	mayFail  bool               // that it does not start is an outcome
}

// A product is a started Sentinel with the API behind it.
type product struct {
	cmd     *exec.Cmd
	dir     string
	echo    *echo
	token   string
	gateway string
	console string
	service string
	tls     bool
	demo    bool
	said    *record // standard error: its log
	told    *record // standard output
	ended   chan struct{}
	exit    int
	startup time.Duration
	client  *http.Client // of the operator
	friend  *http.Client // of a client that no case knows
	args    []string
	env     []string
}

// A record keeps what a process writes, up to a bound.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const longestRecord = 64 << 20

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.text.Len() < longestRecord {
		_, _ = r.text.Write(p) // into memory
	}
	return len(p), nil
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// The ports that the cases listen on. They lie below those that Linux and BSD lend to outgoing connections
// (32768 and 49152 up), so that no connection of another case takes one before its listener does, and none comes
// twice before all had their turn.
const firstPort, endOfPorts = 12000, 32000

var portsTaken atomic.Int64

// freePort is one that nobody listens on just now.
func freePort(ctx context.Context) (string, error) {
	const all = endOfPorts - firstPort
	start := os.Getpid() * 61 // drivers that run beside each other begin apart
	for range all {
		port := strconv.Itoa(firstPort + (start+int(portsTaken.Add(1)))%all)
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			return port, l.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return "", err
		}
	}
	return "", errors.New("no port is free")
}

const patience = 10 * time.Second

// start runs the binary on a copy of the fixture's data and waits until it answers.
func (f *fixture) start(ctx context.Context, p plan) (*product, error) {
	dir, err := os.MkdirTemp(f.work, "case-")
	if err != nil {
		return nil, err
	}
	s := &product{dir: dir, token: f.token, tls: p.tls, demo: p.demo, said: &record{}, told: &record{}}
	if s.echo, err = newEcho(ctx); err != nil {
		return nil, err
	}
	if p.login != 0 {
		s.echo.login.Store(p.login)
	}
	if f.data != "" && !p.demo {
		if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(f.data)); err != nil {
			return nil, err
		}
	}
	if p.spoil != nil {
		if err := p.spoil(filepath.Join(dir, "data")); err != nil {
			return nil, err
		}
	}
	if s.args, err = f.arguments(ctx, s, p); err != nil {
		return nil, err
	}
	s.env = append(cleanEnv(), p.env...)
	s.client, s.friend = &http.Client{Timeout: 30 * time.Second}, from("127.0.0.8")
	began := time.Now()
	if err := s.launch(ctx, f.binary); err != nil {
		return nil, err
	}
	if p.files > 0 {
		if err := boundFiles(s.cmd.Process.Pid, p.files); err != nil {
			s.stop()
			return nil, notRun("can't bound its descriptors: " + err.Error())
		}
	}
	if err := s.ready(ctx, began.Add(patience)); err != nil && !p.mayFail {
		s.stop()
		return nil, fmt.Errorf("%w: %s", err, lastLine(s.said.String()))
	}
	s.startup = time.Since(began)
	return s, nil
}

// launch starts the process.
func (s *product) launch(ctx context.Context, binary string) error {
	s.cmd, s.ended = exec.CommandContext(ctx, binary, s.args...), make(chan struct{}) //nolint:gosec // the operator names the binary
	s.cmd.Dir, s.cmd.Stderr, s.cmd.Stdout, s.cmd.Env = s.dir, s.said, s.told, s.env
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // the exit code tells
		s.exit = cmd.ProcessState.ExitCode()
		close(ended)
	}(s.cmd, s.ended)
	return nil
}

// restart ends the process as an operator does, and starts it again on the same data.
func (s *product) restart(ctx context.Context) error {
	binary := s.cmd.Path
	if !s.orderly(ctx) {
		return errors.New("it does not end in order")
	}
	if err := s.launch(ctx, binary); err != nil {
		return err
	}
	return s.ready(ctx, time.Now().Add(patience))
}

// cleanEnv is our environment without settings of the product.
func cleanEnv() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "SENTINEL_") {
			out = append(out, e)
		}
	}
	return out
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return clip(s[strings.LastIndexByte(s, '\n')+1:])
}

// arguments of the program, and its settings written to a file (JSON is YAML).
func (f *fixture) arguments(ctx context.Context, s *product, p plan) ([]string, error) {
	for _, at := range []*string{&s.gateway, &s.console, &s.service} {
		port, err := freePort(ctx)
		if err != nil {
			return nil, err
		}
		*at = "127.0.0.1:" + port
	}
	if p.demo {
		s.console, s.service = s.gateway, ""
		args := []string{"demo", "--listen", s.gateway, "--data", filepath.Join(s.dir, "data")}
		return append(args, p.args...), nil
	}
	settings := f.settings(s, p)
	for key, v := range p.set {
		put(settings, key, v)
	}
	for _, key := range p.unset {
		drop(settings, key)
	}
	b, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "sentinel.yml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return nil, err
	}
	return append([]string{"serve", "--config", file}, p.args...), nil
}

// settings of the fixture (PLAN 4.1).
func (f *fixture) settings(s *product, p plan) tree {
	gateway := tree{
		"listen": s.gateway, "mode": "enforce", "deny": []any{"/admin"}, "skip": []any{"/public"},
		"upstreams": []any{tree{"name": "api", "url": "http://" + s.echo.listener.Addr().String()}},
	}
	if p.anywhere {
		_, port, _ := net.SplitHostPort(s.gateway)
		gateway["listen"] = "[::]:" + port
	}
	if p.tls {
		gateway["tls"] = tree{"cert": f.cert, "key": f.key}
	}
	rules := tree{}
	for _, r := range []string{"rate-abuse", "failed-authentication"} {
		rules[r] = tree{"mode": "off"}
	}
	maps.Copy(rules, p.rules)
	return tree{
		"gateway": gateway,
		"clients": tree{"trusted_proxies": []any{"127.0.0.1/32", "::1/128", "10.0.0.0/8"}, "self_test": false},
		"identity": tree{
			"accounts": []any{
				tree{"in": "json", "name": "username", "routes": []any{"/login"}, "methods": []any{"POST"}},
				tree{"in": "form", "name": "username", "routes": []any{"/login"}, "methods": []any{"POST"}},
			},
			"sessions": []any{tree{"in": "cookie", "name": "sid"}},
		},
		"rules":   rules,
		"console": tree{"listen": s.console},
		"service": tree{"listen": s.service},
		"storage": tree{"data": filepath.Join(s.dir, "data")},
	}
}

// put sets a key as in gateway.listen.
func put(t tree, key string, v any) {
	head, rest, below := strings.Cut(key, ".")
	if !below {
		t[head] = v
		return
	}
	next, ok := t[head].(tree)
	if !ok {
		next = tree{}
		t[head] = next
	}
	put(next, rest, v)
}

func drop(t tree, key string) {
	head, rest, below := strings.Cut(key, ".")
	if !below {
		delete(t, head)
	} else if next, ok := t[head].(tree); ok {
		drop(next, rest)
	}
}

var errNotReady = errors.New("it does not get ready")

// ready waits until every listener answers, or it has ended.
func (s *product) ready(ctx context.Context, until time.Time) error {
	for time.Now().Before(until) && ctx.Err() == nil {
		select {
		case <-s.ended:
			return errNotReady
		default:
		}
		if status, _, err := s.get(ctx, "http://"+s.console+"/healthz", false); err == nil && status == http.StatusOK {
			if c, err := dial(ctx, "", s.gateway); err == nil {
				return c.Close()
			}
		}
		pause(ctx, 5*time.Millisecond)
	}
	return errNotReady
}

func (s *product) running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// stop ends it: in order when it ends soon, else at once.
func (s *product) stop() {
	s.echo.close()
	if s.cmd.Process != nil && s.running() {
		_ = s.cmd.Process.Signal(syscall.SIGKILL) // nothing of a case is kept
		<-s.ended
	}
	_ = os.RemoveAll(s.dir) // a temporary directory
}

// orderly ends it as an operator does, and reports whether it ended in time.
func (s *product) orderly(ctx context.Context) bool {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
		return true
	case <-ctx.Done():
	case <-time.After(20 * time.Second):
	}
	return false
}

// get asks one of its listeners, as the operator when told to.
func (s *product) get(ctx context.Context, url string, signedIn bool) (int, []byte, error) {
	return s.ask(ctx, http.MethodGet, url, nil, signedIn)
}

func (s *product) ask(ctx context.Context, method, url string, body []byte, signedIn bool) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if signedIn && s.token != "" && !s.demo {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(io.LimitReader(a.Body, longestRecord))
	return a.StatusCode, b, err
}
