package gateway

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// A fate says whose a header may be on its way to the API.
type fate uint8

const (
	kept        fate = iota
	fromProxies      // only of a trusted proxy: it tells who the client is or what was asked for
	fromNobody       // never of a client: Sentinel's own, or of the connection
)

// fateOf judges a header by its canonical name.
func fateOf(name string) fate {
	switch name {
	case simulatedHeader, "Http2-Settings", "Proxy", "Te", "Trailer":
		return fromNobody
	case "Forwarded", "Forwarded-For", "Forwarded-Host", "Forwarded-Proto", "X-Forwarded", "X-Forward-For", "X-Original-Forwarded-For",
		"X-Real-Ip", "X-Real-Port", "X-Client-Ip", "X-Clientip", "X-Client-Real-Ip", "X-Cluster-Client-Ip", "X-Originating-Ip", "X-Remote-Ip", "X-Remote-Addr",
		"X-Proxyuser-Ip", "X-True-Ip", "X-True-Client-Ip", "True-Client-Ip", "Client-Ip", "Real-Ip", "Remote-Addr", "Remote-Ip",
		"Cf-Connecting-Ip", "Cf-Connecting-Ipv6", "Cf-Pseudo-Ipv4", "Cf-Ipcountry", "Fastly-Client-Ip", "Fastly-Ff", "Fly-Client-Ip",
		"X-Azure-Clientip", "X-Azure-Socketip", "X-Appengine-User-Ip", "X-Appengine-Remote-Addr", "X-Gateway-Client-Ip", "X-Nf-Client-Connection-Ip",
		"X-Vercel-Forwarded-For", "X-Vercel-Proxied-For", "X-Envoy-External-Address", "X-Envoy-Internal", "X-Envoy-Original-Path", "X-Envoy-Original-Host",
		"X-Coming-From", "X-Host", "X-Http-Host-Override", "Proxy-Client-Ip", "Wl-Proxy-Client-Ip", "X-Arr-Clientcert", "X-Sucuri-Clientip",
		"Cdn-Src-Ip", "Cdn-Real-Ip", "Ali-Cdn-Real-Ip", "Incap-Client-Ip", "Cloudfront-Viewer-Address", "Akamai-Origin-Hop", "Oxylabs-Client-Ip",
		"X-Original-Url", "X-Original-Uri", "X-Original-Method", "X-Original-Host", "X-Original-Remote-Addr", "X-Rewrite-Url", "X-Url-Scheme", "X-Scheme",
		"Front-End-Https", "X-Arr-Ssl", "X-Arr-Log-Id", "X-Waws-Unencoded-Url":
		return fromProxies
	}
	switch {
	case strings.HasPrefix(name, "X-Sentinel-"):
		return fromNobody
	case strings.HasPrefix(name, "X-Forwarded-"):
		return fromProxies
	}
	return kept
}

// hygiene decides what of a request's header the API may see: nothing that Sentinel says
// itself, no name that an API could take for another one, of strangers nothing that only a
// proxy may say, and of each header that tells who acts the one value that was read.
type hygiene struct {
	told    []string        // headers that tell who acts, canonical
	odd     map[string]bool // those of them with a name that is dropped otherwise
	doubles map[string]bool // what a CGI would take for one of them
}

func newHygiene(lists ...[]source) hygiene {
	var h hygiene
	for _, list := range lists {
		for _, s := range list {
			if s.in != inHeader && s.in != inBearer || slices.Contains(h.told, s.name) {
				continue
			}
			h.told = append(h.told, s.name)
			if unambiguous, _ := spelling(s.name); !unambiguous {
				if h.odd == nil {
					h.odd, h.doubles = map[string]bool{}, map[string]bool{}
				}
				h.odd[s.name] = true
				h.doubles[textproto.CanonicalMIMEHeaderKey(strings.Map(dashed, s.name))] = true
			}
		}
	}
	return h
}

func dashed(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
		return r
	}
	return '-'
}

// spelling looks at a header's name: unambiguous when it is of letters, digits and dashes, for
// CGI and its like read everything else as a dash too; canonical when it is as net/http has it.
func spelling(name string) (unambiguous, canonical bool) {
	capital := true
	canonical = true
	for i := range len(name) {
		switch c := name[i]; {
		case c == '-':
			capital = true
			continue
		case c >= 'a' && c <= 'z':
			canonical = canonical && !capital
		case c >= 'A' && c <= 'Z':
			canonical = canonical && capital
		case c < '0' || c > '9':
			return false, false
		}
		capital = false
	}
	return name != "", canonical
}

// passes reports whether a header may reach the API.
func (h *hygiene) passes(name string, proxied bool) bool {
	unambiguous, canonical := spelling(name)
	if !unambiguous {
		return h.odd[name]
	}
	if !canonical { // a program that calls the gateway wrote it past net/http
		name = textproto.CanonicalMIMEHeaderKey(name)
	}
	switch fateOf(name) {
	case fromNobody:
		return false
	case fromProxies:
		if !proxied {
			return false
		}
	case kept:
	}
	return h.doubles == nil || !h.doubles[name]
}

// clean reports whether the whole header may pass as it is.
func (h *hygiene) clean(r *http.Request, who client) bool {
	if who.forged || r.Trailer != nil {
		return false
	}
	for name, values := range r.Header {
		if !h.passes(name, who.proxied) || name == "Upgrade" && !websocket(r.Header) ||
			len(values) > 1 && slices.Contains(h.told, name) {
			return false
		}
	}
	return true
}

// forward is the request as the API may see it. The request that was given stays as it is.
func (d *reader) forward(r *http.Request, who client) *http.Request {
	h := &d.hygiene
	if h.clean(r, who) {
		return r
	}
	header := make(http.Header, len(r.Header))
	for name, values := range r.Header {
		if h.passes(name, who.proxied) {
			header[name] = values
		}
	}
	for _, name := range h.told {
		if values := header[name]; len(values) > 1 {
			header[name] = values[:1:1]
		}
	}
	if who.forged {
		d.reforge(header)
	}
	if !websocket(header) {
		delete(header, "Upgrade")
	}
	out := new(http.Request)
	*out = *r
	out.Header, out.Trailer = header, nil
	return out
}

// reforge leaves of the header that counts what trusted proxies wrote.
func (d *reader) reforge(header http.Header) {
	t := newTrail(header[d.clients.header], d.clients.header == forwardedHdr)
	if _, ok := d.clients.walk(&t, nil); !ok {
		delete(header, d.clients.header)
		return
	}
	header[d.clients.header] = t.read()
}

// websocket reports whether the client asks for the one protocol to which a connection may be
// switched: others, such as h2c, would carry requests that nobody judges.
func websocket(h http.Header) bool {
	values := h["Upgrade"]
	return len(values) == 1 && strings.EqualFold(values[0], "websocket")
}
