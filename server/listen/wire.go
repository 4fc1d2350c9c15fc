package listen

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A wire is a plain TCP connection as net/http serves it.
//
// While a request is answered net/http waits for its client to leave: a goroutine reads a byte, and is
// woken and waited for before the answer ends. For a short request that is a tenth of what the server
// costs, and tells nothing. So this read returns at once without a byte, which net/http takes for
// nothing, and wires looks after the client instead, once his request takes long.
type wire struct {
	*heldTCP
	of    *wires
	place int                // among all of them, under their lock
	left  context.CancelFunc // ends the context of what is done for the client

	answering atomic.Bool  // a request has been read, and its answer has not ended
	waited    atomic.Int32 // beats that the client has waited for, at least; 0 while nobody looks
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
		if !ok {
			return
		}
		w.answering.Store(now == http.StateActive)
		switch now {
		case http.StateIdle:
			w.waited.Store(0)
		case http.StateHijacked:
			w.waited.Store(0)
			l.forget(w)
		case http.StateNew, http.StateActive, http.StateClosed:
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
			l.mu.Lock()
			for _, w := range l.all {
				w.look()
			}
			l.mu.Unlock()
		}
	}
}
