// Package anomaly says how unusual something is, beside what was usual before, and why.
//
// A Model learns one event after the other. Of each feature it keeps a decayed histogram, and
// scores an event by how far out it lies: the sum over all features of max(0, -ln P(X >= x) - 1.5).
// A sum explains itself: each feature's addend is its share. Few things are odd in one respect
// once in a while; what is odd in several at once is worth a look.
//
// What decides how good that is, is what the model learns: show it only what is known to be good,
// and from no source so much that it could teach the model alone (20 events in ten minutes are
// enough). Then let actors, who send the events, be followed: an actor's score is a moving average
// of those of his events, and a budget says how many actors a day may stand out.
//
// There is no clock here, no chance and no goroutine: the same calls in the same order give the
// same answers. After New nothing is allocated but once a day. Score takes no lock; all methods may
// be called from several goroutines at once.
package anomaly

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// Kind of a feature.
type Kind uint8

// What a feature may be.
const (
	Number     Kind = iota + 1 // from Min to Max
	Magnitude                  // from 0 to Max, where ten times as much is one step
	Category                   // one of many things; the rarer it was so far, the odder
	Transition                 // likewise, after another one
)

// A Feature is one of the things that are looked at.
type Feature struct {
	Name     string
	Kind     Kind
	Min, Max float64 // of numbers; what lies beyond counts as being there
	Room     int     // of categories: how many are remembered at least; 4,096 when 0
}

// A Value is what an event has of a feature.
type Value struct {
	Number     float64
	Key, Given uint64 // of categories: hashes, keyed where strangers choose what is hashed

	// Repeated says that the source has shown this category before. How surprising it is, is learned
	// all the same; but a category is as common as it has sources.
	Repeated bool
}

// Limits of a model.
const (
	MostFeatures = 32
	mostRoom     = 1 << 16

	enoughEvents  = 200 // to have learned before anything is scored
	enoughSources = 50

	indifferent = 1.5    // of -ln P: what happens to one in five is not odd
	unit        = 256    // in which events are counted, so that counts can decay
	decayEvery  = 20_000 // learned events
	day         = 24 * 60 * 60 * 1000
	keptDays    = 7
	never       = math.MinInt64
)

// A Model knows what is usual.
type Model struct {
	schema []Feature
	core   atomic.Pointer[core] // replaced as a whole by Restore and Rollback
	frozen atomic.Bool

	mu     sync.Mutex // of all below, and of every change to the core
	drifts []drift
	days   [keptDays][]byte // snapshots of the core, the newest first
	kept   int
	until  int64 // the day before which events count double, after a drift

	today  atomic.Int64 // the day it is, by the events
	actors sketch
}

// core is what was learned.
type core struct {
	features []learned
	warm     atomic.Bool
	events   uint64 // learned in all
	since    int    // the last decay
	sources  [enoughSources]uint64
	known    int // of the sources
}

type learned struct {
	all   histogram
	day   tally
	known *counts // of categories
}

// New makes a model that knows nothing yet. An event has a value for each feature, in their order.
func New(features []Feature) (*Model, error) {
	if err := valid(features); err != nil {
		return nil, err
	}
	m := &Model{schema: append([]Feature(nil), features...), drifts: make([]drift, len(features))}
	m.core.Store(newCore(m.schema))
	m.today.Store(never)
	return m, nil
}

func valid(features []Feature) error {
	if len(features) == 0 || len(features) > MostFeatures {
		return fmt.Errorf("features must be 1 to %d, not %d", MostFeatures, len(features))
	}
	named := map[string]bool{}
	for i := range features {
		f := &features[i]
		field := fmt.Sprintf("features[%d].", i)
		switch {
		case f.Name == "" || named[f.Name]:
			return errors.New(field + "Name must be given, once")
		case f.Kind < Number || f.Kind > Transition:
			return errors.New(field + "Kind must be Number, Magnitude, Category or Transition")
		case f.Kind <= Magnitude && (!(f.Min < f.Max) || math.IsInf(f.Max-f.Min, 0)):
			return errors.New(field + "Max must be greater than Min, and both finite")
		case f.Kind == Magnitude && f.Min != 0:
			return errors.New(field + "Min must be 0: a magnitude begins there")
		case f.Room < 0 || f.Room > mostRoom:
			return fmt.Errorf("%sRoom must be 0 to %d", field, mostRoom)
		}
		named[f.Name] = true
	}
	return nil
}

