// Package incident folds findings into alerts and alerts into incidents. It is pure like the
// engine: no clock, no I/O; the same findings in the same order give the same alerts.
package incident

import (
	"net/netip"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Status of an alert or incident.
type Status uint8

// An alert takes further findings while it is open.
const (
	Open Status = iota + 1
	Resolved
)

var statuses = [...]string{"", "OPEN", "RESOLVED"}

func (s Status) String() string { return statuses[min(int(s), len(statuses)-1)] }

// An Alert is what an operator sees: findings of one rule about one actor, merged while it
// is open.
type Alert struct {
	ID       int64 // positive, below 2^53, follows from the first finding
	Rule     string
	Version  int
	Title    string
	Severity engine.Severity
	Status   Status

	Actor  engine.Target
	Client netip.Addr // last address seen
	Key    engine.Key // last key seen
	Reason string     // of the newest finding
	Method string     // of the newest finding
	Path   string

	First    time.Time
	Last     time.Time
	Findings int    // how many were merged
	Finding  string // ID of the newest

	Count  int // of the newest finding, as in engine.Finding
	Limit  int
	Window time.Duration
	Times  []time.Time

	Evidence engine.Evidence // of the newest finding, what it shows besides

	Decision string // ID of the newest decision it led to, else empty
	Incident int64  // 0 for none

	ResolvedAt time.Time
	ResolvedBy string
}

// Receipt of its newest finding.
func (a *Alert) Receipt() engine.Receipt {
	return engine.Receipt{
		Rule: a.Rule, Version: a.Version, At: a.Last, Count: a.Count, Limit: a.Limit, Window: a.Window,
		Times: a.Times, Evidence: a.Evidence,
	}
}

// An Incident is alerts that belong to one attack.
type Incident struct {
	ID       int64 // positive, below 2^53, follows from its first alert
	Title    string
	Severity engine.Severity // of its worst alert
	Status   Status          // resolved once all its alerts are
	First    time.Time
	Last     time.Time
	Alerts   int
	Clients  int    // distinct actors
	Shared   string // what joined them, in plain words: "network 198.18.7.0/24"
}
