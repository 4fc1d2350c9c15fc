package engine

import (
	"fmt"
	"strings"
)

// Who is known in a few countries and turns up in another has travelled, or is not himself. It takes
// getting to know somebody first: ten good answers over more than an hour, or two weeks (Entra learns
// for the earlier of 14 days and 10 sign-ins). What is too fast to be a journey is told as that.
var newCountry = Rule{
	ID: "new-country", Title: "First time in a country", Version: 1, Pack: fintech,
	Meaning:  Meaning{Stage: CredentialAccess},
	On:       Answers,
	Statuses: wellAnswered,
	When:     func(x *Exchange) bool { return x.Place.Country != Country{} },
	Terms:    Terms{Severity: Low},
	Watch:    func(Policy, Terms, keyed) watch { return known(elsewhere) },
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("An account or key that was well answered at least %d times, over an hour or more, is for the first time well answered in another country.", settledFrom)
	},
}

// elsewhere tells of a first time in a country.
func elsewhere(v *view) (t tally) {
	if !v.trip.foreign || !v.trip.settled || tooFast(v).over {
		return t
	}
	to := v.Place.Country.String()
	return tally{
		over: true, tell: true, count: 1, telling: &telling{
			times: []int64{v.now}, about: v.holder(), seen: append(v.trip.homes(), to),
			reason: fmt.Sprintf("%s was well answered in %s for the first time; before it was in %s.", v.holder(), to, strings.Join(v.trip.homes(), ", ")),
			unless: "In a country where it was well answered within half a year it would not have fired.",
		},
	}
}
