package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestACheckFindsWhatOnlyAStartWouldFind(t *testing.T) {
	dir := t.TempDir()
	file, text := filepath.Join(dir, "sentinel.yml"), filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("neither a certificate nor an API\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for settings, says := range map[string]string{
		"logs: [{file: a, format: nonsense}]":                              "logs[0].format",
		"gateway: {upstreams: [{url: 'http://a:1'}, {url: 'http://b:2'}]}": "both answer for",
		"service: {tls: {cert: TEXT, key: TEXT}}":                          "service.tls",
		"gateway: {routes: {openapi: TEXT}}":                               "gateway.routes.openapi",
		"gateway: {upstreams: [{url: 'https://a:1', ca_file: TEXT}]}":      "holds no certificate",
		"gateway: {upstreams: [{url: 'http://a:1', health: {path: /up}}]}": "",
	} {
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(settings, "TEXT", text)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := sentinel(t, "", "config", "check", "--config", file)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v\n%s", settings, err, out)
		}
	}
}

func TestACheckAndAStartTellEveryMistakeInALineOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.yml")
	text := "gateway: {drain: soon, mod: observe}\nclients:\n  trusted_proxies: [10.0.0.0/33]\nconsole: {listen: nowhere}\nlogs: [{file: a, format: nonsense}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"config", "check"}, {"serve", "--data", filepath.Join(dir, "data")}} {
		_, err := sentinel(t, "", append(command, "--config", file)...)
		if err == nil {
			t.Fatalf("%v takes it", command)
		}
		said := strings.Split(err.Error(), "\n")
		for i, want := range []string{":1: gateway.drain ", ":1: gateway.mod ", ":3: clients.trusted_proxies[0] ", ":4: console.listen ", ":5: logs[0].format "} {
			if i >= len(said) || !strings.Contains(err.Error(), file+want) {
				t.Errorf("%v says nothing of %s:\n%v", command, want, err)
			}
		}
		if len(said) != 5 {
			t.Errorf("%v says\n%v", command, err)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestAnAnswerThatCantBeWrittenIsAFailure(t *testing.T) {
	dir := kept(t)
	for _, args := range [][]string{
		{"config", "print"},
		{"config", "check"},
		{"version"},
		{"simulate"},
		{"rules", "check"},
		{"rules", "backtest", "rate-abuse", "--data", dir},
		{"decisions", "list", "--data", dir},
		{"replay", os.DevNull},
	} {
		c := command()
		c.SetArgs(args)
		c.SetErr(io.Discard)
		if err := execute(t.Context(), c, full{}); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
