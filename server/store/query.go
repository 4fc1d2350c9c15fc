package store

import (
	"net/netip"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// A Page asks for at most First items after a cursor that an earlier page gave; newest first.
// Cursors are opaque and stay valid while rows are added.
type Page struct {
	First int // 1 to 500
	After string
}

// A Slice is one page of an answer.
type Slice[T any] struct {
	Items   []T
	Cursors []string // one for each item
	More    bool     // there is a next page, or the search has not come to its end
	Next    string   // the cursor to go on after; set whenever More is, also on an empty page
}

// Seen is an exchange as it is kept.
type Seen struct {
	engine.Exchange
	Monitored bool // a decision asked to watch this client
}

// A Batch is what one step of the outbox writes, whole or not at all.
type Batch struct {
	Alerts    []incident.Alert
	Incidents []incident.Incident
	Decisions []engine.Decision
	Audit     []Entry
	Rules     []RuleVersion // new ones
	Modes     []RuleMode
	Receipts  []Receipt // of decisions that no finding of an alert led to
}

// A Receipt is what the score of an incident was made of when it decided something.
type Receipt struct {
	Finding  string // as the decisions name it
	Incident int64  // goes with it
	engine.Receipt
}

// An Entry of the audit log: who did what to whom, and when.
type Entry struct {
	Seq    int64 // given by the store
	At     time.Time
	Actor  string // operator's name, "system" for the program itself
	Origin string // address the operator came from, or "cli"
	Verb   string // as the mutation: block, allow, monitor, lift, resolve
	Object string // what it was done to
	Detail string // reason or further facts
}

// An AlertFilter says which alerts; its zero value says all.
type AlertFilter struct {
	Severities []engine.Severity
	Status     incident.Status // 0 for any
	Rule       string
	Client     netip.Prefix // actors within it, or last seen from within it
	Account    string       // actors that are this account, or last seen acting for it; folded as the edge does
	Incident   int64
	Text       string    // in rule, title, reason, client, key prefix, account, route, path
	From, To   time.Time // active within: From inclusive, To exclusive
}

// A DecisionFilter says which decisions; its zero value says all.
type DecisionFilter struct {
	Actions  []engine.Action
	Origins  []engine.Origin
	InForce  bool       // only those that count at At
	Ended    bool       // only those expired or lifted at At
	Expired  bool       // only those that ended by themselves before At
	Lifted   bool       // only those that somebody ended
	At       time.Time  // for InForce and Ended; zero means the time of the query
	Covers   netip.Addr // decisions whose network holds this address
	Account  string     // decisions about this account, folded as the edge does
	Key      engine.Key // decisions about this key
	Text     string     // in target, reason, rule, by, ID
	From, To time.Time  // made within: From inclusive, To exclusive
}

// An ExchangeFilter says which exchanges; its zero value says all.
type ExchangeFilter struct {
	Client    netip.Prefix
	KeyPrefix string     // what the visible part of the key begins with
	Key       engine.Key // the whole key
	Account   string     // the whole account, folded as the edge does
	Methods   []string
	Status    int    // exactly this status
	Class     int    // 2 for 2xx and so on
	Path      string // contained in the path, or the whole folded path when it begins with "="
	Refused   *bool
	Monitored *bool
	From, To  time.Time // From inclusive, To exclusive
}

// Stats of a span of time, from roll-ups.
type Stats struct {
	Requests int64
	Failed   int64 // answers of 400 and above, refusals included
	Refused  int64 // by the gateway
	Alerts   int64 // open at the end of the span
	Blocked  int64 // distinct targets of block decisions in force at the end of the span
	Raised   int64 // alerts raised within the span
}

// A Point of the timeline: one step of time.
type Point struct {
	At       time.Time // beginning of the step
	Requests int64
	Failed   int64
	Refused  int64
	Alerts   int64
}

// An Endpoint and its traffic.
type Endpoint struct {
	Path     string
	Requests int64
	Failed   int64
	Refused  int64
	Took     time.Duration // mean
}

// A StatusCount is a slice of the status mix.
type StatusCount struct {
	Status   int
	Requests int64
}

// ClientStats are the figures of one client within a span of time.
type ClientStats struct {
	Requests int64
	Failed   int64
	Refused  int64
	Last     time.Time // of its newest exchange, also before the span; zero when there is none
	Capped   bool      // there is more than was counted: the figures are lower bounds
}
