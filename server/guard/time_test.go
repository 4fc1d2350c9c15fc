package guard

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// paper stands in for the store where time is not real: it remembers what it was given.
type paper struct {
	mu       sync.Mutex
	refuse   func(store.Batch) error // nil: takes everything
	unwanted error                   // answers this to traffic, though it can be asked
	broken   error                   // answers this to everything
	tries    int
	store.Batch
	rows      []store.Seen
	hammering map[string]store.Hammering
}

func (*paper) SavedRules(context.Context) ([]store.RuleVersion, error) { return nil, nil }
func (*paper) RuleModes(context.Context) ([]store.RuleMode, error)     { return nil, nil }

func (p *paper) Record(_ context.Context, b store.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries++
	if p.broken != nil {
		return p.broken
	}
	if p.refuse != nil {
		if err := p.refuse(b); err != nil {
			return err
		}
	}
	p.Alerts = append(p.Alerts, b.Alerts...)
	p.Decisions = append(p.Decisions, b.Decisions...)
	p.Audit = append(p.Audit, b.Audit...)
	return nil
}

func (p *paper) AddHammering(_ context.Context, more map[string]store.Hammering) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return p.broken
	}
	if p.hammering == nil {
		p.hammering = make(map[string]store.Hammering)
	}
	for id, h := range more {
		p.hammering[id] = p.hammering[id].And(h)
	}
	return nil
}

func (p *paper) Hammering(context.Context, []string) (map[string]store.Hammering, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.hammering), p.broken
}

func (p *paper) WriteExchanges(_ context.Context, rows []store.Seen) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := cmp.Or(p.broken, p.unwanted); err != nil {
		return err
	}
	p.rows = append(p.rows, rows...)
	return nil
}

func (*paper) SetAside() (file string, at time.Time) { return "", time.Time{} }

func (p *paper) Ping(context.Context) map[string]error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]error{database: p.broken, traffics: p.broken}
}

func (p *paper) set(err error)  { p.mu.Lock(); p.broken = err; p.mu.Unlock() }
func (p *paper) want(err error) { p.mu.Lock(); p.unwanted = err; p.mu.Unlock() }

func (*paper) EachInForce(context.Context, time.Time, func(engine.Decision) error) error { return nil }

func (*paper) Decision(context.Context, string) (engine.Decision, error) {
	return engine.Decision{}, store.ErrNotFound
}

func (*paper) Alert(context.Context, int64) (incident.Alert, error) {
	return incident.Alert{}, store.ErrNotFound
}

func (*paper) Incident(context.Context, int64) (incident.Incident, error) {
	return incident.Incident{}, store.ErrNotFound
}

func (*paper) EachIncident(context.Context, incident.Status, func(incident.Incident) error) error {
	return nil
}

func (*paper) EachDecision(context.Context, store.DecisionFilter, func(engine.Decision) error) error {
	return nil
}

func (*paper) EachAlert(context.Context, store.AlertFilter, func(incident.Alert) error) error {
	return nil
}

// inTime runs a test where time is not real, with a guard on paper.
func inTime(t *testing.T, test func(*testing.T, *scene, *paper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		g, err := open(t.Context(), Config{Policy: policy(), Seed: 1, Node: "here"}, p)
		if err != nil {
			t.Fatal(err)
		}
		s := &scene{t: t, Guard: g, clock: &clock{}}
		s.clock.at = time.Now()
		test(t, s, p)
		p.set(nil)
		if err := g.Close(); err != nil && g.outbox.lost.Load() == 0 {
			t.Error(err)
		}
	})
}

// pass lets time go by, for the guard and for the requests of the scene.
func (s *scene) pass(d time.Duration) {
	time.Sleep(d) // not real: it ends when everybody waits
	synctest.Wait()
	s.clock.pass(d)
}

