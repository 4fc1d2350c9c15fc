package access

// rights says what it takes at least for each deed: a root field of the schema, or a method and
// a route of the console. It is the one place that does: what stands nowhere in it is done by
// nobody, and a test of the console finds what was forgotten.
var rights = map[string]Role{
	"Query.health":    Viewer,
	"Query.me":        Viewer,
	"Query.rules":     Viewer,
	"Query.upstreams": Viewer,
	"Query.logs":      Viewer,
	"Query.audit":     Viewer,
	"Query.search":    Viewer,
	"Query.stats":     Viewer,
	"Query.timeline":  Viewer,
	"Query.alerts":    Viewer,
	"Query.alert":     Viewer,
	"Query.incidents": Viewer,
	"Query.incident":  Viewer,
	"Query.decisions": Viewer,
	"Query.decision":  Viewer,
	"Query.receipt":   Viewer,
	"Query.account":   Viewer,
	"Query.client":    Viewer,
	"Query.exchanges": Viewer,
	"Query.exchange":  Viewer,
	"Query.backtest":  Analyst,
	"Query.impact":    Analyst,

	"Query.ruleVersions": Viewer,
	"Query.deletedRules": Viewer,
	"Query.checkRule":    Analyst,

	"Query.inventory": Viewer,
	"Query.operators": Admin,
	"Query.tokens":    Admin,

	"Mutation.resolve":        Analyst,
	"Mutation.block":          Analyst,
	"Mutation.allow":          Analyst,
	"Mutation.monitor":        Analyst,
	"Mutation.lift":           Analyst,
	"Mutation.blockIncident":  Analyst,
	"Mutation.undoIncident":   Analyst,
	"Mutation.saveRule":       Analyst,
	"Mutation.setRuleMode":    Analyst,
	"Mutation.deleteRule":     Analyst,
	"Mutation.changePassword": Viewer, // one's own
	"Mutation.addOperator":    Admin,
	"Mutation.setRole":        Admin,
	"Mutation.removeOperator": Admin,
	"Mutation.createToken":    Admin,
	"Mutation.revokeToken":    Admin,

	"Subscription.alertRaised":     Viewer,
	"Subscription.alertChanged":    Viewer,
	"Subscription.incidentChanged": Viewer,
	"Subscription.decisionChanged": Viewer,
	"Subscription.healthChanged":   Viewer,
	"Subscription.statsChanged":    Viewer,
	"Subscription.timelineTicked":  Viewer,
	"Subscription.exchangesSeen":   Viewer,

	"POST /setup":          Nobody,
	"POST /session":        Nobody,
	"GET /session":         Nobody, // it tells that nobody is signed in
	"DELETE /session":      Nobody, // it has ended, that is all
	"POST /session/ticket": Viewer,

	"GET /api/monitoring/stats":                Viewer,
	"GET /api/monitoring/timeline":             Viewer,
	"GET /api/monitoring/alerts":               Viewer,
	"GET /api/monitoring/correlated-incidents": Viewer,
	"GET /api/monitoring/blocked":              Viewer,
	"GET /api/monitoring/logs":                 Viewer,
	"POST /api/monitoring/block-ip":            Analyst,
	"POST /api/monitoring/unblock":             Analyst,
	"POST /api/monitoring/alert/{id}/resolve":  Analyst,
	"GET /api/ip-management/list":              Viewer,
	"POST /api/ip-management/add":              Analyst,
	"POST /api/ip-management/remove":           Analyst,
	"GET /api/export/{file}":                   Viewer,
}

// Nobody is the role of whoever has not signed in.
const Nobody Role = 0

// Needs is the least role that may do something; false for what nobody may do.
func Needs(deed string) (Role, bool) {
	least, known := rights[deed]
	return least, known
}

// May reports whether the role suffices for a deed.
func (r Role) May(deed string) bool {
	least, known := Needs(deed)
	return known && r >= least
}
