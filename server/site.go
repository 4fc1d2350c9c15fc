package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/geo"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/proxy"
	"github.com/sentinel-protocol/sentinel/server/route"
)

// A site is what a reload makes anew: who the client is, which templates there are, where
// requests go. A request ends at the site where it began.
type site struct {
	gateway    http.Handler         // nil without an upstream
	proxy      *proxy.Proxy         // likewise
	authz      *gateway.ForwardAuth // what proxies that only ask are answered
	routes     gateway.Routes
	places     *geo.DB
	placesFrom []string // names
	inFlight   atomic.Int64
}

// lasting is what outlives a site.
type lasting struct {
	node      byte // of what logs tell; the next four are for sites
	numbered  byte
	learned   *route.Learner
	sensitive []string
}

// number gives everything in a site that numbers exchanges a node of its own, so that no two of
// this process give the same number. A site has two; those of the one before are not used again
// as long as requests may begin there.
func (l *lasting) number() byte {
	l.numbered++
	return l.node + 1 + l.numbered%4
}

// routes are read from a file, or go on being learned.
func (l *lasting) routes(cfg config.Routes) (gateway.Routes, error) {
	if cfg.OpenAPI != "" {
		return listed(cfg)
	}
	if l.learned == nil || !slices.Equal(l.sensitive, cfg.Sensitive) {
		l.learned, l.sensitive = route.Learn(route.Limits{Sensitive: config.Folded(cfg.Sensitive)}), cfg.Sensitive
	}
	return l.learned, nil
}

// listed are the routes of a file.
func listed(cfg config.Routes) (gateway.Routes, error) {
	t, err := route.Open(cfg.OpenAPI, config.Folded(cfg.Sensitive)...)
	if err != nil {
		return nil, fmt.Errorf("gateway.routes.openapi: %w", err)
	}
	return t, nil
}

func newSite(cfg config.Config, c gateway.Config, stays *lasting, g *guard.Guard, log *slog.Logger) (*site, error) {
	s := &site{}
	var err error
	if c.Routes, err = stays.routes(cfg.Gateway.Routes); err != nil {
		return nil, err
	}
	s.routes = c.Routes
	files := placeFiles(cfg.GeoIP)
	if s.places, err = geo.Open(files...); err != nil {
		return nil, fmt.Errorf("geoip: %w", err)
	}
	s.placesFrom = placeSources(s.places, files)
	c.Places = s.places.Place
	c.Node = stays.number()
	c.From, c.NoLog = cfg.Service.Authz.From, !slices.ContainsFunc(cfg.Logs, func(l config.Log) bool { return l.As == config.Answers })
	s.authz = gateway.NewForwardAuth(c, g)
	if len(cfg.Gateway.Upstreams) == 0 {
		return s, nil
	}
	p := proxy.Config{Log: log}
	for _, u := range cfg.Gateway.Upstreams {
		up, err := upstream(u)
		if err != nil {
			return nil, err
		}
		p.Upstreams = append(p.Upstreams, up)
	}
	if s.proxy, err = proxy.New(p); err != nil {
		return nil, err
	}
	c.Node = stays.number()
	s.gateway = gateway.New(c, g, s.proxy)
	return s, nil
}

func upstream(u config.Upstream) (proxy.Upstream, error) {
	out := proxy.Upstream{
		Name: u.Name, Hosts: u.Hosts, Paths: config.Folded(u.Paths),
		HealthPath: u.Health.Path, HealthEvery: u.Health.Every, HealthTimeout: u.Health.Timeout,
		Connect: u.Connect, Answer: u.Answer, Idle: u.Idle,
		MaxBody: int64(u.MaxBody), PreserveHost: u.PreserveHost == nil || *u.PreserveHost, CAFile: u.CAFile,
	}
	targets := u.URLs
	if u.URL != "" {
		targets = []string{u.URL}
	}
	for _, t := range targets {
		at, err := url.Parse(t)
		if err != nil {
			return out, fmt.Errorf("gateway.upstreams: %w", err)
		}
		at.Path = ""
		out.Targets = append(out.Targets, at)
	}
	if out.Name == "" {
		out.Name = out.Targets[0].Host
	}
	return out, nil
}

func sources(in []config.Source) []gateway.Source {
	out := make([]gateway.Source, len(in))
	for i, s := range in {
		out[i] = gateway.Source{Routes: config.Folded(s.Routes), Methods: s.Methods, In: s.In, Name: s.Name}
	}
	return out
}

