package ahead_test

import (
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine/ahead"
)

func TestWhatIsNotThereIsNoFault(t *testing.T) {
	defer func() {
		if fault := recover(); fault != nil {
			t.Error(fault)
		}
	}()
	var nothing ahead.Array
	nothing.Line(0)
	nothing.Element(0)
	ahead.Line[int](nil)
	all := ahead.Of(make([][40]byte, 9), 2)
	for _, i := range []int{-1, 0, 3, 4, 1 << 62} { // four whole pairs
		all.Line(i)
		all.Element(i)
	}
}

// BenchmarkFar reads eight lines here and there of more memory than caches hold, each once the one before
// is there.
func BenchmarkFar(b *testing.B) {
	const lines, together = 1 << 21, 8
	far := make([][8]uint64, lines)
	for i := range far {
		far[i][0] = 0 // it is touched, so that it is there
	}
	array := ahead.Of(far, 1)
	place := func(n uint64) int { return int(n * 0x9e3779b97f4a7c15 >> 43) }
	for name, asks := range map[string]bool{"asked for": true, "not asked for": false} {
		b.Run(name, func(b *testing.B) {
			n, before := uint64(0), uint64(0)
			for b.Loop() {
				for i := range uint64(together) {
					if asks {
						array.Line(place(n + i))
					}
				}
				for i := range uint64(together) {
					before = far[place(n+i+before)][0]
				}
				n += together
			}
		})
	}
}
