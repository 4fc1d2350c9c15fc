package console_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// attacked is an account that many guessed at: an alert about it, the decision that followed, and
// some traffic that named it.
func (h *house) attacked(account string, change ...func(*incident.Alert)) incident.Alert {
	h.t.Helper()
	now := time.Now().Truncate(time.Millisecond).UTC()
	a := incident.Alert{
		ID: 77, Rule: "guessed-account", Version: 3, Title: "Many guess at one account", Severity: engine.High, Status: incident.Open,
		Actor: engine.Target{Account: account}, Client: netip.MustParseAddr("198.51.100.7"), Reason: "Three networks guessed.",
		Method: "POST", Path: "/api/login", First: now, Last: now, Findings: 1, Finding: "F-77",
		Count: 3, Limit: 2, Window: time.Hour, Times: []time.Time{now.Add(-time.Minute), now}, Decision: "D-ACCOUNT000000",
		Evidence: engine.Evidence{
			Account: account, UserAgent: "curl/8", Country: engine.Country{'N', 'L'}, ASN: 64500, Tokens: []string{"network 198.51.100.0/24"},
			Seen:   []string{"198.51.100.0/24", "203.0.113.0/24", "2001:db8::/48"},
			Unless: "It would not have fired for 2 different ones or fewer within 1 hour.",
		},
	}
	for _, f := range change {
		f(&a)
	}
	h.must(h.store.Record(h.t.Context(), store.Batch{
		Alerts: []incident.Alert{a},
		Decisions: []engine.Decision{{
			ID: "D-ACCOUNT000000", Action: engine.Block, Target: engine.Target{Account: account}, Reason: a.Reason, Origin: engine.ByRule,
			Rule: a.Rule, Finding: a.Finding, By: "test", From: now, Until: now.Add(time.Hour),
		}},
	}))
	x := exchange("198.51.100.7", "POST", "/api/login", 401)
	x.Account = account
	h.traffic(x)
	h.flush()
	return a
}

func TestAnAlertAboutAnAccountTellsItsEvidence(t *testing.T) {
	h := open(t)
	const alice = `alice"><script>`
	h.attacked(alice)
	var got struct {
		Alerts struct {
			Edges []struct {
				Node struct {
					ID       string
					Actor    struct{ Label, Network, Account, Route string }
					Client   string
					Evidence struct {
						Seen, Tokens                        []string
						Parts                               []struct{ Feature string }
						Unless, Account, UserAgent, Country string
						Asn                                 int
					}
					Decisions []struct {
						ID     string
						Target struct{ Account string }
					}
					Exchanges []struct{ Account string }
				}
			}
		}
		Decisions struct {
			Edges []struct{ Node struct{ ID string } }
		}
	}
	h.mustAsk(&got, `query($a: String!) {alerts(filter: {account: $a}) {edges {node {id client actor {label network account route}
		evidence {seen tokens parts {feature value expected share} unless account userAgent country asn}
		decisions {id target {account}} exchanges {account}}}} decisions(filter: {account: $a}) {edges {node {id}}}}`,
		map[string]any{"a": strings.ToUpper(alice)})
	if len(got.Alerts.Edges) != 1 || len(got.Decisions.Edges) != 1 {
		t.Fatalf("got %+v", got)
	}
	switch a := got.Alerts.Edges[0].Node; {
	case a.Actor.Account != alice || a.Actor.Network != "" || a.Actor.Label != `account "alice\"><script>"` || a.Client != "198.51.100.7":
		t.Errorf("it is about %+v", a.Actor)
	case len(a.Evidence.Seen) != 3 || len(a.Evidence.Parts) != 0 || a.Evidence.Country != "NL" || a.Evidence.Asn != 64500 ||
		a.Evidence.UserAgent != "curl/8" || a.Evidence.Account != alice || !strings.Contains(a.Evidence.Unless, "2 different") || len(a.Evidence.Tokens) != 1:
		t.Errorf("its evidence is %+v", a.Evidence)
	case len(a.Decisions) != 1 || a.Decisions[0].Target.Account != alice:
		t.Errorf("its decisions are %+v", a.Decisions)
	case len(a.Exchanges) != 1 || a.Exchanges[0].Account != alice:
		t.Errorf("its exchanges are %+v", a.Exchanges)
	}
	for _, filter := range []string{`alerts(filter: {account: $a})`, `decisions(filter: {account: $a})`} {
		if errs := h.ask(nil, `query($a: String!) {`+filter+` {totalCount}}`, map[string]any{"a": strings.Repeat("a", 257)}); len(errs) != 1 {
			t.Errorf("%s takes an account that nobody can have: %+v", filter, errs)
		}
	}
}

