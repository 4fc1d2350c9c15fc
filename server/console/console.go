// Package console is the operator's HTTP: GraphQL over POST and socket, the compatible REST API,
// exports, the app, liveness and readiness. No web page but its own can act through it.
package console

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/route"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// Config is what a Console stands on.
type Config struct {
	Store   *store.Store
	Guard   *guard.Guard
	App     fs.FS          // the built front end; holds no index.html until it is built
	Access  *access.Access // who may come in; nil in the demo, and else nobody
	Hosts   []string       // exact Host headers, with port
	Origins []string       // exact origins of pages that may act; nil: http:// or https:// and each of Hosts
	TLS     bool           // the listener speaks it
	Sockets int            // open at once at most; 0: 1,000
	Demo    bool           // everybody is signed in as demo admin: whoever listens sees to it that only loopback gets here
	Version string
	Log     *slog.Logger

	// Trusted are the proxies in front of the console, and ClientHeader is what counts of them: who
	// asks is told as gateway.Config says.
	Trusted      []netip.Prefix
	ClientHeader string

	// Operating, when it is set, is told the address that a signed-in operator asks from, so that
	// no rule locks him out.
	Operating func(netip.Addr)

	PlacesFrom func() []string             // names of what says where addresses are; nil: nothing does
	Upstreams  func() []*graph.Upstream    // the APIs behind the gateway; nil: none
	Logs       func() []*graph.FollowedLog // the access logs that are followed; nil: none

	Places func(netip.Addr) engine.Place // where an address is; nil: nobody knows

	Catalogue func() *route.Table // the OpenAPI file of the API, as it is now; nil, or answering nil: there is none
}

// A Console is an http.Handler. Close it after the server that it hangs from has shut down.
type Console struct {
	store   *store.Store
	guard   *guard.Guard
	access  *access.Access
	working func(netip.Addr)
	client  func(*http.Request) netip.Addr // where a request comes from; zero when that can't be told
	demo    bool
	log     *slog.Logger
	now     func() time.Time
	door    door
	app     *app
	rest    *http.ServeMux
	signing *http.ServeMux
	graphql *handler.Server
	sockets *sockets
	pace    pace
	exports chan struct{} // one token for each that runs

	closing  sync.Once
	closed   chan struct{}
	watching sync.WaitGroup
}

const (
	mostSockets = 1000
	mostExports = 4
)

// New returns a Console that is ready to serve.
func New(c Config) (*Console, error) {
	app, err := newApp(c.App)
	if err != nil {
		return nil, err
	}
	if c.Sockets == 0 {
		c.Sockets = mostSockets
	}
	out := &Console{
		store: c.Store, guard: c.Guard, access: c.Access, working: c.Operating, client: gateway.ClientOf(gateway.Config{Trusted: c.Trusted, ClientHeader: c.ClientHeader}), demo: c.Demo, log: c.Log, now: time.Now,
		door: newDoor(c.Hosts, c.Origins, c.TLS), app: app,
		sockets: newSockets(c.Sockets), exports: make(chan struct{}, mostExports), closed: make(chan struct{}),
	}
	if out.access != nil {
		out.sockets.asking = mostAsking
		out.watching.Go(out.watchSockets)
	}
	out.graphql = out.newGraphQL(graph.About{Version: c.Version, Demo: c.Demo, Upstreams: c.Upstreams, Logs: c.Logs, Places: c.Places, PlacesFrom: c.PlacesFrom, Catalogue: c.Catalogue})
	out.rest, out.signing = out.newREST(), out.newSigning()
	return out, nil
}

// HangUp closes every socket with 1001 and takes no more. It does not wait: Close does.
func (c *Console) HangUp() {
	c.closing.Do(func() { close(c.closed) })
	c.sockets.hangUp()
}

// Close hangs up, and returns when nobody is served over a socket any more.
func (c *Console) Close() error {
	c.HangUp()
	c.sockets.wait()
	c.watching.Wait()
	return nil
}

// Owns reports whether a request is the console's where it shares a listener with the gateway,
// as in the demo: all that is not below /api/, and three corners of that. It goes by the folded
// path, so that no spelling brings a decoy or the bank past the gateway.
func Owns(r *http.Request) bool {
	folded, _ := engine.Fold(r.URL.EscapedPath())
	if folded != "/api" && !strings.HasPrefix(folded, "/api/") {
		return true
	}
	for _, corner := range corners {
		if folded == corner || strings.HasPrefix(folded, corner+"/") {
			return true
		}
	}
	return false
}

var corners = [...]string{"/api/monitoring", "/api/ip-management", "/api/export"}

func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	patient(http.HandlerFunc(c.serve), w, r)
}

func (c *Console) serve(w http.ResponseWriter, r *http.Request) {
	harden(w.Header(), r.TLS != nil)
	if !plainPath(r.URL) {
		refuse(w, http.StatusBadRequest, "the path holds an encoded slash, a backslash, a double slash, a dot segment or a control byte")
		return
	}
	switch path := r.URL.Path; {
	case !c.door.knows(r):
		refuse(w, http.StatusMisdirectedRequest, "the console is not known under this name")
	case path == "/healthz":
		c.alive(w, r)
	case path == "/readyz":
		c.ready(w, r)
	case path == "/graphql":
		c.enter(c.serveGraphQL)(w, r)
	case path == "/session" || path == "/session/ticket" || path == "/setup" && r.Method == http.MethodPost:
		c.enter(c.signing.ServeHTTP)(w, r)
	case path == "/api" || strings.HasPrefix(path, "/api/"):
		c.enter(c.serveREST)(w, r)
	default:
		c.app.ServeHTTP(w, r)
	}
}

// enter lets in whom no other page sent, and says who it is when somebody is signed in.
func (c *Console) enter(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if why := c.door.stranger(r); why != "" {
			refuse(w, http.StatusForbidden, why)
			return
		}
		o, err := c.signedIn(r)
		switch {
		case err == nil:
			r = r.WithContext(graph.SignedIn(r.Context(), o))
		case !errors.Is(err, access.ErrEnded):
			c.unasked(w, r, err)
			return
		}
		next(w, r)
	}
}
