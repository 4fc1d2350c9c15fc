package engine

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

// flooded is an engine that a million keys were sent to, each of its own address and half of them to
// sign in, with a crowd before that has accounts.
func flooded(b *testing.B) *Engine {
	e, err := New(Defaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	people := exchanges{to: crowd, at: noon}
	for range 3 * crowd {
		x := people.next()
		x.Account, x.UserAgent = fmt.Sprintf("person%d", x.ID), "Mozilla/5.0 Firefox"
		e.Decide(x.Request)
		e.Observe(x)
	}
	for n := range uint32(1_000_000) {
		x := Exchange{Request: Request{
			ID: uint64(n), At: noon.Add(time.Minute + time.Duration(n)*time.Millisecond/4), Client: source(n),
			Method: "GET", Folded: "/api/balance", Path: "/api/balance", UserAgent: "curl/8",
		}, Status: 200}
		if binary.BigEndian.PutUint32(x.Key.Hash[:], n+1); n%2 == 0 {
			x.Method, x.Folded, x.Path, x.Status, x.Account = "POST", "/api/login", "/api/login", 401, fmt.Sprintf("somebody%d", n)
		}
		e.Decide(x.Request)
		e.Observe(x)
	}
	return e
}

// BenchmarkSnapshot is what it takes to write down what was counted, and to go on from it.
func BenchmarkSnapshot(b *testing.B) {
	e := flooded(b)
	var snapshot bytes.Buffer
	if err := e.Snapshot(&snapshot); err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := e.Snapshot(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(snapshot.Len())/(1<<20), "MB")
	})
	b.Run("compressed", func(b *testing.B) {
		packed := 0
		for b.Loop() {
			var out bytes.Buffer
			w, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
			if err := errors.Join(e.Snapshot(w), w.Close()); err != nil {
				b.Fatal(err)
			}
			packed = out.Len()
		}
		b.ReportMetric(float64(packed)/(1<<20), "MB")
	})
	b.Run("lock", func(b *testing.B) { // the longest that one is held: what is locked together takes that long to write
		least := map[string]time.Duration{} // of all rounds, as others disturb
		for b.Loop() {
			for _, m := range e.carried(e.regime.Load(), new(supposing)) {
				w := &timed{}
				m.carry(&carrier{out: bufio.NewWriterSize(w, 16)})
				if was, ok := least[m.name]; !ok || w.longest < was {
					least[m.name] = w.longest
				}
			}
		}
		longest := time.Duration(0)
		for name, took := range least {
			longest = max(longest, took)
			if took > 500*time.Microsecond {
				b.Logf("%s: %s", name, took)
			}
		}
		b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
	})
	b.Run("resume", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			next, err := New(Defaults(), 1)
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			if err := next.Resume(bytes.NewReader(snapshot.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// timed measures how long each part takes that is written at once.
type timed struct {
	last    time.Time
	longest time.Duration
}

func (w *timed) Write(b []byte) (int, error) {
	now := time.Now()
	if !w.last.IsZero() {
		w.longest = max(w.longest, now.Sub(w.last))
	}
	w.last = now
	return len(b), nil
}
