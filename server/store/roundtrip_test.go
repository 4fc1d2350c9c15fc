package store

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

func TestAlertsComeBackAsTheyWereWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		full := alert(1, 0)
		full.Status, full.Incident, full.Decision = incident.Resolved, 77, "D-0123456789ABC"
		full.ResolvedAt, full.ResolvedBy = noon.Add(time.Hour), "ada"
		ofKey := alert(2, time.Second)
		ofKey.Actor = engine.Target{Key: engine.Key{Hash: [16]byte{0xff, 1}, Prefix: "sk_live_"}}
		v6 := alert(3, 2*time.Second)
		v6.Actor, v6.Client = networkTarget("2001:db8:1:2::/64"), netip.MustParseAddr("2001:db8:1:2::9")
		bare := incident.Alert{ID: 1<<53 - 1, Rule: "honeypot", First: noon.Add(3 * time.Second)}
		want := []incident.Alert{bare, v6, ofKey, full}
		record(t, s, Batch{Alerts: want})

		got := must(s.Alerts(t.Context(), AlertFilter{}, Page{First: 10}))(t)
		if !reflect.DeepEqual(got.Items, want) {
			t.Errorf("got  %+v\nwant %+v", got.Items, want)
		}
		for _, a := range want {
			if one := must(s.Alert(t.Context(), a.ID))(t); !reflect.DeepEqual(one, a) {
				t.Errorf("alert %d: got %+v, want %+v", a.ID, one, a)
			}
		}
		if _, err := s.Alert(t.Context(), 4); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown alert gave %v, want ErrNotFound", err)
		}
	})
}

func TestIncidentsComeBackAsTheyWereWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		want := []incident.Incident{
			{
				ID: 9, Title: "Attack from 198.18.7.0/24", Severity: engine.Critical, Status: incident.Resolved,
				First: noon.Add(time.Second), Last: noon.Add(time.Minute), Alerts: 4, Clients: 3, Shared: "network 198.18.7.0/24",
			},
			{ID: 8, Title: "Attack", Severity: engine.High, Status: incident.Open, First: noon, Last: noon, Alerts: 1, Clients: 1},
		}
		record(t, s, Batch{Incidents: want})
		if got := must(s.Incidents(t.Context(), 0, Page{First: 10}))(t); !reflect.DeepEqual(got.Items, want) {
			t.Errorf("got %+v, want %+v", got.Items, want)
		}
		if got := must(s.Incidents(t.Context(), incident.Open, Page{First: 10}))(t); !reflect.DeepEqual(got.Items, want[1:]) {
			t.Errorf("open ones: got %+v, want %+v", got.Items, want[1:])
		}
		if n := must(s.CountIncidents(t.Context(), incident.Resolved))(t); n != 1 {
			t.Errorf("counted %d resolved ones, want 1", n)
		}
		if got := must(s.Incident(t.Context(), 9))(t); !reflect.DeepEqual(got, want[0]) {
			t.Errorf("got %+v, want %+v", got, want[0])
		}
		if _, err := s.Incident(t.Context(), 10); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown incident gave %v, want ErrNotFound", err)
		}
	})
}

func TestDecisionsComeBackAsTheyWereWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		lifted := decision("D-LIFTED0000000", 3*time.Second)
		lifted.Lifted, lifted.LiftedBy = noon.Add(time.Minute), "ada"
		ofKey := decision("D-KEY0000000000", 2*time.Second)
		ofKey.Target = engine.Target{Key: engine.Key{Hash: [16]byte{7}, Prefix: "sk_live_"}}
		v6 := decision("D-V60000000000", time.Second)
		v6.Action, v6.Target, v6.Until = engine.Allow, networkTarget("2001:db8::1/128"), time.Time{}
		v6.Origin, v6.Rule, v6.Finding, v6.By = engine.ByOperator, "", "", "ada"
		bare := engine.Decision{ID: "D-BARE", From: noon}
		want := []engine.Decision{lifted, ofKey, v6, bare}
		record(t, s, Batch{Decisions: want})

		got := must(s.Decisions(t.Context(), DecisionFilter{}, Page{First: 10}))(t)
		if !reflect.DeepEqual(got.Items, want) {
			t.Errorf("got  %+v\nwant %+v", got.Items, want)
		}
		if one := must(s.Decision(t.Context(), v6.ID))(t); one != v6 {
			t.Errorf("got %+v, want %+v", one, v6)
		}
		if _, err := s.Decision(t.Context(), "D-NOWHERE"); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown decision gave %v, want ErrNotFound", err)
		}
	})
}

func TestAuditEntriesAreNumberedInTheirOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a := Entry{At: noon, Actor: "ada", Origin: "127.0.0.1", Verb: "block", Object: "198.18.0.7/32", Detail: "enough"}
		b := Entry{At: noon, Actor: "system", Origin: "cli", Verb: "lift", Object: "D-0123456789ABC"}
		record(t, s, Batch{Audit: []Entry{a, b}})
		record(t, s, Batch{Audit: []Entry{a}})
		got := must(s.Audit(t.Context(), Page{First: 10}))(t).Items
		if len(got) != 3 || got[0].Seq <= got[1].Seq || got[1].Seq <= got[2].Seq || got[2].Seq < 1 {
			t.Fatalf("got %+v, want three entries with falling numbers", got)
		}
		for i, want := range []Entry{a, b, a} {
			want.Seq = got[i].Seq
			if got[i] != want {
				t.Errorf("entry %d: got %+v, want %+v", i, got[i], want)
			}
		}
	})
}

func TestExchangesComeBackAsTheyWereWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		plain := exchange(0, 1, "198.18.0.7")
		other := exchange(time.Second, 2, "2001:db8::7")
		other.Key = engine.Key{}
		other.Method, other.Path, other.Folded, other.Route = "POST", "/API//Cards/7", "/api/cards/7", "/api/cards/{id}"
		other.Status, other.Refused, other.Cause, other.Monitored, other.Exempt = 403, true, "honeypot", true, true
		other.Account, other.Session = "alice@example.com", engine.Key{Hash: [16]byte{0xfe, 2}, Prefix: "sess_abc"}
		other.Flags, other.Would = engine.DuplicateKey|1<<31, "rate-abuse"
		routed := exchange(2*time.Second, 3, "198.18.0.8")
		routed.Path, routed.Folded, routed.Route = "/api/cards/8", "/api/cards/8", "/api/cards/{id}"
		empty := exchange(3*time.Second, 4, "198.18.0.9")
		empty.Path, empty.Folded, empty.Route, empty.UserAgent, empty.Key.Prefix = "", "", "", "", ""
		want := []Seen{empty, routed, other, plain}
		write(t, s, plain, other, routed, empty)

		got := must(s.Exchanges(t.Context(), ExchangeFilter{}, Page{First: 10}))(t)
		if !reflect.DeepEqual(got.Items, want) {
			t.Errorf("got  %+v\nwant %+v", got.Items, want)
		}
		if one := must(s.Exchange(t.Context(), other.ID))(t); one != other {
			t.Errorf("got %+v, want %+v", one, other)
		}
		for _, id := range []uint64{5, 1 << 63} {
			if _, err := s.Exchange(t.Context(), id); !errors.Is(err, ErrNotFound) {
				t.Errorf("exchange %d gave %v, want ErrNotFound", id, err)
			}
		}
	})
}

func TestTheLastVersionOfAnAlertCountsAndEveryFindingLeadsToIt(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		one, two, three := alert(1, 0), alert(1, 0), alert(1, 0)
		two.Finding, two.Findings = "F-two", 2
		three.Finding, three.Findings = "F-three", 3
		record(t, s, Batch{Alerts: []incident.Alert{one, two}})
		record(t, s, Batch{Alerts: []incident.Alert{three, alert(2, time.Second)}})
		for _, finding := range []string{"F-1", "F-two", "F-three"} {
			if a := must(s.AlertOfFinding(t.Context(), finding))(t); a.ID != 1 || a.Findings != 3 {
				t.Errorf("finding %s led to alert %d with %d findings, want 1 with 3", finding, a.ID, a.Findings)
			}
		}
		if _, err := s.AlertOfFinding(t.Context(), "F-none"); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown finding gave %v, want ErrNotFound", err)
		}
		if n := must(s.CountAlerts(t.Context(), AlertFilter{}))(t); n != 2 {
			t.Errorf("counted %d alerts, want 2", n)
		}
	})
}

func TestManyOfAKindFitInOneBatch(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var b Batch
		for i := range 1234 {
			b.Alerts = append(b.Alerts, alert(int64(i+1), time.Duration(i)*time.Millisecond))
			b.Decisions = append(b.Decisions, decision("D-"+strings.Repeat("0", i), time.Duration(i)*time.Millisecond))
			b.Audit = append(b.Audit, Entry{At: noon, Actor: "system", Verb: "block"})
		}
		record(t, s, b)
		n := 0
		err := s.EachAlert(t.Context(), AlertFilter{}, func(a incident.Alert) error {
			if want := int64(1234 - n); a.ID != want {
				t.Fatalf("alert %d came as number %d, want %d", a.ID, n, want)
			}
			n++
			return nil
		})
		if err != nil || n != 1234 {
			t.Errorf("came by %d alerts, want 1234: %v", n, err)
		}
		n = 0
		if err := s.EachDecision(t.Context(), DecisionFilter{}, func(engine.Decision) error { n++; return nil }); err != nil || n != 1234 {
			t.Errorf("came by %d decisions, want 1234: %v", n, err)
		}
		enough := errors.New("enough")
		if err := s.EachAlert(t.Context(), AlertFilter{}, func(incident.Alert) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("the function's error came back as %v", err)
		}
	})
}

