package gateway

import (
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Authz is the path at which a ForwardAuth is asked. Mount it there and at all below it,
// before anything that cleans paths or redirects.
const Authz = "/authz"

// Causes of refusals that concern the question, not the request that was asked about.
const (
	CauseAsker    = "unknown-proxy"
	CauseQuestion = "bad-question"
)

// A ForwardAuth judges requests that another proxy is about to pass on: 204 lets one pass,
// anything else refuses it. It understands
//
//   - nginx's auth_request, told the request in X-Original-URI and X-Original-Method,
//   - Traefik's ForwardAuth and Caddy's forward_auth, which tell it in X-Forwarded-Uri and
//     X-Forwarded-Method,
//   - Envoy's ext_authz over HTTP with path_prefix /authz, which asks with the method and path
//     of the request itself.
//
// Proxies pass on what the client sent, so one that says in two ways what is asked for, and not
// the same, is refused. Who the client is comes from Config.ClientHeader alone.
//
// A proxy that can't refuse but with 403, such as nginx, asks /authz?status=403; the status
// that was meant is in X-Sentinel-Status then as always.
type ForwardAuth struct {
	reader
	guard Guard
	from  networks
	noLog bool
	asked asked
}

// NewForwardAuth answers the proxies in Config.From. Unless Config.NoLog says otherwise, what
// the API answered has to be told to Answered.
func NewForwardAuth(c Config, g Guard) *ForwardAuth {
	c.Demo = false
	f := &ForwardAuth{guard: g, from: newNetworks(c.From), noLog: c.NoLog}
	f.prepare(c, newClients(c, c.From))
	f.asked.seed, f.asked.unheard = maphash.MakeSeed(), g.Observe
	return f
}

// ServeHTTP answers one question.
func (f *ForwardAuth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	who, no := f.clients.of(r)
	if no != nil || !f.from.contains(who.peer) {
		answerProblem(w, r, http.StatusForbidden, &problem{
			status: http.StatusForbidden, kind: "unknown-proxy", title: "This proxy may not ask", cause: CauseAsker,
			detail: "Only proxies that Sentinel was told about may ask. Add the address of this one to service.authz.from.",
		})
		return
	}
	method, sent, as, no := f.question(r)
	if no != nil {
		answerProblem(w, r, either(as, no.status), no)
		return
	}
	if len(r.Header[f.clients.header]) == 0 {
		who.flags |= engine.BadForwardedFor // the proxy doesn't say for whom it asks
	}
	who.exempt = f.from.contains(who.addr) // to block a proxy would block everybody behind it
	var x engine.Exchange
	var ambiguous string
	x.Request, ambiguous = f.read(r, who, methodOf(method), sent)
	v := f.guard.Decide(x.Request)
	x.Would = v.Would
	f.limits.tell(h, v.Quota, new([1]string))
	if v.Refused() {
		no = verdictProblem(v)
	} else {
		no = f.fit(&x, unfit(method, len(sent), ambiguous))
	}
	if no == nil {
		if f.noLog {
			f.guard.Observe(x)
		} else {
			f.asked.put(x)
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	x.Refused, x.Cause, x.Status = true, no.cause, no.status
	x.Took = max(f.now().Sub(x.At), 0)
	f.guard.Observe(x)
	if !f.noLog {
		f.asked.put(x)
	}
	no.settle(x.ID, v.Quota)
	answerProblem(w, r, either(as, no.status), no)
}

// either is the status that the proxy can pass on, or the one that is meant.
func either(as, status int) int {
	if as != 0 {
		return as
	}
	return status
}

// answerProblem refuses with a status of its own.
func answerProblem(w http.ResponseWriter, r *http.Request, as int, p *problem) {
	h := w.Header()
	body := p.head(h)
	h["X-Sentinel-Status"] = []string{strconv.Itoa(p.status)}
	if p.reference != "" {
		h["X-Sentinel-Reference"] = []string{p.reference}
	}
	w.WriteHeader(as)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the proxy may have gone
	}
}

// question is the request that is asked about, and the only status that the proxy can refuse
// with; 0 for any.
func (f *ForwardAuth) question(r *http.Request) (method, sent string, as int, no *problem) {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	envoy := strings.HasPrefix(path, Authz+"/")
	if envoy {
		method, sent = r.Method, strings.TrimPrefix(r.RequestURI, Authz)
	} else if v := parameter(query, "status"); v.first == "403" {
		as = http.StatusForbidden
	}
	one := func(into *string, names ...string) bool {
		for _, name := range names {
			for _, value := range r.Header[name] {
				if name == "X-Original-Url" {
					value = relative(value)
				}
				if *into == "" {
					*into = value
				}
				if value != *into {
					return false
				}
			}
		}
		return true
	}
	agree := one(&sent, "X-Original-Uri", "X-Original-Url", "X-Forwarded-Uri")
	if !envoy {
		agree = one(&method, "X-Original-Method", "X-Forwarded-Method") && agree
	}
	if agree && sent != "" && method != "" {
		return method, sent, as, nil
	}
	no = &problem{
		status: http.StatusBadRequest, kind: "question", title: "What is asked for can't be told", cause: CauseQuestion,
		detail: "The proxy has to say the path and the method of the request: in X-Original-URI and X-Original-Method, or in X-Forwarded-Uri and X-Forwarded-Method.",
	}
	if !agree {
		no.detail = "The request names two targets. What it passes on of the client's own headers contradicts what the proxy says."
	}
	return "", "", as, no
}

// relative is a URL without scheme and host.
func relative(url string) string {
	_, rest, absolute := strings.Cut(url, "://")
	if !absolute || strings.HasPrefix(url, "/") {
		return url
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		if rest[i] == '?' {
			return "/" + rest[i:]
		}
		return rest[i:]
	}
	return "/"
}

// Answered takes in what the proxy's log says about a request: it is observed as the one that
// was asked about, with its key and account. What was refused here has been observed already.
// It needs the client, the method, the path and the status; call it in the order of the log.
func (f *ForwardAuth) Answered(x engine.Exchange) {
	x.Client = x.Client.WithZone("").Unmap()
	x.Method = methodOf(x.Method)
	folded, _ := engine.Fold(x.Path[:min(len(x.Path), longestURL)])
	folded = strings.Clone(storable(folded, maxPath, percent))
	was, known := f.asked.take(x.Client, x.Method, folded, x.At)
	switch {
	case known && was.Refused, !known && x.Refused:
		return
	case known:
		was.Status, was.Took, was.Bytes = x.Status, x.Took, x.Bytes
		if was.Account == "" {
			was.Account = saidOnce(x.Account).account()
		}
		if was.UserAgent == "" {
			was.UserAgent = strings.Clone(storable(x.UserAgent, maxUserAgent, backslash))
		}
		x = was
	default: // nobody asked, or long ago
		f.unasked(&x, folded)
	}
	f.guard.Observe(x)
	if f.learn != nil {
		f.learn(x.Method, x.Folded, x.Status)
	}
}

// unasked makes an exchange whole of which the log is all there is.
func (f *ForwardAuth) unasked(x *engine.Exchange, folded string) {
	now := f.now()
	if x.At.IsZero() {
		x.At = now
	}
	x.ID, x.Folded = f.nextID(now), folded
	x.Path = strings.Clone(storable(x.Path, maxPath, percent))
	x.UserAgent = strings.Clone(storable(x.UserAgent, maxUserAgent, backslash))
	x.Account = saidOnce(x.Account).account()
	Locate(&x.Request, f.routes)
}