func newCore(schema []Feature) *core {
	c := &core{features: make([]learned, len(schema))}
	for i := range schema {
		f, l := &schema[i], &c.features[i]
		l.all.start(f.span())
		if f.Kind >= Category {
			l.known = newCounts(f.Room)
		}
	}
	return c
}

// mostSurprise is that of what was never seen among half a million.
const mostSurprise = 14

// span of a feature's histogram, as its beginning and the width of a bin.
func (f *Feature) span() (low, width float64) {
	switch f.Kind {
	case Magnitude:
		return 0, math.Log1p(f.Max) / bins
	case Number:
		return f.Min, (f.Max - f.Min) / bins
	case Category, Transition: // how surprising they are
	}
	return 0, mostSurprise / float64(bins)
}

// at is where a value lies in the histogram.
func (l *learned) at(f *Feature, v *Value) float64 {
	switch f.Kind {
	case Number:
		return v.Number
	case Magnitude:
		if v.Number <= 0 {
			return 0
		}
		return ln(1 + min(v.Number, f.Max))
	case Category:
		return l.known.surprise(v.Key)
	case Transition:
		return l.known.surpriseAfter(v.Given, v.Key)
	}
	return 0 // there are no others
}

// Warm reports whether enough was learned to score anything.
func (m *Model) Warm() bool { return m.core.Load().warm.Load() }

// Score says how unusual an event is: 0 is usual, 10 is odd. It is 0 until the model is warm. x has
// a value for each feature.
func (m *Model) Score(x []Value) float64 { return m.Look(x, new(Places)) }

// Learn takes in an event that was good, at a time in milliseconds. The source is whoever sent it.
// While the model is frozen, nothing is learned.
func (m *Model) Learn(x []Value, source uint64, at int64) {
	p := new(Places)
	m.core.Load().place(m.schema, x, p)
	m.Take(x, p, source, at)
}

// Places are where an event's values lie among those that were seen before.
type Places struct {
	bin [MostFeatures]uint8
	odd uint32 // a bit for each that adds to the score
}

