package ingest

import (
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestYearsThatSyslogLeavesOutAreFoundOut(t *testing.T) {
	line := func(when string) string {
		return when + " host sshd[1]: Failed password for root from 203.0.113.9 port 1 ssh2\n"
	}
	log := line("Dec 30 23:00:00") + line("Dec 31 23:59:59") + line("Jan  1 00:00:01") + line("Dec 31 23:59:58") + line("Feb  1 00:00:00") + line("Mar 1 00:00:00")
	var got []string
	_, err := Read(context.Background(), strings.NewReader(log), Format{}, Options{Zone: time.UTC, Before: at("2025-03-01T12:00:00Z")}, func(x *engine.Exchange) {
		got = append(got, x.At.Format("2006-01-02"))
	})
	if want := "2024-12-30 2024-12-31 2025-01-01 2024-12-31 2025-02-01 2025-03-01"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v, %v", got, err)
	}
}

func TestSyslogIsReadInItsThreeClocks(t *testing.T) {
	for _, line := range []string{
		`<38>Feb 12 14:10:24 host sshd[1]: Invalid user x from 203.0.113.9 port 1`,
		`2026-02-12T14:10:24+00:00 host sshd[1]: Invalid user x from 203.0.113.9 port 1`,
		`<38>1 2026-02-12T14:10:24Z host sshd 14281 - [meta sequenceId="11" x="]\"]"] Invalid user x from 203.0.113.9 port 1`,
		`<38>1 2026-02-12T14:10:24Z host sshd 14281 - - Invalid user x from 203.0.113.9 port 1`,
	} {
		if x := one(t, "sshd", line); x.Client.String() != "203.0.113.9" || !x.At.Equal(at("2026-02-12T14:10:24Z")) || x.Account != "x" {
			t.Errorf("%s: %s %s %q", line, x.Client, x.At, x.Account)
		}
	}
}

func TestALineOfSeveralAttemptsIsOne(t *testing.T) {
	x := one(t, "sshd", `Feb 12 14:10:24 host sshd[1]: message repeated 5 times: [ Failed password for root from 203.0.113.9 port 1 ssh2]`)
	if x.Status != 401 || x.Account != "root" {
		t.Errorf("%+v", x)
	}
}

// TestOpenSSHLog counts in a real log, whose truth is known: 713 failed passwords and 178 invalid
// users of 130 clients, 47 of which failed more than five times in ten minutes.
func TestOpenSSHLog(t *testing.T) {
	dir := os.Getenv("DATA")
	if dir == "" {
		t.Skip("set DATA to the directory of the open logs")
	}
	f, err := os.Open(filepath.Join(dir, "elasticssh2015_auth.log.gz"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Defaults(), 1)
	if err != nil {
		t.Fatal(err)
	}
	failed, clients, over := 0, map[string]bool{}, map[string]bool{}
	stats, err := Read(context.Background(), z, Format{}, Options{Zone: time.UTC}, func(x *engine.Exchange) {
		if x.Status == 401 {
			failed++
			clients[x.Client.String()] = true
		}
		x.Refused = e.Decide(x.Request).Refused()
		for _, f := range e.Observe(*x) {
			over[f.Client.String()] = true
		}
	})
	if err != nil || stats.Bad > 0 || stats.Format != "sshd" || failed != 713+178 || len(clients) != 130 || len(over) != 47 {
		t.Errorf("%+v, %v: %d failed of %d clients, %d over the limit", stats, err, failed, len(clients), len(over))
	}
}
