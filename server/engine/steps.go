package engine

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"
)

// steps remember which route follows which, as those walk the API who are well answered, and for each
// account, key or session how odd its last steps were.
//
// A step is odd when it is one in two thousand of those from where it begins, with a tenth of the say
// left to how common its end is by itself (a Markov chain of the first order that backs off): who
// comes back to the front page after an hour takes a rare step to a common place. From a route that was
// not left a thousand times no step is odd, nor is one to a route that is new to everybody, as after a
// release.
type steps struct {
	*table  // by holder; a slot holds when he last walked, and how many steps he has to set against newcomers
	walkers []walker
	ways    *table // by route, and by two that follow each other; a slot holds how often, and who was the last
}

// A walker is who walks. What every step needs comes first.
type walker struct {
	at      int64
	from    uint64 // the route he was on, 0 for none
	taken   uint32
	lessons uint32 // ten minutes that learned are of
	learned uint8
	told    bool // of these odd steps
	trail   trail
	name    [nameKept]byte // of the route he was on, zeros behind
	odd     [oddEnough]rareStep
}

// A rareStep is one that hardly anybody takes.
type rareStep struct {
	number uint32 // among those taken; 0 for none
	way    uint64
	text   string
}

const (
	oddEnough   = 3  // different ones, among
	oddAmong    = 20 // steps
	leftEnough  = 1000
	cameEnough  = 20
	oddSurprise = 7.5 // nats: 1 in 1,800
	backOff     = 0.1
	mostOdd     = 0.001 // of those who left, at most took an odd step: e to the power of -oddSurprise, and some room
	waysKept    = 1 << 14
	walksFor    = 30 * 60 * 1000 // milliseconds after which a step begins anew
	stepsTaught = 20             // steps that one walker teaches in ten minutes
	lesson      = 10 * 60 * 1000
	nameKept    = 40
	nobody      = 0
)

func newSteps(p Policy, k keyed) *steps {
	s := &steps{table: newTable(p.Clients/16, k), ways: newTable(waysKept, k)}
	s.walkers = make([]walker, s.size())
	lay(s.table, s.walkers, 1)
	return s
}

// A gait is what a view says of how its holder walks.
type gait struct {
	odd [oddEnough]string // filled where that many of his last steps were, and it was not told yet
}

func (g *gait) strange() bool { return g.odd[oddEnough-1] != "" }

func (s *steps) look(v *view) {
	if v.Status >= 400 || v.site.template == 0 || v.Account == "" && v.Key.Zero() && v.Session.Zero() {
		return
	}
	to := s.hash(v.site.template, methodHash(v.Method))
	who, hash := v.holderAt(s.keyed)
	stripe, set := s.at(hash)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	i := stripe.find(set, who, hash)
	if i < 0 {
		if i, _ = stripe.claim(set, who, hash, v.now, func(i int) worth {
			w := &stripe.slots[i]
			return worth{int(w.more), w.mark}
		}); i < 0 {
			return
		}
		s.walkers[stripe.first+i] = walker{trail: trail{begun: seconds(v.now)}}
	}
	w := &s.walkers[stripe.first+i]
	switch behind := w.at - v.now; {
	case behind > putBack:
		*w = walker{trail: trail{begun: seconds(v.now)}}
	case behind > 0:
		return // late: he has gone on
	}
	if w.from != 0 && v.now-w.at < walksFor {
		s.step(w, to, v)
	}
	if w.from != to {
		w.from, w.name = to, [nameKept]byte{}
		n := copy(w.name[:], v.Method)
		if n < nameKept {
			w.name[n] = ' '
			copy(w.name[n+1:], routeOf(&v.Request))
		}
	}
	w.at = v.now
	w.trail.pass(to, v.now)
	stripe.slots[i].mark, stripe.slots[i].more = v.now, int64(min(w.taken, oddAmong))
}

// step from where a walker is.
func (s *steps) step(w *walker, to uint64, v *view) {
	if w.from == to {
		return
	}
	w.taken++
	way := s.hash(w.from, to)
	if left, taken := s.seen(w.from), s.seen(way); left >= leftEnough && float64(taken) <= mostOdd*float64(left) {
		came, walked := s.seen(s.hash(to, everybody)), s.seen(everybody)
		p := (1-backOff)*float64(taken)/float64(left) + backOff*float64(came)/float64(max(walked, 1))
		if came >= cameEnough && -math.Log(p) >= oddSurprise {
			s.note(w, way, left, taken, v)
		}
	}
	if ten := uint32(v.now / lesson); w.lessons != ten { //nolint:gosec // a century and more
		w.lessons, w.learned = ten, 0
	}
	if w.learned < stepsTaught {
		w.learned++
		by, _ := v.holderAt(s.keyed)
		s.learn(w.from, nobody)
		s.learn(way, by)
		s.learn(s.hash(to, everybody), by)
		s.learn(everybody, nobody)
	}
}

// note an odd step; once there are enough, the view says so.
func (s *steps) note(w *walker, way uint64, left, taken int64, v *view) {
	oldest := 0
	for i := range w.odd {
		if o := &w.odd[i]; o.way == way && o.number != 0 {
			o.number = w.taken
			return
		} else if o.number < w.odd[oldest].number {
			oldest = i
		}
	}
	w.odd[oldest] = rareStep{w.taken, way, fmt.Sprintf("%s → %s (%s)", quoted(w.text()), quoted(templateText(v.Method+" "+routeOf(&v.Request))), oneIn(left, taken))}
	for i := range w.odd {
		if o := &w.odd[i]; o.number == 0 || w.taken-o.number >= oddAmong {
			w.told = false
			return
		}
	}
	if w.told {
		return
	}
	w.told = true
	for i := range w.odd {
		v.gait.odd[i] = w.odd[i].text
	}
}

// text of the route he was on.
func (w *walker) text() string {
	name := bytes.TrimRight(w.name[:], "\x00")
	for len(name) > 0 && !utf8.Valid(name) {
		name = name[:len(name)-1]
	}
	return templateText(string(name))
}

// oneIn says how rare a step is.
func oneIn(left, taken int64) string {
	if taken == 0 {
		return fmt.Sprintf("none of %d", left)
	}
	return fmt.Sprintf("1 in %d", left/taken)
}

// seen is how often a route was left, or one led to another.
func (s *steps) seen(what uint64) int64 {
	hash := s.ways.word(what)
	at, set := s.ways.at(hash)
	at.mu.Lock()
	defer at.mu.Unlock()
	if i := at.find(set, what, hash); i >= 0 {
		return at.slots[i].mark
	}
	return 0
}

// learn counts one more, unless the same walker was the last to teach it: no rare step is made common
// by one alone. A full set gives up what was seen least.
func (s *steps) learn(what, who uint64) {
	hash := s.ways.word(what)
	at, set := s.ways.at(hash)
	at.mu.Lock()
	defer at.mu.Unlock()
	i := at.find(set, what, hash)
	if i < 0 {
		if i, _ = at.claim(set, what, hash, 0, func(i int) worth { return worth{count: int(at.slots[i].mark)} }); i < 0 {
			return
		}
	}
	if last := int64(who); last == nobody || at.slots[i].more != last { //nolint:gosec // compared, no more
		at.slots[i].mark++
		at.slots[i].more = last
	}
}

func (s *steps) forget(t Target) {
	if who := s.traveller(&Request{Account: t.Account, Key: t.Key}); who != 0 {
		s.dropKey(who, s.hash(who))
	}
}
