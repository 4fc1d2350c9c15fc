package guard

import (
	"context"
	"errors"
	"slices"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A draft is what one transaction writes, and what is told once it is written.
type draft struct {
	store.Batch                   // versions of one thing in their order
	raised      map[int64]bool    // alerts that are new
	ended       []engine.Decision // in time: told, not written
	heard       map[string]bool   // decisions that other nodes need not be told
}

func newDraft() *draft {
	return &draft{raised: make(map[int64]bool), heard: make(map[string]bool)}
}

func (d *draft) empty() bool {
	return len(d.Alerts)+len(d.Incidents)+len(d.Decisions)+len(d.Audit)+len(d.Rules)+len(d.Modes)+len(d.Receipts) == 0
}

// fold makes a draft of items. An awaited one is dealt with at once instead, and there is no draft.
func (g *Guard) fold(items []item) *draft {
	d := newDraft()
	for _, i := range items {
		switch {
		case i.finding != nil:
			g.foldFinding(d, *i.finding)
		case i.heard != nil:
			d.Decisions = append(d.Decisions, *i.heard)
			d.heard[i.heard.ID] = true
		case i.ended != nil:
			d.end(i.ended)
		case i.audit != nil:
			d.Audit = append(d.Audit, *i.audit)
		case i.change != nil:
			g.carryOut(i.change)
			return nil
		case i.flushed != nil:
			close(i.flushed)
			return nil
		}
	}
	g.strike(d)
	g.besiege(d.Incidents)
	return d
}

// end tells of decisions that have ended by themselves. Their time says so in the database too,
// unless one had to give way before it.
func (d *draft) end(ended []engine.Decision) {
	for _, x := range ended {
		if x.Lifted.IsZero() {
			d.ended = append(d.ended, x)
			continue
		}
		d.Decisions = append(d.Decisions, x)
		d.heard[x.ID] = true // other nodes have room of their own
	}
}

func (g *Guard) foldFinding(d *draft, f engine.Finding) {
	if f.Decision != nil {
		made := g.signed(*f.Decision)
		f.Decision = &made
		d.Decisions = append(d.Decisions, made)
	}
	c := g.book.Fold(f)
	d.Alerts = append(d.Alerts, c.Joined...)
	if !f.Weak {
		d.Alerts = append(d.Alerts, c.Alert)
	}
	d.Incidents = append(append(d.Incidents, c.Emptied...), c.Closed...)
	if c.Incident != nil {
		d.Incidents = append(d.Incidents, *c.Incident)
	}
	if c.Raised {
		d.raised[c.Alert.ID] = true
	}
}

// signed is a decision as it is written and told: this node made what its rules decided, and
// times are in milliseconds.
func (g *Guard) signed(d engine.Decision) engine.Decision {
	if d.By == "" {
		d.By = g.node
	}
	d.From, d.Until, d.Lifted = milli(d.From), milli(d.Until), milli(d.Lifted)
	return d
}

func (g *Guard) signedAll(ds []engine.Decision) []engine.Decision {
	for i := range ds {
		ds[i] = g.signed(ds[i])
	}
	return ds
}

// tell says what was written: of each thing the last version.
func (g *Guard) tell(d *draft) {
	for _, a := range latest(d.Alerts, func(a incident.Alert) int64 { return a.ID }) {
		if d.raised[a.ID] {
			g.news.AlertRaised.Publish(a)
		} else {
			g.news.AlertChanged.Publish(a)
		}
	}
	for _, i := range latest(d.Incidents, func(i incident.Incident) int64 { return i.ID }) {
		g.news.IncidentChanged.Publish(i)
	}
	for _, x := range once(d.Decisions) {
		g.news.DecisionChanged.Publish(x)
		if g.peers != nil && !d.heard[x.ID] {
			g.peers.Announce(x)
		}
	}
	for _, x := range d.ended {
		g.news.DecisionChanged.Publish(x)
	}
}

// latest keeps the last version of each thing, in the order of the first.
func latest[T any, ID comparable](all []T, id func(T) ID) []T {
	place := make(map[ID]int, len(all))
	last := make([]T, 0, len(all))
	for _, x := range all {
		if i, seen := place[id(x)]; seen {
			last[i] = x
			continue
		}
		place[id(x)] = len(last)
		last = append(last, x)
	}
	return last
}

// salvage writes a draft that the database does not take in one, piece by piece: few things at a time,
// and one by one where it refuses even these, so that one that it can't take holds up no other. What
// it refuses is counted as lost. It reports false when the database itself is away or too slow for a
// piece; then what is not written yet stays in the draft.
func (g *Guard) salvage(d *draft) bool {
	saved := draft{raised: d.raised, heard: d.heard, ended: d.ended}
	pieces := d.pieces(perWrite)
	for i, piece := range pieces {
		if g.salvaged(&saved, piece) {
			continue
		}
		if i > 0 {
			d.Batch, d.ended = store.Batch{}, nil
			for _, rest := range pieces[i:] {
				d.take(rest)
			}
			g.tell(&saved)
		}
		return false
	}
	g.wrote(database, nil)
	g.tell(&saved)
	return true
}

// salvaged writes a piece of a draft, in one or thing by thing, and notes what was written.
func (g *Guard) salvaged(saved *draft, piece store.Batch) bool {
	err := g.record(piece)
	if err == nil {
		saved.take(piece)
		return true
	}
	all := draft{Batch: piece}
	for _, b := range all.pieces(1) {
		switch err := g.record(b); {
		case err == nil:
			saved.take(b)
		case errors.Is(err, context.DeadlineExceeded) || !g.answers():
			return false
		default:
			g.outbox.lost.Add(1)
			g.log.Error("the database refuses", "what", b, "err", err)
		}
	}
	return true
}

// record in as much time as a write may take.
func (g *Guard) record(b store.Batch) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return g.store.Record(ctx, b) //nolint:wrapcheck // it says what was tried
}

func (g *Guard) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return g.store.Ping(ctx)[database] == nil
}

// take adds what a piece of another draft holds.
func (d *draft) take(b store.Batch) {
	d.Receipts = append(d.Receipts, b.Receipts...)
	d.Decisions = append(d.Decisions, b.Decisions...)
	d.Alerts = append(d.Alerts, b.Alerts...)
	d.Incidents = append(d.Incidents, b.Incidents...)
	d.Audit = append(d.Audit, b.Audit...)
}

// things are how many a draft holds.
func (d *draft) things() int {
	return len(d.Receipts) + len(d.Decisions) + len(d.Alerts) + len(d.Incidents) + len(d.Audit)
}

// pieces cuts a draft into batches of so many things of a kind; what can't be written twice comes last.
func (d *draft) pieces(of int) (bs []store.Batch) {
	for x := range slices.Chunk(d.Receipts, of) {
		bs = append(bs, store.Batch{Receipts: x})
	}
	for x := range slices.Chunk(d.Decisions, of) {
		bs = append(bs, store.Batch{Decisions: x})
	}
	for x := range slices.Chunk(d.Alerts, of) {
		bs = append(bs, store.Batch{Alerts: x})
	}
	for x := range slices.Chunk(d.Incidents, of) {
		bs = append(bs, store.Batch{Incidents: x})
	}
	for x := range slices.Chunk(d.Audit, of) {
		bs = append(bs, store.Batch{Audit: x})
	}
	return bs
}
