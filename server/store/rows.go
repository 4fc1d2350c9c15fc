package store

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// never is when something ends that has no end.
const never = math.MaxInt64

type alertRow struct {
	ID                   int64 `gorm:"primaryKey;autoIncrement:false"`
	Rule                 string
	Version              int
	Title                string
	Severity, Status     uint8
	ActorNetwork         string
	ActorLo, ActorHi     []byte
	ActorKey             []byte
	ActorKeyPrefix       string
	ActorAccount         string
	ActorRoute           string
	Client, ClientKey    []byte
	KeyPrefix            string
	Reason, Method, Path string
	FirstAt, LastAt      int64
	Findings             int
	Finding              string
	Counted, Threshold   int
	WindowMs             int64
	Times                string
	Account              string
	Evidence             string
	Decision             string
	Incident             int64
	ResolvedAt           int64
	ResolvedBy           string
}

func (alertRow) TableName() string { return "alerts" }

func rowOfAlert(a *incident.Alert) alertRow {
	r := alertRow{
		ID: a.ID, Rule: clean(a.Rule), Version: a.Version, Title: clean(a.Title),
		Severity: uint8(a.Severity), Status: uint8(a.Status),
		ActorNetwork: network(a.Actor.Network), ActorKey: keyHash(a.Actor.Key), ActorKeyPrefix: clean(a.Actor.Key.Prefix),
		ActorAccount: clip(a.Actor.Account, mostOfAgent), ActorRoute: clip(a.Actor.Route, mostOfPath),
		Client: address(a.Client), ClientKey: keyHash(a.Key), KeyPrefix: clean(a.Key.Prefix),
		Reason: clean(a.Reason), Method: clean(a.Method), Path: clean(a.Path),
		FirstAt: millis(a.First), LastAt: millis(a.Last), Findings: a.Findings, Finding: clean(a.Finding),
		Counted: a.Count, Threshold: a.Limit, WindowMs: a.Window.Milliseconds(), Times: instants(a.Times),
		Account: clip(a.Evidence.Account, mostOfAgent), Evidence: textOfEvidence(a.Evidence),
		Decision: clean(a.Decision), Incident: a.Incident,
		ResolvedAt: millis(a.ResolvedAt), ResolvedBy: clean(a.ResolvedBy),
	}
	if a.Actor.Network.IsValid() {
		r.ActorLo, r.ActorHi = bounds(a.Actor.Network)
	}
	return r
}

func (r *alertRow) alert() (incident.Alert, error) {
	times, err := parseInstants(r.Times)
	if err != nil {
		return incident.Alert{}, fmt.Errorf("times of alert %d: %w", r.ID, err)
	}
	actor, err := target(r.ActorNetwork, r.ActorKey, r.ActorKeyPrefix, r.ActorAccount)
	if err != nil {
		return incident.Alert{}, fmt.Errorf("actor of alert %d: %w", r.ID, err)
	}
	actor.Route = r.ActorRoute
	shows, err := parseReceipt(r.Evidence)
	if err != nil {
		return incident.Alert{}, fmt.Errorf("evidence of alert %d: %w", r.ID, err)
	}
	return incident.Alert{
		ID: r.ID, Rule: r.Rule, Version: r.Version, Title: r.Title,
		Severity: engine.Severity(r.Severity), Status: incident.Status(r.Status),
		Actor: actor, Client: parseAddress(r.Client), Key: key(r.ClientKey, r.KeyPrefix),
		Reason: r.Reason, Method: r.Method, Path: r.Path,
		First: instant(r.FirstAt), Last: instant(r.LastAt), Findings: r.Findings, Finding: r.Finding,
		Count: r.Counted, Limit: r.Threshold, Window: time.Duration(r.WindowMs) * time.Millisecond, Times: times,
		Evidence: shows.Evidence, Decision: r.Decision, Incident: r.Incident,
		ResolvedAt: instant(r.ResolvedAt), ResolvedBy: r.ResolvedBy,
	}, nil
}

type findingRow struct {
	Finding string `gorm:"primaryKey"`
	Alert   int64  // below 0, the incident whose score decided
	Receipt string
}

func (findingRow) TableName() string { return "alert_findings" }

type decisionRow struct {
	ID                        string `gorm:"primaryKey"`
	Action                    uint8
	Network                   string
	TargetKey                 []byte
	KeyPrefix                 string
	TargetAccount             string
	Reason                    string
	Origin                    uint8
	Rule, Finding             string
	MadeBy                    string
	MadeAt, UntilAt, LiftedAt int64
	LiftedBy                  string
	EndsAt                    int64
}

