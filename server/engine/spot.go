package engine

import (
	"encoding/binary"
	"net/netip"
)

// A spot is an address as the lists see it: its bits from the left, in two words, and its family.
// There are no zones.
type spot struct {
	upper, lower uint64
	family       uint8 // 0 of IPv4, 1 of IPv6
}

func spotOf(a netip.Addr) spot {
	if a.Is4() {
		b := a.As4()
		return spot{upper: uint64(binary.BigEndian.Uint32(b[:])) << 32}
	}
	b := a.As16()
	return spot{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:]), 1}
}

func (s spot) address() netip.Addr {
	if s.family == 0 {
		return netip.AddrFrom4([4]byte{byte(s.upper >> 56), byte(s.upper >> 48), byte(s.upper >> 40), byte(s.upper >> 32)})
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], s.upper)
	binary.BigEndian.PutUint64(b[8:], s.lower)
	return netip.AddrFrom16(b)
}

// actor that an address belongs to.
func (s spot) actor() actor {
	if s.family == 0 {
		return actorsOf4 | actor(s.upper>>32)
	}
	return max(actor(s.upper), actorOf0)
}

// within is the word that stands for the network of that size around a spot: its bits, and behind
// them a one. Those of the two families, and those that need more than a word, hardly ever meet.
func (s spot) within(size int, k keyed) uint64 {
	if size >= 64 {
		return k.hash(s.upper, s.lower&^(1<<(128-size)-1), uint64(size))
	}
	word := s.upper&^(1<<(64-size)-1) | 1<<(63-size)
	if s.family == 0 {
		return ^word
	}
	return word
}
