package engine

import (
	"errors"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/anomaly"
)

// Bounds of what learners carry as a whole.
const (
	mostModel = 8 << 20 // bytes of what is known of usual behaviour
	mostStep  = 1024    // bytes of a step's text
)

func (t teller) carry(c *carrier) { t.table.carry(c, nothing) }

func (o *outcomes) carry(c *carrier) {
	o.table.carry(c, func(i int) {
		a := &o.answers[i]
		carry(c, &a.refusing)
		for j := range a.likes {
			l := &a.likes[j]
			carry(c, &l.sign)
			carry(c, &l.seen)
			carry(c, &l.retried)
			carry(c, &l.followed)
			carry(c, &l.back)
			carry(c, &l.on)
		}
	})
	carryMarks(c, o.gated)
	c.flush()
	o.callers.carry(c)
	o.accounts.carry(c)
	o.sources.carry(c)
	o.accounts.roll.carry(c) // of the sources too
}

func (o *flows) carry(c *carrier) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.of {
		o.of[i].keep(c)
	}
	c.flush()
}

func (f *flow) keep(c *carrier) {
	for _, n := range [...]*int64{&f.minute, &f.told, &f.outage, &f.inward} {
		carry(c, n)
	}
	carry(c, &f.route)
	for _, n := range [...]*int{&f.learned, &f.hot, &f.warm} {
		if carry(c, n); *n < 0 {
			*n = 0
			c.fail()
		}
	}
	carryFloat(c, &f.excess)
	for _, p := range [...]*pace{&f.usual, &f.now, &f.before} {
		for _, n := range [...]*float64{&p.failed, &p.known, &p.accounts, &p.entered, &p.away} {
			carryFloat(c, n)
		}
	}
	for _, g := range [...]*gathering{&f.accounts, &f.clients, &f.entered} {
		for i := range g {
			g[i] = c.number(g[i])
		}
	}
	for i := range f.programs {
		p := &f.programs[i]
		carry(c, &p.hash)
		carry(c, &p.count)
		carry(c, &p.error)
		carryBit(c, &p.print)
		carryText(c, &p.n, p.text[:])
	}
}

func (c *callers) carry(by *carrier) {
	c.table.carry(by, func(i int) {
		l := &c.last[i]
		carry(by, &l.route)
		carry(by, &l.account)
		carry(by, &l.sign)
		carry(by, &l.row)
		carryAll(by, l.told[:])
	})
	carryMark(by, &c.lately.turn)
	for i := range c.lately.halves {
		carryWords(by, c.lately.halves[i][:])
	}
	by.flush()
}

func (s *attempts) carry(c *carrier) {
	carry(c, &s.turn)
	carryAll(c, s.failed[:])
	carryAll(c, s.succeeded[:])
}

func (a *accounts) carry(c *carrier) {
	a.table.carry(c, func(i int) {
		for j := range a.guesses {
			f := &a.failures[i*a.guesses+j]
			carry(c, &f.client)
			carry(c, &f.at)
		}
		for j := range a.networks {
			o := &a.origins[i*a.networks+j]
			carry(c, &o.network)
			carry(c, &o.at)
		}
		t := &a.tries[i]
		carry(c, &t.next)
		if carry(c, &t.home); int(t.home) >= len(t.known) {
			c.fail()
			return
		}
		carryAll(c, t.known[:])
		t.attempts.carry(c)
	})
}

func (o *sources) carry(c *carrier) {
	o.table.carry(c, func(i int) {
		for j := range o.kept {
			t := &o.tried[i*o.kept+j]
			carry(c, &t.account)
			carry(c, &t.at)
			carry(c, &t.client)
		}
		h := &o.homes[i]
		for j := range h.accounts {
			carry(c, &h.accounts[j].account)
			carry(c, &h.accounts[j].at)
		}
		h.attempts.carry(c)
	})
	o.admission.carry(c)
}

func (r *roll) carry(c *carrier) {
	for i := range r.shelves {
		s := &r.shelves[i]
		s.mu.Lock()
		for j := range s.entries {
			e := &s.entries[j]
			carry(c, &e.account)
			carryText(c, &e.n, e.text[:])
		}
		s.mu.Unlock()
		c.flush()
	}
}

func (l *visitors) carry(c *carrier) {
	l.table.carry(c, func(i int) { l.records[i].carry(c) })
	l.eachStripe(c, func(n int) {
		for j := range textsPerStripe {
			t := &l.texts[n*textsPerStripe+j]
			carry(c, &t.hash)
			carryText(c, &t.n, t.text[:])
		}
	})
	l.site.carry(c)
}

func (r *visitor) carry(c *carrier) {
	carry(c, &r.last)
	carryAll(c, r.taught[:])
	carryAll(c, r.lost[:])
	carryAll(c, r.lostAt[:])
	carryAll(c, r.told[:])
	carry(c, &r.first)
	carry(c, &r.lessons)
	for _, n := range [...]*uint16{&r.requests, &r.good, &r.errors, &r.posts, &r.assets, &r.referred} {
		carry(c, n)
	}
	carry(c, &r.learned)
	carry(c, &r.marks)
	carryFloat(c, &r.tempo.mean)
	carryFloat(c, &r.tempo.square)
	carry(c, &r.tempo.last)
	carry(c, &r.tempo.beats)
}

