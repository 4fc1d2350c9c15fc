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
	took   []time.Duration
	bad    int
	first  string // what came instead, the first time
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
			l.took = append(l.took, time.Since(began))
			if err != nil || status != 200 {
				l.bad++
				if l.first == "" {
					l.first = fmt.Sprint(status, " ", err)
				}
			}
			if next = next.Add(legitEvery); time.Now().After(next) {
				next = time.Now()
			}
			pause(ctx, time.Until(next))
		}
	})
	return l
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
	o.figures["legit_ok_pct"] = 100 * float64(len(l.took)-l.bad) / float64(len(l.took))
}
