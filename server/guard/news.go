package guard

import (
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/live"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// News is what a Guard tells, each thing after it is written. Several findings that were
// written together are one news.
type News struct {
	AlertRaised     live.Topic[incident.Alert]
	AlertChanged    live.Topic[incident.Alert] // took findings, joined an incident, or was resolved
	IncidentChanged live.Topic[incident.Incident]
	DecisionChanged live.Topic[engine.Decision] // made, renewed or lifted, or has expired
	ExchangesSeen   live.Topic[[]store.Seen]    // in batches, oldest first; not to be changed
	HealthChanged   live.Topic[Health]
}

// News are the topics to subscribe to.
func (g *Guard) News() *News { return &g.news }

func (n *News) close() {
	n.AlertRaised.Close()
	n.AlertChanged.Close()
	n.IncidentChanged.Close()
	n.DecisionChanged.Close()
	n.ExchangesSeen.Close()
	n.HealthChanged.Close()
}
