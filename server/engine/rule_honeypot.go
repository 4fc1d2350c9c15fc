package engine

import (
	"fmt"
	"strings"
	"time"
)

// No page links to a decoy and no client of ours asks for one: who does is looking around.
var honeypot = Rule{
	ID: "honeypot", Title: "Decoy path touched", Version: 1, Pack: core,
	Meaning: Meaning{Stage: Reconnaissance},
	On:      Requests,
	Below:   func(p Policy) []string { return p.Decoys },
	Terms:   Terms{Severity: Critical, Do: Block, For: time.Hour},
	Refuse:  403,
	Explain: func(p Policy, _ Terms) string {
		return fmt.Sprintf("Any request for %s or below, in any spelling, is refused with 403.", strings.Join(p.Decoys, ", "))
	},
	Reason: func(f Finding) string {
		return fmt.Sprintf("%s asked for %s, a decoy that nobody has a reason to ask for.", f.Actor, quoted(f.Path))
	},
}
