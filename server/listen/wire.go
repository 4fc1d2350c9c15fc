package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
)

// A wire is a plain TCP connection as net/http serves it.
//
// While a request is answered net/http waits for its client to leave: a goroutine reads a byte, and is
// woken and waited for before the answer ends. For a short request that is a tenth of what the server
// costs, and tells nothing. So this read returns at once without a byte, which net/http takes for
// nothing, and wires looks after the client instead, once his request takes long.
//
// Likewise the server moves the deadline of its reads five times for a request, and each is a timer of
// the runtime's. Those that are far off are only noted here, and wires sees to them.
type wire struct {
	*heldTCP
	of    *wires
	place int                // among all of them, under their lock
	left  context.CancelFunc // ends the context of what is done for the client

	answering atomic.Bool  // a request has been read, and its answer has not ended
	waited    atomic.Int32 // beats that the client has waited for, at least; 0 while nobody looks

	due    atomic.Int64 // the deadline that is noted, since the start of wires; 0: none
	mu     sync.Mutex   // held while a deadline is moved
	timed  bool         // the connection has one of its own, for reads
	rushed bool         // it has one for writes
	handed bool         // over: nobody notes anything any more
}

// Read is a connection's, but for the one byte that net/http waits for while it answers: anything else
// it reads then goes through a buffer, and is longer.
func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 1 && w.answering.Load() {
		w.waited.Store(1)
		return 0, nil
	}
	return w.heldTCP.Read(p)
}

// SetReadDeadline is a connection's, but that one more than a second off may be a beat late.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var due time.Duration
	if !t.IsZero() {
		if due = t.Sub(w.of.began); w.handed || due < time.Duration(w.of.now.Load())+farOff {
			w.due.Store(0)
			w.timed = true
			return w.heldTCP.SetReadDeadline(t)
		}
	}
	w.due.Store(int64(due))
	if !w.timed {
		return nil
	}
	w.timed = false
	return w.heldTCP.SetReadDeadline(time.Time{})
}

// SetWriteDeadline is a connection's. The server takes it off before each request, and there seldom is one.
func (w *wire) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.IsZero() && !w.rushed {
		return nil
	}
	w.rushed = !t.IsZero()
	return w.heldTCP.SetWriteDeadline(t)
}

// SetDeadline is both.
func (w *wire) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

// expire ends a read whose deadline was noted and is over.
func (w *wire) expire(now int64) {
	if due := w.due.Load(); due == 0 || now < due {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if due := w.due.Load(); due != 0 && now >= due { // it has not been moved meanwhile
		w.due.Store(0)
		w.timed = true
		_ = w.heldTCP.SetReadDeadline(longAgo) // a closed one has none
	}
}

// handOver makes it a connection like any other.
func (w *wire) handOver() {
	w.of.forget(w)
	w.waited.Store(0)
	w.mu.Lock()
	w.handed = true // the server has taken its deadlines off
	w.mu.Unlock()
}

func (w *wire) Close() error {
	w.of.forget(w)
	return w.heldTCP.Close()
}

// A client who waits is looked after when he has for one beat, two, four and so on, and then for every
// tenth: within a second of his leaving.
const (
	beat  = 100 * time.Millisecond
	tenth = 10
)

const farOff = time.Second // a deadline that may be noted

var longAgo = time.Unix(1, 0)

// look ends the context when the client has gone. What he sent too early is looked at no further, as
// net/http does it: he would not be missed before it is read.
func (w *wire) look() {
	n := w.waited.Load()
	if n == 0 || !w.waited.CompareAndSwap(n, n+1) || n&(n-1) != 0 && n%tenth != 0 || n == 1 {
		return
	}
	switch ahead(w.TCPConn) {
	case silence:
		return
	case nobody:
		w.left()
	case something:
	}
	w.waited.CompareAndSwap(n+1, 0)
}

// What can be seen of a connection without reading from it.
type sight uint8

const (
	silence   sight = iota
	something       // bytes to read
	nobody          // the other side has closed it, or it failed
)

// wires are the connections of a listener.
type wires struct {
	net.Listener
	began time.Time
	now   atomic.Int64 // of the last beat, since then

	mu  sync.Mutex
	all []*wire // each knows its place
}

func (l *wires) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	held, ok := c.(*heldTCP)
	if tcp, bare := c.(*net.TCPConn); bare {
		held, ok = &heldTCP{tcp, func() {}}, true
	}
	if !ok || !sighted {
		return c, nil
	}
	w := &wire{heldTCP: held, of: l, left: func() {}}
	l.mu.Lock()
	w.place = len(l.all)
	l.all = append(l.all, w)
	l.mu.Unlock()
	return w, nil
}

// forget a connection that was closed or handed over. It may be called again.
func (l *wires) forget(w *wire) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.all) - 1
	if w.place < 0 {
		return
	}
	l.all[w.place] = l.all[last]
	l.all[w.place].place = w.place
	l.all[last] = nil
	l.all = l.all[:last]
	w.place = -1
}

// serve has a server tell what it does with each.
func (l *wires) serve(s *http.Server) {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if w, ok := c.(*wire); ok {
			ctx, w.left = context.WithCancel(ctx)
		}
		return ctx
	}
	s.ConnState = func(c net.Conn, now http.ConnState) {
		w, ok := c.(*wire)
		if ok { // TLS and the PROXY protocol read in a way of their own
			w.answering.Store(now == http.StateActive)
		}
		switch now {
		case http.StateIdle:
			if ok {
				w.waited.Store(0)
			}
		case http.StateHijacked:
			if w = under(c); w != nil {
				w.handOver()
			}
		case http.StateNew, http.StateActive, http.StateClosed:
		}
	}
}

// under TLS and the PROXY protocol may be a wire; nil when there is none.
func under(c net.Conn) *wire {
	for {
		switch over := c.(type) {
		case *wire:
			return over
		case *tls.Conn:
			c = over.NetConn()
		case *proxyproto.Conn:
			c = over.Raw()
		default:
			return nil
		}
	}
}

// watch looks after the clients until stopped.
func (l *wires) watch(stopped <-chan struct{}) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-stopped:
			return
		case <-tick.C:
			now := int64(time.Since(l.began))
			l.now.Store(now)
			l.mu.Lock()
			for _, w := range l.all {
				w.expire(now)
				w.look()
			}
			l.mu.Unlock()
		}
	}
}
