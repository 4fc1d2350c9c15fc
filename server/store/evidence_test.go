package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/sentinel-protocol/sentinel/migrations"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

func shown() engine.Evidence {
	return engine.Evidence{
		Means:    engine.Meaning{Stage: engine.Impact, Success: true, Money: true},
		Exchange: math.MaxUint64, Account: "alice@example.com", Fingerprint: math.MaxUint64 - 1, UserAgent: `curl/8 <script>"`,
		Country: engine.Country{'N', 'L'}, ASN: 64500, Tokens: []string{"network 198.51.100.0/24"},
		Seen:   []string{"bob", "=HYPERLINK(1)", "carol\u202e"},
		Parts:  []engine.Part{{Feature: "error ratio", Value: 0.97, Expected: "0 to 0.1 in 99 of 100 cases", Share: 41.5}, {Feature: "rate", Share: 3}},
		Unless: "It would not have fired at a score of 40 or below.",
	}
}

func TestAlertsAboutAccountsAndRoutesComeBackWithTheirEvidence(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ofAccount := alert(1, time.Second)
		ofAccount.Actor, ofAccount.Evidence = engine.Target{Account: "alice@example.com"}, shown()
		ofRoute := alert(2, 0)
		ofRoute.Actor = engine.Target{Route: "POST /api/login/{id}"}
		want := []incident.Alert{ofAccount, ofRoute}
		record(t, s, Batch{Alerts: want})
		if got := must(s.Alerts(t.Context(), AlertFilter{}, Page{First: 10}))(t); !reflect.DeepEqual(got.Items, want) {
			t.Errorf("got  %+v\nwant %+v", got.Items, want)
		}
	})
}

func TestDecisionsAboutAccountsComeBackAndAreInForce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		want := decision("D-ACCOUNT000000", 0)
		want.Target = engine.Target{Account: "alice"}
		other := decision("D-OTHER00000000", time.Second)
		other.Target = engine.Target{Account: "bob"}
		record(t, s, Batch{Decisions: []engine.Decision{want, other}})
		if got := must(s.Decision(t.Context(), want.ID))(t); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got := must(s.InForce(t.Context(), noon))(t); len(got) != 2 || got[0] != want {
			t.Errorf("in force are %+v, want both", got)
		}
		for name, c := range map[string]struct {
			filter DecisionFilter
			want   string
		}{
			"of the account":     {DecisionFilter{Account: "alice"}, want.ID},
			"of nobody":          {DecisionFilter{Account: "al"}, ""},
			"text of an account": {DecisionFilter{Text: "ALIC"}, want.ID},
		} {
			if got := ids(decisionID, must(s.Decisions(t.Context(), c.filter, Page{First: 10}))(t).Items); got != c.want {
				t.Errorf("%s: got %q, want %q", name, got, c.want)
			}
		}
		if n := must(s.Stats(t.Context(), noon.Add(-time.Hour), noon.Add(time.Minute)))(t).Blocked; n != 2 {
			t.Errorf("%d are blocked, want two accounts", n)
		}
	})
}

func TestAlertsAreFoundByAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		actor := alert(1, 0)
		actor.Actor = engine.Target{Account: "alice"}
		actedFor := alert(2, time.Second)
		actedFor.Evidence.Account = "alice"
		route := alert(3, 2*time.Second)
		route.Actor = engine.Target{Route: "POST /api/login"}
		another := alert(4, 3*time.Second)
		another.Evidence.Account = "alice2"
		record(t, s, Batch{Alerts: []incident.Alert{actor, actedFor, route, another, alert(5, 4*time.Second)}})
		for name, c := range map[string]struct {
			filter AlertFilter
			want   string
		}{
			"an account":         {AlertFilter{Account: "alice"}, "2 1"},
			"a part of one":      {AlertFilter{Account: "alic"}, ""},
			"another's case":     {AlertFilter{Account: "Alice"}, ""}, // the edge folds
			"text of an account": {AlertFilter{Text: "LICE"}, "4 2 1"},
			"text of a route":    {AlertFilter{Text: "post /api/log"}, "3"},
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

func TestLookingForAnAccountReadsNoOtherAlerts(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	how := plan(t, s.main.pools[0], `SELECT * FROM alerts WHERE ((actor_account = 'a' AND actor_account <> '')
		OR (account = 'a' AND account <> '')) ORDER BY first_at DESC, id DESC LIMIT 9`)
	if strings.Contains(how, "SCAN") || !strings.Contains(how, "alerts_account") || !strings.Contains(how, "alerts_actor_account") {
		t.Errorf("it is answered by\n%s", how)
	}
	how = plan(t, s.main.pools[0], "SELECT * FROM decisions WHERE target_account = 'a' AND target_account <> '' ORDER BY made_at DESC, id DESC")
	if strings.Contains(how, "SCAN") {
		t.Errorf("it is answered by\n%s", how)
	}
}

func TestAReceiptStaysThatOfItsFindingWhileTheAlertGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		first := alert(1, 0)
		first.Evidence = shown()
		first.Times = nil
		for i := range 128 {
			first.Times = append(first.Times, noon.Add(time.Duration(i)*time.Millisecond))
		}
		later := first
		later.Finding, later.Last, later.Count, later.Version = "F-later", noon.Add(time.Hour), 500, 2
		later.Times, later.Evidence = []time.Time{later.Last}, engine.Evidence{}
		record(t, s, Batch{Alerts: []incident.Alert{first, later}})
		record(t, s, Batch{Alerts: []incident.Alert{later}})
		for _, a := range []incident.Alert{first, later} {
			if got, want := must(s.Receipt(t.Context(), a.Finding))(t), a.Receipt(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got  %+v\nwant %+v", a.Finding, got, want)
			}
		}
		if _, err := s.Receipt(t.Context(), "nowhere"); !errors.Is(err, ErrNotFound) {
			t.Errorf("the receipt of an unknown finding gave %v, want ErrNotFound", err)
		}
	})
}

