package cluster

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	redis "github.com/redis/go-redis/v9"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const (
	channel     = prefix + "decisions"
	perSend     = 100
	sendTimeout = time.Second
	silent      = 3 * time.Second // without news before the other end is asked whether it is there
	answerTime  = 2 * time.Second
	listenAgain = 500 * time.Millisecond
	tellAgain   = 2 * time.Second        // at the most, everything
	chunkEvery  = 100 * time.Millisecond // of everything, so that nobody is flooded: a thousand a second
)

// Announce tells the other nodes of a decision that was made, renewed or lifted. It never
// waits; what can't be told now is told when Redis is back.
func (c *Cluster) Announce(d engine.Decision) {
	select {
	case c.outgoing <- d:
	default:
		c.again()
	}
}

// again has everything told once more.
func (c *Cluster) again() {
	select {
	case c.missed <- struct{}{}:
	default:
	}
}

// Run listens to the other nodes until ctx ends. It calls heard for each decision that one of
// them announces, tells them what known returns whenever somebody may have missed something,
// and calls changed when State has; each in one goroutine at a time.
func (c *Cluster) Run(ctx context.Context, heard func(engine.Decision), known func() []engine.Decision, changed func()) {
	var all sync.WaitGroup
	all.Go(func() { c.watch(ctx, changed) })
	all.Go(func() { c.listen(ctx, heard) })
	all.Go(func() { c.speak(ctx) })
	all.Go(func() { c.repeat(ctx, known) })
	all.Go(func() { c.catchUp(ctx) })
	all.Wait()
}

// listen subscribes, again and again when the connection is lost.
func (c *Cluster) listen(ctx context.Context, heard func(engine.Decision)) {
	for ctx.Err() == nil {
		if err := c.subscription(ctx, heard); ctx.Err() == nil {
			c.breaker.listens(err)
			c.breaker.doubt()
		}
		sleep(ctx, listenAgain)
	}
}

// subscription hands on what is heard until the connection is lost.
func (c *Cluster) subscription(ctx context.Context, heard func(engine.Decision)) error {
	sub := c.redis.Subscribe(ctx, channel)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // a read does not watch ctx
	asked := false
	for {
		wait := silent
		if asked {
			wait = answerTime
		}
		got, err := sub.ReceiveTimeout(ctx, wait)
		var late net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &late) && late.Timeout() && !asked:
			if err := sub.Ping(ctx); err != nil {
				return err
			}
			asked = true
			continue
		default:
			return err
		}
		switch got := got.(type) {
		case *redis.Subscription: // from here on nothing is missed; before, something may have been
			c.breaker.listens(nil)
			if err := c.send(ctx, message{Ask: true}); err != nil {
				return err
			}
			c.again()
		case *redis.Message:
			c.hear(got.Payload, heard)
		}
	}
}

// hear takes in a message.
func (c *Cluster) hear(text string, heard func(engine.Decision)) {
	m, own, err := c.decode(text)
	switch {
	case err != nil:
		c.log.Warn("a message of another node can't be read", "err", err)
		return
	case own:
		return
	case m.Ask:
		c.again()
	}
	if m.Decision == nil {
		return
	}
	d, err := m.Decision.decision(time.Now())
	if err != nil {
		c.log.Warn("a decision of another node is refused", "node", m.Node, "err", err)
		return
	}
	heard(d)
}

// speak sends what is announced.
func (c *Cluster) speak(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			c.sendAll(context.WithoutCancel(ctx), c.pending(nil)) // what was announced before the end
			return
		case d := <-c.outgoing:
			c.sendAll(ctx, c.pending([]engine.Decision{d}))
		}
	}
}

// pending adds what else waits.
func (c *Cluster) pending(ds []engine.Decision) []engine.Decision {
	for len(ds) < perSend {
		select {
		case d := <-c.outgoing:
			ds = append(ds, d)
		default:
			return ds
		}
	}
	return ds
}

// repeat tells everything when somebody may have missed something.
func (c *Cluster) repeat(ctx context.Context, known func() []engine.Decision) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.missed:
		}
		all := known()
		for len(all) > 0 && ctx.Err() == nil {
			n := min(len(all), perSend)
			c.sendAll(ctx, all[:n])
			if all = all[n:]; len(all) > 0 {
				sleep(ctx, chunkEvery)
			}
		}
		sleep(ctx, tellAgain)
	}
}

// sendAll sends decisions together. When that fails everything is told again later.
func (c *Cluster) sendAll(ctx context.Context, ds []engine.Decision) {
	if c.breaker.open() {
		return // when it closes everything is told again
	}
	ms := make([]message, len(ds))
	for i, d := range ds {
		ms[i] = message{Decision: wireOf(d)}
	}
	if err := c.send(ctx, ms...); err != nil {
		c.breaker.doubt()
		c.again()
	}
}

func (c *Cluster) send(ctx context.Context, ms ...message) error {
	if len(ms) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	_, err := c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, m := range ms {
			b, err := c.encode(m)
			if err != nil {
				c.log.Error("a decision can't be announced", "err", err)
				continue
			}
			p.Publish(ctx, channel, b)
		}
		return nil
	})
	return err
}

// sleep waits, but not beyond ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
