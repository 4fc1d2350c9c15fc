package anomaly

import (
	"math"
	"sync/atomic"
)

// An Actor is what the caller keeps of whoever sends events: twelve bytes, zero at first. The
// caller sees to it that one goroutine at a time has it.
type Actor struct {
	Score float32 // a moving average of the scores of its events
	Peak  float32 // of Score on the day
	day   uint16
	heard Standing // how it stood out on the day
	known bool     // it has a score
}

// A Standing says how an actor stands out.
type Standing uint8

// Whoever stands out does so once a day.
const (
	Usual  Standing = iota
	Odd             // more than 99 of 100; means little by itself
	Beyond          // beyond what the budget lets pass: worth a look
)

// The budget: so many actors a day may be Beyond, and so many of all that are active. The threshold
// aims at a share that is lower still: among the harmless somebody is always the oddest.
const (
	PerDay    = 20
	MostShare = 0.005

	aimedShare = 0.001

	oddShare = 0.01

	// Below these nobody stands out, however alike all others are.
	leastOdd    = 5
	leastBeyond = 8

	pace = 0.2 // of the moving average
)

// Follow takes an event's score into that of the actor who sent it, and says whether that makes
// the actor stand out. One that is flagged already by other means is followed, but neither stands
// out nor tells what is usual. The thresholds are those of days before: on the first one nobody
// stands out, and nobody has a score before the model is warm.
func (m *Model) Follow(a *Actor, score float64, flagged bool, at int64) Standing {
	if !m.Warm() {
		return Usual
	}
	today := at / day
	if today != m.today.Load() {
		m.mu.Lock()
		m.turn(at)
		m.mu.Unlock()
	}
	if !a.known { // most attackers send a handful of events: the first one counts in full
		a.known, a.Score = true, float32(score)
	}
	a.Score += pace * (float32(score) - a.Score)
	fresh := a.day != uint16(today)+1
	if flagged || today != m.today.Load() {
		return Usual
	}
	s := &m.actors
	if fresh {
		a.day, a.heard, a.Peak = uint16(today)+1, Usual, a.Score
		s.now[rung(a.Score)].Add(1)
		s.active.Add(1)
	} else if a.Score > a.Peak {
		s.now.move(a.Peak, a.Score)
		a.Peak = a.Score
	}
	switch score := float64(a.Score); {
	case a.heard < Beyond && score >= s.threshold() && s.threshold() > 0 && s.spend():
		a.heard = Beyond
		return Beyond
	case a.heard < Odd && score >= s.oddAt() && s.oddAt() > 0:
		a.heard = Odd
		return Odd
	}
	return Usual
}

// Grade is an actor's score from 0 to 100, where 50 is the threshold.
func (m *Model) Grade(score float64) int {
	t := m.actors.threshold()
	if t == 0 {
		t = leastBeyond
	}
	if score <= 0 {
		return 0
	}
	return int(100 * score / (score + t))
}

// A sketch of how high actors' scores rise in a day.
type sketch struct {
	now        ladder        // today
	past       ladder        // the days before, half as much each, in units
	active     atomic.Uint32 // actors today
	before     atomic.Uint32 // on the last day that had any
	alerts     atomic.Uint32 // today
	beyond     atomic.Uint64 // bits of the threshold
	outlandish atomic.Uint64 // likewise of the odd
}

const (
	rungs  = 512
	perOne = 8 // rungs for one point of score
)

// A ladder counts actors by their score.
type ladder [rungs]atomic.Uint32

func rung(score float32) int { return int(min(max(score, 0)*perOne, rungs-1)) }

// move an actor. Where it was kept at another moment than the ladder, it may not stand on it.
func (l *ladder) move(from, to float32) {
	f, t := rung(from), rung(to)
	if f == t {
		return
	}
	for n := l[f].Load(); n > 0 && !l[f].CompareAndSwap(n, n-1); n = l[f].Load() {
	}
	l[t].Add(1)
}

// above is a score that at most a share of all reach, at least least.
func (l *ladder) above(share, least float64) float64 {
	total, sum := uint64(0), uint64(0)
	for i := range l {
		total += uint64(l[i].Load())
	}
	for i := rungs - 1; i >= 0; i-- {
		if sum += uint64(l[i].Load()); float64(sum) > share*float64(total) {
			return max(float64(i+1)/perOne, least)
		}
	}
	return least
}

func (s *sketch) threshold() float64 { return math.Float64frombits(s.beyond.Load()) }

func (s *sketch) oddAt() float64 { return math.Float64frombits(s.outlandish.Load()) }

// spend one alert of the day's, if there is one left. Where few are active, there is one.
func (s *sketch) spend() bool {
	most := max(min(PerDay, MostShare*float64(max(s.active.Load(), s.before.Load()))), 1)
	if float64(s.alerts.Add(1)) > most {
		s.alerts.Add(^uint32(0))
		return false
	}
	return true
}

// turn ends a day: what it saw decides who stands out on the next.
func (s *sketch) turn() {
	s.alerts.Store(0)
	n := s.active.Swap(0)
	if n == 0 {
		return
	}
	s.before.Store(n)
	for i := range s.past {
		s.past[i].Store(s.past[i].Load()/2 + s.now[i].Swap(0)*unit)
	}
	s.settle()
}

// settle the thresholds by what is past.
func (s *sketch) settle() {
	if n := s.before.Load(); n > 0 {
		s.beyond.Store(math.Float64bits(s.past.above(min(PerDay/float64(n), aimedShare), leastBeyond)))
		s.outlandish.Store(math.Float64bits(s.past.above(oddShare, leastOdd)))
	}
}
