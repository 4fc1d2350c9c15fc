package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// writeUntilKilled is the other process of the next test: it writes alerts, decisions and
// traffic as fast as it can, and says what was acknowledged.
func writeUntilKilled(dir string) {
	s, err := Open(context.Background(), Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintln(os.Stdout, "open:", err)
		os.Exit(1)
	}
	first := time.Now().UnixNano()
	go func() {
		for i := 0; ; i++ {
			x := exchange(time.Duration(first), i, "198.18.0.7")
			x.ID = uint64(first) + uint64(i)
			if err := s.WriteExchanges(context.Background(), []Seen{x}); err != nil {
				fmt.Fprintln(os.Stdout, "write:", err)
				os.Exit(1)
			}
		}
	}()
	for i := first; ; i++ {
		a, d := alert(i>>10, 0), decision(fmt.Sprintf("D-%d", i), 0)
		a.ID = i & (1<<53 - 1)
		err := s.Record(context.Background(), Batch{
			Alerts: []incident.Alert{a}, Decisions: []engine.Decision{d}, Audit: []Entry{{At: noon, Object: d.ID}},
		})
		if err != nil {
			fmt.Fprintln(os.Stdout, "record:", err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stdout, "written", a.ID, d.ID)
	}
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[int64]string{}
	for round := range 5 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "SENTINEL_TEST_WRITER="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var id int64
			var d string
			if _, err := fmt.Sscanf(lines.Text(), "written %d %s", &id, &d); err != nil {
				t.Errorf("the writer said %q", lines.Text())
				break
			}
			acknowledged[id] = d
			if n == 40*(round+1) {
				if err := child.Process.Kill(); err != nil { // what it said before it died counts too
					t.Error(err)
				}
			}
		}
		if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Errorf("the writer ended with %v, want it killed", err)
		}
	}
	s := opened(t, Config{Dir: dir})
	for id, d := range acknowledged {
		if _, err := s.Alert(t.Context(), id); err != nil {
			t.Errorf("alert %d was acknowledged: %v", id, err)
		}
		if _, err := s.Decision(t.Context(), d); err != nil {
			t.Errorf("decision %s was acknowledged: %v", d, err)
		}
	}
	alerts, decisions := must(s.CountAlerts(t.Context(), AlertFilter{}))(t), must(s.CountDecisions(t.Context(), DecisionFilter{}))(t)
	if alerts < len(acknowledged) || alerts != decisions {
		t.Errorf("%d alerts and %d decisions of %d acknowledged: a batch was written in part", alerts, decisions, len(acknowledged))
	}
	var rows, counted int
	d := s.traffic.Load().read
	if err := errors.Join(d.Raw("SELECT count(*) FROM exchanges").Scan(&rows).Error,
		d.Raw("SELECT sum(requests) FROM rollup_totals WHERE step = 60").Scan(&counted).Error); err != nil {
		t.Fatal(err)
	}
	if rows == 0 || rows != counted {
		t.Errorf("%d exchanges are stored and %d counted", rows, counted)
	}
	if file, _ := s.SetAside(); file != "" {
		t.Errorf("traffic was called damaged: %s", file)
	}
}

func TestASecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	_, err := Open(t.Context(), Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on ", os.Getpid())) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want it to say who has the directory", err)
	}
	record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}}) // the first goes on
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opened(t, Config{Dir: dir})
}

