package engine

import "sync/atomic"

// An index finds chains of held decisions by a word that stands for what they are about. Readers
// take no lock; those who change it hold one of their own. A change is made in place: once it is
// made everybody sees it.
//
// A look-up costs as much as the memory it has to wait for, and memory that is small is near. So
// most of those who are on no list, as nearly everybody, are told by one bit of few; and what
// belongs together lies in one line.
type index struct {
	keyed
	word  func(*held) uint64 // of a chain
	table atomic.Pointer[cells]
	gone  *held       // stands for a chain that is empty again
	any   atomic.Bool // there is a chain, or was one
}

// cells of open addressing, of which three in eight are empty at least.
type cells struct {
	sieve []atomic.Uint32 // a bit for each word there ever was, by its hash
	lines []line
	used  int // ever; with those that are empty again
	live  int
}

// A line of memory, of 64 bytes. Its cells are used from the front.
type line struct {
	chains [inLine]atomic.Pointer[held]
	marks  [inLine]atomic.Uint32 // the word's hash, which says where it belongs; 0 where there never was one
	_      uint32
}

const (
	inLine   = 5
	fewCells = 80
	fineness = 4 // bits of the sieve for a cell, at least
)

func newCells(n int) *cells {
	return &cells{sieve: make([]atomic.Uint32, powerOfTwo(n*fineness/32)), lines: make([]line, n/inLine)}
}

func newIndex(k keyed, word func(*held) uint64) *index {
	x := &index{keyed: k, word: word, gone: new(held)}
	x.table.Store(newCells(fewCells))
	return x
}

// mark of a hash.
func mark(hash uint64) uint32 { return max(uint32(hash), 1) }

// first line for a mark.
func (t *cells) first(mark uint32) int { return int(uint64(mark) * uint64(len(t.lines)) >> 32) }

func (t *cells) after(i int) int {
	if i++; i == len(t.lines) {
		return 0
	}
	return i
}

// bit of the sieve for a hash.
func (t *cells) bit(hash uint64) (word *atomic.Uint32, bit uint32) {
	n := hash >> 32
	return &t.sieve[n/32&uint64(len(t.sieve)-1)], 1 << (n % 32)
}

// chain that a word leads to, nil for none.
func (x *index) chain(word uint64) *held {
	t, hash := x.table.Load(), x.hash(word)
	if sieve, bit := t.bit(hash); sieve.Load()&bit == 0 {
		return nil
	}
	_, _, h := x.find(t, word, mark(hash))
	return h
}

// find the cell of a word and the chain there, or the empty cell where it would go.
func (x *index) find(t *cells, word uint64, mark uint32) (l *line, cell int, chain *held) {
	for i := t.first(mark); ; i = t.after(i) {
		l := &t.lines[i]
		for j := range l.marks {
			switch l.marks[j].Load() {
			case 0:
				return l, j, nil
			case mark:
				if h := l.chains[j].Load(); h != x.gone && x.word(h) == word {
					return l, j, h
				}
			}
		}
	}
}

// empty reports whether there never was a chain.
func (x *index) empty() bool { return !x.any.Load() }

// set the chain that a word leads to, nil for none.
func (x *index) set(word uint64, chain *held) {
	x.reserve(1)
	t, hash := x.table.Load(), x.hash(word)
	l, j, there := x.find(t, word, mark(hash))
	switch {
	case there != nil && chain == nil:
		l.chains[j].Store(x.gone)
		t.live--
	case there != nil:
		l.chains[j].Store(chain)
	case chain != nil:
		t.put(l, j, hash, chain)
		x.any.Store(true)
	}
}

// put a chain into an empty cell: it is there before anything leads to it.
func (t *cells) put(l *line, j int, hash uint64, chain *held) {
	l.chains[j].Store(chain)
	l.marks[j].Store(mark(hash))
	sieve, bit := t.bit(hash)
	sieve.Or(bit)
	t.used++
	t.live++
}

// reserve makes room for more words.
func (x *index) reserve(more int) {
	t := x.table.Load()
	if (t.used+more)*8 <= len(t.lines)*inLine*5 {
		return
	}
	next := newCells(max((t.live+t.live/4+more)*2, fewCells))
	for i := range t.lines {
		l := &t.lines[i]
		for j := range l.marks {
			if h := l.chains[j].Load(); h != nil && h != x.gone {
				hash := x.hash(x.word(h))
				to, cell := next.free(mark(hash))
				next.put(to, cell, hash, h)
			}
		}
	}
	x.table.Store(next)
}

// free is the empty cell for a mark.
func (t *cells) free(mark uint32) (l *line, cell int) {
	for i := t.first(mark); ; i = t.after(i) {
		l := &t.lines[i]
		for j := range l.marks {
			if l.marks[j].Load() == 0 {
				return l, j
			}
		}
	}
}

// each calls f for every chain.
func (x *index) each(f func(chain *held)) {
	t := x.table.Load()
	for i := range t.lines {
		for j := range t.lines[i].chains {
			if h := t.lines[i].chains[j].Load(); h != nil && h != x.gone {
				f(h)
			}
		}
	}
}
