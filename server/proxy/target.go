package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type upstream struct {
	Upstream
	targets []*target
	next    atomic.Uint32
}

// A target is one place where an API runs, with the connections to it.
type target struct {
	p    *Proxy
	u    *upstream
	url  string // as in health and logs
	net  string
	addr string
	host string      // for requests that don't keep their own
	tls  *tls.Config // nil for plain connections

	mu     sync.Mutex
	idle   []*conn // the last used one last
	all    []*conn // idle and busy; a conn knows its place
	closed bool

	condition
}

func newUpstream(p *Proxy, c Upstream) (*upstream, error) {
	for d, otherwise := range map[*time.Duration]time.Duration{
		&c.Connect: 3 * time.Second, &c.Answer: 30 * time.Second, &c.Idle: time.Minute,
		&c.HealthEvery: 10 * time.Second, &c.HealthTimeout: 2 * time.Second,
	} {
		if *d < 0 {
			return nil, fmt.Errorf("upstream %q: no time-out may be negative", c.Name)
		}
		if *d == 0 {
			*d = otherwise
		}
	}
	switch {
	case len(c.Targets) == 0:
		return nil, fmt.Errorf("upstream %q: it needs a target, as in http://127.0.0.1:3000", c.Name)
	case c.MaxBody < 0:
		return nil, fmt.Errorf("upstream %q: the largest body can't be negative", c.Name)
	case c.HealthPath != "" && (c.HealthPath[0] != '/' || !clean(c.HealthPath)):
		return nil, fmt.Errorf("upstream %q: health path %q must begin with a slash and have no spaces", c.Name, c.HealthPath)
	}
	var roots *x509.CertPool
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("upstream %q: read the CA file: %w", c.Name, err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("upstream %q: %s holds no certificate", c.Name, c.CAFile)
		}
	}
	u := &upstream{Upstream: c}
	for _, at := range c.Targets {
		t, err := newTarget(at)
		if err != nil {
			return nil, fmt.Errorf("upstream %q: target %w", c.Name, err)
		}
		if t.tls != nil {
			t.tls.RootCAs = roots
		}
		t.p, t.u = p, u
		t.since.Store(time.Now().UnixNano())
		u.targets = append(u.targets, t)
	}
	return u, nil
}

func newTarget(at *url.URL) (*target, error) {
	if at == nil {
		return nil, errors.New("is missing")
	}
	t := &target{url: at.Redacted(), net: "tcp", host: at.Host}
	if at.User != nil || at.RawQuery != "" || at.Fragment != "" {
		return nil, fmt.Errorf("%s: only a scheme, a host and a port can be given", t.url)
	}
	port := at.Port()
	switch at.Scheme {
	case "unix":
		if at.Host != "" || at.Path == "" {
			return nil, fmt.Errorf("%s: write unix:///path/to/socket", t.url)
		}
		t.net, t.addr, t.host = "unix", at.Path, "localhost"
		return t, nil
	case "http":
		if port == "" {
			port = "80"
		}
	case "https":
		if port == "" {
			port = "443"
		}
		t.tls = &tls.Config{
			ServerName: at.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(64),
		}
	default:
		return nil, fmt.Errorf("%s: it must begin with http://, https:// or unix://", t.url)
	}
	if at.Hostname() == "" || !cleanHost(at.Host) {
		return nil, fmt.Errorf("%s: it needs a host", t.url)
	}
	if at.Path != "" && at.Path != "/" {
		return nil, fmt.Errorf("%s: it can't have a path, for paths are passed on as they come", t.url)
	}
	t.addr = net.JoinHostPort(at.Hostname(), port)
	return t, nil
}

// pick chooses whose turn it is among the targets that do well, leaving out those that this
// exchange could not reach; nil when there is none.
func (u *upstream) pick(unreached []*target) *target {
	now := u.targets[0].p.now.Load()
	n := uint32(len(u.targets))
	if n == 1 {
		if t := u.targets[0]; len(unreached) == 0 && t.available(now) {
			return t
		}
		return nil
	}
	first := u.next.Add(1)
	for i := range n {
		if t := u.targets[(first+i)%n]; !slices.Contains(unreached, t) && t.available(now) {
			return t
		}
	}
	return nil
}

// take returns the connection that was used last, if one is unused.
func (t *target) take() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle)
	if n == 0 {
		return nil
	}
	c := t.idle[n-1]
	t.idle[n-1] = nil
	t.idle = t.idle[:n-1]
	return c
}

// put keeps a connection for the next request.
func (t *target) put(c *conn) {
	c.settle()
	t.mu.Lock()
	if keep := !t.closed && len(t.idle) < maxIdle; keep {
		c.until = t.p.in(c.keep)
		t.idle = append(t.idle, c)
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	t.drop(c)
}

// drop closes a connection that is in use.
func (t *target) drop(c *conn) {
	t.mu.Lock()
	if last := len(t.all) - 1; c.at >= 0 && c.at <= last && t.all[c.at] == c {
		t.all[c.at] = t.all[last]
		t.all[c.at].at = c.at
		t.all[last] = nil
		t.all = t.all[:last]
	}
	c.at = -1
	t.mu.Unlock()
	c.close()
}

// connect opens a connection. It reports only failures that are the target's to the condition.
func (t *target) connect(ctx context.Context) (*conn, error) {
	c, err := t.open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, errGone
		}
		t.unreached(err)
		return nil, err
	}
	t.reached()
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		c.close()
		return nil, errClosing
	}
	c.at = len(t.all)
	t.all = append(t.all, c)
	t.mu.Unlock()
	return c, nil
}

func (t *target) open(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.u.Connect)
	defer cancel()
	plain, err := t.p.dial(ctx, t.net, t.addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if t.tls == nil {
		return newConn(plain, plain), nil
	}
	secure := tls.Client(plain, t.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return newConn(secure, plain), nil
}

// sweep gives up what is overdue or not wanted any more, and closes what nobody used for long.
func (t *target) sweep(now int64) {
	var old []*conn
	t.mu.Lock()
	kept := t.idle[:0]
	for _, c := range t.idle {
		if now > c.until {
			old = append(old, c)
		} else {
			kept = append(kept, c)
		}
	}
	clear(t.idle[len(kept):])
	t.idle = kept
	for _, c := range t.all {
		c.expire(now)
	}
	t.mu.Unlock()
	for _, c := range old {
		t.drop(c)
	}
}

func (t *target) close() {
	t.mu.Lock()
	t.closed = true
	idle := t.idle
	t.idle = nil
	for _, c := range t.all {
		c.abort(errClosing)
	}
	t.mu.Unlock()
	for _, c := range idle {
		t.drop(c)
	}
}

// clean reports whether a request target may stand in a request line: no space, no control.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}

// cleanHost reports whether a Host has nothing that ends a line or a host.
func cleanHost(s string) bool { return clean(s) && !strings.ContainsAny(s, `/\?#@,"<>`) }

// away is what a client is told when no target does well.
func (u *upstream) away() *problem {
	now := u.targets[0].p.now.Load()
	wait := u.HealthEvery
	for _, t := range u.targets {
		wait = min(wait, t.wait(now))
	}
	no := *noTarget
	no.retry = max(wait, time.Second)
	return &no
}
