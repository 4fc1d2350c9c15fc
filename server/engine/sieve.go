package engine

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
)

// A sieve lets those through that some network may hold, and keeps back most others, at the cost
// of a look at one bit of few. Who is taken off is let through all the same.
type sieve struct {
	keyed
	four, six [sieveBits / 32]atomic.Uint32 // by an IPv4 /20, by a hash of an IPv6 /32
	wide      atomic.Bool                   // IPv6 networks so wide that all pass
}

const (
	sieveBits = 1 << 20
	sieveFrom = 1024 // networks; fewer are asked without it
	fineFour  = 20
	fineSix   = 32
	wideSix   = 16 // from that on all pass
)

func (s *sieve) holds(a netip.Addr) bool {
	if a.Is4() {
		b := a.As4()
		return has(&s.four, binary.BigEndian.Uint32(b[:])>>(32-fineFour))
	}
	b := a.As16()
	return s.wide.Load() || has(&s.six, s.six32(binary.BigEndian.Uint32(b[:4])))
}

func (s *sieve) six32(upper uint32) uint32 { return uint32(s.hash(uint64(upper))) % sieveBits }

func has(bits *[sieveBits / 32]atomic.Uint32, n uint32) bool {
	return bits[n/32].Load()>>(n%32)&1 != 0
}

// add lets through whom a network holds.
func (s *sieve) add(n netip.Prefix) {
	if n.Addr().Is4() {
		b := n.Addr().As4()
		first := binary.BigEndian.Uint32(b[:]) >> (32 - fineFour)
		for i := range uint32(1) << max(fineFour-n.Bits(), 0) {
			s.four[(first+i)/32].Or(1 << ((first + i) % 32))
		}
		return
	}
	if n.Bits() < wideSix {
		s.wide.Store(true)
		return
	}
	b := n.Addr().As16()
	first := binary.BigEndian.Uint32(b[:4])
	for i := range uint32(1) << max(fineSix-n.Bits(), 0) {
		at := s.six32(first + i)
		s.six[at/32].Or(1 << (at % 32))
	}
}
