// Package rules holds rules that are data: packs of them in YAML, their conditions in CEL, and
// the scenarios that show them at work. It hands the engine what it can run.
package rules

import (
	"time"

	"github.com/sentinel-protocol/sentinel/server/config"
)

// Definition is a rule as people write it: in a pack, or in the console's editor. Fields are
// called the same in YAML and in JSON.
type Definition struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Version  int    `json:"version,omitempty"` // raised with each change of what it finds; 1 when left out
	Explains string `json:"explains"`          // the condition in plain words, for who gets the alert
	Pack     string `json:"pack,omitempty"`    // that of the file, when left out

	On       string  `json:"on,omitempty"` // request or answer; answer when left out
	When     When    `json:"when"`
	By       Words   `json:"by,omitempty"`       // who is counted, one or a pair; client when left out
	Distinct string  `json:"distinct,omitempty"` // counts different values of this instead of exchanges
	Count    int     `json:"count"`              // more than this many trip the rule; 0: one is enough
	Within   Span    `json:"within,omitempty"`
	Stage    string  `json:"stage,omitempty"` // of an attack, as engine.Stage writes it, in small letters; none when left out
	Severity string  `json:"severity"`
	Do       string  `json:"do,omitempty"` // block, throttle, monitor or nothing; nothing when left out
	For      Span    `json:"for,omitempty"`
	Ladder   Spans   `json:"ladder,omitempty"`     // instead of for: the first time, the second, and so on
	Covered  Words   `json:"covered_by,omitempty"` // built-in rules that stand in for it where they find something
	Mode     string  `json:"mode,omitempty"`       // enforce, shadow or off; enforce when left out
	Shows    []*Step `json:"shows,omitempty"`      // traffic that trips it
	Nearly   []*Step `json:"nearly,omitempty"`     // honest traffic that comes close and doesn't
}

// When is what a rule looks for in one exchange. All of it must hold; what is left out does.
type When struct {
	Status Words  `json:"status,omitempty"` // 401, or 4xx for all of them
	Method Words  `json:"method,omitempty"`
	Route  Words  `json:"route,omitempty"` // patterns: /login, /accounts/{id}, /.git/**, /*.php
	Where  string `json:"where,omitempty"` // a CEL expression over the exchange
}

// Words are a list that may be written as a single one.
type Words []string

// Span is a duration, written 90s, 10m, 12h or 30d.
type Span time.Duration

// Spans are several, in their order.
type Spans []Span

// MarshalText writes what UnmarshalText reads.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a duration as the settings do.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := config.ParseSpan(string(text))
	*s = Span(d)
	return err
}

func (s Span) String() string { return config.Span(time.Duration(s)) }

// A Step is a request of a scenario and its answer, or the same several times. Client, request,
// key, account and user agent may hold {i}: which repetition it is, from 1.
type Step struct {
	Times   int    `json:"times,omitempty"` // how often; once when left out
	Every   Span   `json:"every,omitempty"` // between repetitions; a second when left out
	After   Span   `json:"after,omitempty"` // before the first; a second when left out
	At      string `json:"at,omitempty"`    // waits until that time of day, as in "03:00"
	Client  string `json:"client,omitempty"`
	Request string `json:"request"`         // method and path, as in GET /.env
	Route   string `json:"route,omitempty"` // the path's template, as in /accounts/{id}; the path when left out
	Status  int    `json:"status,omitempty"`

	Key       string `json:"key,omitempty"`
	Account   string `json:"account,omitempty"`
	Session   string `json:"session,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Signs     Words  `json:"signs,omitempty"` // what its text shows: referred, injection, traversal, scripted, foreign
	Country   string `json:"country,omitempty"`
	ASN       int    `json:"asn,omitempty"`
	Bytes     int    `json:"bytes,omitempty"`
	Took      Span   `json:"took,omitempty"`
}

// The words of a definition.
const (
	onRequest, onAnswer              = "request", "answer"
	modeEnforce, modeShadow, modeOff = "enforce", "shadow", "off"
	doNothing                        = "nothing"
)

// filled is a definition with what was left out.
func (d Definition) filled() Definition {
	fill := func(field *string, usual string) {
		if *field == "" {
			*field = usual
		}
	}
	if d.Version == 0 {
		d.Version = 1
	}
	if len(d.By) == 0 {
		d.By = Words{"client"}
	}
	if len(d.Ladder) > 0 && d.For == 0 {
		d.For = d.Ladder[0]
	}
	fill(&d.On, onAnswer)
	fill(&d.Do, doNothing)
	fill(&d.Mode, modeEnforce)
	return d
}
