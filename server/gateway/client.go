package gateway

import (
	"net/http"
	"net/netip"
	"strings"
)

const simulatedHeader = "X-Simulated-Ip" // as net/http spells it

// A client is whose request it is, as far as the gateway can tell.
type client struct {
	addr   netip.Addr // canonical: unmapped, without zone
	exempt bool
}

// Where the demo's operator sits, as actors: what names one of these is his.
var (
	localhost4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	localhost6 = netip.IPv6Loopback()
	local64    = netip.PrefixFrom(netip.IPv6Unspecified(), 64)
)

// client tells whose request it is. No header but one counts, and that one in the demo only.
func (g *gateway) client(r *http.Request) (client, *problem) {
	peer, ok := peerOf(r.RemoteAddr)
	if !ok {
		g.log.ErrorContext(r.Context(), "a connection without an address: put the gateway on TCP", "remote", r.RemoteAddr)
		return client{}, &problem{
			status: http.StatusInternalServerError, kind: "client", title: "Who asks can't be told", cause: CauseClient,
			detail: "The gateway can't tell who asks. Quote the reference to whoever runs this API.",
		}
	}
	if !g.demo || peer != localhost4 && peer != localhost6 {
		return client{addr: peer}, nil
	}
	said, simulated := r.Header[simulatedHeader]
	if !simulated {
		return client{addr: peer, exempt: true}, nil
	}
	if len(said) == 1 {
		if addr, ok := address(said[0]); ok {
			return client{addr: addr, exempt: addr == localhost4 || local64.Contains(addr)}, nil
		}
	}
	return client{addr: peer, exempt: true}, &problem{
		status: http.StatusBadRequest, kind: "client", title: "The simulated address is not valid", cause: CauseClient,
		field: "X-Simulated-IP", detail: "X-Simulated-IP must be given once and hold one IPv4 or IPv6 address of a client.",
	}
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
