package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func prefixes(all ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, p := range all {
		ps = append(ps, netip.MustParsePrefix(p))
	}
	return ps
}

// houses are the proxies that most of these tests trust.
var houses = prefixes("127.0.0.1/32", "::1/128", "10.0.0.0/8")

func TestWhoAsksBehindTrustedProxies(t *testing.T) {
	for _, c := range []struct {
		about  string
		from   string
		header string // that counts
		says   []string
		client string
		bad    bool // flagged
	}{
		{"one address", "127.0.0.1", "", []string{"198.51.100.66"}, "198.51.100.66", false},
		{"no header", "127.0.0.1", "", nil, "127.0.0.1", false},
		{"the rightmost counts, not what the client wrote", "127.0.0.1", "", []string{"192.0.2.10, 198.51.100.66"}, "198.51.100.66", false},
		{"trusted hops are passed over", "127.0.0.1", "", []string{"198.51.100.66, 10.1.2.3"}, "198.51.100.66", false},
		{"mapped trusted hops too", "127.0.0.1", "", []string{"198.51.100.66, ::ffff:10.1.2.3"}, "198.51.100.66", false},
		{"all trusted: the farthest", "127.0.0.1", "", []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9", false},
		{"two lines are one list", "127.0.0.1", "", []string{"192.0.2.10", "198.51.100.66"}, "198.51.100.66", false},
		{"two lines, trusted hops in the last", "127.0.0.1", "", []string{"192.0.2.10, 198.51.100.66", "10.0.0.1"}, "198.51.100.66", false},
		{"a port", "127.0.0.1", "", []string{"198.51.100.66:4711"}, "198.51.100.66", false},
		{"brackets", "127.0.0.1", "", []string{"[2001:db8::9]"}, "2001:db8::9", false},
		{"brackets and a port", "127.0.0.1", "", []string{"[2001:db8::9]:4711"}, "2001:db8::9", false},
		{"a mapped address", "127.0.0.1", "", []string{"::ffff:198.51.100.66"}, "198.51.100.66", false},
		{"a mapped address in hexadecimal", "127.0.0.1", "", []string{"::ffff:c633:6442"}, "198.51.100.66", false},
		{"capitals and zeros", "127.0.0.1", "", []string{"2001:0DB8:0BAD:0000:0000:0000:0000:0001"}, "2001:db8:bad::1", false},
		{"empty entries", "127.0.0.1", "", []string{"198.51.100.66, , ,10.0.0.1"}, "198.51.100.66", false},
		{"empty entries at the ends", "127.0.0.1", "", []string{",198.51.100.66,", ""}, "198.51.100.66", false},
		{"a tab", "127.0.0.1", "", []string{"\t198.51.100.66\t"}, "198.51.100.66", false},
		{"a mapped peer is that peer", "::ffff:127.0.0.1", "", []string{"198.51.100.66"}, "198.51.100.66", false},

		{"unknown", "127.0.0.1", "", []string{"unknown"}, "127.0.0.1", true},
		{"nothing", "127.0.0.1", "", []string{""}, "127.0.0.1", true},
		{"only commas", "127.0.0.1", "", []string{", ,,"}, "127.0.0.1", true},
		{"a word behind an address", "127.0.0.1", "", []string{"198.51.100.66, unknown"}, "127.0.0.1", true},
		{"a word before one", "127.0.0.1", "", []string{"unknown, 198.51.100.66"}, "198.51.100.66", false},
		{"an integer", "127.0.0.1", "", []string{"3325256770"}, "127.0.0.1", true},
		{"a hexadecimal integer", "127.0.0.1", "", []string{"0xc6336442"}, "127.0.0.1", true},
		{"octal", "127.0.0.1", "", []string{"0306.063.0144.0102"}, "127.0.0.1", true},
		{"three parts", "127.0.0.1", "", []string{"198.51.25666"}, "127.0.0.1", true},
		{"a zone", "127.0.0.1", "", []string{"fe80::1%eth0"}, "127.0.0.1", true},
		{"a zone in brackets", "127.0.0.1", "", []string{"[fe80::1%25eth0]:1"}, "127.0.0.1", true},
		{"a network", "127.0.0.1", "", []string{"198.51.100.0/24"}, "127.0.0.1", true},
		{"a port that is none", "127.0.0.1", "", []string{"198.51.100.66:"}, "127.0.0.1", true},
		{"a port too far", "127.0.0.1", "", []string{"198.51.100.66:65536"}, "127.0.0.1", true},
		{"an open bracket", "127.0.0.1", "", []string{"[2001:db8::9"}, "127.0.0.1", true},
		{"an IPv4 address in brackets", "127.0.0.1", "", []string{"[198.51.100.66]"}, "127.0.0.1", true},
		{"nowhere", "127.0.0.1", "", []string{"0.0.0.0"}, "127.0.0.1", true},
		{"everybody", "127.0.0.1", "", []string{"ff02::1"}, "127.0.0.1", true},
		{"line breaks", "127.0.0.1", "", []string{"198.51.100.66\r\n"}, "127.0.0.1", true},

		{"a stranger names nobody", "127.0.0.9", "", []string{"192.0.2.10"}, "127.0.0.9", false},
		{"a stranger is not this machine", "127.0.0.9", "", []string{"127.0.0.1"}, "127.0.0.9", false},
		{"a stranger's nonsense", "127.0.0.9", "", []string{"nonsense"}, "127.0.0.9", false},

		{"Forwarded", "127.0.0.1", "forwarded", []string{"for=198.51.100.66"}, "198.51.100.66", false},
		{"Forwarded, the rightmost", "127.0.0.1", "Forwarded", []string{`for=192.0.2.10;proto=http, For="198.51.100.66:80";by=10.0.0.1`}, "198.51.100.66", false},
		{"Forwarded over a trusted hop", "127.0.0.1", "Forwarded", []string{`for=198.51.100.66`, `by=x;for="10.0.0.3"`}, "198.51.100.66", false},
		{"Forwarded with IPv6", "127.0.0.1", "Forwarded", []string{`for="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17", false},
		{"Forwarded with an obfuscated port", "127.0.0.1", "Forwarded", []string{`for="198.51.100.66:_p1"`}, "198.51.100.66", false},
		{"Forwarded with commas in quotes", "127.0.0.1", "Forwarded", []string{`for=198.51.100.66;host="a,b;c\"d"`}, "198.51.100.66", false},
		{"Forwarded, a quote left open by the client", "127.0.0.1", "Forwarded", []string{`for=", for=198.51.100.66`}, "198.51.100.66", false},
		{"Forwarded, hidden", "127.0.0.1", "Forwarded", []string{`for=_hidden`}, "127.0.0.1", true},
		{"Forwarded, unknown", "127.0.0.1", "Forwarded", []string{`for=unknown`}, "127.0.0.1", true},
		{"Forwarded without for", "127.0.0.1", "Forwarded", []string{`for=198.51.100.66, proto=https`}, "127.0.0.1", true},
		{"Forwarded, for twice", "127.0.0.1", "Forwarded", []string{`for=198.51.100.66;for=192.0.2.10`}, "127.0.0.1", true},
		{"Forwarded, an open quote at the end", "127.0.0.1", "Forwarded", []string{`for="198.51.100.66`}, "127.0.0.1", true},
		{"a bare address is not Forwarded", "127.0.0.1", "Forwarded", []string{`198.51.100.66`}, "127.0.0.1", true},
		{"a header with one address", "127.0.0.1", "cf-connecting-ip", []string{"198.51.100.66"}, "198.51.100.66", false},
	} {
		g := &witness{}
		name := c.header
		if name == "" {
			name = "X-Forwarded-For"
		}
		r := request("GET", "/", netip.AddrPortFrom(netip.MustParseAddr(c.from), 4711).String())
		for _, line := range c.says {
			r.Header.Add(name, line)
		}
		ask(New(Config{Trusted: houses, ClientHeader: c.header}, g, http.NotFoundHandler()), r)
		x := g.only(t)
		if x.Client != netip.MustParseAddr(c.client) || x.Flags&engine.BadForwardedFor != 0 != c.bad || x.Exempt {
			t.Errorf("%s: %v, flags %v", c.about, x.Client, x.Flags.Names())
		}
	}
}

func TestOnlyTheConfiguredHeaderCounts(t *testing.T) {
	for _, name := range []string{
		"X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-IP", "Fastly-Client-IP", "Forwarded-For", "X-Originating-IP",
		"X_Forwarded_For", "X.Forwarded.For",
	} {
		g := &witness{}
		gw := New(Config{Trusted: houses}, g, http.NotFoundHandler())
		ask(gw, request("GET", "/", "127.0.0.1:1", name, "198.51.100.66", "X-Forwarded-For", "192.0.2.77"))
		if x := g.only(t); x.Client != netip.MustParseAddr("192.0.2.77") || x.Forwarded.IsValid() {
			t.Errorf("%s made %v of it, %v", name, x.Client, x.Forwarded)
		}
		g.forget()
		ask(gw, request("GET", "/", "127.0.0.9:1", name, "198.51.100.66"))
		if x := g.only(t); x.Client != netip.MustParseAddr("127.0.0.9") {
			t.Errorf("%s from a stranger made %v of it", name, x.Client)
		}
	}
}

func TestAHeaderThatDoesNotCountIsRememberedForTheSelfTest(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"X-Forwarded-For", "192.0.2.1, 198.51.100.66", "198.51.100.66"},
		{"Forwarded", "for=198.51.100.66", "198.51.100.66"},
		{"X-Real-IP", "198.51.100.66", "198.51.100.66"},
		{"X-Forwarded-For", "nonsense", ""},
		{"X-Request-ID", "198.51.100.66", ""},
	} {
		g := &witness{}
		ask(New(Config{}, g, http.NotFoundHandler()), request("GET", "/", "10.0.0.5:1", c.name, c.value))
		x := g.only(t)
		if got := x.Forwarded; c.want == "" && got.IsValid() || c.want != "" && got != netip.MustParseAddr(c.want) || x.Client != netip.MustParseAddr("10.0.0.5") {
			t.Errorf("%s: %s became %v, client %v", c.name, c.value, got, x.Client)
		}
	}
}

func TestTheSelfTestIsToldWhatCameThroughATrustedProxy(t *testing.T) {
	for from, through := range map[string]bool{"10.0.0.5:1": true, "[::ffff:10.0.0.5]:1": true, "192.0.2.5:1": false} {
		g := &witness{}
		ask(New(Config{Trusted: houses}, g, http.NotFoundHandler()), request("GET", "/", from, "X-Forwarded-For", "198.51.100.66"))
		if x := g.only(t); x.Proxied != through {
			t.Errorf("from %s it is %v", from, x.Proxied)
		}
	}
}

func TestAListBombCostsNothing(t *testing.T) {
	c := newClients(Config{Trusted: houses})
	for about, list := range map[string]string{
		"addresses":     strings.Repeat("192.0.2.9, ", 5000) + "198.51.100.66",
		"commas":        strings.Repeat(",", 60_000),
		"one entry":     strings.Repeat("1", 60_000),
		"trusted hops":  strings.Repeat("10.0.0.1,", 6000) + "10.0.0.1",
		"spaces":        strings.Repeat(" ", 60_000),
		"open brackets": strings.Repeat("[", 60_000),
	} {
		r := &http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{"X-Forwarded-For": {list}}}
		start := time.Now()
		who, _ := c.of(r)
		if took := time.Since(start); took > 5*time.Millisecond {
			t.Errorf("%s took %v", about, took)
		}
		if want := "127.0.0.1"; about == "addresses" && who.addr != netip.MustParseAddr("198.51.100.66") || about != "addresses" && who.addr != netip.MustParseAddr(want) {
			t.Errorf("%s became %v", about, who.addr)
		}
		if allocs := testing.AllocsPerRun(10, func() { c.of(r) }); allocs > 0 {
			t.Errorf("%s: %v allocations", about, allocs)
		}
	}
}

