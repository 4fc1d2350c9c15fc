package engine

// distinct counts how many different values (accounts, say) came within a span from each of whom
// it counts for.
//
// Up to 64 it is exact: it keeps a hash of each value, and when it came last. There is room for
// sixteen in each slot; where the limit is higher, whoever shows more is lent more room, of which
// there is less. Beyond, where the limit is, he is estimated as a throng: over half the span at
// least, and the whole at most. It tells by the estimate, and decides only by what is surely in it:
// see surely.
//
// What comes late counts where it belongs while the span lasts. When it lies more than an hour
// back, the clock was put back, and the memory of him begins anew.
type distinct struct {
	*table // by who is counted; a slot holds his newest time and what was told, and until when that is enough
	names
	limit   int
	span    int64
	late    int64
	keep    bool // values over the limit are kept too
	values  []sighting
	lent    []uint16   // by slot, the number of the room lent to him in the stripe, plus one; nil where nobody needs more
	owners  []int32    // of rooms, a share of them for each stripe: the slot in the stripe, plus one; 0 when it is free
	rooms   []sighting // that are lent
	throngs []throng   // one for each room; nil where the limit needs none
	said    []saying   // the newest values of each stripe, in turn
	next    [stripes]uint8
}

// A sighting is a value's hash and when it came last, in milliseconds, the low bits.
type sighting struct{ hash, at uint32 }

// A saying is a value as people read it.
type saying struct {
	who  uint64
	long uint8
	text [63]byte
}

const (
	fewValues   = 16  // that a slot has room for
	manyValues  = 64  // that are known exactly
	roomShare   = 8   // so many slots have one room to lend
	saidLately  = 16  // values per stripe
	everSighted = 127 // in a mark: how many sightings were written
)

// surely is what an estimate leaves when three standard errors are taken off.
func surely(estimate int) int { return estimate * 5 / 6 }

func newDistinct(limit int, span, late int64, keep bool, slots int, k keyed, by levels) *distinct {
	w := &distinct{table: newTable(slots, k), limit: limit, span: span, late: late, keep: keep}
	w.names, w.clients = newNames(by, w.size()), by.client()
	w.values = make([]sighting, w.size()*fewValues)
	lay(w.table, w.values, fewValues)
	w.said = make([]saying, stripes*saidLately)
	if limit >= fewValues {
		w.lent = make([]uint16, w.size())
		w.owners = make([]int32, w.size()/roomShare)
		w.rooms = make([]sighting, len(w.owners)*manyValues)
	}
	if limit >= manyValues {
		w.throngs = make([]throng, len(w.owners))
	}
	return w
}

func (w *distinct) see(a actor, q *question) (t tally) {
	who := uint64(a)
	hash := q.place(who, w.keyed)
	s, set := w.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, who, hash)
	if i < 0 {
		if i, _ = s.claim(set, who, hash, q.at, func(i int) worth { return w.worth(s, i, q.at) }); i < 0 {
			return t // nobody counts him here
		}
		s.slots[i].mark = q.at << 16
		w.giveBack(s, i)
		w.note(s.first+i, q.parts)
	}
	p := &s.slots[i]
	newest := p.mark >> 16
	switch behind := newest - q.at; {
	case behind > putBack:
		*p = slot{key: p.key, mark: q.at << 16}
		w.giveBack(s, i)
		newest = q.at
	case behind > w.late || behind >= w.span:
		return t
	case behind <= -w.span: // all are gone, and low bits of their times may say otherwise
		p.mark &= told | guessed
		newest = q.at
	}
	newest = max(newest, q.at)
	p.mark = newest<<16 | p.mark&(told|guessed|everSighted)
	t.count = w.enter(s, i, q, newest)
	w.judge(p, &t, q)
	if t.tell {
		t.telling = &telling{seen: w.read(s, who, q)}
	}
	return t
}

// judge a count. An estimate that may be wrong tells and does not decide.
func (w *distinct) judge(p *slot, t *tally, q *question) {
	sure := t.count
	if t.count > manyValues+1 {
		sure = max(surely(t.count), manyValues+1)
	}
	switch {
	case sure > w.limit:
		if t.over = true; p.mark&told == 0 || q.at >= p.more {
			p.mark, p.more, t.tell = p.mark|told, q.hush, true
		}
	case t.count > w.limit && w.keep:
		t.over, t.only, t.tell = true, true, p.mark&(told|guessed) == 0
		p.mark |= guessed
	case t.count <= w.limit-w.limit/4:
		p.mark &^= told | guessed
	}
	t.slow = q.slow > 0 && sure > q.slow
	if t.over || t.slow {
		t.wait = w.span
	}
}

// enter a value, and answer how many there are with it.
func (w *distinct) enter(s *stripe, i int, q *question, newest int64) int {
	p, hash, at := &s.slots[i], uint32(scramble(q.value^w.k1)), uint32(q.at)
	values := w.known(s, i)
	written := int(p.mark & everSighted)
	here, room, oldest, live := -1, -1, 0, 0
	for j, v := range values[:written] {
		age := uint32(newest) - v.at
		if v.hash == hash {
			here = j
		}
		switch {
		case int64(age) < w.span:
			live++
		case v.hash != hash:
			room = j
		}
		if age > uint32(newest)-values[oldest].at {
			oldest = j
		}
	}
	known := here >= 0 && int64(uint32(newest)-values[here].at) < w.span
	if known {
		if int32(at-values[here].at) > 0 {
			values[here].at = at
		}
		return w.many(s, i, hash, q.at, newest, live)
	}
	if !w.keep && live >= w.limit {
		return live + 1
	}
	if live == fewValues && len(values) == fewValues && w.lend(s, i, newest) {
		values = w.known(s, i)
	}
	switch {
	case here >= 0:
		values[here].at = at
	case written < len(values):
		values[written] = sighting{hash, at}
		p.mark++
	case room >= 0:
		values[room] = sighting{hash, at}
	case int32(at-values[oldest].at) > 0:
		values[oldest] = sighting{hash, at}
	}
	w.write(s, p.key, q)
	return w.many(s, i, hash, q.at, newest, live+1)
}

