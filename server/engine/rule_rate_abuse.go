package engine

import "time"

var rateAbuse = Rule{ID: "rate-abuse", Title: "Rate abuse", Version: 1,
	Terms:   Terms{More: 100, Within: time.Minute, Severity: High, Do: Block, For: 5 * time.Minute},
	Explain: func(Policy, Terms) string { return "" }}
