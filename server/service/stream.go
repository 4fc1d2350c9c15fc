package service

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const (
	mostEnded = 100_000         // that a bouncer is told of after it was away
	longAway  = 24 * time.Hour  // what ended before is told to nobody
	overlap   = 5 * time.Second // for clocks of other nodes; to be told twice does no harm
)

// stream answers what has changed since the same bouncer last asked, or everything when it starts.
//
// A bouncer is known by its key, its address, its name and what it asks for. One that nobody knows,
// as after a restart of Sentinel, or that was away for too many changes, is told everything that is
// in force and all that ended in the meantime, of at most a day.
func (s *Service) stream(w http.ResponseWriter, r *http.Request, name string) {
	q := r.URL.Query()
	f := s.parseFilter(q)
	startup := q.Get("startup") == "true"
	q.Del("startup")
	who := s.term() + "|" + name + "|" + peerOf(r).String() + "|" + r.UserAgent() + "|" + q.Encode()
	if len(who) > 1024 {
		refuse(w, http.StatusBadRequest, "the request is too long")
		return
	}
	at := s.now()
	upTo := s.feed.position()
	var err error
	if startup {
		err = s.tellAll(w, r, &f, nil)
	} else {
		var changed []change
		var away time.Time
		var known bool
		if changed, upTo, away, known = s.feed.since(who); known {
			err = s.tellChanges(w, r, &f, changed)
		} else {
			away = away.Add(-overlap)
			if least := at.Add(-longAway); away.Before(least) {
				away = least
			}
			err = s.tellAll(w, r, &f, append(s.withheld(&f), s.missed(r, away, at)...))
		}
	}
	if err == nil && r.Method == http.MethodGet {
		s.feed.told(who, upTo, at)
	}
}

// tellChanges says of each target what holds for it now.
func (s *Service) tellChanges(w http.ResponseWriter, r *http.Request, f *filter, changed []change) error {
	o := newOut(w, r, "application/json", s.now())
	var gone []change
	_, _ = o.WriteString(`{"new":[`)
	for _, c := range changed {
		if !f.scope(c.target) {
			continue
		}
		if d, holds := s.holds(c.target, c.by.Action, f); holds {
			o.decision(&d, c.target, false)
		} else if f.wants(&c.by) {
			gone = append(gone, c)
		}
	}
	return tellGone(o, gone)
}

func tellGone(o *out, gone []change) error {
	o.n = 0
	_, _ = o.WriteString(`],"deleted":[`)
	for _, c := range gone {
		o.decision(&c.by, c.target, true)
	}
	_, _ = o.WriteString("]}\n")
	return o.end()
}

// holds finds the decision that counts longest for a target, false when bouncers are to let it be.
func (s *Service) holds(t engine.Target, a engine.Action, f *filter) (longest engine.Decision, holds bool) {
	var covering []engine.Decision
	if t.Network.IsValid() {
		covering = s.guard.Covering(t.Network.Addr(), engine.Key{})
	} else {
		covering = s.guard.Covering(netip.Addr{}, t.Key)
	}
	allows := s.feed.allowed.Load()
	for _, d := range covering {
		if t.Network.IsValid() != d.Target.Network.IsValid() {
			continue
		}
		switch {
		case d.Action == engine.Allow && !t.Network.IsValid():
			return engine.Decision{}, false
		case d.Action != a || !f.tells(&d):
			continue
		case t.Network.IsValid() && !allows.isPart(t.Network, d.Target.Network):
			continue
		}
		if !holds || d.Until.IsZero() || !longest.Until.IsZero() && d.Until.After(longest.Until) {
			longest, holds = d, true
		}
	}
	return longest, holds
}

