package service

import (
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
)

const (
	mostChanges = 1 << 14 // that are remembered; who missed more gets the whole list
	mostPullers = 1024    // bouncers that are remembered; the one that has been away longest goes
	atOnce      = 256     // news that are taken together
	restAfter   = 200 * time.Millisecond
)

// A feed follows what the guard tells of decisions. It remembers which targets have changed, not
// how: what holds for them now is asked of the guard when somebody wants to know, so that two
// decisions about one target are told as the one that counts. The guard never waits for it; when
// it falls behind it forgets, and every bouncer is told all once.
type feed struct {
	guard *guard.Guard
	now   func() time.Time
	log   *slog.Logger
	stop  context.CancelFunc
	done  chan struct{}

	allowed atomic.Pointer[allowed]

	mu      sync.Mutex
	begun   int64 // tells this feed from that of an earlier process
	newest  uint64
	oldest  uint64   // of the changes that are remembered
	changes []change // by number
	pullers map[string]puller
}

// A change of what bouncers are to do about a target: made or ended by a decision.
type change struct {
	target engine.Target
	by     engine.Decision
}

// A puller is a bouncer, and how far it has been told.
type puller struct {
	told uint64
	at   time.Time
}

func newFeed(g *guard.Guard, now func() time.Time, log *slog.Logger) *feed {
	f := &feed{
		guard: g, now: now, log: log, done: make(chan struct{}),
		begun: now().UnixNano(), newest: 1, oldest: 2, pullers: make(map[string]puller),
	}
	f.allowed.Store(&allowed{allowing(nil).table})
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	news := g.News().DecisionChanged.Subscribe(ctx)
	allows := f.reset()
	go f.follow(ctx, news, allows)
	return f
}

func (f *feed) close() {
	f.stop()
	<-f.done
}

// follow takes in news until ctx ends.
func (f *feed) follow(ctx context.Context, news <-chan engine.Decision, allows map[string]netip.Prefix) {
	defer close(f.done)
	for {
		for d := range news {
			some := []engine.Decision{d}
			for more := true; more && len(some) < atOnce; {
				select {
				case d, ok := <-news:
					if more = ok; ok {
						some = append(some, d)
					}
				default:
					more = false
				}
			}
			f.take(some, allows)
		}
		rest := time.NewTimer(restAfter) // it was too much, or the guard is closed
		select {
		case <-ctx.Done():
			rest.Stop()
			return
		case <-rest.C:
		}
		news = f.guard.News().DecisionChanged.Subscribe(ctx)
		allows = f.reset()
	}
}

// reset begins anew: nobody knows what was missed.
func (f *feed) reset() map[string]netip.Prefix {
	allows := make(map[string]netip.Prefix)
	f.guard.EachDecision(func(d engine.Decision) bool {
		if d.Action == engine.Allow && d.Target.Network.IsValid() {
			allows[d.ID] = d.Target.Network
		}
		return true
	})
	a := allowing(allows)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.allowed.Store(&a)
	f.newest++
	f.oldest = f.newest + 1
	f.changes = nil
	return allows
}

// take remembers what has changed by some news.
func (f *feed) take(news []engine.Decision, allows map[string]netip.Prefix) {
	before, at := *f.allowed.Load(), f.now()
	var turned []engine.Decision // allow entries that came or went
	for _, d := range news {
		if d.Action != engine.Allow || !d.Target.Network.IsValid() {
			continue
		}
		if d.InForce(at) {
			allows[d.ID] = d.Target.Network
		} else {
			delete(allows, d.ID)
		}
		turned = append(turned, d)
	}
	after := before
	if len(turned) > 0 {
		after = allowing(allows)
	}
	var changed []change
	add := func(t engine.Target, by engine.Decision) { changed = append(changed, change{t, by}) }
	for _, d := range news {
		switch {
		case !enforced(d.Action), d.Target.Account != "": // the protocol has no word for accounts
		case !d.Target.Network.IsValid():
			add(d.Target, d)
		default:
			touched(d, before, after, add)
		}
	}
	for _, d := range turned {
		for _, b := range f.across(d.Target.Network) {
			touched(b, before, after, add)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.allowed.Store(&after)
	for _, c := range changed {
		f.newest++
		if len(f.changes) < mostChanges {
			f.changes = append(f.changes, c)
			continue
		}
		f.changes = append(f.changes[1:], c)
		f.oldest++
	}
}

// touched are all networks that are, or were, told for a decision.
func touched(d engine.Decision, before, after allowed, add func(engine.Target, engine.Decision)) {
	own := d.Target.Network
	add(d.Target, d)
	for _, a := range []allowed{before, after} {
		a.parts(own, func(n netip.Prefix) bool {
			if n != own {
				add(engine.Target{Network: n}, d)
			}
			return true
		})
	}
}

// across lists the decisions that shut out somebody within a network.
func (f *feed) across(n netip.Prefix) []engine.Decision {
	var out []engine.Decision
	for _, d := range f.guard.Covering(n.Addr(), engine.Key{}) {
		if enforced(d.Action) && d.Target.Network.Bits() < n.Bits() {
			out = append(out, d)
		}
	}
	for _, d := range f.guard.Within(engine.Target{Network: n}) {
		if enforced(d.Action) {
			out = append(out, d)
		}
	}
	return out
}

// version names the state of the lists: as long as it stays, so do they.
func (f *feed) version() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strconv.FormatInt(f.begun, 36) + "-" + strconv.FormatUint(f.newest, 36)
}

// since are the changes that a bouncer was not told of yet. It says false when nobody knows any
// more, and then since when the bouncer has been away, the zero time for one that was never here.
func (f *feed) since(who string) (changed []change, upTo uint64, away time.Time, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, met := f.pullers[who]
	if !met || p.told+1 < f.oldest {
		return nil, f.newest, p.at, false
	}
	type what struct {
		target engine.Target
		action engine.Action
	}
	seen := make(map[what]int)
	for _, c := range f.changes[p.told+1-f.oldest:] {
		one := what{c.target, c.by.Action}
		if i, known := seen[one]; known {
			changed[i] = c
			continue
		}
		seen[one] = len(changed)
		changed = append(changed, c)
	}
	return changed, f.newest, p.at, true
}

// position is how far the feed has come.
func (f *feed) position() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest
}

// told remembers how far a bouncer has been told.
func (f *feed) told(who string, upTo uint64, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, met := f.pullers[who]; !met && len(f.pullers) >= mostPullers {
		oldest := who
		for name, p := range f.pullers {
			if o, known := f.pullers[oldest]; !known || p.at.Before(o.at) {
				oldest = name
			}
		}
		delete(f.pullers, oldest)
	}
	f.pullers[who] = puller{upTo, at}
}

// bouncers that are remembered.
func (f *feed) bouncers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.pullers)
}
