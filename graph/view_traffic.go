package graph

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// An Exchange is a store.Seen as the schema shows it.
type Exchange struct{ store.Seen }

func showExchanges(in []store.Seen) []*Exchange {
	out := make([]*Exchange, len(in))
	for i, x := range in {
		out[i] = &Exchange{x}
	}
	return out
}

// ID is text: it has 63 bits.
func (x *Exchange) ID() string { return strconv.FormatUint(x.Seen.ID, 10) }

// Reference is what its client would quote.
func (x *Exchange) Reference() string { return engine.ExchangeReference(x.Seen.ID) }

// KeyPrefix is nil when it carried no key.
func (x *Exchange) KeyPrefix() *string { return words(x.Key.Prefix) }

// Account is nil when it is not known whom it claims to act for.
func (x *Exchange) Account() *string { return words(x.Seen.Account) }

// SessionPrefix is nil when it carried no session.
func (x *Exchange) SessionPrefix() *string { return words(x.Session.Prefix) }

// Route is nil when its path has no template of its own.
func (x *Exchange) Route() *string {
	if x.Seen.Route == x.Folded {
		return nil
	}
	return words(x.Seen.Route)
}

// Would is nil when nothing would have refused it, or something has.
func (x *Exchange) Would() *string { return words(x.Seen.Would) }

// Flags say what was odd about it.
func (x *Exchange) Flags() []string { return append([]string{}, x.Seen.Flags.Names()...) }

// Cause is nil when it was not refused.
func (x *Exchange) Cause() *string { return words(x.Seen.Cause) }

// Took is in milliseconds.
func (x *Exchange) Took() float64 { return millis(x.Seen.Took) }

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// exchanges reads the newest that match.
func (r *Resolver) exchanges(ctx context.Context, f store.ExchangeFilter, first int32) ([]*Exchange, error) {
	p, err := page(first, nil)
	if err != nil {
		return nil, err
	}
	s, err := r.store.Exchanges(ctx, f, p)
	return showExchanges(s.Items), err
}

// A Client is what is known of one address.
type Client struct {
	Address                   netip.Addr
	Network                   netip.Prefix
	Requests, Failed, Refused int64
	LastAt                    *time.Time
	r                         *Resolver
}

// Decisions are those in force that cover it, the one that counts first.
func (c *Client) Decisions() []*Decision { return c.r.covering(c.Address, engine.Key{}) }

// Alerts about it, newest first.
func (c *Client) Alerts(ctx context.Context, first int32) ([]*Alert, error) {
	p, err := page(first, nil)
	if err != nil {
		return nil, err
	}
	s, err := c.r.store.Alerts(ctx, store.AlertFilter{Client: c.Network}, p)
	return c.r.showAlerts(s.Items), err
}

// Exchanges of it, newest first.
func (c *Client) Exchanges(ctx context.Context, first int32) ([]*Exchange, error) {
	return c.r.exchanges(ctx, store.ExchangeFilter{Client: c.Network}, first)
}

// exchangesAbout says which exchanges are those of whom a decision or an alert is about; false when
// that can't be told from what is kept of them.
func exchangesAbout(t engine.Target) (f store.ExchangeFilter, known bool) {
	switch {
	case t.Network.IsValid():
		f.Client = t.Network
	case t.Account != "":
		f.Account = t.Account
	case !t.Key.Zero():
		f.Key = t.Key
	default:
		method, route, said := strings.Cut(t.Route, " ")
		if !said || strings.Contains(route, "{") {
			return f, false
		}
		f.Methods, f.Path = []string{method}, "="+route
	}
	return f, true
}

// An Account is what is known of whom requests claim to act for.
type Account struct {
	Name                      string
	Requests, Failed, Refused int64
	LastAt                    *time.Time
	r                         *Resolver
}

// Decisions are those in force about it, newest first.
func (a *Account) Decisions(ctx context.Context) ([]*Decision, error) {
	return a.r.aboutAccount(ctx, a.Name)
}

