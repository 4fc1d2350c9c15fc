package console

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql/handler/transport"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Names of the cookie. With TLS the browser sees to it that no other host, and no page without
// TLS, has set it.
const (
	plainCookie  = "sentinel"
	secureCookie = "__Host-sentinel"
	cookieFor    = 7 * 24 * time.Hour // as long as a session holds at most
)

// How sockets are let in.
const (
	mostAsking   = 20              // of one address that have not said who they are
	socketsEach  = 100             // of one operator
	recheckEvery = 2 * time.Second // whether those who were let in still may be
)

// signedIn is who sent a request: in the demo its admin; else whom a token or a session's cookie
// names. A token that is none is not made good by a cookie. A socket says later who it is: a
// browser sends the cookie for other pages as well.
func (c *Console) signedIn(r *http.Request) (graph.Operator, error) {
	if c.demo {
		return graph.Operator{ID: "demo", Name: "demo admin", Role: access.Admin, Origin: c.origin(r), Site: c.door.site(r)}, nil
	}
	if c.access == nil || r.Header.Get("Upgrade") != "" {
		return graph.Operator{}, access.ErrEnded
	}
	if lines := r.Header.Values("Authorization"); len(lines) > 0 {
		kind, secret, _ := strings.Cut(lines[0], " ")
		if len(lines) > 1 || !strings.EqualFold(kind, "Bearer") {
			return graph.Operator{}, access.ErrEnded
		}
		p, err := c.access.Token(r.Context(), strings.TrimSpace(secret))
		return c.operator(p, c.origin(r), c.door.site(r)), err
	}
	p, err := c.access.Session(r.Context(), c.cookie(r))
	if err == nil {
		c.operating(r)
	}
	return c.operator(p, c.origin(r), c.door.site(r)), err
}

func (*Console) operator(p access.Pass, origin, site string) graph.Operator {
	o := graph.Operator{ID: p.ID, Name: p.Name, Role: p.Role, Pass: p, Origin: origin, Site: site}
	if !p.Token {
		o.CreatedAt, o.LastSeenAt = &p.Created, &p.Seen
	}
	return o
}

// operating tells where an operator works from.
func (c *Console) operating(r *http.Request) {
	if c.working == nil {
		return
	}
	if from := c.client(r); from.IsValid() {
		c.working(from)
	}
}

// origin is where a request comes from, as it is written down; empty where that can't be told.
func (c *Console) origin(r *http.Request) string {
	if from := c.client(r); from.IsValid() {
		return from.String()
	}
	return ""
}

func (c *Console) cookieName(r *http.Request) string {
	if strings.HasPrefix(c.door.site(r), "https:") {
		return secureCookie
	}
	return plainCookie
}

// cookie is what a request has in it; nothing when there are two, of which one may be planted.
func (c *Console) cookie(r *http.Request) string {
	if found := r.CookiesNamed(c.cookieName(r)); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, secret string, age time.Duration) {
	name := c.cookieName(r)
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever there is TLS: without it a browser would not keep it
		Name: name, Value: secret, Path: "/", MaxAge: int(age / time.Second), HttpOnly: true,
		Secure: name == secureCookie, SameSite: http.SameSiteStrictMode,
	})
}

// signs are the routes by which operators come in and go.
func (c *Console) signs() map[string]methods {
	return map[string]methods{
		"/setup":          {http.MethodPost: c.setUp},
		"/session":        {http.MethodPost: c.signIn, http.MethodGet: c.whoAmI, http.MethodDelete: c.signOut},
		"/session/ticket": {http.MethodPost: c.reply(c.ticket)},
	}
}

func (c *Console) newSigning() *http.ServeMux {
	m := http.NewServeMux()
	for path, do := range c.signs() {
		m.Handle(path, c.permitted(path, do))
	}
	return m
}

type whoJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
	Demo bool   `json:"demo"`
}

var errDemo = status{http.StatusNotFound, "nobody signs in to the demo"}

// signIn takes {name, password} and sets the cookie.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Name, Password string }
	c.letIn(w, r, &asked, func(ctx context.Context) (string, access.Pass, error) {
		return c.access.SignIn(ctx, asked.Name, asked.Password, c.client(r), c.cookie(r))
	})
}

// setUp takes {token, name, password} from whoever has a link, and signs him in.
func (c *Console) setUp(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Token, Name, Password string }
	c.letIn(w, r, &asked, func(ctx context.Context) (string, access.Pass, error) {
		return c.access.Claim(ctx, asked.Token, asked.Name, asked.Password, c.client(r))
	})
}

func (c *Console) letIn(w http.ResponseWriter, r *http.Request, asked any, do func(context.Context) (string, access.Pass, error)) {
	if c.access == nil {
		c.fail(w, r, errDemo)
		return
	}
	if err := read(r, asked); err != nil {
		c.fail(w, r, err)
		return
	}
	secret, p, err := do(r.Context())
	if err != nil {
		c.turnAway(w, r, err)
		return
	}
	c.setCookie(w, r, secret, cookieFor)
	c.operating(r)
	answer(w, http.StatusOK, whoOf(c.operator(p, "", "")))
}