func TestAnAccountTellsWhatIsKnownOfIt(t *testing.T) {
	h := open(t)
	h.attacked("alice")
	other := exchange("198.51.100.8", "GET", "/api/balance", 200)
	other.Account = "alice2"
	h.traffic(other)
	h.flush()
	var got struct {
		Account struct {
			Name                      string
			Requests, Failed, Refused int
			LastAt                    *string
			Decisions, Alerts         []struct{ ID string }
			Exchanges                 []struct{ Path string }
		}
	}
	const q = `query($n: String!) {account(name: $n) {name requests failed refused lastAt decisions {id} alerts {id} exchanges {path}}}`
	h.mustAsk(&got, q, map[string]any{"n": " ALICE "})
	if a := got.Account; a.Name != "alice" || a.Requests != 1 || a.Failed != 1 || a.LastAt == nil || len(a.Decisions) != 1 || len(a.Alerts) != 1 || len(a.Exchanges) != 1 {
		t.Errorf("got %+v", a)
	}
	h.mustAsk(&got, q, map[string]any{"n": "nobody"})
	if a := got.Account; a.Name != "nobody" || a.Requests != 0 || a.LastAt != nil || len(a.Decisions)+len(a.Alerts)+len(a.Exchanges) != 0 {
		t.Errorf("nobody has %+v", a)
	}
	for _, name := range []string{"", "\u200b", strings.Repeat("a", 300)} {
		if errs := h.ask(nil, q, map[string]any{"n": name}); len(errs) != 1 || errs[0].Extensions.Code != "INVALID" || errs[0].Extensions.Field != "name" {
			t.Errorf("%q is answered %+v", name, errs)
		}
	}
}

func TestAnAccountThatHadToBeEscapedIsFoundAsItIsShown(t *testing.T) {
	h := open(t)
	h.attacked("a%0Ab")
	var got struct{ Account struct{ Requests int } }
	h.mustAsk(&got, `{account(name: "a%0Ab") {requests}}`, nil)
	if got.Account.Requests != 1 {
		t.Errorf("it has %d requests", got.Account.Requests)
	}
}

func TestSearchFindsAccounts(t *testing.T) {
	h := open(t)
	h.attacked("alice")
	for text, want := range map[string]string{"Alice": "ACCOUNT ALERT DECISION", "lic": "ALERT DECISION", "bob": ""} {
		var got struct{ Search []struct{ Kind, ID string } }
		h.mustAsk(&got, `query($t: String!) {search(text: $t) {kind id}}`, map[string]any{"t": text})
		var kinds []string
		for _, hit := range got.Search {
			kinds = append(kinds, hit.Kind)
		}
		if strings.Join(kinds, " ") != want {
			t.Errorf("%q finds %v, want %s", text, kinds, want)
		}
	}
}

// receipt as it is told.
type receipt struct {
	Terms *struct {
		Rule                          string
		Version, Limit, WindowSeconds int
	}
	Count    *int
	Times    []string
	Evidence *struct {
		Seen   []string
		Unless string
	}
	Recomputed  bool
	Explanation string
	Exchange    *struct{ Status int }
	Exchanges   []struct{ Account string }
}

func (h *house) receipt(reference string) receipt {
	h.t.Helper()
	var got struct{ Receipt *receipt }
	h.mustAsk(&got, `query($r: String!) {receipt(reference: $r) {terms {rule version limit windowSeconds} count times evidence {seen unless}
		recomputed explanation exchange {status} exchanges {account}}}`, map[string]any{"r": reference})
	if got.Receipt == nil {
		h.t.Fatalf("%s has no receipt", reference)
	}
	return *got.Receipt
}

