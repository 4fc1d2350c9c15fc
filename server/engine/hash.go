package engine

import (
	"math/bits"
	"net/netip"
)

// A keyed hash (SipHash-1-3) places clients in tables, so that who does not know the seed
// can't aim at a set. It decides where something is remembered, never what.
type keyed struct{ k0, k1 uint64 }

func newKeyed(seed uint64) keyed { return keyed{scramble(seed), scramble(^seed)} }

// scramble spreads a seed over 64 bits.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (k keyed) hash(words ...uint64) uint64 {
	v0, v1 := k.k0^0x736f6d6570736575, k.k1^0x646f72616e646f6d
	v2, v3 := k.k0^0x6c7967656e657261, k.k1^0x7465646279746573
	for _, w := range words {
		v3 ^= w
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= w
	}
	length := uint64(len(words)) * 8 << 56
	v3 ^= length
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= length
	v2 ^= 0xff
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

// word hashes one word, as hash does.
func (k keyed) word(w uint64) uint64 {
	v0, v1 := k.k0^0x736f6d6570736575, k.k1^0x646f72616e646f6d
	v2, v3 := k.k0^0x6c7967656e657261, k.k1^0x7465646279746573^w
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	const length = 8 << 56
	v0, v3 = v0^w, v3^length
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v2 = v0^length, v2^0xff
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

// text hashes a text, eight bytes at a time.
func (k keyed) text(s string) uint64 {
	v0, v1 := k.k0^0x736f6d6570736575, k.k1^0x646f72616e646f6d
	v2, v3 := k.k0^0x6c7967656e657261, k.k1^0x7465646279746573
	last := uint64(len(s)) << 56
	for ; len(s) >= 8; s = s[8:] {
		w := eight(s)
		v3 ^= w
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= w
	}
	for i := range len(s) {
		last |= uint64(s[i]) << (8 * i)
	}
	v3 ^= last
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= last
	v2 ^= 0xff
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

// eight bytes that a text begins with, as a number.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v1
	v0 += v3
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}

// An actor is whom rules count, in one word that is never zero: the upper half of an IPv6
// address, or an IPv4 address among the values of 0000::/8, which no network uses.
type actor uint64

const (
	actorsOf4 = actor(0xffff) << 32
	actorOf0  = actor(1) // of ::/64, where ::1 lives
)

func actorOf(a netip.Addr) actor { return spotOf(a).actor() }

// four reports whether it is an IPv4 address.
func (a actor) four() bool { return a>>32 == actorsOf4>>32 }

// actors are those that a network holds, or the one that it lies in.
type actors struct{ from, to actor }

func actorsOf(p netip.Prefix) actors {
	from, host := actorOf(p.Masked().Addr()), 64-p.Bits()
	if p.Addr().Is4() {
		host = 32 - p.Bits()
	}
	return actors{from, from | (1<<max(host, 0) - 1)}
}

func (s actors) hold(a actor) bool { return s.from <= a && a <= s.to && a.four() == s.from.four() }

// ActorOf is whom rules count for an address: an IPv4 address or an IPv6 /64.
func ActorOf(a netip.Addr) Target {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // of an invalid address: the zero prefix
	return Target{Network: p}
}
