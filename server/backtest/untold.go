package backtest

import (
	"fmt"
	"strconv"
)

// untold says in sentences what has to be known to read the figures.
func (p *player) untold() (said []string) {
	say := func(when bool, sentence string, args ...any) {
		if when {
			said = append(said, fmt.Sprintf(sentence, args...))
		}
	}
	say(true, "Not stored, and so unknown to the rule: how a client writes its requests, the query and the referer, cookies that answers set, and how sensitive a route is.")
	say(p.test.Places != nil, "Where addresses were is what today's files say.")
	say(p.test.Places == nil, "Nobody tells where addresses are: what the rule asks of places is unknown.")
	if p.Before == 0 {
		say(true, "Nothing is stored from before the window: what the rule would have learned or counted there is missing.")
	} else {
		say(true, "%s from before the window, since %s, were played to learn from.", plural(p.Before, "exchange"), p.since.UTC().Format("2006-01-02 15:04 MST"))
	}
	say(p.others > 0, "%s of the window were refused by others, or would have been, and count for nothing.", plural(p.others, "request"))
	say(p.unknown > 0, "%s were refused by this rule then, and would not have been now: what the API would have answered is not known.", plural(p.unknown, "request"))
	say(len(p.test.Allowed) > 0, "Whoever is on the allow list today is left out.")
	switch {
	case p.test.Assumed:
		say(true, "No --config was given: what rules do besides is taken from the defaults of serve and from what was saved in the console, which may not be how this traffic was judged.")
	default:
		say(p.test.Policy.Observe, "The gateway only observes: the figures are those of enforcing.")
	}
	say(p.weak > 0, "There were %s that say nothing by themselves.", plural(p.weak, "weak observation"))
	say(p.more, "More were hit than are told apart: there are at least %d.", mostHits)
	if p.test.Failed != nil {
		n := p.test.Failed()
		say(n > 0, "Its expression could not be evaluated %d times, and was false.", n)
	}
	return said
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}
