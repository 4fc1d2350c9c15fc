package guard

import "github.com/sentinel-protocol/sentinel/server/engine"

// EachDecision calls f for the decisions in force, in no order, until it answers false.
func (g *Guard) EachDecision(f func(engine.Decision) bool) {
	for _, d := range g.Decisions() {
		if !f(d) {
			return
		}
	}
}

// Within lists the decisions in force whose target lies within this one.
func (g *Guard) Within(t engine.Target) []engine.Decision {
	return g.signedAll(g.engine.Within(t, g.now()))
}
