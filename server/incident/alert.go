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

// An Incident is alerts that belong to one attack, and weak observations: what says nothing by
// itself, but a lot when many share what is rare.
type Incident struct {
	ID       int64 // positive, below 2^53, follows from what was found first
	Title    string
	Severity engine.Severity // of its worst alert; of weak observations alone it is what they were worth
	Status   Status          // resolved once all its alerts are; without alerts, once it was idle
	First    time.Time
	Last     time.Time
	Alerts   int
	Clients  int    // distinct sources: actors of its alerts, and of weak observations
	Weak     int    // of them, those that no alert is about
	Shared   string // what joined them, in plain words: "network 198.18.7.0/24"
	Parent   int64  // the incident that was idle when this one, which is like it, began; 0 for none

	Bond         float64        // what those who were joined by rare tokens share, in weight; 0 when nobody was
	Strands      []Strand       // what was found, by rule and level, in the order in which it was
	Tokens       []engine.Token // that joined it, the most shared first, at most eight
	Sources      []Source       // in the order in which they came, the first thousand
	Accounts     []string       // that were touched, the first few; text by strangers
	AccountCount int            // how many were touched; beyond some thousands nobody counts
}

// A Strand is what one rule found at one level in an incident.
type Strand struct {
	Rule     string          `json:"rule"`
	Title    string          `json:"title"`
	Level    string          `json:"level"` // whom the rule counted: client, network, key, account or route
	Severity engine.Severity `json:"severity"`
	Weak     bool            `json:"weak,omitempty"`
	Count    int             `json:"count"` // of findings
	First    time.Time       `json:"first"`
	Last     time.Time       `json:"last"`
	Means    engine.Meaning  `json:"means,omitzero"`
}

// Stage of the attack that the strand speaks of, 0 for none.
func (e Strand) Stage() engine.Stage { return e.means().Stage }

// Success reports whether the attacker got what he wanted.
func (e Strand) Success() bool { return e.means().Success }

// Levels of strands.
const (
	levelClient  = "client"
	levelNetwork = "network"
	levelKey     = "key"
	levelAccount = "account"
	levelRoute   = "route"
)

func levelOf(t engine.Target) string {
	switch {
	case t.Account != "":
		return levelAccount
	case t.Route != "":
		return levelRoute
	case !t.Key.Zero():
		return levelKey
	case t.Network.IsValid() && t != engine.ActorOf(t.Network.Addr()):
		return levelNetwork
	}
	return levelClient
}

// A Source is one who takes part in an incident.
type Source struct {
	Actor  engine.Target
	Client netip.Addr // the address that was seen first
	First  time.Time
	Rule   string // what found it first
	Weak   bool   // by an observation that says nothing by itself
}
