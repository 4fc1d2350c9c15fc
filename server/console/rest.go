package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// What the calls that take no page answer at most, newest first.
const (
	newestAlerts    = 50
	newestIncidents = 50
	newestLogs      = 200
	busiestPaths    = 5
	shownOfIncident = 3
	dashboardSpan   = time.Hour
	settling        = 100 * time.Millisecond
)

// calls are the API of the original, call by call, and the exports.
func (c *Console) calls() map[string]methods {
	return map[string]methods{
		"/api/monitoring/stats":                {http.MethodGet: c.reply(c.stats)},
		"/api/monitoring/timeline":             {http.MethodGet: c.reply(c.timeline)},
		"/api/monitoring/alerts":               {http.MethodGet: c.reply(c.alerts)},
		"/api/monitoring/correlated-incidents": {http.MethodGet: c.reply(c.incidents)},
		"/api/monitoring/blocked":              {http.MethodGet: c.reply(c.blocked)},
		"/api/monitoring/logs":                 {http.MethodGet: c.reply(c.logs)},
		"/api/monitoring/block-ip":             {http.MethodPost: c.reply(c.blockIP)},
		"/api/monitoring/unblock":              {http.MethodPost: c.reply(c.unblock)},
		"/api/monitoring/alert/{id}/resolve":   {http.MethodPost: c.reply(c.resolve)},
		"/api/ip-management/list":              {http.MethodGet: c.reply(c.list)},
		"/api/ip-management/add":               {http.MethodPost: c.reply(c.add)},
		"/api/ip-management/remove":            {http.MethodPost: c.reply(c.remove)},
		"/api/export/{file}":                   {http.MethodGet: c.export},
	}
}

// newREST answers calls. What it does not know is 404.
func (c *Console) newREST() *http.ServeMux {
	m := http.NewServeMux()
	for path, do := range c.calls() {
		m.Handle(path, c.permitted(path, do))
	}
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "there is no such call")
	})
	return m
}

// permitted lets through whom access lets do what a route does.
func (c *Console) permitted(path string, do methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		o, in := graph.OperatorOf(r.Context())
		if deed := method + " " + path; do[method] != nil && !o.Role.May(deed) {
			if !in {
				refuse(w, http.StatusUnauthorized, "sign in first")
				return
			}
			if c.access != nil {
				c.access.Denied(r.Context(), access.By{Name: o.Name, Origin: o.Origin}, deed)
			}
			refuse(w, http.StatusForbidden, "your role may not do that")
			return
		}
		do.ServeHTTP(w, r)
	})
}

func (c *Console) serveREST(w http.ResponseWriter, r *http.Request) {
	if _, ok := graph.OperatorOf(r.Context()); !ok {
		refuse(w, http.StatusUnauthorized, "sign in first")
		return
	}
	c.rest.ServeHTTP(w, r)
}

type endpointJSON struct {
	Path  string `json:"path"`
	Count int64  `json:"count"`
}

type statsJSON struct {
	Total        int64          `json:"total_requests"`
	Failed       int64          `json:"failed_requests"`
	Alerts       int64          `json:"active_alerts"`
	Blocked      int64          `json:"blocked_clients"`
	TopEndpoints []endpointJSON `json:"top_endpoints"`
}

// settle lets traffic that was seen just now be written before it is read. Traffic is written in
// batches; whoever asks here asks once, and is told no news later.
func (c *Console) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	_ = c.guard.Flush(ctx) // what is not written in time is in the next answer
}

func (c *Console) stats(r *http.Request) (any, error) {
	c.settle(r.Context())
	now := c.now()
	s, err := c.store.Stats(r.Context(), now.Add(-dashboardSpan), now)
	if err != nil {
		return nil, err
	}
	top, err := c.store.TopEndpoints(r.Context(), now.Add(-dashboardSpan), now, busiestPaths)
	if err != nil {
		return nil, err
	}
	out := statsJSON{s.Requests, s.Failed, s.Alerts, s.Blocked, make([]endpointJSON, len(top))}
	for i, e := range top {
		out.TopEndpoints[i] = endpointJSON{e.Path, e.Requests}
	}
	return out, nil
}

type pointJSON struct {
	Timestamp int64  `json:"timestamp"`
	Time      string `json:"time"`
	Requests  int64  `json:"requests"`
}

func (c *Console) timeline(r *http.Request) (any, error) {
	c.settle(r.Context())
	now := c.now()
	points, err := c.store.Timeline(r.Context(), now.Add(-dashboardSpan), now, time.Minute)
	if err != nil {
		return nil, err
	}
	out := make([]pointJSON, len(points))
	for i, p := range points {
		out[i] = pointJSON{p.At.Unix(), p.At.Local().Format("15:04"), p.Requests}
	}
	return out, nil
}

type alertJSON struct {
	ID            int64  `json:"id"`
	IP            string `json:"ip"`
	APIKey        string `json:"api_key"`
	Reason        string `json:"reason"`
	Severity      string `json:"severity"`
	Timestamp     int64  `json:"timestamp"`
	Time          string `json:"time"`
	Resolved      bool   `json:"resolved"`
	CorrelationID string `json:"correlation_id"`
}

