package console

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// How long a client may take.
const (
	slowestBody   = 10 * time.Second // to send what it asks
	slowestAnswer = time.Minute      // to take the answer; exports have their own
)

// patient runs a handler for a client that may be slow, but not for ever. The connection is left
// without a deadline: in the demo the next request on it may be the gateway's.
func patient(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		next.ServeHTTP(w, r) // sockets see to it themselves
		return
	}
	rc := http.NewResponseController(w)
	if r.ContentLength != 0 {
		// In a copy: net/http looks at its own request for a body that was given up in the middle,
		// and must not take the rest of it for the next request.
		r = r.WithContext(r.Context())
		r.Body = &hurriedBody{body: r.Body, rc: rc}
	}
	_ = rc.SetWriteDeadline(time.Now().Add(slowestAnswer)) // a writer without deadlines is a test's
	defer func() {
		_ = rc.Flush() // while the deadline holds
		_ = rc.SetWriteDeadline(time.Time{})
	}()
	next.ServeHTTP(w, r)
}

// A hurriedBody gives its sender ten seconds from when it is first read.
type hurriedBody struct {
	body  io.ReadCloser
	rc    *http.ResponseController
	began bool
}

func (h *hurriedBody) Read(p []byte) (int, error) {
	if !h.began {
		h.began = true
		_ = h.rc.SetReadDeadline(time.Now().Add(slowestBody))
	}
	return h.body.Read(p)
}

// Close ends the hurry: a deadline that stays would end the request while it is answered.
func (h *hurriedBody) Close() error {
	err := h.body.Close()
	if h.began {
		_ = h.rc.SetReadDeadline(time.Time{})
	}
	return err
}

// What one operator may ask over POST.
const (
	asksBurst     = 600
	asksPerSecond = 300
)

// A pace bounds how many operations a second each operator starts.
type pace struct {
	mu sync.Mutex
	by map[string]*bucket // operators are few
}

func (p *pace) keeps(operator string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.by[operator]
	if b == nil {
		fresh := newBucket(asksBurst, asksPerSecond)
		b = &fresh
		if p.by == nil {
			p.by = map[string]*bucket{}
		}
		p.by[operator] = b
	}
	return b.take(now)
}
