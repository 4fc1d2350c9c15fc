package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// What `sentinel replay --json` writes, as server/replay_test.go holds it to.
const said = `{"type":"client","client":"203.0.113.9","network":"203.0.113.9/32","requests":10,"verdict":"block","rules":["failed-authentication"],"first":"2024-01-01T00:00:05Z","reason":"203.0.113.9 failed to authenticate 6 times in 5 seconds; the limit is 5 in 10 minutes."}
{"type":"client","client":"203.0.113.10","network":"203.0.113.10/32","requests":10,"verdict":"alert","rules":["failed-authentication"],"first":"2024-01-01T00:00:05Z","reason":"203.0.113.10 failed to authenticate 6 times in 5 seconds; the limit is 5 in 10 minutes."}
{"type":"client","client":"2001:db8::1","network":"2001:db8::/64","requests":1,"verdict":"block","rules":["honeypot"],"first":"2024-01-01T00:00:11Z","reason":"2001:db8::/64 asked for \"/api/admin/users\", a decoy that nobody has a reason to ask for."}
{"type":"client","client":"198.51.100.1","network":"198.51.100.1/32","requests":1,"verdict":"none","rules":[],"first":"2024-01-01T00:00:11Z","reason":""}
{"type":"incident","id":"17","score":71,"clients":["203.0.113.9","203.0.113.10","203.0.113.11"],"reason":"Repeated authentication failures by 2 clients in 203.0.113.0/24, joined by network 203.0.113.0/24"}
{"type":"news","of":"a later version"}
{"type":"summary","lines":33,"bad_lines":1,"clients":4,"late_lines":1,"seconds":0.25}
`

func TestAReplayIsReadAsItsContractSays(t *testing.T) {
	r, err := parse(strings.NewReader(said))
	if err != nil {
		t.Fatal(err)
	}
	if want := (summary{Lines: 33, Bad: 1, Late: 1, Clients: 4, Seconds: 0.25}); r.summary != want {
		t.Errorf("%+v", r.summary)
	}
	flagged := r.flagged()
	for address, want := range map[string]bool{
		"203.0.113.9":  true,
		"203.0.113.10": true,
		"203.0.113.11": true, // member of an incident
		"2001:db8::2":  true, // of the same /64
		"2001:db8:1::": false,
		"198.51.100.1": false, // judged, and nothing found
	} {
		if got := flagged[identity(netip.MustParseAddr(address))]; got != want {
			t.Errorf("%s flagged: %v", address, got)
		}
	}
	v := r.clients[netip.MustParseAddr("203.0.113.9")]
	if !v.blocked || v.first != time.Date(2024, 1, 1, 0, 0, 5, 0, time.UTC) || len(v.rules) != 1 || len(r.networks) != 0 {
		t.Errorf("%+v %v", v, r.networks)
	}
}

func TestWhoIsBlockedWithHisNetworkIsBlockedWhenHeAsksAgain(t *testing.T) {
	r, err := parse(strings.NewReader(`{"type":"client","client":"203.0.113.9","network":"203.0.113.0/24","verdict":"block","rules":["x"],"first":"2024-01-01T00:00:05Z"}
{"type":"summary"}`))
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	for address, want := range map[string]bool{"203.0.113.9": true, "203.0.113.77": true, "203.0.114.1": false} {
		if got := r.blocks(netip.MustParseAddr(address), noon); got != want {
			t.Errorf("%s blocked: %v", address, got)
		}
	}
	if neighbour := netip.MustParseAddr("203.0.113.77"); r.blocks(neighbour, noon.AddDate(0, 0, -1)) || r.flagged()[neighbour] {
		t.Error("blocked before it was, or flagged for its neighbour")
	}
}

func TestWhatIsNoReplayIsRefused(t *testing.T) {
	for about, out := range map[string]string{
		"cut off":     strings.SplitAfter(said, "\n")[0],
		"text":        "Read 33 lines\n",
		"no address":  `{"type":"client","verdict":"block"}{"type":"summary"}`,
		"new verdict": `{"type":"client","client":"10.0.0.1","verdict":"challenge"}{"type":"summary"}`,
	} {
		if _, err := parse(strings.NewReader(out)); err == nil {
			t.Errorf("%s was taken for a replay", about)
		}
	}
}

func TestALogOutOfOrderHasARoughClock(t *testing.T) {
	if (summary{Lines: 100, Late: 10}).rough() || !(summary{Lines: 100, Late: 11}).rough() || (summary{}).rough() {
		t.Error("a tenth is the limit")
	}
}
