package guard

import (
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// What is counted of those who go on asking while a decision refuses them.
const (
	hammeringEvery = 10 * time.Second // is written down
	mostHammered   = 1 << 14          // decisions between two writes; of more the sum alone is known
	hammeredAtOnce = 1000             // are written together, so that alerts need not wait for long
	hammeringParts = 16
)

// hammering counts the requests that decisions refused. They count against nobody, and no rule sees
// them; an operator should, who is about to let somebody in again. No request waits for more than
// another that counts in the same part.
type hammering struct {
	all   atomic.Int64 // since the start
	parts [hammeringParts]hammered

	writing sync.RWMutex // held while what was counted is on its way to the store
}

// hammered are counts that are not written yet, by the references of decisions.
type hammered struct {
	mu    sync.Mutex
	since map[string]counted
	empty map[string]counted // takes its place while that is written
	_     [40]byte           // to the end of a cache line, so that no part disturbs another
}

type counted struct{ requests, last int64 } // last in nanoseconds since 1970

// count a request that a decision refused. The maps keep their room, so nothing is allocated but for
// decisions that are more at once than ever before.
func (h *hammering) count(v *engine.Verdict, at time.Time) {
	if v.Finding != nil || !strings.HasPrefix(v.Reference, "D-") {
		return // it is what the decision was made for, or a rule refused by itself
	}
	h.all.Add(1)
	p := h.part(v.Reference)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(v.Reference, counted{1, at.UnixNano()})
}

// part of a decision, by the end of its reference, which is as good as chance.
func (h *hammering) part(reference string) *hammered {
	end := reference[len(reference)-2:]
	return &h.parts[(uint(end[0])+7*uint(end[1]))%hammeringParts]
}

// add runs under mu.
func (p *hammered) add(decision string, more counted) {
	c, known := p.since[decision]
	if !known && len(p.since) >= mostHammered/hammeringParts {
		return
	}
	if p.since == nil {
		p.since = make(map[string]counted)
	}
	p.since[decision] = counted{c.requests + more.requests, max(c.last, more.last)}
}

// take gives what was counted since the last time, until spare is called.
func (p *hammered) take() map[string]counted {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.since
	p.since, p.empty = p.empty, nil
	return taken
}

// spare puts back what could not be written of what was taken, and keeps the rest's room.
func (p *hammered) spare(taken map[string]counted) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for decision, c := range taken {
		p.add(decision, c)
	}
	clear(taken)
	p.empty = taken
}

// told of a decision, as far as it is not written.
func (h *hammering) told(decision string) store.Hammering {
	if !strings.HasPrefix(decision, "D-") {
		return store.Hammering{}
	}
	p := h.part(decision)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since[decision].told()
}

func (c counted) told() store.Hammering {
	if c.requests == 0 {
		return store.Hammering{}
	}
	return store.Hammering{Requests: c.requests, Last: time.Unix(0, c.last).UTC()}
}

// keepHammering writes down how often decisions refused, now and then, until ctx ends, and then the rest.
//
//nolint:contextcheck // what is being written when ctx ends is written
func (g *Guard) keepHammering(ctx context.Context) {
	tick := time.NewTicker(hammeringEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			g.writeHammering()
			return
		case <-tick.C:
			g.writeHammering()
		}
	}
}

// writeHammering adds what was counted to what is written. What the database does not take waits for
// the next time; that it does not take anything is told by those who write what matters more.
func (g *Guard) writeHammering() {
	h := &g.hammering
	h.writing.Lock()
	defer h.writing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	for i := range h.parts {
		taken := h.parts[i].take()
		if err := g.addHammering(ctx, taken); err != nil {
			g.log.Debug("what is counted of hammering waits", "err", err)
		}
		h.parts[i].spare(taken)
	}
}

// addHammering takes what it has written out of what was counted.
func (g *Guard) addHammering(ctx context.Context, taken map[string]counted) error {
	for len(taken) > 0 {
		some := make(map[string]store.Hammering, min(len(taken), hammeredAtOnce))
		for decision, c := range taken {
			if some[decision] = c.told(); len(some) == hammeredAtOnce {
				break
			}
		}
		if err := g.store.AddHammering(ctx, some); err != nil {
			return err
		}
		maps.DeleteFunc(taken, func(decision string, _ counted) bool { _, written := some[decision]; return written })
	}
	return nil
}

// Hammering is how often whom each of these decisions refuses asked meanwhile, and when last; those
// of whom nobody did are left out. What this node counts is told at once, what others on the
// same database do within seconds.
func (g *Guard) Hammering(ctx context.Context, decisions []string) (map[string]store.Hammering, error) {
	g.hammering.writing.RLock()
	defer g.hammering.writing.RUnlock()
	out, err := g.store.Hammering(ctx, decisions)
	if err != nil {
		return nil, err
	}
	for _, id := range decisions {
		if more := g.hammering.told(id); more.Requests > 0 {
			out[id] = out[id].And(more)
		}
	}
	return out, nil
}
