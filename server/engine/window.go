package engine

import "math"

// A window remembers, for each actor, the times of his last exchanges within a span, and
// tells when there are more than a limit. With exchanges in order its answer is exact: it is
// over the limit if and only if more than the limit lie within (t-span, t], in whole
// milliseconds. What it remembers is fixed in size, however many actors there are.
//
// An exchange that comes late, but at most late behind its actor's newest, is counted where
// it belongs: it is over the limit when it completes any stretch shorter than the span that
// holds more. As only the newest times are kept, lateness can hide an excess but never
// invent one. One that comes later still is not counted. Only when it lies more than an hour
// back, the clock was put back, and the actor's memory begins anew. An actor's time is his
// own: what others send does not move it.
type window[T uint16 | uint32] struct {
	*table // by actor; the mark is a packed head
	limit  int
	span   int64
	late   int64
	keep   bool // exchanges over the limit are kept too

	kept  int     // times per actor
	times []T     // the low bits of each time: a ring per slot
	quiet []int64 // until when an excess was told, where the head says so

	// before takes what lies a span or more behind, and so shares no stretch with the newest
	// time, that it need not compete with newer ones for room: a smaller window of its own.
	before *window[T]
}

// head of a ring. Times lie in order, the newest one before next.
type head struct {
	newest int64 // milliseconds, of 48 bits
	next   uint8 // of 7 bits
	n      uint8
	told   bool // an excess was told, and is not over
}

func unpack(mark uint64) head {
	return head{int64(mark) >> 16, uint8(mark>>8) & 127, uint8(mark), mark>>15&1 == 1}
}

func (h *head) pack() uint64 {
	mark := uint64(h.newest)<<16 | uint64(h.next)<<8 | uint64(h.n)
	if h.told {
		mark |= 1 << 15
	}
	return mark
}

// A question to a rule's memory, about one exchange.
type question struct {
	at       int64 // milliseconds
	hush     int64 // an excess told now is not told again until then, or until it is over
	together int   // counted by all nodes, 0 when nobody knows
	slow     int   // the lower limit of who is throttled, 0 for the rule's own
}

// A tally is the answer.
type tally struct {
	over  bool    // more than the limit, this exchange included
	slow  bool    // more than the lower limit
	tell  bool    // over, and not told yet
	count int     // how many, when it is over
	wait  int64   // milliseconds until there is room again, when it is over or slow
	times []int64 // of those counted here, oldest first, when it is to be told
}

const forever = math.MaxInt64

// put back by more than this is a clock put back, in milliseconds.
const putBack = int64(LongestLate / 1e6)

// newWindow makes a window for that many actors. T must hold the span, with a little to spare.
func newWindow[T uint16 | uint32](limit int, span, late int64, keep bool, slots int, k keyed) *window[T] {
	w := &window[T]{table: newTable(slots, k), limit: limit, span: span, late: late, keep: keep, kept: max(limit, 1)}
	w.times = make([]T, w.size()*w.kept)
	w.quiet = make([]int64, w.size())
	if late >= span {
		w.before = newWindow[T](limit, span, span-1, keep, slots/16, k)
	}
	return w
}

// admit puts a sketch before full sets.
func (w *window[T]) admit(cells int) {
	for i := range w.stripes {
		w.stripes[i].sketch = newSketch(cells/len(w.stripes), w.span)
	}
}

func (w *window[T]) see(a actor, q question) tally {
	hash := w.hash(uint64(a))
	s, set := w.at(hash)
	s.mu.Lock()
	i := s.find(set, uint64(a), hash)
	if i < 0 {
		i, _ = s.claim(set, uint64(a), hash, q.at, func(i int) worth { return w.worth(s, i, q.at) })
		if i < 0 { // nobody counts him here
			s.mu.Unlock()
			over := q.together > w.limit
			return tally{over: over, tell: over, count: q.together, wait: w.span}
		}
		s.slots[i].mark = (&head{newest: q.at}).pack()
	}
	h := unpack(s.slots[i].mark)
	t, earlier := w.count(&h, w.ring(s.first+i), &w.quiet[s.first+i], q)
	s.slots[i].mark = h.pack()
	s.mu.Unlock()
	if earlier {
		return w.before.see(a, q)
	}
	return t
}

func (w *window[T]) ring(slot int) []T { return w.times[slot*w.kept : (slot+1)*w.kept] }

// count judges an exchange and keeps its time, unless it belongs to the window before.
func (w *window[T]) count(h *head, ring []T, quiet *int64, q question) (t tally, earlier bool) {
	behind := h.newest - q.at
	switch {
	case behind <= 0:
	case behind > putBack:
		*h, behind = head{newest: q.at}, 0
	case behind > w.late:
		return t, false
	case behind >= w.span:
		return t, true
	}
	t.over = w.crowded(h, ring, behind, w.limit)
	if t.over {
		t.count = w.limit + 1
	}
	if q.together > w.limit {
		t.over, t.count = true, max(t.count, q.together)
	}
	t.slow = q.slow > 0 && w.crowded(h, ring, behind, q.slow)
	if t.over || t.slow {
		t.wait = w.wait(h, ring, behind, q.slow)
	}
	if t.over && (!h.told || q.at >= *quiet) {
		h.told, *quiet = true, q.hush
		t.tell, t.times = true, w.list(h, ring, q.at)
	}
	h.told = h.told && t.over
	if w.keep || !t.over && !t.slow {
		w.put(h, ring, q.at)
	}
	return t, false
}

