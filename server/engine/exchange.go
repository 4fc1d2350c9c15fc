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

	Account string // whom it claims to act for, folded by the edge; at most 128 bytes, empty when unknown
	Session Key    // the session it belongs to, zero when unknown

	Method    string
	Path      string // as received, at most 2,048 bytes; text written by strangers
	Folded    string // what rules match on: see Fold
	Route     string // the path's template where the edge knows it, else Folded
	UserAgent string // at most 256 bytes; text written by strangers

	Fingerprint uint64 // of how the client writes its requests, beyond the user agent; 0 when unknown
	Place       Place  // where its address is, as far as a geo database tells
	Signs       Signs  // what its text shows that is not kept

	Class Class // of its route: what is done while something is away
	Flags Flags // what was odd about how it was written

	// Tighten halves the rate limit: the guard sets it while shared counts are away.
	Tighten bool

	// Forwarded is an address that a header names which does not count here, as of a proxy that
	// nobody told us to trust; zero for none. It judges nobody; see guard's self-test.
	Forwarded netip.Addr

	// Proxied says that the connection is a trusted proxy's. It judges nobody either.
	Proxied bool

	// Doubted marks an address that nearly all traffic seems to come from: rules only count what
	// they would have done to it. Lists of operators, imports and feeds hold.
	Doubted bool

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
	Cookie  bool   // it set a cookie
	Refused bool   // the gateway answered, not the API: counts against nobody
	Cause   string // rule or decision that refused it, else empty

	Would string // rule or decision that would have refused it, had the gateway enforced

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

// Class of a route: what an operator chose to do there while a database or Redis is away.
type Class uint8

// Most routes are Normal. Sensitive ones, such as sign-in and transfers, may be tightened or closed.
const (
	Normal Class = iota
	Sensitive
)

// Flags say what was odd about a request. Their bits are stored and only ever grow.
type Flags uint32

// What the gateway flags.
const (
	BadForwardedFor Flags = 1 << iota // the trusted proxy's header named no address
	DuplicateKey                      // a field of the body that tells the account came twice
	SimulatedHeader                   // X-Simulated-IP outside of the demo
	BodyUnread                        // the body that should tell the account could not be read
)

var flags = [...]string{"bad_forwarded_for", "duplicate_key", "simulated_header_in_production", "body_unread"}

// Names of the flags that are set, in the order of their bits.
func (f Flags) Names() []string {
	var names []string
	for i, n := range flags {
		if f&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// A Place is what a geo database tells of an address. What it does not tell is zero, and what is
// unknown trips no rule.
type Place struct {
	Country  Country
	ASN      uint32 // the number of the network that announces it
	Located  bool   // Lat and Lon are known
	Hosting  bool   // the network is one of servers, relays or VPNs, not of people
	Accuracy uint16 // kilometres around Lat and Lon
	Lat, Lon float32
}

// A Country is an ISO 3166-1 code of two capitals; zero when unknown.
type Country [2]byte

func (c Country) String() string {
	if c == (Country{}) {
		return ""
	}
	return string(c[:])
}

// Signs are what the edge saw in the text of a request that is not kept: its query, its referer.
type Signs uint32

// What the edge looks for. See ReadSigns, ReadAgent.
const (
	Referred  Signs = 1 << iota // it names the page that it comes from
	Injection                   // its query or path is written like SQL, a template or a shell command
	Traversal                   // it climbs out of a directory, or names a file of the system
	Scripted                    // it holds a piece of a page or script, as what is to run in a browser
	Foreign                     // it names another host's address as what is to be fetched or run
	Relayed                     // it is written as to a proxy: with a scheme and host, or a host and port
	Padded                      // its path goes on with blanks and text, as programs that spam forms write it
	Returned                    // it names the very page that it asks for as the one it comes from, as forms do that are sent to themselves
	Elsewhere                   // another site's page made a browser send it, as far as its headers tell
	Data                        // its body is data, as JSON is, which no form of a page sends
)

// odd are the signs that say something against who sends; the rest say where he comes from.
func (s Signs) odd() Signs { return s &^ (Referred | Returned | Elsewhere | Data) }
