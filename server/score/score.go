package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
)

// A score is what is measured of one set.
type score struct {
	*set
	*census
	*replayed
	whole tally // every source
	part  tally // the sources that are scored
	cost  cost
	delays
	logins *logins // of sshd logs, where nothing else is measured
	campaign
	rankings []ranking // of labelled sets, whole and the part that is scored
}

// nameWrong names those who were judged wrongly, of all sources, with what was said about them.
func (sc *score) nameWrong(w io.Writer) {
	if w == nil || sc.logins != nil {
		return
	}
	flagged := sc.flagged()
	for _, o := range sc.sources {
		switch is := flagged[identity(o.addr)]; {
		case !o.hostile && is:
			fmt.Fprintf(w, "%s: %s is legitimate: %s\n", sc.set.name, o.addr, sc.clients[identity(o.addr)])
		case o.hostile && !is:
			fmt.Fprintf(w, "%s: %s is hostile, and was not flagged: %s\n", sc.set.name, o.addr, o.example)
		}
	}
}

// cost of being wrong.
type cost struct {
	legitimate  int // sources
	requests    int // of those
	flagged     int // requests of those who were flagged
	falseBlocks int // sources blocked
	overLimit   int // sources blocked for more than a published limit allows: not false
}

func (c cost) plus(o cost) cost {
	return cost{
		c.legitimate + o.legitimate, c.requests + o.requests, c.flagged + o.flagged,
		c.falseBlocks + o.falseBlocks, c.overLimit + o.overLimit,
	}
}

// perMillion legitimate requests.
func (c cost) perMillion(n int) float64 { return ratio(n*1_000_000, c.requests) }

// delays of the hostile sources that were flagged.
type delays struct {
	all       []delay
	undated   int // flagged as members of an incident alone, which tells no time
	hostile   int // requests of all hostile sources
	blockable int // of them, those after the first verdict on a source that was blocked: at least
	busy      tally
}

func (d delays) plus(o delays) delays {
	return delays{
		append(slices.Clone(d.all), o.all...), d.undated + o.undated,
		d.hostile + o.hostile, d.blockable + o.blockable, d.busy.plus(o.busy),
	}
}

// busySource has that many hostile requests or more.
const busySource = 5

// A campaign says how incidents hold the attackers of a set together.
type campaign struct {
	covered float64 // share of sources in the three largest; of sets with attackers only
	purity  purity
}

// measure a set by what a replay said about it. All its sources count, or those first seen in
// the part of time that is kept for the report.
func measure(ctx context.Context, s *set, r *replayed, all bool) (*score, error) {
	sc := &score{set: s, replayed: r, census: &census{}}
	var err error
	if s.format == "sshd" {
		times, err := readFailures(s.log)
		sc.logins = exact(times, r)
		return sc, err
	}
	if sc.census, err = count(ctx, s); err != nil {
		return nil, err
	}
	flagged := r.flagged()
	hostile := map[netip.Addr]bool{}
	for _, o := range sc.sources {
		is := flagged[identity(o.addr)]
		sc.whole.add(o.hostile, is)
		hostile[identity(o.addr)] = hostile[identity(o.addr)] || o.hostile
		if !all && o.first().Before(sc.cut) {
			continue
		}
		sc.part.add(o.hostile, is)
		if o.hostile {
			sc.late(o, is)
		} else {
			sc.harm(o, is)
		}
	}
	sc.covered = covered(r.incidents, hostile, 3)
	sc.purity = pureOf(r.incidents, hostile, 3)
	return sc, nil
}

// harm done to a legitimate source.
func (sc *score) harm(o *source, flagged bool) {
	c := &sc.cost
	c.legitimate++
	c.requests += len(o.requests)
	if flagged {
		c.flagged += len(o.requests)
	}
	if !sc.blocks(o.addr, o.last()) {
		return
	}
	if rate.over(o.requests) || failedLogins.over(o.refusals) {
		c.overLimit++
	} else {
		c.falseBlocks++
	}
}

// late is what a hostile source got done. Where labels don't tell, or the log's clock is not to
// be trusted, nothing is counted.
func (sc *score) late(o *source, flagged bool) {
	if o.intents == 0 || o.intent.IsZero() || sc.summary.rough() {
		return
	}
	d := &sc.delays
	if o.intents >= busySource {
		d.busy.add(true, flagged)
	}
	d.hostile += o.intents
	if !flagged {
		return
	}
	v, dated := sc.clients[identity(o.addr)]
	if !dated {
		d.undated++
		return
	}
	took := until(o.requests, o.intent, o.intents, v.first)
	d.all = append(d.all, took)
	if v.blocked {
		d.blockable += o.intents - took.requests
	}
}