// What strangers write must be stored, found again and leave the query alone.
func TestHostileTextIsKeptAsTextThatCanBeFound(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		for i, path := range []string{
			`/'; DROP TABLE alerts; --`, `/"quoted"/$1/?/@name/{{x}}`, `/100%_sure\`, "/naïve/日本/\U0001F4A3", "/line\nbreak\r\t\x1b[31m",
			"/" + strings.Repeat("a", 2047), `/%27%20OR%201=1`, "/\u202Egnp.exe",
		} {
			x := exchange(time.Duration(i)*time.Second, i, "198.18.0.7")
			x.Path, x.Folded, x.Route, x.UserAgent = path, path, path, path[:min(len(path), 200)]
			a := alert(int64(i+1), time.Duration(i)*time.Second)
			a.Path, a.Reason, a.Title = path, path, path
			write(t, s, x)
			record(t, s, Batch{Alerts: []incident.Alert{a}})

			if got := must(s.Exchange(t.Context(), x.ID))(t); got != x {
				t.Errorf("%q came back as %+v", path, got)
			}
			found := must(s.Exchanges(t.Context(), ExchangeFilter{Path: path}, Page{First: 9}))(t)
			if len(found.Items) != 1 || found.Items[0].ID != x.ID {
				t.Errorf("looking for %q found %d exchanges, want the one", path, len(found.Items))
			}
			if len(path) > mostOfText {
				continue
			}
			alerts := must(s.Alerts(t.Context(), AlertFilter{Text: path}, Page{First: 9}))(t)
			if ids(alertID, alerts.Items) != ids(alertID, []incident.Alert{a}) {
				t.Errorf("looking for %q found alerts %s, want %d", path, ids(alertID, alerts.Items), a.ID)
			}
		}
	})
}

func TestWhatIsNotTextIsStoredWithAStandIn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		x := exchange(0, 1, "198.18.0.7")
		x.Path, x.Folded, x.Route = "/a\x00b\xff\xfec", "/a\x00b\xff\xfec", "/a\x00b\xff\xfec"
		x.UserAgent = strings.Repeat("é", 200) // 400 bytes
		x.Method, x.Account, x.Session.Prefix, x.Would = "G\x00T", "al\x00ce\xff", "s\x00", "\xfe"
		write(t, s, x)
		got := must(s.Exchange(t.Context(), x.ID))(t)
		if got.Path != "/a\uFFFDb\uFFFDc" || got.Folded != got.Path || got.Method != "G\uFFFDT" {
			t.Errorf("got path %q, folded %q, method %q", got.Path, got.Folded, got.Method)
		}
		if got.Account != "al\uFFFDce\uFFFD" || got.Session.Prefix != "s\uFFFD" || got.Would != "\uFFFD" {
			t.Errorf("got account %q, session %q, would %q", got.Account, got.Session.Prefix, got.Would)
		}
		if got.UserAgent != strings.Repeat("é", 128) {
			t.Errorf("the user agent was cut to %q", got.UserAgent)
		}
		a := alert(1, 0)
		a.Reason, a.Finding = "nul\x00 and \xc3", "F-\x00"
		d := decision("D-\xff", 0)
		record(t, s, Batch{Alerts: []incident.Alert{a}, Decisions: []engine.Decision{d}, Audit: []Entry{{At: noon, Detail: "\x00"}}})
		if got := must(s.AlertOfFinding(t.Context(), a.Finding))(t); got.Reason != "nul\uFFFD and \uFFFD" {
			t.Errorf("got reason %q", got.Reason)
		}
		if got := must(s.Decision(t.Context(), d.ID))(t); got.ID != "D-\uFFFD" {
			t.Errorf("got ID %q", got.ID)
		}
	})
}

func TestClippingKeepsLettersWhole(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"abcd":                     "abcd",
		"abcde":                    "abcd",
		"abcé":                     "abc",
		"ab日":                      "ab",
		"日本":                       "日",
		"\x80\x80\x80\x80\x80\x80": "\uFFFD",
	} {
		if got := clip(in, 4); got != want {
			t.Errorf("clip(%q, 4) = %q, want %q", in, got, want)
		}
	}
}
