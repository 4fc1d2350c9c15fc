// Package backtest plays stored traffic through an engine of its own, to tell what a rule would
// have done. Nothing of it is in force anywhere, and nobody hears of it.
//
// Rules that are in force have had their say when the traffic was stored: what they refused reached
// no API and counts for nothing here either. They look on, since others learn from what they find.
package backtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Test is a rule to be tried on the traffic of a window. It is judged as if it enforced, and the
// gateway too, whatever its mode.
type Test struct {
	Policy   engine.Policy // with the rule in it, under the terms that are to be tried
	Rule     string        // its ID
	From, To time.Time     // To exclusive; what comes before From is only learned from

	Places  func(netip.Addr) engine.Place // where addresses are, as files of today tell; nil: nobody knows
	Allowed []engine.Decision             // of operators: whom no rule is about
	Failed  func() uint64                 // how often its expression could not be evaluated; nil: it has none

	// Assumed says that nobody knows by which settings the traffic was judged, and Policy holds the defaults.
	Assumed bool
}

// Traffic gives stored exchanges to a function, in the order of their time, until it answers with
// an error, which it hands on. More says that it ended before all was read.
type Traffic func(ctx context.Context, do func(*engine.Exchange) error) (more bool, err error)

// Figures are what a rule would have done in a window.
type Figures struct {
	Findings     int `json:"findings"`
	Hit          int `json:"hit"` // different ones that it found something about
	Clients      int `json:"clients"`
	Keys         int `json:"keys"`
	Accounts     int `json:"accounts"`
	Refused      int `json:"refused"`       // requests, while what it decided would have been in force
	WellAnswered int `json:"well_answered"` // of these: the API answered 2xx
}

