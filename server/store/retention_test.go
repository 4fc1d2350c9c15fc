package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

const day = 24 * time.Hour

func retain(t testing.TB, s *Store, r Retention, now time.Time) Freed {
	t.Helper()
	return must(s.Retain(t.Context(), r, now))(t)
}

func TestExchangesGoWhenTheyAreOldAndFiguresStayLonger(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		s.full = 100
		for hours := range 10 * 24 {
			var batch []Seen
			for i := range 5 {
				batch = append(batch, exchange(time.Duration(hours)*time.Hour+time.Duration(i)*time.Minute, hours*5+i, "198.18.0.7"))
			}
			write(t, s, batch...)
		}
		now := noon.Add(10 * day)
		f := retain(t, s, Retention{Exchanges: 3 * day, Rollups: 7 * day}, now)
		if f.Exchanges != 7*24*5 {
			t.Errorf("deleted %d exchanges, want those of seven days (840)", f.Exchanges)
		}
		var kept int
		err := s.EachExchange(t.Context(), ExchangeFilter{}, func(x Seen) error {
			if kept++; x.At.Before(now.Add(-3 * day)) {
				return fmt.Errorf("an exchange of %v is still there", x.At)
			}
			return nil
		})
		if err != nil || kept != 3*24*5 {
			t.Errorf("%d exchanges are left, want 360: %v", kept, err)
		}
		of := func(from time.Time, long time.Duration) int64 {
			return must(s.Stats(t.Context(), from, from.Add(long)))(t).Requests
		}
		if n := of(noon.Add(7*day), 3*day); n != 3*24*5 {
			t.Errorf("the last three days have %d requests, want 360", n)
		}
		if n := of(noon.Add(3*day), 4*day); n != 4*24*5 {
			t.Errorf("four days before, known by the hour, have %d requests, want 480", n)
		}
		if n := of(noon, 3*day); n != 0 {
			t.Errorf("the first three days, not kept in any form, have %d requests, want 0", n)
		}
		var minutes int64
		err = s.traffic.Load().read.Raw("SELECT count(*) FROM rollup_paths WHERE step = 60").Scan(&minutes).Error
		if err != nil || minutes != 3*24*5 {
			t.Errorf("%d figures by the minute are left, want 360: %v", minutes, err)
		}
		again := retain(t, s, Retention{Exchanges: 3 * day, Rollups: 7 * day}, now)
		if again.Exchanges+again.Rollups != 0 {
			t.Errorf("a second run deleted %+v, want nothing", again)
		}
	})
}

func TestWhatIsLeftIsFoundAsBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		r := rand.New(rand.NewPCG(3, 9))
		all := traffic(t, s, 2000, r) // of 80 seconds, with stretches of 100
		now := noon.Add(time.Hour + 50*time.Second)
		retain(t, s, Retention{Exchanges: time.Hour}, now)
		for i := range 250 {
			x := exchange(2*time.Minute+time.Duration(i)*time.Millisecond, i, "198.18.0.7")
			write(t, s, x)
			all = slices.Insert(all, 0, x)
		}
		for range 60 {
			f := randomFilter(r)
			var want, got []uint64
			for _, x := range all {
				if f.matches(x) && !x.At.Before(now.Add(-time.Hour)) {
					want = append(want, x.ID)
				}
			}
			err := s.EachExchange(t.Context(), f, func(x Seen) error { got = append(got, x.ID); return nil })
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("filter %+v: found %d, want %d: %v", f, len(got), len(want), err)
			}
		}
		var stretches int
		if err := s.traffic.Load().read.Raw("SELECT count(*) FROM stretches").Scan(&stretches).Error; err != nil || stretches > 14 {
			t.Errorf("%d stretches are left of 24: %v", stretches, err)
		}
	})
}

func TestTrafficGoesOnAfterAllOfItWasDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		s.full = 10
		for i := range 3 {
			for n := range 25 {
				write(t, s, exchange(time.Duration(i)*day+time.Duration(n)*time.Second, n, "198.18.0.7"))
			}
			retain(t, s, Retention{Exchanges: time.Hour}, noon.Add(time.Duration(i)*day+2*time.Hour))
			if left := must(s.Exchanges(t.Context(), ExchangeFilter{}, Page{First: 5}))(t); len(left.Items) != 0 {
				t.Fatalf("%d exchanges are left", len(left.Items))
			}
		}
		write(t, s, exchange(4*day, 1, "198.18.0.8"))
		found := must(s.Exchanges(t.Context(), ExchangeFilter{Client: netip.MustParsePrefix("198.18.0.8/32")}, Page{First: 5}))(t)
		if len(found.Items) != 1 {
			t.Errorf("found %d exchanges after the gap, want 1", len(found.Items))
		}
	})
}