// age of the i-th newest time, beside the newest.
func (w *window[T]) age(h *head, ring []T, i int) int64 {
	at := int(h.next) - 1 - i
	if at < 0 {
		at += len(ring)
	}
	return int64(T(h.newest) - ring[at])
}

func (w *window[T]) set(h *head, ring []T, i int, age int64) {
	at := int(h.next) - 1 - i
	if at < 0 {
		at += len(ring)
	}
	ring[at] = T(h.newest - age)
}

// place of an exchange among the times: how many are newer, or as new.
func (w *window[T]) place(h *head, ring []T, behind int64) int {
	if behind < 0 {
		return 0
	}
	from, to := 0, int(h.n)
	for from < to {
		if i := (from + to) / 2; w.age(h, ring, i) <= behind {
			from = i + 1
		} else {
			to = i
		}
	}
	return from
}

// crowded reports whether the exchange, behind the newest by so much, and limit of the times
// around it lie within the span.
func (w *window[T]) crowded(h *head, ring []T, behind int64, limit int) bool {
	n := int(h.n)
	if n < limit {
		return false
	}
	if limit == 0 {
		return true
	}
	if behind <= 0 {
		return w.age(h, ring, limit-1)-behind < w.span
	}
	here := w.place(h, ring, behind)
	age := func(i int) int64 { // with the exchange among them
		switch {
		case i < here:
			return w.age(h, ring, i)
		case i > here:
			return w.age(h, ring, i-1)
		}
		return behind
	}
	for i := max(0, here-limit); i <= min(here, n-limit); i++ {
		if age(i+limit)-age(i) < w.span {
			return true
		}
	}
	return false
}

// wait is how long until there is room for one more.
func (w *window[T]) wait(h *head, ring []T, behind int64, slow int) int64 {
	limit := w.limit
	if slow > 0 {
		limit = slow
	}
	if limit == 0 || int(h.n) < limit {
		return w.span
	}
	return min(max(w.span-(w.age(h, ring, limit-1)-behind), 1), w.span)
}

// list the times within the span of an exchange, it included, oldest first.
func (w *window[T]) list(h *head, ring []T, at int64) []int64 {
	behind := h.newest - at
	times := make([]int64, 0, int(h.n)+1)
	here := w.place(h, ring, behind)
	for i := int(h.n) - 1; i >= -1; i-- {
		if i == here-1 {
			times = append(times, at)
		}
		if i < 0 {
			break
		}
		if age := w.age(h, ring, i); age-behind < w.span && behind-age < w.span {
			times = append(times, h.newest-age)
		}
	}
	return times
}

// put keeps a time in its place. When the ring is full, the oldest goes.
func (w *window[T]) put(h *head, ring []T, at int64) {
	if at < h.newest {
		w.insert(h, ring, h.newest-at)
		return
	}
	reach := int64(^T(0)) - (at - h.newest)
	for h.n > 0 && (reach < 0 || w.age(h, ring, int(h.n)-1) > reach) {
		h.n-- // T can't express it any more
	}
	ring[h.next] = T(at)
	h.newest = at
	if h.next++; int(h.next) == len(ring) {
		h.next = 0
	}
	if int(h.n) < len(ring) {
		h.n++
	}
}

func (w *window[T]) insert(h *head, ring []T, behind int64) {
	here := w.place(h, ring, behind)
	if here == len(ring) {
		return // older than all that is kept
	}
	if int(h.n) < len(ring) {
		h.n++
	}
	for i := int(h.n) - 1; i > here; i-- {
		w.set(h, ring, i, w.age(h, ring, i-1))
	}
	w.set(h, ring, here, behind)
}

// worth of a slot at a time: what it still counts.
func (w *window[T]) worth(s *stripe, i int, now int64) worth {
	h := unpack(s.slots[i].mark)
	if h.newest-now > putBack {
		return worth{}
	}
	return worth{w.place(&h, w.ring(s.first+i), w.span-1-max(now-h.newest, 0)), h.newest}
}

// forget drops what was counted against a network.
func (w *window[T]) forget(t Target) {
	if !t.Network.IsValid() {
		return
	}
	if who := actorsOf(t.Network); who.from == who.to {
		w.dropKey(uint64(who.from), w.hash(uint64(who.from)))
	} else {
		w.dropIf(func(_ int, key uint64) bool { return who.hold(actor(key)) })
	}
	if w.before != nil {
		w.before.forget(t)
	}
}
