package console

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/graph/scalar"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// longestFilter is how much of an export's query the audit log keeps.
const longestFilter = 1000

// Columns have the names of the fields in GraphQL.

var exchangeColumns = []column[store.Seen]{
	{"at", func(x store.Seen) any { return instant(x.At) }},
	{"reference", func(x store.Seen) any { return engine.ExchangeReference(x.ID) }},
	{"client", func(x store.Seen) any { return x.Client.String() }},
	{"keyPrefix", func(x store.Seen) any { return x.Key.Prefix }},
	{"method", func(x store.Seen) any { return x.Method }},
	{"path", func(x store.Seen) any { return x.Path }},
	{"status", func(x store.Seen) any { return x.Status }},
	{"took", func(x store.Seen) any { return milliseconds(x.Took) }},
	{"bytes", func(x store.Seen) any { return x.Bytes }},
	{"refused", func(x store.Seen) any { return x.Refused }},
	{"cause", func(x store.Seen) any { return x.Cause }},
	{"monitored", func(x store.Seen) any { return x.Monitored }},
	{"userAgent", func(x store.Seen) any { return x.UserAgent }},
	{"account", func(x store.Seen) any { return x.Account }},
	{"sessionPrefix", func(x store.Seen) any { return x.Session.Prefix }},
	{"would", func(x store.Seen) any { return x.Would }},
	{"flags", func(x store.Seen) any { return strings.Join(x.Flags.Names(), " ") }},
}

var alertColumns = []column[incident.Alert]{
	{"id", func(a incident.Alert) any { return strconv.FormatInt(a.ID, 10) }},
	{"rule", func(a incident.Alert) any { return a.Rule }},
	{"title", func(a incident.Alert) any { return a.Title }},
	{"severity", func(a incident.Alert) any { return a.Severity.String() }},
	{"status", func(a incident.Alert) any { return a.Status.String() }},
	{"actor", func(a incident.Alert) any { return incident.Label(a.Actor) }},
	{"client", func(a incident.Alert) any { return a.Client.String() }},
	{"keyPrefix", func(a incident.Alert) any { return a.Key.Prefix }},
	{"reason", func(a incident.Alert) any { return a.Reason }},
	{"method", func(a incident.Alert) any { return a.Method }},
	{"path", func(a incident.Alert) any { return a.Path }},
	{"firstAt", func(a incident.Alert) any { return instant(a.First) }},
	{"lastAt", func(a incident.Alert) any { return instant(a.Last) }},
	{"findings", func(a incident.Alert) any { return a.Findings }},
	{"count", func(a incident.Alert) any { return a.Count }},
	{"limit", func(a incident.Alert) any { return a.Limit }},
	{"windowSeconds", func(a incident.Alert) any { return int(a.Window / time.Second) }},
	{"decision", func(a incident.Alert) any { return a.Decision }},
	{"incident", func(a incident.Alert) any { return referenceOf(a.Incident) }},
	{"resolvedAt", func(a incident.Alert) any { return instant(a.ResolvedAt) }},
	{"resolvedBy", func(a incident.Alert) any { return a.ResolvedBy }},
	{"actorAccount", func(a incident.Alert) any { return a.Actor.Account }},
	{"actorRoute", func(a incident.Alert) any { return a.Actor.Route }},
	{"account", func(a incident.Alert) any { return a.Evidence.Account }},
	{"seen", func(a incident.Alert) any { return strings.Join(a.Evidence.Seen, "\n") }},
	{"parts", func(a incident.Alert) any { return partsOf(a.Evidence.Parts) }},
	{"unless", func(a incident.Alert) any { return a.Evidence.Unless }},
	{"userAgent", func(a incident.Alert) any { return a.Evidence.UserAgent }},
	{"country", func(a incident.Alert) any { return a.Evidence.Country.String() }},
}

func decisionColumns(now time.Time) []column[engine.Decision] {
	return []column[engine.Decision]{
		{"id", func(d engine.Decision) any { return d.ID }},
		{"action", func(d engine.Decision) any { return d.Action.String() }},
		{"target", func(d engine.Decision) any { return incident.Label(d.Target) }},
		{"reason", func(d engine.Decision) any { return d.Reason }},
		{"origin", func(d engine.Decision) any { return d.Origin.String() }},
		{"rule", func(d engine.Decision) any { return d.Rule }},
		{"by", func(d engine.Decision) any { return d.By }},
		{"from", func(d engine.Decision) any { return instant(d.From) }},
		{"until", func(d engine.Decision) any { return instant(d.Until) }},
		{"state", func(d engine.Decision) any { return string(graph.StateOf(d, now)) }},
		{"liftedAt", func(d engine.Decision) any { return instant(d.Lifted) }},
		{"liftedBy", func(d engine.Decision) any { return d.LiftedBy }},
		{"targetAccount", func(d engine.Decision) any { return d.Target.Account }},
	}
}