func TestTrafficIsLostWithoutTheRest(t *testing.T) {
	for name, harm := range map[string]func(file string) error{
		"deleted": func(file string) error {
			return errors.Join(os.Remove(file))
		},
		"overwritten": func(file string) error {
			return os.WriteFile(file, []byte(strings.Repeat("no database at all. ", 5000)), 0o600)
		},
		"cut off": func(file string) error { return os.Truncate(file, 3*4096) },
		"empty":   func(file string) error { return os.Truncate(file, 0) },
		"damaged": func(file string) error {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte(strings.Repeat("\xAA", 4096*20)), 4096)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := opened(t, Config{Dir: dir})
			record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}, Decisions: []engine.Decision{decision("D-1", 0)}})
			for i := range 50 {
				write(t, s, exchange(time.Duration(i)*time.Second, i, "198.18.0.7"))
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(filepath.Join(dir, "sentinel.db"))
			if err != nil {
				t.Fatal(err)
			}
			if err := harm(filepath.Join(dir, "traffic.db")); err != nil {
				t.Fatal(err)
			}
			s = opened(t, Config{Dir: dir})
			after, err := os.ReadFile(filepath.Join(dir, "sentinel.db"))
			if err != nil || string(before) != string(after) {
				t.Errorf("sentinel.db was touched: %v", err)
			}
			if _, err := s.Alert(t.Context(), 1); err != nil {
				t.Error(err)
			}
			if in := must(s.InForce(t.Context(), noon))(t); len(in) != 1 {
				t.Errorf("%d decisions in force, want 1", len(in))
			}
			write(t, s, exchange(time.Hour, 99, "198.18.0.7"))
			if got := must(s.Exchanges(t.Context(), ExchangeFilter{}, Page{First: 100}))(t); len(got.Items) != 1 {
				t.Errorf("%d exchanges, want the new one alone", len(got.Items))
			}
			file, at := s.SetAside()
			if moved := name != "deleted" && name != "empty"; moved != (file != "") || moved == at.IsZero() {
				t.Errorf("set aside: %q at %v", file, at)
			} else if _, err := os.Stat(file); moved && err != nil {
				t.Error(err)
			}
			for what, err := range s.Ping(t.Context()) {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

func TestTrafficThatIsTakenAwayWhileOpenBeginsAnew(t *testing.T) {
	for name, harm := range map[string]func(file string) error{
		"deleted": os.Remove,
		"damaged": func(file string) error {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte(strings.Repeat("\xAA", 4096*40)), 0)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := opened(t, Config{Dir: dir})
			record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}})
			for i := range 5000 {
				if i%100 == 0 {
					write(t, s, exchange(time.Duration(i)*time.Second, i, "198.18.0.7"))
				}
			}
			// What is in the log or in memory would hide the harm.
			if err := s.traffic.Load().write.Exec("PRAGMA wal_checkpoint(TRUNCATE)").Error; err != nil {
				t.Fatal(err)
			}
			if err := s.traffic.Load().write.Exec("PRAGMA shrink_memory").Error; err != nil {
				t.Fatal(err)
			}
			if err := harm(filepath.Join(dir, "traffic.db")); err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				write(t, s, exchange(time.Hour*3+time.Duration(i)*time.Second, i, "198.18.0.8"))
			}
			if got := must(s.Exchanges(t.Context(), ExchangeFilter{}, Page{First: 100}))(t); len(got.Items) != 50 {
				t.Errorf("%d exchanges, want the new ones alone", len(got.Items))
			}
			if _, at := s.SetAside(); at.IsZero() {
				t.Error("nothing says that traffic began anew")
			}
			if _, err := s.Alert(t.Context(), 1); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestASentinelThatWasCutIsNotTakenForAShorterOne(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "sentinel.db")
	whole, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, whole.Size()/2); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: dir}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v, want it to say what to do", err)
	}
}

func TestADamagedSentinelIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	junk := []byte(strings.Repeat("no database at all. ", 5000))
	file := filepath.Join(dir, "sentinel.db")
	if err := os.WriteFile(file, junk, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v, want it to name the file and what to do", err)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != string(junk) {
		t.Errorf("the file was changed: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	opened(t, Config{Dir: dir}) // and the lock was given back
}

func TestTablesOfANewerVersionAreRefused(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	if err := s.main.write.Exec("INSERT INTO sentinel_version (version_id, is_applied) VALUES (999, 1)").Error; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: dir}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("got %v, want a word about the newer version", err)
	}
}

func TestAFullDiskIsAnErrorAndRoomEndsIt(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	write(t, s, exchange(0, 1, "198.18.0.7"))
	record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}})
	full := func(pages int) {
		for _, d := range []*database{s.main, s.traffic.Load()} {
			if err := d.write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Error; err != nil {
				t.Fatal(err)
			}
		}
	}
	full(1) // as many as there are
	var many Batch
	var batch []Seen
	for i := range 2000 {
		many.Alerts = append(many.Alerts, alert(int64(i+10), time.Second))
		batch = append(batch, exchange(time.Second, i, "198.18.0.7"))
	}
	if err := s.Record(t.Context(), many); err == nil || sqliteCode(err) != 13 {
		t.Errorf("recording gave %v, want that the disk is full", err)
	}
	if err := s.WriteExchanges(t.Context(), batch); err == nil || sqliteCode(err) != 13 {
		t.Errorf("writing gave %v, want that the disk is full", err)
	}
	for what, err := range s.Ping(t.Context()) {
		// A row of the pulse may still find room; what was refused before must not be half there.
		t.Logf("%s: %v", what, err)
	}
	if n := must(s.CountAlerts(t.Context(), AlertFilter{}))(t); n != 1 {
		t.Errorf("%d alerts, want 1: a batch was written in part", n)
	}
	full(1 << 30)
	record(t, s, many)
	write(t, s, batch...)
	if n := must(s.CountAlerts(t.Context(), AlertFilter{}))(t); n != 2001 {
		t.Errorf("%d alerts, want all 2001", n)
	}
	if got := must(s.Stats(t.Context(), noon, noon.Add(time.Minute)))(t).Requests; got != 2001 {
		t.Errorf("%d requests, want all 2001", got)
	}
	for what, err := range s.Ping(t.Context()) {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestARefusedWriteShowsUntilWritesSucceed(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	set := func(readOnly int) {
		for _, d := range []*database{s.main, s.traffic.Load()} {
			if err := d.write.Exec(fmt.Sprintf("PRAGMA query_only = %d", readOnly)).Error; err != nil {
				t.Fatal(err)
			}
		}
	}
	set(1)
	if err := s.Record(t.Context(), Batch{Alerts: []incident.Alert{alert(1, 0)}}); err == nil {
		t.Error("recording into what can only be read succeeded")
	}
	if err := s.WriteExchanges(t.Context(), []Seen{exchange(0, 1, "198.18.0.7")}); err == nil {
		t.Error("writing into what can only be read succeeded")
	}
	for what, err := range s.Ping(t.Context()) {
		if err == nil {
			t.Errorf("%s is called well", what)
		}
	}
	set(0)
	for what, err := range s.Ping(t.Context()) {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}})
	write(t, s, exchange(0, 1, "198.18.0.7"))
}

