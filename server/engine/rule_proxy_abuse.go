package engine

import "fmt"

// An API is asked for paths. Who asks it for another host's address tries whether it fetches
// things for strangers.
var proxyAbuse = Rule{
	ID: "proxy-abuse", Title: "Asking for another host", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Reconnaissance},
	On:      Answers, Strange: true,
	When:  func(x *Exchange) bool { return x.Signs&(Foreign|Relayed) != 0 },
	Terms: Terms{Severity: Low},
	Watch: sight{
		what: sawForeignHost,
		is: func(v *view) bool { // what is here is asked for in the long form by some, and the front page is everywhere
			return !identified(&v.Request) && (v.Signs&Foreign != 0 || !v.site.known || v.Folded == "/")
		},
		also: func(_ *view, t *tally) {
			t.unless = "It would not have fired for a path of this API's own."
		},
	}.watch,
	Explain: func(Policy, Terms) string {
		return "A request that is written as to a proxy (http://host/path, CONNECT host:port), or that names an address of a cloud's own metadata or a file as what is to be fetched."
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s asked with %s for something of another host, as of a proxy.", f.Actor, quoted(f.Method+" "+f.Path))
	},
}
