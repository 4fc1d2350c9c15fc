package engine

import "sync/atomic"

// An index finds chains of held decisions by a word that stands for what they are about. Readers
// take no lock; those who change it hold one of their own. A change is made in place: once it is
// made everybody sees it.
//
// Who is on no list, as nearly everybody, costs a look at one of many small numbers lying close
// together; chains are only looked at where those agree.
type index struct {
	keyed
	word  func(*held) uint64 // of a chain
	table atomic.Pointer[cells]
	gone  *held       // stands for a chain that is empty again
	any   atomic.Bool // there is a chain, or was one
}

// cells of open addressing, of which a quarter is empty at least.
type cells struct {
	marks  []atomic.Uint32 // the word's hash, which says where it belongs; 0 where there never was one
	chains []atomic.Pointer[held]
	used   int // ever; with those that are empty again
	live   int
}

const fewCells = 64

func newCells(n int) *cells {
	return &cells{marks: make([]atomic.Uint32, n), chains: make([]atomic.Pointer[held], n)}
}

func newIndex(k keyed, word func(*held) uint64) *index {
	x := &index{keyed: k, word: word, gone: new(held)}
	x.table.Store(newCells(fewCells))
	return x
}

func (x *index) mark(word uint64) uint32 { return max(uint32(x.hash(word)), 1) }

// first cell for a mark.
func (t *cells) first(mark uint32) int { return int(uint64(mark) * uint64(len(t.marks)) >> 32) }

func (t *cells) after(i int) int {
	if i++; i == len(t.marks) {
		return 0
	}
	return i
}

// chain that a word leads to, nil for none.
func (x *index) chain(word uint64) *held {
	t, mark := x.table.Load(), x.mark(word)
	for i := t.first(mark); ; i = t.after(i) {
		switch t.marks[i].Load() {
		case 0:
			return nil
		case mark:
			if h := t.chains[i].Load(); h != x.gone && x.word(h) == word {
				return h
			}
		}
	}
}

// empty reports whether there never was a chain.
func (x *index) empty() bool { return !x.any.Load() }

// set the chain that a word leads to, nil for none.
func (x *index) set(word uint64, chain *held) {
	x.reserve(1)
	t, mark := x.table.Load(), x.mark(word)
	i := t.first(mark)
	for ; t.marks[i].Load() != 0; i = t.after(i) {
		if t.marks[i].Load() != mark {
			continue
		}
		if h := t.chains[i].Load(); h == x.gone || x.word(h) != word {
			continue
		}
		if chain == nil {
			chain = x.gone
			t.live--
		}
		t.chains[i].Store(chain)
		return
	}
	if chain != nil {
		t.put(i, mark, chain)
		x.any.Store(true)
	}
}

// put a chain into an empty cell: it is there before the mark leads to it.
func (t *cells) put(i int, mark uint32, chain *held) {
	t.chains[i].Store(chain)
	t.marks[i].Store(mark)
	t.used++
	t.live++
}

// reserve makes room for more words.
func (x *index) reserve(more int) {
	t := x.table.Load()
	if (t.used+more)*4 <= len(t.marks)*3 {
		return
	}
	next := newCells(max((t.live+more)*3/2, fewCells))
	for i := range t.marks {
		h := t.chains[i].Load()
		if h == nil || h == x.gone {
			continue
		}
		mark := t.marks[i].Load()
		j := next.first(mark)
		for next.marks[j].Load() != 0 {
			j = next.after(j)
		}
		next.put(j, mark, h)
	}
	x.table.Store(next)
}

// each calls f for every chain.
func (x *index) each(f func(chain *held)) {
	t := x.table.Load()
	for i := range t.chains {
		if h := t.chains[i].Load(); h != nil && h != x.gone {
			f(h)
		}
	}
}
