package gateway

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestWhoAsks(t *testing.T) {
	for _, c := range []struct {
		about  string
		demo   bool
		remote string
		says   []string // X-Simulated-IP, line by line
		client string
		exempt bool
		status int // 0 passes
	}{
		{"a connection", false, "192.0.2.7:4711", nil, "192.0.2.7", false, 0},
		{"a mapped address", false, "[::ffff:192.0.2.7]:4711", nil, "192.0.2.7", false, 0},
		{"an address with a zone", false, "[fe80::1%eth0]:4711", nil, "fe80::1", false, 0},
		{"a mapped address with a zone", false, "[::ffff:192.0.2.7%eth0]:4711", nil, "192.0.2.7", false, 0},
		{"no port", false, "192.0.2.7", nil, "192.0.2.7", false, 0},
		{"a socket file", false, "@", nil, "", false, 500},
		{"nothing", false, "", nil, "", false, 500},

		{"production ignores the header", false, "127.0.0.1:1", []string{"198.51.100.66"}, "127.0.0.1", false, 0},
		{"production ignores nonsense in it", false, "127.0.0.1:1", []string{"nonsense"}, "127.0.0.1", false, 0},

		{"the operator", true, "127.0.0.1:1", nil, "127.0.0.1", true, 0},
		{"the operator on IPv6", true, "[::1]:1", nil, "::1", true, 0},
		{"the operator, mapped", true, "[::ffff:127.0.0.1]:1", nil, "127.0.0.1", true, 0},
		{"a simulated client", true, "127.0.0.1:1", []string{"198.18.0.7"}, "198.18.0.7", false, 0},
		{"a simulated client, from IPv6", true, "[::1]:1", []string{"198.18.0.7"}, "198.18.0.7", false, 0},
		{"a simulated IPv6 client", true, "127.0.0.1:1", []string{"2001:0DB8:0BAD:0:0:0:0:1"}, "2001:db8:bad::1", false, 0},
		{"a simulated mapped client", true, "127.0.0.1:1", []string{"::ffff:198.18.0.7"}, "198.18.0.7", false, 0},
		{"a simulated operator is the operator", true, "127.0.0.1:1", []string{"127.0.0.1"}, "127.0.0.1", true, 0},
		{"a simulated neighbour in the operator's /64 too", true, "127.0.0.1:1", []string{"::2"}, "::2", true, 0},

		{"another loopback address may not", true, "127.0.0.2:1", []string{"198.18.0.7"}, "127.0.0.2", false, 0},
		{"nor with nonsense", true, "127.0.0.9:1", []string{"nonsense"}, "127.0.0.9", false, 0},
		{"another machine may not", true, "192.0.2.7:1", []string{"127.0.0.1"}, "192.0.2.7", false, 0},

		{"no address", true, "127.0.0.1:1", []string{"not-an-ip"}, "127.0.0.1", true, 400},
		{"empty", true, "127.0.0.1:1", []string{""}, "127.0.0.1", true, 400},
		{"a port", true, "127.0.0.1:1", []string{"198.18.0.7:80"}, "127.0.0.1", true, 400},
		{"a network", true, "127.0.0.1:1", []string{"198.18.0.0/15"}, "127.0.0.1", true, 400},
		{"a zone", true, "127.0.0.1:1", []string{"fe80::1%lo"}, "127.0.0.1", true, 400},
		{"leading zeros", true, "127.0.0.1:1", []string{"198.018.0.7"}, "127.0.0.1", true, 400},
		{"a number", true, "127.0.0.1:1", []string{"3325256770"}, "127.0.0.1", true, 400},
		{"a list", true, "127.0.0.1:1", []string{"198.18.0.7, 198.18.0.8"}, "127.0.0.1", true, 400},
		{"two lines", true, "127.0.0.1:1", []string{"198.18.0.7", "198.18.0.7"}, "127.0.0.1", true, 400},
		{"nowhere", true, "127.0.0.1:1", []string{"0.0.0.0"}, "127.0.0.1", true, 400},
		{"everybody", true, "127.0.0.1:1", []string{"224.0.0.1"}, "127.0.0.1", true, 400},
	} {
		g := &witness{}
		calls := 0
		r := request("GET", "/api/balance", c.remote)
		for _, line := range c.says {
			r.Header.Add("X-Simulated-IP", line)
		}
		w := ask(New(Config{Demo: c.demo, Log: quiet}, g, teapot(&calls)), r)
		x := g.only(t)
		if got := x.Client; c.client == "" && got.IsValid() || c.client != "" && got != netip.MustParseAddr(c.client) || x.Exempt != c.exempt {
			t.Errorf("%s: client %v, exempt %v", c.about, x.Client, x.Exempt)
		}
		if c.status == 0 {
			if w.Code != http.StatusTeapot || len(g.asked) != 1 || g.asked[0] != x.Request {
				t.Errorf("%s: got %d", c.about, w.Code)
			}
			continue
		}
		var p struct{ Field, Reference string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || calls != 0 || !x.Refused || x.Cause != CauseClient || p.Reference != engine.ExchangeReference(x.ID) ||
			c.status == 400 && p.Field != "X-Simulated-IP" {
			t.Errorf("%s: got %d %s", c.about, w.Code, w.Body)
		}
	}
}

// names that other software reads an address from, and spellings that may pass for ours.
var tricks = []string{
	"X-Forwarded-For", "Forwarded", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip", "X-Cluster-Client-Ip",
	"Fastly-Client-Ip", "X-Originating-Ip", "Via", "Client-Ip", "X_Simulated_IP", "X-Simulated_ip", "x.simulated.ip", "X-Simulated-Ip ",
	"X-Simulated", "Simulated-Ip", "X-Sentinel-Client", "X-Forwarded-Host", "Host", "Origin", "Referer", "Connection",
}

func TestNoHeaderChangesWhoAsks(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	values := []string{"127.0.0.1", "::1", "198.18.0.7", "for=198.18.0.7", "unknown", "", "X-Simulated-IP", "198.18.0.7, 127.0.0.1", "\x00"}
	for range 2000 {
		g := &witness{}
		demo := dice.IntN(2) == 0
		remote := []string{"192.0.2.7:1", "[2001:db8::7]:1", "127.0.0.2:1", "127.0.0.1:1"}[dice.IntN(4)]
		r := request("GET", "/", remote)
		for range dice.IntN(6) {
			name := tricks[dice.IntN(len(tricks))]
			r.Header[name] = append(r.Header[name], values[dice.IntN(len(values))])
		}
		if remote != "127.0.0.1:1" && dice.IntN(2) == 0 {
			r.Header.Set("X-Simulated-IP", values[dice.IntN(len(values))])
		}
		ask(New(Config{Demo: demo}, g, http.NotFoundHandler()), r)
		x := g.only(t)
		if want := netip.MustParseAddrPort(remote).Addr(); x.Client != want || x.Exempt != (demo && remote == "127.0.0.1:1") {
			t.Fatalf("%s with %v became %v, exempt %v", remote, r.Header, x.Client, x.Exempt)
		}
	}
}

func FuzzClient(f *testing.F) {
	f.Add(true, "127.0.0.1:80", "198.18.0.7")
	f.Add(true, "[::1]:80", "::ffff:127.0.0.1")
	f.Add(true, "[::ffff:127.0.0.1%1]:80", "fe80::1%eth0")
	f.Add(false, "[fe80::1%eth0]:80", "127.0.0.1")
	f.Add(true, "127.0.0.2:1", "0.0.0.0")
	f.Fuzz(func(t *testing.T, demo bool, remote, says string) {
		g := newClients(Config{Demo: demo})
		r := &http.Request{RemoteAddr: remote, Header: http.Header{simulatedHeader: {says}}}
		who, no := g.of(r)
		peer, known := peerOf(remote)
		if !known {
			if no == nil || who.addr.IsValid() {
				t.Fatalf("%q has no address and became %v", remote, who.addr)
			}
			return
		}
		if !who.addr.IsValid() || who.addr.Zone() != "" || who.addr.Is4In6() {
			t.Fatalf("%v is not canonical", who.addr)
		}
		local := peer == netip.MustParseAddr("127.0.0.1") || peer == netip.MustParseAddr("::1")
		if (!demo || !local) && (who.addr != peer || who.exempt || no != nil) {
			t.Fatalf("%q said %q and became %v", remote, says, who)
		}
		if demo && local && no == nil {
			said, err := netip.ParseAddr(strings.Trim(says, " \t"))
			if err != nil || said.Unmap() != who.addr {
				t.Fatalf("%q became %v", says, who.addr)
			}
			// whom a block of this actor would hit
			if actor := engine.ActorOf(who.addr).Network; actor.Contains(peer) && !who.exempt {
				t.Fatalf("%q can have %v blocked", says, peer)
			}
		}
	})
}