// missed are the changes since a bouncer has been away, as far as the database knows them.
func (s *Service) missed(r *http.Request, since, at time.Time) []change {
	ended, err := s.store.Ended(r.Context(), since, at, mostEnded)
	if err != nil { // what they blocked ends by itself at the bouncer
		s.log.Warn("a bouncer is not told what ended while it was away", "err", err)
	}
	var missed []change
	add := func(t engine.Target, by engine.Decision) {
		if len(missed) < mostEnded {
			missed = append(missed, change{t, by})
		}
	}
	now := *s.feed.allowed.Load()
	var turned []engine.Decision
	for _, d := range ended {
		switch {
		case d.Target.Account != "":
		case enforced(d.Action) && d.Target.Network.IsValid():
			touched(d, now, now, add)
		case enforced(d.Action):
			add(d.Target, d)
		case d.Action == engine.Allow && d.Target.Network.IsValid():
			turned = append(turned, d)
		}
	}
	s.guard.EachDecision(func(d engine.Decision) bool {
		if d.Action == engine.Allow && d.Target.Network.IsValid() && d.From.After(since) {
			turned = append(turned, d)
		}
		return true
	})
	for _, d := range turned {
		alone := allowing(map[string]netip.Prefix{"": d.Target.Network})
		for _, b := range s.feed.across(d.Target.Network) {
			touched(b, alone, now, add)
		}
	}
	return missed
}

// term names the time since the gateway last began to observe or to enforce: who asks in another
// is told everything anew.
func (s *Service) term() string {
	s.modes.Lock()
	defer s.modes.Unlock()
	if mode := s.guard.Mode(); mode != s.mode {
		s.mode = mode
		s.terms++
	}
	return strconv.Itoa(s.terms)
}

// withheld is what rules decided and nobody is to enforce while the gateway observes.
func (s *Service) withheld(f *filter) []change {
	if !f.observing {
		return nil
	}
	var all []change
	now := *s.feed.allowed.Load()
	s.guard.EachDecision(func(d engine.Decision) bool {
		if f.wants(&d) && !f.tells(&d) {
			touched(d, now, now, func(t engine.Target, by engine.Decision) { all = append(all, change{t, by}) })
		}
		return len(all) < mostEnded
	})
	return all
}

// tellAll sends all that is in force, and what of other targets has ended.
func (s *Service) tellAll(w http.ResponseWriter, r *http.Request, f *filter, ended []change) error {
	done, err := s.turn(r)
	if err != nil {
		return err
	}
	defer done()
	o := newOut(w, r, "application/json", s.now())
	_, _ = o.WriteString(`{"new":[`)
	s.each(f, func(d *engine.Decision, t engine.Target) bool { return o.decision(d, t, false) })
	var gone []change
	seen := make(map[engine.Target]bool)
	for _, c := range ended {
		if seen[c.target] || !f.scope(c.target) || !f.wants(&c.by) {
			continue
		}
		seen[c.target] = true
		if _, holds := s.holds(c.target, c.by.Action, f); !holds {
			gone = append(gone, c)
		}
	}
	return tellGone(o, gone)
}

// turn waits until few enough others are being sent everything.
func (s *Service) turn(r *http.Request) (done func(), err error) {
	select {
	case s.full <- struct{}{}:
		return func() { <-s.full }, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// each gives all that a bouncer is to enforce to a function until it answers false: networks in
// parts that leave out whom an operator allows.
func (s *Service) each(f *filter, tell func(*engine.Decision, engine.Target) bool) {
	allows := s.feed.allowed.Load()
	s.guard.EachDecision(func(d engine.Decision) bool {
		if !f.tells(&d) || d.Target.Account != "" {
			return true
		}
		if !d.Target.Network.IsValid() {
			if _, holds := s.holds(d.Target, d.Action, f); !f.keys || !holds {
				return true
			}
			return tell(&d, d.Target)
		}
		more := true
		allows.parts(d.Target.Network, func(n netip.Prefix) bool {
			t := engine.Target{Network: n}
			if more = !f.scope(t) || tell(&d, t); !more {
				return false
			}
			return true
		})
		return more
	})
}
