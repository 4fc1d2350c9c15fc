package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
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
	if err != nil || len(done.Decisions) != 17 || len(done.Spared) != 2 || done.Before != 1 {
		t.Fatalf("%d blocked, %v spared, %d before, %v", len(done.Decisions), done.Spared, done.Before, err)
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

// grave adds what makes the score of a campaign as high as it gets.
func (s *scene) grave(n int) incident.Incident {
	s.t.Helper()
	for _, rule := range []string{"injection", "success-after-spray", "credential-stuffing"} {
		for k := range n {
			a := netip.AddrFrom4([4]byte{198, 18, byte(k), 1})
			s.outbox.add(item{finding: &engine.Finding{
				ID: rule + a.String(), Rule: rule, Title: "Grave", Severity: engine.Critical, At: s.clock.now(), Actor: engine.ActorOf(a), Client: a,
				Tokens: []engine.Token{
					{Kind: engine.TokenUserAgent, Hash: 1, Label: "user agent odd", Weight: 1},
					{Kind: engine.TokenRoute, Hash: 2, Label: "POST /join_form", Weight: 1},
					{Kind: engine.TokenPayload, Hash: 3, Label: "payload links", Weight: 1},
				},
			}})
		}
	}
	s.flush()
	p, err := s.store.Incidents(s.t.Context(), incident.Open, store.Page{First: 10})
	if err != nil || len(p.Items) != 1 || p.Items[0].Score() < incident.Propose {
		s.t.Fatalf("%+v, %v", p.Items, err)
	}
	return p.Items[0]
}

func blockFrom(score int) func(*Config) {
	return func(c *Config) { c.Policy.Incidents.From = score }
}

func (s *scene) gets(want map[string]int) {
	s.t.Helper()
	for client, status := range want {
		if got := s.balance(client); got != status {
			s.t.Errorf("%s gets %d, want %d", client, got, status)
		}
	}
}

func TestNobodyIsBlockedForAScoreUnlessThePolicySaysSo(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"by default": func(*Config) {},
		"while the gateway observes": func(c *Config) {
			c.Policy.Incidents.From, c.Policy.Observe = 90, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, change)
			s.grave(6)
			if ds := s.Decisions(); len(ds) != 0 {
				t.Errorf("decided %v", ds)
			}
		})
	}
}

func TestAGraveIncidentBlocksItsSourcesAndTheReceiptNamesIt(t *testing.T) {
	s := newScene(t, blockFrom(90), func(c *Config) {
		c.Spare = []netip.Prefix{netip.MustParsePrefix("198.18.3.0/24")}
		c.Policy.Crawlers, _ = engine.ParseCrawlers("ours examplebot 198.18.2.0/24")
	})
	s.SpareUntil(netip.MustParseAddr("198.18.4.1"), s.clock.now().Add(time.Hour))
	s.place(engine.Allow, "198.18.5.1/32", 0)
	i := s.grave(8)
	s.gets(map[string]int{"198.18.0.1": 403, "198.18.1.1": 403, "198.18.2.1": 200, "198.18.3.1": 200, "198.18.4.1": 200, "198.18.5.1": 200, "198.18.7.1": 403})
	ds := s.Covering(netip.MustParseAddr("198.18.0.1"), engine.Key{})
	if len(ds) != 1 || ds[0].Origin != engine.ByRule || ds[0].Rule != IncidentRule || !strings.HasPrefix(ds[0].Reason, i.Reference()) ||
		ds[0].Until.Sub(ds[0].From) != time.Hour {
		t.Fatalf("decided %+v", ds)
	}
	if stored := s.stored(ds[0].ID); stored.Reason != ds[0].Reason {
		t.Errorf("written is %+v", stored)
	}
	receipt, err := s.store.Receipt(t.Context(), ds[0].Finding)
	if again := receipt.Recount(); err != nil || !again.Fires || !again.Proven || receipt.Limit != 89 || receipt.Count < 90 || !strings.Contains(receipt.Unless, "below 90") {
		t.Errorf("from its receipt %+v it is judged again as %+v, %v", receipt, again, err)
	}
	s.clock.pass(time.Minute)
	s.grave(9)
	s.gets(map[string]int{"198.18.8.1": 403}) // who joins it later
}

func TestAnIncidentThatWasUndoneBlocksNobodyAnyMore(t *testing.T) {
	s := newScene(t, blockFrom(90))
	i := s.grave(6)
	if _, lifted, err := s.UndoIncident(t.Context(), ada, i.ID); err != nil || len(lifted) != 6 {
		t.Fatalf("%d lifted, %v", len(lifted), err)
	}
	s.grave(7)
	s.gets(map[string]int{"198.18.0.1": 200, "198.18.6.1": 200})
	s.stop()
	s.start(blockFrom(90))
	s.clock.pass(time.Minute)
	s.grave(8)
	s.gets(map[string]int{"198.18.0.1": 200, "198.18.7.1": 200})
}

func TestWhoIsSharedWithHonestPeopleIsNotBlockedWithAnIncident(t *testing.T) {
	s := newScene(t)
	s.ask("198.18.1.1", "GET", "/api/balance", 401) // the API looks at who asks
	for range 3 {
		for n := range 6 {
			r := engine.Request{
				At: s.clock.now(), Client: netip.MustParseAddr("198.18.0.1"), Method: "GET", Path: "/api/balance", Folded: "/api/balance", Route: "/api/balance",
				Account: fmt.Sprint("clerk", n),
			}
			s.put(r, 200)
		}
		s.clock.pass(45 * time.Minute)
	}
	i := s.grave(4)
	done, err := s.BlockIncident(t.Context(), ada, i.ID, time.Hour)
	if err != nil || len(done.Decisions) != 3 || len(done.Spared) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if who := done.Spared[0]; who.Target.String() != "198.18.0.1" || who.Why != "is used by several accounts or keys with a good history" {
		t.Errorf("spared is %+v", who)
	}
	s.gets(map[string]int{"198.18.0.1": 200, "198.18.2.1": 403})
}
