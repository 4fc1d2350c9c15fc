package guard

import "github.com/sentinel-protocol/sentinel/server/engine"

// EachDecision calls f for the decisions in force, in no order, until it answers false.
func (g *Guard) EachDecision(f func(engine.Decision) bool) {
	g.engine.EachDecision(g.now(), func(d engine.Decision) bool { return f(g.signed(d)) })
}

// Within lists the decisions in force whose target lies within this one.
func (g *Guard) Within(t engine.Target) []engine.Decision {
	return g.signedAll(g.engine.Within(t, g.now()))
}
