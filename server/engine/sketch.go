package engine

import "sync"

// An admission is a sketch that several tables share, in parts with a lock each. Only who meets a
// full set is counted in it, and once for all that are asked about the same exchange: so it holds
// as many keys as exchanges have, and not as many as there are rules.
type admission struct {
	parts [stripes]struct {
		mu sync.Mutex
		*sketch
		lately [4]answered
		next   int
	}
}

// answered is what was said of a key at that time.
type answered struct {
	hash  uint64
	at    int64
	times int
}

func newAdmission(cells int, window int64) *admission {
	a := new(admission)
	for i := range a.parts {
		a.parts[i].sketch = newSketch(cells/len(a.parts), window)
	}
	return a
}

// seen counts a key, once in a millisecond, and answers how often it came, at least.
func (a *admission) seen(hash uint64, now int64) int {
	p := &a.parts[hash%stripes]
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lately {
		if l.hash == hash && l.at == now {
			return l.times
		}
	}
	times := p.sketch.seen(hash, now)
	p.lately[p.next] = answered{hash, now, times}
	p.next = (p.next + 1) % len(p.lately)
	return times
}

// A sketch (count-min, conservative update) remembers roughly how often keys came within half
// a window, never less than they did. It only decides who may enter a full table: what it
// says accuses nobody. Under a flood of keys that come once, whoever comes twice gets in.
type sketch struct {
	rows [4][]byte // two cells a byte, counting to 15
	mask uint64
	span int64 // half a window, in milliseconds
	turn int64
}

func newSketch(cells int, window int64) *sketch {
	k := &sketch{mask: uint64(powerOfTwo(max(cells, 2)) - 1), span: max(window/2, 1)}
	for i := range k.rows {
		k.rows[i] = make([]byte, (k.mask+1)/2)
	}
	return k
}

// seen counts a key and answers how often it came, at least. When half a window is over,
// all begin anew; a clock that steps back changes nothing.
func (k *sketch) seen(hash uint64, now int64) int {
	if turn := now / k.span; turn > k.turn || turn < k.turn-2 {
		k.turn = turn
		for i := range k.rows {
			clear(k.rows[i])
		}
	}
	first := scramble(hash)
	step, least := scramble(first)|1, byte(15)
	for i := range k.rows {
		least = min(least, k.cell(i, first+uint64(i)*step))
	}
	if least == 15 {
		return 15
	}
	for i := range k.rows {
		if at := first + uint64(i)*step; k.cell(i, at) == least {
			k.rows[i][at&k.mask/2] += 1 << (at & 1 * 4)
		}
	}
	return int(least) + 1
}

func (k *sketch) cell(row int, at uint64) byte {
	return k.rows[row][at&k.mask/2] >> (at & 1 * 4) & 15
}
