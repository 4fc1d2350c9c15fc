package engine

import (
	"fmt"
	"strings"
	"time"
)

// MostRungs of a ladder.
const MostRungs = 8

// A Ladder is for how long something is done to who trips a rule: the first time, the second, and so
// on; zeros after the last, which holds from then on. Who was quiet for a week begins at its foot again.
type Ladder [MostRungs]time.Duration

// LadderOf makes one of so many rungs; what is too many is left out.
func LadderOf(rungs ...time.Duration) (l Ladder) {
	copy(l[:], rungs)
	return l
}

// Rungs of it, none where there is no ladder.
func (l *Ladder) Rungs() []time.Duration {
	n := 0
	for n < len(l) && l[n] != 0 {
		n++
	}
	return l[:n]
}

// quietFor is how long after the end of what was done to him somebody must be quiet.
const quietFor = 7 * 24 * time.Hour

// ladders remember who tripped a rule with a ladder, and how often. Who did so more often is not
// pushed out by who did less.
type ladders struct {
	*table // by rule and target; a slot holds how often, and when what was done about it ends
	whose  []offender
}

// An offender is a target, in words.
type offender struct {
	kind uint8
	word uint64
}

// Kinds of offenders.
const (
	offendingNetwork = iota + 1
	offendingKey
	offendingAccount
)

func newLadders(p Policy, k keyed) *ladders {
	l := &ladders{table: newTable(p.Clients/32, k)}
	l.whose = make([]offender, l.size())
	return l
}

func (l *ladders) offender(t Target) offender {
	switch {
	case t.Network.IsValid():
		return offender{offendingNetwork, uint64(actorsOf(t.Network).from)}
	case t.Account != "":
		return offender{offendingAccount, l.text(t.Account)}
	}
	return offender{offendingKey, t.Key.word()}
}

// of a rule and a target: what is only supposed is another matter than what is done.
func (l *ladders) of(a *armed, t Target) uint64 {
	who := l.offender(t)
	return l.hash(l.text(a.ID), who.word, uint64(who.kind)<<16|uint64(uint16(t.Network.Bits()))<<1|uint64(bit(a.shadow)))
}

// rung that somebody stands on now, from 0.
func (l *ladders) rung(a *armed, t Target, now int64) int {
	key := l.of(a, t)
	s, set := l.at(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, key, key)
	if i < 0 || l.quiet(&s.slots[i], now) {
		return 0
	}
	return min(int(s.slots[i].mark), len(a.Ladder.Rungs())-1)
}

func (l *ladders) quiet(s *slot, now int64) bool {
	return now-s.more > quietFor.Milliseconds() || s.more-now > LongestAction.Milliseconds()+putBack
}

// climb notes that something was done to somebody until then.
func (l *ladders) climb(a *armed, t Target, now, until int64) {
	key := l.of(a, t)
	s, set := l.at(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, key, key)
	if i < 0 {
		if i, _ = s.claim(set, key, key, now, func(i int) worth {
			if l.quiet(&s.slots[i], now) {
				return worth{}
			}
			return worth{int(s.slots[i].mark), s.slots[i].more}
		}); i < 0 {
			return
		}
		l.whose[s.first+i] = l.offender(t)
	}
	if l.quiet(&s.slots[i], now) {
		s.slots[i].mark = 0
	}
	s.slots[i].mark, s.slots[i].more = min(s.slots[i].mark+1, MostRungs), until
}

// forget what somebody did: he is given another chance.
func (l *ladders) forget(t Target) {
	who, where := l.offender(t), actorsOf(t.Network)
	l.dropIf(func(n int, _ uint64) bool {
		is := l.whose[n]
		if t.Network.IsValid() {
			return is.kind == offendingNetwork && where.hold(actor(is.word))
		}
		return is == who
	})
}

// stay is for how long something is done to somebody for a finding, which says on what rung he is.
func (a *armed) stay(g *regime, t Target, f *Finding, now int64) time.Duration {
	rungs := a.Ladder.Rungs()
	if len(rungs) == 0 {
		return a.For
	}
	n := g.ladders.rung(a, t, now)
	f.Reason += fmt.Sprintf(" Step %d of %d: for %s.", n+1, len(rungs), words(rungs[n]))
	return rungs[n]
}

// climb the ladder of a rule that has one, now that a decision stands.
func (a *armed) climb(g *regime, d *Decision, now int64) {
	if len(a.Ladder.Rungs()) > 0 {
		g.ladders.climb(a, d.Target, now, now+d.Until.Sub(d.From).Milliseconds())
	}
}

// said is a ladder in words, after "for".
func (l *Ladder) said() string {
	rungs := make([]string, 0, MostRungs)
	for _, d := range l.Rungs() {
		rungs = append(rungs, words(d))
	}
	said := rungs[0]
	if len(rungs) > 1 {
		said += ", then for " + strings.Join(rungs[1:], ", ")
	}
	return said + " as it goes on, from the first again after a quiet week"
}
