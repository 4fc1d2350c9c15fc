package guard

import (
	"sync"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// hear takes in what another node announced: in force at once, then written and told here too.
// What is known already, or was lifted here, is not taken in again.
func (g *Guard) hear(d engine.Decision) {
	at := g.now()
	switch lifted, known := g.lifts.of(d.ID); {
	case !g.acceptable(d):
		g.log.Warn("another node announced what nobody may decide", "decision", d.ID, "by", d.By)
		return
	case known && d.Lifted.IsZero():
		g.peers.Announce(lifted) // the other missed it
		return
	case known:
		return
	}
	if !d.Lifted.IsZero() {
		g.lifts.remember(d)
		if _, here := g.engine.Lift(d.ID, d.Lifted, d.LiftedBy); here {
			g.outbox.add(item{heard: &d})
		}
		return
	}
	if !d.InForce(at) {
		return
	}
	if mine, here := g.engine.Decision(d.ID, at); here && mine.Target == d.Target && !mine.From.Before(d.From) {
		return
	}
	g.engine.Apply(d)
	g.outbox.add(item{heard: &d})
}

// acceptable refuses what no operator could place either: Redis is not a back door.
func (g *Guard) acceptable(d engine.Decision) bool {
	p := d.Target.Network
	if !p.IsValid() || d.Action == engine.Monitor {
		return true
	}
	if p.Bits() == 0 {
		return false
	}
	for _, l := range loopbacks {
		if d.Action != engine.Allow && p.Overlaps(l) {
			return false
		}
	}
	if _, spared := g.spared.overlaps(p); spared && d.Action == engine.Block && d.Origin != engine.ByRule {
		return false // a rule's does not hold for them
	}
	return true
}

// known is what another node may have missed: what is in force, and what was lifted lately.
func (g *Guard) known() []engine.Decision {
	return append(g.Decisions(), g.lifts.all()...)
}

// lifts remembers decisions that were lifted, so that a node that missed it does not bring
// them back. The oldest are forgotten; without a cluster nobody asks.
type lifts struct {
	mu    sync.Mutex
	byID  map[string]engine.Decision
	order []string
}

const mostLifts = 4096

func (l *lifts) remember(d engine.Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID = make(map[string]engine.Decision)
	}
	if _, known := l.byID[d.ID]; known {
		return
	}
	if len(l.order) == mostLifts {
		delete(l.byID, l.order[0])
		l.order = append(l.order[:0:0], l.order[1:]...)
	}
	l.byID[d.ID] = d
	l.order = append(l.order, d.ID)
}

func (l *lifts) of(id string) (engine.Decision, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, known := l.byID[id]
	return d, known
}

func (l *lifts) all() []engine.Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	ds := make([]engine.Decision, 0, len(l.order))
	for _, id := range l.order {
		ds = append(ds, l.byID[id])
	}
	return ds
}
