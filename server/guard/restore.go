package guard

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// mostRestored are the open alerts, the newest, that take further findings after a restart.
const mostRestored = 20_000

// longList of decisions takes more memory to read than to hold.
const longList = 100_000

var errEnough = errors.New("enough")

// restore takes decisions in force, open alerts and open incidents from the store.
func (g *Guard) restore(ctx context.Context) error {
	var err error
	n := 0
	g.engine.RestoreEach(func(yield func(engine.Decision) bool) {
		err = g.store.EachInForce(ctx, g.now(), func(d engine.Decision) error {
			n++
			yield(d) // always wants more
			return nil
		})
	})
	if err != nil {
		return err
	}
	if n >= longList {
		debug.FreeOSMemory() // what reading them left behind
	}
	var alerts []incident.Alert
	err = g.store.EachAlert(ctx, store.AlertFilter{Status: incident.Open}, func(a incident.Alert) error {
		if len(alerts) == mostRestored {
			return errEnough
		}
		alerts = append(alerts, a)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if err := g.recall(ctx, alerts); err != nil {
		return err
	}
	return g.recallFaint(ctx)
}

// recallFaint tells the book of incidents that weak observations alone make.
func (g *Guard) recallFaint(ctx context.Context) error {
	var incidents []incident.Incident
	err := g.store.EachIncident(ctx, incident.Open, func(i incident.Incident) error {
		if i.Alerts == 0 && i.Clients > 0 {
			incidents = append(incidents, i)
		}
		if len(incidents) == mostFaintRestored {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	g.book.Restore(nil, incidents)
	g.besiege(incidents)
	return nil
}

// mostFaintRestored are the newest incidents without alerts that are taken up.
const mostFaintRestored = 1000

// recall tells the book of alerts that are open in the store, and of what their incidents hold.
func (g *Guard) recall(ctx context.Context, alerts []incident.Alert) error {
	members := make(map[int64]int)
	for _, a := range alerts {
		if a.Incident != 0 {
			members[a.Incident]++
		}
	}
	var incidents []incident.Incident
	for id, n := range members {
		i, err := g.store.Incident(ctx, id)
		if err != nil {
			return err
		}
		incidents = append(incidents, i)
		if n == i.Alerts {
			continue // none is resolved
		}
		err = g.store.EachAlert(ctx, store.AlertFilter{Incident: id}, func(a incident.Alert) error {
			alerts = append(alerts, a)
			return nil
		})
		if err != nil {
			return err
		}
	}
	g.book.Restore(alerts, incidents)
	g.besiege(incidents)
	return nil
}

const endsEvery = time.Second

// watchEnds tells of decisions that have ended by themselves, each once.
func (g *Guard) watchEnds(ctx context.Context) {
	tick := time.NewTicker(endsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.expire()
		}
	}
}

func (g *Guard) expire() {
	if ended := g.engine.Expire(g.now()); len(ended) > 0 {
		g.outbox.add(item{ended: g.signedAll(ended)})
	}
}
