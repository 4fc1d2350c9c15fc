package graph

import (
	"context"

	"github.com/sentinel-protocol/sentinel/server/guard"
)

// An Operator is who asks: signed in by the console, carried by the context.
type Operator struct {
	Name   string
	Role   Role
	Origin string // address it came from
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
	case o.Role == RoleViewer:
		return guard.By{}, Fault{Code: Denied, Message: "Viewers may look, not act."}
	}
	return guard.By{Name: o.Name, Origin: o.Origin}, nil
}
