package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// hammered is what is told of the decision about a client.
func (s *scene) hammered(client string) store.Hammering {
	s.t.Helper()
	d := s.decided(client)
	known, err := s.Hammering(s.t.Context(), []string{d.ID, "D-0000000000000", ""})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, is := known[d.ID]; len(known) > 1 || len(known) == 1 && !is {
		s.t.Errorf("told is %+v", known)
	}
	return known[d.ID]
}

func (s *scene) decided(client string) engine.Decision {
	s.t.Helper()
	for _, d := range s.Decisions() {
		if d.Target.String() == client {
			return d
		}
	}
	s.t.Fatalf("nothing is decided about %s", client)
	return engine.Decision{}
}

func TestWhoGoesOnAskingWhileBlockedIsCountedWithHisDecisionAndNowhereElse(t *testing.T) {
	s := newScene(t)
	s.trap("198.51.100.7")
	s.trap("198.51.100.8")
	if h := s.hammered("198.51.100.7"); h != (store.Hammering{}) {
		t.Errorf("the request that he was blocked for counts: %+v", h)
	}
	var last time.Time
	for range 120 { // more than the rate rule lets pass
		s.clock.pass(100 * time.Millisecond)
		last = s.clock.now()
		if got := s.ask("198.51.100.7", "POST", "/api/login", 401); got != 403 {
			t.Fatalf("he gets %d", got)
		}
	}
	s.clock.pass(time.Second)
	s.ask("198.51.100.9", "GET", "/api/balance", 200)
	for written := range 3 {
		if h := s.hammered("198.51.100.7"); h.Requests != 120 || !h.Last.Equal(last.Truncate(time.Millisecond)) && !h.Last.Equal(last) {
			t.Errorf("written %d times, told is %+v, want 120 until %s", written, h, last)
		}
		s.writeHammering()
	}
	if h := s.hammered("198.51.100.8"); h.Requests != 0 {
		t.Errorf("another, who stays away, has %+v", h)
	}
	if n := s.Tally().Hammering; n != 120 {
		t.Errorf("the sum is %d", n)
	}
	s.flush()
	if n := len(s.openAlerts()); n != 2 {
		t.Errorf("%d alerts are open, want the two of the decoy: hammering counts against nobody", n)
	}
	s.restart()
	s.ask("198.51.100.7", "GET", "/", 200)
	if h := s.hammered("198.51.100.7"); h.Requests != 121 {
		t.Errorf("after a restart and one more told is %+v", h)
	}
}

func TestWhatNoDecisionRefusesIsNoHammering(t *testing.T) {
	limit := newScene(t, func(c *Config) {
		terms := c.Policy.Rules[rateAbuse]
		terms.Do = 0 // refuses, and blocks nobody
		c.Policy.Rules[rateAbuse] = terms
		c.Policy.Denies = []string{"/internal"}
	})
	for range 150 {
		limit.balance("198.51.100.7")
	}
	limit.ask("198.51.100.8", "GET", "/internal", 200)
	observing := newScene(t, func(c *Config) { c.Policy.Observe = true })
	observing.place(engine.Block, "198.51.100.7/32", time.Hour)
	if got := observing.balance("198.51.100.7"); got != 200 {
		t.Fatalf("an observing gateway answers %d", got)
	}
	for about, s := range map[string]*scene{"over the limit, and where nobody may": limit, "while only observing": observing} {
		if n := s.Tally().Hammering; n != 0 {
			t.Errorf("%s: %d requests are hammering", about, n)
		}
	}
}

func TestWhoIsThrottledAndGoesOverHisLimitHammers(t *testing.T) {
	s := newScene(t)
	s.engine.Apply(engine.Decision{
		ID: engine.NewReference('D', "throttle"), Action: engine.Throttle, Target: engine.ActorOf(netip.MustParseAddr("198.51.100.7")),
		Origin: engine.ByRule, Rule: "shared", From: s.clock.now(), Until: s.clock.now().Add(time.Hour),
	})
	passed := 0
	for range 30 {
		if s.balance("198.51.100.7") == 200 {
			passed++
		}
	}
	if h := s.hammered("198.51.100.7"); passed == 0 || h.Requests != int64(30-passed) {
		t.Errorf("of 30 passed %d, and told is %+v", passed, h)
	}
}

func TestHammeringWaitsForADatabaseThatIsAway(t *testing.T) {
	s := newScene(t)
	s.trap("198.51.100.7")
	s.flush()
	for range 5 {
		s.balance("198.51.100.7")
	}
	s.away.leave()
	s.writeHammering()
	s.balance("198.51.100.7")
	if h := s.hammered("198.51.100.7"); h.Requests != 6 {
		t.Errorf("while it is away told is %+v", h)
	}
	s.writeHammering()
	s.away.come()
	s.writeHammering()
	stored, err := s.store.Hammering(t.Context(), []string{s.decided("198.51.100.7").ID})
	if err != nil || len(stored) != 1 || s.hammered("198.51.100.7").Requests != 6 {
		t.Errorf("afterwards stored is %+v, %v", stored, err)
	}
}

func TestHammeringIsBoundedWhoeverHammers(t *testing.T) {
	s := newScene(t)
	refuse := func(n int) {
		s.hammering.count(&engine.Verdict{Status: 403, Reference: engine.NewReference('D', fmt.Sprint(n))}, s.clock.now())
	}
	const many = 3 * mostHammered
	for n := range many {
		refuse(n)
	}
	held := 0
	for i := range s.hammering.parts {
		held += len(s.hammering.parts[i].since)
	}
	if held > mostHammered || held < mostHammered*9/10 || s.Tally().Hammering != many {
		t.Errorf("%d are held, and the sum is %d", held, s.Tally().Hammering)
	}
	s.writeHammering()
	refuse(many + 1)
	known, err := s.Hammering(t.Context(), []string{engine.NewReference('D', "0"), engine.NewReference('D', fmt.Sprint(many+1))})
	if err != nil || len(known) != 2 {
		t.Errorf("after it was written the first and the next have %+v, %v", known, err)
	}
}

func TestHammeringIsCountedExactlyWhileItIsWrittenAndAllocatesNothing(t *testing.T) {
	s := newScene(t)
	v := engine.Verdict{Status: 403, Reference: engine.NewReference('D', "one")}
	const hammerers, each = 8, 2000
	var all sync.WaitGroup
	for range hammerers {
		all.Go(func() {
			for range each {
				s.hammering.count(&v, s.clock.now())
			}
		})
	}
	for range 5 {
		s.writeHammering()
		known, err := s.Hammering(t.Context(), []string{v.Reference})
		if err != nil || known[v.Reference].Requests > hammerers*each {
			t.Errorf("meanwhile told is %+v, %v", known, err)
		}
	}
	all.Wait()
	known, err := s.Hammering(t.Context(), []string{v.Reference})
	if err != nil || known[v.Reference].Requests != hammerers*each {
		t.Errorf("told is %+v, %v", known, err)
	}
	if n := testing.AllocsPerRun(100, func() { s.hammering.count(&v, s.clock.now()) }); n != 0 {
		t.Errorf("allocates %v times", n)
	}
	if !strings.HasPrefix(v.Reference, "D-") {
		t.Error("references of decisions begin otherwise")
	}
}
