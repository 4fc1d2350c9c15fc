package proxy

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// An exchange is one request on its way through.
type exchange struct {
	p *Proxy
	u *upstream
	w http.ResponseWriter
	r *http.Request

	head             []byte // of the request, and a small body
	hostFrom, hostTo int    // where the head names the host
	length           int64  // of the body; -1 when unknown
	stream           bool   // the body is sent beside the answer
	expect           bool   // and only when the target wants it
	upgrade          bool   // to a websocket
	began            bool   // the client has got a part of the answer
	unreached        []*target
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

const (
	longestHead = 32 << 10        // kept for the next exchange
	lingering   = 2 * time.Second // with a client that still sends after its answer
)

func (x *exchange) release() {
	head := x.head[:0]
	if cap(head) > longestHead {
		head = nil
	}
	*x = exchange{head: head}
	exchanges.Put(x)
}

// run takes the request to a target and sees to it that the client learns what came of it.
func (x *exchange) run() {
	err := x.prepare()
	if err == nil {
		err = x.send()
	}
	switch {
	case err == nil:
	case x.began: // too late to say so
		panic(http.ErrAbortHandler)
	case errors.Is(err, errGone):
		x.w.WriteHeader(statusGone) // for whoever keeps records
	default:
		if x.stream { // net/http reads some more of a body that nobody has read
			_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(lingering))
		}
		no := problemOf(err)
		if no == noTarget {
			no = x.u.away()
		}
		no.write(x.w, x.r)
	}
}

// send tries targets until one has got the request. What a target may have got is sent again
// only when it is safe (RFC 9110, 9.2.1), has no body, and was lost with a connection that had
// been used before: those are closed at any time (RFC 9112, 9.3.1).
func (x *exchange) send() error {
	fresh := false
	for {
		t := x.u.pick(x.unreached)
		if t == nil {
			if len(x.unreached) > 0 {
				return badGateway
			}
			return noTarget
		}
		if !x.u.PreserveHost || x.r.Host == "" {
			x.nameHost(t.host)
		}
		c, err := t.connection(x, fresh)
		if err != nil {
			if errors.Is(err, errGone) || errors.Is(err, errClosing) {
				return err
			}
			x.unreached = append(x.unreached, t)
			continue
		}
		used := c.reused
		err = x.with(t, c)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errStale) && used:
			continue // it is gone from the unused ones
		case errors.Is(err, errLost) && used && !fresh && x.safe():
			fresh = true
			continue
		}
		if !errors.Is(err, errGone) && t.maySay() {
			x.p.log.WarnContext(x.r.Context(), "ask an API", "upstream", t.u.Name, "target", t.url, "err", err)
		}
		return err
	}
}

// connection takes one that is unused, or makes one.
func (t *target) connection(x *exchange, fresh bool) (*conn, error) {
	if !fresh {
		if c := t.take(); c != nil {
			return c, nil
		}
	}
	return t.connect(x.r.Context())
}

func (x *exchange) safe() bool {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return x.length == 0 && !x.began
	}
	return false
}

func (x *exchange) nameHost(host string) {
	if string(x.head[x.hostFrom:x.hostTo]) != host {
		x.head = slices.Replace(x.head, x.hostFrom, x.hostTo, []byte(host)...)
		x.hostTo = x.hostFrom + len(host)
	}
}

// with does the exchange over a connection, and keeps or drops that.
func (x *exchange) with(t *target, c *conn) error {
	done := false
	defer func() {
		if !done { // the writer panicked
			_ = c.end() // the panic says more
			t.drop(c)
		}
	}()
	kept, err := x.over(c)
	done = true
	if cause := c.end(); cause != nil {
		kept = false
		if err != nil {
			err = cause
		}
	}
	if kept {
		t.put(c)
	} else {
		t.drop(c)
	}
	return err
}

