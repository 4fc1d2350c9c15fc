package engine

import "time"

var honeypot = Rule{ID: "honeypot", Title: "Decoy path touched", Version: 1,
	Terms:   Terms{Severity: Critical, Do: Block, For: time.Hour},
	Explain: func(Policy, Terms) string { return "" }}
