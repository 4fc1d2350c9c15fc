package engine

import "math"

// rings hold the last times of each slot. A slot has room for a few; who has more of them within the
// span is lent a ring for all that a limit needs, of which there are fewer than slots. So hardly any
// memory is touched for the many who come a few times. Who can't be lent one, because all are needed,
// is known by his newest few times: that may hide an excess, and invents none.
type rings[T uint16 | uint32] struct {
	most   int          // times that are kept at most
	few    int          // that each slot has room for
	each   int          // slots in a stripe
	own    []T          // of slots
	lent   []uint16     // by slot, the number of the ring lent to it in the stripe, plus one; nil where few are enough
	owners [][]int32    // of the rings of a stripe: the slot in the stripe, plus one; 0 when it is free
	hands  [stripes]int // where the search for one begins that is not needed any more
	rings  []T          // that are lent
}

const (
	fewTimes  = 16
	ringShare = 4  // so many slots have one ring to lend
	looks     = 32 // rings that are looked at for one that is not needed any more
)

func newRings[T uint16 | uint32](most, slots int) *rings[T] {
	r := &rings[T]{most: most, few: min(most, fewTimes), each: slots / stripes}
	r.own = make([]T, slots*r.few)
	if r.few < most {
		share := min(max(r.each/ringShare, ways), r.each, math.MaxUint16)
		r.lent, r.rings = make([]uint16, slots), make([]T, stripes*share*most)
		r.owners = make([][]int32, stripes)
		for i := range r.owners {
			r.owners[i] = make([]int32, share)
		}
	}
	return r
}

// of a slot, what it has now.
func (r *rings[T]) of(slot int) []T {
	if r.lent != nil && r.lent[slot] != 0 {
		return r.ring(slot/r.each, int(r.lent[slot]-1))
	}
	return r.own[slot*r.few : (slot+1)*r.few]
}

func (r *rings[T]) ring(stripe, n int) []T {
	n += stripe * len(r.owners[0])
	return r.rings[n*r.most : (n+1)*r.most]
}

// lend a ring to a slot that has none, when there is one that is free or was lent to who is idle.
func (r *rings[T]) lend(slot int, idle func(slot int) bool) bool {
	stripe := slot / r.each
	owners := r.owners[stripe]
	for range min(looks, len(owners)) {
		n := r.hands[stripe]
		r.hands[stripe] = (n + 1) % len(owners)
		if owner := stripe*r.each + int(owners[n]-1); owners[n] != 0 {
			if !idle(owner) {
				continue
			}
			r.lent[owner] = 0
		}
		owners[n], r.lent[slot] = int32(slot%r.each+1), uint16(n+1)
		return true
	}
	return false
}

// giveBack what was lent to a slot.
func (r *rings[T]) giveBack(slot int) {
	if r.lent != nil && r.lent[slot] != 0 {
		r.owners[slot/r.each][r.lent[slot]-1], r.lent[slot] = 0, 0
	}
}
