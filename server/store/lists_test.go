package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

func TestPagesStayInPlaceWhileRowsAreAdded(t *testing.T) {
	lists := map[string]func(context.Context, *Store, Page) (Slice[string], error){
		"alerts": func(ctx context.Context, s *Store, p Page) (Slice[string], error) {
			return labels(func(a incident.Alert) string { return fmt.Sprint(a.ID) })(s.Alerts(ctx, AlertFilter{}, p))
		},
		"incidents": func(ctx context.Context, s *Store, p Page) (Slice[string], error) {
			return labels(func(i incident.Incident) string { return fmt.Sprint(i.ID) })(s.Incidents(ctx, 0, p))
		},
		"decisions": func(ctx context.Context, s *Store, p Page) (Slice[string], error) {
			return labels(func(d engine.Decision) string { return strings.TrimLeft(d.ID, "D-0") })(s.Decisions(ctx, DecisionFilter{}, p))
		},
		"audit": func(ctx context.Context, s *Store, p Page) (Slice[string], error) {
			return labels(func(e Entry) string { return e.Object })(s.Audit(ctx, p))
		},
		"exchanges": func(ctx context.Context, s *Store, p Page) (Slice[string], error) {
			return labels(func(x Seen) string { return fmt.Sprint(x.ID & (1<<idBits - 1)) })(s.Exchanges(ctx, ExchangeFilter{}, p))
		},
		"exchanges of a client": func(ctx context.Context, s *Store, p Page) (Slice[string], error) {
			return labels(func(x Seen) string { return fmt.Sprint(x.ID & (1<<idBits - 1)) })(
				s.Exchanges(ctx, ExchangeFilter{Client: netip.MustParsePrefix("198.18.0.7/32")}, p))
		},
	}
	onBoth(t, func(t *testing.T, s *Store) {
		const n = 23
		newest := 0
		add := func(at time.Duration) {
			newest++
			record(t, s, Batch{
				Alerts:    []incident.Alert{alert(int64(newest), at)},
				Decisions: []engine.Decision{decision(fmt.Sprintf("D-%03d", newest), at)},
				Incidents: []incident.Incident{{ID: int64(newest), First: noon.Add(at)}},
				Audit:     []Entry{{At: noon.Add(at), Object: fmt.Sprint(newest)}},
			})
			write(t, s, exchange(at, newest, "198.18.0.7"))
		}
		for i := range n {
			add(time.Duration(i/4) * time.Second) // four in each moment, told apart by ID
		}
		for name, list := range lists {
			var want, got []string
			for i := newest; i > 0; i-- {
				want = append(want, fmt.Sprint(i))
			}
			for p := (Page{First: 5}); ; {
				page := must(list(t.Context(), s, p))(t)
				if len(page.Cursors) != len(page.Items) {
					t.Fatalf("%s: %d cursors for %d items", name, len(page.Cursors), len(page.Items))
				}
				got = append(got, page.Items...)
				add(time.Hour)
				if !page.More {
					break
				}
				if page.Next != page.Cursors[len(page.Cursors)-1] {
					t.Fatalf("%s: the next page does not begin after the last item", name)
				}
				p.After = page.Next
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s came as %v, want %v", name, got, want)
			}
		}
	})
}

// labels of a slice's items instead of the items.
func labels[T any](of func(T) string) func(Slice[T], error) (Slice[string], error) {
	return func(s Slice[T], err error) (Slice[string], error) {
		out := Slice[string]{Cursors: s.Cursors, More: s.More, Next: s.Next}
		for _, i := range s.Items {
			out.Items = append(out.Items, of(i))
		}
		return out, err
	}
}

