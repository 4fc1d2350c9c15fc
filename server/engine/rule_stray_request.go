package engine

import "fmt"

// One request for what is not there is nothing. The same one from many sources that share what is
// rare is a campaign, so it is noted for incidents.
var strayRequest = Rule{
	ID: "stray-request", Title: "A request for what is not there", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Reconnaissance},
	On:      Answers, Strange: true,
	Terms: Terms{Severity: Info},
	Watch: sight{
		what: sawStray, weak: true, hush: weakly,
		is: func(v *view) bool { return v.strays() && !v.visitor.served() && v.visitors.links(v) },
	}.watch,
	Explain: func(Policy, Terms) string {
		return "A request that no page led to for what this API never had. By itself it says nothing; with others that share what is rare it makes an incident."
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s asked for %s, which was never here.", f.Actor, quoted(f.Path))
	},
}
