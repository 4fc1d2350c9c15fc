package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/local"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// sentinel runs a command as from a shell.
func sentinel(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	c := command()
	var out bytes.Buffer
	c.SetArgs(args)
	c.SetIn(strings.NewReader(in))
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

// kept is a data directory that a Sentinel has used.
func kept(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAStoppedSentinelIsLookedAfterFromTheShell(t *testing.T) {
	dir := kept(t)
	for _, step := range []struct {
		in   string
		args []string
		says string
	}{
		{"", []string{"operator", "add", "mara", "--role", "admin"}, "/setup#name=mara&token="},
		{"seven otters knit\n", []string{"operator", "passwd", "mara"}, "mara has a new password"},
		{"seven otters knit", []string{"operator", "add", "joe", "--password-stdin"}, "joe is an operator: VIEWER"},
		{"", []string{"operator", "list"}, "joe   VIEWER  never"},
		{"", []string{"operator", "remove", "joe"}, "no operator any more"},
		{"", []string{"token", "create", "bouncer", "--for", "30d"}, "sntl_"},
		{"", []string{"token", "list"}, "bouncer"},
		{"", []string{"token", "revoke", "bouncer"}, "nobody in any more"},
		{"", []string{"decisions", "add", "198.51.100.7", "--reason", "a test", "--for", "30d"}, "198.51.100.7"},
		{"", []string{"decisions", "list", "--json"}, `"target":"198.51.100.7"`},
		{"", []string{"decisions", "lift", "198.51.100.7"}, "lifted D-"},
		{"", []string{"decisions", "list", "--json"}, `{"decisions":[]}`},
	} {
		out, err := sentinel(t, step.in, append(step.args, "--data", dir)...)
		if err != nil || !strings.Contains(out, step.says) {
			t.Errorf("%v says %q, %v", step.args, out, err)
		}
	}
	s, err := store.Open(t.Context(), store.Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	who, err := access.New(access.Config{Ledger: s})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := who.SignIn(t.Context(), "mara", "seven otters knit", netip.Addr{}, ""); err != nil {
		t.Errorf("mara can't sign in: %v", err)
	}
}

func TestTheShellAsksASentinelThatRuns(t *testing.T) {
	dir := kept(t)
	s, err := store.Open(t.Context(), store.Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := sentinel(t, "", "operator", "list", "--data", dir); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("without a socket: %v", err)
	}
	who, err := access.New(access.Config{Ledger: s})
	if err != nil {
		t.Fatal(err)
	}
	l, err := local.Listen(t.Context(), dir, &local.Desk{Access: who}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err := sentinel(t, "", "operator", "add", "mara", "--json", "--data", dir)
	var a local.Answer
	if err != nil || json.Unmarshal([]byte(out), &a) != nil || len(a.Operators) != 1 || a.Link == "" {
		t.Errorf("got %q %v", out, err)
	}
	if all, err := who.Operators(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("there are %v %v", all, err)
	}
}

func TestADirectoryWithoutASentinelIsNotMadeOne(t *testing.T) {
	dir := t.TempDir() + "/mistyped"
	if out, err := sentinel(t, "", "operator", "list", "--data", dir); err == nil || !strings.Contains(err.Error(), "there is no Sentinel in") {
		t.Errorf("got %q %v", out, err)
	}
}

func TestAListOnTheTerminalObeysNoStranger(t *testing.T) {
	if got := plain("\x1b[2Ja\u202eb\r\nc\u009b"); strings.ContainsAny(got, "\x1b\r\n\u202e\u009b") || !strings.Contains(got, "a") {
		t.Errorf("%q", got)
	}
}
