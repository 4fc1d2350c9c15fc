package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"
)

// prepare writes the head of the request as the targets get it, and a small body behind it. It
// returns what the client must be told when the request can't be passed on.
func (x *exchange) prepare() error {
	r := x.r
	at := originForm(r)
	host := r.Host
	if !x.u.PreserveHost || host == "" {
		host = x.u.targets[0].host
	}
	if !clean(at) || !cleanHost(host) || !token(r.Method) {
		return badTarget
	}
	b := x.head[:0]
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, at...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	x.hostFrom = len(b)
	b = append(b, host...)
	x.hostTo = len(b)
	b = append(b, "\r\n"...)

	asker, behind := x.w.(asker)
	listed := r.Header["Connection"]
	x.upgrade = wantsWebsocket(r, listed)
	for name, values := range r.Header {
		if hops(name, behind) || len(listed) > 0 && named(listed, name) {
			continue
		}
		for _, value := range values {
			if !printable(value) || !token(name) {
				return badTarget
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, value...)
			b = append(b, "\r\n"...)
		}
	}
	b = append(b, "X-Forwarded-For: "...)
	b = x.appendClient(b, asker)
	b = append(b, "\r\n"...)
	if !behind || len(r.Header["X-Forwarded-Proto"]) == 0 || named(listed, "X-Forwarded-Proto") {
		b = append(b, "X-Forwarded-Proto: http"...)
		if r.TLS != nil {
			b = append(b, 's')
		}
		b = append(b, "\r\n"...)
	}
	if r.Host != "" && (!behind || len(r.Header["X-Forwarded-Host"]) == 0 || named(listed, "X-Forwarded-Host")) {
		if !cleanHost(r.Host) {
			return badTarget
		}
		b = append(b, "X-Forwarded-Host: "...)
		b = append(b, r.Host...)
		b = append(b, "\r\n"...)
	}
	if x.upgrade {
		b = append(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	x.head = b
	return x.prepareBody()
}

// prepareBody frames the body anew, from what net/http has made of its framing.
func (x *exchange) prepareBody() error {
	r := x.r
	length := r.ContentLength
	if r.Body == nil || r.Body == http.NoBody {
		length = 0
	}
	x.length = length
	switch {
	case length == 0:
		switch r.Method {
		case http.MethodPost, http.MethodPut, http.MethodPatch: // RFC 9110, 8.6
			x.head = append(x.head, "Content-Length: 0\r\n"...)
		}
		x.head = append(x.head, "\r\n"...)
		return nil
	case x.u.MaxBody > 0 && length > x.u.MaxBody:
		return largeBody
	case length < 0:
		x.head = append(x.head, "Transfer-Encoding: chunked\r\n"...)
	default:
		x.head = append(x.head, "Content-Length: "...)
		x.head = strconv.AppendInt(x.head, length, 10)
		x.head = append(x.head, "\r\n"...)
	}
	if expect := r.Header["Expect"]; len(expect) > 0 && strings.EqualFold(expect[0], "100-continue") && r.ProtoAtLeast(1, 1) {
		x.head = append(x.head, "Expect: 100-continue\r\n"...)
		x.expect = true
	}
	x.head = append(x.head, "\r\n"...)
	if x.expect || length < 0 || length > smallBody {
		x.stream = true
		return nil
	}
	return x.gather(int(length))
}

// gather puts a small body behind the head, so that a client that trickles it keeps no
// connection to a target busy meanwhile.
func (x *exchange) gather(length int) error {
	from := len(x.head)
	if need := from + length; cap(x.head) < need {
		x.head = append(make([]byte, 0, need), x.head...)
	}
	body := x.head[from : from+length]
	n, err := io.ReadAtLeast(x.r.Body, body, 1)
	if n < length && err == nil { // the rest is not here yet
		rc := http.NewResponseController(x.w)
		patience := rc.SetReadDeadline(time.Now().Add(min(x.u.Idle, bodyPatience))) == nil
		var more int
		more, err = io.ReadFull(x.r.Body, body[n:])
		n += more
		if patience && err == nil {
			err = rc.SetReadDeadline(time.Time{})
		}
	}
	if n < length {
		return bodyFailed(err)
	}
	x.head = x.head[:from+length]
	return nil
}

// bodyFailed says what was wrong when the client's body could not be read.
func bodyFailed(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return errLargeBody
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlowBody
	}
	return errBody
}

func (x *exchange) appendClient(b []byte, a asker) []byte {
	var client netip.Addr
	if a != nil {
		var forwarded string
		if client, forwarded = a.Asker(); forwarded != "" && printable(forwarded) {
			return append(b, forwarded...)
		}
	}
	if !client.IsValid() {
		peer, err := netip.ParseAddrPort(x.r.RemoteAddr)
		if err != nil {
			return append(b, "unknown"...) // RFC 7239, 6.2
		}
		client = peer.Addr()
	}
	return client.WithZone("").Unmap().AppendTo(b)
}

// hops reports whether a header is for this hop alone, made anew, or not to be believed of a
// client that nobody has judged.
func hops(name string, behind bool) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Http2-Settings", "Content-Length", "Expect", "Host", "X-Forwarded-For":
		return true
	case "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-Ip":
		return !behind
	}
	return false
}

// named reports whether Connection lists a header (RFC 9110, 7.6.1).
func named(listed []string, name string) bool {
	for _, list := range listed {
		for option := range strings.SplitSeq(list, ",") {
			if option = strings.Trim(option, " \t"); option != "" && textproto.CanonicalMIMEHeaderKey(option) == name {
				return true
			}
		}
	}
	return false
}

// wantsWebsocket reports whether the request asks for the one protocol that is switched to.
// Another one is left out, and the request goes on without it (RFC 9110, 7.8).
func wantsWebsocket(r *http.Request, listed []string) bool {
	tokens := r.Header["Upgrade"]
	return len(tokens) == 1 && strings.EqualFold(tokens[0], "websocket") && named(listed, "Upgrade") &&
		r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 && r.ContentLength == 0
}