func (decisionRow) TableName() string { return "decisions" }

func rowOfDecision(d *engine.Decision) decisionRow {
	r := decisionRow{
		ID: clean(d.ID), Action: uint8(d.Action), Network: network(d.Target.Network),
		TargetKey: keyHash(d.Target.Key), KeyPrefix: clean(d.Target.Key.Prefix),
		TargetAccount: clip(d.Target.Account, mostOfAgent), Reason: clean(d.Reason),
		Origin: uint8(d.Origin), Rule: clean(d.Rule), Finding: clean(d.Finding), MadeBy: clean(d.By),
		MadeAt: millis(d.From), UntilAt: millis(d.Until), LiftedAt: millis(d.Lifted), LiftedBy: clean(d.LiftedBy),
		EndsAt: never,
	}
	if r.UntilAt != 0 {
		r.EndsAt = r.UntilAt
	}
	if r.LiftedAt != 0 {
		r.EndsAt = min(r.EndsAt, r.LiftedAt)
	}
	return r
}

func (r *decisionRow) decision() (engine.Decision, error) {
	t, err := target(r.Network, r.TargetKey, r.KeyPrefix, r.TargetAccount)
	if err != nil {
		return engine.Decision{}, fmt.Errorf("target of decision %s: %w", r.ID, err)
	}
	return engine.Decision{
		ID: r.ID, Action: engine.Action(r.Action), Target: t, Reason: r.Reason,
		Origin: engine.Origin(r.Origin), Rule: r.Rule, Finding: r.Finding, By: r.MadeBy,
		From: instant(r.MadeAt), Until: instant(r.UntilAt), Lifted: instant(r.LiftedAt), LiftedBy: r.LiftedBy,
	}, nil
}

type auditRow struct {
	Seq                                 int64 `gorm:"primaryKey"`
	At                                  int64
	Actor, Origin, Verb, Object, Detail string
}

func (auditRow) TableName() string { return "audit" }

func rowOfEntry(e *Entry) auditRow {
	return auditRow{
		At: millis(e.At), Actor: clean(e.Actor), Origin: clean(e.Origin),
		Verb: clean(e.Verb), Object: clean(e.Object), Detail: clean(e.Detail),
	}
}

func (r *auditRow) entry() (Entry, error) {
	return Entry{r.Seq, instant(r.At), r.Actor, r.Origin, r.Verb, r.Object, r.Detail}, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func instants(times []time.Time) string {
	b := []byte{'['}
	for i, t := range times {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, millis(t), 10)
	}
	return string(append(b, ']'))
}

func parseInstants(s string) ([]time.Time, error) {
	var ms []int64
	if err := json.Unmarshal([]byte(s), &ms); err != nil || len(ms) == 0 {
		return nil, err
	}
	times := make([]time.Time, len(ms))
	for i, m := range ms {
		times[i] = instant(m)
	}
	return times, nil
}

// clean makes a text that both databases take and JSON can carry.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// clip cleans a text and cuts it to at most so many bytes, between letters.
func clip(s string, most int) string {
	if len(s) > most {
		for most > 0 && !utf8.RuneStart(s[most]) && most > len(s)-utf8.UTFMax {
			most--
		}
		s = s[:most]
	}
	return clean(s)
}

func network(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.Masked().String()
}

func target(network string, hash []byte, prefix, account string) (t engine.Target, err error) {
	if network != "" {
		if t.Network, err = netip.ParsePrefix(network); err != nil {
			return t, err
		}
	}
	t.Key, t.Account = key(hash, prefix), account
	return t, nil
}

func keyHash(k engine.Key) []byte {
	if k.Zero() {
		return nil
	}
	return k.Hash[:]
}

func key(hash []byte, prefix string) (k engine.Key) {
	copy(k.Hash[:], hash)
	k.Prefix = prefix
	return k
}

// address in 16 bytes, IPv4 mapped, so that networks of both kinds are ranges of one order.
func address(a netip.Addr) []byte {
	if !a.IsValid() {
		return nil
	}
	b := a.As16()
	return b[:]
}

func parseAddress(b []byte) netip.Addr {
	if len(b) != 16 {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte(b)).Unmap()
}

// bounds are the first and last address of a network.
func bounds(p netip.Prefix) (lo, hi []byte) {
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	a := p.Masked().Addr().As16()
	z := a
	for i := bits; i < 128; i++ {
		z[i/8] |= 1 << (7 - i%8)
	}
	return a[:], z[:]
}