// Look is Score, and leaves in p what Take needs: so who learns what he scored looks but once.
func (m *Model) Look(x []Value, p *Places) float64 {
	c := m.core.Load()
	c.place(m.schema, x, p)
	if p.odd == 0 || !c.warm.Load() {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := 0.0
	for odd := p.odd; odd != 0; odd &= odd - 1 {
		i := bits.TrailingZeros32(odd)
		sum += c.features[i].all.oddness(int(p.bin[i]))
	}
	return sum
}

// place the values of an event.
func (c *core) place(schema []Feature, x []Value, p *Places) {
	p.odd = 0
	for i := range c.features {
		l := &c.features[i]
		bin := l.all.bin(l.at(&schema[i], &x[i]))
		p.bin[i] = uint8(bin) //nolint:gosec // 0 to 63
		if l.all.odd(bin) {
			p.odd |= 1 << i
		}
	}
}

// Take is Learn, of an event that Look has left the places of.
func (m *Model) Take(x []Value, p *Places, source uint64, at int64) {
	if m.frozen.Load() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(at)
	c, weight := m.core.Load(), uint32(unit)
	if m.today.Load() < m.until {
		weight *= 2
	}
	for i := range c.features {
		l, bin := &c.features[i], int(p.bin[i]%bins)
		l.all.add(bin, weight)
		l.day[bin]++
		switch kind := m.schema[i].Kind; {
		case x[i].Repeated:
		case kind == Category:
			l.known.learn(x[i].Key, weight)
		case kind == Transition:
			l.known.learnAfter(x[i].Given, x[i].Key, weight)
		}
	}
	c.note(source)
}

// note that an event was learned.
func (c *core) note(source uint64) {
	c.events++
	if c.since++; c.since >= decayEvery {
		c.since = 0
		for i := range c.features {
			c.features[i].all.decay()
			if k := c.features[i].known; k != nil {
				k.decay()
			}
		}
	}
	if c.known < enoughSources && !slices.Contains(c.sources[:c.known], source) {
		c.sources[c.known] = source
		c.known++
	}
	c.settle()
}

// settle whether it is warm.
func (c *core) settle() {
	if !c.warm.Load() && c.events >= enoughEvents && c.known >= enoughSources {
		c.warm.Store(true)
	}
}

// Fresh reports whether nobody has yet shown a category, under a feature, to the model.
func (m *Model) Fresh(feature int, key uint64) bool {
	return m.core.Load().features[feature].known.of(key) == 0
}

// Freeze stops learning, as while an attack goes on, or lets it go on.
func (m *Model) Freeze(stop bool) { m.frozen.Store(stop) }

// A Part is what one feature adds to a score.
type Part struct {
	Feature  string
	Value    float64 // of a category: it is one in so many
	Expected string  // where 99 of 100 lie, in plain words
	Points   float64 // of the score
	Share    float64 // of the score, 0 to 1
}

// Explain takes a score apart: what Score says is the sum of the points. Features that add nothing
// are left out; the greatest comes first.
func (m *Model) Explain(x []Value) []Part {
	if !m.Warm() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c, sum := m.core.Load(), 0.0
	var parts []Part
	for i := range c.features {
		f, l := &m.schema[i], &c.features[i]
		at := l.at(f, &x[i])
		points := l.all.oddness(l.all.bin(at))
		if points == 0 {
			continue
		}
		sum += points
		p := Part{Feature: f.Name, Value: x[i].Number, Expected: f.expected(&l.all), Points: points}
		if f.Kind >= Category {
			p.Value = f.shown(at)
		}
		n := len(parts)
		for n > 0 && parts[n-1].Points < points {
			n--
		}
		parts = append(parts, Part{})
		copy(parts[n+1:], parts[n:])
		parts[n] = p
	}
	for i := range parts {
		parts[i].Share = parts[i].Points / sum
	}
	return parts
}

// shown is a place in the histogram as people know it.
func (f *Feature) shown(at float64) float64 {
	switch f.Kind {
	case Number:
		return at
	case Magnitude:
		return math.Expm1(at)
	case Category, Transition: // one in so many
	}
	return math.Round(math.Exp(at))
}

func (f *Feature) expected(h *histogram) string {
	if f.Kind >= Category {
		return fmt.Sprintf("1 in %.0f or more often, in 99 of 100 cases", f.shown(h.from(h.quantile(0.99)+1)))
	}
	low, high := f.shown(h.from(h.quantile(0.005))), f.shown(h.from(h.quantile(0.995)+1))
	return fmt.Sprintf("%.3g to %.3g in 99 of 100 cases", low, high)
}

// A State is what there is to know of a model.
type State struct {
	Warm      bool
	Frozen    bool
	Events    uint64   // learned
	Sources   int      // known, as far as warming up needs them
	Threshold float64  // of an actor's score; 0 before a whole day was seen
	Odd       float64  // what 99 of 100 actors stay below, likewise
	Actors    int      // followed today
	Alerts    int      // today
	Drifting  []string // features that are not what they were, since a day at most
	Days      int      // that Rollback can go back
}

// State of the model.
func (m *Model) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.core.Load()
	s := State{
		Warm: m.Warm(), Frozen: m.frozen.Load(), Events: c.events, Sources: c.known, Days: m.kept,
		Actors: int(m.actors.active.Load()), Alerts: int(m.actors.alerts.Load()),
		Threshold: m.actors.threshold(), Odd: m.actors.oddAt(),
	}
	for i := range m.drifts {
		if d := &m.drifts[i]; d.alarm && m.today.Load() < m.until {
			s.Drifting = append(s.Drifting, m.schema[i].Name)
		}
	}
	return s
}
