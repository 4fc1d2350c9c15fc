package gateway

import (
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const (
	simulatedHeader = "X-Simulated-Ip" // as net/http spells it
	forwardedForHdr = "X-Forwarded-For"
	forwardedHdr    = "Forwarded"
	realIPHdr       = "X-Real-Ip"
)

// A client is whose request it is, as far as the gateway can tell.
type client struct {
	addr      netip.Addr // canonical: unmapped, without zone
	peer      netip.Addr // of the connection; the same when no header counts
	proxied   bool       // the peer is a trusted proxy
	forged    bool       // the header that counts holds more than what counts of it
	near      bool       // the header's last entry is the client: no other proxy is between
	exempt    bool
	forwarded netip.Addr // what a header names that doesn't count
	flags     engine.Flags
}

// clients tells whose a request is.
type clients struct {
	demo    bool
	trusted networks
	header  string // the one that counts when the peer is trusted, as net/http spells it
}

func newClients(c Config, more ...[]netip.Prefix) clients {
	header := textproto.CanonicalMIMEHeaderKey(c.ClientHeader)
	if header == "" {
		header = forwardedForHdr
	}
	return clients{demo: c.Demo, trusted: newNetworks(append(more, c.Trusted)...), header: header}
}

// ClientOf tells whose a request is by the rule that a gateway goes by: for other doors that
// stand behind the same proxies. Of c, Trusted and ClientHeader count. Who asks of whom it can't
// be told is the zero Addr.
func ClientOf(c Config) func(*http.Request) netip.Addr {
	all := newClients(Config{Trusted: c.Trusted, ClientHeader: c.ClientHeader})
	return func(r *http.Request) netip.Addr {
		who, _ := all.of(r) // a problem leaves it zero
		return who.addr
	}
}

// Where the demo's operator sits, as actors: what names one of these is his.
var (
	localhost4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	localhost6 = netip.IPv6Loopback()
	local64    = netip.PrefixFrom(netip.IPv6Unspecified(), 64)
)

// of tells whose request it is: the connection's, unless that is a trusted proxy; then the
// rightmost entry of the one configured header that is no trusted proxy itself, or the
// leftmost when all are. A header that names no address leaves it with the proxy, flagged.
func (c *clients) of(r *http.Request) (client, *problem) {
	peer, ok := peerOf(r.RemoteAddr)
	if !ok {
		return client{}, &problem{
			status: http.StatusInternalServerError, kind: "client", title: "Who asks can't be told", cause: CauseClient,
			detail: "The gateway can't tell who asks. Quote the reference to whoever runs this API.",
		}
	}
	who := client{addr: peer, peer: peer, proxied: c.trusted.contains(peer)}
	said, simulated := r.Header[simulatedHeader]
	if c.demo && (peer == localhost4 || peer == localhost6) {
		return c.simulated(who, said, simulated)
	}
	if simulated && !c.demo {
		who.flags |= engine.SimulatedHeader
	}
	if lines := r.Header[c.header]; who.proxied && len(lines) > 0 {
		t := newTrail(lines, c.header == forwardedHdr)
		addr, ok := c.walk(&t, nil)
		if !ok {
			addr, who.flags = peer, who.flags|engine.BadForwardedFor
		}
		who.addr, who.forged, who.near = addr, !ok || !t.whole(), ok && t.entries == 1
		return who, nil
	}
	who.forwarded = c.named(r.Header)
	return who, nil
}

// simulated is of for the demo's own machine.
func (c *clients) simulated(who client, said []string, simulated bool) (client, *problem) {
	who.exempt, who.proxied = true, false
	if !simulated {
		return who, nil
	}
	if len(said) == 1 {
		if addr, ok := address(said[0]); ok {
			who.addr, who.exempt = addr, addr == localhost4 || local64.Contains(addr)
			return who, nil
		}
	}
	return who, &problem{
		status: http.StatusBadRequest, kind: "client", title: "The simulated address is not valid", cause: CauseClient,
		field: "X-Simulated-IP", detail: "X-Simulated-IP must be given once and hold one IPv4 or IPv6 address of a client.",
	}
}

// walk goes from the right over trusted proxies to the first address that is none. It answers
// false when an entry is no address or there is none at all. visit sees each address.
func (c *clients) walk(t *trail, visit func(netip.Addr)) (netip.Addr, bool) {
	var last netip.Addr
	for {
		entry, ok := t.next()
		if !ok {
			return last, last.IsValid() && !t.cut
		}
		addr, ok := readEntry(entry, t.quoted)
		if !ok {
			return netip.Addr{}, false
		}
		if visit != nil {
			visit(addr)
		}
		if !c.trusted.contains(addr) {
			return addr, true
		}
		last = addr
	}
}

func readEntry(entry string, quoted bool) (netip.Addr, bool) {
	if len(entry) > longestEntry {
		return netip.Addr{}, false
	}
	if quoted {
		said, ok := forwardedFor(entry)
		if !ok {
			return netip.Addr{}, false
		}
		entry = said
	}
	return node(entry)
}

// named is the client that a header names which doesn't count here; zero when none does.
func (c *clients) named(h http.Header) netip.Addr {
	for _, name := range [...]string{forwardedForHdr, forwardedHdr, realIPHdr} {
		if lines := h[name]; len(lines) > 0 {
			t := newTrail(lines, name == forwardedHdr)
			if addr, ok := c.walk(&t, nil); ok {
				return addr
			}
		}
	}
	return netip.Addr{}
}

// hops writes X-Forwarded-For anew for the next server: the client, then the proxies behind
// which it is, the nearest last; empty when that is the client alone. Nothing of it was written
// by the client.
func (c *clients) hops(who client, h http.Header) string {
	if who.addr == who.peer || !who.proxied {
		return ""
	}
	var hops [4]netip.Addr // as many as there are nearly always
	var text [128]byte
	passed := append(hops[:0], who.peer)
	if who.near {
		passed = append(passed, who.addr)
	} else {
		t := newTrail(h[c.header], c.header == forwardedHdr)
		c.walk(&t, func(a netip.Addr) { passed = append(passed, a) })
	}
	b := text[:0]
	for i, a := range slices.Backward(passed) {
		b = a.AppendTo(b)
		if i > 0 {
			b = append(b, ", "...)
		}
	}
	return string(b)
}

// peerOf reads the address of a connection.
func peerOf(remote string) (netip.Addr, bool) {
	ap, err := netip.ParseAddrPort(remote)
	if err == nil {
		return ap.Addr().WithZone("").Unmap(), true
	}
	addr, err := netip.ParseAddr(remote) // a server of another make may leave the port out
	return addr.WithZone("").Unmap(), err == nil
}

// address reads one that a header names: an address that a client can have, without a zone.
func address(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(text, " \t"))
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	addr = addr.Unmap()
	return addr, !addr.IsUnspecified() && !addr.IsMulticast()
}
