package service

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A sink counts what is sent, and now and then how much memory is in use.
type sink struct {
	header http.Header
	bytes  int64
	writes int
	most   uint64
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(b []byte) (int, error) {
	s.bytes += int64(len(b))
	if s.writes++; s.writes%512 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		s.most = max(s.most, m.HeapInuse)
	}
	return len(b), nil
}

// BenchmarkStart takes up 1,000,000 decisions of a feed and sends them all to a bouncer.
func BenchmarkStart(b *testing.B) {
	p := opened(b)
	const many = 1_000_000
	batch := make([]engine.Decision, 0, 50_000)
	now := time.Now()
	for i := range many {
		a := netip.AddrFrom4([4]byte{11 + byte(i>>16), byte(i >> 8), byte(i), 0})
		batch = append(batch, engine.Decision{
			ID: engine.NewReference('D', "feed", fmt.Sprint(i)), Action: engine.Block, Target: engine.Target{Network: netip.PrefixFrom(a, 24)},
			Reason: "listed by a feed", Origin: engine.ByFeed, By: "feed", From: now, Until: now.Add(24 * time.Hour),
		})
		if len(batch) == cap(batch) {
			if err := p.store.Record(b.Context(), store.Batch{Decisions: batch}); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	p.stop()
	began := time.Now()
	p.start()
	took := time.Since(began)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var s *sink
	for b.Loop() {
		s = &sink{header: http.Header{}}
		r := httptest.NewRequest("GET", "/v1/decisions/stream?startup=true", nil)
		r.Header.Set("X-Api-Key", "let-me-in")
		p.service.ServeHTTP(s, r)
	}
	b.ReportMetric(took.Seconds(), "restore-s")
	b.ReportMetric(float64(before.HeapInuse>>20), "heap-MB")
	b.ReportMetric(float64(s.bytes>>20), "sent-MB")
	b.ReportMetric(float64(int64(s.most)-int64(before.HeapInuse))/(1<<20), "more-MB")
}
