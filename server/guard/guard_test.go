package guard

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/live"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func TestWhatTripsARuleIsInForceAtOnceAndWrittenBeforeItIsTold(t *testing.T) {
	s := newScene(t)
	alerts, decisions := s.News().AlertRaised.Subscribe(t.Context()), s.News().DecisionChanged.Subscribe(t.Context())
	s.trap("198.51.100.7")
	if got := s.balance("198.51.100.7"); got != 403 {
		t.Errorf("the next request gets %d", got)
	}
	a := heard(t, "the alert", alerts)
	if stored, err := s.store.Alert(t.Context(), a.ID); err != nil || stored.Finding != a.Finding {
		t.Errorf("told, but the database has %+v, %v", stored, err)
	}
	d := heard(t, "the decision", decisions)
	if stored := s.stored(d.ID); stored.By != "here" || stored.Until.IsZero() || d.By != "here" {
		t.Errorf("told of %+v, the database has %+v", d, stored)
	}
	if a.Decision != d.ID || a.Severity != engine.Critical || a.Client != netip.MustParseAddr("198.51.100.7") {
		t.Errorf("the alert is %+v", a)
	}
}

func TestFurtherFindingsChangeTheAlertAndRelatedOnesMakeAnIncident(t *testing.T) {
	s := newScene(t)
	changed, incidents := s.News().AlertChanged.Subscribe(t.Context()), s.News().IncidentChanged.Subscribe(t.Context())
	s.trap("198.51.100.7")
	s.flush()
	first := s.openAlerts()[0]
	s.clock.pass(2 * time.Hour) // the block has ended
	s.trap("198.51.100.7")
	if a := heard(t, "the change", changed); a.ID != first.ID || a.Findings != 2 {
		t.Errorf("got %+v", a)
	}
	s.trap("198.51.100.8")
	i := heard(t, "the incident", incidents)
	if i.Alerts != 2 || !strings.HasPrefix(i.Shared, "network 198.51.100.0/24, ") {
		t.Errorf("got %+v", i)
	}
	s.flush()
	if stored, err := s.store.Incident(t.Context(), i.ID); err != nil || !reflect.DeepEqual(stored, i) {
		t.Errorf("the database has %+v, %v, told was %+v", stored, err, i)
	}
	for _, a := range s.openAlerts() {
		if a.Incident != i.ID {
			t.Errorf("%s is not of the incident", a.Reason)
		}
	}
}

func TestARestartForgetsNothingThatWasTold(t *testing.T) {
	s := newScene(t)
	s.trap("198.51.100.7")
	s.trap("198.51.100.8")
	byHand := s.place(engine.Block, "203.0.113.0/24", 0)
	s.flush()
	before := s.openAlerts()
	s.restart()
	if got := s.balance("198.51.100.7"); got != 403 {
		t.Errorf("after the restart the blocked client gets %d", got)
	}
	if got := s.balance("203.0.113.9"); got != 403 {
		t.Errorf("after the restart the blocked network gets %d", got)
	}
	if ds := s.Decisions(); len(ds) != 3 {
		t.Errorf("%d decisions are in force, want 3", len(ds))
	}
	if _, err := s.Lift(t.Context(), ada, []string{byHand.ID}); err != nil {
		t.Error(err)
	}
	s.clock.pass(61 * time.Minute)
	s.trap("198.51.100.7")
	s.flush()
	if after := s.openAlerts(); len(after) != len(before) {
		t.Errorf("%d alerts are open, want the %d of before: findings go on merging", len(after), len(before))
	}
}

// Deciding and observing go on while every write hangs: if they waited, this would not end.
func TestAStuckDatabaseHoldsUpNoRequest(t *testing.T) {
	s := newScene(t)
	s.away.hang()
	for n := range 500 {
		client := fmt.Sprintf("198.51.%d.%d", n/200, n%200)
		if n%5 == 0 {
			s.trap(client)
			continue
		}
		if got := s.balance(client); got != 200 {
			t.Fatalf("request %d gets %d", n, got)
		}
	}
	if got := s.balance("198.51.0.0"); got != 403 {
		t.Errorf("a decision is not in force while it can't be written: %d", got)
	}
	s.away.come()
	s.flush()
	if n := len(s.openAlerts()); n != 100 {
		t.Errorf("%d alerts were written in the end, want 100", n)
	}
}

