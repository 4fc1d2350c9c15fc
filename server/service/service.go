// Package service answers other machines: bouncers that enforce decisions (in the protocol of
// CrowdSec's local API), proxies that ask before each request, and monitoring.
package service

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// Config is what a Service is made of.
type Config struct {
	Guard *guard.Guard
	Store *store.Store

	Authz     http.Handler   // answers /authz and all below it; nil: nobody may ask
	AuthzFrom []netip.Prefix // who may ask it: the connection's address

	// Authorize names whom an API key belongs to; access.ErrEnded when nobody. It is called for each
	// request for decisions and lists, and takes the same time for every wrong key. When it is nil
	// no key is good.
	Authorize func(ctx context.Context, secret string) (name string, err error)

	Version string
	Log     *slog.Logger
	Clock   func() time.Time // nil: time.Now; the guard's
}

// A Service is the handler of the service listener.
type Service struct {
	guard     *guard.Guard
	store     *store.Store
	authz     http.Handler
	from      []netip.Prefix
	authorize func(context.Context, string) (string, error)
	log       *slog.Logger
	now       func() time.Time
	feed      *feed
	metrics   http.Handler
	modes     sync.Mutex
	mode      string // of the gateway, when a bouncer last asked
	terms     int
	full      chan struct{} // a place for each full list that is being sent
}

// mostFull lists are sent at once; further bouncers wait for their turn.
const mostFull = 3

// New makes a Service, which listens to the guard until it is closed.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Authorize == nil {
		c.Authorize = func(context.Context, string) (string, error) { return "", access.ErrEnded }
	}
	s := &Service{
		guard: c.Guard, store: c.Store, authz: c.Authz, from: c.AuthzFrom, authorize: c.Authorize, log: c.Log, now: c.Clock,
		full: make(chan struct{}, mostFull),
	}
	s.feed = newFeed(c.Guard, c.Clock, c.Log)
	s.metrics = newMetrics(c.Guard, c.Store, s.feed, c.Version, c.Clock, c.Log)
	return s
}

// Close stops listening to the guard. Whoever calls it has stopped serving.
func (s *Service) Close() { s.feed.close() }

// ServeHTTP answers what the service listener carries, and 404 for all else.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch path := r.URL.Path; {
	case path == "/authz" || strings.HasPrefix(path, "/authz/"):
		s.ask(w, r)
	case path == "/v1/decisions":
		s.withKey(w, r, s.decisions)
	case path == "/v1/decisions/stream":
		s.withKey(w, r, s.stream)
	case path == "/v1/lists/plain":
		s.withKey(w, r, s.plain)
	case path == "/v1/lists/nginx":
		s.withKey(w, r, s.nginx)
	case path == "/v1/usage-metrics":
		s.usage(w, r)
	case path == "/metrics":
		reading(w, r, s.metrics.ServeHTTP)
	case path == "/healthz":
		reading(w, r, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]string{"status": "alive"})
		})
	case path == "/readyz":
		reading(w, r, s.ready)
	default:
		refuse(w, http.StatusNotFound, "there is nothing at "+path)
	}
}

// ask passes a proxy's question on, when the proxy is one that may ask.
func (s *Service) ask(w http.ResponseWriter, r *http.Request) {
	peer := peerOf(r)
	for _, p := range s.from {
		if s.authz != nil && p.Contains(peer) {
			s.authz.ServeHTTP(w, r)
			return
		}
	}
	refuse(w, http.StatusForbidden, "this address may not ask: see service.authz.from")
}

// peerOf is the address of the connection's other end; no header counts here.
func peerOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// withKey lets those through who have an API key, and tells who they are.
func (s *Service) withKey(w http.ResponseWriter, r *http.Request, next func(http.ResponseWriter, *http.Request, string)) {
	reading(w, r, func(w http.ResponseWriter, r *http.Request) {
		if name, ok := s.holder(w, r); ok {
			next(w, r, name)
		}
	})
}

// holder names who sent a request by his API key. Who has none is refused; while that can't be
// asked, a bouncer is told to come again, since for a key that is no good it would give up.
func (s *Service) holder(w http.ResponseWriter, r *http.Request) (name string, ok bool) {
	ctx, cancel := context.WithTimeout(r.Context(), holderTimeout)
	defer cancel()
	name, err := s.authorize(ctx, secretOf(r))
	switch {
	case err == nil:
		return name, true
	case errors.Is(err, access.ErrEnded):
		refuse(w, http.StatusForbidden, "access forbidden")
	default:
		if r.Context().Err() == nil { // else he has left
			s.log.ErrorContext(r.Context(), "ask whose an API key is", "err", err)
		}
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "whose key this is can't be asked just now: try again")
	}
	return "", false
}

// secretOf is the key in the header of the protocol, or one that other programs can send.
func secretOf(r *http.Request) string {
	if k := r.Header.Get("X-Api-Key"); k != "" {
		return k
	}
	if k, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return k
	}
	return ""
}

// reading refuses what would change something.
func reading(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "only GET and HEAD are answered here")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	next(w, r)
}

// usage takes what bouncers report about themselves, and keeps nothing of it.
func (s *Service) usage(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		refuse(w, http.StatusMethodNotAllowed, "only POST is answered here")
		return
	}
	if _, ok := s.holder(w, r); ok {
		w.WriteHeader(http.StatusCreated)
	}
}

// holderTimeout is how long it may take to find out whose a key is.
const holderTimeout = 2 * time.Second

// ready names each dependency and how it is. Only the database of alerts and decisions is one that
// Sentinel can't do its work without.
func (s *Service) ready(w http.ResponseWriter, r *http.Request) {
	states, ready := s.guard.Ready(r.Context())
	code, status := http.StatusOK, "ready"
	if !ready {
		code, status = http.StatusServiceUnavailable, "not ready"
	}
	answer(w, code, map[string]any{"status": status, "dependencies": states})
}

// refuse answers as CrowdSec's local API does, which bouncers read.
func refuse(w http.ResponseWriter, code int, message string) {
	answer(w, code, map[string]string{"message": message})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // who is gone needs no answer
}

// enforced reports whether a decision is one that bouncers can act on.
func enforced(a engine.Action) bool { return a == engine.Block || a == engine.Throttle }
