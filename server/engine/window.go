package engine

import (
	"fmt"
	"math"
	"slices"
	"time"
)

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
	*table // by who is counted; a slot holds his head
	names
	limit int
	span  int64
	late  int64
	keep  bool // exchanges over the limit are kept too

	times *rings[T] // the low bits of each time
	quiet []int64   // until when an excess was told, where the head says so

	// recents are how many of each slot's times lie within the span before the last question; nil
	// where nobody asks what is left.
	recents []uint8

	porch *porch     // before full sets; nil where a first time more or less is nothing
	wider *window[T] // of the networks of those who wait there; nil for none

	// before takes what lies a span or more behind, and so shares no stretch with the newest
	// time, that it need not compete with newer ones for room: a smaller window of its own.
	before *window[T]
}

// head of a ring. Times lie in order, the newest one before next, and less than T can
// express apart from one to the next. So the low bits are enough to know them all, and the
// oldest is known without a look at the ring.
type head struct {
	newest int64 // milliseconds, of 48 bits
	oldest int64
	next   uint8 // of 7 bits
	n      uint8
	told   bool  // an excess was told, and is not over
	recent uint8 // of the times, those within the span; where that is asked
}

func (s *slot) head() head {
	return head{newest: s.mark >> 16, oldest: s.more, next: uint8(s.mark>>8) & 127, n: uint8(s.mark), told: s.mark&told != 0}
}

func (s *slot) setHead(h *head) {
	s.mark, s.more = h.newest<<16|int64(h.next)<<8|int64(h.n), h.oldest
	if h.told {
		s.mark |= told
	}
}

const told = 1 << 15 // in a mark

// pin is what being told of adds to a worth.
func (h *head) pin() int {
	if h.told {
		return pinned
	}
	return 0
}

// A question to a rule's memory, about one exchange.
type question struct {
	at       int64 // milliseconds
	hush     int64 // an excess told now is not told again until then, or until it is over
	together int   // counted by all nodes, 0 when nobody knows
	slow     int   // the lower limit of who is throttled, 0 for the rule's own
	supposed bool  // who is over the lower limit passes all the same, and so is counted

	hash  uint64    // that places whom it is about; 0 where it is not reckoned yet
	parts [2]uint64 // the words of a pair
	value uint64    // the word of what is counted where it is different values,
	of    Dimension // which dimension it is a value of,
	view  *view     // and where to read it
}

// place of whom a question is about.
func (q *question) place(who uint64, k keyed) uint64 {
	if q.hash != 0 {
		return q.hash
	}
	return k.word(who)
}

// A tally is the answer. It is small, as nearly always there is nothing to tell.
type tally struct {
	over     bool     // more than the limit, this exchange included
	slow     bool     // more than the lower limit
	tell     bool     // over, and not told yet
	weak     bool     // see Finding
	only     bool     // tell, and decide nothing, as of an estimate
	severity Severity // other than the rule's; 0 for the rule's
	count    int      // how many, when it is over
	wait     int64    // milliseconds until there is room again, when it is over or slow; 0 for never
	left     int      // after this one, where that is asked
	reset    int64    // milliseconds until there is more left, likewise; 0 when nothing was counted

	*telling // what more there is to tell; nil for nothing
}

// A telling is what a finding says beside how many there were.
type telling struct {
	about  Target   // whom it is about; zero for the client
	times  []int64  // of those counted here, oldest first
	seen   []string // see Finding
	parts  []Part   // likewise
	reason string   // where Rule.Reason is nil
	unless string   // see Finding
}

const forever = math.MaxInt64

// put back by more than this is a clock put back, in milliseconds.
const putBack = int64(LongestLate / 1e6)

// newWindow makes a window for that many actors. T must hold the span, with a little to spare.
func newWindow[T uint16 | uint32](limit int, span, late int64, keep bool, slots int, k keyed) *window[T] {
	w := &window[T]{table: newTable(slots, k), limit: limit, span: span, late: late, keep: keep}
	w.names, w.clients = newNames(levelsOf(nil), w.size()), true
	w.times = newRings[T](max(limit, 1), w.size())
	w.quiet = make([]int64, w.size())
	lay(w.table, w.times.own, w.times.few)
	if late >= span {
		w.before = newWindow[T](limit, span, span-1, keep, slots/16, k)
	}
	return w
}