func TestAReceiptIsComputedAgainFromWhatItHolds(t *testing.T) {
	h := open(t)
	for range 100 {
		h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	}
	refused := h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	h.flush()
	switch r := h.receipt(refused.Reference); {
	case !r.Recomputed || !strings.Contains(r.Explanation, "101 times within 1 minute"):
		t.Errorf("computed again: %t, %s", r.Recomputed, r.Explanation)
	case r.Terms == nil || r.Terms.Rule != "rate-abuse" || r.Terms.Version != 1 || r.Terms.Limit != 100 || r.Terms.WindowSeconds != 60:
		t.Errorf("its terms are %+v", r.Terms)
	case *r.Count != 101 || len(r.Times) != 101 || r.Evidence.Unless != "It would not have fired for 100 or fewer within 1 minute.":
		t.Errorf("it holds %d, %d times and %+v", *r.Count, len(r.Times), r.Evidence)
	case r.Exchange == nil || r.Exchange.Status != 429:
		t.Errorf("it was tripped by %+v", r.Exchange)
	}
}

func TestAReceiptOfAnAccountShowsItsExchangesAndValues(t *testing.T) {
	h := open(t)
	h.attacked("alice")
	if r := h.receipt("D-ACCOUNT000000"); !r.Recomputed || !strings.Contains(r.Explanation, "3 different values") || len(r.Evidence.Seen) != 3 {
		t.Errorf("got %+v", r)
	}
}

func TestWhoIsRefusedForHisKeyOrAccountIsToldOfTheBlock(t *testing.T) {
	for _, target := range []engine.Target{{Key: engine.Key{Hash: [16]byte{1}, Prefix: "user_key"}}, {Account: "alice"}} {
		h := open(t)
		now := time.Now().Truncate(time.Millisecond).UTC()
		d := engine.Decision{
			ID: "D-HELD000000000", Action: engine.Block, Target: target, Reason: "Too many.", Origin: engine.ByRule, Rule: "held-rate",
			By: "test", From: now.Add(-time.Minute), Until: now.Add(time.Hour),
		}
		elsewhere := d
		elsewhere.ID, elsewhere.Target = "D-OTHER00000000", engine.Target{Key: engine.Key{Hash: [16]byte{2}, Prefix: "user_key"}}
		h.must(h.store.Record(t.Context(), store.Batch{Decisions: []engine.Decision{d, elsewhere}}))
		x := exchange("198.51.100.7", "GET", "/api/balance", 403)
		x.ID, x.At, x.Folded, x.Route, x.Account = uint64(now.UnixMilli())<<20, now, x.Path, x.Path, "alice"
		x.Refused, x.Cause = true, d.Rule
		h.guard.Note(x)
		h.flush()
		var got struct {
			Exchanges struct {
				Edges []struct{ Node struct{ Reference string } }
			}
			Receipt struct {
				Undo     string
				Decision *struct{ ID string }
			}
		}
		h.mustAsk(&got, `{exchanges(first: 1) {edges {node {reference}}}}`, nil)
		h.mustAsk(&got, `query($r: String!) {receipt(reference: $r) {undo decision {id}}}`, map[string]any{"r": got.Exchanges.Edges[0].Node.Reference})
		if r := got.Receipt; r.Decision == nil || r.Decision.ID != d.ID || !strings.Contains(r.Undo, d.ID) {
			t.Errorf("who is refused for %v is told %+v", target, r)
		}
	}
}

func TestAReceiptSaysWhatIsProvenWhenNotAllIsKept(t *testing.T) {
	h := open(t)
	h.attacked("alice", func(a *incident.Alert) {
		a.Count, a.Limit, a.Evidence.Seen, a.Times = 5000, 4000, nil, nil
		for i := range 128 {
			a.Times = append(a.Times, a.Last.Add(time.Duration(i-128)*time.Millisecond))
		}
	})
	r := h.receipt("D-ACCOUNT000000")
	if r.Recomputed || !strings.Contains(r.Explanation, "prove 128") || !strings.Contains(r.Explanation, "count kept: 5000") {
		t.Errorf("computed again: %t, %s", r.Recomputed, r.Explanation)
	}
}

