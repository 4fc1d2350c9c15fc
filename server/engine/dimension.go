package engine

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// A Dimension is by what exchanges are told apart, where a rule counts them or the different
// values among them. An exchange without a value (no key, an unknown country) counts nothing.
type Dimension uint8

// What rules count by.
const (
	ByNothing     Dimension = iota
	OfClient                // an IPv4 address or an IPv6 /64
	OfNetwork               // an IPv4 /24 or an IPv6 /48
	OfKey                   // the API key
	OfAccount               // whom it claims to act for
	OfSession               // its session
	OfFingerprint           // how it writes its requests
	OfUserAgent             // what it says to be
	OfRoute                 // method and template
	OfPath                  // the folded path
	OfASN                   // who announces its address
	OfCountry               // where its address is
	OfEverybody             // all in one
)

var dimensions = [...]string{
	"", "client", "network", "key", "account", "session", "fingerprint", "user_agent", "route", "path", "asn", "country", "everybody",
}

func (d Dimension) String() string { return dimensions[min(int(d), len(dimensions)-1)] }

// ParseDimension reads what String writes.
func ParseDimension(s string) (Dimension, bool) {
	for i, n := range dimensions {
		if i > 0 && n == s {
			return Dimension(i), true
		}
	}
	return ByNothing, false
}

// nouns of dimensions, as explanations and reasons say them.
var nouns = [...]string{
	"", "client", "network", "API key", "account", "session", "fingerprint", "user agent", "route", "path", "network operator", "country", "client",
}

// Networks are counted as people and offices get them.
const (
	networkBits4 = 24
	networkBits6 = 48
)

// network that an actor lies in: an IPv4 /24 or an IPv6 /48, as the first actor of it.
func (a actor) network() actor {
	if a.four() {
		return a &^ (1<<(32-networkBits4) - 1)
	}
	return max(a&^(1<<(64-networkBits6)-1), actorOf0)
}

// NetworkOf is the network that counts as one for an address: an IPv4 /24 or an IPv6 /48.
func NetworkOf(a netip.Addr) Target {
	a = a.Unmap().WithZone("")
	bits := networkBits6
	if a.Is4() {
		bits = networkBits4
	}
	p, _ := a.Prefix(bits) // of an invalid address: the zero prefix
	return Target{Network: p}
}

// value of an exchange in one dimension, as a word; false when it has none. Clients and networks
// are actors, all else is a hash, so that the same value has the same word in all rules.
func (d Dimension) value(x *view, k keyed) (word uint64, ok bool) {
	switch d {
	case OfClient:
		return uint64(actorOf(x.Client)), true
	case OfNetwork:
		return uint64(actorOf(x.Client).network()), true
	case OfKey:
		return x.Key.word(), !x.Key.Zero()
	case OfAccount:
		return x.hashed(d, x.Account, k), x.Account != ""
	case OfSession:
		return x.Session.word(), !x.Session.Zero()
	case OfFingerprint:
		return x.Fingerprint, x.Fingerprint != 0
	case OfUserAgent:
		return x.hashed(d, x.UserAgent, k), x.UserAgent != ""
	case OfRoute:
		return x.hashed(d, x.Method, k) ^ x.hashed(OfEverybody, x.template(), k), true
	case OfPath:
		return x.hashed(d, x.Folded, k), true
	case OfASN:
		return uint64(x.Place.ASN), x.Place.ASN != 0
	case OfCountry:
		return uint64(binary.BigEndian.Uint16(x.Place.Country[:])), x.Place.Country != Country{}
	default:
		return everybody, true
	}
}

const everybody = 1

// template of the path, as far as the edge knows it.
func (r *Request) template() string {
	if r.Route != "" {
		return r.Route
	}
	return r.Folded
}

// write appends the value of an exchange in one dimension, as people read it, cut to the room that
// there is in b.
func (d Dimension) write(b []byte, x *view) []byte {
	text := func(s string) { b = append(b, Clipped(s, cap(b)-len(b))...) }
	switch d {
	case OfClient:
		return ActorOf(x.Client).append(b)
	case OfNetwork:
		return NetworkOf(x.Client).append(b)
	case OfKey:
		text(x.Key.Prefix)
		text("…")
	case OfAccount:
		text(x.Account)
	case OfSession:
		text(x.Session.Prefix)
		text("…")
	case OfFingerprint:
		return strconv.AppendUint(b, x.Fingerprint, 16)
	case OfUserAgent:
		text(x.UserAgent)
	case OfRoute:
		text(x.Method)
		text(" ")
		text(x.template())
	case OfPath:
		text(x.Folded)
	case OfASN:
		return strconv.AppendUint(append(b, "AS"...), uint64(x.Place.ASN), 10)
	case OfCountry:
		return append(b, x.Place.Country[:]...)
	default:
	}
	return b
}

// append writes the network without making a text of it.
func (t Target) append(b []byte) []byte {
	if t.Network.IsSingleIP() {
		return t.Network.Addr().AppendTo(b)
	}
	return t.Network.AppendTo(b)
}

// target is the value of an exchange, as whom a finding is about; the zero target for the client.
func (d Dimension) target(x *view) Target {
	switch d {
	case OfNetwork:
		return NetworkOf(x.Client)
	case OfKey:
		return Target{Key: x.Key}
	case OfAccount:
		return Target{Account: x.Account}
	case OfRoute, OfEverybody:
		return Target{Route: x.Method + " " + x.template()}
	default:
		return Target{}
	}
}