func (c *Console) alerts(r *http.Request) (any, error) {
	c.settle(r.Context())
	s, err := c.store.Alerts(r.Context(), store.AlertFilter{}, store.Page{First: newestAlerts})
	if err != nil {
		return nil, err
	}
	out := make([]alertJSON, len(s.Items))
	for i, a := range s.Items {
		out[i] = alertJSON{
			ID: a.ID, IP: a.Client.String(), APIKey: visible(a.Key), Reason: a.Reason, Severity: a.Severity.String(),
			Timestamp: a.Last.Unix(), Time: clock(a.Last), Resolved: a.Status == incident.Resolved,
		}
		if a.Incident != 0 {
			out[i].CorrelationID = incident.Reference(a.Incident)
		}
	}
	return out, nil
}

type incidentAlertJSON struct {
	ID       int64  `json:"id"`
	IP       string `json:"ip"`
	Reason   string `json:"reason"`
	Severity string `json:"severity"`
}

type incidentJSON struct {
	ID            int64               `json:"id"`
	CorrelationID string              `json:"correlation_id"`
	AlertCount    int                 `json:"alert_count"`
	Count         int                 `json:"count"`
	Description   string              `json:"description"`
	Alerts        []incidentAlertJSON `json:"alerts"`
	HasMore       bool                `json:"has_more"`
	Last          int64               `json:"last"`
	LastActivity  string              `json:"last_activity"`
}

func (c *Console) incidents(r *http.Request) (any, error) {
	c.settle(r.Context())
	s, err := c.store.Incidents(r.Context(), 0, store.Page{First: newestIncidents})
	if err != nil {
		return nil, err
	}
	out := make([]incidentJSON, len(s.Items))
	for i, in := range s.Items {
		first, err := c.store.Alerts(r.Context(), store.AlertFilter{Incident: in.ID}, store.Page{First: shownOfIncident})
		if err != nil {
			return nil, err
		}
		out[i] = incidentJSON{
			ID: in.ID, CorrelationID: incident.Reference(in.ID), AlertCount: in.Alerts, Count: in.Alerts,
			Description: describe(in), Alerts: make([]incidentAlertJSON, len(first.Items)),
			HasMore: in.Alerts > len(first.Items), Last: in.Last.Unix(), LastActivity: clock(in.Last),
		}
		for j, a := range first.Items {
			out[i].Alerts[j] = incidentAlertJSON{a.ID, a.Client.String(), a.Reason, a.Severity.String()}
		}
	}
	return out, nil
}

func describe(in incident.Incident) string {
	if in.Shared == "" {
		return in.Title
	}
	return in.Title + ": " + in.Shared
}

type blockedJSON struct {
	Identifier string  `json:"identifier"`
	Reason     string  `json:"reason"`
	BlockedAt  string  `json:"blocked_at"`
	ExpiresAt  *string `json:"expires_at"` // null: until lifted
}

func (c *Console) blocked(*http.Request) (any, error) {
	out := []blockedJSON{}
	for _, d := range newestFirst(c.guard.Decisions()) {
		if d.Action != engine.Block {
			continue
		}
		b := blockedJSON{Identifier: incident.Label(d.Target), Reason: d.Reason, BlockedAt: clock(d.From)}
		if !d.Until.IsZero() {
			until := clock(d.Until)
			b.ExpiresAt = &until
		}
		out = append(out, b)
	}
	return out, nil
}

type logJSON struct {
	IP           string  `json:"ip"`
	Path         string  `json:"path"`
	Method       string  `json:"method"`
	StatusCode   int     `json:"status_code"`
	ResponseTime float64 `json:"response_time"`
	Timestamp    int64   `json:"timestamp"`
	UserAgent    string  `json:"user_agent"`
	APIKey       string  `json:"api_key"`
}

func (c *Console) logs(r *http.Request) (any, error) {
	c.settle(r.Context())
	s, err := c.store.Exchanges(r.Context(), store.ExchangeFilter{}, store.Page{First: newestLogs})
	if err != nil {
		return nil, err
	}
	out := make([]logJSON, len(s.Items))
	for i, x := range s.Items {
		out[i] = logJSON{
			x.Client.String(), x.Path, x.Method, x.Status, milliseconds(x.Took), x.At.Unix(), x.UserAgent, visible(x.Key),
		}
	}
	return out, nil
}

type doneJSON struct {
	Status    string `json:"status"`
	Message   string `json:"message"`
	ExpiresIn int64  `json:"expires_in,omitempty"`
	Action    string `json:"action,omitempty"`
}

func done(format string, args ...any) doneJSON {
	return doneJSON{Status: "success", Message: fmt.Sprintf(format, args...)}
}

// resolve also lifts the decisions of the alert, as the original does.
func (c *Console) resolve(r *http.Request) (any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return nil, engine.Invalid{Field: "id", Problem: "must be the number of an alert"}
	}
	if r.ContentLength != 0 || len(r.Header.Values("Content-Type")) > 0 {
		if _, err := jsonOnly(r); err != nil { // there is nothing to say, but no other way to say it
			return nil, err
		}
	}
	by, err := graph.Acting(r.Context())
	if err != nil {
		return nil, err
	}
	if _, err := c.guard.Resolve(r.Context(), by, []int64{id}, true); err != nil {
		return nil, err
	}
	return done("Alert %d is resolved and its block lifted.", id), nil
}

// visible is the part of a key that an operator may see.
func visible(k engine.Key) string {
	if k.Prefix == "" {
		return "none"
	}
	return k.Prefix
}

func clock(t time.Time) string { return t.Local().Format(time.DateTime) }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func newestFirst(in []engine.Decision) []engine.Decision {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}
