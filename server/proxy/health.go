package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	rise       = 2 // good checks in a row that bring a target back
	fall       = 3 // bad ones, or connections that fail, that take it out
	firstBreak = time.Second
	longBreak  = 10 * time.Second
)

// A condition is how a target does: what checks say, and whether connections can be made.
type condition struct {
	sick   atomic.Bool  // by the checks
	failed atomic.Int32 // connections in a row
	out    atomic.Int64 // until then, because of them; 0 when connections can be made
	reason atomic.Pointer[string]
	since  atomic.Int64 // of the last change, Unix nanoseconds
	said   atomic.Int64 // when the last failure was logged, as the watch counts
	good   int          // checks in a row; the checker's own
	bad    int
}

// available reports whether the target gets a request. When connections failed, one request
// per break finds out whether they still do.
func (t *target) available(now int64) bool {
	if t.sick.Load() {
		return false
	}
	until := t.out.Load()
	return until == 0 || now >= until && t.out.CompareAndSwap(until, now+int64(t.pause()))
}

// pause grows with the failures.
func (t *target) pause() time.Duration {
	return min(firstBreak<<min(max(t.failed.Load()-fall, 0), 8), longBreak)
}

// ours reports whether a connection could not be made for want of something here, which says
// nothing about the target.
func ours(err error) bool { return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) }

// unreached takes in that no connection could be made.
func (t *target) unreached(err error) {
	if ours(err) {
		if t.maySay() {
			t.p.log.Error("connect to an API: this machine has no file left for it", "upstream", t.u.Name, "target", t.url, "err", err)
		}
		return
	}
	n := t.failed.Add(1)
	if n < fall && t.maySay() {
		t.p.log.Warn("connect to an API", "upstream", t.u.Name, "target", t.url, "err", err)
	}
	if n < fall {
		return
	}
	t.out.Store(t.p.in(t.pause()))
	if n == fall {
		t.change("connections fail: "+err.Error(), false)
	}
}

// reached takes in that one could.
func (t *target) reached() {
	if t.failed.Load() == 0 {
		return
	}
	if t.failed.Swap(0) >= fall && !t.sick.Load() {
		t.change("", true)
	}
	t.out.Store(0)
}

// maySay keeps a failing API from filling the log: a line each second is enough.
func (t *target) maySay() bool {
	last, now := t.said.Load(), t.p.now.Load()
	return (last == 0 || now-last >= int64(time.Second)) && t.said.CompareAndSwap(last, max(now, 1))
}

func (t *target) change(reason string, healthy bool) {
	t.reason.Store(&reason)
	t.since.Store(time.Now().UnixNano())
	if healthy {
		t.p.log.Info("an API is back", "upstream", t.u.Name, "target", t.url)
		return
	}
	t.p.log.Warn("an API is away", "upstream", t.u.Name, "target", t.url, "reason", reason)
}

func (t *target) report() TargetHealth {
	h := TargetHealth{Upstream: t.u.Name, Target: t.url, Since: time.Unix(0, t.since.Load())}
	h.Healthy = !t.sick.Load() && t.out.Load() == 0
	if reason := t.reason.Load(); reason != nil && !h.Healthy {
		h.Reason = *reason
	}
	t.mu.Lock()
	h.Idle, h.Busy = len(t.idle), len(t.all)-len(t.idle)
	t.mu.Unlock()
	return h
}

// wait is how long a client should wait for the target.
func (t *target) wait(now int64) time.Duration {
	if t.sick.Load() {
		return t.u.HealthEvery
	}
	return time.Duration(max(t.out.Load()-now, 0))
}

// check asks for the health path again and again, each target at moments of its own.
func (t *target) check() {
	pause := time.NewTimer(t.jitter() / 10)
	defer pause.Stop()
	for {
		select {
		case <-t.p.ctx.Done():
			return
		case <-pause.C:
		}
		err := t.probe()
		if t.p.ctx.Err() != nil {
			return
		}
		t.checked(err)
		pause.Reset(t.jitter())
	}
}

func (t *target) jitter() time.Duration {
	return time.Duration(float64(t.u.HealthEvery) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // nobody gains from guessing it
}

func (t *target) checked(err error) {
	if err == nil {
		t.bad = 0
		if t.good = min(t.good+1, rise); t.good == rise && t.sick.Load() {
			t.sick.Store(false)
			t.change("", true)
		}
		t.reached()
		return
	}
	if ours(err) {
		return
	}
	t.good = 0
	if t.bad = min(t.bad+1, fall); t.bad == fall && !t.sick.Load() {
		t.sick.Store(true)
		t.change("health check: "+err.Error(), false)
	}
}

// probe asks once, on a connection of its own.
func (t *target) probe() error {
	ctx, cancel := context.WithTimeout(t.p.ctx, t.u.HealthTimeout)
	defer cancel()
	c, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	deadline, _ := ctx.Deadline()
	if err := c.net.SetDeadline(deadline); err != nil {
		return fmt.Errorf("set a deadline: %w", err)
	}
	defer context.AfterFunc(ctx, c.close)()
	ask := "GET " + t.u.HealthPath + " HTTP/1.1\r\nHost: " + t.host + "\r\nUser-Agent: Sentinel-Health\r\nConnection: close\r\n\r\n"
	if _, err := c.net.Write([]byte(ask)); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	for c.answer.reset(); ; c.answer.again() {
		if err := c.readHead(http.MethodGet); err != nil {
			return err
		}
		if c.answer.status >= 200 {
			break
		}
	}
	if c.answer.status >= 400 {
		return errors.New("it answers " + strconv.Itoa(c.answer.status))
	}
	return nil
}
