package rules

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// begin of every scenario: a Monday at noon.
var begin = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// Played is what came of a scenario.
type Played struct {
	Scenario string // "shows" or "nearly"
	Requests int
	At       int             // the request at which the rule fired first, from 1; 0 when it didn't
	Finding  *engine.Finding // that of then; a later one, when only that led to a decision
	Times    int             // how often it fired in all
	Problem  string          // what it promises and didn't keep; empty when all is well
}

// Play a rule's scenarios through an engine in event time, with this rule alone at work. A rule
// that is off or in shadow enforces here.
func (r *Rule) Play() (out [2]Played, err error) {
	if out[0], err = r.play("shows", r.Shows); err == nil {
		out[1], err = r.play("nearly", r.Nearly)
	}
	return out, err
}

// Accuses says what the rule finds in its own honest traffic, a Mistake; nil where that is
// nothing, or no such traffic was written.
func (r *Rule) Accuses() error {
	if len(r.Nearly) == 0 {
		return nil
	}
	p, err := r.play("nearly", r.Nearly)
	if err == nil && p.Problem != "" {
		return Mistake{File: r.File, Invalid: engine.Invalid{Field: "nearly", Problem: "must be traffic over which the rule stays silent: " + strings.TrimSuffix(p.Problem, ".")}}
	}
	return err
}

func (r *Rule) play(name string, steps []*Step) (Played, error) {
	e, err := engine.New(r.alone(), 1)
	if err != nil {
		return Played{}, r.mistake("", "can't be taken up by the engine: "+err.Error())
	}
	p := play{engine: e, rule: r.ID, at: begin, Played: Played{Scenario: name}}
	for _, step := range steps {
		p.step(step)
	}
	p.judge(r)
	return p.Played, nil
}

// alone is a policy under which only this rule does something.
func (r *Rule) alone() engine.Policy {
	p := Set{r}.Into(engine.Defaults())
	p.Clients, p.Decisions = 1<<10, 1<<10
	for id, t := range p.Rules {
		t.Off, t.Shadow = id != r.ID, false
		p.Rules[id] = t
	}
	return p
}

type play struct {
	Played
	engine *engine.Engine
	rule   string
	at     time.Time
	next   uint64
}

// judge says whether a scenario kept what it promises.
func (p *play) judge(r *Rule) {
	switch did := r.rule.Do; {
	case p.Requests == 0 && p.Scenario == "shows":
		p.Problem = "is missing: write traffic that trips the rule"
	case p.Requests == 0:
		p.Problem = "is missing: write honest traffic that comes close"
	case p.Scenario == "nearly" && p.At > 0:
		p.Problem = fmt.Sprintf("the rule fired at request %d of honest traffic: %s", p.At, p.Finding.Reason)
	case p.Scenario == "nearly":
	case p.At == 0:
		p.Problem = fmt.Sprintf("the rule stayed silent over %d requests", p.Requests)
	case did != 0 && p.Finding.Decision == nil:
		p.Problem = fmt.Sprintf("the rule fired at request %d, and no %s came of it: counts above 128, and of many different values, are estimates, and only what is sure decides: write more traffic", p.At, did)
	}
}

func (p *play) step(s *Step) {
	p.at = p.at.Add(orSecond(s.After))
	if s.At != "" {
		clock, _ := time.Parse("15:04", s.At) // check has looked
		day := p.at.Truncate(24 * time.Hour).Add(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute)
		if day.Before(p.at) {
			day = day.Add(24 * time.Hour)
		}
		p.at = day
	}
	for i := range max(s.Times, 1) {
		if i > 0 {
			p.at = p.at.Add(orSecond(s.Every))
		}
		p.exchange(s.exchange(i+1), s.Status)
	}
}

func orSecond(s Span) time.Duration {
	if s == 0 {
		return time.Second
	}
	return time.Duration(s)
}

func (p *play) exchange(x engine.Exchange, status int) {
	p.next++
	p.Requests++
	x.ID, x.At, x.Status = p.next, p.at, status
	v := p.engine.Decide(x.Request)
	if v.Finding != nil {
		p.note(v.Finding)
	}
	if x.Would = v.Would; v.Refused() {
		x.Status, x.Refused, x.Cause = v.Status, true, v.Cause
	}
	found := p.engine.Observe(x)
	for i := range found {
		p.note(&found[i])
	}
}

func (p *play) note(f *engine.Finding) {
	if f.Rule != p.rule {
		return
	}
	if p.Times++; p.At == 0 {
		kept := *f
		p.At, p.Finding = p.Requests, &kept
	} else if p.Finding.Decision == nil && f.Decision != nil {
		kept := *f
		p.Finding = &kept
	}
}

