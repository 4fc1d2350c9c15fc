package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	patience   = 5                      // misses in a row, and nobody asks Redis any more
	probeEvery = 500 * time.Millisecond // while nobody asks
	restless   = 5 * time.Second        // one that opens again so soon stays open as long
)

// A breaker stops asking Redis when it does not answer, so that not every request has to find out
// for itself; a probe now and then tells when it is back.
type breaker struct {
	away   atomic.Bool
	misses atomic.Int32 // in a row
	turned chan struct{}

	doubts chan struct{} // somebody has a reason to think that Redis is away

	mu      sync.Mutex
	problem string
	deaf    string // why the other nodes can't be heard
	opened  time.Time
	hold    time.Time // not to close before
}

func (b *breaker) begin() {
	b.turned, b.doubts = make(chan struct{}, 1), make(chan struct{}, 1)
}

// doubt has a probe find out.
func (b *breaker) doubt() {
	select {
	case b.doubts <- struct{}{}:
	default:
	}
}

// listens notes whether the other nodes can be heard.
func (b *breaker) listens(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.deaf
	if b.deaf = ""; err != nil {
		b.deaf = plain(err)
	}
	if (was == "") != (b.deaf == "") {
		b.tell()
	}
}

func (b *breaker) open() bool { return b.away.Load() }

// heard takes in how asking went.
func (b *breaker) heard(err error) {
	if err == nil {
		if b.misses.Load() != 0 {
			b.misses.Store(0)
		}
		return
	}
	if b.misses.Add(1) >= patience {
		b.trip(err)
	}
}

// trip opens the breaker.
func (b *breaker) trip(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problem = plain(err)
	if b.away.Load() {
		return
	}
	now := time.Now()
	if !b.opened.IsZero() && now.Sub(b.opened) < 2*restless {
		b.hold = now.Add(restless)
	}
	b.opened = now
	b.away.Store(true)
	b.tell()
}

// mend closes the breaker, unless it was restless.
func (b *breaker) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.away.Load() || time.Now().Before(b.hold) {
		return
	}
	b.misses.Store(0)
	b.problem = ""
	b.away.Store(false)
	b.tell()
}

// tell lets the watcher know that the state has changed. It runs under mu.
func (b *breaker) tell() {
	select {
	case b.turned <- struct{}{}:
	default:
	}
}

func (b *breaker) state() (shared bool, problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away.Load() {
		return false, b.problem
	}
	return b.deaf == "", b.deaf
}

// watch probes while the breaker is open, until ctx ends, and calls changed after each turn.
func (c *Cluster) watch(ctx context.Context, changed func()) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	changed()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.breaker.turned:
			changed()
			if !c.breaker.open() {
				c.again()
			}
			continue
		case <-c.breaker.doubts:
		case <-tick.C:
			if !c.breaker.open() {
				continue
			}
		}
		if err := c.probe(ctx, c.budget); err != nil {
			c.breaker.trip(err)
		} else {
			c.breaker.mend()
		}
	}
}

// probe asks what every request asks, so that a Redis that answers but can't count stays away.
func (c *Cluster) probe(ctx context.Context, limit time.Duration) error {
	_, err := c.count(ctx, tally{prefix + "probe:" + c.self, 1, time.Second, c.member()}, limit)
	return err
}
