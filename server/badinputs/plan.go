package main

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// What this product has not got yet, and the place in its seven at which it comes.
const (
	waitsForDetection = "waits for 3 of 7"
	waitsForNodes     = "waits for 6 of 7"
	waitsForTrust     = "waits for 7 of 7"
)

// Groups and kinds of cases that are for later.
var (
	laterGroups = []string{
		"import", "csv-export", "auth-session", "rest-api", "dashboard-xss", "webhook-ssrf", "graphql-dos", "graphql-authz", "websocket",
	}
	laterHows = []string{"gql", "ws", "webhook", "browser", "tool"}
)

// waits says what a case waits for; empty when it can be run. It goes by what the case needs.
func waits(c badCase) string {
	switch {
	case slices.Contains(laterGroups, c.Group), slices.Contains(laterHows, c.How),
		mentions(c.Input, "{{p.import}}"), mentions(c.Input, "import_csv"), strings.HasPrefix(c.Group, "graphql"):
		return waitsForTrust
	case mentions(c.Input, "redis://"), mentions(c.Input, "postgres://"), mentions(c.Expect, "redis_degraded"):
		return waitsForNodes
	case judgesContent(c), judgesAccounts(c):
		return waitsForDetection
	}
	return ""
}

// judgesContent reports whether a case is about what stands in a request: attacks in parameters and bodies.
func judgesContent(c badCase) bool {
	for _, f := range texts(c.Expect["flag"]) {
		if slices.Contains([]string{"sqli", "xss", "path_traversal", "traversal", "cmdi", "rce", "lfi", "ssrf", "xxe", "nosqli", "ldapi", "ssti", "log4shell", "jndi", "crlf", "shell"}, f) {
			return true
		}
	}
	return false
}

// judgesAccounts reports whether a case needs rules that count by account: no client goes over
// its own threshold, yet something is to be found.
func judgesAccounts(c badCase) bool {
	if c.How != "load" {
		return false
	}
	if _, throttled := c.Expect["user_throttled"]; throttled {
		return true
	}
	found := object(c.Expect["alerts"])["min"] != nil
	switch text(c.Input, "kind") {
	case "spray":
		return found && number(c.Input, "attempts_per_ip", 1) <= authLimit && number(c.Input, "ips", 1) > 1
	case "distinct":
		return found && slices.Contains([]string{"username", "user", "account"}, text(c.Input, "field"))
	}
	return false
}

// authLimit is what the rule for failed sign-ins lets a client do by default.
const authLimit = 5

// planOf is how the product is started for a case.
func planOf(c badCase) plan {
	p := plan{rules: tree{}, set: tree{}, tls: c.How == "h2"}
	p.demo = strings.HasPrefix(text(c.Pre, "mode"), "demo")
	if limit, stated := c.Input["limit"].(float64); stated {
		// Who states a limit and a window speaks of a limiter: it is over when the window is.
		within := time.Duration(number(c.Input, "window_s", 60) * float64(time.Second)).String()
		p.rules["rate-abuse"] = tree{"mode": "enforce", "more": limit, "within": within, "do": "block", "for": within}
	}
	if asks(c.Expect, "counted_ip") {
		// Two failures are enough to be told of, and lead to nothing.
		p.rules["failed-authentication"] = tree{"mode": "enforce", "more": 1, "within": "10m", "do": "alert", "for": "0s"}
	}
	if mentions(c.Input, "login_fail_many") {
		p.rules["failed-authentication"] = tree{"mode": "enforce"}
	}
	if c.How == "load" {
		loadPlan(c, &p)
	}
	if from, err := netip.ParseAddr(text(c.Input, "from")); err == nil && !from.IsLoopback() {
		p.anywhere = true
	}
	return p
}

// prepare does what a case requires of the configuration, over what the fixture has.
func prepare(c badCase, p *plan) error {
	for name, v := range c.Pre {
		switch name {
		case "net", "mode", "rule": // a namespace, the demo, and what the fixture has
		case "header", "client_header":
			p.set["clients.header"] = v
		case "trusted_proxies":
			p.set["clients.trusted_proxies"] = v
		case "proxy_protocol":
			if on, _ := v.(bool); on {
				p.set["gateway.proxy_protocol"] = []any{"127.0.0.1/32"}
			}
		case "deny", "skip":
			p.set["gateway."+name] = list(v)
		default:
			return notRun("nothing prepares " + name)
		}
	}
	return nil
}

// loadPlan has every detector on where a case is about what detectors remember: each source then
// costs what it costs in production.
func loadPlan(c badCase, p *plan) {
	switch text(c.Input, "kind") {
	case "distinct":
		p.rules["failed-authentication"] = tree{"mode": "enforce"}
		if text(c.Input, "via") != "" {
			p.rules["rate-abuse"] = tree{"mode": "enforce"}
		}
	case "evict", "hash_collide", "spray", "legit_nat", "brute":
		p.rules["failed-authentication"] = tree{"mode": "enforce"}
		if text(c.Input, "kind") == "hash_collide" {
			p.rules["rate-abuse"] = tree{"mode": "enforce"}
		}
	case "fd_exhaust":
		p.files = 1024
	}
	if text(c.Input, "kind") == "legit_nat" {
		p.login = 200
	}
}

// needsNamespace reports whether a case needs a network of its own: to come from an address that
// this machine has not got, or to see whom the product calls.
func needsNamespace(c badCase) bool {
	if c.Pre["net"] != nil || asks(c.Expect, "outbound") {
		return true
	}
	var away func(any) bool
	away = func(v any) bool {
		switch v := v.(type) {
		case tree:
			if a, err := netip.ParseAddr(text(v, "from")); err == nil && !a.IsLoopback() {
				return true
			}
			for _, below := range v {
				if away(below) {
					return true
				}
			}
		case []any:
			return slices.ContainsFunc(v, away)
		}
		return false
	}
	return away(c.Input)
}
