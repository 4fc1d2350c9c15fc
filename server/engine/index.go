package engine

import "sync/atomic"

// An index finds chains of held decisions by a word that stands for what they are about. Readers
// take no lock; those who change it hold one of their own. A change is made in place: once it is
// made everybody sees it.
//
// A look-up costs as much as the memory it has to wait for. So it waits once: a word, its chain
// and what a look-up mostly wants to know about that lie in one line.
type index struct {
	keyed
	word  func(*held) uint64 // of a chain
	table atomic.Pointer[cells]
	any   atomic.Bool // there is a chain, or was one
}

// cells of open addressing, of which half are empty at least.
type cells struct {
	lines []line
	used  int // ever; with those that are empty again
	live  int
}

// A line of memory, of 64 bytes. Its cells are used from the front; a word stays in its cell when
// its chain is gone.
type line struct {
	words  [inLine]uint64
	chains [inLine]atomic.Pointer[held]
	hints  [inLine]atomic.Uint32
	used   atomic.Uint32 // so many cells: their words can be read
}

const (
	inLine   = 3
	fewCells = 81
)

func newIndex(k keyed, word func(*held) uint64) *index {
	x := &index{keyed: k, word: word}
	x.table.Store(&cells{lines: make([]line, fewCells/inLine)})
	return x
}

// first line for a word.
func (x *index) first(t *cells, word uint64) int {
	return int(x.keyed.word(word) >> 32 * uint64(len(t.lines)) >> 32)
}

func (t *cells) after(i int) int {
	if i++; i == len(t.lines) {
		return 0
	}
	return i
}

// chain that a word leads to, nil for none.
func (x *index) chain(word uint64) *held {
	q := x.ask(word)
	chain, _ := q.answer()
	return chain
}

// An inquiry is a word whose line is on its way. Several that are asked before the first is answered
// wait for memory together.
type inquiry struct {
	t     *cells
	word  uint64
	first int
}

func (x *index) ask(word uint64) inquiry {
	t := x.table.Load()
	q := inquiry{t, word, x.first(t, word)}
	t.lines[q.first].used.Load()
	return q
}

// answer is the chain that the word leads to, nil for none, and what is known of it.
func (q *inquiry) answer() (*held, hint) {
	l, j := q.t.find(q.first, q.word)
	if l == nil {
		return nil, 0
	}
	chain := l.chains[j].Load()
	known := hint(l.hints[j].Load())
	if chain != l.chains[j].Load() { // it is being changed, so the hint may be another's
		return l.chains[j].Load(), 0
	}
	return chain, known
}

// find the cell of a word from its first line on.
func (t *cells) find(i int, word uint64) (l *line, cell int) {
	for ; ; i = t.after(i) {
		l := &t.lines[i]
		used := l.used.Load()
		for j := range min(used, inLine) {
			if l.words[j] == word {
				return l, int(j)
			}
		}
		if used < inLine {
			return nil, 0
		}
	}
}

// empty reports whether there never was a chain.
func (x *index) empty() bool { return !x.any.Load() }

// set the chain that a word leads to, nil for none.
func (x *index) set(word uint64, chain *held) {
	t := x.table.Load()
	if l, j := t.find(x.first(t, word), word); l != nil {
		t.live += holding(chain) - holding(l.chains[j].Load())
		l.hints[j].Store(0)
		l.chains[j].Store(chain)
		l.hints[j].Store(uint32(chain.hint()))
		return
	}
	if chain != nil {
		x.reserve(1)
		t = x.table.Load()
		t.put(x.first(t, word), word, chain, uint32(chain.hint()))
		x.any.Store(true)
	}
}

func holding(chain *held) int {
	if chain == nil {
		return 0
	}
	return 1
}

// put a chain into the first empty cell: it is there before its word can be read.
func (t *cells) put(i int, word uint64, chain *held, known uint32) {
	for t.lines[i].used.Load() == inLine {
		i = t.after(i)
	}
	l := &t.lines[i]
	j := l.used.Load()
	l.words[j] = word
	l.chains[j].Store(chain)
	l.hints[j].Store(known)
	l.used.Store(j + 1)
	t.used++
	t.live++
}

// reserve makes room for more words.
func (x *index) reserve(more int) {
	t := x.table.Load()
	if (t.used+more)*2 <= len(t.lines)*inLine {
		return
	}
	next := &cells{lines: make([]line, max((t.live+t.live/4+more)*2, fewCells)/inLine)}
	for i := range t.lines {
		l := &t.lines[i]
		for j := range l.used.Load() {
			if h := l.chains[j].Load(); h != nil {
				next.put(x.first(next, l.words[j]), l.words[j], h, l.hints[j].Load())
			}
		}
	}
	x.table.Store(next)
}

// each calls f for every chain.
func (x *index) each(f func(chain *held)) {
	t := x.table.Load()
	for i := range t.lines {
		l := &t.lines[i]
		for j := range l.used.Load() {
			if h := l.chains[j].Load(); h != nil {
				f(h)
			}
		}
	}
}
