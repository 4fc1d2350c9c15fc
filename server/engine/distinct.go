package engine

// distinct counts how many different values (accounts, say) came within a span from each of whom
// it counts for.
//
// Up to sixteen it is exact: it keeps a hash of each value, and when it came last. Where the limit
// is higher, whoever shows more is lent a throng, of which there are fewer. That is an estimate, of
// half the span at least and of the whole at most. It tells by the estimate, and decides only by
// what is surely in it: see surely.
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
	throngs []throng  // a share of them for each stripe; none where the limit needs none
	lent    []uint16  // by slot, the number of its throng in the stripe plus one
	said    []saying  // the newest values of each stripe, in turn
	next    [64]uint8 // of each stripe, where the next is written
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
	fewValues   = 16 // that are known exactly
	throngShare = 8  // so many slots have one throng
	saidLately  = 16 // values per stripe
	everSighted = 31 // in a mark: how many sightings were written, at most sixteen
)

// surely is what an estimate leaves when three standard errors are taken off.
func surely(estimate int) int { return estimate * 5 / 6 }

func newDistinct(limit int, span, late int64, keep bool, slots int, k keyed, by levels) *distinct {
	w := &distinct{table: newTable(slots, k), limit: limit, span: span, late: late, keep: keep}
	w.names, w.clients = newNames(by, w.size()), by.client()
	w.values = make([]sighting, w.size()*fewValues)
	w.said = make([]saying, stripes*saidLately)
	if limit >= fewValues {
		w.throngs = make([]throng, w.size()/throngShare)
		w.lent = make([]uint16, w.size())
	}
	return w
}

func (w *distinct) see(a actor, q question) (t tally) {
	who := uint64(a)
	hash := w.hash(who)
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
		t.seen = w.read(s, who, q)
	}
	return t
}

// judge a count. An estimate that may be wrong tells and does not decide.
func (w *distinct) judge(p *slot, t *tally, q question) {
	sure := t.count
	if t.count > fewValues {
		sure = max(surely(t.count), fewValues)
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
func (w *distinct) enter(s *stripe, i int, q question, newest int64) int {
	values := w.values[(s.first+i)*fewValues : (s.first+i+1)*fewValues]
	p, hash, at := &s.slots[i], uint32(scramble(q.value^w.k1)), uint32(q.at)
	written := int(p.mark & everSighted)
	here, room, oldest, live := -1, -1, 0, 0
	for j := range values[:written] {
		v := &values[j]
		age := uint32(newest) - v.at
		switch {
		case v.hash == hash:
			here = j
		case int64(age) >= w.span:
			room = j
			continue
		}
		if int64(age) < w.span {
			live++
		}
		if age > uint32(newest)-values[oldest].at {
			oldest = j
		}
	}
	switch {
	case here >= 0 && int64(uint32(newest)-values[here].at) < w.span: // it was among them
		if int32(at-values[here].at) > 0 {
			values[here].at = at
		}
		return w.gather(s, i, hash, q.at, live)
	case !w.keep && live >= w.limit:
		return live + 1
	case here >= 0:
		values[here].at = at
	case room >= 0:
		values[room] = sighting{hash, at}
	case written < fewValues:
		values[written] = sighting{hash, at}
		p.mark++
	default:
		if w.throngs != nil && w.lent[s.first+i] == 0 {
			w.lend(s, i, values, newest)
		}
		if int32(at-values[oldest].at) > 0 {
			values[oldest] = sighting{hash, at}
		}
	}
	w.write(s, p.key, q)
	return w.gather(s, i, hash, q.at, live+1)
}

// gather is how many there are, by his throng when he has one. Who shows few again gives it back.
func (w *distinct) gather(s *stripe, i int, hash uint32, at int64, few int) int {
	c := w.throng(s, i)
	switch {
	case c == nil:
		return few
	case few < fewValues:
		w.giveBack(s, i)
		return few
	}
	c.see(hash, w.turn(at))
	return max(few, c.size())
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

func (w *distinct) throng(s *stripe, i int) *throng {
	if w.lent == nil || w.lent[s.first+i] == 0 {
		return nil
	}
	return &w.ofStripe(s)[w.lent[s.first+i]-1]
}

func (w *distinct) ofStripe(s *stripe) []throng {
	each := len(w.throngs) / stripes
	return w.throngs[s.first/throngShare:][:each]
}

// lend him a throng that knows what was seen of him: a free one, else one of who was not seen within
// the span. When there is none, he counts as sixteen.
func (w *distinct) lend(s *stripe, i int, values []sighting, newest int64) {
	throngs := w.ofStripe(s)
	for n := range throngs {
		c := &throngs[n]
		if c.owner > 0 {
			if newest-s.slots[c.owner-1].mark>>16 < w.span {
				continue
			}
			w.lent[s.first+c.owner-1] = 0
		}
		*c = throng{owner: i + 1, turn: w.turn(newest)}
		for _, v := range values {
			c.see(v.hash, w.turn(newest-int64(uint32(newest)-v.at)))
		}
		w.lent[s.first+i] = uint16(n + 1)
		return
	}
	s.turnedAway++
}

// giveBack his throng, if he has one.
func (w *distinct) giveBack(s *stripe, i int) {
	if c := w.throng(s, i); c != nil {
		c.owner, w.lent[s.first+i] = 0, 0
	}
}

// write down what a value is called.
func (w *distinct) write(s *stripe, who uint64, q question) {
	if q.view == nil {
		return
	}
	n := s.first / len(s.slots)
	v := &w.said[n*saidLately+int(w.next[n])]
	w.next[n] = (w.next[n] + 1) % saidLately
	v.who, v.long = who, uint8(len(q.of.write(v.text[:0], q.view)))
}

// read the newest values of somebody, the oldest of them first, as far as they are still known.
func (w *distinct) read(s *stripe, who uint64, q question) (seen []string) {
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
	for _, o := range w.values[(s.first+i)*fewValues:][:p.mark&everSighted] {
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