// instant is nothing for the zero time.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(scalar.Millis)
}

// partsOf a score, a line each.
func partsOf(parts []engine.Part) string {
	lines := make([]string, len(parts))
	for i, p := range parts {
		lines[i] = fmt.Sprintf("%s %.4g (expected %s): %.4g", p.Feature, p.Value, p.Expected, p.Share)
	}
	return strings.Join(lines, "\n")
}

func referenceOf(id int64) string {
	if id == 0 {
		return ""
	}
	return incident.Reference(id)
}

// params read a page's filter from a query. Names are those of the filter in GraphQL; a list is
// given by repeating a name or by commas. A name that the filter doesn't have is a mistake: passed
// over, it would give everything to whom asked for a part.
type params struct {
	values url.Values
	known  []string // names asked for so far
	err    error    // the first
}

func (p *params) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *params) exchanges() *graph.ExchangeFilter {
	return &graph.ExchangeFilter{
		Client: one(p, "client", scalar.ParseNetwork), KeyPrefix: one(p, "keyPrefix", plain), Account: one(p, "account", plain), Methods: many(p, "methods", plain),
		Status: one(p, "status", whole), StatusClass: one(p, "statusClass", whole), Path: one(p, "path", plain),
		Refused: one(p, "refused", yes), Monitored: one(p, "monitored", yes),
		From: one(p, "from", scalar.ParseTime), To: one(p, "to", scalar.ParseTime),
	}
}

func (p *params) alerts() *graph.AlertFilter {
	return &graph.AlertFilter{
		Severities: many(p, "severities", named(engine.ParseSeverity)), Status: one(p, "status", named(parseStatus)),
		Rule: one(p, "rule", plain), Client: one(p, "client", scalar.ParseNetwork), Account: one(p, "account", plain), Incident: one(p, "incident", plain),
		Text: one(p, "text", plain), From: one(p, "from", scalar.ParseTime), To: one(p, "to", scalar.ParseTime),
	}
}

func (p *params) decisions() *graph.DecisionFilter {
	return &graph.DecisionFilter{
		Actions: many(p, "actions", named(engine.ParseAction)), Origins: many(p, "origins", named(engine.ParseOrigin)),
		State: one(p, "state", named(parseState)), Covers: one(p, "covers", scalar.ParseIP), Account: one(p, "account", plain), Text: one(p, "text", plain),
		From: one(p, "from", scalar.ParseTime), To: one(p, "to", scalar.ParseTime),
	}
}

// strange names a parameter that no filter asked for.
func (p *params) strange() {
	for name := range p.values {
		if !slices.Contains(p.known, name) {
			p.fail(engine.Invalid{Field: name, Problem: "is no filter of this export; there are " + strings.Join(p.known, ", ")})
		}
	}
}

func one[T any](p *params, name string, parse func(string) (T, error)) *T {
	p.known = append(p.known, name)
	text := p.values.Get(name)
	if text == "" {
		return nil
	}
	v, err := parse(text)
	if err != nil {
		p.fail(engine.Invalid{Field: name, Problem: err.Error()})
		return nil
	}
	return &v
}

func many[T any](p *params, name string, parse func(string) (T, error)) []T {
	p.known = append(p.known, name)
	var out []T
	for text := range strings.SplitSeq(strings.Join(p.values[name], ","), ",") {
		if text == "" {
			continue
		}
		v, err := parse(text)
		if err != nil {
			p.fail(engine.Invalid{Field: name, Problem: err.Error()})
			return nil
		}
		out = append(out, v)
	}
	return out
}

func plain(s string) (string, error) { return s, nil }

func whole(s string) (int32, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, scalar.Invalid{Problem: "must be a whole number"}
	}
	return int32(n), nil
}

func yes(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, scalar.Invalid{Problem: "must be true or false"}
	}
	return s == "true", nil
}

func named[T any](parse func(string) (T, bool)) func(string) (T, error) {
	return func(s string) (T, error) {
		v, ok := parse(s)
		if !ok {
			return v, scalar.Invalid{Problem: "is not one of its values"}
		}
		return v, nil
	}
}

func parseStatus(s string) (incident.Status, bool) {
	switch s {
	case incident.Open.String():
		return incident.Open, true
	case incident.Resolved.String():
		return incident.Resolved, true
	}
	return 0, false
}

func parseState(s string) (graph.DecisionState, bool) {
	state := graph.DecisionState(s)
	return state, state.IsValid()
}