func TestNothingIsToldThatIsNotWrittenAndNothingIsLostMeanwhile(t *testing.T) {
	s := newScene(t)
	alerts, decisions := s.News().AlertRaised.Subscribe(t.Context()), s.News().DecisionChanged.Subscribe(t.Context())
	health := s.News().HealthChanged.Subscribe(t.Context())
	s.away.leave()
	since := s.clock.now()
	const clients = 150 // more than fit in one transaction
	for n := range clients {
		s.trap(fmt.Sprintf("198.51.100.%d", n))
	}
	eventually(t, "several tries", func() bool { return s.away.tried() > 3 })
	silent(t, alerts)
	silent(t, decisions)
	if got := s.balance("198.51.100.1"); got != 403 {
		t.Errorf("the decision is not in force: %d", got)
	}
	h := heard(t, "the loss", health)
	if d := h.Dependencies[0]; h.State != Down || d.Name != "database" || d.State != Down || !d.Since.Equal(since) || d.Detail == "" {
		t.Errorf("health is %+v", h)
	}
	if n := s.Health().Waiting; n < clients {
		t.Errorf("%d wait, want at least %d", n, clients)
	}

	s.clock.pass(time.Minute)
	s.away.come()
	for n := range clients {
		want := fmt.Sprintf("198.51.100.%d", n)
		if a := heard(t, "alert "+want, alerts); a.Client.String() != want {
			t.Fatalf("alert %d is about %s, want them in order", n, a.Client)
		}
	}
	eventually(t, "health is good again", func() bool { return s.Health().State == OK })
	s.flush()
	if h := s.Health(); h.FindingsLost != 0 || h.Waiting != 0 || !h.Dependencies[0].Since.Equal(s.clock.now()) {
		t.Errorf("health is %+v", h)
	}
	recovered := false
	for _, e := range s.audit() {
		recovered = recovered || e.Actor == "system" && e.Verb == "recover" && e.Object == "database"
	}
	if !recovered {
		t.Errorf("the audit log does not say from when to when: %+v", s.audit())
	}
}

func TestWhatFindsNoRoomIsCounted(t *testing.T) {
	s := newScene(t)
	s.away.leave()
	f := engine.Finding{ID: "1", Rule: "honeypot", At: s.clock.now(), Actor: engine.ActorOf(netip.MustParseAddr("198.51.100.7"))}
	for range mostItems + mostWrite + 100 {
		s.outbox.add(item{finding: &f})
	}
	if lost := s.Health().FindingsLost; lost < 100 || lost > 100+mostWrite {
		t.Errorf("%d are counted as lost, want at least 100", lost)
	}
	eventually(t, "health says so", func() bool {
		return strings.Contains(s.Health().Dependencies[0].Detail, "are lost")
	})
	s.outbox.mu.Lock()
	s.outbox.queue, s.outbox.bytes = nil, 0 // the rest of this test need not write them all
	s.outbox.mu.Unlock()
}

func TestASlowSubscriberHarmsNobody(t *testing.T) {
	s := newScene(t)
	slow := s.News().AlertRaised.Subscribe(t.Context())
	for n := range live.Queue + 50 {
		s.trap(fmt.Sprintf("198.51.%d.%d", n/200, n%200))
	}
	quick := s.News().DecisionChanged.Subscribe(t.Context())
	s.flush()
	s.trap("203.0.113.7")
	heard(t, "a decision", quick)
	s.flush()
	n := 0
	for range slow { // ends: he is hung up on
		n++
	}
	if n != live.Queue {
		t.Errorf("the slow one heard %d, want the %d that were queued", n, live.Queue)
	}
	if got := len(s.openAlerts()); got != live.Queue+51 {
		t.Errorf("%d alerts are written", got)
	}
}

func TestTrafficIsWrittenInBatchesAndTold(t *testing.T) {
	s := newScene(t)
	seen := s.News().ExchangesSeen.Subscribe(t.Context())
	s.place(engine.Monitor, "198.51.100.9/32", 0)
	for n := range 20 {
		s.balance(fmt.Sprintf("198.51.100.%d", n))
	}
	s.flush()
	told := map[string]bool{}
	for len(told) < 20 {
		for _, x := range heard(t, "traffic", seen) {
			told[x.Client.String()] = x.Monitored
		}
	}
	for client, monitored := range told {
		if monitored != (client == "198.51.100.9") {
			t.Errorf("%s is monitored: %v", client, monitored)
		}
	}
	rows, err := s.store.Exchanges(t.Context(), store.ExchangeFilter{}, store.Page{First: 100})
	if err != nil || len(rows.Items) != 20 {
		t.Errorf("%d rows are written, %v", len(rows.Items), err)
	}
}

