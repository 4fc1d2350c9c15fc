package gateway

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A reader makes of an HTTP request what the engine may know of it.
type reader struct {
	clients clients
	hygiene hygiene
	keys    *keys

	keySources, accounts, sessions []source
	bodies                         bool // one of them is read from a body
	patience                       time.Duration
	observes                       bool // what can be read in two ways passes

	routes Routes
	learn  func(method, folded string, status int)
	places func(netip.Addr) engine.Place
	limits limits
	now    func() time.Time
	log    *slog.Logger
	last   atomic.Uint64 // exchange ID
}

// prepare makes a reader ready; clients says whom it believes.
func (d *reader) prepare(c Config, clients clients) {
	if len(c.Keys) == 0 {
		name := c.KeyHeader
		if name == "" {
			name = "X-API-Key"
		}
		c.Keys = []Source{{In: "header", Name: name}}
	}
	d.clients, d.keys = clients, newKeys(c.KeySecret)
	d.keySources, d.accounts, d.sessions = newSources(c.Keys), newSources(c.Accounts), newSources(c.Sessions)
	for _, list := range [][]source{d.keySources, d.accounts, d.sessions} {
		for i := range list {
			d.bodies = d.bodies || list[i].body()
		}
	}
	d.hygiene = newHygiene(d.keySources, d.accounts, d.sessions)
	d.observes = c.Observe
	d.routes, d.places, d.limits.on, d.now, d.log = c.Routes, c.Places, c.RateLimit, c.Now, c.Log
	d.patience = c.BodyPatience
	if l, ok := c.Routes.(Learner); ok {
		d.learn = l.Answered
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	d.last.Store(uint64(c.Node))
}

// read is the request as the engine may know it, before its body is looked at; sent is the
// target as the client wrote it.
func (d *reader) read(r *http.Request, who client, method, sent string) (x engine.Request, ambiguous string) {
	at := d.now()
	raw, query := target(sent)
	folded, ambiguous := engine.Fold(raw[:min(len(raw), longestURL)])
	path := storable(apart(raw, sent), maxPath, percent)
	if folded == raw { // as nearly always
		folded = path
	} else {
		folded = storable(folded, maxPath, percent)
	}
	x = engine.Request{
		ID: d.nextID(at), At: at, Client: who.addr, Exempt: who.exempt, Forwarded: who.forwarded, Proxied: who.proxied, Flags: who.flags,
		Method: method, Path: path, Folded: folded,
		Fingerprint: Fingerprint(r),
		UserAgent:   storable(first(r.Header["User-Agent"]), maxUserAgent, backslash),
	}
	if d.places != nil {
		x.Place = d.places(who.addr)
	}
	x.Signs = engine.ReadSigns(aimed(raw, sent, r.Host), query, first(r.Header["Referer"])) | engine.ReadAgent(first(r.Header["User-Agent"])) | elsewhere(r) | data(r)
	Locate(&x, d.routes)
	if s := d.tells(d.keySources, &x, r, query, who.proxied); s.times > 0 {
		x.Key = d.keys.name(s.first)
	}
	if s := d.tells(d.accounts, &x, r, query, who.proxied); s.times > 0 {
		x.Account = s.account()
		if s.times > 1 {
			x.Flags |= engine.DuplicateKey
		}
	}
	if s := d.tells(d.sessions, &x, r, query, who.proxied); s.times > 0 {
		x.Session = d.keys.name(s.first)
	}
	return x, ambiguous
}

// data tells that a body is none that a page's form sends: those have three types (HTML, section
// 4.10.21.8). What has no type may be anything.
func data(r *http.Request) engine.Signs {
	kind, _, _ := strings.Cut(first(r.Header["Content-Type"]), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain":
		return 0
	}
	return engine.Data
}

// elsewhere tells that another site's page made a browser send this: the browser says so, or an old
// one names the page.
func elsewhere(r *http.Request) engine.Signs {
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 {
		if site[0] == "cross-site" {
			return engine.Elsewhere
		}
		return 0
	}
	scheme, page, _ := strings.Cut(first(r.Header["Referer"]), "://")
	if page = strings.TrimPrefix(page, "www."); page == "" || scheme != "http" && scheme != "https" {
		return 0
	}
	if host, _, _ := strings.Cut(page, "/"); !strings.EqualFold(host, strings.TrimPrefix(r.Host, "www.")) {
		return engine.Elsewhere
	}
	return 0
}

// tells is what the first of these sources says that says anything.
func (d *reader) tells(all []source, x *engine.Request, r *http.Request, query string, proxied bool) said {
	for i := range all {
		s := &all[i]
		if s.body() || !s.covers(x.Method, x.Folded) {
			continue
		}
		if v := s.value(r, query, proxied); v.first != "" {
			return v
		}
	}
	return said{}
}

// nextID rises with time and never repeats, also when the clock steps back: milliseconds, then
// twelve bits that count, then eight that name the node.
func (d *reader) nextID(at time.Time) uint64 {
	now := uint64(max(at.UnixMilli(), 0))<<20 | d.last.Load()&(oneMore-1) //nolint:gosec // not negative
	for {
		last := d.last.Load()
		next := max(last+oneMore, now)
		if d.last.CompareAndSwap(last, next) {
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

// target takes the target of a request apart, as the client sent it, escapes and all: its path
// and its query. The path begins with a slash unless the request is not for a path.
func target(raw string) (path, query string) {
	path, query, _ = strings.Cut(raw, "?")
	if strings.HasPrefix(path, "/") {
		return path, query
	}
	scheme, rest, absolute := strings.Cut(path, "://")
	if !absolute || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return path, query
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:], query
	}
	return "/", query
}

// aimed is what a target asks for as to signs: a path, or all of it where it names another host than
// the request does, as only requests to a proxy do.
func aimed(path, sent, host string) string {
	if sent == "" || sent[0] == '/' || sent[0] == '*' {
		return path
	}
	if _, rest, ok := strings.Cut(sent, "://"); ok {
		if named, _, _ := strings.Cut(rest, "/"); strings.EqualFold(named, host) {
			return path
		}
	}
	sent, _, _ = strings.Cut(sent, "?")
	return sent
}

// targetOf is the target as it was sent.
func targetOf(r *http.Request) string {
	if r.RequestURI != "" {
		return r.RequestURI
	}
	if r.URL.RawQuery == "" { // made by a program, not read from a connection
		return r.URL.EscapedPath()
	}
	return r.URL.EscapedPath() + "?" + r.URL.RawQuery
}