// by counts others than clients.
func (w *window[T]) by(l levels) {
	w.names, w.clients = newNames(l, w.size()), l.client()
	if w.before != nil {
		w.before.by(l)
	}
}

// meter lets answers tell what is left of the limit.
func (w *window[T]) meter() { w.recents = make([]uint8, w.size()) }

// share the admission that stands before full sets.
func (w *window[T]) share(a *admission) { w.admission = a }

func (w *window[T]) see(a actor, q *question) tally {
	who := uint64(a)
	hash := q.place(who, w.keyed)
	s, set := w.at(hash)
	s.mu.Lock()
	i := s.find(set, who, hash)
	if i < 0 {
		var first int64
		if i, first = w.enter(s, set, who, hash, q.at); i < 0 { // nobody counts him here
			s.mu.Unlock()
			return w.crowded(a, q)
		}
		h := head{newest: first}
		w.times.giveBack(s.first + i)
		if first < q.at {
			w.put(&h, w.times.of(s.first+i), first)
		}
		s.slots[i].setHead(&h)
		w.note(s.first+i, q.parts)
		if w.recents != nil {
			w.recents[s.first+i] = 0
		}
	}
	h := s.slots[i].head()
	if w.recents != nil {
		h.recent = w.recents[s.first+i]
	}
	t, earlier := w.count(&h, s, i, q)
	s.slots[i].setHead(&h)
	if w.recents != nil {
		w.recents[s.first+i] = h.recent
	}
	s.mu.Unlock()
	if earlier {
		return w.before.see(a, q)
	}
	return t
}

// ofNetwork is how many times the limit a network may do together, whose addresses nobody counts.
const ofNetwork = 4

// gather those who are not counted one by one under their networks.
func (w *window[T]) gather(k keyed) {
	w.wider = newWindow[T](min(w.limit*ofNetwork, MostCounted), w.span, w.late, w.keep, w.size()/64, k)
}

// crowded answers for one whom nobody counts, as too many come at once. His network is counted in
// his place: what it does is noted for incidents, and decides nothing, as it is done by many.
func (w *window[T]) crowded(a actor, q *question) tally {
	over := q.together > w.limit
	t := tally{over: over, tell: over, count: q.together, wait: w.span}
	if over || w.wider == nil {
		return t
	}
	network := networkPrefix(uint64(a.network()))
	n := w.wider.see(a.network(), &question{at: q.at, hush: q.hush})
	if !n.tell {
		return t
	}
	t.over, t.tell, t.only, t.weak, t.severity, t.count = true, true, true, true, Medium, n.count
	t.telling = &telling{about: Target{Network: network}}
	if n.telling != nil {
		t.times = n.times
	}
	t.reason = fmt.Sprintf("Addresses of %s together tripped what counts for one, %s within %s; the limit for a network is %d. More addresses come at once than can be remembered one by one, so nothing is decided by it.",
		network, plural(n.count, "time"), words(time.Duration(w.span)*time.Millisecond), w.wider.limit)
	t.unless = fmt.Sprintf("With fewer addresses about, each would have been counted by itself; up to %s of the network it would not have fired.", plural(w.wider.limit, "time"))
	return t
}

// enter a client, whose first time that counts is this one or one when he had to wait. The answer is
// negative when he has to wait now.
func (w *window[T]) enter(s *stripe, set int, who, hash uint64, at int64) (i int, first int64) {
	first = at
	weigh := func(i int) worth { return w.worth(s, i, at) }
	if w.porch == nil {
		i, _ = s.claim(set, who, hash, at, weigh)
		return i, first
	}
	if came, ok := w.porch.came(hash, at); ok {
		first, s.waited = came, true
	}
	i, lost := s.claim(set, who, hash, at, weigh)
	s.waited = false
	switch {
	case i < 0:
		w.porch.wait(hash, at)
		return i, first
	case lost.count == 1:
		w.porch.wait(w.hash(s.lost), lost.newest)
	}
	w.porch.leave(hash)
	return i, first
}

