package console_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
)

func TestAPageIsToldAllOfAnAlert(t *testing.T) {
	h := open(t)
	for range 3 {
		h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	}
	h.trip("198.51.100.7")
	h.trip("198.51.100.8")
	var got struct {
		Alerts struct {
			TotalCount int
			PageInfo   struct {
				EndCursor   string
				HasNextPage bool
			}
			Edges []struct {
				Node struct {
					ID, Rule, Severity, Status, Client, KeyPrefix, Reason, Method, Path, FirstAt string
					RuleVersion, Findings, WindowSeconds                                         int
					Actor                                                                        struct{ Label, Network string }
					Decision                                                                     struct {
						ID, State, Until, By string
						Alert                struct{ ID string }
					}
					Decisions  []struct{ ID string }
					Incident   struct{ Reference string }
					Exchanges  []struct{ Path string }
					Times      []string
					ResolvedAt *string
				}
			}
		}
	}
	h.mustAsk(&got, `{alerts(first: 1, filter: {severities: [CRITICAL], status: OPEN, text: "decoy"}) {
		totalCount pageInfo {endCursor hasNextPage} edges {node {
		id rule ruleVersion severity status client keyPrefix reason method path firstAt findings windowSeconds
		actor {label network} decision {id state until by alert {id}} decisions {id} incident {reference}
		exchanges {path} times resolvedAt }}}}`, nil)
	a := got.Alerts.Edges[0].Node
	if got.Alerts.TotalCount != 2 || !got.Alerts.PageInfo.HasNextPage || len(got.Alerts.Edges) != 1 {
		t.Errorf("the page is %+v", got.Alerts)
	}
	if a.Rule != "honeypot" || a.Severity != "CRITICAL" || a.Client != "198.51.100.8" || a.Actor.Label != "198.51.100.8" ||
		a.KeyPrefix != "user_key" || a.Path != "/api/admin/users" || a.ResolvedAt != nil {
		t.Errorf("the alert is %+v", a)
	}
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", a.FirstAt); err != nil || time.Since(at) > time.Minute {
		t.Errorf("it began at %s", a.FirstAt)
	}
	if a.Decision.State != "IN_FORCE" || a.Decision.By != "test" || a.Decision.Alert.ID != a.ID || len(a.Decisions) != 1 || a.Decisions[0].ID != a.Decision.ID {
		t.Errorf("its decisions are %+v and %+v", a.Decision, a.Decisions)
	}
	if len(a.Exchanges) != 1 || a.Exchanges[0].Path != "/api/admin/users" {
		t.Errorf("its exchanges are %+v", a.Exchanges)
	}
	var next struct {
		Alerts struct {
			Edges []struct{ Node struct{ Client string } }
		}
	}
	h.mustAsk(&next, `query($after: String!) {alerts(first: 1, after: $after) {edges {node {client}}}}`, map[string]any{"after": got.Alerts.PageInfo.EndCursor})
	if len(next.Alerts.Edges) != 1 || next.Alerts.Edges[0].Node.Client != "198.51.100.7" {
		t.Errorf("the next page is %+v", next)
	}
}

