package engine

import (
	"fmt"
	"strings"
)

// A thief with a program knows what he wants and goes there by ways that nobody goes. One odd step is
// a person who is curious; three different ones among twenty are another way of walking.
var oddSequence = Rule{
	ID: "odd-sequence", Title: "Unusual sequence of requests", Version: 1, Pack: fintech,
	On: Answers, Statuses: wellAnswered,
	Terms: Terms{Severity: Low},
	Watch: func(Policy, Terms, keyed) watch { return known(oddWalk) },
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("Among the last %d steps of one account, key or session from route to route, %d different ones that about 1 in %d of those take who were there. It is learned from good answers.",
			oddAmong, oddEnough, oneInOdd)
	},
}

const oneInOdd = 1800 // e to the power of oddSurprise, rounded

func oddWalk(v *view) (t tally) {
	if !v.gait.strange() {
		return t
	}
	odd := v.gait.odd[:]
	return tally{
		over: true, tell: true, count: 1, telling: &telling{
			times: []int64{v.now}, about: v.holderOrClient(), seen: append([]string{}, odd...),
			reason: fmt.Sprintf("%s took steps that hardly anybody takes: %s.", v.holderOrClient(), strings.Join(odd, ", ")),
			unless: fmt.Sprintf("With fewer than %d odd steps among %d it would not have fired.", oddEnough, oddAmong),
		},
	}
}