// room for one more time of a slot: its ring, or one lent to it when it needs more.
func (w *window[T]) room(h *head, s *stripe, i int, at int64) []T {
	few := w.times.of(s.first + i)
	if int(h.n) < len(few) || len(few) == w.times.most || max(h.newest, at)-h.oldest >= w.span {
		return few // the oldest makes no excess any more
	}
	if !w.times.lend(s.first+i, func(slot int) bool { return w.spare(s, slot-s.first, at) }) {
		s.turnedAway++
		return few
	}
	ring := w.times.of(s.first + i)
	w.move(h, few, ring)
	return ring
}

// spare a ring when its slot was given up, or counts nothing any more.
func (w *window[T]) spare(s *stripe, i int, at int64) bool {
	slot := &s.slots[i]
	if slot.key == 0 {
		return true
	}
	h := slot.head()
	if at-h.newest < w.span {
		return false
	}
	few := w.times.own[(s.first+i)*w.times.few:]
	w.move(&h, w.times.of(s.first+i), few[:w.times.few])
	slot.setHead(&h)
	if w.recents != nil {
		w.recents[s.first+i] = min(w.recents[s.first+i], h.n)
	}
	return true
}

// move the newest times to another ring.
func (w *window[T]) move(h *head, from, to []T) {
	var room [MostCounted]int64
	times := w.recall(h, from, room[:0])
	times = times[:min(len(times), len(to))]
	for i, t := range times {
		to[len(times)-1-i] = T(t)
	}
	h.n, h.next, h.oldest = uint8(len(times)), uint8(len(times)%len(to)), h.newest
	if len(times) > 0 {
		h.oldest = times[len(times)-1]
	}
}

// count judges an exchange and keeps its time, unless it belongs to the window before.
func (w *window[T]) count(h *head, s *stripe, i int, q *question) (t tally, earlier bool) {
	ring, quiet := w.times.of(s.first+i), &w.quiet[s.first+i]
	switch behind := h.newest - q.at; {
	case behind <= 0 || w.limit == 0:
	case behind > putBack:
		*h = head{newest: q.at}
	case behind > w.late:
		return t, false
	case behind >= w.span:
		return t, true
	}
	// Only limit times are kept, so there are more when this one and all of them lie together.
	if int(h.n) >= w.limit && (w.limit == 0 || max(h.newest, q.at)-min(h.oldest, q.at) < w.span) {
		t.over, t.count = true, w.limit+1
	}
	if q.together > w.limit {
		t.over, t.count = true, max(t.count, q.together)
	}
	oldest, full := h.oldest, int(h.n) == w.limit
	if q.slow > 0 && int(h.n) >= q.slow {
		var room [MostCounted]int64
		oldest, full = w.recall(h, ring, room[:0])[q.slow-1], true
		t.slow = max(h.newest, q.at)-oldest < w.span
	}
	switch {
	case !t.over && !t.slow || w.limit == 0: // there is room, or never will be
	case full:
		t.wait = min(max(oldest+w.span-q.at, 1), w.span)
	default:
		t.wait = w.span
	}
	if t.over && (!h.told || q.at >= *quiet) {
		h.told, *quiet = true, q.hush
		t.tell, t.telling = true, &telling{times: w.list(h, ring, q.at)}
	}
	h.told = h.told && t.over
	if w.recents != nil {
		w.lapse(h, ring, q.at)
	}
	if w.keep || !t.over && (!t.slow || q.supposed) {
		ring = w.room(h, s, i, q.at)
		w.put(h, ring, q.at)
	}
	if w.recents != nil {
		w.rest(h, ring, q, &t)
	}
	return t, false
}

// lapse takes out of the recent times those that lie a span or more back.
func (w *window[T]) lapse(h *head, ring []T, at int64) {
	for h.recent > 0 && at-w.edge(h, ring) >= w.span {
		h.recent--
	}
}

// edge is the oldest of the recent times. It lies less than a span before the newest, so its low
// bits tell all.
func (w *window[T]) edge(h *head, ring []T) int64 {
	i := int(h.next) - int(h.recent)
	if i < 0 {
		i += len(ring)
	}
	return h.newest - int64(T(h.newest)-ring[i])
}