func TestReadersDoNotWaitForWritersNorTheOtherWayRound(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var work sync.WaitGroup
		failed := make(chan error, 100)
		loop := func(do func() error) {
			work.Go(func() {
				for ctx.Err() == nil {
					if err := do(); err != nil && ctx.Err() == nil {
						failed <- err
						return
					}
				}
			})
		}
		loop(func() error {
			_, err := s.Exchanges(ctx, ExchangeFilter{Client: netip.MustParsePrefix("198.18.0.0/24")}, Page{First: 100})
			return err
		})
		loop(func() error { _, err := s.Stats(ctx, noon, noon.Add(time.Hour)); return err })
		loop(func() error { _, err := s.Alerts(ctx, AlertFilter{Text: "rate"}, Page{First: 100}); return err })
		loop(func() error { return errors.Join(s.Ping(ctx)["database"], s.Ping(ctx)["traffic"]) })
		var writers sync.WaitGroup
		for w := range 3 { // and writers take turns
			writers.Go(func() {
				for i := range 50 {
					n := w*1000 + i
					if err := s.Record(ctx, Batch{Alerts: []incident.Alert{alert(int64(n+1), 0)}, Audit: []Entry{{At: noon}}}); err != nil {
						failed <- err
					}
					if err := s.WriteExchanges(ctx, []Seen{exchange(time.Duration(n)*time.Second/10, n, "198.18.0.7")}); err != nil {
						failed <- err
					}
				}
			})
		}
		writers.Wait()
		stop()
		work.Wait()
		close(failed)
		for err := range failed {
			t.Error(err)
		}
		if n := must(s.CountAlerts(t.Context(), AlertFilter{}))(t); n != 150 {
			t.Errorf("%d alerts, want 150", n)
		}
		if n := must(s.Stats(t.Context(), noon.Add(-time.Minute), noon.Add(time.Hour)))(t).Requests; n != 150 {
			t.Errorf("%d requests, want 150", n)
		}
	})
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data with spaces, % and ?#")
	s := opened(t, Config{Dir: dir})
	write(t, s, exchange(0, 1, "198.18.0.7"))
	record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}})
	found := 0
	for _, e := range must(os.ReadDir(dir))(t) {
		info := must(e.Info())(t)
		if found++; info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	if found < 7 {
		t.Errorf("%d files, want two databases with their logs and the lock", found)
	}
	if mode := must(os.Stat(dir))(t).Mode().Perm(); mode != 0o700 {
		t.Errorf("the directory has mode %v", mode)
	}
}

func TestClosingTwiceAndUsingWhatIsClosedIsNoCatastrophe(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if err := s.Record(context.Background(), Batch{Alerts: []incident.Alert{alert(1, 0)}}); err == nil {
		t.Error("recording into a closed store succeeded")
	}
	if err := s.WriteExchanges(context.Background(), []Seen{exchange(0, 1, "198.18.0.7")}); err == nil {
		t.Error("writing into a closed store succeeded")
	}
	if _, err := s.Stats(context.Background(), noon, noon); err == nil {
		t.Error("a closed store answered")
	}
	for what, err := range s.Ping(context.Background()) {
		if err == nil {
			t.Errorf("%s of a closed store is called well", what)
		}
	}
}

func TestADatabaseThatWasTakenAwayIsNotWrittenTo(t *testing.T) {
	for what, take := range map[string]func(dir string) error{
		"the file":      func(dir string) error { return os.Remove(filepath.Join(dir, "sentinel.db")) },
		"the directory": func(dir string) error { return os.Rename(dir, dir+"-gone") },
		"the claim": func(dir string) error { // as another process does that finds the place empty
			if err := os.Rename(filepath.Join(dir, "sentinel.lock"), filepath.Join(dir, "old.lock")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "sentinel.lock"), nil, 0o600)
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			s := opened(t, Config{Dir: dir})
			record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}})
			if err := take(dir); err != nil {
				t.Fatal(err)
			}
			if err := s.Record(t.Context(), Batch{Alerts: []incident.Alert{alert(2, 0)}}); err == nil || !strings.Contains(err.Error(), "taken away") {
				t.Errorf("Record says %v", err)
			}
			if err := s.Ping(t.Context())["database"]; err == nil {
				t.Error("Ping finds nothing wrong")
			}
		})
	}
}