func TestTrafficWaitsNoLongerThanHalfASecond(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene, p *paper) {
		s.balance("198.51.100.7")
		s.pass(500 * time.Millisecond)
		if len(p.rows) != 1 {
			t.Errorf("%d rows are written", len(p.rows))
		}
		for range enoughRows {
			s.Observe(engine.Exchange{Request: engine.Request{At: time.Now(), Client: netip.MustParseAddr("198.51.100.8")}, Status: 200})
		}
		synctest.Wait() // no time goes by
		if len(p.rows) != 1+enoughRows {
			t.Errorf("%d rows are written, want the full batch at once", len(p.rows))
		}
	})
}

func TestALostDatabaseIsTriedEverMoreSeldomAndNoticedWithoutAWrite(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene, p *paper) {
		begun := time.Now()
		p.set(errAway)
		s.pass(pingEvery)
		h := s.Health()
		if h.State != Down || h.Dependencies[0].State != Down || h.Dependencies[1].State != Degraded {
			t.Errorf("after %v health is %+v", pingEvery, h)
		}
		if since := h.Dependencies[0].Since; since.Sub(begun) > pingEvery {
			t.Errorf("away since %v", since.Sub(begun))
		}
		s.trap("198.51.100.7")
		s.pass(time.Minute)
		if p.tries < 20 || p.tries > 60 {
			t.Errorf("tried %d times in a minute", p.tries)
		}
		p.set(nil)
		s.pass(longestPause)
		if len(p.Alerts) != 1 || s.Health().Waiting != 0 {
			t.Errorf("%d alerts are written %v after the database came back", len(p.Alerts), longestPause)
		}
		s.pass(pingEvery)
		if h := s.Health(); h.State != OK {
			t.Errorf("health is %+v", h)
		}
	})
}

func TestOneThatTheDatabaseRefusesHoldsUpNoOther(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene, p *paper) {
		poison := netip.MustParseAddr("203.0.113.2")
		p.refuse = func(b store.Batch) error {
			for _, a := range b.Alerts {
				if a.Client == poison {
					return errors.New("value out of range")
				}
			}
			return nil
		}
		alerts := s.News().AlertRaised.Subscribe(t.Context())
		s.trap("198.51.100.1")
		s.trap(poison.String())
		s.trap("192.0.2.3")
		s.pass(10 * time.Second)
		for range 2 {
			if a := heard(t, "the others", alerts); a.Client == poison {
				t.Error("told of what is not written")
			}
		}
		silent(t, alerts)
		if h := s.Health(); h.FindingsLost != 1 || h.State != OK || h.Waiting != 0 {
			t.Errorf("health is %+v", h)
		}
		if len(p.Decisions) < 3 {
			t.Errorf("%d decisions are written, want all three", len(p.Decisions))
		}
	})
}

func TestAFloodThatIsTooMuchForOneWriteIsWrittenInPieces(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene, p *paper) {
		const sources, quick = 2000, 100
		p.set(errAway)
		for i := range sources {
			s.trap(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}).String())
		}
		versions := 0
		p.mu.Lock()
		p.refuse = func(b store.Batch) error {
			of := map[int64]int{}
			for _, i := range b.Incidents {
				of[i.ID]++
				versions = max(versions, of[i.ID])
			}
			if len(b.Alerts)+len(b.Decisions)+len(b.Incidents) > quick { // as a loaded machine does
				return context.DeadlineExceeded
			}
			return nil
		}
		p.mu.Unlock()
		p.set(nil)
		s.pass(time.Minute)
		written := map[int64]bool{}
		for _, a := range p.Alerts {
			written[a.ID] = true
		}
		if h := s.Health(); len(written) != sources || h.State != OK || h.Waiting != 0 || h.FindingsLost != 0 {
			t.Errorf("%d alerts of %d are written, health is %+v", len(written), sources, h)
		}
		if versions != 1 {
			t.Errorf("%d versions of one incident are written at once", versions)
		}
	})
}

