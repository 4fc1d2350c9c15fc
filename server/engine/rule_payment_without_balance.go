package engine

import "time"

var paymentWithoutBalance = Rule{ID: "payment-without-balance", Title: "Payment without a balance check", Version: 1,
	Terms:   Terms{Within: 5 * time.Minute, Severity: Medium},
	Explain: func(Policy, Terms) string { return "" }}