func TestPagesThatCannotBeAreRefusedWithTheField(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	write(t, s, exchange(0, 1, "198.18.0.7"))
	record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}})
	ctx := t.Context()
	ofExchange := must(s.Exchanges(ctx, ExchangeFilter{}, Page{First: 1}))(t).Cursors[0]
	ofAlert := must(s.Alerts(ctx, AlertFilter{}, Page{First: 1}))(t).Cursors[0]
	for name, c := range map[string]struct {
		err   error
		field string
	}{
		"no items":                  {second(s.Alerts(ctx, AlertFilter{}, Page{})), "first"},
		"too many items":            {second(s.Decisions(ctx, DecisionFilter{}, Page{First: 501})), "first"},
		"fewer than none":           {second(s.Exchanges(ctx, ExchangeFilter{}, Page{First: -1})), "first"},
		"incidents":                 {second(s.Incidents(ctx, 0, Page{})), "first"},
		"audit":                     {second(s.Audit(ctx, Page{})), "first"},
		"nonsense":                  {second(s.Alerts(ctx, AlertFilter{}, Page{First: 1, After: "nonsense!"})), "after"},
		"a cursor of other things":  {second(s.Alerts(ctx, AlertFilter{}, Page{First: 1, After: ofExchange})), "after"},
		"an alert among exchanges":  {second(s.Exchanges(ctx, ExchangeFilter{}, Page{First: 1, After: ofAlert})), "after"},
		"an alert without a number": {second(s.Alerts(ctx, AlertFilter{}, Page{First: 1, After: cursor('a', place{1, "x"})})), "after"},
		"a long text":               {second(s.Alerts(ctx, AlertFilter{Text: strings.Repeat("a", 257)}, Page{First: 1})), "text"},
		"a long text, counted":      {second(s.CountDecisions(ctx, DecisionFilter{Text: strings.Repeat("a", 257)})), "text"},
		"a long path":               {second(s.Exchanges(ctx, ExchangeFilter{Path: strings.Repeat("a", 2050)}, Page{First: 1})), "path"},
		"half a minute":             {second(s.Timeline(ctx, noon, noon.Add(time.Hour), 30*time.Second)), "step"},
		"a minute and a half":       {second(s.Timeline(ctx, noon, noon.Add(time.Hour), 90*time.Second)), "step"},
		"too many points":           {second(s.Timeline(ctx, noon, noon.Add(30*24*time.Hour), time.Minute)), "step"},
	} {
		var bad Invalid
		if !errors.As(c.err, &bad) || bad.Field != c.field {
			t.Errorf("%s gave %v, want field %s to be called invalid", name, c.err, c.field)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAlertsAreFilteredAndCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		one := alert(1, 0)
		two := alert(2, time.Minute)
		two.Severity, two.Status, two.ResolvedAt, two.Incident = engine.Medium, incident.Resolved, noon.Add(time.Hour), 5
		two.Rule, two.Title, two.Last = "payment-without-balance", "Payment without balance check", noon.Add(30*time.Minute)
		two.Actor, two.Client = networkTarget("198.18.7.1/32"), netip.MustParseAddr("198.18.7.1")
		three := alert(3, 2*time.Minute)
		three.Severity, three.Incident, three.Path = engine.Critical, 5, "/api/admin/export%"
		three.Actor, three.Client = networkTarget("2001:db8:1:2::/64"), netip.MustParseAddr("2001:db8:1:2::9")
		four := alert(4, 3*time.Minute)
		four.Actor, four.Client = engine.Target{Key: engine.Key{Hash: [16]byte{1}, Prefix: "sk_LIVE_"}}, netip.MustParseAddr("198.18.7.200")
		record(t, s, Batch{Alerts: []incident.Alert{one, two, three, four}})

		for name, c := range map[string]struct {
			filter AlertFilter
			want   string
		}{
			"all":                         {AlertFilter{}, "4 3 2 1"},
			"two severities":              {AlertFilter{Severities: []engine.Severity{engine.Medium, engine.Critical}}, "3 2"},
			"open":                        {AlertFilter{Status: incident.Open}, "4 3 1"},
			"a rule":                      {AlertFilter{Rule: "payment-without-balance"}, "2"},
			"a client":                    {AlertFilter{Client: netip.MustParsePrefix("198.18.0.7/32")}, "1"},
			"a network, also of keys":     {AlertFilter{Client: netip.MustParsePrefix("198.18.7.0/24")}, "4 2"},
			"a wider network":             {AlertFilter{Client: netip.MustParsePrefix("198.18.0.0/15")}, "4 2 1"},
			"all of IPv4":                 {AlertFilter{Client: netip.MustParsePrefix("0.0.0.0/0")}, "4 2 1"},
			"all of IPv6":                 {AlertFilter{Client: netip.MustParsePrefix("2001:db8::/32")}, "3"},
			"an address of a /64":         {AlertFilter{Client: netip.MustParsePrefix("2001:db8:1:2::9/128")}, "3"},
			"another of it":               {AlertFilter{Client: netip.MustParsePrefix("2001:db8:1:2::8/128")}, ""},
			"an incident":                 {AlertFilter{Incident: 5}, "3 2"},
			"an incident, open":           {AlertFilter{Incident: 5, Status: incident.Open}, "3"},
			"text in any case":            {AlertFilter{Text: "BALANCE check"}, "2"},
			"text of a key":               {AlertFilter{Text: "sk_live"}, "4"},
			"text of an address":          {AlertFilter{Text: "198.18.7.1"}, "2"},
			"a percent sign is no joker":  {AlertFilter{Text: "%"}, "3"},
			"an underscore neither":       {AlertFilter{Text: "api_admin"}, ""},
			"from":                        {AlertFilter{From: noon.Add(2 * time.Minute)}, "4 3 2"},
			"to":                          {AlertFilter{To: noon.Add(2 * time.Minute)}, "2 1"},
			"text and other things":       {AlertFilter{Text: "api", Status: incident.Open, Severities: []engine.Severity{engine.High}}, "4 1"},
			"nothing":                     {AlertFilter{Rule: "none"}, ""},
			"text that would end a quote": {AlertFilter{Text: `' OR 1=1 --`}, ""},
		} {
			got := must(s.Alerts(t.Context(), c.filter, Page{First: 10}))(t)
			if ids(alertID, got.Items) != c.want {
				t.Errorf("%s: got %q, want %q", name, ids(alertID, got.Items), c.want)
			}
			if n := must(s.CountAlerts(t.Context(), c.filter))(t); n != len(strings.Fields(c.want)) {
				t.Errorf("%s: counted %d, want %q", name, n, c.want)
			}
		}
	})
}

func TestDecisionsAreFilteredAndCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		rule := decision("D-RULE", 0) // until 13:00
		allow := decision("D-ALLOW", time.Minute)
		allow.Action, allow.Origin, allow.By, allow.Rule, allow.Until = engine.Allow, engine.ByOperator, "ada", "", time.Time{}
		allow.Target = networkTarget("198.18.0.0/16")
		lifted := decision("D-LIFTED", 2*time.Minute)
		lifted.Lifted, lifted.LiftedBy = noon.Add(10*time.Minute), "ada"
		lifted.Target = networkTarget("2001:db8:1:2::/64")
		monitor := decision("D-MONITOR", 3*time.Minute)
		monitor.Action, monitor.Origin, monitor.Until = engine.Monitor, engine.ByImport, noon.Add(10*time.Minute)
		monitor.Target = engine.Target{Key: engine.Key{Hash: [16]byte{1}, Prefix: "sk_live_"}}
		record(t, s, Batch{Decisions: []engine.Decision{rule, allow, lifted, monitor}})
		at := noon.Add(30 * time.Minute)

		for name, c := range map[string]struct {
			filter DecisionFilter
			want   string
		}{
			"all":                     {DecisionFilter{}, "D-MONITOR D-LIFTED D-ALLOW D-RULE"},
			"actions":                 {DecisionFilter{Actions: []engine.Action{engine.Allow, engine.Monitor}}, "D-MONITOR D-ALLOW"},
			"origins":                 {DecisionFilter{Origins: []engine.Origin{engine.ByRule}}, "D-LIFTED D-RULE"},
			"in force":                {DecisionFilter{InForce: true, At: at}, "D-ALLOW D-RULE"},
			"in force at the end":     {DecisionFilter{InForce: true, At: noon.Add(time.Hour)}, "D-ALLOW"},
			"in force today":          {DecisionFilter{InForce: true}, "D-ALLOW"},
			"ended":                   {DecisionFilter{Ended: true, At: at}, "D-MONITOR D-LIFTED"},
			"expired":                 {DecisionFilter{Expired: true, At: at}, "D-MONITOR"},
			"lifted":                  {DecisionFilter{Lifted: true, At: at}, "D-LIFTED"},
			"covering an address":     {DecisionFilter{Covers: netip.MustParseAddr("198.18.0.7")}, "D-ALLOW D-RULE"},
			"covering its neighbour":  {DecisionFilter{Covers: netip.MustParseAddr("198.18.0.8")}, "D-ALLOW"},
			"covering a mapped one":   {DecisionFilter{Covers: netip.MustParseAddr("::ffff:198.18.0.8")}, "D-ALLOW"},
			"covering IPv6":           {DecisionFilter{Covers: netip.MustParseAddr("2001:db8:1:2::1")}, "D-LIFTED"},
			"covering nobody":         {DecisionFilter{Covers: netip.MustParseAddr("2001:db8:1:3::1")}, ""},
			"about a key":             {DecisionFilter{Key: engine.Key{Hash: [16]byte{1}}}, "D-MONITOR"},
			"about no such key":       {DecisionFilter{Key: engine.Key{Hash: [16]byte{8}}}, ""},
			"text of a network":       {DecisionFilter{Text: "198.18.0.0/16"}, "D-ALLOW"},
			"text of a key":           {DecisionFilter{Text: "SK_LIVE"}, "D-MONITOR"},
			"text of who":             {DecisionFilter{Text: "ada"}, "D-ALLOW"},
			"text of a reference":     {DecisionFilter{Text: "d-li"}, "D-LIFTED"},
			"made from":               {DecisionFilter{From: noon.Add(2 * time.Minute)}, "D-MONITOR D-LIFTED"},
			"made to":                 {DecisionFilter{To: noon.Add(2 * time.Minute)}, "D-ALLOW D-RULE"},
			"blocks in force by rule": {DecisionFilter{Actions: []engine.Action{engine.Block}, InForce: true, At: at, Text: "rate"}, "D-RULE"},
		} {
			got := must(s.Decisions(t.Context(), c.filter, Page{First: 10}))(t)
			if ids(decisionID, got.Items) != c.want {
				t.Errorf("%s: got %q, want %q", name, ids(decisionID, got.Items), c.want)
			}
			if n := must(s.CountDecisions(t.Context(), c.filter))(t); n != len(strings.Fields(c.want)) {
				t.Errorf("%s: counted %d, want %q", name, n, c.want)
			}
		}
		if got := must(s.InForce(t.Context(), at))(t); ids(decisionID, got) != "D-RULE D-ALLOW" {
			t.Errorf("in force are %q, want the rule's and the operator's, oldest first", ids(decisionID, got))
		}
		for _, d := range []engine.Decision{rule, allow, lifted, monitor} {
			in := strings.Contains(ids(decisionID, must(s.InForce(t.Context(), at))(t)), d.ID)
			if in != d.InForce(at) {
				t.Errorf("the store and the engine disagree whether %s is in force", d.ID)
			}
		}
	})
}
