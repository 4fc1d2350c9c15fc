package simulator

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// PlayOptions say how a plan is played. The zero value plays it at its own pace.
type PlayOptions struct {
	// Pace is how much faster pauses pass: 10 is ten times as fast. 0 means 1.
	Pace float64
	// Watch is told of every answer, one at a time, as it comes.
	Watch func(actor, request int, o Outcome)
}

// Play sends the requests of a plan to the target: actors side by side, each of them one request
// at a time, as a client that waits for its answers. It returns what became of them, as far as it
// came when ctx ends or the target goes away; then the error says so.
func Play(ctx context.Context, t *Target, plan Plan, opts PlayOptions) (*Played, error) {
	began := time.Now()
	clock := func() time.Duration { return time.Since(began) }
	p := &Played{Plan: plan, Outcomes: make([][]Outcome, len(plan.Actors)), Facts: make([]Facts, len(plan.Actors))}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
	)
	for i := range plan.Actors {
		wait.Go(func() {
			for n := range plan.Actors[i].Requests {
				r := &plan.Actors[i].Requests[n]
				if !pause(ctx, plan.Scenario.livePause(r.Wait, opts.Pace)) {
					return
				}
				o := t.send(ctx, r, clock)
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				p.Outcomes[i] = append(p.Outcomes[i], o)
				if opts.Watch != nil {
					opts.Watch(i, n, o)
				}
				mu.Unlock()
				if o.Status == 0 {
					stop(fmt.Errorf("%s does not answer: %s", t.base, o.Problem))
					return
				}
			}
		})
	}
	wait.Wait()
	p.Took = clock()
	return p, context.Cause(ctx)
}

// livePause is how long a player on a real clock waits where the plan says so long.
func (s *Scenario) livePause(planned time.Duration, pace float64) time.Duration {
	if longest := time.Duration(s.LongestWait) * time.Millisecond; longest > 0 && planned > longest {
		planned = longest
	}
	if pace > 0 {
		planned = time.Duration(float64(planned) / pace)
	}
	return planned
}

// pause waits, and reports whether ctx is still on.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