func TestResolvedAlertsGoAndOpenOnesStay(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var b Batch
		for id := range int64(600) { // more than one step deletes
			a := alert(id+1, 0)
			a.Status, a.ResolvedAt, a.ResolvedBy = incident.Resolved, noon.Add(time.Hour), "ada"
			b.Alerts = append(b.Alerts, a)
		}
		open, fresh := alert(1001, 0), alert(1002, 0)
		open.Decision, open.Incident = "D-OFANOPENALERT", 7
		fresh.Status, fresh.ResolvedAt = incident.Resolved, noon.Add(5*day)
		b.Alerts = append(b.Alerts, open, fresh)
		b.Incidents = []incident.Incident{
			{ID: 7, Status: incident.Resolved, First: noon, Last: noon},
			{ID: 8, Status: incident.Resolved, First: noon, Last: noon},
			{ID: 9, Status: incident.Open, First: noon, Last: noon},
		}
		record(t, s, b)
		f := retain(t, s, Retention{Alerts: 2 * day}, noon.Add(6*day))
		if f.Alerts != 600 || f.Incidents != 1 {
			t.Errorf("deleted %d alerts and %d incidents, want 600 and 1", f.Alerts, f.Incidents)
		}
		left := must(s.Alerts(t.Context(), AlertFilter{}, Page{First: 10}))(t)
		if got := ids(alertID, left.Items); got != "1002 1001" {
			t.Errorf("alerts %s are left, want the open one and the one resolved lately", got)
		}
		if _, err := s.AlertOfFinding(t.Context(), "F-1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a finding of a deleted alert gave %v, want ErrNotFound", err)
		}
		var findings int64
		if err := s.main.read.Raw("SELECT count(*) FROM alert_findings").Scan(&findings).Error; err != nil || findings != 2 {
			t.Errorf("%d findings are left, want 2: %v", findings, err)
		}
		for _, id := range []int64{7, 9} {
			if _, err := s.Incident(t.Context(), id); err != nil {
				t.Errorf("incident %d, which has an alert or is open, is gone: %v", id, err)
			}
		}
	})
}

func TestDecisionsInForceNeverGoHoweverOld(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		forever := decision("D-FOREVER000000", 0)
		forever.Until = time.Time{}
		long := decision("D-LONG000000000", 0)
		long.Until = noon.Add(1000 * day)
		lifted := decision("D-LIFTED0000000", 0)
		lifted.Until, lifted.Lifted = time.Time{}, noon.Add(time.Hour)
		lately := decision("D-LATELY0000000", 0)
		lately.Until, lately.Lifted = time.Time{}, noon.Add(899*day)
		named := decision("D-NAMED00000000", 0)
		a := alert(1, 0)
		a.Decision = named.ID
		record(t, s, Batch{
			Alerts:    []incident.Alert{a},
			Decisions: []engine.Decision{forever, long, lifted, lately, decision("D-ENDED00000000", 0), named},
		})
		f := retain(t, s, Retention{Alerts: 400 * day}, noon.Add(900*day))
		if f.Decisions != 2 {
			t.Errorf("deleted %d decisions, want the one that has ended and the one that was lifted", f.Decisions)
		}
		for _, d := range []engine.Decision{forever, long, lately, named} {
			if _, err := s.Decision(t.Context(), d.ID); err != nil {
				t.Errorf("%s is gone: %v", d.ID, err)
			}
		}
	})
}

func TestAuditEntriesGoByAgeAndThatIsWrittenDown(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var b Batch
		for i := range 700 {
			b.Audit = append(b.Audit, Entry{At: noon.Add(time.Duration(i) * time.Hour), Actor: "ada", Verb: "block"})
		}
		record(t, s, b)
		f := retain(t, s, Retention{Audit: 100 * time.Hour}, noon.Add(700*time.Hour))
		if f.Audit != 600 {
			t.Errorf("deleted %d entries, want 600", f.Audit)
		}
		newest := must(s.Audit(t.Context(), Page{First: 1}))(t).Items[0]
		if newest.Verb != "retain" || newest.Actor != "system" {
			t.Errorf("the newest entry is %+v, want one that says what was deleted", newest)
		}
		if again := retain(t, s, Retention{Audit: 100 * time.Hour}, noon.Add(700*time.Hour)); again.Audit != 0 {
			t.Errorf("a second run deleted %d entries", again.Audit)
		}
	})
}