func TestADatabaseThatIsTooSlowLosesNothing(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene, p *paper) {
		slow := true
		p.refuse = func(store.Batch) error {
			if slow {
				return context.DeadlineExceeded
			}
			return nil
		}
		for i := range 300 {
			s.trap(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}).String())
		}
		s.pass(5 * time.Minute)
		p.mu.Lock()
		slow = false
		p.mu.Unlock()
		s.pass(time.Minute)
		written := map[int64]bool{}
		for _, a := range p.Alerts {
			written[a.ID] = true
		}
		if h := s.Health(); len(written) != 300 || h.State != OK || h.Waiting != 0 || h.FindingsLost != 0 {
			t.Errorf("%d alerts are written, health is %+v", len(written), h)
		}
	})
}

func TestRefusedTrafficIsGivenUpInTheEndSoThatTheRestGoesOn(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene, p *paper) {
		p.want(errors.New("value out of range"))
		s.balance("198.51.100.7")
		s.pass((fruitless + 2) * longestWait)
		p.want(nil)
		s.balance("198.51.100.8")
		s.pass(time.Second)
		if len(p.rows) != 1 || s.Health().TrafficLost != 1 {
			t.Errorf("%d rows are written, health is %+v", len(p.rows), s.Health())
		}
	})
}

func TestClosingWithABrokenDatabaseSaysWhatIsLost(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene, p *paper) {
		p.set(errAway)
		s.trap("198.51.100.7")
		begun := time.Now()
		err := s.Close()
		if took := time.Since(begun); took > 2*patience {
			t.Errorf("closing took %v", took)
		}
		if h := s.Health(); err == nil || h.FindingsLost != 1 || h.TrafficLost != 1 {
			t.Errorf("got %v, %+v", err, h)
		}
		wanted := Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.7/32")}
		if _, err := s.Place(t.Context(), ada, wanted); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a closed guard takes changes: %v", err)
		}
		if err := s.Flush(t.Context()); err == nil {
			t.Error("a closed guard can be flushed")
		}
	})
}

func TestAnOperatorWhoLeavesBeforeHisTurnChangesNothing(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene, p *paper) {
		p.mu.Lock() // the database hangs
		s.trap("198.51.100.7")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		placed := make(chan error)
		go func() {
			_, err := s.Place(ctx, ada, Wanted{Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.0/24")})
			placed <- err
		}()
		// The mutex is not one of the things that let the bubble's time go by, so cancel does.
		cancel()
		if err := <-placed; !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		p.mu.Unlock()
		s.pass(time.Second)
		if ds := s.Covering(netip.MustParseAddr("203.0.113.1"), engine.Key{}); len(ds) != 0 {
			t.Errorf("in force: %+v", ds)
		}
	})
}

func TestRateLooksBackTenSeconds(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		about string
		at    []time.Duration // of the requests
		now   time.Duration
		want  float64
	}{
		{"nothing", nil, 0, 0},
		{"ten in this second", ten(500 * time.Millisecond), 900 * time.Millisecond, 1},
		{"nine seconds later", ten(0), 9 * time.Second, 1},
		{"half of the tenth second", ten(0), 10*time.Second + 500*time.Millisecond, 0.5},
		{"eleven seconds later", ten(0), 11 * time.Second, 0},
		{"one slot, another time", ten(0), 16 * time.Second, 0},
		{"late ones don't wipe out newer", append(ten(16*time.Second), 0), 16 * time.Second, 1},
		{"a clock put back goes on", append(ten(1600*time.Second), ten(0)...), 0, 1},
	} {
		t.Run(c.about, func(t *testing.T) {
			var m meter
			for _, at := range c.at {
				m.count(begin.Add(at))
			}
			if got := m.rate(begin.Add(c.now)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func ten(at time.Duration) []time.Duration {
	ts := make([]time.Duration, 10)
	for i := range ts {
		ts[i] = at
	}
	return ts
}
