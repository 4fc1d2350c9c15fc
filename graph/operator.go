package graph

import (
	"context"
	"errors"
	"time"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
)

// An Operator is who asks: signed in by the console, carried by the context. It is also how the
// schema shows the others.
type Operator struct {
	ID         string
	Name       string
	Role       access.Role
	CreatedAt  *time.Time
	LastSeenAt *time.Time
	You        bool

	Pass   access.Pass // what let it in; zero in the demo
	Origin string      // address it came from
	Site   string      // scheme and host that it reached the console by, as https://sentinel.example.com
}

type operatorKey struct{}

// SignedIn gives a context its operator.
func SignedIn(ctx context.Context, o Operator) context.Context {
	return context.WithValue(ctx, operatorKey{}, o)
}

// OperatorOf is whose context it is; false for nobody's.
func OperatorOf(ctx context.Context) (Operator, bool) {
	o, ok := ctx.Value(operatorKey{}).(Operator)
	return o, ok
}

// Acting is under whose name a change is written down; whoever may only look is denied.
func Acting(ctx context.Context) (guard.By, error) {
	o, ok := OperatorOf(ctx)
	switch {
	case !ok:
		return guard.By{}, Fault{Code: Unauthenticated, Message: "Sign in first."}
	case o.Role < access.Analyst:
		return guard.By{}, Fault{Code: Denied, Message: "Viewers may look, not act."}
	}
	return guard.By{Name: o.Name, Origin: o.Origin}, nil
}

// noOperators is answered where everybody is signed in.
var noOperators = Fault{Code: Denied, Message: "The demo has no operators: everybody on this machine is its admin. Start `sentinel serve` to have them."}

// governing is who changes operators and tokens, where there are any.
func (r *Resolver) governing(ctx context.Context) (access.By, error) {
	o, ok := OperatorOf(ctx)
	switch {
	case !ok:
		return access.By{}, Fault{Code: Unauthenticated, Message: "Sign in first."}
	case r.access == nil:
		return access.By{}, noOperators
	case o.Role < access.Admin:
		return access.By{}, Fault{Code: Denied, Message: "Only admins may do that."}
	}
	return access.By{Name: o.Name, Origin: o.Origin}, nil
}

// showOperator is how one operator sees another, or himself.
func showOperator(o access.Operator, me Operator) *Operator {
	return &Operator{
		ID: o.ID, Name: o.Name, Role: o.Role, CreatedAt: instant(o.Created), LastSeenAt: instant(o.Seen), You: o.ID == me.ID,
	}
}

func showToken(t access.Token) *Token {
	return &Token{
		ID: t.ID, Name: t.Name, Role: t.Role, Prefix: t.Prefix,
		CreatedAt: t.Created, LastUsedAt: instant(t.Used), ExpiresAt: instant(t.Expires),
	}
}

// inInput says of a mistake that it is in a mutation's input.
func inInput(err error) error {
	if invalid, ok := errors.AsType[engine.Invalid](err); ok {
		invalid.Field = "input." + invalid.Field
		return invalid
	}
	return err
}