// turnAway tells why somebody does not come in, the same whether there is such a name or not.
func (c *Console) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if throttled, ok := errors.AsType[access.Throttled](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(throttled.Wait.Seconds()))))
		refuse(w, http.StatusTooManyRequests, throttled.Error())
		return
	}
	if invalid, ok := errors.AsType[engine.Invalid](err); ok {
		answer(w, http.StatusBadRequest, map[string]string{"error": invalid.Error(), "field": invalid.Field})
		return
	}
	switch {
	case errors.Is(err, access.ErrWrong):
		refuse(w, http.StatusUnauthorized, err.Error())
	case errors.Is(err, access.ErrLink):
		refuse(w, http.StatusForbidden, err.Error())
	case errors.Is(err, access.ErrBusy):
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, err.Error())
	default:
		c.unasked(w, r, err)
	}
}

// unasked is the answer while the database can't be asked who somebody is.
func (c *Console) unasked(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil { // else he has left
		c.log.ErrorContext(r.Context(), "ask who may come in", "err", err)
	}
	w.Header().Set("Retry-After", "2")
	refuse(w, http.StatusServiceUnavailable, "who you are can't be asked just now: try again")
}

func whoOf(o graph.Operator) whoJSON {
	return whoJSON{ID: o.ID, Name: o.Name, Role: o.Role.String()}
}

// whoAmI tells who is signed in, and if nobody is, whether there is anybody who could.
func (c *Console) whoAmI(w http.ResponseWriter, r *http.Request) {
	if o, ok := graph.OperatorOf(r.Context()); ok {
		who := whoOf(o)
		who.Demo = c.demo
		answer(w, http.StatusOK, who)
		return
	}
	setup := false
	if c.access != nil {
		var err error
		if setup, err = c.access.NeedsSetup(r.Context()); err != nil {
			c.unasked(w, r, err)
			return
		}
	}
	answer(w, http.StatusUnauthorized, map[string]any{"error": "sign in first", "setup": setup})
}

// signOut ends the session, and has the browser forget it, and all else that it keeps of the console.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if c.access == nil {
		c.fail(w, r, errDemo)
		return
	}
	if err := c.access.SignOut(r.Context(), c.cookie(r), c.client(r)); err != nil {
		c.unasked(w, r, err)
		return
	}
	c.setCookie(w, r, "", -time.Second)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	answer(w, http.StatusOK, doneJSON{Status: "success", Message: "You are signed out."})
}

type ticketJSON struct {
	Ticket    string `json:"ticket"`
	ExpiresIn int64  `json:"expires_in"` // seconds
}

// ticket opens one socket.
func (c *Console) ticket(r *http.Request) (any, error) {
	if c.access == nil {
		return nil, errDemo
	}
	o, err := asking(r.Context())
	if err != nil {
		return nil, err
	}
	return ticketJSON{c.access.Ticket(o.Pass), int64(access.TicketFor / time.Second)}, nil
}

func asking(ctx context.Context) (graph.Operator, error) {
	o, ok := graph.OperatorOf(ctx)
	if !ok {
		return o, graph.Fault{Code: graph.Unauthenticated, Message: "Sign in first."}
	}
	return o, nil
}

// welcome lets a socket in. In the demo everybody is; else payload.token says who it is: a ticket
// or an API token. The close code is the one after which clients don't come back by themselves.
func (c *Console) welcome(ctx context.Context, payload transport.InitPayload) (context.Context, *transport.InitPayload, error) {
	if _, in := graph.OperatorOf(ctx); in {
		return ctx, nil, nil
	}
	k, ok := ctx.Value(socketKey{}).(*socket)
	if c.access == nil || !ok {
		return unwelcome(ctx, "Unauthorized")
	}
	p, err := c.access.Enter(ctx, payload.GetString("token"))
	switch {
	case errors.Is(err, access.ErrEnded):
		return unwelcome(ctx, "Unauthorized")
	case err != nil:
		c.log.ErrorContext(ctx, "ask whose a socket is", "err", err)
		return transport.WithWebsocketCloseCode(ctx, closeTryAgain), nil, errors.New("who you are can't be asked just now")
	case !c.sockets.admit(k, p):
		return unwelcome(ctx, "too many sockets")
	}
	return graph.SignedIn(ctx, c.operator(p, k.from, k.site)), nil, nil
}

func unwelcome(ctx context.Context, why string) (context.Context, *transport.InitPayload, error) {
	ctx = transport.AppendCloseReason(ctx, why)
	return transport.WithWebsocketCloseCode(ctx, closeUnauthorized), nil, errors.New("sign in first")
}

// watchSockets hangs up on whose session or token has ended: at once when that happened here,
// and within seconds when it did elsewhere.
func (c *Console) watchSockets() {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.closed:
			return
		case <-tick.C:
		case <-c.access.Ended():
		}
		for p, sockets := range c.sockets.passes() {
			if c.holds(p) {
				continue
			}
			for _, k := range sockets {
				k.hangUp(closeUnauthorized, "Unauthorized")
			}
		}
	}
}

func (c *Console) holds(p access.Pass) bool {
	ctx, cancel := context.WithTimeout(context.Background(), recheckEvery)
	defer cancel()
	return c.access.Holds(ctx, p)
}
