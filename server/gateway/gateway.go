// Package gateway stands in front of an API: it says who asks, has the request judged, refuses
// or passes it on, and reports the answer before the client has all of it, so that what an
// answer leads to is in force for that client's next request.
//
// It wraps any http.Handler and needs nothing but the engine's types. Put it outside of
// anything that rewrites paths: what it judges is the target as the client sent it.
package gateway

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Guard is what the gateway asks. Both methods are called from many goroutines at once, and
// requests wait for them.
type Guard interface {
	// Decide judges a request. It is asked once for every request whose client is known,
	// also when its path is nonsense.
	Decide(engine.Request) engine.Verdict
	// Observe takes in an exchange: once for every request, refused ones included. When it
	// returns, what follows from it is in force.
	Observe(engine.Exchange)
}

// Routes knows the routes of the API, and what to do there while something is away. It is asked
// for every request, from many goroutines at once; an empty template means the folded path.
type Routes interface {
	Route(method, folded string) (template string, class engine.Class)
}

// A Learner is a Routes that hears what the API answered.
type Learner interface {
	Routes
	Answered(method, folded string, status int)
}

// Locate tells a request its route and the class of that, by its method and its folded path. A route that
// it has already stays; where nobody knows one, routes being nil or not, it is the path.
func Locate(x *engine.Request, routes Routes) {
	known := ""
	if routes != nil {
		known, x.Class = routes.Route(x.Method, x.Folded)
	}
	x.Route = cmp.Or(x.Route, known, x.Folded)
}

// Config says how the gateway reads requests. The zero value works.
type Config struct {
	// Demo lets a request from exactly 127.0.0.1 or ::1 say in X-Simulated-IP whose it
	// pretends to be; one that does not is the operator's own and exempt from blocks.
	// Otherwise the header means nothing. It never reaches the API.
	Demo bool

	// Trusted are the proxies in front of the gateway. Who connects from elsewhere is the client
	// himself, whatever he says; of a trusted proxy the ClientHeader counts: its rightmost entry
	// that is no trusted proxy.
	Trusted []netip.Prefix

	// ClientHeader is the one header that counts: X-Forwarded-For when empty, Forwarded (RFC
	// 7239), or one that holds a single address.
	ClientHeader string

	// Keys say where API keys are; when empty, in KeyHeader.
	Keys []Source

	// KeyHeader carries the API key; X-API-Key when empty.
	KeyHeader string

	// Accounts say where requests tell whom they act for. The first that says anything counts.
	Accounts []Source

	// Sessions say where requests carry their session. It is named like a key.
	Sessions []Source

	// Routes knows the templates of paths; when nil a route is its folded path.
	Routes Routes

	// Places tells where an address is; nil when nobody knows. Requests wait for it.
	Places func(netip.Addr) engine.Place

	// Observe passes on what could be read in another way, or is too long, and says in the exchange
	// that it would have been refused. What the Guard refuses is its own affair.
	Observe bool

	// BodyPatience is how long a client may take to send what is looked at of a body. When it is
	// zero the server's own deadlines hold; else they end when that was read.
	BodyPatience time.Duration

	// RateLimit tells clients what is left of their quota, in RateLimit fields.
	RateLimit bool

	// From are the proxies that may ask a ForwardAuth; nobody else may. New has no use for it.
	From []netip.Prefix

	// NoLog says that a ForwardAuth never hears of the answers. New has no use for it.
	NoLog bool

	// KeySecret keys the hash that stands for an API key or a session. Give the same one to every node and
	// after every start, or keys change their names; when empty one is drawn.
	KeySecret []byte

	// CORS lists the paths, exact and as sent, that web pages of any origin may call without
	// cookies. Their preflights are answered here and judged by nobody.
	CORS []string

	// Node is part of every exchange's ID, so that several gateways on one database number apart.
	Node uint8

	Now func() time.Time // time.Now when nil
	Log *slog.Logger     // slog.Default when nil
}

// Causes of the refusals that the gateway makes by itself, after the guard had nothing
// against the request.
const (
	CauseClient = "bad-client" // who asks can't be told
	CausePath   = "bad-path"   // an upstream could read it in another way
	CauseBody   = "bad-body"   // it can't be read, and should tell who acts
	CauseURL    = "long-url"
	CauseMethod = "bad-method"
)

const longestURL = 16 << 10

type gateway struct {
	reader
	guard    Guard
	upstream http.Handler
	cors     map[string]bool
}

