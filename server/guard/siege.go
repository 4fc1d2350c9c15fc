package guard

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// What is usual is not learned while an incident of such a score goes on, and it does until nothing
// of it was found for so long: else whoever attacks patiently would teach that he is usual.
const (
	besieged = incident.Challenge
	siegeFor = time.Hour
)

// siege knows until when attacks go on.
type siege struct {
	until atomic.Int64 // the last of the ends, in milliseconds; 0 while what is usual is learned

	mu   sync.Mutex
	ends map[int64]time.Time // by incident
}

// besiege takes in incidents as they are now.
func (g *Guard) besiege(incidents []incident.Incident) {
	if len(incidents) == 0 {
		return
	}
	s := &g.siege
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range latest(incidents, func(i incident.Incident) int64 { return i.ID }) {
		if i.Status == incident.Open && i.Score() >= besieged {
			if s.ends == nil {
				s.ends = make(map[int64]time.Time)
			}
			s.ends[i.ID] = i.Last.Add(siegeFor)
		} else {
			delete(s.ends, i.ID)
		}
	}
	g.freeze()
}

// relieve goes on learning when the last attack is over at that time.
func (g *Guard) relieve(at time.Time) {
	s := &g.siege
	if until := s.until.Load(); until == 0 || at.UnixMilli() < until {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, end := range s.ends {
		if !at.Before(end) {
			delete(s.ends, id)
		}
	}
	g.freeze()
}

// freeze the engine's idea of what is usual, or let it go on learning. Whoever calls it has locked the siege.
func (g *Guard) freeze() {
	var until int64
	for _, end := range g.siege.ends {
		until = max(until, end.UnixMilli())
	}
	g.siege.until.Store(until)
	if m := g.engine.Anomaly(); m != nil {
		m.Freeze(until != 0)
	}
}

// refreeze does so under another policy, where there may be another model.
func (g *Guard) refreeze() {
	g.siege.mu.Lock()
	defer g.siege.mu.Unlock()
	g.freeze()
}

// A Usual is what the engine knows of usual behaviour: see package anomaly.
type Usual struct {
	On        bool // somebody looks for what is unusual
	Warm      bool // enough was learned to tell
	Frozen    bool // nothing is learned while an attack goes on
	Learned   uint64
	Threshold float64  // of a client's score; 0 before a whole day was seen
	Followed  int      // clients today
	Raised    int      // alerts today
	Drifting  []string // what is not what it was, since a day at most
}

// Usual is told from memory.
func (g *Guard) Usual() Usual {
	m := g.engine.Anomaly()
	if m == nil {
		return Usual{}
	}
	s := m.State()
	return Usual{
		On: true, Warm: s.Warm, Frozen: s.Frozen, Learned: s.Events, Threshold: s.Threshold,
		Followed: s.Actors, Raised: s.Alerts, Drifting: s.Drifting,
	}
}

// Inventory lists what the API serves, by route and method.
func (g *Guard) Inventory() []engine.Endpoint { return g.engine.Inventory() }
