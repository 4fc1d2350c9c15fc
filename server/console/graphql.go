package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/sentinel-protocol/sentinel/graph"
)

// Times of a socket.
const (
	initTimeout  = 5 * time.Second // until the client says who it is
	pingInterval = 25 * time.Second
)

func (c *Console) newGraphQL(about graph.About) *handler.Server {
	s := graph.NewServer(graph.NewResolver(c.store, c.guard, c.access, about, c.log))
	limit := int64(mostBody)
	s.AddTransport(transport.Websocket{
		Implementation:   c.sockets,
		InitFunc:         c.welcome,
		InitTimeout:      initTimeout,
		PingPongInterval: pingInterval,
		PayloadReadLimit: &limit,
	})
	s.AddTransport(post{})
	return s
}

// serveGraphQL answers POST, and GET that is to become a socket.
func (c *Console) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.Header.Get("Upgrade") != "" {
		c.sockets.serve(w, r, c.origin(r), c.door.site(r), c.graphql)
		return
	}
	methods{http.MethodPost: c.ask}.ServeHTTP(w, r)
}

func (c *Console) ask(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > mostBody { // nobody's, whoever asks
		turnDown(w, http.StatusRequestEntityTooLarge, refused(graph.Invalid, fmt.Sprintf("the body must be at most %d bytes long", mostBody), "body"))
		return
	}
	o, ok := graph.OperatorOf(r.Context())
	if !ok {
		turnDown(w, http.StatusUnauthorized, refused(graph.Unauthenticated, "Sign in first.", ""))
		return
	}
	if !c.pace.keeps(o.ID, c.now()) {
		w.Header().Set("Retry-After", "1")
		turnDown(w, http.StatusTooManyRequests, refused(graph.TooComplex, fmt.Sprintf("At most %d operations a second may be started.", asksPerSecond), ""))
		return
	}
	c.graphql.ServeHTTP(w, r)
}

func turnDown(w http.ResponseWriter, code int, response *graphql.Response) {
	w.Header().Set("Content-Type", "application/json")
	respond(w, code, response)
}

// post is GraphQL over POST: JSON in, JSON out. Unlike gqlgen's it bounds what it reads and
// never repeats it.
type post struct{}

func (post) Supports(r *http.Request) bool { return r.Method == http.MethodPost }

func (post) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	wrong := http.StatusOK // as clients expect it that know application/json alone
	w.Header().Set("Content-Type", "application/json")
	if accepts(r.Header.Values("Accept"), "application/graphql-response+json") {
		w.Header().Set("Content-Type", "application/graphql-response+json; charset=utf-8")
		wrong = http.StatusBadRequest
	}
	params, err := operation(r)
	if err != nil {
		code := http.StatusBadRequest
		if s, ok := errors.AsType[status](err); ok {
			code = s.code
		}
		respond(w, code, refused(graph.Invalid, err.Error(), "body"))
		return
	}
	ctx := r.Context()
	op, errs := exec.CreateOperationContext(ctx, params)
	if errs != nil {
		respond(w, wrong, exec.DispatchError(graphql.WithOperationContext(ctx, op), errs))
		return
	}
	next, ctx := exec.DispatchOperation(ctx, op)
	response := next(ctx)
	if response == nil {
		response = refused(graph.TooComplex, "There was no time to answer: ask again.", "")
	}
	respond(w, http.StatusOK, response)
}

// operation reads what a POST asks for.
func operation(r *http.Request) (*graphql.RawParams, error) {
	b, err := jsonOnly(r)
	if err != nil {
		return nil, err
	}
	var asked struct {
		Query         string
		OperationName string
		Variables     map[string]any
		Extensions    map[string]any
	}
	if err := decode(b, &asked); err != nil {
		return nil, err
	}
	return &graphql.RawParams{
		Query: asked.Query, OperationName: asked.OperationName, Variables: asked.Variables,
		Extensions: asked.Extensions, Headers: r.Header,
	}, nil
}

func refused(code graph.Code, message, field string) *graphql.Response {
	e := &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
	if field != "" {
		e.Extensions["field"] = field
	}
	return &graphql.Response{Errors: gqlerror.List{e}}
}

func respond(w http.ResponseWriter, code int, response *graphql.Response) {
	b, err := json.Marshal(response)
	if err != nil {
		panic(err) // the executor has written it itself
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(code)
	_, _ = w.Write(b) // whoever left needs no answer
}

func accepts(accept []string, media string) bool {
	return strings.Contains(strings.Join(accept, ","), media)
}