// New puts a gateway in front of an API.
func New(c Config, g Guard, upstream http.Handler) http.Handler {
	gw := &gateway{guard: g, upstream: upstream, cors: make(map[string]bool, len(c.CORS))}
	gw.prepare(c, newClients(c))
	for _, path := range c.CORS {
		gw.cors[path] = true
	}
	return gw
}

// ServeHTTP takes one request through: who, judged, fit to be read, upstream, observed.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent := targetOf(r)
	open := false
	if len(g.cors) > 0 {
		path, _ := target(sent)
		open = g.cors[path]
	}
	if open {
		if preflight(r) {
			answerPreflight(w)
			return
		}
		allowOrigins(w)
	}
	who, no := g.clients.of(r)
	a := &answer{ResponseWriter: w, g: g, r: r, who: who, head: r.Method == http.MethodHead, open: open, declared: -1}
	var ambiguous string
	a.x.Request, ambiguous = g.read(r, who, methodOf(r.Method), sent)
	if no != nil {
		a.refuse(no)
		return
	}
	v := g.guard.Decide(a.x.Request)
	a.x.Would, a.quota = v.Would, v.Quota
	if v.Refused() {
		a.refuse(verdictProblem(v))
		return
	}
	if no := g.fit(&a.x, unfit(r.Method, len(r.RequestURI), ambiguous)); no != nil {
		a.refuse(no)
		return
	}
	r, no = g.look(w, &a.x.Request, g.forward(r, who))
	if no != nil {
		a.refuse(no)
		return
	}
	g.limits.tell(w.Header(), v.Quota, &a.left)
	g.pass(a, r)
}

// pass hands the request to the API and sees to it that the exchange is observed, whatever
// the API does.
func (g *gateway) pass(a *answer, r *http.Request) {
	returned := false
	defer func() {
		if returned {
			return
		}
		cause := recover()
		if cause == nil || cause == http.ErrAbortHandler { //nolint:errorlint // the very value, as net/http compares it
			if a.status == 0 {
				a.status = http.StatusBadGateway
			}
			a.settle(a.written)
			if cause != nil {
				panic(cause)
			}
			return // runtime.Goexit goes on by itself
		}
		g.log.ErrorContext(r.Context(), "upstream panicked", "reference", engine.ExchangeReference(a.x.ID),
			"cause", cause, "stack", string(debug.Stack()))
		if a.status != 0 { // too late to say so: break the answer off
			a.settle(a.written)
			panic(http.ErrAbortHandler)
		}
		clear(a.Header())
		if a.open {
			allowOrigins(a)
		}
		a.write(&problem{status: http.StatusInternalServerError, kind: "upstream", title: "The API failed", detail: "The API failed at this request. Quote the reference when you report it."})
	}()
	g.upstream.ServeHTTP(a, r)
	a.end()
	returned = true
}

// unfit says why a request that nobody has anything against can't be passed on all the same.
func unfit(method string, length int, ambiguous string) *problem {
	switch {
	case length > longestURL:
		return &problem{
			status: http.StatusRequestURITooLong, kind: "long-url", title: "The URL is too long", cause: CauseURL,
			detail: "The URL is longer than 16 KiB.",
		}
	case !passable(method):
		return &problem{
			status: http.StatusMethodNotAllowed, kind: "method", title: "The method is not passed on", cause: CauseMethod,
			detail: "This gateway does not pass the method on.",
		}
	case ambiguous != "":
		return &problem{
			status: http.StatusBadRequest, kind: "path", title: "The path is ambiguous", cause: CausePath,
			detail: "The path can be read in more than one way, so it is not passed on: it has " + ambiguous + ".",
		}
	}
	return nil
}

// fit is why a request can't be passed on, where that is enforced. A method never is, that makes
// the API a tunnel or a mirror.
func (d *reader) fit(x *engine.Exchange, no *problem) *problem {
	if no == nil || !d.observes || no.cause == CauseMethod {
		return no
	}
	if x.Would == "" {
		x.Would = no.cause
	}
	return nil
}

// passable reports whether a method may reach the API: none that echoes a request, opens a
// tunnel or is longer than any method there is.
func passable(method string) bool {
	switch {
	case method == http.MethodGet, method == http.MethodPost:
		return true
	case len(method) > maxMethod, strings.EqualFold(method, http.MethodTrace),
		strings.EqualFold(method, http.MethodConnect), strings.EqualFold(method, "TRACK"):
		return false
	}
	return true
}
