package main

import (
	"net/netip"
	"testing"
	"time"
)

func at(seconds ...int) []time.Time {
	out := make([]time.Time, len(seconds))
	for i, s := range seconds {
		out[i] = time.Unix(int64(s), 0).UTC()
	}
	return out
}

func TestDelayIsWhatASourceGotDoneUntilItWasFlagged(t *testing.T) {
	requests := at(10, 20, 30, 30, 40, 90)
	for _, c := range []struct {
		about           string
		intent, intents int
		flagged         int
		want            delay
	}{
		{"at its first hostile request", 20, 4, 20, delay{1, 0}},
		{"at one of two in a second, which count both", 20, 4, 30, delay{3, 10}},
		{"after honest ones among them, at most all hostile ones", 20, 2, 40, delay{2, 20}},
		{"before it began", 20, 4, 15, delay{0, 0}},
		{"with its last request", 20, 5, 90, delay{5, 70}},
	} {
		if got := until(requests, at(c.intent)[0], c.intents, at(c.flagged)[0]); got != c.want {
			t.Errorf("%s: %v, want %v", c.about, got, c.want)
		}
	}
}

func addresses(names ...string) []netip.Addr {
	out := make([]netip.Addr, len(names))
	for i, n := range names {
		out[i] = netip.MustParseAddr(n)
	}
	return out
}

func TestTheLargestIncidentsCoverTheirSourcesOnce(t *testing.T) {
	sources := map[netip.Addr]bool{}
	for _, a := range addresses("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5") {
		sources[a] = true
	}
	incidents := [][]netip.Addr{
		addresses("10.0.0.5"),
		addresses("10.0.0.1", "10.0.0.2"),
		addresses("10.0.0.2", "10.0.0.3", "192.0.2.1"),
	}
	for _, c := range []struct {
		largest int
		want    float64
	}{{1, 0.4}, {2, 0.6}, {3, 0.8}, {9, 0.8}} {
		if got := covered(incidents, sources, c.largest); !near(got, c.want) {
			t.Errorf("the %d largest hold %v, want %v", c.largest, got, c.want)
		}
	}
	if got := covered(nil, sources, 3); got != 0 {
		t.Errorf("no incident holds %v", got)
	}
}

func TestIncidentsArePureWhenTheyHoldAttackersOnly(t *testing.T) {
	hostile := map[netip.Addr]bool{}
	for i, a := range addresses("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4") {
		hostile[a] = i < 3
	}
	got := pureOf([][]netip.Addr{
		addresses("10.0.0.1", "10.0.0.2", "10.0.0.3"),
		addresses("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"),
		addresses("10.0.0.1", "10.0.0.4"),              // too few
		addresses("10.0.0.1", "10.0.0.4", "192.0.2.1"), // of three, one is not labelled
	}, hostile, 3)
	if got.incidents != 2 || got.pure != 1 || !near(got.share, 0.875) {
		t.Errorf("%+v", got)
	}
}
