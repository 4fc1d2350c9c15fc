package engine

import (
	"net/netip"
	"strings"
	"time"
)

// Severity orders findings and alerts.
type Severity uint8

// From the least to the worst.
const (
	Info Severity = iota + 1
	Low
	Medium
	High
	Critical
)

var severities = [...]string{"", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

func (s Severity) String() string { return severities[min(int(s), len(severities)-1)] }

// ParseSeverity reads what String writes.
func ParseSeverity(s string) (Severity, bool) {
	for i, n := range severities {
		if i > 0 && n == s {
			return Severity(i), true
		}
	}
	return 0, false
}

// Action is what a decision does to whom it names.
type Action uint8

// Allow beats Block, Block beats Throttle, Throttle beats Monitor.
const (
	Monitor  Action = iota + 1 // judged as anyone, every exchange kept in a watch feed
	Throttle                   // a tenth of the limit, then 429
	Block                      // 403
	Allow                      // passes, no rule fires
)

var actions = [...]string{"", "MONITOR", "THROTTLE", "BLOCK", "ALLOW"}

func (a Action) String() string { return actions[min(int(a), len(actions)-1)] }

// ParseAction reads what String writes.
func ParseAction(s string) (Action, bool) {
	for i, n := range actions {
		if i > 0 && n == s {
			return Action(i), true
		}
	}
	return 0, false
}

// A Target is whom a decision or an alert is about: an address or network, a key, an account, or
// for an alert that is about nobody in particular a route. Exactly one is set. Targets are
// comparable.
type Target struct {
	Network netip.Prefix // masked; a single address is a /32 or /128
	Key     Key
	Account string
	Route   string // method and template, as "POST /api/login"
}

// A Finding is a rule matched once: the engine's output.
type Finding struct {
	ID       string // follows from rule, actor and time: the same on every node and in every replay
	Rule     string
	Version  int
	Title    string
	Severity Severity
	At       time.Time

	Meaning // of its rule

	Actor  Target     // whom the rule counts: an IPv4 address or an IPv6 /64
	Client netip.Addr // the very address that tripped it
	Key    Key        // the key of the exchange that tripped it, if any

	Account     string // of the exchange that tripped it, if any
	Session     Key    // likewise
	Fingerprint uint64 // likewise
	UserAgent   string // likewise; text written by strangers
	Place       Place

	Exchange uint64 // ID of the exchange that tripped it
	Method   string
	Path     string
	Status   int // 0 when it was found before the answer

	Count  int           // how many were counted
	Limit  int           // more than this many trips the rule
	Window time.Duration // within this long; 0 when one is enough
	Times  []time.Time   // of the counted exchanges, oldest first, at most 128

	// Weak marks an observation that says nothing by itself: it raises no alert and decides
	// nothing, and makes an incident with others of its kind that share what is rare.
	Weak   bool
	Tokens []Token // what others of the same attack would share, the rarest first, at most eight

	Seen  []string // what was counted where it is not times: accounts, paths, places; at most 32, text by strangers
	Parts []Part   // what a score is made of, the greatest first; nil where nothing is scored

	Reason   string    // one plain sentence with the figures
	Unless   string    // what would have had to be otherwise for the rule to stay silent: "It would not have fired for 100 or fewer."
	Decision *Decision // what the engine did about it, in force already; nil when the rule only tells
}

// nothingDone begins what is said of a finding that was only counted, and is followed by why.
const nothingDone = " Nothing was done about it: "

// Done is the reason without a word about what was not done, and whether something was, or would
// have been had the rule enforced.
func (f *Finding) Done() (reason string, acts bool) {
	if i := strings.LastIndex(f.Reason, nothingDone); i >= 0 && f.Decision == nil {
		return f.Reason[:i], true
	}
	return f.Reason, f.Decision != nil
}

// A Decision allows, monitors, throttles or blocks its target until a time.
type Decision struct {
	ID       string // the reference that a refused client is given: "D-" and 13 characters
	Action   Action
	Target   Target
	Reason   string
	Origin   Origin
	Rule     string // when Origin is ByRule
	Finding  string // ID of the finding behind it, when Origin is ByRule
	By       string // the operator, or the node or feed it came from
	From     time.Time
	Until    time.Time // zero: until lifted
	Lifted   time.Time // zero: not lifted
	LiftedBy string
}

// InForce reports whether the decision counts at that time.
func (d *Decision) InForce(at time.Time) bool {
	return d.Lifted.IsZero() && (d.Until.IsZero() || at.Before(d.Until))
}

// Origin says who made a decision.
type Origin uint8

// Who may decide.
const (
	ByRule Origin = iota + 1
	ByOperator
	ByImport
	ByFeed
)

var origins = [...]string{"", "RULE", "OPERATOR", "IMPORT", "FEED"}

func (o Origin) String() string { return origins[min(int(o), len(origins)-1)] }

// ParseOrigin reads what String writes.
func ParseOrigin(s string) (Origin, bool) {
	for i, n := range origins {
		if i > 0 && n == s {
			return Origin(i), true
		}
	}
	return 0, false
}

// A Verdict is the engine's answer to a request.
type Verdict struct {
	Status     int           // 0 passes; 403 and 429 refuse
	Cause      string        // the rule, or "operator", "import": why it is refused
	Reference  string        // of the receipt; set whenever Status is
	RetryAfter time.Duration // when asking again makes sense; 0 for never by itself
	Would      string        // rule or decision that would have refused it, had it been enforced; Status is 0 then
	Quota      Quota         // what is left of the rate limit, for whom it counts
	Monitored  bool          // an operator asked to watch this client
	Finding    *Finding      // set when this very request tripped a rule
}

// A Quota is how much of the rate limit is left. The zero value means that none was counted.
type Quota struct {
	Limit, Left int
	Window      time.Duration
	Reset       time.Duration // until at least one more is left than now
}

// Refused reports whether the request must not reach the API.
func (v Verdict) Refused() bool { return v.Status != 0 }

// A Token is something that exchanges of one attack may share.
type Token struct {
	Kind   TokenKind
	Hash   uint64  // of what it is; means nothing beyond this engine's seed
	Label  string  // for people: "user agent \"curl/8\"", "network 198.51.100.0/24"
	Weight float32 // 0 for what everybody carries, 1 for what nobody good does
}

// TokenKind says what a token is.
type TokenKind uint8

// Kinds of tokens.
const (
	TokenClient TokenKind = iota + 1
	TokenNetwork
	TokenASN
	TokenKey
	TokenAccount
	TokenFingerprint
	TokenUserAgent
	TokenRoute   // method, template and class of status
	TokenPayload // what Signs or a list say of it
)

// A Part is one feature's share of a score.
type Part struct {
	Feature  string
	Value    float64
	Expected string // in plain words: "0.2 to 3.1 in 99 of 100 cases"
	Share    float64
}
