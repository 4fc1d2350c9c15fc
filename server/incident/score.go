package incident

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Bands of a score: from here on somebody should know, who is in it should prove himself, and
// blocking all of it is worth proposing.
const (
	Notify    = 30
	Challenge = 60
	Propose   = 90
)

// A Reason is what a score is made of. The points of all reasons are the score.
type Reason struct {
	What   string
	Points int
}

// halfLife is how long it takes until what was found counts half.
const halfLife = 2 * time.Hour

// What several sources add: so much with each doubling of them, up to a most, and in full only
// where what they share weighs that much. Sources that share little may have met by chance.
const (
	perDoubling = 0.14
	mostSpread  = 0.75
	strongBond  = 2.5 // and of alerts that share a network, a client or a key
)

// more is what stands beside the sum: a second stage, and success or money.
const more = 1.25

// Score is the score at the incident's last activity; see ScoreAt.
func (i Incident) Score() int { return i.ScoreAt(i.Last) }

// ScoreAt says how much an incident matters at a time, from 0 to 100:
//
//	100 × (1 − ∏ (1 − p × 2^(−age ÷ 2 h)))
//
// over what each rule found at each level (clients, keys, accounts, routes) and over how far it is
// spread. p says how sure that is; a rule that found something at several levels counts whole,
// half and a quarter. Two stages of an attack make it a quarter more, and so does success or
// moved money. An incident that lost its alerts to another scores 0.
func (i Incident) ScoreAt(t time.Time) int {
	s, _ := i.weigh(t, false)
	return s
}

// Reasons are what ScoreAt adds up, the weightiest first.
func (i Incident) Reasons(t time.Time) []Reason {
	_, rs := i.weigh(t, true)
	return rs
}

// weigh works out the score and, if told to, its reasons.
func (i *Incident) weigh(t time.Time, reasons bool) (score int, rs []Reason) {
	if i.Alerts < 1 && i.Clients < 1 {
		return 0, nil
	}
	left := 1.0 // of doubt
	var parts []part
	strands := i.Strands
	if len(strands) == 0 { // an incident of before they were kept
		strands = []Strand{{Title: i.Title, Severity: i.Severity, Count: i.Alerts, Last: i.Last}}
	}
	var stages [engine.Stages]bool
	seen, success, money := 0, "", ""
	for k := range strands {
		e := &strands[k]
		m := e.means()
		if m.Stage != 0 && !stages[m.Stage] {
			stages[m.Stage] = true
			seen++
		}
		if m.Success {
			success = e.Title
		}
		if m.Money {
			money = e.Title
		}
		repeats := 0
		for j := range k {
			if strands[j].Rule == e.Rule {
				repeats++
			}
		}
		if repeats > 2 {
			continue
		}
		p := e.sure() * math.Pow(0.5, float64(repeats)) * faded(t.Sub(e.Last))
		left *= 1 - p
		if reasons {
			parts = append(parts, part{p, e.words()})
		}
	}
	if p := i.spread(); p > 0 {
		p *= faded(t.Sub(i.Last))
		left *= 1 - p
		if reasons {
			parts = append(parts, part{p, i.spreadWords()})
		}
	}
	total := 100 * (1 - left)
	rs = told(parts)
	before := int(math.Round(total))
	raise := func(what string) {
		total = min(total*more, 100)
		if now := int(math.Round(total)); reasons {
			rs = append(rs, Reason{what, now - before})
			before = now
		}
	}
	if seen >= 2 {
		raise(fmt.Sprintf("it has come through %d stages of an attack", seen))
	}
	switch {
	case success != "":
		raise("it succeeded: " + success)
	case money != "":
		raise("money is in it: " + money)
	}
	return int(math.Round(total)), rs
}

// A part is how sure one thing is, in words.
type part struct {
	p    float64
	what string
}

// told are the points of parts, the surest first: each takes its share of the doubt that is left.
func told(parts []part) (rs []Reason) {
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.p, a.p) })
	left, sum := 1.0, 0
	for _, p := range parts {
		left *= 1 - p.p
		now := int(math.Round(100 * (1 - left)))
		rs = append(rs, Reason{p.what, now - sum})
		sum = now
	}
	return rs
}

// faded is what is left of something after so long.
func faded(age time.Duration) float64 {
	if age <= 0 {
		return 1
	}
	return math.Exp2(-float64(age) / float64(halfLife))
}

// spread is how sure the number of sources is, and what they share, that this is no chance.
func (i *Incident) spread() float64 {
	if i.Clients < 2 {
		return 0
	}
	bond := i.Bond
	if bond == 0 {
		bond = strongBond
	}
	return min(mostSpread, perDoubling*math.Log2(float64(i.Clients))) * min(1, bond/strongBond)
}

func (i *Incident) spreadWords() string {
	s := fmt.Sprintf("spread over %d sources", i.Clients)
	if i.Shared != "" {
		s += " that share " + i.Shared
	}
	return s
}

func (e *Strand) words() string {
	s := e.Title
	if e.Weak {
		s += ", weak by itself"
	}
	if e.Level != "" && e.Level != levelClient {
		s += ", by " + e.Level
	}
	if e.Count > 1 {
		s += fmt.Sprintf(" (%d times)", e.Count)
	}
	return s
}