// A Result is what came of a Test.
type Result struct {
	Rule     string    `json:"rule"`
	Title    string    `json:"title"`
	Version  int       `json:"version"`
	Explains string    `json:"explains"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Figures
	First  time.Time `json:"first,omitzero"` // finding
	Last   time.Time `json:"last,omitzero"`
	Hits   []Hit     `json:"hits"`  // the first that were hit, at most 100
	Hours  []Hour    `json:"hours"` // in which there was something, in order
	Rows   int       `json:"rows"`  // exchanges of the window that were played
	Before int       `json:"before"`
	Until  time.Time `json:"until"`            // how far it came; To when all was played
	Cut    string    `json:"cut,omitempty"`    // why it came no further
	Untold []string  `json:"untold,omitempty"` // what the stored rows could not tell, in sentences

	all []Hit
}

// A Hit is whom a rule would have hit.
type Hit struct {
	Target       engine.Target `json:"-"`
	Name         string        `json:"target"` // as people write it
	Client       netip.Addr    `json:"client"` // that tripped it first
	At           time.Time     `json:"at"`
	Last         time.Time     `json:"last"`
	Findings     int           `json:"findings"`
	Count        int           `json:"count"` // at the first
	Limit        int           `json:"limit"`
	Acts         bool          `json:"acts"` // a decision would have been made
	Reason       string        `json:"reason"`
	Refused      int           `json:"refused"`
	WellAnswered int           `json:"well_answered"`
}

// An Hour of the window.
type Hour struct {
	At       time.Time `json:"at"`
	Findings int       `json:"findings"`
	Refused  int       `json:"refused"`
}

const (
	mostHits  = 1 << 16 // that are told apart
	mostTold  = 100
	breather  = 1024 // exchanges between two looks at whether there is time left
	rateAbuse = "rate-abuse"
)

// Run plays traffic through a test. When the context's deadline passes, or traffic ends early, the
// result holds what came of it until then, and says so; when it is cancelled, that is an error.
func Run(ctx context.Context, t Test, traffic Traffic) (Result, error) {
	results, err := run(ctx, traffic, t)
	if err != nil {
		return Result{}, err
	}
	return results[0], nil
}

func run(ctx context.Context, traffic Traffic, tests ...Test) ([]Result, error) {
	players := make([]*player, len(tests))
	for i, t := range tests {
		var err error
		if players[i], err = newPlayer(t); err != nil {
			return nil, err
		}
	}
	n := 0
	more, err := traffic(ctx, func(x *engine.Exchange) error {
		if n++; n%breather == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, p := range players {
			p.play(*x)
		}
		return nil
	})
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded)
	if err != nil && !late {
		return nil, err
	}
	results := make([]Result, len(players))
	for i, p := range players {
		switch {
		case late:
			p.Cut = "There was no time for more."
		case more:
			p.Cut = "There is more traffic than may be read at once: choose a shorter window."
		}
		results[i] = p.result()
	}
	return results, nil
}

// A player is a test at work.
type player struct {
	Result
	test    Test
	engine  *engine.Engine
	quiet   map[string]bool // rules that refuse nothing under the policy
	hits    map[engine.Target]*hit
	order   []*hit // those of the window, in the order in which they were hit
	hour    map[int64]*Hour
	expire  time.Time
	newest  time.Time
	since   time.Time // the first exchange of all
	unknown int       // requests that the rule refused then, and would not have now
	others  int       // requests that others refused
	weak    int
	more    bool // there were more to be hit than are told apart
}

type hit struct {
	Hit
	until  time.Time // of the last decision
	within bool      // the window
}

func newPlayer(t Test) (*player, error) {
	rules := t.Policy.All()
	i := slices.IndexFunc(rules, func(r engine.Rule) bool { return r.ID == t.Rule })
	if i < 0 {
		return nil, engine.Invalid{Field: "rule", Problem: fmt.Sprintf("%q is none that there is", t.Rule)}
	}
	const seed = 1 // the same traffic is judged the same way
	e, err := engine.New(t.policy(rules[i]), seed)
	if err != nil {
		return nil, err
	}
	e.Restore(t.Allowed)
	p := &player{
		test: t, engine: e, quiet: map[string]bool{}, hits: map[engine.Target]*hit{}, hour: map[int64]*Hour{},
		Result: Result{
			Rule: t.Rule, Title: rules[i].Title, Version: rules[i].Version,
			Explains: enforcing(t).Explain(t.Rule), From: t.From.UTC(), To: t.To.UTC(),
		},
	}
	for _, r := range rules {
		terms := t.Policy.Terms(r.ID)
		p.quiet[r.ID] = terms.Off || terms.Shadow
	}
	return p, nil
}

// enforcing is the policy of a test as it is judged.
func enforcing(t Test) engine.Policy {
	p := t.Policy
	p.Observe, p.Rules = false, maps.Clone(p.Rules)
	terms := p.Terms(t.Rule)
	terms.Off, terms.Shadow = false, false
	p.Rules[t.Rule] = terms
	return p
}

// policy under which the rule alone decides, and only in the shadow: learners see all that the API
// answered, as they did when it was stored. What else is asked before the API answers is off where
// the rule is too, as it would come first; the rate is counted all the same, since throttles rest
// on it.
func (t Test) policy(tested engine.Rule) engine.Policy {
	p := enforcing(t)
	for _, r := range p.All() {
		terms := p.Terms(r.ID)
		terms.Shadow = true
		if r.ID != t.Rule {
			terms.Do = 0
			terms.Off = terms.Off || r.On == engine.Requests && tested.On == engine.Requests && r.ID != rateAbuse
		}
		p.Rules[r.ID] = terms
	}
	return p
}

// play an exchange. It changes a copy of it.
func (p *player) play(x engine.Exchange) {
	within := !x.At.Before(p.From)
	if p.newest = x.At; p.since.IsZero() {
		p.since = x.At
	}
	if within {
		p.Rows++
	} else {
		p.Before++
	}
	if p.settled(&x) {
		if within {
			p.others++
		}
		return
	}
	if !x.At.Before(p.expire) {
		p.engine.Expire(x.At)
		p.expire = x.At.Add(time.Minute)
	}
	p.complete(&x)
	v := p.engine.Decide(x.Request)
	if v.Finding != nil {
		p.find(v.Finding, within)
	}
	switch {
	case v.Would == p.test.Rule && within:
		p.refuse(&x)
	case v.Would != p.test.Rule && within && x.Refused:
		p.unknown++
	}
	if x.Refused || v.Refused() {
		return
	}
	found := p.engine.Observe(x)
	for i := range found {
		p.find(&found[i], within)
	}
}

// settled reports whether others than the rule have refused a request, or would have, had the
// gateway enforced.
func (p *player) settled(x *engine.Exchange) bool {
	if x.Refused {
		return x.Cause != p.test.Rule
	}
	return x.Would != "" && x.Would != p.test.Rule && !p.quiet[x.Would]
}

// complete what is not stored. What is unknown must accuse nobody, so a page that a request came
// from is taken for granted.
func (p *player) complete(x *engine.Exchange) {
	if p.test.Places != nil {
		x.Place = p.test.Places(x.Client)
	}
	x.Signs = engine.ReadSigns(x.Path, "", "") | engine.Referred
}

func (p *player) find(f *engine.Finding, within bool) {
	switch {
	case f.Rule != p.test.Rule:
		return
	case f.Weak:
		if within {
			p.weak++
		}
		return
	}
	reason, acts := f.Done()
	h := p.hits[f.Actor]
	if h == nil {
		if len(p.hits) >= mostHits {
			p.forget(f.At)
		}
		h = &hit{Hit: Hit{
			Target: f.Actor, Client: f.Client, At: f.At, Count: f.Count, Limit: f.Limit, Reason: reason,
		}}
		if len(p.hits) < mostHits {
			p.hits[f.Actor] = h
		} else {
			p.more = true
		}
	}
	h.Last, h.Acts = f.At, h.Acts || acts
	if acts {
		h.until = f.At.Add(p.test.Policy.Terms(p.test.Rule).For)
	}
	if !within {
		return
	}
	if p.Findings++; p.First.IsZero() {
		p.First = f.At
	}
	p.Last = f.At
	h.Findings++
	p.at(f.At).Findings++
	p.join(h)
}

// forget whom the rule had hit before the window, and lets go by now.
func (p *player) forget(now time.Time) {
	maps.DeleteFunc(p.hits, func(_ engine.Target, h *hit) bool { return !h.within && !now.Before(h.until) })
}

// join takes somebody among those of the window.
func (p *player) join(h *hit) {
	if h.within || p.hits[h.Target] != h {
		return
	}
	h.within = true
	p.order = append(p.order, h)
	if len(p.order) > mostTold { // nobody reads it
		h.Reason = ""
	}
}

// refuse a request that what the rule decided would have kept out, or that tripped it.
func (p *player) refuse(x *engine.Exchange) {
	well := 0
	if !x.Refused && x.Status/100 == 2 {
		well = 1
	}
	p.Refused++
	p.WellAnswered += well
	p.at(x.At).Refused++
	for _, t := range []engine.Target{
		{Account: x.Account}, {Key: x.Key}, engine.ActorOf(x.Client), engine.NetworkOf(x.Client),
	} {
		if h := p.hits[t]; t != (engine.Target{}) && h != nil && (x.At.Before(h.until) || !x.At.After(h.Last)) {
			h.Refused++
			h.WellAnswered += well
			p.join(h)
			return
		}
	}
}

func (p *player) at(t time.Time) *Hour {
	begin := t.UTC().Truncate(time.Hour)
	h := p.hour[begin.Unix()]
	if h == nil {
		h = &Hour{At: begin}
		p.hour[begin.Unix()] = h
	}
	return h
}

func (p *player) result() Result {
	r := p.Result
	r.Hit = len(p.order)
	for _, h := range p.order {
		switch {
		case h.Target.Network.IsValid():
			r.Clients++
		case h.Target.Account != "":
			r.Accounts++
		case !h.Target.Key.Zero():
			r.Keys++
		}
		h.Name = h.Target.String()
		r.all = append(r.all, h.Hit)
	}
	r.Hits = append([]Hit{}, r.all[:min(len(r.all), mostTold)]...)
	r.Hours = []Hour{}
	for _, at := range slices.Sorted(maps.Keys(p.hour)) {
		r.Hours = append(r.Hours, *p.hour[at])
	}
	if r.Until = r.To; r.Cut != "" {
		r.Until = p.newest.UTC()
	}
	r.Untold = p.untold()
	return r
}
