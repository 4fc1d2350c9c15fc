package graph

import (
	"context"
	"net/netip"
	"net/url"

	"github.com/sentinel-protocol/sentinel/server/access"
)

// AddOperator makes an operator, and a link to choose a password with.
func (r *mutationResolver) AddOperator(ctx context.Context, input AddOperatorInput) (*AddOperatorPayload, error) {
	by, err := r.governing(ctx)
	if err != nil {
		return nil, err
	}
	o, token, err := r.access.AddOperator(ctx, by, input.Name, input.Role)
	if err != nil {
		return nil, inInput(err)
	}
	me, _ := OperatorOf(ctx)
	return &AddOperatorPayload{
		Operator: showOperator(o, me), Link: me.Site + "/setup#" + url.Values{"token": {token}, "name": {o.Name}}.Encode(),
	}, nil
}

// SetRole changes what an operator may do.
func (r *mutationResolver) SetRole(ctx context.Context, id string, role access.Role) (*Operator, error) {
	by, err := r.governing(ctx)
	if err != nil {
		return nil, err
	}
	o, err := r.access.SetRole(ctx, by, id, role)
	if err != nil {
		return nil, err
	}
	me, _ := OperatorOf(ctx)
	return showOperator(o, me), nil
}

// RemoveOperator ends all that an operator may do.
func (r *mutationResolver) RemoveOperator(ctx context.Context, id string) (string, error) {
	by, err := r.governing(ctx)
	if err != nil {
		return "", err
	}
	return id, r.access.RemoveOperator(ctx, by, id)
}

// ChangePassword of who asks.
func (r *mutationResolver) ChangePassword(ctx context.Context, old string, new string) (bool, error) {
	me, err := r.Query().Me(ctx)
	if err != nil {
		return false, err
	}
	if r.access == nil {
		return false, noOperators
	}
	from, _ := netip.ParseAddr(me.Origin) // where it can't be told, all share one bucket
	err = r.access.ChangePassword(ctx, me.Pass, from, old, new)
	return err == nil, err
}

// CreateToken makes a token.
func (r *mutationResolver) CreateToken(ctx context.Context, input CreateTokenInput) (*CreateTokenPayload, error) {
	by, err := r.governing(ctx)
	if err != nil {
		return nil, err
	}
	if input.Duration != nil && *input.Duration <= 0 {
		return nil, Fault{Code: Invalid, Message: "input.duration must be longer than zero, or absent: until revoked", Field: "input.duration"}
	}
	t, secret, err := r.access.CreateToken(ctx, by, input.Name, input.Role, value(input.Duration))
	if err != nil {
		return nil, inInput(err)
	}
	return &CreateTokenPayload{Token: showToken(t), Secret: secret}, nil
}

// RevokeToken ends a token.
func (r *mutationResolver) RevokeToken(ctx context.Context, id string) (string, error) {
	by, err := r.governing(ctx)
	if err != nil {
		return "", err
	}
	return id, r.access.RevokeToken(ctx, by, id)
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
	if err != nil {
		return nil, err
	}
	if r.access == nil {
		return []*Operator{me}, nil
	}
	all, err := r.access.Operators(ctx)
	out := make([]*Operator, len(all))
	for i, o := range all {
		out[i] = showOperator(o, *me)
	}
	return out, err
}

// Tokens are all that let programs in.
func (r *queryResolver) Tokens(ctx context.Context) ([]*Token, error) {
	if r.access == nil {
		return []*Token{}, nil
	}
	all, err := r.access.Tokens(ctx)
	out := make([]*Token, len(all))
	for i, t := range all {
		out[i] = showToken(t)
	}
	return out, err
}
