package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// An answer passes on what the API says and has the exchange observed, once, while the client
// still waits for the rest of it:
//
//   - a failure (400 and above) before its first byte leaves, because a client may act on the
//     status alone;
//   - anything else before its last byte leaves: with the write that fills the declared
//     length, or when the handler returns, which is before the server ends the body.
//
// Up to keptBack bytes of a body stay with net/http until the handler returns or flushes, for
// HTTP/1 and 2 alike; so a short failure of undeclared length is observed whole. Of a long
// one Bytes is what was written by then.
type answer struct {
	http.ResponseWriter
	g     *gateway
	r     *http.Request // as it came
	who   client
	x     engine.Exchange
	quota engine.Quota
	left  [1]string // what was told of it

	head     bool  // the request was HEAD: no body follows
	open     bool  // pages of any origin may read it
	status   int   // 0 until the header is written
	declared int64 // length of the body; -1 when unknown
	written  int64
	settled  bool // observed
}

const keptBack = 2048

// settle has the exchange observed.
func (a *answer) settle(bytes int64) {
	if a.settled {
		return
	}
	a.settled = true
	a.x.Status, a.x.Bytes = a.status, bytes
	a.x.Took = max(a.g.now().Sub(a.x.At), 0)
	a.g.guard.Observe(a.x)
	if a.g.learn != nil && !a.x.Refused {
		a.g.learn(a.x.Method, a.x.Folded, a.status)
	}
}

// Asker is who asks, and the X-Forwarded-For that a proxy sends on for him when he is behind
// trusted proxies: his address, then theirs; else empty. What he wrote himself is not in it.
func (a *answer) Asker() (client netip.Addr, forwarded string) {
	return a.who.addr, a.g.clients.hops(a.who, a.r.Header)
}

// end settles what the handler left open.
func (a *answer) end() {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.settle(a.written)
}

// WriteHeader passes the status on; informational ones don't count as the answer.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || status < 200 && status != http.StatusSwitchingProtocols {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	a.status = status
	if length := first(a.Header()["Content-Length"]); length != "" {
		if n, err := strconv.ParseInt(length, 10, 64); err == nil && n >= 0 {
			a.declared = n
		}
	}
	if a.head || status == http.StatusNoContent || status == http.StatusNotModified || status == http.StatusSwitchingProtocols {
		a.declared = 0
	}
	if a.declared == 0 || a.declared > 0 && status >= 400 {
		a.settle(a.declared)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write passes a part of the body on.
func (a *answer) Write(p []byte) (int, error) {
	a.before(len(p))
	n, err := a.ResponseWriter.Write(p) //nolint:gosec // the API's own words, or JSON
	a.written += int64(n)
	return n, err
}

// WriteString passes a part of the body on.
func (a *answer) WriteString(s string) (int, error) {
	a.before(len(s))
	n, err := io.WriteString(a.ResponseWriter, s)
	a.written += int64(n)
	return n, err
}

// before settles when the next n bytes may be the last that the client waits for.
func (a *answer) before(n int) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.settled {
		return
	}
	will := a.written + int64(n)
	if a.declared >= 0 && will >= a.declared || a.status >= 400 && will > keptBack {
		a.settle(will)
	}
}

// ReadFrom lets the server send a file by itself, all but its last byte, so that the exchange
// is observed before the client has it all.
func (a *answer) ReadFrom(src io.Reader) (int64, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	to, able := a.ResponseWriter.(io.ReaderFrom)
	if !able || !a.settled && a.status >= 400 {
		return io.Copy(justWriter{a}, src)
	}
	if a.settled || a.declared < 0 {
		n, err := to.ReadFrom(src)
		a.written += n
		return n, err
	}
	bulk := &io.LimitedReader{R: src, N: max(a.declared-a.written-1, 0)}
	outer, limited := src.(*io.LimitedReader)
	if limited { // the server looks for a file under one limit only
		bulk.R, bulk.N = outer.R, min(bulk.N, max(outer.N, 0))
	}
	n, err := to.ReadFrom(bulk)
	a.written += n
	if limited {
		outer.N -= n
	}
	if err != nil {
		return n, err
	}
	rest, err := io.Copy(justWriter{a}, src)
	return n + rest, err
}

// justWriter hides ReadFrom.
type justWriter struct{ io.Writer }

// FlushError sends what was written so far.
func (a *answer) FlushError() error {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.status >= 400 {
		a.settle(a.written)
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Flush is FlushError for those who don't ask.
func (a *answer) Flush() { _ = a.FlushError() } //nolint:errcheck // as http.Flusher has it

// Hijack hands the connection over; the exchange ends there, with 101.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		if a.status == 0 {
			a.status = http.StatusSwitchingProtocols
		}
		a.settle(a.written)
	}
	return conn, rw, err
}

// Unwrap lets http.ResponseController reach what the gateway does not change.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
