package guard

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// campaign folds weak observations of so many sources that share what is rare.
func (s *scene) campaign(n int) incident.Incident {
	s.t.Helper()
	for k := range n {
		a := netip.AddrFrom4([4]byte{198, 18, byte(k), 1})
		s.outbox.add(item{finding: &engine.Finding{
			ID: "weak " + a.String(), Rule: "bare-post", Title: "Post without a page before", Severity: engine.Info, Weak: true,
			At: s.clock.now(), Actor: engine.ActorOf(a), Client: a,
			Tokens: []engine.Token{
				{Kind: engine.TokenUserAgent, Hash: 1, Label: "user agent odd", Weight: 1},
				{Kind: engine.TokenRoute, Hash: 2, Label: "POST /join_form", Weight: 1},
				{Kind: engine.TokenPayload, Hash: 3, Label: "payload links", Weight: 1},
			},
		}})
	}
	s.flush()
	p, err := s.store.Incidents(s.t.Context(), incident.Open, store.Page{First: 10})
	if err != nil || len(p.Items) != 1 {
		s.t.Fatalf("%d incidents, %v", len(p.Items), err)
	}
	return p.Items[0]
}

func TestWeakObservationsAreAnIncidentAndNoAlerts(t *testing.T) {
	s := newScene(t)
	i := s.campaign(20)
	if i.Clients != 20 || i.Weak != 20 || i.Alerts != 0 || len(s.openAlerts()) != 0 {
		t.Errorf("got %+v", i)
	}
	s.restart()
	if got, known := s.book.Incident(i.ID); !known || got.Clients != 20 {
		t.Errorf("after a restart it is %+v", got)
	}
}

func TestAFloodOfWeakObservationsIsCountedNotFolded(t *testing.T) {
	var f faint
	at := time.Unix(1_700_000_000, 0)
	n := 0
	for range 5000 {
		if f.admits(at) {
			n++
		}
	}
	if n != mostFaint || !f.admits(at.Add(time.Second)) {
		t.Errorf("%d were admitted in a second", n)
	}
}

func TestAnIncidentIsBlockedAndUndoneInOneStep(t *testing.T) {
	s := newScene(t, func(c *Config) { c.Spare = []netip.Prefix{netip.MustParsePrefix("198.18.3.0/24")} })
	s.place(engine.Block, "198.18.4.1/32", time.Hour)
	s.place(engine.Allow, "198.18.5.1/32", 0)
	i := s.campaign(20)
	done, err := s.BlockIncident(t.Context(), ada, i.ID, time.Hour)
	if err != nil || len(done.Decisions) != 17 || done.Spared != 2 || done.Before != 1 {
		t.Fatalf("%d blocked, %d spared, %d before, %v", len(done.Decisions), done.Spared, done.Before, err)
	}
	for client, want := range map[string]int{"198.18.0.1": 403, "198.18.3.1": 200, "198.18.4.1": 403, "198.18.5.1": 200, "198.18.19.1": 403} {
		if got := s.balance(client); got != want {
			t.Errorf("%s gets %d, want %d", client, got, want)
		}
	}
	s.restart()
	if _, lifted, err := s.UndoIncident(t.Context(), ada, i.ID); err != nil || len(lifted) != 17 {
		t.Fatalf("%d lifted, %v", len(lifted), err)
	}
	for client, want := range map[string]int{"198.18.0.1": 200, "198.18.4.1": 403} {
		if got := s.balance(client); got != want {
			t.Errorf("after undoing, %s gets %d, want %d", client, got, want)
		}
	}
	if a := s.audit(); a[0].Verb != "undoIncident" || a[0].Object != i.Reference() {
		t.Errorf("the audit log says %+v", a[0])
	}
	if _, err := s.BlockIncident(t.Context(), ada, 7, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown incident: %v", err)
	}
}
