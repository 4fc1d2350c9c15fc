// Package proxy stands between a server of net/http and the APIs behind it. It speaks HTTP/1.1
// (RFC 9112) to them over connections of its own: what net/http has parsed is framed anew, what
// comes back is parsed strictly, and nothing of either body is kept.
//
// It imports nothing of ours and judges nobody. Put what judges in front of it.
package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Config says which APIs there are.
type Config struct {
	// Upstreams are found by host and path, whatever their order.
	Upstreams []Upstream

	// Dial makes connections; a net.Dialer when nil. It must honour its context.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	Log *slog.Logger // slog.Default when nil
}

// An Upstream is an API: where it runs, and which requests are for it.
type Upstream struct {
	Name string // for health and logs

	// Targets run the same API and take turns: http://host:port, https://host:port or
	// unix:///path/to/socket, without a path.
	Targets []*url.URL

	// Hosts it answers for: "api.example.com", "*.example.com" (any depth below), or "" for
	// all. None at all means all. The most specific host wins.
	Hosts []string

	// Paths it answers for, with all below; "/" when none is given. The longest wins. They are
	// compared with the folded path: escapes decoded once, dot segments resolved, parameters
	// and trailing dots removed, lower case. What is sent on is the path as received.
	Paths []string

	// HealthPath is asked for every HealthEvery (10 s), give or take a tenth; an answer below
	// 400 within HealthTimeout (2 s) is good. Three bad ones in a row take a target out, two
	// good ones bring it back. Without a path only failing connections take one out.
	HealthPath                 string
	HealthEvery, HealthTimeout time.Duration

	// Connect bounds a new connection, TLS included (3 s). Answer bounds the wait for the
	// head of the answer after the request was sent (30 s). Idle is how long either body may
	// make no progress (60 s; a client's body 30 s at most).
	Connect, Answer, Idle time.Duration

	MaxBody      int64  // bytes of a request's body; 0 for any number
	PreserveHost bool   // send on the Host that the client sent, not the target's own
	CAFile       string // PEM of who may sign an https target's certificate; the system's when empty
}

// TargetHealth is how one target does.
type TargetHealth struct {
	Upstream, Target string
	Healthy          bool      // gets requests
	Reason           string    // why not, in words; empty when healthy
	Since            time.Time // of the last change
	Idle, Busy       int       // connections
}

const (
	beat          = 100 * time.Millisecond // how exact time-outs are
	keepIdle      = 90 * time.Second       // an unused connection
	maxIdle       = 256                    // unused connections to one target
	bodyPatience  = 30 * time.Second       // for a client that stopped sending
	tunnelIdle    = time.Hour              // for a websocket without a byte
	expectWait    = time.Second            // for 100 Continue, before the body is sent all the same
	maxAnswerHead = 64 << 10               // bytes of header, interim answers included
	smallBody     = 16 << 10               // a request body that is gathered before it is sent on
	bulk          = 32 << 10               // bytes moved at a time
)

// A Proxy is an http.Handler. Its connections stay open between requests, so Close it.
type Proxy struct {
	routes    table
	upstreams []*upstream
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	log       *slog.Logger

	start   time.Time
	now     atomic.Int64 // nanoseconds since start, as of the last beat
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup // goroutines of the proxy itself
	tunnels sync.WaitGroup
}

// New starts the health checks and returns a proxy. It says which setting can't work and why.
func New(c Config) (*Proxy, error) {
	p := &Proxy{dial: c.Dial, log: c.Log, start: time.Now()}
	if p.dial == nil {
		p.dial = (&net.Dialer{}).DialContext
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	for _, u := range c.Upstreams {
		up, err := newUpstream(p, u)
		if err != nil {
			return nil, err
		}
		p.upstreams = append(p.upstreams, up)
	}
	if err := p.routes.fill(p.upstreams); err != nil {
		return nil, err
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.work.Go(p.watch)
	for _, u := range p.upstreams {
		if u.HealthPath == "" {
			continue
		}
		for _, t := range u.targets {
			p.work.Go(t.check)
		}
	}
	return p, nil
}

// ServeHTTP passes a request on and its answer back. When an answer breaks off it panics with
// http.ErrAbortHandler, so that the client sees that too.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u := p.routes.find(r)
	if u == nil {
		noRoute.write(w, r)
		return
	}
	x, _ := exchanges.Get().(*exchange)
	x.p, x.u, x.w, x.r = p, u, w, r
	defer x.release()
	x.run() //nolint:contextcheck // the request brings its context along
}

// An asker knows whose request it is. The writer that a gateway hands in does.
type asker interface {
	// Asker is the client, and what X-Forwarded-For shall say when that is more than the
	// client alone.
	Asker() (client netip.Addr, forwarded string)
}

// Health tells how every target does, in the order of the configuration.
func (p *Proxy) Health() []TargetHealth {
	var all []TargetHealth
	for _, u := range p.upstreams {
		for _, t := range u.targets {
			all = append(all, t.report())
		}
	}
	return all
}

// Drain waits until every websocket has ended, or ctx.
func (p *Proxy) Drain(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		p.tunnels.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close breaks off what is still under way, websockets included, and waits for the proxy's own
// goroutines. Shut the server down first.
func (p *Proxy) Close() {
	p.cancel()
	for _, u := range p.upstreams {
		for _, t := range u.targets {
			t.close()
		}
	}
	p.work.Wait()
}

// watch is the only clock that requests have: no request sets a timer of its own.
func (p *Proxy) watch() {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
			now := int64(time.Since(p.start))
			p.now.Store(now)
			for _, u := range p.upstreams {
				for _, t := range u.targets {
					t.sweep(now)
				}
			}
		}
	}
}

// in is the moment d from now, as the watch counts.
func (p *Proxy) in(d time.Duration) int64 { return p.now.Load() + int64(d) }
