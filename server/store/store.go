// Package store keeps what Sentinel must remember: alerts, incidents, decisions and the audit
// log in one database, traffic and its roll-ups in another, so that losing the second never
// touches the first. Rows stay inside; what goes in and out are domain types.
package store

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// ErrNotFound says that there is nothing with that ID.
var ErrNotFound = errors.New("not found")

// Config says where the data is.
type Config struct {
	Dir string // of the SQLite files sentinel.db and traffic.db; made when absent
	URL string // postgres://..., used instead of Dir when set
}

// A Store is safe for concurrent use.
type Store struct{}

var errLater = errors.New("store: not there yet")

// Open opens the databases and brings their tables up to date.
func Open(ctx context.Context, c Config, log *slog.Logger) (*Store, error) { return nil, errLater }

func (s *Store) Close() error                                       { return errLater }
func (s *Store) Ping(ctx context.Context) map[string]error          { return nil }
func (s *Store) SetAside() (file string, at time.Time)              { return "", time.Time{} }
func (s *Store) Record(ctx context.Context, b Batch) error          { return errLater }
func (s *Store) WriteExchanges(ctx context.Context, x []Seen) error { return errLater }

func (s *Store) Alerts(ctx context.Context, f AlertFilter, p Page) (Slice[incident.Alert], error) {
	return Slice[incident.Alert]{}, errLater
}
func (s *Store) CountAlerts(ctx context.Context, f AlertFilter) (int, error) { return 0, errLater }
func (s *Store) Alert(ctx context.Context, id int64) (incident.Alert, error) {
	return incident.Alert{}, errLater
}
func (s *Store) AlertOfFinding(ctx context.Context, finding string) (incident.Alert, error) {
	return incident.Alert{}, errLater
}
func (s *Store) EachAlert(ctx context.Context, f AlertFilter, each func(incident.Alert) error) error {
	return errLater
}
func (s *Store) Incidents(ctx context.Context, status incident.Status, p Page) (Slice[incident.Incident], error) {
	return Slice[incident.Incident]{}, errLater
}
func (s *Store) CountIncidents(ctx context.Context, status incident.Status) (int, error) {
	return 0, errLater
}
func (s *Store) Incident(ctx context.Context, id int64) (incident.Incident, error) {
	return incident.Incident{}, errLater
}
func (s *Store) Decisions(ctx context.Context, f DecisionFilter, p Page) (Slice[engine.Decision], error) {
	return Slice[engine.Decision]{}, errLater
}
func (s *Store) CountDecisions(ctx context.Context, f DecisionFilter) (int, error) {
	return 0, errLater
}
func (s *Store) Decision(ctx context.Context, id string) (engine.Decision, error) {
	return engine.Decision{}, errLater
}
func (s *Store) InForce(ctx context.Context, at time.Time) ([]engine.Decision, error) {
	return nil, errLater
}
func (s *Store) EachDecision(ctx context.Context, f DecisionFilter, each func(engine.Decision) error) error {
	return errLater
}
func (s *Store) Audit(ctx context.Context, p Page) (Slice[Entry], error) {
	return Slice[Entry]{}, errLater
}
func (s *Store) Exchanges(ctx context.Context, f ExchangeFilter, p Page) (Slice[Seen], error) {
	return Slice[Seen]{}, errLater
}
func (s *Store) Exchange(ctx context.Context, id uint64) (Seen, error) { return Seen{}, errLater }
func (s *Store) EachExchange(ctx context.Context, f ExchangeFilter, each func(Seen) error) error {
	return errLater
}
func (s *Store) Stats(ctx context.Context, from, to time.Time) (Stats, error) {
	return Stats{}, errLater
}
func (s *Store) Timeline(ctx context.Context, from, to time.Time, step time.Duration) ([]Point, error) {
	return nil, errLater
}
func (s *Store) TopEndpoints(ctx context.Context, from, to time.Time, n int) ([]Endpoint, error) {
	return nil, errLater
}
func (s *Store) StatusMix(ctx context.Context, from, to time.Time) ([]StatusCount, error) {
	return nil, errLater
}
func (s *Store) ClientFigures(ctx context.Context, client netip.Prefix, from, to time.Time) (ClientStats, error) {
	return ClientStats{}, errLater
}