func TestABlockByTheScoreOfAnIncidentIsAddedUpAgain(t *testing.T) {
	h := open(t)
	now := time.Now().Truncate(time.Millisecond).UTC()
	d := engine.Decision{
		ID: "D-SCORED0000000", Action: engine.Block, Target: engine.ActorOf(netip.MustParseAddr("198.51.100.7")), Reason: "INC-1: its score is 95.",
		Origin: engine.ByRule, Rule: "incident", Finding: "F-SCORE", By: "test", From: now, Until: now.Add(time.Hour),
	}
	old := d
	old.ID, old.Finding = "D-SCOREDBEFORE0", ""
	h.must(h.store.Record(t.Context(), store.Batch{
		Decisions: []engine.Decision{d, old},
		Receipts: []store.Receipt{{Finding: d.Finding, Incident: 1, Receipt: engine.Receipt{
			Rule: "incident", Version: 1, At: now, Count: 95, Limit: 89, Evidence: engine.Evidence{Parts: []engine.Part{{Feature: "guessing", Share: 60}, {Feature: "spread", Share: 35}}},
		}}},
	}))
	if r := h.receipt(d.ID); !r.Recomputed || !strings.Contains(r.Explanation, "the parts make 95") || r.Terms.Limit != 89 {
		t.Errorf("got %+v", r)
	}
	if r := h.receipt(old.ID); r.Recomputed || !strings.Contains(r.Explanation, "not kept") {
		t.Errorf("one of before receipts were kept: %+v", r)
	}
}

func TestWhatNoRuleDecidedHasNothingToCompute(t *testing.T) {
	h := open(t)
	var made struct{ Block struct{ ID string } }
	h.mustAsk(&made, `mutation {block(input: {target: "198.51.100.9"}) {id}}`, nil)
	h.flush()
	if r := h.receipt(made.Block.ID); r.Recomputed || r.Terms != nil || r.Evidence != nil || len(r.Times) != 0 || !strings.Contains(r.Explanation, "operator") {
		t.Errorf("got %+v", r)
	}
}

func TestAReceiptIsThatOfItsOwnFinding(t *testing.T) {
	h := open(t)
	first := h.attacked("alice")
	later := first
	later.Finding, later.Count, later.Findings, later.Version = "F-78", 900, 2, 4
	h.must(h.store.Record(t.Context(), store.Batch{Alerts: []incident.Alert{later}}))
	if r := h.receipt("D-ACCOUNT000000"); r.Count == nil || *r.Count != 3 || r.Terms.Version != 3 {
		t.Errorf("the receipt of the first finding is %+v", r)
	}
}

func TestTheOriginalRESTNamesTheClientThatTrippedAnAccountsAlert(t *testing.T) {
	h := open(t)
	h.attacked("alice")
	var alerts []struct{ IP string }
	h.get("/api/monitoring/alerts", &alerts)
	if len(alerts) != 1 || alerts[0].IP != "198.51.100.7" {
		t.Errorf("got %+v", alerts)
	}
}

func TestEvidenceIsExportedAndIsNoFormula(t *testing.T) {
	h := open(t)
	h.attacked("=1+1", func(a *incident.Alert) {
		a.Evidence.Seen = []string{"@SUM(1)", "=2"}
		a.Evidence.UserAgent = "-1"
		a.Evidence.Parts = []engine.Part{{Feature: "=rate", Value: 1, Share: 2}}
	})
	_, rows := h.table("/api/export/alerts.csv")
	_, decisions := h.table("/api/export/decisions.csv")
	if len(rows) != 1 || len(decisions) != 1 {
		t.Fatalf("got %v and %v", rows, decisions)
	}
	for name, want := range map[string]string{
		"actorAccount": "'=1+1", "account": "'=1+1", "seen": "'@SUM(1)\n=2", "userAgent": "'-1", "country": "NL",
		"parts": "'=rate 1 (expected ): 2", "unless": "It would not have fired for 2 different ones or fewer within 1 hour.",
	} {
		if rows[0][name] != want {
			t.Errorf("%s is %q, want %q", name, rows[0][name], want)
		}
	}
	if decisions[0]["targetAccount"] != "'=1+1" {
		t.Errorf("the decision is about %q", decisions[0]["targetAccount"])
	}
	if _, rows := h.table("/api/export/alerts.csv?account=nobody"); len(rows) != 0 {
		t.Errorf("nobody has %s", fmt.Sprint(rows))
	}
}
