package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

type incidentRow struct {
	ID               int64 `gorm:"primaryKey;autoIncrement:false"`
	Title            string
	Severity, Status uint8
	FirstAt, LastAt  int64
	Alerts, Clients  int
	Shared           string
	Score, Weak      int
	Parent           int64
	Bond             float64
	Strands, Tokens  string
	Sources          string
	Accounts         string
	AccountCount     int
}

func (incidentRow) TableName() string { return "incidents" }

// A sourceJSON is a source as it is kept, without what is absent.
type sourceJSON struct {
	Network   string `json:"network,omitempty"`
	Key       []byte `json:"key,omitempty"`
	KeyPrefix string `json:"key_prefix,omitempty"`
	Account   string `json:"account,omitempty"`
	Route     string `json:"route,omitempty"`
	Client    string `json:"client,omitempty"`
	First     int64  `json:"first"`
	Rule      string `json:"rule"`
	Weak      bool   `json:"weak,omitempty"`
}

// A tokenJSON keeps the hash as text: numbers of JSON are not exact beyond 53 bits.
type tokenJSON struct {
	Kind   uint8   `json:"kind"`
	Hash   uint64  `json:"hash,string"`
	Label  string  `json:"label"`
	Weight float32 `json:"weight"`
}

func rowOfIncident(i *incident.Incident) incidentRow {
	return incidentRow{
		ID: i.ID, Title: clean(i.Title), Severity: uint8(i.Severity), Status: uint8(i.Status),
		FirstAt: millis(i.First), LastAt: millis(i.Last), Alerts: i.Alerts, Clients: i.Clients, Shared: clean(i.Shared),
		Score: i.Score(), Weak: i.Weak, Parent: i.Parent, Bond: i.Bond, AccountCount: i.AccountCount,
		Strands: list(i.Strands, func(e incident.Strand) incident.Strand { return e }),
		Tokens: list(i.Tokens, func(t engine.Token) tokenJSON {
			return tokenJSON{uint8(t.Kind), t.Hash, clean(t.Label), t.Weight}
		}),
		Sources:  list(i.Sources, rowOfSource),
		Accounts: list(i.Accounts, clean),
	}
}

func rowOfSource(s incident.Source) sourceJSON {
	r := sourceJSON{
		Network: network(s.Actor.Network), Key: keyHash(s.Actor.Key), KeyPrefix: clean(s.Actor.Key.Prefix),
		Account: clean(s.Actor.Account), Route: clean(s.Actor.Route), First: millis(s.First), Rule: clean(s.Rule), Weak: s.Weak,
	}
	if s.Client.IsValid() {
		r.Client = s.Client.String()
	}
	return r
}

func (r *incidentRow) incident() (incident.Incident, error) {
	strands, err := listed(r.Strands, func(e incident.Strand) (incident.Strand, error) { return e, nil })
	tokens, err2 := listed(r.Tokens, func(t tokenJSON) (engine.Token, error) {
		return engine.Token{Kind: engine.TokenKind(t.Kind), Hash: t.Hash, Label: t.Label, Weight: t.Weight}, nil
	})
	sources, err3 := listed(r.Sources, sourceJSON.source)
	accounts, err4 := listed(r.Accounts, func(s string) (string, error) { return s, nil })
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return incident.Incident{}, fmt.Errorf("what incident %d is made of: %w", r.ID, err)
	}
	return incident.Incident{
		ID: r.ID, Title: r.Title, Severity: engine.Severity(r.Severity), Status: incident.Status(r.Status),
		First: instant(r.FirstAt), Last: instant(r.LastAt), Alerts: r.Alerts, Clients: r.Clients, Shared: r.Shared,
		Weak: r.Weak, Parent: r.Parent, Bond: r.Bond, AccountCount: r.AccountCount,
		Strands: strands, Tokens: tokens, Sources: sources, Accounts: accounts,
	}, nil
}

func (s sourceJSON) source() (out incident.Source, err error) {
	out = incident.Source{First: time.UnixMilli(s.First).UTC(), Rule: s.Rule, Weak: s.Weak}
	if out.Actor, err = target(s.Network, s.Key, s.KeyPrefix, s.Account); err != nil {
		return out, err
	}
	out.Actor.Route = s.Route
	if s.Client != "" {
		out.Client, err = netip.ParseAddr(s.Client)
	}
	return out, err
}

// list writes things as JSON; none is the empty text.
func list[T, J any](in []T, row func(T) J) string {
	if len(in) == 0 {
		return ""
	}
	out := make([]J, len(in))
	for i := range in {
		out[i] = row(in[i])
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err) // plain fields always can be written
	}
	return string(b)
}

// listed reads what list has written.
func listed[T, J any](s string, value func(J) (T, error)) ([]T, error) {
	if s == "" {
		return nil, nil
	}
	var rows []J
	if err := json.Unmarshal([]byte(s), &rows); err != nil {
		return nil, err
	}
	out := make([]T, len(rows))
	for i := range rows {
		var err error
		if out[i], err = value(rows[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
