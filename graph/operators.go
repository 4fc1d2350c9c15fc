package graph

import (
	"context"

	"github.com/sentinel-protocol/sentinel/server/access"
)

// AddOperator makes an operator, and a link to choose a password with.
func (r *mutationResolver) AddOperator(ctx context.Context, input AddOperatorInput) (*AddOperatorPayload, error) {
	return nil, noOperators
}

// SetRole changes what an operator may do.
func (r *mutationResolver) SetRole(ctx context.Context, id string, role access.Role) (*Operator, error) {
	return nil, noOperators
}

// RemoveOperator ends all that an operator may do.
func (r *mutationResolver) RemoveOperator(ctx context.Context, id string) (string, error) {
	return "", noOperators
}

// ChangePassword of who asks.
func (r *mutationResolver) ChangePassword(ctx context.Context, old string, new string) (bool, error) {
	return false, noOperators
}

// CreateToken makes a token.
func (r *mutationResolver) CreateToken(ctx context.Context, input CreateTokenInput) (*CreateTokenPayload, error) {
	return nil, noOperators
}

// RevokeToken ends a token.
func (r *mutationResolver) RevokeToken(ctx context.Context, id string) (string, error) {
	return "", noOperators
}

// Me is who asks.
func (r *queryResolver) Me(ctx context.Context) (*Operator, error) {
	o, ok := OperatorOf(ctx)
	if !ok {
		return nil, Fault{Code: Unauthenticated, Message: "Sign in first."}
	}
	o.You = true
	return &o, nil
}

// Operators are all who may work in the console.
func (r *queryResolver) Operators(ctx context.Context) ([]*Operator, error) {
	me, err := r.Me(ctx)
	return []*Operator{me}, err
}

// Tokens are all that let programs in.
func (r *queryResolver) Tokens(ctx context.Context) ([]*Token, error) {
	return []*Token{}, ctx.Err()
}
