package graph

import (
	"context"
	"net/netip"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Account is what is known of whom requests claim to act for, whether any ever did.
func (r *queryResolver) Account(ctx context.Context, name string) (*Account, error) {
	name = accountAsked(name)
	if name == "" {
		return nil, engine.Invalid{Field: "name", Problem: "must not be empty"}
	}
	if err := checkAccount("name", name); err != nil {
		return nil, err
	}
	now := time.Now()
	f, err := r.store.AccountFigures(ctx, name, now.Add(-time.Hour), now)
	if err != nil {
		return nil, err
	}
	return &Account{
		Name: name, LastAt: instant(f.Last), Requests: f.Requests, Failed: f.Failed, Refused: f.Refused, r: r.Resolver,
	}, nil
}

// Client is what is known of an address and of the network that rules count it as.
func (r *queryResolver) Client(ctx context.Context, address netip.Addr) (*Client, error) {
	now := time.Now()
	network := engine.ActorOf(address).Network
	f, err := r.store.ClientFigures(ctx, network, now.Add(-time.Hour), now)
	if err != nil {
		return nil, err
	}
	return &Client{
		Address: address, Network: network, LastAt: instant(f.Last),
		Requests: f.Requests, Failed: f.Failed, Refused: f.Refused, r: r.Resolver,
	}, nil
}