// exchange is the nth of a step, without its time.
func (s *Step) exchange(n int) engine.Exchange {
	slot := func(text string) string { return strings.ReplaceAll(text, "{i}", strconv.Itoa(n)) }
	method, path, _ := strings.Cut(slot(s.Request), " ")
	path, _, _ = strings.Cut(path, "?")
	folded, _ := engine.Fold(path)
	client := s.Client
	if client == "" {
		client = "198.51.100.1"
	}
	address, _ := netip.ParseAddr(slot(client)) // check has looked
	x := engine.Exchange{
		Request: engine.Request{
			Client: address.Unmap(), Method: method, Path: path, Folded: folded, Route: folded,
			Key: keyOf(slot(s.Key)), Account: slot(s.Account), Session: keyOf(slot(s.Session)), UserAgent: slot(s.UserAgent),
			Place: engine.Place{ASN: uint32(s.ASN)}, //nolint:gosec // check has looked
		},
		Took: time.Duration(s.Took), Bytes: int64(s.Bytes),
	}
	for _, name := range s.Signs {
		x.Signs |= signs[name]
	}
	if s.Route != "" {
		x.Route = s.Route
	}
	copy(x.Place.Country[:], s.Country)
	return x
}

func keyOf(text string) engine.Key {
	if text == "" {
		return engine.Key{}
	}
	sum := sha256.Sum256([]byte(text))
	return engine.Key{Hash: [16]byte(sum[:16]), Prefix: text[:min(8, len(text))]}
}

// scenarios checks that both can be played; whether there are any, who plays them says.
func (k *check) scenarios(d *Definition) {
	k.steps("shows", d.Shows, d.On)
	k.steps("nearly", d.Nearly, d.On)
}

func (k *check) steps(field string, steps []*Step, on string) {
	k.that(len(steps) <= mostSteps, field, "has %d steps, and may have %d: repeat one with times", len(steps), mostSteps)
	requests, lasts := 0, time.Duration(0)
	for i, s := range steps[:min(len(steps), mostSteps)] {
		place := at(field, i)
		if s == nil {
			k.that(false, place, "is empty: write a request")
			continue
		}
		k.that(s.Times >= 0 && s.Times <= mostRequests, place+".times", "must be 1 to %d", mostRequests)
		k.that(s.Every >= 0 && s.After >= 0 && s.Took >= 0 && max(s.Every, s.After, s.Took) <= Span(engine.LongestWindow), place, "must not wait longer than %s at once", Span(engine.LongestWindow))
		k.step(place, s, on)
		if requests += max(s.Times, 1); requests > mostRequests {
			break
		}
		lasts += time.Duration(s.After) + time.Duration(min(max(s.Times, 1), mostRequests))*orSecond(s.Every)
	}
	k.that(requests <= mostRequests, field, "has more than %d requests", mostRequests)
	k.that(lasts <= longestPlay, field, "lasts longer than %s", Span(longestPlay))
}

func (k *check) step(place string, s *Step, on string) {
	for _, n := range []int{1, max(s.Times, 1)} {
		x := s.exchange(n)
		k.that(x.Client.IsValid() && x.Client.Zone() == "", place+".client", "must be an address, as in 198.51.100.{i}, and is none at repetition %d", n)
		if !x.Client.IsValid() {
			break
		}
	}
	method, path, ok := strings.Cut(s.Request, " ")
	k.that(ok && method != "" && method == strings.ToUpper(method) && strings.HasPrefix(path, "/") && len(s.Request) <= longestPath, place+".request", "must be a method and a path, as in GET /.env, not %q", s.Request)
	k.that(s.Status >= 100 && s.Status <= 599 || s.Status == 0 && on == onRequest, place+".status", "must be 100 to 599: what the API answers")
	if s.At != "" {
		_, err := time.Parse("15:04", s.At)
		k.that(err == nil, place+".at", "must be a time of day, as in \"03:00\", not %q", s.At)
	}
	k.that(s.Country == "" || len(s.Country) == 2 && strings.ToUpper(s.Country) == s.Country, place+".country", "must be two capitals, as in NL, not %q", s.Country)
	for i, name := range s.Signs {
		k.one(at(place+".signs", i), name, slices.Sorted(maps.Keys(signs))...)
	}
	k.that(s.ASN >= 0 && s.ASN < 1<<32, place+".asn", "must be 0 to 4294967295")
	k.that(s.Bytes >= 0, place+".bytes", "must be 0 or more")
	k.that(len(s.UserAgent) <= 256, place+".user_agent", "must have 256 bytes at most")
	k.that(len(s.Account) <= 128, place+".account", "must have 128 bytes at most")
}
