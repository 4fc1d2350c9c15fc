package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/sentinel-protocol/sentinel/graph/scalar"
	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A Code is what a program may act on: extensions.code of every error.
type Code string

// The codes. INVALID comes with extensions.field, INTERNAL with extensions.reference.
const (
	Invalid         Code = "INVALID"
	NotFound        Code = "NOT_FOUND"
	Denied          Code = "DENIED"
	Unauthenticated Code = "UNAUTHENTICATED"
	TooComplex      Code = "TOO_COMPLEX"
	Internal        Code = "INTERNAL"
)

// A Fault is an error as it is told to whoever asked, over GraphQL and REST alike.
type Fault struct {
	Code      Code
	Message   string
	Field     string // of what was asked, when the code is Invalid
	Reference string // to the log, when the code is Internal
}

func (f Fault) Error() string { return f.Message }

// Explain says of an error what may be told. What is our own fault gets a reference instead,
// under which it is logged, here and only here.
func Explain(ctx context.Context, log *slog.Logger, err error) Fault {
	var fault Fault
	var invalid engine.Invalid
	var unasked store.Invalid
	var malformed scalar.Invalid
	var throttled access.Throttled
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &invalid):
		return Fault{Code: Invalid, Message: clip(invalid.Error(), longestMessage), Field: invalid.Field}
	case errors.As(err, &unasked):
		return Fault{Code: Invalid, Message: clip(unasked.Error(), longestMessage), Field: unasked.Field}
	case errors.As(err, &malformed):
		return Fault{Code: Invalid, Message: malformed.Problem}
	case errors.As(err, &throttled):
		return Fault{Code: TooComplex, Message: fmt.Sprintf("There were too many attempts: wait %s.", throttled.Wait.Round(time.Second))}
	case errors.Is(err, access.ErrBusy), errors.Is(err, access.ErrLastAdmin), errors.Is(err, access.ErrLink):
		return Fault{Code: Denied, Message: sentence(err)}
	case errors.Is(err, store.ErrNotFound), errors.Is(err, access.ErrUnknown):
		return Fault{Code: NotFound, Message: "There is nothing with that name."}
	case errors.Is(err, context.Canceled):
		return Fault{Code: TooComplex, Message: "The question was withdrawn."}
	case errors.Is(err, context.DeadlineExceeded):
		return Fault{Code: TooComplex, Message: fmt.Sprintf("The answer took longer than %s: ask for less.", longestOperation)}
	}
	ref := newReference()
	log.ErrorContext(ctx, "answer a request", "reference", ref, "err", err)
	message := "Something went wrong on our side; the log has it under " + ref + "."
	if errors.Is(err, guard.ErrUnavailable) {
		message = "It could not be written down, so nothing was changed. Try again; the log has it under " + ref + "."
	}
	return Fault{Code: Internal, Message: message, Reference: ref}
}

func (f Fault) graphql(path ast.Path, at []gqlerror.Location) *gqlerror.Error {
	e := &gqlerror.Error{Message: f.Message, Path: path, Locations: at, Extensions: map[string]any{"code": f.Code}}
	if f.Field != "" {
		e.Extensions["field"] = f.Field
	}
	if f.Reference != "" {
		e.Extensions["reference"] = f.Reference
	}
	return e
}

// present turns every error of an operation into what its sender may know.
func present(log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		var g *gqlerror.Error
		if !errors.As(err, &g) {
			g = gqlerror.WrapPath(graphql.GetPath(ctx), err)
		}
		code, known := g.Extensions["code"]
		if _, ours := code.(Code); ours {
			return g // a limit's, or presented before
		}
		if known && (code == errcode.ParseFailed || code == errcode.ValidationFailed) {
			field := "query"
			if len(g.Path) > 1 && g.Path[0] == ast.PathName("variable") {
				field = dotted(g.Path[1:])
			}
			return Fault{Code: Invalid, Message: clip(g.Message, longestMessage), Field: field}.graphql(nil, g.Locations)
		}
		if field, path := argument(ctx, g.Path); field != "" {
			message := clip(g.Message, longestMessage)
			if malformed := (scalar.Invalid{}); errors.As(g, &malformed) {
				message = field + " " + malformed.Problem
			}
			return Fault{Code: Invalid, Message: message, Field: field}.graphql(path, g.Locations)
		}
		if g.Err == nil { // said by the executor itself: introspection is off, and the like
			return Fault{Code: Invalid, Message: clip(g.Message, longestMessage), Field: "query"}.graphql(g.Path, g.Locations)
		}
		return Explain(ctx, log, g.Err).graphql(g.Path, g.Locations)
	}
}

// argument is which argument of the present field an error's path points into, if any, and
// the path of the field itself.
func argument(ctx context.Context, path ast.Path) (string, ast.Path) {
	field := graphql.GetFieldContext(ctx)
	if field == nil {
		return "", nil
	}
	own := field.Path()
	if len(path) <= len(own) {
		return "", nil
	}
	return dotted(path[len(own):]), own
}

func dotted(path ast.Path) string {
	return strings.TrimPrefix(path.String(), ".")
}

// recovered keeps a panic of a resolver within its operation.
func recovered(log *slog.Logger) graphql.RecoverFunc {
	return func(ctx context.Context, v any) error {
		ref := newReference()
		log.ErrorContext(ctx, "panic while answering", "reference", ref, "panic", v, "stack", string(debug.Stack()))
		return Fault{Code: Internal, Message: "Something went wrong on our side; the log has it under " + ref + ".", Reference: ref}
	}
}

func tooComplex(format string, args ...any) *gqlerror.Error {
	return Fault{Code: TooComplex, Message: "The document " + fmt.Sprintf(format, args...) + "."}.graphql(nil, nil)
}

func invalid(field, problem string) *gqlerror.Error {
	return Fault{Code: Invalid, Message: field + " " + problem, Field: field}.graphql(nil, nil)
}

// sentence is an error as it is shown alone.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
