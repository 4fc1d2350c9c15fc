package rules_test

import (
	"net/netip"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

func client(s string) netip.Addr { return netip.MustParseAddr(s) }

// Whatever is written, reading it ends with rules that the engine takes, or with an error.
func FuzzPack(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"pack": "x", "rules": [{"id": "a", "by": ["account", "network"], "within": "10m"}]}`))
	f.Add([]byte("rules:\n  - &a {<<: *a}\n  - !!binary x\n  - ? [a]\n    : b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := rules.Read("fuzz.yml", text)
		if err != nil {
			_ = err.Error()
			return
		}
		for _, r := range set {
			p := rules.Set{r}.Into(engine.Defaults())
			if err := p.Validate(); err != nil {
				t.Fatalf("the engine refuses what was read: %v", err)
			}
		}
	})
}

// Whatever an expression says, it is refused or answers, whatever the exchange.
func FuzzExpression(f *testing.F) {
	f.Add(`status in [401, 403] && path.startsWith("/a")`, "/a", "curl")
	f.Add(`["a", "b"].exists(w, user_agent.contains(w))`, "/\xff", "\x00")
	f.Add(`cidr("10.0.0.0/8").containsIP(client) || path.matches("(a+)+$")`, "", "")
	f.Fuzz(func(_ *testing.T, where, path, agent string) {
		rule, _, err := rules.Compile(rules.Definition{
			ID: "x", Title: "X", Explains: "X.", Pack: "mine", Severity: "LOW", When: rules.When{Where: where},
		})
		if err != nil {
			_ = err.Error()
			return
		}
		if rule.When != nil {
			rule.When(&engine.Exchange{Request: engine.Request{Path: path, Folded: path, UserAgent: agent, Client: client("10.0.0.1")}, Status: 401})
		}
	})
}
