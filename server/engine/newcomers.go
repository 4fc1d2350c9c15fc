package engine

// newcomers are how many keys a stripe did not know, minute by minute, and how many are usual: an
// average that forgets nine tenths in some twenty minutes.
type newcomers struct {
	minute    int64
	now, last int
	usual     float64
	learned   bool // a minute is over
}

const (
	manyTimesUsual = 8
	fewNewcomers   = 8 // in a minute of one stripe: so few are no flood whatever is usual
	forgets        = 0.9
)

func (n *newcomers) count(at int64) {
	switch minute := at / 60_000; {
	case minute == n.minute:
	case minute > n.minute || minute < n.minute-putBack/60_000:
		n.over(minute)
	}
	n.now++
}

// over ends a minute. Those without anybody count too.
func (n *newcomers) over(minute int64) {
	empty := min(max(minute-n.minute-1, 0), 60)
	if n.last = n.now; n.learned {
		n.usual = forgets*n.usual + (1-forgets)*float64(n.now)
	} else {
		n.usual, n.learned = float64(n.now), true
	}
	for range empty {
		n.last = 0
		n.usual *= forgets
	}
	n.minute, n.now = minute, 0
}

// flooded reports whether there are far more than usual.
func (n *newcomers) flooded() bool {
	return n.learned && float64(max(n.now, n.last)) > manyTimesUsual*max(n.usual, fewNewcomers)
}

// sumOf all stripes that are up to date. They are flooded when most are.
func sumOf(all []newcomers) (last, usual int, flooded bool) {
	now, sum, floods := all[0].minute, 0.0, 0
	for i := range all {
		now = max(now, all[i].minute)
	}
	for i := range all {
		n := &all[i]
		if n.minute < now-1 {
			continue
		}
		last += n.last
		sum += n.usual
		if n.flooded() {
			floods++
		}
	}
	return last, int(sum), floods > len(all)/2
}