func TestTrafficThatFindsNoRoomIsDroppedAndCounted(t *testing.T) {
	s := newScene(t)
	s.away.hang()
	x := engine.Exchange{Request: engine.Request{At: s.clock.now(), Client: netip.MustParseAddr("198.51.100.7")}, Status: 200}
	const sent = 3 * mostRows
	for n := range sent {
		x.ID = uint64(x.At.UnixMilli())<<20 | uint64(n)
		s.Observe(x)
	}
	lost := s.Health().TrafficLost
	if lost < sent-2*mostRows || lost > sent-mostRows {
		t.Errorf("%d of %d are lost; at most two buffers can wait", lost, sent)
	}
	s.away.come()
	s.flush()
	st, err := s.store.Stats(t.Context(), s.clock.now().Add(-time.Minute), s.clock.now().Add(time.Minute))
	if err != nil || st.Requests != sent-lost {
		t.Errorf("%d are written, %d counted as lost, of %d: %v", st.Requests, lost, sent, err)
	}
}

func TestAnOrderlyStopWritesEverything(t *testing.T) {
	s := newScene(t)
	for n := range 30 {
		s.trap(fmt.Sprintf("198.51.100.%d", n))
		s.balance(fmt.Sprintf("203.0.113.%d", n))
	}
	s.restart()
	if n := len(s.openAlerts()); n != 30 {
		t.Errorf("%d alerts after the stop, want 30", n)
	}
	st, err := s.store.Stats(t.Context(), s.clock.now().Add(-time.Hour), s.clock.now().Add(time.Hour))
	if err != nil || st.Requests != 60 {
		t.Errorf("%d exchanges after the stop, want 60: %v", st.Requests, err)
	}
}

func TestFlushGivesUpWithItsContext(t *testing.T) {
	s := newScene(t)
	s.away.leave()
	s.trap("198.51.100.7")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Flush(ctx); err == nil {
		t.Error("flushed what can't be written")
	}
}

func TestWhatEndsByItselfIsToldOnce(t *testing.T) {
	s := newScene(t)
	s.trap("198.51.100.7")
	s.flush()
	decisions := s.News().DecisionChanged.Subscribe(t.Context())
	s.clock.pass(61 * time.Minute)
	d := heard(t, "the end", decisions)
	if d.InForce(s.clock.now()) || !d.Lifted.IsZero() || d.By != "here" {
		t.Errorf("told of %+v", d)
	}
	s.expire()
	s.flush()
	silent(t, decisions)
	if got := s.balance("198.51.100.7"); got != 200 {
		t.Errorf("after the block the client gets %d", got)
	}
}

func TestTheAlertThatIsToldIsTheOneThatIsStored(t *testing.T) {
	s := newScene(t)
	alerts := s.News().AlertRaised.Subscribe(t.Context())
	for range 6 {
		s.ask("2001:db8::7", "GET", "/api/balance", 401)
	}
	told := heard(t, "the alert", alerts)
	stored, err := s.store.Alert(t.Context(), told.ID)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%+v", told) != fmt.Sprintf("%+v", stored) {
		t.Errorf("told   %+v\nstored %+v", told, stored)
	}
	if told.Count != 6 || len(told.Times) == 0 || told.Status != incident.Open {
		t.Errorf("told %+v", told)
	}
}

func TestTrafficThatBeganAnewIsShownForAnHour(t *testing.T) {
	s := newScene(t)
	s.stop()
	if err := os.WriteFile(filepath.Join(s.dir, "traffic.db"), []byte("this is no database, and long enough to be read as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	traffic := func() Dependency {
		for _, d := range s.Health().Dependencies {
			if d.Name == traffics {
				return d
			}
		}
		t.Fatal("nothing is said of traffic")
		return Dependency{}
	}
	if d := traffic(); d.State != Degraded || !strings.Contains(d.Detail, "kept as") || s.Health().State != Degraded {
		t.Errorf("a damaged file is shown as %v %q", d.State, d.Detail)
	}
	s.clock.pass(2 * time.Hour)
	if d := traffic(); d.State != OK || d.Detail != "" {
		t.Errorf("two hours later: %v %q", d.State, d.Detail)
	}
}