// Alerts about it, or tripped while acting for it, newest first.
func (a *Account) Alerts(ctx context.Context, first int32) ([]*Alert, error) {
	p, err := page(first, nil)
	if err != nil {
		return nil, err
	}
	s, err := a.r.store.Alerts(ctx, store.AlertFilter{Account: a.Name}, p)
	return a.r.showAlerts(s.Items), err
}

// Exchanges that claimed to act for it, newest first.
func (a *Account) Exchanges(ctx context.Context, first int32) ([]*Exchange, error) {
	return a.r.exchanges(ctx, store.ExchangeFilter{Account: a.Name}, first)
}

// Stats are the figures of a window. Everybody who watches the same window is shown the same
// Stats, so what it reads later it reads once.
type Stats struct {
	From, To          time.Time
	Now, Before       *Figures
	RequestsPerSecond float64

	r         *Resolver
	endpoints once[[]*Endpoint]
	mix       once[[]*store.StatusCount]
}

// mostEndpoints are told apart in a window.
const mostEndpoints = 50

// stats reads the figures of the window that ends now.
func (r *Resolver) stats(ctx context.Context, window time.Duration, now time.Time) (*Stats, error) {
	s := &Stats{From: now.Add(-window), To: now, RequestsPerSecond: r.guard.Rate(), r: r}
	is, err := r.store.Stats(ctx, s.From, s.To)
	if err != nil {
		return nil, err
	}
	was, err := r.store.Stats(ctx, s.From.Add(-window), s.From)
	if err != nil {
		return nil, err
	}
	s.Now, s.Before = figures(is), figures(was)
	return s, nil
}

func figures(s store.Stats) *Figures {
	f := &Figures{
		Requests: s.Requests, Failed: s.Failed, Refused: s.Refused,
		ActiveAlerts: s.Alerts, BlockedClients: s.Blocked,
	}
	if s.Requests > 0 {
		f.FailedShare = float64(s.Failed) / float64(s.Requests)
	}
	return f
}

// TopEndpoints are the paths with the most requests.
func (s *Stats) TopEndpoints(ctx context.Context, first int32) ([]*Endpoint, error) {
	if first < 1 || first > mostEndpoints {
		return nil, engine.Invalid{Field: "first", Problem: "must be 1 to " + strconv.Itoa(mostEndpoints)}
	}
	all, err := s.endpoints.get(func() ([]*Endpoint, error) {
		ctx, cancel := forAll(ctx)
		defer cancel()
		in, err := s.r.store.TopEndpoints(ctx, s.From, s.To, mostEndpoints)
		out := make([]*Endpoint, len(in))
		for i, e := range in {
			out[i] = &Endpoint{Path: e.Path, Requests: e.Requests, Failed: e.Failed, Refused: e.Refused, Took: millis(e.Took)}
		}
		return out, err
	})
	return all[:min(len(all), int(first))], err
}

// StatusMix is how often each status was answered.
func (s *Stats) StatusMix(ctx context.Context) ([]*store.StatusCount, error) {
	return s.mix.get(func() ([]*store.StatusCount, error) {
		ctx, cancel := forAll(ctx)
		defer cancel()
		in, err := s.r.store.StatusMix(ctx, s.From, s.To)
		out := make([]*store.StatusCount, len(in))
		for i := range in {
			out[i] = &in[i]
		}
		return out, err
	})
}

// forAll does not end with whoever happened to ask first: others wait for the same answer.
func forAll(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), longestOperation)
}

// Bounds of what may be asked of the roll-ups.
const (
	shortestWindow = time.Minute
	longestWindow  = 30 * 24 * time.Hour
	shortestStep   = time.Minute
	mostPoints     = 1500
)

func checkWindow(window time.Duration) error {
	if window < shortestWindow || window > longestWindow {
		return engine.Invalid{Field: "window", Problem: "must be 1m to 30d"}
	}
	return nil
}

func checkStep(window, step time.Duration) error {
	if step < shortestStep || step%time.Minute != 0 {
		return engine.Invalid{Field: "step", Problem: "must be whole minutes"}
	}
	if window/step > mostPoints {
		return engine.Invalid{Field: "step", Problem: "gives more than " + strconv.Itoa(mostPoints) + " points: make it longer, or the window shorter"}
	}
	return nil
}
