package guard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// What the outbox keeps while the database is away: enough for a long outage, and no more
// than a small machine can spare.
const (
	mostItems = 100_000
	mostBytes = 128 << 20
	perWrite  = 64    // items in one transaction; news of many more would flood those who listen
	mostWrite = 2_000 // in a flood: to be written soon matters more than to be heard one by one
)

var errClosed = errors.New("the guard is closed")

// An item waits to be written and told. One of its fields is set.
type item struct {
	finding *engine.Finding   // to be folded
	heard   *engine.Decision  // from another node, in force already
	ended   []engine.Decision // by themselves: only to be told
	audit   *store.Entry
	change  *change       // of an operator who waits for the answer
	flushed chan struct{} // of somebody who waits until it is its turn
}

// awaited items are taken one by one, and always find room.
func (i *item) awaited() bool { return i.change != nil || i.flushed != nil }

func (i *item) size() int {
	const fixed = 700
	if i.finding == nil {
		return fixed
	}
	const token = 100
	shows := i.finding.Evidence()
	return fixed + len(i.finding.Reason) + len(i.finding.Path) + 24*len(i.finding.Times) + shows.Size() + token*len(i.finding.Tokens)
}

// An outbox is what waits to be written, in order. Adding never waits.
type outbox struct {
	mu     sync.Mutex
	queue  []item
	bytes  int // of the queue
	held   int // items taken out of the queue and not written yet
	asking int // operators' changes in the queue
	closed bool
	wake   chan struct{}

	lost atomic.Int64 // items that found no room, or were left when the guard closed
}

func (o *outbox) begin() { o.wake = make(chan struct{}, 1) }

// add appends an item, and reports whether it was taken: what finds no room is counted as lost.
func (o *outbox) add(i item) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := i.size()
	switch full := len(o.queue) >= mostItems || o.bytes+size > mostBytes; {
	case o.closed:
		return false
	case full && !i.awaited():
		o.lost.Add(1)
		return false
	case i.change != nil:
		o.asking++
	}
	o.queue = append(o.queue, i)
	o.bytes += size
	o.rouse()
	return true
}

// roomy reports whether there is room to spare: what says nothing by itself must never leave an
// alert without any.
func (o *outbox) roomy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) < mostItems/4 && o.bytes < mostBytes/4
}

func (o *outbox) rouse() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take moves the oldest items out of the queue: those that are written together, or one that
// is awaited. What was taken counts as waiting until the next call.
func (o *outbox) take() []item {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, most := 0, min(len(o.queue), max(perWrite, min(len(o.queue)/4, mostWrite)))
	for n < most && !o.queue[n].awaited() {
		n++
	}
	if n == 0 {
		n = min(len(o.queue), 1)
	}
	taken := o.queue[:n:n]
	if o.queue = o.queue[n:]; len(o.queue) == 0 {
		o.queue = nil // and let go of what a flood has left behind
	}
	for k := range taken {
		o.bytes -= taken[k].size()
		if taken[k].change != nil {
			o.asking--
		}
	}
	o.held = n
	return taken
}

// refuse answers every operator who waits: his change would have to come after what can't be
// written now.
func (o *outbox) refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := o.queue[:0]
	for _, i := range o.queue {
		if i.change == nil {
			rest = append(rest, i)
			continue
		}
		o.bytes -= i.size()
		i.change.refuse(err)
	}
	clear(o.queue[len(rest):])
	o.queue, o.asking = rest, 0
}

// urgent reports whether somebody waits for an answer.
func (o *outbox) urgent() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asking > 0 || o.closed
}

func (o *outbox) waiting() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return int64(o.held + len(o.queue))
}

// holds reports whether something was taken out and is not written yet.
func (o *outbox) holds() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.held > 0
}

// flush waits until what was added before is written and told.
func (o *outbox) flush(ctx context.Context) error {
	turn := make(chan struct{})
	if !o.add(item{flushed: turn}) {
		return errClosed
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for what is to be written: %w", context.Cause(ctx))
	}
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.rouse()
}

const (
	writeTimeout = 5 * time.Second
	firstPause   = 50 * time.Millisecond // after a write that failed; then twice as long
	longestPause = 2 * time.Second
	patience     = 5 * time.Second // with a broken database, while closing
	poisoned     = 8               // failures in a row after which the draft itself may be at fault
)

// writeOutbox writes what waits, and tells it, until the outbox is closed and empty. While the
// database fails it tries again and again, ever more seldom, but at once for an operator.
func (g *Guard) writeOutbox() {
	var unwritten *draft
	failures := 0
	retry := time.NewTimer(0)
	<-retry.C
	defer retry.Stop()
	var giveUp <-chan time.Time
	for {
		due := false
		select {
		case <-g.outbox.wake:
		case <-retry.C:
			due = true
		case <-giveUp:
			g.abandon()
			return
		}
		if unwritten != nil && !due && !g.outbox.urgent() {
			continue
		}
		for {
			if unwritten == nil {
				items := g.outbox.take()
				if len(items) == 0 {
					break
				}
				if unwritten = g.fold(items); unwritten == nil {
					continue // it was awaited, and is done
				}
			}
			if err := g.write(unwritten); err != nil {
				failures++
				slow := errors.Is(err, context.DeadlineExceeded) && unwritten.things() > perWrite // the same again would take as long
				if (slow || failures%poisoned == 0) && g.salvage(unwritten) {
					unwritten = nil
					continue
				}
				g.outbox.refuse(unavailable(err))
				retry.Reset(min(firstPause<<min(failures-1, 10), longestPause))
				break
			}
			failures = 0
			g.tell(unwritten)
			unwritten = nil
		}
		if g.outbox.over() {
			if unwritten == nil {
				return
			}
			if giveUp == nil {
				giveUp = time.After(patience)
			}
		}
	}
}

// over reports whether nothing more will come.
func (o *outbox) over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// abandon counts what a broken database did not take until the end.
func (g *Guard) abandon() {
	g.outbox.mu.Lock()
	defer g.outbox.mu.Unlock()
	left := len(g.outbox.queue) + g.outbox.held
	g.outbox.queue, g.outbox.held = nil, 0
	g.outbox.lost.Add(int64(left))
	g.unwritten = fmt.Errorf("%d findings and decisions could not be written before the end", left)
}

// write puts a draft into the database.
func (g *Guard) write(d *draft) error {
	if d.empty() {
		return nil
	}
	// Each finding of a flood leaves a version of an incident, with up to a thousand sources.
	d.Incidents = latest(d.Incidents, func(i incident.Incident) int64 { return i.ID })
	err := g.record(d.Batch)
	if errors.Is(err, store.ErrStale) {
		return err // the database is well
	}
	g.wrote(database, err)
	return err
}
