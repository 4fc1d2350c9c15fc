package engine

import (
	"math/bits"
	"net/netip"
	"sync/atomic"
)

// sizes tell which sizes of networks there may be around an address, so that only those are
// looked up. They lie in tables, found by the first bits of the address, with a bit for each size
// and a bit for each part of what the entry stands for that some network touches. Who is near no
// network is looked up nowhere. A network that is taken off leaves its bits, until all are noted
// anew.
type sizes struct {
	keyed
	widest  [2]atomic.Uint32   // /0 to /7; of IPv4, of IPv6
	wide    [2][]atomic.Uint64 // /8 to /31, by the first bits; of IPv4, of IPv6
	first   int                // so many bits
	middle  []atomic.Uint64    // IPv6 /32 to /63, by a mix of the first 32 bits
	narrow  []atomic.Uint64    // IPv6 from /65 on, by a mix of the first 64 bits; of sizes only
	shift   uint               // what a mix leaves
	narrows atomic.Bool        // there are some
	noted   int                // how many
	room    int                // for so many, before too many look-ups would be in vain
}

const (
	fewNets   = 256
	mostFirst = 16
)

func newSizes(k keyed, nets int) *sizes {
	n := powerOfTwo(max(nets, fewNets))
	z := &sizes{keyed: k, first: min(bits.Len(uint(n)), mostFirst), shift: uint(64 - bits.Len(uint(n-1))), room: 2 * n}
	z.wide = [2][]atomic.Uint64{make([]atomic.Uint64, 1<<z.first), make([]atomic.Uint64, 1<<z.first)}
	z.middle, z.narrow = make([]atomic.Uint64, n), make([]atomic.Uint64, n)
	return z
}

// parts of an entry for the addresses that share the bits before from: a thirty-second each, by
// the next five bits.
func part(upper uint64, from int) uint64 { return 1 << 32 << (upper << from >> 59) }

// parts that a network touches.
func parts(upper uint64, size, from int) uint64 {
	if size <= from {
		return (1<<32 - 1) << 32
	}
	n := max(5-(size-from), 0) // bits of a part's number that it leaves open
	return (1<<(1<<n) - 1) * part(upper, from)
}

// note that there is a network.
func (z *sizes) note(n netip.Prefix) {
	s, size := spotOf(n.Masked().Addr()), n.Bits()
	before, bit := uint64(0), uint64(1)<<(size%32)
	switch {
	case size < 8:
		before = uint64(z.widest[s.family].Or(uint32(bit)))
	case size < 32:
		entries := z.wide[s.family][s.upper>>(64-z.first):]
		for i := range 1 << max(z.first-size, 0) {
			before = entries[i].Or(bit | parts(s.upper, size, z.first))
		}
	case size < 64:
		before = z.midway(s).Or(bit | parts(s.upper, size, 32))
	default:
		bit = 1 << (size - 65)
		before = z.near(s).Or(bit)
		z.narrows.Store(true)
	}
	if before&bit == 0 {
		z.noted++
	}
}

func (z *sizes) midway(s spot) *atomic.Uint64 { return &z.middle[z.mix(s.upper>>32)] }
func (z *sizes) near(s spot) *atomic.Uint64   { return &z.narrow[z.mix(s.upper)] }

// mix places some bits. Whoever steers his own look-ups by it pays for one more each.
func (z *sizes) mix(upper uint64) uint64 {
	return (upper ^ z.k0) * 0x9e3779b97f4a7c15 >> z.shift
}

// sizesIn an entry, if some network touches the part of a spot.
func sizesIn(entry, upper uint64, from int) uint64 {
	sizes := entry & (1<<32 - 1)
	if entry&part(upper, from) == 0 {
		sizes = 0
	}
	return sizes
}

// around a spot is what there may be. To look at it takes no decision, so that a processor goes
// on while it waits for memory.
type around struct {
	spot
	widest, wide, middle, narrow uint64
}

func (z *sizes) around(s spot) around {
	a := around{spot: s, widest: uint64(z.widest[s.family].Load())}
	a.wide = sizesIn(z.wide[s.family][s.upper>>(64-z.first)].Load(), s.upper, z.first)
	if s.family == 1 {
		a.middle = sizesIn(z.midway(s).Load(), s.upper, 32)
		if z.narrows.Load() {
			a.narrow = z.near(s).Load()
		}
	}
	return a
}

// words of the networks there may be, at most as many as fit; it goes on where it ended.
func (a *around) words(k keyed, in []uint64) (n int) {
	take := func(sizes *uint64, from int) {
		for ; *sizes != 0 && n < len(in); *sizes &= *sizes - 1 {
			in[n] = a.within(from+bits.TrailingZeros64(*sizes), k)
			n++
		}
	}
	take(&a.widest, 0)
	take(&a.wide, 0)
	take(&a.middle, 32)
	take(&a.narrow, 65)
	return n
}
