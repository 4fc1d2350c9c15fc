package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Receipt is a finding as it can be judged again, from what it holds alone: the rule's terms
// at that time, and what was counted.
type Receipt struct {
	Rule    string
	Version int
	At      time.Time
	Count   int // of which some are kept one by one: see Times, Seen and Parts
	Limit   int
	Window  time.Duration
	Times   []time.Time // oldest first
	Evidence
}

// Evidence is what a finding shows besides what it counted. Its texts are of its own: they hold on
// to no request.
type Evidence struct {
	Exchange    uint64 // ID of the exchange that tripped the rule; 0 when unknown
	Account     string // of that exchange, if any; text by strangers, as the user agent
	Fingerprint uint64
	UserAgent   string
	Country     Country
	ASN         uint32
	Tokens      []string // what others of the same attack would share, in words
	Seen        []string // see Finding, as those that follow
	Parts       []Part
	Unless      string
	Means       Meaning
}

// Evidence of a finding.
func (f *Finding) Evidence() Evidence {
	e := Evidence{
		Exchange: f.Exchange, Account: strings.Clone(f.Account), Fingerprint: f.Fingerprint, UserAgent: strings.Clone(f.UserAgent),
		Country: f.Place.Country, ASN: f.Place.ASN, Seen: slices.Clone(f.Seen), Parts: slices.Clone(f.Parts), Unless: f.Unless,
		Means: f.Meaning,
	}
	for i := range e.Seen {
		e.Seen[i] = strings.Clone(e.Seen[i])
	}
	for _, t := range f.Tokens {
		e.Tokens = append(e.Tokens, t.Label)
	}
	return e
}

// Size is about how many bytes it takes.
func (e *Evidence) Size() int {
	const each = 16 // of a list, beside the text
	n := len(e.Account) + len(e.UserAgent) + len(e.Unless)
	for _, list := range [...][]string{e.Tokens, e.Seen} {
		for _, s := range list {
			n += each + len(s)
		}
	}
	for i := range e.Parts {
		n += 4*each + len(e.Parts[i].Feature) + len(e.Parts[i].Expected)
	}
	return n
}

// Receipt of a finding.
func (f *Finding) Receipt() Receipt {
	return Receipt{
		Rule: f.Rule, Version: f.Version, At: f.At, Count: f.Count, Limit: f.Limit, Window: f.Window,
		Times: f.Times, Evidence: f.Evidence(),
	}
}

// A Recount is the verdict of a receipt, computed again.
type Recount struct {
	Fires  bool   // the rule would fire
	Proven bool   // by what is kept one by one, the count aside
	Why    string // in one sentence with the figures
}

// Recount judges again. What is kept one by one proves that the rule fired, or else the count is
// taken at its word, and Why says so: of large counts only some times are kept, and none of what
// other nodes counted.
func (r *Receipt) Recount() Recount {
	switch {
	case len(r.Parts) > 0:
		return r.addUp()
	case r.Limit == 0 && r.Count == 0 && len(r.Times) == 0:
		return Recount{Why: "Nothing was counted."}
	case r.Limit == 0:
		return Recount{Fires: true, Proven: true, Why: "It takes one, and here it is."}
	case r.countsValues():
		n := len(unlike(r.Seen[max(len(r.Seen)-r.Count, 0):])) // what was seen before may have left the window
		return r.recount(n, fmt.Sprintf("%d different values", n), "values")
	default:
		n := mostWithin(r.Times, r.Window)
		return r.recount(n, fmt.Sprintf("%d times%s", n, within(r.Window)), "times")
	}
}

// recount by how many of those kept count, and how that is said.
func (r *Receipt) recount(n int, said, what string) Recount {
	switch {
	case n > r.Limit:
		return Recount{Fires: true, Proven: true, Why: fmt.Sprintf("Counted again: %s, and more than %d trip the rule.", said, r.Limit)}
	case r.Count > r.Limit:
		why := fmt.Sprintf("From the count kept: %d, and more than %d trip the rule. ", r.Count, r.Limit)
		if n == 0 {
			return Recount{Fires: true, Why: why + "The " + what + " themselves are not kept."}
		}
		return Recount{Fires: true, Why: why + fmt.Sprintf("Of the %s themselves not all are kept; those that are prove %d.", what, n)}
	default:
		return Recount{Why: fmt.Sprintf("Counted again: %s, and it takes more than %d.", said, r.Limit)}
	}
}

// addUp the parts of a score.
func (r *Receipt) addUp() Recount {
	sum := 0.0
	for _, p := range r.Parts {
		sum += p.Share
	}
	switch {
	case r.Limit == 0:
		return Recount{Fires: r.Count > 0, Why: fmt.Sprintf(
			"From the score kept: %d. What it was held against changes with the traffic, and is not kept.", r.Count)}
	case sum > float64(r.Limit):
		return Recount{Fires: true, Proven: true, Why: fmt.Sprintf("Added up again: the parts make %.3g, and more than %d trips the rule.", sum, r.Limit)}
	case r.Count > r.Limit:
		return Recount{Fires: true, Why: fmt.Sprintf(
			"From the score kept: %d, and more than %d trips the rule. The parts that are kept make %.3g.", r.Count, r.Limit, sum)}
	default:
		return Recount{Why: fmt.Sprintf("Added up again: the parts make %.3g, and it takes more than %d.", sum, r.Limit)}
	}
}

// countsValues reports whether the count is one of different values, as far as can be told: values are
// kept and no times, or as many values as were counted, or as many as can be.
func (r *Receipt) countsValues() bool {
	return len(r.Seen) > 0 && (len(r.Times) == 0 || len(r.Seen) == r.Count || len(r.Seen) == mostSeen && r.Count > mostSeen)
}

// mostSeen values are told with a finding.
const mostSeen = 32

// unless says what would have had to be otherwise for the rule to stay silent.
func (f *Finding) unless() string {
	r := Receipt{Count: f.Count, Limit: f.Limit, Window: f.Window, Times: f.Times, Evidence: Evidence{Seen: f.Seen, Parts: f.Parts}}
	switch {
	case len(r.Parts) > 0 && r.Limit == 0:
		return "" // the rule alone knows what its score is held against
	case len(r.Parts) > 0:
		return fmt.Sprintf("It would not have fired at a score of %d or below.", r.Limit)
	case r.Limit == 0:
		return "It takes one: only without this exchange would it not have fired."
	case r.countsValues():
		return fmt.Sprintf("It would not have fired for %d different ones or fewer%s.", r.Limit, within(r.Window))
	default:
		return fmt.Sprintf("It would not have fired for %d or fewer%s.", r.Limit, within(r.Window))
	}
}

func within(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " within " + words(d)
}

// mostWithin is how many of the times lie together in less than a span, in whole milliseconds, as
// windows count; all of them when there is no span.
func mostWithin(times []time.Time, span time.Duration) int {
	if span <= 0 {
		return len(times)
	}
	ms := make([]int64, len(times))
	for i, t := range times {
		ms[i] = t.UnixMilli()
	}
	slices.Sort(ms)
	most, from := 0, 0
	for i := range ms {
		for ms[i]-ms[from] >= span.Milliseconds() {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

func unlike(values []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}
