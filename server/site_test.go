package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/config"
)

func TestANameBehindTLSIsNotTrustedWithoutIt(t *testing.T) {
	c := config.Console{Hosts: []string{"Console.example.com", "inside:8081"}, Origins: []string{"https://console.example.com"}}
	got := origins(c, []string{"127.0.0.1:8081"}, false)
	if want := []string{"https://console.example.com", "http://127.0.0.1:8081", "http://inside:8081"}; !slices.Equal(got, want) {
		t.Errorf("pages of %v may act, want %v", got, want)
	}
	if got := origins(config.Console{Hosts: c.Hosts}, []string{"127.0.0.1:8081"}, false); got != nil {
		t.Errorf("without further origins there are %v", got)
	}
}

func TestReloadsDoNotRunOutOfNumbersForExchanges(t *testing.T) {
	stays := &lasting{node: 200}
	before := []byte{stays.node}
	for range 300 { // sites, one after the other
		a, b := stays.number(), stays.number()
		if a == b || slices.Contains(before, a) || slices.Contains(before, b) {
			t.Fatalf("%d and %d are numbers of %v too", a, b, before)
		}
		before = []byte{stays.node, a, b}
	}
}

func TestTheInventoryIsHeldAgainstTheFileOfTheNewestSite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.yml")
	if err := os.WriteFile(file, []byte("openapi: 3.1.0\npaths: {/accounts: {get: {}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	quiet, stays := slog.New(slog.DiscardHandler), &lasting{}
	made := func(openapi string) *site {
		cfg := config.Defaults()
		cfg.Gateway.Routes.OpenAPI = openapi
		s, err := newSite(cfg, reading(cfg, []byte("unused"), quiet), stays, nil, quiet)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	at := newSites(made(""))
	defer at.Close()
	if at.catalogue() != nil {
		t.Error("routes that are learned are taken for a file")
	}
	at.replace(made(file))
	if c := at.catalogue(); c == nil || len(c.Operations()) != 1 {
		t.Errorf("the file holds %v", c)
	}
}
