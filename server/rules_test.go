package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

const ownRule = `
rules:
  - id: reports-drained
    title: Reports drained
    explains: A client downloads more than two reports in a minute.
    when: {method: GET, route: "/reports/{id}", status: 2xx}
    count: 2
    within: 1m
    severity: MEDIUM
    do: block
    for: 1h
    mode: shadow
    shows: [{request: "GET /reports/{i}", status: 200, times: 3}]
    nearly: [{request: "GET /reports/{i}", status: 200, times: 2}]
`

func rulesIn(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRulesAreCheckedAndPlayed(t *testing.T) {
	dir := rulesIn(t, ownRule)
	out, err := sentinel(t, "", "rules", "check", dir)
	if err != nil || !strings.Contains(out, "reports-drained  mine  1        shadow  more than 2 requests in 1 minute by client  MEDIUM, block for 1 hour") || !strings.Contains(out, "1 rule can be used") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = sentinel(t, "", "rules", "test", dir)
	if err != nil || !strings.Contains(out, "BLOCK 198.51.100.1 for 1h") || !strings.Contains(out, "2 scenarios kept what they promise") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, c := range []struct{ was, is, command, says string }{
		{"count: 2", "count: 1", "test", "1 of 2 scenarios broke a promise"},
		{"    nearly:", "    # nearly:", "check", "mine.yml:3: nearly is missing"},
		{"    nearly:", "    # nearly:", "test", "is missing: write honest traffic"},
	} {
		out, err := sentinel(t, "", "rules", c.command, rulesIn(t, strings.Replace(ownRule, c.was, c.is, 1)))
		if !errors.Is(err, errBroken) || !strings.Contains(out, c.says) {
			t.Errorf("%s with %s: %v\n%s", c.command, c.is, err, out)
		}
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nowhere"), rulesIn(t, "rules: [{}]")} {
		if out, err := sentinel(t, "", "rules", "check", dir); err == nil {
			t.Errorf("%s can be used:\n%s", dir, out)
		}
	}
}

func TestReplayJudgesByThePacksThatItIsGiven(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	var lines strings.Builder
	for _, path := range []string{"/reports/1", "/reports/2", "/reports/3"} {
		lines.WriteString(`203.0.113.9 - - [22/Nov/2026:12:00:00 +0000] "GET ` + path + ` HTTP/1.1" 200 5 "-" "-"` + "\n")
	}
	lines.WriteString(`203.0.113.8 - - [22/Nov/2026:12:00:01 +0000] "GET /.git/config HTTP/1.1" 200 5 "-" "-"` + "\n")
	if err := os.WriteFile(log, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args       []string
		has, lacks string
	}{
		{[]string{"--json"}, `"secrets-given-out"`, `"reports-drained"`},
		{[]string{"--json", "--rules", rulesIn(t, ownRule)}, `"verdict":"block","rules":["reports-drained"]`, `"secrets-given-out"`},
	} {
		out, err := sentinel(t, "", append(append([]string{"replay"}, c.args...), log)...)
		if err != nil || !strings.Contains(out, c.has) || strings.Contains(out, c.lacks) {
			t.Errorf("replay %v: %v\n%s", c.args, err, out)
		}
	}
	if _, err := sentinel(t, "", "replay", "--rules", filepath.Join(t.TempDir(), "nowhere"), log); err == nil || !strings.Contains(err.Error(), "make the directory") {
		t.Error(err)
	}
}

func TestAReloadTakesPacksUpAndLeavesAllAsItIsWhenOneIsBroken(t *testing.T) {
	dir := rulesIn(t, ownRule)
	file := filepath.Join(t.TempDir(), "sentinel.yml")
	settings := "rules_dir: " + dir + "\nrules: {reports-drained: {mode: enforce, more: 5}, secrets-asked-for: {for: 2h}}\n"
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func() (config.Config, error) {
		return config.Load(config.Sources{File: file, Packs: packsIn, Environ: []string{"SENTINEL_RULES_SECRETS_ASKED_FOR_SEVERITY=LOW"}})
	}
	cfg, err := read()
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(cfg.Policy(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Policy().Terms("reports-drained"); got.Shadow || got.More != 5 || got.Do != engine.Block {
		t.Errorf("the terms are %+v", got)
	}
	if got := e.Policy().Terms("secrets-asked-for"); got.For.Hours() != 2 || !got.Shadow || got.Severity != engine.Low {
		t.Errorf("the terms are %+v", got)
	}
	take := func(next config.Config) error { return e.Revise(next.Policy()) }
	for _, c := range []struct {
		pack, logs, title string
	}{
		{strings.Replace(ownRule, "title: Reports drained", "title: All reports drained", 1), "was read again", "All reports drained"},
		{strings.Replace(ownRule, "count: 2", "cuont: 2", 1), "mine.yml:7: rules[0].cuont is no field that there is; the nearest is count", "All reports drained"},
		{strings.Replace(ownRule, "reports-drained", "others", 1), "rules.reports-drained is no rule that there is", "All reports drained"},
		{ownRule, "was read again", "Reports drained"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "mine.yml"), []byte(c.pack), 0o600); err != nil {
			t.Fatal(err)
		}
		var logged strings.Builder
		cfg = reload(cfg, read, take, slog.New(slog.NewTextHandler(&logged, nil)))
		var title string
		for _, r := range e.Policy().Packs {
			if r.ID == "reports-drained" {
				title = r.Title
			}
		}
		if title != c.title || !strings.Contains(logged.String(), c.logs) {
			t.Errorf("the title is %q, want %q; logged\n%s", title, c.title, logged.String())
		}
	}
}