func TestTrustedNetworksAreFoundHoweverManyThereAre(t *testing.T) {
	n := newNetworks(prefixes("10.0.0.0/8", "10.1.0.0/16", "::ffff:172.16.0.0/108", "2001:db8::/32", "192.0.2.1/32", "10.0.0.0/30"))
	for addr, want := range map[string]bool{
		"10.0.0.0": true, "10.255.255.255": true, "9.255.255.255": false, "11.0.0.0": false, "10.1.2.3": true, "172.31.0.1": true, "172.32.0.1": false,
		"2001:db8::1": true, "2001:db9::": false, "192.0.2.1": true, "192.0.2.2": false, "::": false, "::a00:1": false,
	} {
		if n.contains(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s: want %v", addr, want)
		}
	}
	if newNetworks().contains(netip.MustParseAddr("10.0.0.1")) {
		t.Error("an empty list trusts somebody")
	}
}

func TestTheNextServerIsToldWhoAskedAndNothingForged(t *testing.T) {
	for _, c := range []struct {
		about, from string
		says        []string
		told        string // to the next server
		seen        string // by a handler in the same process
	}{
		{"a stranger", "127.0.0.9:1", []string{"192.0.2.10"}, "", ""},
		{"a trusted proxy", "127.0.0.1:1", []string{"198.51.100.66"}, "198.51.100.66, 127.0.0.1", "198.51.100.66"},
		{"forged on the left", "127.0.0.1:1", []string{"192.0.2.10,1, 198.51.100.66, 10.0.0.2"}, "198.51.100.66, 10.0.0.2, 127.0.0.1", "198.51.100.66, 10.0.0.2"},
		{"forged in another line", "127.0.0.1:1", []string{"192.0.2.10", "198.51.100.66 ,10.0.0.2"}, "198.51.100.66, 10.0.0.2, 127.0.0.1", "198.51.100.66 ,10.0.0.2"},
		{"nonsense", "127.0.0.1:1", []string{"unknown"}, "", ""},
		{"no header", "127.0.0.1:1", nil, "", ""},
	} {
		var client netip.Addr
		var told, seen string
		g := &witness{}
		r := request("GET", "/", c.from)
		for _, line := range c.says {
			r.Header.Add("X-Forwarded-For", line)
		}
		ask(New(Config{Trusted: houses}, g, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			client, told = w.(interface{ Asker() (netip.Addr, string) }).Asker()
			seen = strings.Join(r.Header["X-Forwarded-For"], "\n")
		})), r)
		if x := g.only(t); client != x.Client || told != c.told || seen != c.seen {
			t.Errorf("%s: %v told %q, shown %q", c.about, client, told, seen)
		}
	}
}

