package engine

import (
	"net/netip"
	"time"
)

// A Request is what the engine may know of a request before it is answered. What must not
// be stored (bodies, tokens, whole keys, card numbers) has no field here, on purpose.
type Request struct {
	ID     uint64     // unique on this node and rising with time; the exchange's reference
	At     time.Time  // when the gateway read it, with its monotonic reading; all windows run on this
	Client netip.Addr // canonical: unmapped, without zone
	Key    Key        // the API key it carries, zero for none

	Method    string
	Path      string // as received, at most 2,048 bytes; text written by strangers
	Folded    string // what rules match on: see Fold
	Route     string // the path's template where the edge knows it, else Folded
	UserAgent string // at most 256 bytes; text written by strangers

	// Exempt marks the operator's own address and its like: limited and alerted as anyone,
	// never blocked by a rule (DESIGN section 8).
	Exempt bool

	// Together is how many requests all nodes saw from this client within the rate window,
	// this one included; 0 when nobody knows, and then the local count decides.
	Together int
}

// An Exchange is a request to the protected API and its answer.
type Exchange struct {
	Request
	Status  int
	Took    time.Duration
	Bytes   int64  // of the answer's body
	Refused bool   // the gateway answered, not the API: counts against nobody
	Cause   string // rule or decision that refused it, else empty

	// FailedTogether is how many failed authentications all nodes saw from this client within
	// that rule's window, this one included; 0 when nobody knows.
	FailedTogether int
}

// A Key names an API key without holding it.
type Key struct {
	Hash   [16]byte // of a keyed hash; zero when the request carries no key
	Prefix string   // the part an operator may see, at most 8 characters
}

// Zero reports whether there is no key.
func (k Key) Zero() bool { return k.Hash == [16]byte{} }