func TestEvidenceThatStrangersWroteIsStoredWhateverItIs(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a := alert(1, 0)
		a.Actor = engine.Target{Account: "a\x00b\xff" + strings.Repeat("é", 300)}
		a.Evidence = engine.Evidence{
			Account: "\x00", UserAgent: "\xff\xfe", Seen: []string{"\x00", strings.Repeat("é", 300)},
			Parts: []engine.Part{{Feature: "\xff", Value: math.NaN(), Share: math.Inf(1)}},
		}
		for i := range 40 {
			a.Evidence.Seen = append(a.Evidence.Seen, fmt.Sprint(i))
		}
		record(t, s, Batch{Alerts: []incident.Alert{a}})
		got := must(s.Alert(t.Context(), 1))(t)
		switch e := got.Evidence; {
		case len(got.Actor.Account) > mostOfAgent+8 || !strings.HasPrefix(got.Actor.Account, "a\uFFFDb\uFFFDé"):
			t.Errorf("the account came back as %q", got.Actor.Account)
		case len(e.Seen) != mostListed || e.Seen[0] != "\uFFFD" || len(e.Seen[1]) > mostOfSeen:
			t.Errorf("what was seen came back as %q", e.Seen)
		case len(e.Parts) != 1 || e.Parts[0].Value != 0 || e.Parts[0].Share < 1e299:
			t.Errorf("the parts came back as %+v", e.Parts)
		}
	})
}

func TestWhatWasStoredBeforeAccountsIsStillRead(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open(sqliteDriver, filepath.Join(dir, "sentinel.db"))
	if err != nil {
		t.Fatal(err)
	}
	files := must(fs.Sub(migrations.FS, "sqlite/sentinel"))(t)
	p := must(goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithTableName("sentinel_version"), goose.WithDisableGlobalRegistry(true)))(t)
	must(p.UpTo(t.Context(), 3))(t)
	for _, q := range []string{
		`INSERT INTO alerts VALUES (7, 'rate-abuse', 1, 'Too many requests', 4, 1, '198.18.0.7/32', x'00000000000000000000ffffc6120007',
			x'00000000000000000000ffffc6120007', NULL, '', x'00000000000000000000ffffc6120007', NULL, '', 'because', 'GET', '/', 1000, 1000, 1,
			'F-7', 101, 100, 60000, '[1000]', 'D-7', 0, 0, '')`,
		`INSERT INTO alert_findings VALUES ('F-7', 7)`,
		`INSERT INTO decisions VALUES ('D-7', 3, '198.18.0.7/32', NULL, '', 'because', 1, 'rate-abuse', 'F-7', 'node', 1000, 0, 0, '', 9223372036854775807)`,
	} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := opened(t, Config{Dir: dir})
	if a := must(s.Alert(t.Context(), 7))(t); a.Actor != networkTarget("198.18.0.7/32") || !reflect.DeepEqual(a.Evidence, engine.Evidence{}) {
		t.Errorf("got %+v", a)
	}
	if d := must(s.InForce(t.Context(), noon))(t); len(d) != 1 || d[0].Target != networkTarget("198.18.0.7/32") {
		t.Errorf("in force are %+v", d)
	}
	if _, err := s.Receipt(t.Context(), "F-7"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a finding of before gave %v, want ErrNotFound", err)
	}
}

func TestAnAccountIsCountedAsAClientIs(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		x, y, z := exchange(0, 1, "198.18.0.7"), exchange(time.Second, 2, "198.18.0.8"), exchange(2*time.Second, 3, "198.18.0.8")
		x.Account, y.Account, z.Account = "alice", "alice", "alice2"
		y.Status = 401
		write(t, s, x, y, z)
		got := must(s.AccountFigures(t.Context(), "alice", noon.Add(-time.Hour), noon.Add(time.Hour)))(t)
		if got.Requests != 2 || got.Failed != 1 || !got.Last.Equal(y.At) || got.Capped {
			t.Errorf("got %+v", got)
		}
	})
}