// spared are the networks that no rule blocks.
func spared(cfg config.Config) []netip.Prefix {
	return slices.Concat(cfg.Clients.TrustedProxies, cfg.Clients.NeverBlock, cfg.Gateway.ProxyProtocol)
}

func failures(f config.Failure) map[engine.Class]guard.FailurePolicy {
	normal, _ := guard.ParseFailurePolicy(f.Normal) // Validate has looked
	sensitive, _ := guard.ParseFailurePolicy(f.Sensitive)
	return map[engine.Class]guard.FailurePolicy{engine.Normal: normal, engine.Sensitive: sensitive}
}

// sites hands each request to the newest site.
type sites struct {
	current  atomic.Pointer[site]
	retiring sync.WaitGroup
	stopped  chan struct{}
}

func newSites(first *site) *sites {
	s := &sites{stopped: make(chan struct{})}
	s.current.Store(first)
	return s
}

// take is the newest site; whoever takes it says when he is done.
func (s *sites) take() *site {
	for {
		at := s.current.Load()
		at.inFlight.Add(1)
		if s.current.Load() == at {
			return at
		}
		at.inFlight.Add(-1) // replaced in this very moment
	}
}

// gateway is the handler of the listener that protected traffic passes. That is open only where
// the first site has an upstream, and then each has (config.Fix).
func (s *sites) gateway(w http.ResponseWriter, r *http.Request) {
	at := s.take()
	defer at.inFlight.Add(-1)
	at.gateway.ServeHTTP(w, r)
}

// authz answers proxies that ask.
func (s *sites) authz(w http.ResponseWriter, r *http.Request) {
	at := s.take()
	defer at.inFlight.Add(-1)
	at.authz.ServeHTTP(w, r)
}

// place completes what a log says of where an address is, as far as the newest site knows.
func (s *sites) place(said engine.Place, a netip.Addr) engine.Place {
	at := s.take()
	defer at.inFlight.Add(-1)
	return at.places.Complete(said, a)
}

// located is where an address is, as far as the newest site knows.
func (s *sites) located(a netip.Addr) engine.Place { return s.place(engine.Place{}, a) }

// placesFrom names what the newest site knows places from.
func (s *sites) placesFrom() []string {
	at := s.take()
	defer at.inFlight.Add(-1)
	return at.placesFrom
}

// catalogue is the OpenAPI file that the newest site takes its routes from, nil for none.
func (s *sites) catalogue() *route.Table {
	t, _ := s.current.Load().routes.(*route.Table)
	return t
}

// upstreams are the targets behind the gateway, as they do now.
func (s *sites) upstreams() []*graph.Upstream {
	out := []*graph.Upstream{}
	if p := s.current.Load().proxy; p != nil {
		for _, t := range p.Health() {
			out = append(out, &graph.Upstream{Name: t.Upstream, Target: t.Target, Healthy: t.Healthy, Reason: t.Reason, Since: t.Since})
		}
	}
	return out
}

// answered learns from the log of a proxy that asks.
func (s *sites) answered(x engine.Exchange) { s.current.Load().authz.Answered(x) }

// replace hands new requests to another site, and closes the old one when its last request and
// its last websocket have ended.
func (s *sites) replace(with *site) {
	old := s.current.Swap(with)
	s.retiring.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for old.inFlight.Load() > 0 {
			select {
			case <-tick.C:
			case <-s.stopped:
				old.close()
				return
			}
		}
		if old.proxy != nil {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s.retiring.Go(func() {
				select {
				case <-s.stopped:
					cancel()
				case <-ctx.Done():
				}
			})
			_ = old.proxy.Drain(ctx) // cut off at the stop
		}
		old.close()
	})
}

func (s *site) close() {
	_ = s.places.Close() // it was only read
	if s.proxy != nil {
		s.proxy.Close()
	}
}

// drain waits for websockets until ctx ends.
func (s *sites) drain(ctx context.Context) error {
	if p := s.current.Load().proxy; p != nil {
		return p.Drain(ctx)
	}
	return nil
}

// Close breaks off what is still under way. The server before it has shut down.
func (s *sites) Close() error {
	close(s.stopped)
	s.retiring.Wait()
	s.current.Load().close()
	return nil
}