func TestTheReceiptOfAScoreGoesWithItsIncident(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		gone := incident.Incident{ID: 1, Title: "Old", Status: incident.Resolved, First: noon, Last: noon}
		stays := incident.Incident{ID: 2, Title: "New", Status: incident.Open, First: noon, Last: noon}
		record(t, s, Batch{Incidents: []incident.Incident{gone, stays}, Receipts: []Receipt{
			{Finding: "F-1", Incident: 1, Receipt: engine.Receipt{Rule: "incident", Count: 95, Limit: 89}},
			{Finding: "F-2", Incident: 2, Receipt: engine.Receipt{Rule: "incident", Count: 95, Limit: 89}},
		}})
		retain(t, s, Retention{Alerts: time.Hour}, noon.Add(2*time.Hour))
		if _, err := s.Receipt(t.Context(), "F-1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("the receipt of an incident that is deleted: %v", err)
		}
		if r, err := s.Receipt(t.Context(), "F-2"); err != nil || r.Count != 95 {
			t.Errorf("the other receipt is %+v, %v", r, err)
		}
	})
}

func TestTheFilesShrinkToTheSizeThatIsAllowed(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	stored(t, s, 200_000, noon)
	const size = 20 << 20
	before := onDisk(t, dir)
	f := retain(t, s, Retention{Size: size}, noon)
	after := onDisk(t, dir)
	if before < 2*size || after > size+(1<<20) {
		t.Errorf("%d bytes became %d, want at most %d", before, after, size)
	}
	if f.Exchanges == 0 || f.Bytes < 10<<20 {
		t.Errorf("freed %+v", f)
	}
	var oldest, rows int64
	row := s.traffic.Load().read.Raw("SELECT min(id), count(*) FROM exchanges").Row()
	if err := row.Scan(&oldest, &rows); err != nil {
		t.Fatal(err)
	}
	if rows+f.Exchanges != 200_000 || rows < 50_000 {
		t.Errorf("%d exchanges are left and %d deleted, of 200,000", rows, f.Exchanges)
	}
	if want := noon.Add(-day * time.Duration(rows) / 200_000); instant(oldest>>idBits).Sub(want).Abs() > 10*time.Minute {
		t.Errorf("the oldest that is left is of %v, want the newest ones kept, since %v", instant(oldest>>idBits), want)
	}
	if n := must(s.Stats(t.Context(), noon.Add(-day), noon))(t).Requests; n < 195_000 {
		t.Errorf("figures tell of %d requests, want nearly all 200,000", n)
	}
	if n := must(s.CountAlerts(t.Context(), AlertFilter{}))(t); n != 2000 {
		t.Errorf("%d alerts are left of 2000", n)
	}
	var integrity string
	if err := s.traffic.Load().read.Raw("PRAGMA integrity_check").Scan(&integrity).Error; err != nil || integrity != "ok" {
		t.Errorf("the file is %s: %v", integrity, err)
	}
}

func onDisk(t *testing.T, dir string) (sum int64) {
	t.Helper()
	for _, name := range []string{"sentinel.db", "sentinel.db-wal", "traffic.db", "traffic.db-wal"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}

func TestPostgresKeepsAsManyExchangesAsTheSizeAllows(t *testing.T) {
	s := opened(t, Config{URL: schema(t)})
	stored(t, s, 50_000, noon)
	if err := s.traffic.Load().write.Exec("ANALYZE exchanges").Error; err != nil {
		t.Fatal(err)
	}
	used := must(s.traffic.Load().used(t.Context()))(t)
	rest := must(s.main.used(t.Context()))(t)
	sizes := must(s.Sizes(t.Context()))(t)
	if real := sizes.Rooms[1].Bytes; used < real/2 || used > real*2 {
		t.Errorf("%d bytes are thought to be used, of %d", used, real)
	}
	k := keeper{store: s}
	over, row, err := k.over(t.Context(), rest+used/2)
	if err != nil {
		t.Fatal(err)
	}
	f := retain(t, s, Retention{Size: rest + used/2}, noon)
	if want := over / row; f.Exchanges < want*9/10 || f.Exchanges > want*11/10 {
		t.Errorf("deleted %d exchanges of 50,000, want about %d", f.Exchanges, want)
	}
}

func TestSizesSayWhatIsKeptAndSinceWhen(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		empty := must(s.Sizes(t.Context()))(t)
		for _, o := range empty.Oldest {
			if !o.At.IsZero() {
				t.Errorf("%s of an empty store are kept since %v", o.Class, o.At)
			}
		}
		write(t, s, exchange(time.Minute, 1, "198.18.0.7"), exchange(time.Hour, 2, "198.18.0.7"))
		record(t, s, Batch{
			Alerts: []incident.Alert{alert(1, time.Second), alert(2, 0)}, Decisions: []engine.Decision{decision("D-1", time.Second)},
			Audit: []Entry{{At: noon.Add(time.Hour)}},
		})
		got := must(s.Sizes(t.Context()))(t)
		want := []Oldest{
			{"exchanges", noon.Add(time.Minute)},
			{"rollups", noon},
			{"alerts", noon},
			{"decisions", noon.Add(time.Second)},
			{"audit", noon.Add(time.Hour)},
		}
		if !slices.Equal(got.Oldest, want) {
			t.Errorf("got %v, want %v", got.Oldest, want)
		}
		for i, name := range []string{"sentinel", "traffic"} {
			if r := got.Rooms[i]; r.Name != name || r.Bytes < 8192 {
				t.Errorf("got %+v for %s", r, name)
			}
		}
	})
}