func FuzzClientAddr(f *testing.F) {
	f.Add("127.0.0.1:80", "198.51.100.66", false)
	f.Add("127.0.0.1:80", "192.0.2.1, 198.51.100.66, 10.0.0.1", false)
	f.Add("[::1]:80", "[2001:db8::1]:4711, ::ffff:10.0.0.1", false)
	f.Add("127.0.0.1:80", `for="[2001:db8::1]:_x";by=10.0.0.1, for=10.0.0.2`, true)
	f.Add("127.0.0.1:80", `for="\"", for="a,b"`, true)
	f.Add("127.0.0.9:80", "fe80::1%eth0", false)
	f.Add("127.0.0.1:80", `for="[8::1]:_x";by=10.0.0.1 for="`, true)
	f.Add("127.0.0.1:80", `for=8::1;by\=10.0.0.1`, true)
	f.Fuzz(func(t *testing.T, remote, says string, rfc bool) {
		header := "X-Forwarded-For"
		if rfc {
			header = "Forwarded"
		}
		c := newClients(Config{Trusted: houses, ClientHeader: header})
		of := func(lines ...string) (client, *problem) {
			return c.of(&http.Request{RemoteAddr: remote, Header: http.Header{header: lines}})
		}
		who, no := of(says)
		if no != nil {
			return
		}
		a := who.addr
		if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
			t.Fatalf("%q became %v", says, a)
		}
		if !who.proxied && a != who.peer {
			t.Fatalf("the stranger %v became %v", who.peer, a)
		}
		if !who.proxied || c.trusted.contains(a) {
			return
		}
		left := "192.0.2.9"
		if rfc {
			left = "for=192.0.2.9"
		}
		for _, more := range [][]string{{left, says}, {left + "," + says}, {`"`, says}, {says + "," + readable(a, rfc)}, {"", "," + says}} {
			if other, _ := of(more...); other.addr != a {
				t.Fatalf("%q became %v, and %q became %v", says, a, more, other.addr)
			}
		}
		if told, want := c.hops(who, http.Header{header: {says}}), a.String(); a != who.peer && (!strings.HasPrefix(told, want) || !strings.HasSuffix(told, who.peer.String())) {
			t.Fatalf("%q is told as %q", says, told)
		}
	})
}

func readable(a netip.Addr, rfc bool) string {
	if rfc {
		return `for="[` + netip.AddrFrom16(a.As16()).String() + `]"`
	}
	return netip.AddrFrom16(a.As16()).String()
}