// over does the exchange. The connection may be kept when it has nothing left of it.
func (x *exchange) over(c *conn) (keep bool, err error) {
	c.answer.reset()
	var up *upload
	if x.stream {
		if !c.usable() {
			return false, errStale
		}
		c.begin(x.r.Context(), x.w, x.p.in(x.u.Idle), sendBody)
		if _, err := c.net.Write(x.head); err != nil {
			return false, fmt.Errorf("%w: %w", errLost, err)
		}
		up = x.upload(c)
		defer func() {
			if up != nil {
				up.end()
			}
		}()
	} else {
		c.begin(x.r.Context(), x.w, x.p.in(x.u.Answer), awaitAnswer)
		if err := c.ask(x.head); err != nil {
			if errors.Is(err, errStale) {
				return false, errStale
			}
			return false, fmt.Errorf("%w: %w", errLost, err)
		}
	}
	if err := x.awaitAnswer(c, up); err != nil {
		return false, c.failed(err)
	}
	a := &c.answer
	if a.status == http.StatusSwitchingProtocols {
		return false, x.tunnel(c)
	}
	if err := x.passOn(c, up); err != nil {
		return false, c.failed(err)
	}
	if up != nil {
		all := up.end()
		up = nil
		if !all {
			return false, nil
		}
	}
	if a.keep > 0 {
		c.keep = min(a.keep, keepIdle)
	}
	return !a.last && c.from == c.to, nil
}

// awaitAnswer reads heads until the final one. Interim answers are passed on but for 100, which
// answers an Expect that net/http has already answered or will when the body is read.
func (x *exchange) awaitAnswer(c *conn, up *upload) error {
	a := &c.answer
	for {
		if err := c.readHead(x.r.Method); err != nil {
			return err
		}
		switch {
		case a.status == http.StatusSwitchingProtocols:
			if !x.upgrade || !isWebsocket(a.upgrade) {
				return fmt.Errorf("%w: it switches to what nobody asked for", errMalformed)
			}
			return nil
		case a.status >= 200:
			return nil
		}
		if a.interim++; a.interim > mostInterim {
			return fmt.Errorf("%w: too many interim answers", errMalformed)
		}
		if a.status == http.StatusContinue {
			if up != nil {
				up.release()
			}
		} else if x.r.ProtoAtLeast(1, 1) {
			x.interim(a)
		}
		a.again()
	}
}

// interim passes on what comes before the answer, as 103 does (RFC 8297). Nothing of its header
// stays for the answer.
func (x *exchange) interim(a *answer) {
	h := x.w.Header()
	before := maps.Clone(h)
	clear(h)
	for _, f := range a.fields {
		if f.key != "Content-Length" {
			h[f.key] = append(h[f.key], f.value)
		}
	}
	x.w.WriteHeader(a.status)
	clear(h)
	maps.Copy(h, before)
}

// passOn sends the answer to the client.
func (x *exchange) passOn(c *conn, up *upload) error {
	a := &c.answer
	x.header(a)
	if up != nil && !up.whole() {
		// The client may still be sending what nobody will read.
		x.w.Header()["Connection"] = []string{"close"}
	}
	x.began = true
	x.w.WriteHeader(a.status)
	if a.body == noBody {
		return nil
	}
	c.progress(x.p.in(x.u.Idle), passBody)
	return x.body(c)
}

// header adds the fields of the answer to what those in front have set.
func (x *exchange) header(a *answer) {
	h := x.w.Header()
	values := make([]string, len(a.fields)) // one allocation for all
	for i, f := range a.fields {
		if f.key == "Content-Length" && a.status == http.StatusNoContent {
			continue
		}
		values[i] = f.value
		if there := h[f.key]; there != nil && f.key != "Content-Length" && f.key != "Content-Type" && f.key != "Date" {
			h[f.key] = append(slices.Clip(there), f.value)
			continue
		}
		h[f.key] = values[i : i+1 : i+1]
	}
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = nil // net/http would guess one
	}
}
