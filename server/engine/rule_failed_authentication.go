package engine

import "time"

var failedAuthentication = Rule{ID: "failed-authentication", Title: "Repeated authentication failures", Version: 1,
	Terms:   Terms{More: 5, Within: 10 * time.Minute, Severity: High, Do: Block, For: 30 * time.Minute},
	Explain: func(Policy, Terms) string { return "" }}
