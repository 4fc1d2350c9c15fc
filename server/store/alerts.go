package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"gorm.io/gorm"

	"github.com/sentinel-protocol/sentinel/server/incident"
)

var alertList = listing[alertRow, incident.Alert]{
	kind: 'a', at: "first_at", id: "id", key: number,
	place: func(r *alertRow) place { return place{r.FirstAt, strconv.FormatInt(r.ID, 10)} },
	value: (*alertRow).alert,
}

var incidentList = listing[incidentRow, incident.Incident]{
	kind: 'i', at: "first_at", id: "id", key: number,
	place: func(r *incidentRow) place { return place{r.FirstAt, strconv.FormatInt(r.ID, 10)} },
	value: (*incidentRow).incident,
}

var auditList = listing[auditRow, Entry]{
	kind: 'u', at: "seq",
	place: func(r *auditRow) place { return place{at: r.Seq} },
	value: (*auditRow).entry,
}

// Alerts are listed by when they were raised, newest first.
func (s *Store) Alerts(ctx context.Context, f AlertFilter, p Page) (Slice[incident.Alert], error) {
	if err := p.check(); err != nil {
		return Slice[incident.Alert]{}, err
	}
	q, err := s.alerts(f)
	if err != nil {
		return Slice[incident.Alert]{}, err
	}
	out, err := alertList.page(ctx, q, p)
	return out, told("read alerts", err)
}

// EachAlert gives each alert to a function, as Alerts lists them, without holding anything open
// meanwhile; an error of the function ends it.
func (s *Store) EachAlert(ctx context.Context, f AlertFilter, do func(incident.Alert) error) error {
	return each(func(p Page) (Slice[incident.Alert], error) { return s.Alerts(ctx, f, p) }, do)
}

// CountAlerts counts what Alerts lists.
func (s *Store) CountAlerts(ctx context.Context, f AlertFilter) (int, error) {
	q, err := s.alerts(f)
	if err != nil {
		return 0, err
	}
	return count(ctx, q, "alerts")
}

// Alert finds one; ErrNotFound when there is none.
func (s *Store) Alert(ctx context.Context, id int64) (incident.Alert, error) {
	return one(ctx, s.main.read.Where("id = ?", id), "alert", (*alertRow).alert)
}

// AlertOfFinding finds the alert that a finding was merged into; ErrNotFound when there is none.
func (s *Store) AlertOfFinding(ctx context.Context, finding string) (incident.Alert, error) {
	q := s.main.read.Where("id = (SELECT alert FROM alert_findings WHERE finding = ?)", clean(finding))
	return one(ctx, q, "alert of a finding", (*alertRow).alert)
}

// Incidents are listed by when they began, newest first; status 0 for any.
func (s *Store) Incidents(ctx context.Context, status incident.Status, p Page) (Slice[incident.Incident], error) {
	if err := p.check(); err != nil {
		return Slice[incident.Incident]{}, err
	}
	out, err := incidentList.page(ctx, s.incidents(status), p)
	return out, told("read incidents", err)
}

// EachIncident gives each incident to a function, as Incidents lists them, without holding anything
// open meanwhile; an error of the function ends it.
func (s *Store) EachIncident(ctx context.Context, status incident.Status, do func(incident.Incident) error) error {
	return each(func(p Page) (Slice[incident.Incident], error) { return s.Incidents(ctx, status, p) }, do)
}

// CountIncidents counts what Incidents lists.
func (s *Store) CountIncidents(ctx context.Context, status incident.Status) (int, error) {
	return count(ctx, s.incidents(status), "incidents")
}

// Incident finds one; ErrNotFound when there is none.
func (s *Store) Incident(ctx context.Context, id int64) (incident.Incident, error) {
	return one(ctx, s.main.read.Where("id = ?", id), "incident", (*incidentRow).incident)
}

// Audit lists the audit log, newest first.
func (s *Store) Audit(ctx context.Context, p Page) (Slice[Entry], error) {
	if err := p.check(); err != nil {
		return Slice[Entry]{}, err
	}
	out, err := auditList.page(ctx, s.main.read.Model(&auditRow{}), p)
	return out, told("read the audit log", err)
}

func (s *Store) alerts(f AlertFilter) (*gorm.DB, error) {
	q := s.main.read.Model(&alertRow{})
	if len(f.Severities) > 0 {
		q = q.Where("severity IN ?", numbers(f.Severities))
	}
	if f.Status != 0 {
		q = q.Where("status = ?", uint8(f.Status))
	}
	if f.Rule != "" {
		q = q.Where("rule = ?", clean(f.Rule))
	}
	if f.Client.IsValid() {
		lo, hi := bounds(f.Client)
		q = q.Where("((actor_lo >= ? AND actor_hi <= ? AND actor_lo <= ?) OR (client >= ? AND client <= ?))", lo, hi, hi, lo, hi)
	}
	if f.Account != "" {
		account := clip(f.Account, mostOfAgent)
		q = q.Where("((actor_account = ? AND actor_account <> '') OR (account = ? AND account <> ''))", account, account)
	}
	if f.Incident != 0 {
		q = q.Where("incident = ? AND incident > 0", f.Incident)
	}
	if !f.From.IsZero() {
		q = q.Where("last_at >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		q = q.Where("first_at < ?", f.To.UnixMilli())
	}
	return s.main.textIn(q, f.Text, "rule", "title", "reason", "actor_network", "actor_key_prefix", "actor_account", "actor_route",
		"account", "key_prefix", "path")
}

func (s *Store) incidents(status incident.Status) *gorm.DB {
	q := s.main.read.Model(&incidentRow{})
	if status != 0 {
		q = q.Where("status = ?", uint8(status))
	}
	return q
}

// textIn narrows q to rows with a text in one of the columns.
func (d *database) textIn(q *gorm.DB, text string, columns ...string) (*gorm.DB, error) {
	if text == "" {
		return q, nil
	}
	if len(text) > mostOfText {
		return nil, Invalid{Field: "text", Problem: fmt.Sprintf("must be at most %d bytes long", mostOfText)}
	}
	oneOf := d.read.Session(&gorm.Session{NewDB: true})
	for _, c := range columns {
		oneOf = oneOf.Or(d.contains(c), pattern(text))
	}
	return q.Where(oneOf), nil
}

// numbers are the stored form of severities, actions and origins: a slice of uint8 would be
// taken for bytes.
func numbers[N ~uint8](in []N) []int {
	out := make([]int, len(in))
	for i, n := range in {
		out[i] = int(n)
	}
	return out
}

func count(ctx context.Context, q *gorm.DB, what string) (int, error) {
	var n int64
	if err := q.WithContext(ctx).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count %s: %w", what, err)
	}
	return int(n), nil
}

func one[R, T any](ctx context.Context, q *gorm.DB, what string, value func(*R) (T, error)) (T, error) {
	var row R
	err := q.WithContext(ctx).Take(&row).Error
	if err == nil {
		return value(&row)
	}
	var none T
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return none, fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return none, fmt.Errorf("read %s: %w", what, err)
}

// told says what was being done, except about what the caller can correct.
func told(doing string, err error) error {
	if err == nil || errors.As(err, &Invalid{}) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
