package graph

import (
	"log/slog"
	"net/netip"
	"sync"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/route"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A Resolver answers the fields of the schema. Make it with NewResolver.
type Resolver struct {
	store   *store.Store
	guard   *guard.Guard
	access  *access.Access // nil: nobody signs in
	about   About
	log     *slog.Logger
	pulse   pulse
	traffic feed
	trials  trials
	playing sync.Mutex // scenarios of definitions that are checked: they may take a core for a second or two, and no more than one
}

// About is what the edge says of the program that it belongs to.
type About struct {
	Version string
	Demo    bool // signs everybody in, and answers introspection

	Upstreams func() []*Upstream    // as they do now; nil: none
	Logs      func() []*FollowedLog // likewise

	Places     func(netip.Addr) engine.Place // where an address is; nil: nobody knows
	PlacesFrom func() []string               // names of what says where addresses are; nil: nothing does

	Catalogue func() *route.Table // the OpenAPI file of the API, as it is now; nil, or answering nil: there is none
}

func (a *About) catalogue() *route.Table {
	if a.Catalogue == nil {
		return nil
	}
	return a.Catalogue()
}

// NewResolver returns the answers that stand on this store and this guard; a is nil where nobody
// signs in.
func NewResolver(s *store.Store, g *guard.Guard, a *access.Access, about About, log *slog.Logger) *Resolver {
	r := &Resolver{store: s, guard: g, access: a, about: about, log: log}
	r.pulse.r, r.traffic.r = r, r
	return r
}

// told is what a part of the program says of itself, nothing where there is none.
func told[T any](tell func() []T) []T {
	if tell == nil {
		return []T{}
	}
	return tell()
}