func TestRetentionStopsBetweenTwoStepsWhenItIsToldTo(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	stored(t, s, 20_000, noon)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Retain(ctx, Retention{Exchanges: time.Hour}, noon); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if page := must(s.Exchanges(t.Context(), ExchangeFilter{To: noon.Add(-23 * time.Hour)}, Page{First: 1}))(t); len(page.Items) != 1 {
		t.Error("what it had not come to is gone")
	}
}

func TestRetentionWithoutAnythingSaidKeepsEverything(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		write(t, s, exchange(0, 1, "198.18.0.7"))
		a := alert(1, 0)
		a.Status, a.ResolvedAt = incident.Resolved, noon
		record(t, s, Batch{Alerts: []incident.Alert{a}, Audit: []Entry{{At: noon}}, Decisions: []engine.Decision{decision("D-1", 0)}})
		f := retain(t, s, Retention{}, noon.Add(10_000*day))
		if f.Exchanges+f.Rollups+f.Alerts+f.Decisions+f.Audit != 0 {
			t.Errorf("deleted %+v", f)
		}
	})
}

// TestWritersGoOnDuringRetention holds that a writer is never shut out for longer than one step,
// and that nothing of what it writes is lost.
func TestWritersGoOnDuringRetention(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		stored(t, s, 15_000, noon)
		var over atomic.Bool
		done := make(chan Freed)
		go func() {
			defer over.Store(true)
			f, err := s.Retain(context.Background(), Retention{Exchanges: time.Hour, Alerts: time.Hour}, noon.Add(2*time.Hour))
			if err != nil {
				t.Error(err)
			}
			done <- f
		}()
		written, between := 0, 0
		for i := 0; !over.Load(); i++ {
			select {
			case f := <-done:
				if f.Exchanges != 15_000 || f.Steps < 15 {
					t.Errorf("freed %+v, want 15,000 exchanges in at least 15 steps", f)
				}
				done = nil
			default:
				write(t, s, exchange(3*time.Hour+time.Duration(i)*time.Millisecond, i, "203.0.113.7"))
				record(t, s, Batch{Audit: []Entry{{At: noon, Verb: "block"}}})
				written++
				between++
			}
			if done == nil {
				break
			}
		}
		if done != nil {
			<-done
		}
		if between < 3 {
			t.Errorf("only %d writes came through", between)
		}
		page := must(s.ClientFigures(t.Context(), netip.MustParsePrefix("203.0.113.7/32"), noon, noon.Add(day)))(t)
		if page.Requests != int64(written) {
			t.Errorf("%d of %d exchanges written meanwhile are there", page.Requests, written)
		}
	})
}

// BenchmarkRetain deletes 300,000 exchanges while another writes as a busy node does, and reports
// how long that writer had to wait.
func BenchmarkRetain(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s := benchStore(b)
		stored(b, s, 300_000, noon)
		stop := make(chan struct{})
		waits := make(chan []time.Duration)
		go func() {
			GiveWay()
			var took []time.Duration
			batch := make([]Seen, 250)
			r := rand.New(rand.NewPCG(1, 2))
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for at := noon.Add(3 * time.Hour); ; at = at.Add(50 * time.Millisecond) {
				select {
				case <-stop:
					waits <- took
					return
				case <-tick.C:
				}
				fill(batch, at, 50*time.Millisecond, r)
				began := time.Now()
				if err := s.WriteExchanges(context.Background(), batch); err != nil {
					b.Error(err)
				}
				took = append(took, time.Since(began))
			}
		}()
		b.StartTimer()
		f := must(s.Retain(context.Background(), Retention{Exchanges: time.Hour}, noon.Add(2*time.Hour)))(b)
		b.StopTimer()
		close(stop)
		took := <-waits
		slices.Sort(took)
		b.ReportMetric(float64(f.Exchanges)/b.Elapsed().Seconds(), "rows/s")
		b.ReportMetric(float64(f.Longest.Microseconds())/1000, "longest-step-ms")
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "writer-p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "writer-p99-ms")
		b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "writer-max-ms")
		b.ReportMetric(0, "ns/op")
		b.StartTimer()
	}
}