func TestADecisionIsInForceForTheNextRequestAndLiftedByOneStep(t *testing.T) {
	h := open(t)
	ask := func() int { return h.traffic(exchange("2001:db8::1", "GET", "/api/balance", 200)).Status }
	var made struct {
		Block struct{ ID, State, By, Reason, Until string }
	}
	h.mustAsk(&made, `mutation {block(input: {target: "2001:db8::1", reason: "testing", duration: "90s"}) {id state by reason until}}`, nil)
	if made.Block.State != "IN_FORCE" || made.Block.By != "demo admin" || made.Block.Reason != "testing" || made.Block.Until == "" {
		t.Errorf("the block is %+v", made.Block)
	}
	if code := ask(); code != 403 {
		t.Errorf("blocked, it is answered %d", code)
	}
	var lifted struct {
		Lift struct {
			Lifted []struct{ ID, State, LiftedBy string }
		}
	}
	h.mustAsk(&lifted, `mutation($id: ID!) {lift(ids: [$id]) {lifted {id state liftedBy}}}`, map[string]any{"id": made.Block.ID})
	if len(lifted.Lift.Lifted) != 1 || lifted.Lift.Lifted[0].State != "LIFTED" || lifted.Lift.Lifted[0].LiftedBy != "demo admin" {
		t.Errorf("lifted: %+v", lifted)
	}
	if code := ask(); code != 0 {
		t.Errorf("lifted, it is answered %d", code)
	}
	h.mustAsk(nil, `mutation {allow(input: {target: "2001:db8::/32"}) {id}}`, nil)
	h.trip("2001:db8::1")
	if code := ask(); code != 0 {
		t.Errorf("allowed, it is answered %d", code)
	}
	var audit struct {
		Audit struct {
			Edges []struct {
				Node struct{ Actor, Origin, Verb, Object string }
			}
		}
	}
	h.mustAsk(&audit, `{audit {edges {node {actor origin verb object}}}}`, nil)
	var verbs []string
	for _, e := range audit.Audit.Edges {
		verbs = append(verbs, e.Node.Verb)
		if e.Node.Actor != "demo admin" || e.Node.Origin != "192.0.2.200" {
			t.Errorf("the audit log says %+v", e.Node)
		}
	}
	if strings.Join(verbs, " ") != "allow lift block" {
		t.Errorf("the audit log holds %v", verbs)
	}
}

func TestAReceiptSaysWhyAndHowToUndo(t *testing.T) {
	h := open(t)
	for range 101 {
		h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	}
	refused := h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	h.flush()
	type receipt struct {
		Receipt *struct {
			Reference, Summary, Undo string
			Decision                 *struct{ ID, State string }
			Alert                    *struct{ Rule string }
			Exchange                 *struct{ Status int }
			Exchanges                []struct{ At string }
		}
	}
	const q = `query($r: String!) {receipt(reference: $r) {reference summary undo decision {id state} alert {rule} exchange {status} exchanges(first: 500) {at}}}`
	var got receipt
	h.mustAsk(&got, q, map[string]any{"r": strings.ToLower(refused.Reference)})
	r := got.Receipt
	if r == nil || r.Decision == nil || r.Decision.ID != refused.Reference || r.Alert == nil || r.Alert.Rule != "rate-abuse" {
		t.Fatalf("the receipt of %s is %+v", refused.Reference, r)
	}
	if len(r.Exchanges) != 101 || r.Exchange == nil || r.Exchange.Status != 429 {
		t.Errorf("it shows %d exchanges and %+v", len(r.Exchanges), r.Exchange)
	}
	if !strings.Contains(r.Summary, "rate-abuse") || !strings.Contains(r.Undo, refused.Reference) {
		t.Errorf("it says %q and %q", r.Summary, r.Undo)
	}
	var newest struct {
		Exchanges struct {
			Edges []struct{ Node struct{ Reference string } }
		}
	}
	h.mustAsk(&newest, `{exchanges(first: 1) {edges {node {reference}}}}`, nil)
	got = receipt{}
	h.mustAsk(&got, q, map[string]any{"r": newest.Exchanges.Edges[0].Node.Reference})
	if got.Receipt == nil || got.Receipt.Decision == nil || got.Receipt.Decision.ID != refused.Reference {
		t.Errorf("the receipt of the exchange that was refused is %+v", got.Receipt)
	}
	for _, unknown := range []string{"D-0000000000000", "X-0000000000001", "X-ZZZZZZZZZZZZZ", "", "' OR 1=1--"} {
		got = receipt{}
		h.mustAsk(&got, q, map[string]any{"r": unknown})
		if got.Receipt != nil {
			t.Errorf("%q has the receipt %+v", unknown, got.Receipt)
		}
	}
}