// names reports whether a word of that dimension lies in a target.
func (d Dimension) names(t Target, word uint64, k keyed) bool {
	switch {
	case t.Network.IsValid():
		return (d == OfClient || d == OfNetwork) && actorsOf(t.Network).hold(actor(word))
	case t.Account != "":
		return d == OfAccount && word == k.text(t.Account)
	case t.Route != "":
		return false
	}
	return d == OfKey && word == t.Key.word()
}

// levels are the dimensions that a rule counts by: the client, where it names none.
type levels struct {
	of [2]Dimension
	n  int
}

func levelsOf(by []Dimension) (l levels) {
	if len(by) == 0 {
		return levels{of: [2]Dimension{OfClient}, n: 1}
	}
	l.n = copy(l.of[:], by)
	return l
}

// client reports whether it is the client alone.
func (l levels) client() bool { return l.n == 1 && l.of[0] == OfClient }

// many reports whether what is counted there is what many do, and so meets everybody.
func (l levels) many() bool {
	for _, d := range l.of[:l.n] {
		switch d {
		case OfClient, OfKey, OfAccount, OfSession, OfFingerprint:
			return false
		default:
		}
	}
	return true
}

// A name is what an exchange is counted under, with the words it is made of where they are two.
type name struct {
	word  uint64
	parts [2]uint64
}

func (l levels) name(x *view, k keyed) (n name, ok bool) {
	n.parts[0], ok = l.of[0].value(x, k)
	if n.word = n.parts[0]; l.n < 2 || !ok {
		return n, ok
	}
	n.parts[1], ok = l.of[1].value(x, k)
	n.word = k.hash(n.parts[0], n.parts[1])
	return n, ok
}

// about is the dimension whose value a finding is about: of a pair the account or the key, and
// else the client, where targets can't say more.
func (l levels) about() Dimension {
	if l.n == 1 {
		switch l.of[0] {
		case OfNetwork, OfKey, OfAccount, OfRoute, OfEverybody:
			return l.of[0]
		default:
			return OfClient
		}
	}
	for _, d := range []Dimension{OfAccount, OfKey} {
		if l.of[0] == d || l.of[1] == d {
			return d
		}
	}
	return OfClient
}

// listed reports whether lists can hold whom a finding is about, and whether it is he who did it.
func (l levels) listed() bool {
	if l.n > 1 {
		return true
	}
	switch l.of[0] {
	case OfRoute, OfPath, OfASN, OfCountry, OfEverybody:
		return false
	default:
		return true
	}
}

// concern reports whether a target may be part of a name at all.
func (l levels) concern(t Target) bool {
	for _, d := range l.of[:l.n] {
		switch {
		case t.Network.IsValid() && (d == OfClient || d == OfNetwork), t.Account != "" && d == OfAccount, !t.Key.Zero() && d == OfKey:
			return true
		}
	}
	return false
}

// holds reports whether a target is part of a name.
func (l levels) holds(t Target, n name, k keyed) bool {
	return l.of[0].names(t, n.parts[0], k) || l.n > 1 && l.of[1].names(t, n.parts[1], k)
}

// hashes of the texts of an exchange, each made once, however many rules ask.
type hashes struct {
	known uint16 // a bit each
	of    [OfEverybody + 1]uint64
}

// know a hash that was reckoned before.
func (h *hashes) know(d Dimension, hash uint64) {
	h.known |= 1 << d
	h.of[d] = hash
}

func (h *hashes) hashed(d Dimension, text string, k keyed) uint64 {
	if bit := uint16(1) << d; h.known&bit == 0 {
		h.known |= bit
		h.of[d] = k.text(text)
	}
	return h.of[d]
}

// places in tables of whom an exchange is counted under, each reckoned once, however many tables ask.
// All tables of an engine place by the same key.
type places struct {
	known uint16 // a bit each
	of    [OfEverybody + 1]uint64

	holder, holders uint64 // see view.holderAt
}

// know a place that was reckoned before.
func (p *places) know(d Dimension, place uint64) {
	p.known |= 1 << d
	p.of[d] = place
}

func (p *places) place(d Dimension, word uint64, k keyed) uint64 {
	if bit := uint16(1) << d; p.known&bit == 0 {
		p.known |= bit
		p.of[d] = k.word(word)
	}
	return p.of[d]
}

// names are what the slots of a table are counted under.
type names struct {
	levels
	parts [][2]uint64 // of pairs, by slot; of one dimension the slot's key says it
}

func newNames(by levels, slots int) names {
	n := names{levels: by}
	if by.n > 1 {
		n.parts = make([][2]uint64, slots)
	}
	return n
}

func (n *names) note(slot int, parts [2]uint64) {
	if n.parts != nil {
		n.parts[slot] = parts
	}
}

// forget drops what a table counts against a target.
func (n *names) forget(t *table, target Target) {
	if target.Network.IsValid() && n.client() {
		if who := actorsOf(target.Network); who.from == who.to {
			t.dropKey(uint64(who.from), t.hash(uint64(who.from)))
			return
		}
	}
	if !n.concern(target) {
		return
	}
	t.dropIf(func(slot int, key uint64) bool {
		parts := [2]uint64{key}
		if n.parts != nil {
			parts = n.parts[slot]
		}
		return n.holds(target, name{parts: parts}, t.keyed)
	})
}
