package engine

import "fmt"

// People load a page, with what is drawn in, before they send a form. Who only posts is a program.
// That is no attack by itself; many of them that share what is rare are a campaign. What is refused
// is for the rules about sign-ins.
var barePost = Rule{
	ID: "bare-post", Title: "A form sent without its page", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: InitialAccess},
	On:      Answers, Strange: true,
	When:  func(x *Exchange) bool { return x.Method == "POST" && x.Status < 400 && !identified(&x.Request) },
	Terms: Terms{Severity: Info},
	Watch: sight{
		what: sawBare, weak: true, hush: weakly,
		is: func(v *view) bool { return v.bares() && v.visitors.links(v) },
	}.watch,
	Explain: func(Policy, Terms) string {
		return "A POST that was taken, by a client without key, session or account that never loaded what a page draws in. By itself it says nothing; with others that share what is rare it makes an incident."
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s posted to %s without having loaded what a page draws in.", f.Actor, quoted(f.Path))
	},
}