func TestSearchFindsWhatATextNames(t *testing.T) {
	h := open(t)
	h.trip("198.51.100.7")
	h.trip("2001:db8:1:2::3")
	var known struct {
		Alerts struct {
			Edges []struct{ Node struct{ ID string } }
		}
		Decisions struct {
			Edges []struct{ Node struct{ ID string } }
		}
		Exchanges struct {
			Edges []struct {
				Node struct{ ID, Reference string }
			}
		}
	}
	h.mustAsk(&known, `{alerts {edges {node {id}}} decisions {edges {node {id}}} exchanges {edges {node {id reference}}}}`, nil)
	for text, want := range map[string]string{
		known.Alerts.Edges[0].Node.ID:           "ALERT",
		known.Decisions.Edges[0].Node.ID:        "DECISION",
		known.Exchanges.Edges[0].Node.Reference: "EXCHANGE",
		"198.51.100.7":                          "CLIENT ALERT DECISION",
		" 2001:DB8:1:2::4 ":                     "CLIENT ALERT DECISION",
		"198.51.100.0/24":                       "ALERT",
		"decoy":                                 "ALERT ALERT DECISION DECISION",
		"INC-00000":                             "",
		"%":                                     "",
		"nothing of the kind":                   "",
		"":                                      "",
	} {
		var got struct{ Search []struct{ Kind, ID string } }
		h.mustAsk(&got, `query($t: String!) {search(text: $t) {kind id label detail}}`, map[string]any{"t": text})
		var kinds []string
		for _, hit := range got.Search {
			kinds = append(kinds, hit.Kind)
		}
		if strings.Join(kinds, " ") != want {
			t.Errorf("%q finds %v, want %s", text, kinds, want)
		}
	}
}

func TestIntrospectionIsForTheDemo(t *testing.T) {
	const q = `{__schema {types {name}}}`
	if errs := open(t).ask(nil, q, nil); len(errs) > 0 {
		t.Errorf("in the demo: %+v", errs)
	}
}

func TestTotalsAreCountedForWhoAsks(t *testing.T) {
	h := open(t)
	h.trip("198.51.100.7")
	h.mustAsk(nil, `mutation {block(input: {target: "203.0.113.0/24", duration: "1h"}) {id}}`, nil)
	var got struct {
		All, Mine, InForce, Lifted, Text, Covers struct{ TotalCount int }
	}
	h.mustAsk(&got, `{all: decisions {totalCount} mine: decisions(filter: {origins: [OPERATOR]}) {totalCount}
		inForce: decisions(filter: {state: IN_FORCE}) {totalCount} lifted: decisions(filter: {state: LIFTED}) {totalCount}
		text: decisions(filter: {text: "203.0"}) {totalCount} covers: decisions(filter: {covers: "203.0.113.77"}) {totalCount}}`, nil)
	b, _ := json.Marshal(got)
	if want := `{"All":{"TotalCount":2},"Mine":{"TotalCount":1},"InForce":{"TotalCount":2},"Lifted":{"TotalCount":0},"Text":{"TotalCount":1},"Covers":{"TotalCount":1}}`; string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
}

func TestADecisionTellsHowOftenWhomItRefusesAskedMeanwhile(t *testing.T) {
	h := open(t)
	d, err := h.guard.Place(t.Context(), guard.By{Name: "ada"}, guard.Wanted{Action: engine.Block, Network: netip.MustParsePrefix("198.51.100.0/24"), For: time.Hour})
	h.must(err)
	other, err := h.guard.Place(t.Context(), guard.By{Name: "ada"}, guard.Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.0/24"), For: time.Hour})
	h.must(err)
	last := time.Now().UTC().Truncate(time.Millisecond)
	for range 3 {
		h.guard.Decide(engine.Request{At: last, Client: netip.MustParseAddr("198.51.100.7"), Method: "GET", Path: "/", Folded: "/", Route: "/"})
	}
	var got struct {
		Decisions struct {
			Edges []struct {
				Node struct {
					ID        string
					Hammering *struct {
						Requests int
						LastAt   time.Time
					}
				}
			}
		}
	}
	h.mustAsk(&got, `{decisions {edges {node {id hammering {requests lastAt}}}}}`, nil)
	told := 0
	for _, e := range got.Decisions.Edges {
		switch n := e.Node; {
		case n.ID == d.ID && n.Hammering != nil && n.Hammering.Requests == 3 && n.Hammering.LastAt.Equal(last):
			told++
		case n.ID == other.ID && n.Hammering == nil:
			told++
		default:
			t.Errorf("told is %+v", n)
		}
	}
	if told != 2 {
		t.Errorf("%d decisions are told of", told)
	}
}
