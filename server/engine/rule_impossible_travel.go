package engine

import (
	"fmt"
	"math"
	"time"
)

// Nobody is in two countries at once. The figures are those of vendors (900 km/h is an airliner's
// speed; Okta takes 805, Curity 250; CrowdSec more than 1,000 km), with what geo databases get wrong
// taken off: either place may be off by its radius, and who comes through a hosting network on one
// side was never there. A country where somebody is at home is no news, so that a key which two data
// centres use is told of a few times and no more.
var impossibleTravel = Rule{
	ID: "impossible-travel", Title: "Impossible travel", Version: 1, Pack: fintech,
	Meaning:  Meaning{Stage: CredentialAccess},
	On:       Answers,
	Statuses: wellAnswered,
	When:     func(x *Exchange) bool { return x.Place.Country != Country{} },
	Terms:    Terms{Severity: Medium},
	Watch:    func(Policy, Terms, keyed) watch { return known(tooFast) },
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("One account or key is well answered in two countries more than %d km apart, faster than %d km/h, and neither through a network of servers or VPNs.",
			farthest, fastest)
	},
}

const (
	farthest = 500 // kilometres
	fastest  = 900 // kilometres an hour
)

// tooFast tells of a trip that nobody makes.
func tooFast(v *view) (t tally) {
	hours := float64(max(v.trip.since, 1)) / float64(time.Hour/time.Millisecond)
	if v.trip.kilometres <= max(farthest, fastest*hours) || v.trip.from.Hosting || v.Place.Hosting {
		return t
	}
	from, to, km := v.trip.from.Country.String(), v.Place.Country.String(), int(math.Round(v.trip.kilometres))
	return tally{
		over: true, tell: true, count: 1, telling: &telling{
			times: []int64{v.now - v.trip.since, v.now}, about: v.holder(), seen: []string{from, to},
			reason: fmt.Sprintf("%s was well answered in %s, and %s later in %s, at least %d km away.",
				v.holder(), from, words(time.Duration(v.trip.since)*time.Millisecond), to, km),
			unless: fmt.Sprintf("After %s or more it would not have fired, nor within %d km, nor in a country where it is at home.",
				words(time.Duration(v.trip.kilometres/fastest*float64(time.Hour)).Round(time.Minute)), farthest),
		},
	}
}
