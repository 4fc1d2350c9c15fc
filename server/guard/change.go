package guard

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A plan says what to write for an operator, and what to do once it is written.
type plan func(context.Context, *draft) (made func(), err error)

// A change is what an operator waits for. It is made when its turn comes, unless he has gone by
// then.
type change struct {
	ctx  context.Context //nolint:containedctx // of the one who waits while this is in the queue
	plan plan
	turn atomic.Bool // taken by whoever comes first: the outbox, or the operator who leaves
	done chan error
}

// change has something written after all that was found before, and makes it true. It answers
// an error of plan as it is; nothing has changed then.
func (g *Guard) change(ctx context.Context, p plan) error {
	c := &change{ctx: ctx, plan: p, done: make(chan error, 1)}
	if !g.outbox.add(item{change: c}) {
		return unavailable(errClosed)
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		if c.turn.CompareAndSwap(false, true) {
			return unavailable(context.Cause(ctx))
		}
		return <-c.done // it is being written: the answer is near, and must be true
	}
}

func unavailable(err error) error { return fmt.Errorf("%w (%w)", ErrUnavailable, err) }

func (c *change) refuse(err error) {
	if c.turn.CompareAndSwap(false, true) {
		c.done <- err
	}
}

// carryOut makes a change: it is written, then true, then told, then answered.
func (g *Guard) carryOut(c *change) {
	if !c.turn.CompareAndSwap(false, true) {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, writeTimeout)
	defer cancel()
	d := newDraft()
	made, err := c.plan(ctx, d)
	if err != nil {
		if _, wrong := errors.AsType[engine.Invalid](err); !wrong && !errors.Is(err, store.ErrNotFound) {
			err = unavailable(err)
		}
		c.done <- err
		return
	}
	if err := g.write(d); err != nil {
		if !errors.Is(err, store.ErrStale) {
			err = unavailable(err)
		}
		c.done <- err
		return
	}
	made()
	g.besiege(d.Incidents)
	g.tell(d)
	c.done <- nil
}

// milli is a time as it is stored.
func milli(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
