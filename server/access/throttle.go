package access

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A bucket lets through so many at once, and one more whenever a span has passed.
type bucket struct {
	burst, level float64
	refill       time.Duration
	at           time.Time
	told         bool // that it is empty
}

func newBucket(burst float64, refill time.Duration) *bucket {
	return &bucket{burst: burst, level: burst, refill: refill}
}

// wait is how long until there is one to take. A clock that is put back neither fills nor empties it.
func (b *bucket) wait(now time.Time) time.Duration {
	if !b.at.IsZero() {
		b.level = min(b.burst, b.level+max(0, float64(now.Sub(b.at))/float64(b.refill)))
	}
	b.at = now
	if b.level >= 1 {
		return 0
	}
	return time.Duration((1 - b.level) * float64(b.refill))
}

// take takes one, or says how long until there is one.
func (b *bucket) take(now time.Time) time.Duration {
	w := b.wait(now)
	if w == 0 {
		b.level--
	}
	return w
}

// How often somebody may try: a person who mistypes never notices, a list of passwords gets nowhere.
const (
	pairBurst, pairRefill       = 10, time.Minute      // one name from one address
	addressBurst, addressRefill = 20, 30 * time.Second // any name from one address, or IPv6 /64
	widerBurst, widerRefill     = 60, 10 * time.Second // any name from an IPv6 /48
	nameBurst, nameRefill       = 100, 6 * time.Second // one name from addresses that it never came from
)

const (
	mostBuckets = 20_000
	mostKnown   = 10_000
	looked      = 32 // buckets, for one to be given up
)

// A throttle slows down who guesses passwords. Nobody can lock somebody else out with it: an
// address from which a name has signed in before is not held up by what others do elsewhere.
type throttle struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	known   map[string]bool // a name and an address that belong together
}

func newThrottle() *throttle {
	return &throttle{buckets: map[string]*bucket{}, known: map[string]bool{}}
}

// attempt counts an attempt, unless it has to wait; first says that this address or name begins to
// have to wait just now.
func (t *throttle) attempt(now time.Time, name string, from netip.Addr) (wait time.Duration, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*bucket
	for key, b := range t.of(name, from) {
		have := t.buckets[key]
		if have == nil {
			t.makeRoom(now)
			have = b
			t.buckets[key] = b
		}
		all = append(all, have)
	}
	for _, b := range all {
		if w := b.wait(now); w > wait {
			wait, first = w, !b.told
			b.told = true
		}
	}
	if wait > 0 {
		return wait, first
	}
	for _, b := range all {
		b.level--
		b.told = false
	}
	return 0, false
}

// passed gives back what a successful attempt took, and remembers where it came from.
func (t *throttle) passed(name string, from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range t.of(name, from) {
		if b := t.buckets[key]; b != nil {
			b.level = min(b.burst, b.level+1)
		}
	}
	if len(t.known) >= mostKnown {
		clear(t.known)
	}
	t.known[pair(name, from)] = true
}

// of are the buckets, new, that an attempt has to pass.
func (t *throttle) of(name string, from netip.Addr) map[string]*bucket {
	p := pair(name, from)
	out := map[string]*bucket{"pair " + p: newBucket(pairBurst, pairRefill)}
	if t.known[p] {
		return out
	}
	out["name "+strings.ToLower(name)] = newBucket(nameBurst, nameRefill)
	out["address "+network(from)] = newBucket(addressBurst, addressRefill)
	if from.Is6() {
		if wider, err := from.Prefix(48); err == nil {
			out["wider "+wider.String()] = newBucket(widerBurst, widerRefill)
		}
	}
	return out
}

// makeRoom gives up the least suspicious of a few: whoever invents addresses can't push out the
// record of who has tried too often.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.buckets) < mostBuckets {
		return
	}
	n, best, fullest := 0, "", -1.0
	for key, b := range t.buckets {
		b.wait(now)
		if share := b.level / b.burst; share > fullest {
			best, fullest = key, share
		}
		if n++; n >= looked {
			break
		}
	}
	delete(t.buckets, best)
}

func pair(name string, from netip.Addr) string { return strings.ToLower(name) + " " + network(from) }

func network(from netip.Addr) string {
	if !from.IsValid() {
		return "here"
	}
	return engine.ActorOf(from).Network.String()
}
