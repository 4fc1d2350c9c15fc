package guard

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func TestAPlacedBlockIsWrittenAuditedInForceAndTold(t *testing.T) {
	s := newScene(t)
	decisions := s.News().DecisionChanged.Subscribe(t.Context())
	d := s.place(engine.Block, "203.0.113.0/24", time.Hour)
	if got := s.balance("203.0.113.200"); got != 403 {
		t.Errorf("the very next request gets %d", got)
	}
	if stored := s.stored(d.ID); stored != d || d.Origin != engine.ByOperator || d.By != "ada" || d.Until.Sub(d.From) != time.Hour {
		t.Errorf("placed %+v, stored %+v", d, stored)
	}
	if told := heard(t, "the decision", decisions); told != d {
		t.Errorf("told %+v", told)
	}
	e := s.audit()[0]
	if e.Actor != "ada" || e.Origin != "192.0.2.1" || e.Verb != "block" || e.Object != "203.0.113.0/24" ||
		!strings.Contains(e.Detail, d.ID) || !strings.Contains(e.Detail, "because") {
		t.Errorf("the audit log has %+v", e)
	}
}

func TestWhatNobodyCanMeanIsRefusedWithTheField(t *testing.T) {
	s := newScene(t)
	for _, c := range []struct {
		about  string
		wanted Wanted
		field  string
	}{
		{"no action", Wanted{Network: netip.MustParsePrefix("203.0.113.7/32")}, "action"},
		{"an action that is not for operators", Wanted{Action: engine.Throttle, Network: netip.MustParsePrefix("203.0.113.7/32")}, "action"},
		{"no network", Wanted{Action: engine.Block}, "target"},
		{"everybody", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("0.0.0.0/0")}, "target"},
		{"everybody in IPv6", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("::/0")}, "target"},
		{"everybody, as IPv4 in IPv6", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("::ffff:0.0.0.0/96")}, "target"},
		{"everybody allowed", Wanted{Action: engine.Allow, Network: netip.MustParsePrefix("0.0.0.0/0")}, "target"},
		{"half of everybody, with loopback", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("0.0.0.0/1")}, "target"},
		{"loopback", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("127.0.0.1/32")}, "target"},
		{"loopback in IPv6", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("::1/128")}, "target"},
		{"loopback, as IPv4 in IPv6", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("::ffff:127.0.0.1/128")}, "target"},
		{"the operator himself", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("192.0.2.0/24")}, "target"},
		{"a network and a key", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.7/32"), Key: aKey("stolen")}, "target"},
		{"a negative time", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.7/32"), For: -1}, "duration"},
		{"no time worth it", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.7/32"), For: 1}, "duration"},
		{"a century", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.7/32"), For: 100 * 365 * 24 * time.Hour}, "duration"},
		{"a novel", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.7/32"), Reason: strings.Repeat("é", 501)}, "reason"},
		{"two lines", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.7/32"), Reason: "a\nb"}, "reason"},
		{"no text", Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.7/32"), Reason: "\xff"}, "reason"},
	} {
		t.Run(c.about, func(t *testing.T) {
			_, err := s.Place(t.Context(), ada, c.wanted)
			var invalid engine.Invalid
			if !errors.As(err, &invalid) || invalid.Field != c.field || invalid.Problem == "" {
				t.Errorf("got %v, want a mistake in %s", err, c.field)
			}
		})
	}
	if n := len(s.Decisions()) + len(s.audit()); n != 0 {
		t.Errorf("%d traces of what was refused", n)
	}
}

func TestAnEntryIsExactAsWritten(t *testing.T) {
	s := newScene(t)
	for written, want := range map[string]string{
		"203.0.113.7/24":            "203.0.113.0/24",
		"::ffff:203.0.113.9/128":    "203.0.113.9/32",
		"2001:db8::7/128":           "2001:db8::7/128",
		"2001:db8:1:2:3:4:5:6/64":   "2001:db8:1:2::/64",
		"::ffff:198.51.100.128/121": "198.51.100.128/25",
	} {
		if d := s.place(engine.Block, written, 0); d.Target.Network.String() != want {
			t.Errorf("%s became %s, want %s", written, d.Target.Network, want)
		}
	}
	if got := s.balance("2001:db8::8"); got != 200 {
		t.Errorf("the neighbour in the /64 gets %d", got)
	}
}

func TestPlacingTheSameAgainRenewsIt(t *testing.T) {
	s := newScene(t)
	one := s.place(engine.Block, "203.0.113.7/32", time.Hour)
	s.clock.pass(time.Minute)
	two := s.place(engine.Block, "203.0.113.7/32", 0)
	if one.ID != two.ID || !two.Until.IsZero() || len(s.Decisions()) != 1 {
		t.Errorf("renewing gives %+v, and %d decisions", two, len(s.Decisions()))
	}
	if stored := s.stored(one.ID); stored != two {
		t.Errorf("stored is %+v", stored)
	}
	if other := s.place(engine.Monitor, "203.0.113.7/32", 0); other.ID == one.ID {
		t.Error("another action took its place")
	}
	s.clock.pass(2 * time.Hour)
	if got := s.balance("203.0.113.7"); got != 403 {
		t.Errorf("after the first time is over the client gets %d", got)
	}
	if _, err := s.Lift(t.Context(), ada, []string{one.ID}); err != nil {
		t.Fatal(err)
	}
	if again := s.place(engine.Block, "203.0.113.7/32", 0); again.ID == one.ID {
		t.Error("a lifted decision was brought back instead of a new one made")
	}
}

func TestAllowingLiftsTheBlocksOfRulesThatItCovers(t *testing.T) {
	s := newScene(t)
	s.trap("203.0.113.7")
	s.trap("203.0.113.8")
	s.trap("198.51.100.7")
	byHand := s.place(engine.Block, "203.0.113.9/32", 0)
	s.flush()
	decisions := s.News().DecisionChanged.Subscribe(t.Context())
	allowed := s.place(engine.Allow, "203.0.113.0/24", time.Hour)
	for range 2 {
		if d := heard(t, "a lift", decisions); d.Lifted.IsZero() || d.LiftedBy != "ada" || s.stored(d.ID).Lifted.IsZero() {
			t.Errorf("told %+v, stored %+v", d, s.stored(d.ID))
		}
	}
	if d := heard(t, "the entry", decisions); d != allowed {
		t.Errorf("told %+v", d)
	}
	for client, want := range map[string]int{"203.0.113.7": 200, "203.0.113.8": 200, "203.0.113.9": 200, "198.51.100.7": 403} {
		if got := s.balance(client); got != want {
			t.Errorf("%s gets %d, want %d", client, got, want)
		}
	}
	verbs := map[string]int{}
	for _, e := range s.audit() {
		verbs[e.Verb]++
	}
	if verbs["allow"] != 1 || verbs["lift"] != 2 || verbs["block"] != 1 {
		t.Errorf("the audit log has %v", verbs)
	}
	s.clock.pass(2 * time.Hour)
	if got := s.balance("203.0.113.9"); got != 403 {
		t.Errorf("the operator's own block did not outlast the entry: %d", got)
	}
	if d := s.stored(byHand.ID); !d.Lifted.IsZero() {
		t.Error("the operator's own block was lifted")
	}
}

func TestLiftingEndsABlockAndForgetsWhatWasCounted(t *testing.T) {
	s := newScene(t)
	for range 6 {
		s.ask("203.0.113.7", "GET", "/api/balance", 401)
	}
	if got := s.balance("203.0.113.7"); got != 403 {
		t.Fatalf("after six failures the client gets %d", got)
	}
	s.flush()
	d := s.Covering(netip.MustParseAddr("203.0.113.7"), engine.Key{})[0]
	lifted, err := s.Lift(t.Context(), ada, []string{d.ID})
	if err != nil || len(lifted) != 1 || lifted[0].LiftedBy != "ada" || lifted[0].Lifted.IsZero() {
		t.Fatalf("lifting gives %+v, %v", lifted, err)
	}
	if stored := s.stored(d.ID); stored != lifted[0] {
		t.Errorf("stored is %+v", stored)
	}
	if got := s.ask("203.0.113.7", "GET", "/api/balance", 401); got != 401 {
		t.Errorf("the next request gets %d", got)
	}
	if got := s.balance("203.0.113.7"); got != 200 {
		t.Errorf("one failure after the lift blocks again: %d", got)
	}
	again, err := s.Lift(t.Context(), By{Name: "bob"}, []string{d.ID})
	if err != nil || again[0] != lifted[0] {
		t.Errorf("lifting again gives %+v, %v", again, err)
	}
	s.restart()
	if got := s.balance("203.0.113.7"); got != 200 {
		t.Errorf("after a restart the client gets %d", got)
	}
}

func TestLiftingWhatIsUnknownLiftsNothing(t *testing.T) {
	s := newScene(t)
	d := s.place(engine.Block, "203.0.113.7/32", 0)
	if _, err := s.Lift(t.Context(), ada, []string{d.ID, "D-0000000000000"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if got := s.balance("203.0.113.7"); got != 403 {
		t.Errorf("the client gets %d", got)
	}
	var invalid engine.Invalid
	if _, err := s.Lift(t.Context(), ada, nil); !errors.As(err, &invalid) {
		t.Errorf("lifting none gives %v", err)
	}
}

func TestWhenTheDatabaseIsAwayAnOperatorIsToldAndNothingChanges(t *testing.T) {
	s := newScene(t)
	s.trap("203.0.113.7")
	s.flush()
	block, alert := s.Decisions()[0], s.openAlerts()[0]
	s.away.leave()
	for about, try := range map[string]func() error{
		"placing": func() error {
			_, err := s.Place(t.Context(), ada, Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.9/32")})
			return err
		},
		"lifting": func() error { _, err := s.Lift(t.Context(), ada, []string{block.ID}); return err },
		"resolving": func() error {
			_, err := s.Resolve(t.Context(), ada, []int64{alert.ID}, true)
			return err
		},
	} {
		for _, waiting := range []bool{false, true} {
			if err := try(); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s gives %v; something waits already: %v", about, err, waiting)
			}
			s.trap("198.51.100.7") // now something waits to be written before it
		}
	}
	if got := s.balance("203.0.113.9"); got != 200 {
		t.Errorf("a block that could not be written is in force: %d", got)
	}
	if got := s.balance("203.0.113.7"); got != 403 {
		t.Errorf("a lift that could not be written came true: %d", got)
	}
	s.away.come()
	s.flush()
	for _, e := range s.audit() {
		if e.Actor == "ada" {
			t.Errorf("the audit log has %+v", e)
		}
	}
	if got, err := s.Resolve(t.Context(), ada, []int64{alert.ID}, true); err != nil || got[0].Status != incident.Resolved {
		t.Errorf("with the database back resolving gives %+v, %v", got, err)
	}
}

func TestResolvingClosesAlertsAndTheirIncident(t *testing.T) {
	s := newScene(t)
	s.trap("203.0.113.7")
	s.trap("203.0.113.8")
	s.flush()
	changed, incidents := s.News().AlertChanged.Subscribe(t.Context()), s.News().IncidentChanged.Subscribe(t.Context())
	var ids []int64
	for _, a := range s.openAlerts() {
		ids = append(ids, a.ID)
	}
	resolved, err := s.Resolve(t.Context(), ada, ids, false)
	if err != nil || len(resolved) != 2 {
		t.Fatalf("got %+v, %v", resolved, err)
	}
	for i, a := range resolved {
		if a.ID != ids[i] || a.Status != incident.Resolved || a.ResolvedBy != "ada" || a.ResolvedAt.IsZero() {
			t.Errorf("got %+v", a)
		}
		if told := heard(t, "the resolution", changed); told.ID != a.ID || told.Status != incident.Resolved {
			t.Errorf("told %+v", told)
		}
	}
	if i := heard(t, "the incident", incidents); i.Status != incident.Resolved || i.Alerts != 2 {
		t.Errorf("told %+v", i)
	}
	if len(s.openAlerts()) != 0 || len(s.Decisions()) != 2 {
		t.Errorf("%d alerts are open, %d decisions in force; want none and the two blocks", len(s.openAlerts()), len(s.Decisions()))
	}
	again, err := s.Resolve(t.Context(), By{Name: "bob"}, ids[:1], false)
	if err != nil || again[0].ResolvedBy != "ada" {
		t.Errorf("resolving again gives %+v, %v", again, err)
	}
	if _, err := s.Resolve(t.Context(), ada, []int64{1}, false); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("resolving what is unknown gives %v", err)
	}
}

func TestResolvingWithLiftEndsTheBlocksThatTheAlertLedToAndNoOther(t *testing.T) {
	s := newScene(t)
	s.trap("203.0.113.7")
	s.flush()
	byHand := s.place(engine.Block, "203.0.113.0/25", 0)
	a := s.openAlerts()[0]
	if _, err := s.Resolve(t.Context(), ada, []int64{a.ID}, true); err != nil {
		t.Fatal(err)
	}
	if ds := s.Decisions(); len(ds) != 1 || ds[0].ID != byHand.ID {
		t.Errorf("in force are %+v", ds)
	}
	if d := s.stored(a.Decision); d.Lifted.IsZero() {
		t.Errorf("stored is %+v", d)
	}
	s.trap("203.0.113.200")
	s.flush()
	if n := len(s.openAlerts()); n != 1 {
		t.Errorf("%d alerts are open after a new finding", n)
	}
}

func TestWhatTheBookForgotCanStillBeResolved(t *testing.T) {
	s := newScene(t)
	s.trap("203.0.113.7")
	s.trap("203.0.113.8")
	s.flush()
	alerts := s.openAlerts()
	s.book = incident.NewBook(incident.Limits{}) // as a flood of others would have it
	if _, err := s.Resolve(t.Context(), ada, []int64{alerts[0].ID}, false); err != nil {
		t.Fatal(err)
	}
	i, err := s.store.Incident(t.Context(), alerts[0].Incident)
	if err != nil || i.Status != incident.Open {
		t.Errorf("with one alert open the incident is %+v, %v", i, err)
	}
	if _, err := s.Resolve(t.Context(), ada, []int64{alerts[1].ID}, false); err != nil {
		t.Fatal(err)
	}
	if i, err = s.store.Incident(t.Context(), alerts[0].Incident); err != nil || i.Status != incident.Resolved || i.Alerts != 2 {
		t.Errorf("with all resolved the incident is %+v, %v", i, err)
	}
}

func TestChangesComeAfterWhatWasFoundBefore(t *testing.T) {
	s := newScene(t)
	s.away.hang()
	s.trap("203.0.113.7")
	d := s.Decisions()[0]
	lifted := make(chan error)
	go func() {
		_, err := s.Lift(context.WithoutCancel(t.Context()), ada, []string{d.ID})
		lifted <- err
	}()
	s.away.come()
	if err := <-lifted; err != nil {
		t.Fatal(err)
	}
	if stored := s.stored(d.ID); stored.Lifted.IsZero() {
		t.Error("the block was written over its lift")
	}
}
