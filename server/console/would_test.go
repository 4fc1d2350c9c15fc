package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestWhatWouldHaveBeenRefusedIsShown(t *testing.T) {
	h := open(t)
	var before struct {
		Health struct {
			Mode         string
			NotEnforcing *string
		}
		Rules []struct {
			Mode      string
			WouldHave struct{ Requests, Findings int64 }
		}
	}
	const ask = `{health{mode notEnforcing} rules{id mode wouldHave{requests findings}}}`
	h.mustAsk(&before, ask, nil)
	if before.Health.Mode != "ENFORCE" || before.Health.NotEnforcing != nil || before.Rules[0].Mode != "ENFORCE" {
		t.Errorf("before: %+v", before)
	}
	p := h.guard.Policy()
	p.Observe = true
	terms := p.Terms("rate-abuse")
	terms.Shadow = true
	off := p.Terms("failed-authentication")
	off.Off = true
	p.Rules = map[string]engine.Terms{"rate-abuse": terms, "failed-authentication": off}
	h.must(h.guard.Revise(p))

	x := exchange("198.51.100.9", "GET", "/api/admin/users", 200)
	x.Account, x.Flags = "alice", engine.DuplicateKey
	x.Session = engine.Key{Hash: [16]byte{2}, Prefix: "sess_abc"}
	x.Route = "/api/admin/{page}"
	h.supposed(x)
	h.supposed(x)
	h.flush()
	var after struct {
		Health struct{ Mode string }
		Rules  []struct {
			ID, Mode  string
			WouldHave struct{ Requests, Findings int64 }
		}
		Exchanges struct {
			Edges []struct {
				Node struct {
					Account, SessionPrefix, Would, Cause *string
					Flags                                []string
					Refused                              bool
				}
			}
		}
	}
	h.mustAsk(&after, strings.TrimSuffix(ask, "}")+` exchanges(filter:{account:" ALICE "}){edges{node{account sessionPrefix would cause flags refused}}}}`, nil)
	modes := map[string]string{}
	for _, r := range after.Rules {
		modes[r.ID] = r.Mode
		if r.ID == "honeypot" && (r.WouldHave.Requests < 2 || r.WouldHave.Findings < 1) {
			t.Errorf("the decoy's rule would have: %+v", r.WouldHave)
		}
	}
	if after.Health.Mode != "OBSERVE" || modes["rate-abuse"] != "SHADOW" || modes["failed-authentication"] != "OFF" || modes["honeypot"] != "ENFORCE" {
		t.Errorf("%s, %v", after.Health.Mode, modes)
	}
	if len(after.Exchanges.Edges) != 2 {
		t.Fatalf("of alice there are %+v", after.Exchanges.Edges)
	}
	n := after.Exchanges.Edges[1].Node
	if *n.Account != "alice" || *n.SessionPrefix != "sess_abc" || *n.Would != "honeypot" || n.Cause != nil || n.Refused || len(n.Flags) != 1 || n.Flags[0] != "duplicate_key" {
		t.Errorf("the exchange is %+v", n)
	}
	var none struct{ Exchanges struct{ Edges []any } }
	if h.mustAsk(&none, `{exchanges(filter:{account:"bob"}){edges{cursor}}}`, nil); len(none.Exchanges.Edges) != 0 {
		t.Error("bob has exchanges")
	}
}

// supposed passes traffic that is let through, and told what would have become of it.
func (h *house) supposed(x engine.Exchange) {
	x.At = time.Now()
	h.seq++
	x.ID = uint64(x.At.UnixMilli())<<20 | h.seq
	x.Folded = x.Path
	v := h.guard.Decide(x.Request)
	x.Would = v.Would
	h.guard.Observe(x)
}
