package engine

import (
	"fmt"
	"strings"
	"time"
)

// A session belongs to one program on one device. A phone that leaves the house changes its network
// and stays the program that it is; a browser that is updated stays in its network. Who changes both
// within minutes has not moved: his session has (RULES AT-04).
var sessionMoved = Rule{
	ID: "session-moved", Title: "Session used from elsewhere", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, Statuses: wellAnswered,
	When:  func(x *Exchange) bool { return !x.Session.Zero() },
	Terms: Terms{Severity: High},
	Watch: func(Policy, Terms, keyed) watch { return known(movedSession) },
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("One session is well answered to another program and in another network within %s.", words(sessionMoves*time.Millisecond))
	},
}

func movedSession(v *view) (t tally) {
	if !v.use.moved {
		return t
	}
	since := words(time.Duration(max(v.use.since, 1)) * time.Millisecond)
	place := ""
	if c := v.Place.Country.String(); c != "" {
		place = " in " + c
	}
	return tally{
		over: true, tell: true, count: 1, telling: &telling{
			times: []int64{v.now - v.use.since, v.now}, about: v.holderOrClient(),
			seen: []string{strings.TrimSpace(v.UserAgent)},
			reason: fmt.Sprintf("A session of %s was used by another program and from another network%s (%s) within %s.",
				v.holderOrClient(), place, v.Client, since),
			unless: "From the same network, or by the same program, it would not have fired.",
		},
	}
}
