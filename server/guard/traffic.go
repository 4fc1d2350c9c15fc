package guard

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/store"
)

const (
	mostRows      = 1 << 14                // that wait, twice when some are being written (10 MB each); more are dropped and counted
	enoughRows    = 2000                   // to be written without waiting for more
	longestWait   = 250 * time.Millisecond // of a row before it is written
	fruitless     = 40                     // tries to write a batch that the database answers but does not take
	trafficBudget = 5 * time.Second
)

// traffic is exchanges on their way to the database. Adding never waits.
type traffic struct {
	mu     sync.Mutex
	rows   []store.Seen
	turns  []chan struct{} // of those who wait until the rows are written
	closed bool
	enough chan struct{}

	lost atomic.Int64
}

func (t *traffic) begin() { t.enough = make(chan struct{}, 1) }

func (t *traffic) add(s store.Seen) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) >= mostRows || t.closed {
		t.lost.Add(1)
		return
	}
	t.rows = append(t.rows, s)
	if len(t.rows) == enoughRows {
		t.hurry()
	}
}

// hurry lets the writer begin now.
func (t *traffic) hurry() {
	select {
	case t.enough <- struct{}{}:
	default:
	}
}

// take gives what waits to the writer, and an empty buffer to those who add.
func (t *traffic) take(empty []store.Seen) (rows []store.Seen, turns []chan struct{}, closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows, t.rows = t.rows, empty
	turns, t.turns = t.turns, nil
	return rows, turns, t.closed
}

// flush waits until what was added before is written and told.
func (t *traffic) flush(ctx context.Context) error {
	turn := make(chan struct{})
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return errClosed
	}
	t.turns = append(t.turns, turn)
	t.mu.Unlock()
	t.hurry()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for traffic to be written: %w", context.Cause(ctx))
	}
}

func (t *traffic) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.hurry()
}

// writeTraffic writes rows, and tells of them, until traffic is closed and all is written.
func (g *Guard) writeTraffic() {
	store.GiveWay()
	var p pouring
	tick := time.NewTicker(longestWait)
	defer tick.Stop()
	var giveUp <-chan time.Time
	for {
		select {
		case <-tick.C:
		case <-g.traffic.enough:
		case <-giveUp:
			g.traffic.lost.Add(int64(len(p.rows)))
			return
		}
		for g.pour(&p) {
		}
		if p.closed && len(p.rows) == 0 {
			return
		}
		if p.closed && giveUp == nil {
			giveUp = time.After(patience)
		}
	}
}

// A pouring is the writer's side of traffic.
type pouring struct {
	rows, spare []store.Seen // what is to be written; a buffer to use again
	turns       []chan struct{}
	tries       int // to write rows
	closed      bool
}

// pour writes what waits and reports whether there may be more.
func (g *Guard) pour(p *pouring) bool {
	if len(p.rows) == 0 {
		p.rows, p.turns, p.closed = g.traffic.take(p.spare)
		p.spare = nil
	}
	if len(p.rows) > 0 && !g.writeRows(p) {
		return false
	}
	more := len(p.rows) >= enoughRows
	if g.news.ExchangesSeen.Watched() && len(p.rows) > 0 {
		g.news.ExchangesSeen.Publish(slices.Clone(p.rows))
	}
	for _, turn := range p.turns {
		close(turn)
	}
	clear(p.rows) // their strings are not ours to keep
	p.spare, p.rows, p.turns = p.rows[:0], nil, nil
	return more
}

// writeRows reports whether the rows are dealt with: written, or given up because the database
// answers but does not take them.
func (g *Guard) writeRows(p *pouring) bool {
	ctx, cancel := context.WithTimeout(context.Background(), trafficBudget)
	defer cancel()
	err := g.store.WriteExchanges(ctx, p.rows)
	g.wrote(traffics, err)
	if err == nil {
		p.tries = 0
		return true
	}
	p.tries++
	if p.tries%fruitless == 0 && g.store.Ping(ctx)[traffics] == nil {
		g.traffic.lost.Add(int64(len(p.rows)))
		g.log.Error("the database refuses traffic", "rows", len(p.rows), "err", err)
		clear(p.rows)
		p.rows = p.rows[:0]
		return true
	}
	return false
}
