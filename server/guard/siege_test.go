package guard

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// honest people load a page with what is drawn in.
func (s *scene) honest(people int) {
	s.t.Helper()
	for n := range people {
		who := fmt.Sprintf("10.1.%d.%d", n/250, n%250+1)
		for _, path := range []string{"/", "/style.css", "/account"} {
			s.ask(who, "GET", path, 200)
		}
		s.clock.pass(time.Second)
	}
}

func (s *scene) incidents() []incident.Incident {
	s.t.Helper()
	p, err := s.store.Incidents(s.t.Context(), incident.Open, store.Page{First: 10})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Items
}

func TestTenWhoAskOnceAndShareWhatIsRareAreAnIncident(t *testing.T) {
	s := newScene(t)
	s.honest(200)
	for n := range 10 {
		s.next++
		s.put(engine.Request{
			ID: uint64(s.clock.now().UnixMilli())<<20 | s.next, At: s.clock.now(),
			Client: netip.AddrFrom4([4]byte{198, 18, byte(20 * n), 7}), Method: "POST", Path: "/join_form", Folded: "/join_form",
			Route: "/join_form", UserAgent: "oddity/0.3 (one of ten)", Fingerprint: 77,
		}, 200)
		s.clock.pass(time.Minute)
	}
	s.flush()
	found := s.incidents()
	if len(found) != 1 || found[0].Clients != 10 || found[0].Weak != 10 || found[0].Alerts != 0 {
		t.Errorf("stored incidents: %+v", found)
	}
	if a := s.openAlerts(); len(a) != 0 {
		t.Errorf("weak observations raised %d alerts", len(a))
	}
	if n := s.Tally().Unfolded; n != 0 {
		t.Errorf("%d were not looked at", n)
	}
}

func TestWhatIsUsualIsNotLearnedWhileAGraveIncidentGoesOn(t *testing.T) {
	s := newScene(t)
	agent := func(x engine.Request) engine.Request { x.UserAgent = "browser"; return x }
	teach := func() uint64 {
		before := s.Usual().Learned
		s.next++
		s.put(agent(engine.Request{
			ID: s.next, At: s.clock.now(), Client: netip.AddrFrom4([4]byte{10, 9, byte(s.next >> 8), byte(s.next)}),
			Method: "GET", Path: "/", Folded: "/", Route: "/",
		}), 200)
		return s.Usual().Learned - before
	}
	if teach() != 1 || s.Usual().Frozen {
		t.Fatal("nothing is learned in peace")
	}
	for n := range 4 { // who walks into the same trap from one network
		s.trap(fmt.Sprintf("198.51.100.%d", n+1))
	}
	s.flush()
	if i := s.incidents(); len(i) != 1 || i[0].Score() < besieged {
		t.Fatalf("it is no grave incident: %+v", i)
	}
	if teach() != 0 || !s.Usual().Frozen {
		t.Error("it learns during an attack")
	}
	s.restart()
	if !s.Usual().Frozen || teach() != 0 {
		t.Error("after a restart it learns during the attack")
	}
	p := s.Policy()
	p.Clients *= 2
	if err := s.Revise(p); err != nil || !s.Usual().Frozen {
		t.Errorf("under another policy it learns during the attack: %v", err)
	}
	s.clock.pass(siegeFor)
	teach()
	if teach() != 1 || s.Usual().Frozen {
		t.Error("it does not learn an hour after the attack")
	}
}

func TestResolvingAGraveIncidentLetsWhatIsUsualBeLearned(t *testing.T) {
	s := newScene(t)
	for n := range 4 {
		s.trap(fmt.Sprintf("198.51.100.%d", n+1))
	}
	s.flush()
	if !s.Usual().Frozen {
		t.Fatal("it learns during an attack")
	}
	var ids []int64
	for _, a := range s.openAlerts() {
		ids = append(ids, a.ID)
	}
	if _, err := s.Resolve(t.Context(), ada, ids, false); err != nil {
		t.Fatal(err)
	}
	if s.Usual().Frozen {
		t.Error("it does not learn although nothing goes on")
	}
}