// rest tells what is left of the limit, and when more is.
func (w *window[T]) rest(h *head, ring []T, q *question, t *tally) {
	limit := w.limit
	if q.slow > 0 && !q.supposed {
		limit = q.slow
	}
	t.left = max(limit-max(int(h.recent), q.together), 0)
	switch {
	case t.over || t.slow && !q.supposed:
		t.left, t.reset = 0, t.wait
	case h.recent > 0:
		t.reset = max(w.edge(h, ring)+w.span-q.at, 1)
	default:
		t.reset = w.span
	}
}

// put keeps a time in its place. When the ring is full, the oldest goes.
func (w *window[T]) put(h *head, ring []T, at int64) {
	if at < h.newest && h.n > 0 {
		w.insert(h, ring, at)
		return
	}
	if at-h.newest > int64(^T(0)) {
		h.n = 0 // T can't express how far back they lie, and it is more than the span
	}
	next := int(h.next)
	after := next + 1
	if after == len(ring) {
		after = 0
	}
	switch {
	case h.n == 0 || len(ring) == 1:
		h.n, h.oldest = 1, at
	case int(h.n) == len(ring):
		h.oldest += int64(ring[after] - ring[next])
	default:
		h.n++
	}
	ring[next] = T(at)
	h.newest, h.next = at, uint8(after)
	h.recent = min(h.recent+1, h.n)
}

// insert keeps a time among newer ones: the slow way, which few take.
func (w *window[T]) insert(h *head, ring []T, at int64) {
	var room [MostCounted + 1]int64
	times := append(w.recall(h, ring, room[:0]), at)
	slices.Sort(times)
	times = times[max(len(times)-len(ring), 0):]
	for i, t := range times {
		ring[i] = T(t)
	}
	h.oldest, h.n, h.next = times[0], uint8(len(times)), uint8(len(times)%len(ring))
	if w.recents != nil {
		after, _ := slices.BinarySearch(times, h.newest-w.span+1)
		h.recent = uint8(len(times) - after)
	}
}

// recall appends the times, newest first.
func (w *window[T]) recall(h *head, ring []T, times []int64) []int64 {
	i, t := int(h.next), h.newest
	for n := range int(h.n) {
		if i--; i < 0 {
			i = len(ring) - 1
		}
		if n > 0 {
			t -= int64(T(t) - ring[i])
		}
		times = append(times, t)
	}
	return times
}

// list the times within the span of an exchange, it included, oldest first.
func (w *window[T]) list(h *head, ring []T, at int64) []int64 {
	times := append(w.recall(h, ring, make([]int64, 0, int(h.n)+1)), at)
	slices.Sort(times)
	return slices.DeleteFunc(times, func(t int64) bool { return t-at >= w.span || at-t >= w.span })
}

// worth of a slot at a time: how many times it still counts.
func (w *window[T]) worth(s *stripe, i int, now int64) worth {
	h := s.slots[i].head()
	since := max(now, h.newest) - w.span
	switch {
	case h.n == 0 || h.newest <= since || h.newest-now > putBack:
		return worth{}
	case h.oldest > since:
		return worth{int(h.n) + h.pin(), h.newest}
	}
	var room [MostCounted]int64
	times := w.recall(&h, w.times.of(s.first+i), room[:0])
	n := slices.IndexFunc(times, func(t int64) bool { return t <= since })
	return worth{n + h.pin(), h.newest}
}

// retell makes every excess news again.
func (w *window[T]) retell() {
	w.eachSlot(func(s *slot) { s.mark &^= told })
	if w.before != nil {
		w.before.retell()
	}
}

// forget drops what was counted against a target.
func (w *window[T]) forget(t Target) {
	w.names.forget(w.table, t)
	if w.porch != nil && t.Network.IsValid() {
		w.porch.forget(actorsOf(t.Network))
	}
	if w.wider != nil {
		w.wider.forget(t)
	}
	if w.before != nil {
		w.before.forget(t)
	}
}
