package engine

import (
	"fmt"
	"strings"
)

// explain says the condition of a rule in plain words, with figures.
func (r *Rule) explain(p Policy, t Terms) string {
	if r.Explain != nil {
		return r.Explain(p, t)
	}
	said := r.Explains
	if said == "" {
		said = r.Title
	}
	said = strings.TrimRight(said, ". ") + "."
	if t.More == 0 {
		return said + " One is enough."
	}
	return fmt.Sprintf("%s It is counted: more than %s from %s within %s.", said, plural(t.More, r.counted()), r.counts(), words(t.Within))
}

// counted is what is counted, as a noun.
func (r *Rule) counted() string {
	if r.Distinct != ByNothing {
		return "different " + nouns[r.Distinct]
	}
	return "such exchange"
}

// counts is by whom, as in "one client and account".
func (r *Rule) counts() string {
	l := levelsOf(r.By)
	if l.n == 1 && l.of[0] == OfEverybody {
		return "everybody together"
	}
	said := "one " + nouns[l.of[0]]
	if l.n > 1 {
		said += " and " + nouns[l.of[1]]
	}
	return said
}

// reason says what happened, in one sentence, with figures.
func (r *Rule) reason(f Finding) string {
	switch {
	case r.Reason != nil:
		return r.Reason(f)
	case f.Limit == 0:
		return fmt.Sprintf("%s sent %s %s: %s.", f.Actor, f.Method, quoted(f.Path), sentence(r.Title))
	}
	l := levelsOf(r.By)
	who := f.Actor.String()
	if l.n == 1 && f.Actor == ActorOf(f.Client) && l.of[0] != OfClient {
		who = fmt.Sprintf("one %s, lastly from %s", nouns[l.of[0]], who)
	}
	if l.n == 1 && l.of[0] == OfEverybody {
		who = "everybody together"
	}
	took := f.Window
	if len(f.Times) > 0 {
		took = f.took()
	}
	return fmt.Sprintf("%s: %s of %s in %s; the limit is %d in %s.",
		sentence(r.Title), plural(f.Count, r.counted()), who, words(took), f.Limit, words(f.Window))
}

// sentence is a title within one: as it is, without a dot at its end.
func sentence(title string) string { return strings.TrimRight(title, ". ") }

// consequence of a rule's terms, after its explanation.
func (r *Rule) consequence(t Terms) string {
	says := fmt.Sprintf("It raises an alert of severity %s", t.Severity)
	whom, long := "the "+nouns[levelsOf(r.By).about()], words(t.For)
	if len(t.Ladder.Rungs()) > 0 {
		long = t.Ladder.said()
	}
	switch t.Do {
	case Block:
		return says + " and blocks " + whom + " for " + long + "."
	case Throttle:
		return says + " and holds " + whom + " to a tenth of the limit for " + long + "."
	case Monitor:
		return says + " and watches " + whom + " for " + long + "."
	default:
		return says + " and blocks nobody."
	}
}
