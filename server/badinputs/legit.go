package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A legit is a good client that goes on beside an attack: one request every 20 ms, as new
// visitors do it, each from another address, so that no honest limit is near.
type legit struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu   sync.Mutex
	took []time.Duration
	late []time.Duration // before what counts began
	bad  int
}

const (
	legitEvery  = 20 * time.Millisecond
	legitClosed = 5 * time.Second // an answer later than this is none
)

func (s *product) beside(ctx context.Context) *legit {
	ctx, cancel := context.WithCancel(ctx)
	l := &legit{cancel: cancel}
	client := from("127.0.0.1")
	client.Timeout = legitClosed
	_, _ = s.good(ctx, client, controlPath, "192.0.2.20") // a connection stands before the first one is timed
	l.done.Go(func() {
		defer client.CloseIdleConnections()
		next := time.Now()
		for i := 0; ctx.Err() == nil; i++ {
			began := time.Now()
			status, err := s.good(ctx, client, controlPath, fmt.Sprintf("192.0.2.%d", 20+i%200))
			if ctx.Err() != nil {
				return
			}
			l.mu.Lock()
			l.took = append(l.took, time.Since(began))
			if err != nil || status != 200 {
				l.bad++
			}
			l.mu.Unlock()
			if next = next.Add(legitEvery); time.Now().After(next) {
				next = time.Now()
			}
			pause(ctx, time.Until(next))
		}
	})
	return l
}

// anew forgets how long answers took so far: what counts begins now. Who was not served stays
// counted.
func (l *legit) anew() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late, l.took = append(l.late, l.took...), nil
}

// stop ends it and tells how it fared.
func (l *legit) stop(o *outcome) {
	l.cancel()
	l.done.Wait()
	if len(l.took) == 0 {
		return
	}
	slices.Sort(l.took)
	o.figures["legit_p99_ms"] = float64(l.took[len(l.took)*99/100].Microseconds()) / 1000
	o.figures["legit_p50_ms"] = float64(l.took[len(l.took)/2].Microseconds()) / 1000
	o.figures["legit_ok_pct"] = 100 - 100*float64(l.bad)/float64(len(l.took)+len(l.late))
}