func (s *site) carry(c *carrier) {
	s.table.carry(c, nothing)
	carryMark(c, &s.good)
	carryMark(c, &s.readers)
	carryMark(c, &s.scripts)
	carryMark(c, &s.families)
	carryWords(c, s.catch)
	c.flush()
	s.inventory.carry(c)
}

func (n *inventory) carry(c *carrier) {
	n.table.carry(c, func(i int) {
		e := &n.endpoints[i]
		e.Method, e.Route = c.text(e.Method, methodKept), c.text(e.Route, routeKept)
		carryTime(c, &e.First)
		carryTime(c, &e.Last)
		carry(c, &e.Requests)
		carryAll(c, e.Statuses[:])
		carry(c, &e.Authenticated)
		carryBit(c, &e.Late)
	})
}

func (h *prints) carry(c *carrier) {
	h.table.carry(c, func(i int) {
		p := &h.known[i]
		carry(c, &p.at)
		carry(c, &p.begun)
		carry(c, &p.times)
		carry(c, &p.network)
		carryAll(c, p.prints[:])
		carryAll(c, p.seen[:])
	})
}

func (s *steps) carry(c *carrier) {
	s.table.carry(c, func(i int) { s.walkers[i].carry(c) })
	s.ways.carry(c, nothing)
}

func (w *walker) carry(c *carrier) {
	carry(c, &w.at)
	carry(c, &w.from)
	name := c.text(strings.TrimRight(string(w.name[:]), "\x00"), nameKept)
	w.name = [nameKept]byte{}
	copy(w.name[:], name)
	carry(c, &w.taken)
	carry(c, &w.lessons)
	carry(c, &w.learned)
	carryBit(c, &w.told)
	for i := range w.odd {
		o := &w.odd[i]
		carry(c, &o.number)
		carry(c, &o.way)
		o.text = c.text(o.text, mostStep)
	}
	w.trail.carry(c)
}

func (t *trail) carry(c *carrier) {
	carryAll(c, t.routes[:])
	carryAll(c, t.at[:])
	carry(c, &t.lost)
	carry(c, &t.begun)
	if carry(c, &t.here); t.here >= trailKept {
		t.here = 0
		c.fail()
	}
}

func (l *ladders) carry(c *carrier) {
	l.table.carry(c, func(i int) {
		carry(c, &l.whose[i].kind)
		carry(c, &l.whose[i].word)
		if at := l.slotOf(i); at.mark < 0 || at.mark > MostRungs {
			at.mark = 0
			c.fail()
		}
	})
}

func (w *skips) carry(c *carrier) {
	w.table.carry(c, func(i int) {
		p := &w.payers[i]
		carry(c, &p.holder)
		carry(c, &p.tried)
		carry(c, &p.paid)
		for j := range p.kept {
			carry(c, &p.kept[j].route)
			carry(c, &p.kept[j].times)
		}
	})
	w.customs.table.carry(c, func(i int) {
		m := &w.customs.of[i]
		carry(c, &m.sessions)
		carry(c, &m.last)
		carry(c, &m.at)
		for j := range m.before {
			b := &m.before[j]
			carry(c, &b.route)
			carry(c, &b.times)
			carry(c, &b.error)
			carry(c, &b.missed)
		}
	})
}

func (w *objects) carry(c *carrier) {
	w.table.carry(c, func(i int) {
		o := &w.walks[i]
		carry(c, &o.holder)
		carry(c, &o.begun)
		carry(c, &o.asked)
		carry(c, &o.refused)
		carryBit(c, &o.told)
		if carry(c, &o.distinct); int(o.distinct) > len(o.ids) {
			c.fail()
			return
		}
		carryAll(c, o.ids[:o.distinct])
	})
}

// carry the model before those whom it follows. Where it is one that is not understood any more, they say
// nothing either, and all of it begins anew.
func (w *oddities) carry(c *carrier) {
	known := ""
	if !c.loading() {
		b, _ := w.model.MarshalBinary() // it never fails
		known = string(b)
	}
	if known = c.text(known, mostModel); c.loading() {
		switch err := w.model.UnmarshalBinary([]byte(known)); {
		case c.err == nil && (errors.Is(err, anomaly.ErrVersion) || errors.Is(err, anomaly.ErrSchema)):
			c.leave()
			return
		case err != nil:
			c.fail()
		}
	}
	c.flush()
	w.table.carry(c, func(i int) {
		o := &w.clients[i]
		words := o.Words()
		carryAll(c, words[:])
		var err error
		if o.Actor, err = anomaly.ActorOf(words); err != nil {
			c.fail()
		}
		carryFloat(c, &o.rate)
		for _, s := range [...]*share{&o.errors, &o.bare, &o.fresh} {
			carry(c, s)
		}
		carry(c, &o.window)
		carry(c, &o.taught)
		carry(c, &o.run)
		carry(c, &o.flags)
	})
}
