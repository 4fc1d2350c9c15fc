package engine

import (
	"encoding/binary"
	"math"
)

// journeys remember, for each account or key, where it was last well answered and in which
// countries it is at home. An answer counts where the API gave one (2xx): an attempt that fails says
// nothing about where somebody is.
//
// The record of who was seen often is not pushed out by who comes new.
type journeys struct {
	*table // by identity
	people []traveller
}

// A traveller is what is known of an account's or key's whereabouts.
type traveller struct {
	at       int64 // milliseconds of the last good answer
	begun    int64 // of the first
	place    Place // of the last
	answered uint32
	homes    [homes]home
}

// A home is a country where somebody was well answered before: how often, and on which day last.
type home struct {
	country Country
	day     uint16
	times   uint16
}

// A trip is what a view says of the way from the last place to this one; zero when there is none.
type trip struct {
	from       Place
	since      int64   // milliseconds since he was there
	kilometres float64 // between the two places, less what either may be off
	foreign    bool    // he was never in this country before
	settled    bool    // enough is known of him for that to mean something
	known      [homes]Country
}

// homes are where he was before.
func (t *trip) homes() (names []string) {
	for _, c := range t.known {
		if c != (Country{}) {
			names = append(names, c.String())
		}
	}
	return names
}

// holder is whom an exchange is for, as its account, else its key.
func (v *view) holder() Target {
	if v.Account != "" {
		return Target{Account: v.Account}
	}
	return Target{Key: v.Key}
}

// wellAnswered are the statuses of answers that the API gave to whom it believed.
var wellAnswered = []int{200, 201, 202, 203, 204, 205, 206}

// holderOrClient is whom an exchange is for, or where it came from.
func (v *view) holderOrClient() Target {
	if v.Account == "" && v.Key.Zero() {
		return ActorOf(v.Client)
	}
	return v.holder()
}

// known is a rule over what learners know. It remembers nothing itself: what it tells of is learned
// with it, and no news the next time.
type known func(*view) tally

func (f known) ask(v *view, _ *question) tally { return f(v) }

func (known) forget(Target) {}

func (known) fill() Fill { return Fill{} }

const (
	homes       = 8
	settledFrom = 10 // good answers, and
	settlesIn   = 60 * 60 * 1000
	settledFor  = 14 * 24 * 60 * 60 * 1000 // milliseconds after which few answers will do
	homeFrom    = 3                        // good answers in a country until travelling there again is no news
	forgetHome  = 180                      // days without a good answer
	dayLength   = 24 * 60 * 60 * 1000
)

func newJourneys(p Policy, k keyed) *journeys {
	j := &journeys{table: newTable(p.Clients/8, k)}
	j.people = make([]traveller, j.size())
	return j
}

// traveller of an exchange, zero for nobody: its account, else its key.
func (k keyed) traveller(r *Request) uint64 {
	switch {
	case r.Account != "":
		return max(k.text(r.Account), 1)
	case !r.Key.Zero():
		return max(k.hash(binary.LittleEndian.Uint64(r.Key.Hash[:8]), binary.LittleEndian.Uint64(r.Key.Hash[8:])), 1)
	}
	return 0
}

// travellerAt is the traveller of an exchange and his place in tables.
func (v *view) travellerAt(k keyed) (who, hash uint64) {
	if v.Account == "" && v.Key.Zero() {
		return 0, 0
	}
	return v.holderAt(k)
}

// holderAt is whom an exchange is for and his place in tables, reckoned once.
func (v *view) holderAt(k keyed) (who, hash uint64) {
	p := &v.places
	if p.holder == 0 {
		if v.Account != "" {
			p.holder = max(v.hashed(OfAccount, v.Account, k), 1)
		} else {
			p.holder = k.holderWord(&v.Request)
		}
		p.holders = k.word(p.holder)
	}
	return p.holder, p.holders
}

func (j *journeys) look(v *view) {
	if v.Status/100 != 2 || v.Place.Country == (Country{}) {
		return
	}
	who, hash := v.travellerAt(j.keyed)
	if who == 0 {
		return
	}
	s, set := j.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, who, hash)
	if i < 0 {
		if i, _ = s.claim(set, who, hash, v.now, func(i int) worth {
			p := &j.people[s.first+i]
			return worth{min(int(p.answered), settledFrom), p.at}
		}); i < 0 {
			return
		}
		j.people[s.first+i] = traveller{at: v.now, begun: v.now}
	}
	p := &j.people[s.first+i]
	switch behind := p.at - v.now; {
	case behind > putBack:
		*p = traveller{at: v.now, begun: v.now}
	case behind > 0:
		return // late: where he is now is known already
	}
	v.trip = p.trip(v)
	p.take(v)
}

// trip from the last place to this one, of somebody who is known.
func (p *traveller) trip(v *view) (t trip) {
	if p.answered == 0 {
		return t
	}
	t.from, t.since = p.place, v.now-p.at
	t.foreign = true
	today := v.now / dayLength
	for i, h := range p.homes {
		if h.times == 0 || today-int64(h.day) > forgetHome {
			continue
		}
		t.known[i] = h.country
		if h.country == v.Place.Country {
			t.foreign = false
			if h.times >= homeFrom {
				return t // he is at home there, however he came
			}
		}
	}
	t.settled = p.answered >= settledFrom && v.now-p.begun >= settlesIn || v.now-p.begun >= settledFor
	if p.place.Country != v.Place.Country {
		t.kilometres = apart(p.place, v.Place)
	}
	return t
}

// take notes that he was well answered here.
func (p *traveller) take(v *view) {
	p.at, p.place, p.answered = v.now, v.Place, min(p.answered+1, math.MaxUint32-1)
	today := uint16(v.now / dayLength) //nolint:gosec // a century and more
	least := &p.homes[0]
	for i := range p.homes {
		h := &p.homes[i]
		if h.country == v.Place.Country {
			h.day, h.times = today, min(h.times+1, math.MaxUint16-1)
			return
		}
		if h.times < least.times || h.times == least.times && h.day < least.day { // an empty one has none
			least = h
		}
	}
	*least = home{country: v.Place.Country, day: today, times: 1}
}

// forget drops what is known of a key or an account. Networks are nobody's whereabouts.
func (j *journeys) forget(t Target) {
	who := j.keyed.traveller(&Request{Account: t.Account, Key: t.Key})
	if who != 0 {
		j.dropKey(who, j.hash(who))
	}
}

// apart is how many kilometres two places are from each other at the least; 0 when either is
// unknown. Great circle by the haversine formula, on a sphere of the mean radius (IUGG: 6371.0088).
func apart(a, b Place) float64 {
	if !a.Located || !b.Located {
		return 0
	}
	const degree, radius = math.Pi / 180, 6371.0088
	sinLat := math.Sin(float64(b.Lat-a.Lat) * degree / 2)
	sinLon := math.Sin(float64(b.Lon-a.Lon) * degree / 2)
	h := sinLat*sinLat + math.Cos(float64(a.Lat)*degree)*math.Cos(float64(b.Lat)*degree)*sinLon*sinLon
	return max(2*radius*math.Asin(math.Sqrt(min(h, 1)))-float64(a.Accuracy)-float64(b.Accuracy), 0)
}
