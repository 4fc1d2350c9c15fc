package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/incident"
)

// A small file system of its own really runs full, unlike a database that is told to stay small.
func TestAFileSystemRunsFullAndGetsRoomAgain(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skip("mounting a small file system needs root:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := opened(t, Config{Dir: dir})
	record(t, s, Batch{Alerts: []incident.Alert{alert(1, 0)}})
	write(t, s, exchange(0, 1, "198.18.0.7"))
	filler := filepath.Join(dir, "filler")
	fillUp(t, filler)

	recorded, written := 1, 1
	var refused error
	for refused == nil && recorded < 1000 {
		if refused = s.Record(t.Context(), Batch{Alerts: []incident.Alert{alert(int64(recorded+1), time.Second)}}); refused == nil {
			recorded++
		}
	}
	if refused == nil {
		t.Fatal("a full disk took a thousand alerts")
	}
	for refused = nil; refused == nil && written < 100_000; {
		batch := make([]Seen, 100)
		for i := range batch {
			batch[i] = exchange(time.Second, written+i, "198.18.0.7")
		}
		if refused = s.WriteExchanges(t.Context(), batch); refused == nil {
			written += len(batch)
		}
	}
	if refused == nil {
		t.Fatal("a full disk took a hundred thousand exchanges")
	}
	for what, err := range s.Ping(t.Context()) {
		if err == nil {
			t.Errorf("%s on a full disk is called well", what)
		}
	}
	if n := must(s.CountAlerts(t.Context(), AlertFilter{}))(t); n != recorded {
		t.Errorf("%d alerts, %d were acknowledged", n, recorded)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for what, err := range s.Ping(t.Context()) {
		if err != nil {
			t.Errorf("%s has room again: %v", what, err)
		}
	}
	record(t, s, Batch{Alerts: []incident.Alert{alert(int64(recorded+1), time.Second)}})
	write(t, s, exchange(time.Minute, 1, "198.18.0.7"))
	if n := must(s.Stats(t.Context(), noon, noon.Add(time.Hour)))(t).Requests; n != int64(written+1) {
		t.Errorf("%d requests, %d were acknowledged", n, written+1)
	}
	if file, _ := s.SetAside(); file != "" {
		t.Errorf("a full disk was taken for damage: %s", file)
	}
}

// fillUp writes until there is no room.
func fillUp(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
