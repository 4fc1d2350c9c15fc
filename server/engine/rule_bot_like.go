package engine

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// People read before they go on; a loop does not (RULES BL-02). Programs are welcome that say they are
// programs, by a key or by their name: it is told of who says to be a browser and goes on like
// clockwork, loads no page and comes from none. By itself it says nothing.
var botLike = Rule{
	ID: "bot-like", Title: "A program that says it is a browser", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Reconnaissance},
	On:      Answers, Strange: true,
	When:  func(x *Exchange) bool { return x.Key.Zero() && saysBrowser(x.UserAgent) },
	Terms: Terms{Severity: Low},
	Watch: sight{
		what: sawBot, weak: true, hush: 6 * weakly,
		is: func(v *view) bool { return len(v.visitor.botSigns()) >= botSigns },
		also: func(v *view, t *tally) {
			t.seen = v.visitor.botSigns()
			t.count = int(v.visitor.tempo.beats)
			t.reason = fmt.Sprintf("%s says it is a browser: %s.", v.Client, strings.Join(t.seen, ", "))
			t.unless = fmt.Sprintf("With times between requests that vary by %d %% or more it would not have fired.", evenShare)
		},
	}.watch,
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("A client without an API key that says it is a browser and asks for one thing after another at times that vary by less than %d %% over %d requests or more, "+
			"with at least two of these: it loads nothing that pages draw in, names no page it comes from, reads robots.txt. By itself it says nothing; with others that share what is rare it makes an incident.",
			evenShare, evenFrom)
	},
}

const (
	botSigns  = 3                // of four, the tempo among them
	evenFrom  = 20               // times between requests
	evenShare = 10               // percent of the mean: the standard deviation of who goes like clockwork is less
	beatShare = 1.0 / 16         // of the last, in the averages
	rests     = 30 * 60 * 1000.0 // milliseconds after which a tempo begins anew
)

// A tempo is how evenly somebody goes from one thing to another: averages that forget.
type tempo struct {
	mean, square float32 // of the milliseconds between, and of their deviation, squared
	last         uint32  // what was asked for
	beats        uint8
}

// beat takes in a request so long after the last one. Who asks for the same again waits for something.
func (t *tempo) beat(gap int64, path string) {
	what := tail(path)
	switch {
	case what == t.last || gap < 0:
		return
	case t.last == 0 || gap > rests:
		*t = tempo{last: what}
		return
	case t.beats == 0:
		t.mean = float32(gap)
	}
	t.last = what
	d := float32(gap) - t.mean
	t.mean += d * beatShare
	t.square = (1 - beatShare) * (t.square + d*d*beatShare)
	t.beats = min(t.beats+1, math.MaxUint8-1)
}

// even reports whether it goes like clockwork.
func (t *tempo) even() bool {
	return t.beats >= evenFrom && t.mean > 0 && t.square < t.mean*t.mean*evenShare*evenShare/(100*100)
}

// tail is enough of a path to tell it from the one before.
func tail(path string) uint32 {
	h := uint32(len(path))
	for i := max(len(path)-8, 0); i < len(path); i++ {
		h = h*31 + uint32(path[i])
	}
	return h<<1 | 1
}

// botSigns are what of a bot a source shows; none when it does not go like clockwork.
func (r *visitor) botSigns() (signs []string) {
	if !r.tempo.even() {
		return nil
	}
	signs = append(signs, fmt.Sprintf("its last %d requests came %s apart, give or take %.0f %%",
		r.tempo.beats, words(max(time.Duration(r.tempo.mean), 1)*time.Millisecond), 100*math.Sqrt(float64(r.tempo.square))/float64(r.tempo.mean)))
	if r.assets == 0 {
		signs = append(signs, "it loaded nothing that pages draw in")
	}
	if r.referred == 0 {
		signs = append(signs, "it named no page it came from")
	}
	if r.marks&robots != 0 {
		signs = append(signs, "it read robots.txt")
	}
	return signs
}

// saysBrowser reports a user agent as browsers have them, that names no bot.
func saysBrowser(agent string) bool {
	if !strings.HasPrefix(agent, "Mozilla/") && !strings.HasPrefix(agent, "Opera/") {
		return false
	}
	var room [256]byte
	lower := room[:0]
	for i := range min(len(agent), len(room)) {
		lower = append(lower, lowered(agent[i]))
	}
	return !holds(lower, botWords)
}

// botWords are how programs of others call themselves that read the web.
var botWords = texts("bot", "crawl", "spider", "slurp", "http:", "https:", "www.", "monitor", "preview", "feed", "reader", "fetch", "archiv", "@", "python", "java/", "curl", "wget", "headless", "scan", "check", "search", "index")
