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

// Whatever a rule is written like, setting its mode changes that and nothing else.
func FuzzMode(f *testing.F) {
	const usual = "id: x\ntitle: X\nexplains: It is there.\nwhen: {status: 404}\nseverity: LOW\n"
	f.Add(usual+"mode: shadow # for now", "off")
	f.Add("# ours\r\n"+usual+"\r\nmode:\r\n  'enforce'\r\n", "shadow")
	f.Add(`{"mode": "off", "id": "x", "title": "X", "explains": "It is.", "when": {}, "severity": "LOW"}`, "enforce")
	f.Add("---\n  id: x\n  title: |\n    mode: off\n  explains: \"mode: off\"\n  when: {}\n  severity: LOW\n...\n", "enforce")
	f.Add("pack: mine\nrules: [{id: x, title: X, explains: It is., when: {}, severity: LOW}]", "off")
	f.Fuzz(func(t *testing.T, text, mode string) {
		r, err := rules.ReadSaved(text, 3)
		if err != nil || mode != "off" && mode != "shadow" && mode != "enforce" {
			return
		}
		edited, err := r.WithMode(text, mode)
		if err != nil {
			t.Fatal(err)
		}
		now, err := rules.ReadSaved(edited, 3)
		if err != nil || now.Mode != mode || !now.Same(r) {
			t.Fatalf("%q became %q: %+v, %v", text, edited, now, err)
		}
	})
}