// many is how many there are, as a throng where that is needed. Who shows few again gives his room
// back.
func (w *distinct) many(s *stripe, i int, hash uint32, at, newest int64, live int) int {
	room := w.room(s, i)
	switch {
	case room < 0:
		return live
	case live < fewValues/2:
		w.shrink(s, i, newest)
		return live
	case w.throngs == nil:
		return live
	}
	c := &w.throngs[room]
	switch {
	case live < manyValues:
		c.counts = false
		return live
	case !c.counts && live == manyValues:
		return live
	case !c.counts:
		*c = throng{counts: true, turn: w.turn(newest)}
		for _, v := range w.known(s, i) {
			c.see(v.hash, w.turn(newest-int64(uint32(newest)-v.at)))
		}
	}
	c.see(hash, w.turn(at))
	return max(live, c.size())
}

// turn is the number of the half that a time lies in.
func (w *distinct) turn(at int64) int64 {
	half := max(w.span/2, 1)
	n := at / half
	if at < 0 && at%half != 0 {
		n--
	}
	return n
}

// known are the sightings of a slot, as many as there is room for.
func (w *distinct) known(s *stripe, i int) []sighting {
	if room := w.room(s, i); room >= 0 {
		return w.rooms[room*manyValues : (room+1)*manyValues]
	}
	return w.own(s, i)
}

func (w *distinct) own(s *stripe, i int) []sighting {
	return w.values[(s.first+i)*fewValues : (s.first+i+1)*fewValues]
}

// room that is lent to a slot, or -1.
func (w *distinct) room(s *stripe, i int) int {
	if w.lent == nil || w.lent[s.first+i] == 0 {
		return -1
	}
	return s.first/roomShare + int(w.lent[s.first+i]) - 1
}

// lend a slot more room: what is free, else of who was not seen within the span. When there is none,
// he counts as seventeen.
func (w *distinct) lend(s *stripe, i int, newest int64) bool {
	if w.lent == nil {
		return false
	}
	first := s.first / roomShare
	for n := range len(w.owners) / stripes {
		owner := &w.owners[first+n]
		if *owner > 0 {
			if o := &s.slots[*owner-1]; o.key != 0 && newest-o.mark>>16 < w.span {
				continue
			}
			if s.slots[*owner-1].key != 0 { // it was not dropped in the meantime
				s.slots[*owner-1].mark &^= everSighted
			}
			w.giveBack(s, int(*owner-1))
		}
		*owner = int32(i + 1)
		copy(w.rooms[(first+n)*manyValues:], w.own(s, i))
		if w.throngs != nil {
			w.throngs[first+n].counts = false
		}
		w.lent[s.first+i] = uint16(n + 1)
		return true
	}
	s.turnedAway++
	return false
}

// giveBack the room lent to a slot, if there is any.
func (w *distinct) giveBack(s *stripe, i int) {
	if room := w.room(s, i); room >= 0 {
		w.owners[room], w.lent[s.first+i] = 0, 0
	}
}

// shrink gives back the room lent to a slot, keeping what counts.
func (w *distinct) shrink(s *stripe, i int, newest int64) {
	p, own, n := &s.slots[i], w.own(s, i), 0
	for _, v := range w.known(s, i)[:p.mark&everSighted] {
		if int64(uint32(newest)-v.at) < w.span && n < len(own) {
			own[n] = v
			n++
		}
	}
	p.mark = p.mark&^everSighted | int64(n)
	w.giveBack(s, i)
}

// write down what a value is called.
func (w *distinct) write(s *stripe, who uint64, q *question) {
	if q.view == nil {
		return
	}
	n := s.first / len(s.slots)
	v := &w.said[n*saidLately+int(w.next[n])]
	w.next[n] = (w.next[n] + 1) % saidLately
	v.who, v.long = who, uint8(len(q.of.write(v.text[:0], q.view)))
}

// read the newest values of somebody, the oldest of them first, as far as they are still known.
func (w *distinct) read(s *stripe, who uint64, q *question) (seen []string) {
	if q.view == nil {
		return nil
	}
	n := s.first / len(s.slots)
	last := string(q.of.write(make([]byte, 0, len(saying{}.text)), q.view))
	for j := range saidLately {
		v := &w.said[n*saidLately+(int(w.next[n])+j)%saidLately]
		if text := string(v.text[:v.long]); v.who == who && text != last {
			seen = append(seen, text)
		}
	}
	return append(seen, last)
}

// worth of a slot at a time: how many values still count.
func (w *distinct) worth(s *stripe, i int, at int64) (v worth) {
	p := &s.slots[i]
	v.newest = p.mark >> 16
	if since := at - v.newest; since >= w.span || since < -putBack {
		return worth{}
	}
	now := uint32(max(at, v.newest))
	for _, o := range w.known(s, i)[:p.mark&everSighted] {
		if int64(now-o.at) < w.span {
			v.count++
		}
	}
	if v.count > 0 && p.mark&(told|guessed) != 0 {
		v.count += pinned
	}
	return v
}

// retell makes every excess news again.
func (w *distinct) retell() {
	w.eachSlot(func(s *slot) { s.mark &^= told | guessed })
}

// forget drops what was counted against a target.
func (w *distinct) forget(t Target) { w.names.forget(w.table, t) }
