package guard

import (
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// Note keeps an exchange that happened elsewhere and would have been refused here (Would says
// why): it is counted as such, and no rule learns from it, as none does from what was refused.
func (g *Guard) Note(x engine.Exchange) {
	g.meter.count(x.At)
	g.tally.count(&x)
	g.know(&x.Request)
	g.traffic.add(store.Seen{Exchange: x, Monitored: g.engine.Watched(x.Client, x.Key, x.At)})
}
