package engine

// twelfths count exchanges by whom in sub-windows of a twelfth of the span, where there are too
// many to keep their times.
//
// What lies in the newest twelve is less than the span old, all of it, and so never more than there
// were: by it somebody may be blocked. It misses what lies in the part of the thirteenth that is
// not over yet, and so is late by a sub-window at most. With that part's share, as if it came
// evenly, it is an estimate, which may be wrong by a few either way: good enough to tell of.
//
// An exchange that comes late, at most late behind the newest of whom it is counted for, is counted
// in its own sub-window while that one lives. When it lies more than an hour back, the clock was
// put back, and the memory of him begins anew.
type twelfths[T uint16 | uint32] struct {
	*table // by who is counted; a slot holds his newest time and what was told, and until when that is enough
	names
	limit   int
	span    int64
	part    int64 // of the span
	late    int64
	metered bool // answers tell what is left of the limit
	keep    bool // exchanges over the limit are kept too; else nobody is told by an estimate
	cells   []T  // a ring of thirteen for each slot
}

const (
	inWindow = 12
	living   = inWindow + 1

	guessed = 1 << 14 // in a mark: an estimate over the limit was told
)

func newTwelfths[T uint16 | uint32](limit int, span, late int64, keep bool, slots int, k keyed, by levels) *twelfths[T] {
	w := &twelfths[T]{table: newTable(slots, k), limit: limit, span: span, part: max(span/inWindow, 1), late: late, keep: keep}
	w.clients = by.client()
	w.keepSteady(w.part)
	w.names, w.cells = newNames(by, w.size()), make([]T, w.size()*living)
	lay(w.table, w.cells, living)
	return w
}

// number of the sub-window that a time lies in.
func (w *twelfths[T]) number(at int64) int64 {
	n := at / w.part
	if at < 0 && at%w.part != 0 {
		n--
	}
	return n
}

// cell of a sub-window in a ring.
func cell(number int64) int {
	i := int(number % living)
	if i < 0 {
		i += living
	}
	return i
}

func (w *twelfths[T]) ring(slot int) []T { return w.cells[slot*living : (slot+1)*living] }

func (w *twelfths[T]) see(a actor, q *question) tally {
	who := uint64(a)
	hash := q.place(who, w.keyed)
	s, set := w.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, who, hash)
	if i < 0 {
		if i, _ = s.claim(set, who, hash, q.at, func(i int) worth { return w.worth(s, i, q.at) }); i < 0 { // nobody counts him here
			over := q.together > w.limit
			return tally{over: over, tell: over, count: q.together, wait: w.span}
		}
		s.slots[i].mark = q.at << 16
		clear(w.ring(s.first + i))
		w.note(s.first+i, q.parts)
	}
	return w.count(&s.slots[i], w.ring(s.first+i), q)
}

// count an exchange, unless its sub-window is over, and judge.
func (w *twelfths[T]) count(s *slot, ring []T, q *question) (t tally) {
	newest, now := s.mark>>16, w.number(q.at)
	last := w.number(newest)
	switch behind := newest - q.at; {
	case behind > putBack:
		clear(ring)
		*s = slot{key: s.key}
		newest, last = q.at, now
	case behind > w.late || last-now >= living:
		return t
	case behind < 0:
		for n := max(last, now-living) + 1; n <= now; n++ {
			ring[cell(n)] = 0
		}
		newest, last = q.at, now
	}
	s.mark = newest<<16 | s.mark&(told|guessed)
	own := &ring[cell(now)]
	counted := *own+1 != 0 // it is full
	if counted {
		*own++
	}
	sure, about := w.sums(ring, newest, last)
	t.count = max(sure, q.together)
	t.over = t.count > w.limit
	t.slow = q.slow > 0 && sure > q.slow
	switch {
	case t.over && (s.mark&told == 0 || q.at >= s.more):
		s.mark, s.more, t.tell = s.mark|told, q.hush, true
	case !t.over && w.keep && about > w.limit:
		t.over, t.only, t.count = true, true, about
		t.tell = s.mark&(told|guessed) == 0
		s.mark |= guessed
	case max(t.count, about) <= w.limit-w.limit/4: // it does not waver around the limit
		s.mark &^= told | guessed
	}
	if t.over || t.slow {
		t.wait = w.wait(ring, newest, q)
	}
	if counted && !w.keep && (t.over || t.slow && !q.supposed) {
		*own--
		sure--
	}
	if w.metered {
		w.rest(&t, ring, newest, sure, q)
	}
	return t
}

// sums are what surely lies within the span before a time, in the sub-window of that number, and what may.
func (w *twelfths[T]) sums(ring []T, newest, number int64) (sure, about int) {
	for _, n := range ring[:living] {
		sure += int(n)
	}
	oldest := int(ring[cell(number-inWindow)])
	if sure -= oldest; oldest == 0 {
		return sure, sure
	}
	left := w.part - (newest - number*w.part)
	return sure, sure + int(int64(oldest)*left/w.part)
}

// wait is when there is room again, for as far as is known now.
func (w *twelfths[T]) wait(ring []T, newest int64, q *question) int64 {
	limit, now := w.limit, w.number(newest)
	if q.slow > 0 && !q.supposed {
		limit = q.slow
	}
	if q.together > limit {
		return w.span
	}
	sum := 0
	for n := now; n > now-inWindow; n-- {
		if sum += int(ring[cell(n)]); sum >= limit {
			return min(max((n+inWindow)*w.part-q.at, 1), w.span)
		}
	}
	return w.span
}

// rest tells what is left of the limit, and when more is.
func (w *twelfths[T]) rest(t *tally, ring []T, newest int64, sure int, q *question) {
	limit := w.limit
	if q.slow > 0 && !q.supposed {
		limit = q.slow
	}
	t.left = max(limit-max(sure, q.together), 0)
	if t.over || t.slow && !q.supposed {
		t.left, t.reset = 0, t.wait
		return
	}
	t.reset = w.span
	now := w.number(newest)
	for n := now - inWindow + 1; n <= now; n++ {
		if ring[cell(n)] > 0 {
			t.reset = max((n+inWindow)*w.part-q.at, 1)
			return
		}
	}
}

// worth of a slot at a time: how much it still counts.
func (w *twelfths[T]) worth(s *stripe, i int, at int64) (v worth) {
	ring := w.ring(s.first + i)
	v.newest = s.slots[i].mark >> 16
	if v.newest-at > putBack {
		return worth{}
	}
	newest := w.number(v.newest)
	for n := max(w.number(max(at, v.newest))-inWindow, newest-inWindow) + 1; n <= newest; n++ {
		v.count += int(ring[cell(n)])
	}
	if v.count > 0 && s.slots[i].mark&(told|guessed) != 0 {
		v.count += pinned
	}
	return v
}

// retell makes every excess news again.
func (w *twelfths[T]) retell() {
	w.eachSlot(func(s *slot) { s.mark &^= told | guessed })
}

// forget drops what was counted against a target.
func (w *twelfths[T]) forget(t Target) { w.names.forget(w.table, t) }
