// Package gateway stands in front of an API: it says who asks, has the request judged, refuses
// or passes it on, and reports the answer before the client has all of it, so that what an
// answer leads to is in force for that client's next request.
//
// It wraps any http.Handler and needs nothing but the engine's types. Put it outside of
// anything that rewrites paths: what it judges is the target as the client sent it.
package gateway

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
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

// Config says how the gateway reads requests. The zero value works.
type Config struct {
	// Demo lets a request from exactly 127.0.0.1 or ::1 say in X-Simulated-IP whose it
	// pretends to be; one that does not is the operator's own and exempt from blocks.
	// Otherwise the header means nothing. It never reaches the API.
	Demo bool

	// KeyHeader carries the API key; X-API-Key when empty.
	KeyHeader string

	// KeySecret keys the hash that stands for an API key. Give the same one to every node and
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
	CauseURL    = "long-url"
	CauseMethod = "bad-method"
)

const longestURL = 16 << 10

type gateway struct {
	guard    Guard
	upstream http.Handler
	demo     bool
	keys     *keys
	cors     map[string]bool
	now      func() time.Time
	log      *slog.Logger
	last     atomic.Uint64 // exchange ID
}

// New puts a gateway in front of an API.
func New(c Config, g Guard, upstream http.Handler) http.Handler {
	gw := &gateway{
		guard: g, upstream: upstream, demo: c.Demo, keys: newKeys(c.KeyHeader, c.KeySecret),
		cors: make(map[string]bool, len(c.CORS)), now: c.Now, log: c.Log,
	}
	gw.last.Store(uint64(c.Node))
	for _, path := range c.CORS {
		gw.cors[path] = true
	}
	if gw.now == nil {
		gw.now = time.Now
	}
	if gw.log == nil {
		gw.log = slog.Default()
	}
	return gw
}

// ServeHTTP takes one request through: who, judged, fit to be read, upstream, observed.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw := target(r)
	open := g.cors[raw]
	if open {
		if preflight(r) {
			answerPreflight(w)
			return
		}
		allowOrigins(w)
	}
	at := g.now()
	folded, ambiguous := engine.Fold(raw[:min(len(raw), longestURL)])
	path := storable(apart(raw, r), maxPath, percent)
	if folded == raw { // as nearly always
		folded = path
	} else {
		folded = storable(folded, maxPath, percent)
	}
	a := &answer{ResponseWriter: w, g: g, head: r.Method == http.MethodHead, open: open, declared: -1}
	a.x.Request = engine.Request{
		ID: g.nextID(at), At: at, Key: g.keys.of(r),
		Method: methodOf(r), Path: path, Folded: folded, Route: folded,
		UserAgent: storable(first(r.Header["User-Agent"]), maxUserAgent, backslash),
	}

	who, no := g.client(r)
	a.x.Client, a.x.Exempt = who.addr, who.exempt
	if no != nil {
		a.refuse(r, no)
		return
	}
	if v := g.guard.Decide(a.x.Request); v.Refused() {
		a.refuse(r, verdictProblem(v))
		return
	}
	if no := unfit(r, ambiguous); no != nil {
		a.refuse(r, no)
		return
	}
	g.pass(a, g.keys.forward(r))
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
		a.write(r, &problem{status: http.StatusInternalServerError, kind: "upstream", title: "The API failed", detail: "The API failed at this request. Quote the reference when you report it."})
	}()
	g.upstream.ServeHTTP(a, r)
	a.end()
	returned = true
}

// nextID rises with time and never repeats, also when the clock steps back: milliseconds, then
// twelve bits that count, then eight that name the node.
func (g *gateway) nextID(at time.Time) uint64 {
	now := uint64(max(at.UnixMilli(), 0))<<20 | g.last.Load()&(oneMore-1) //nolint:gosec // not negative
	for {
		last := g.last.Load()
		next := max(last+oneMore, now)
		if g.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// oneMore is the distance between two IDs of one node in the same millisecond.
const oneMore = 1 << 8

// first of the values of a header.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// target is the path of the request as the client sent it, escapes and all, without the
// query. It begins with a slash unless the request is not for a path.
func target(r *http.Request) string {
	raw := r.RequestURI
	if raw == "" { // made by a program, not read from a connection
		raw = r.URL.EscapedPath()
	}
	if i := strings.IndexByte(raw, '?'); i >= 0 {
		raw = raw[:i]
	}
	if strings.HasPrefix(raw, "/") {
		return raw
	}
	scheme, rest, absolute := strings.Cut(raw, "://")
	if !absolute || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return raw
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return "/"
}

// unfit says why a request that nobody has anything against can't be passed on all the same.
func unfit(r *http.Request, ambiguous string) *problem {
	switch {
	case len(r.RequestURI) > longestURL:
		return &problem{
			status: http.StatusRequestURITooLong, kind: "long-url", title: "The URL is too long", cause: CauseURL,
			detail: "The URL is longer than 16 KiB.",
		}
	case !passable(r.Method):
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

// passable reports whether a method may reach the API: none that echoes a request, opens a
// tunnel or is longer than any method there is.
func passable(method string) bool {
	switch {
	case len(method) > maxMethod, strings.EqualFold(method, http.MethodTrace),
		strings.EqualFold(method, http.MethodConnect), strings.EqualFold(method, "TRACK"):
		return false
	}
	return true
}
