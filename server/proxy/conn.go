package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// A conn is a connection to a target. One exchange at a time uses it; the watch may end that.
type conn struct {
	net    net.Conn
	under  net.Conn // below TLS; the same without
	direct *direct  // plain sockets: fewer system calls
	heard  chan error
	one    [1]byte

	at     int           // place among the target's; -1 when given up
	until  int64         // when an unused one is too old
	keep   time.Duration // how long the target keeps it
	reused bool

	buf    []byte // what has been read is buf[from:to]
	from   int
	to     int
	first  []byte // the small buffer, while a large one is borrowed
	answer answer

	mu     sync.Mutex // guards what follows; the watch comes at any time
	ctx    context.Context
	client http.ResponseWriter
	other  net.Conn // of a tunnel
	due    int64    // 0 when nothing is
	stage  stage
	cause  error // why the watch gave the exchange up
}

// A stage is what an exchange waits for.
type stage uint8

const (
	awaitBody   stage = iota // more of the client's body
	sendBody                 // the target takes it
	awaitAnswer              // the head of the answer
	passBody                 // more of the answer, or the client takes it
	tunnel
)

const firstBuffer = 4 << 10

func newConn(c, under net.Conn) *conn {
	return &conn{net: c, under: under, direct: newDirect(c), at: -1, keep: keepIdle, buf: make([]byte, firstBuffer)}
}

// begin has the watch look after an exchange.
func (c *conn) begin(ctx context.Context, w http.ResponseWriter, due int64, s stage) {
	c.mu.Lock()
	c.ctx, c.client, c.other, c.due, c.stage, c.cause = ctx, w, nil, due, s, nil
	c.mu.Unlock()
}

// progress moves the moment of giving up. An answer that is being passed on stays the stage,
// also when more of the request's body is sent meanwhile.
func (c *conn) progress(due int64, s stage) {
	c.mu.Lock()
	c.due = due
	if c.stage < passBody || s >= passBody {
		c.stage = s
	}
	c.mu.Unlock()
}

// end takes the exchange back from the watch, and says why that gave it up if it did.
func (c *conn) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx, c.client, c.other, c.due = nil, nil, nil, 0
	return c.cause
}

// failed is err, or the reason for it that the watch knows.
func (c *conn) failed(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return err
}

// expire gives the exchange up when it is overdue or its client has gone.
func (c *conn) expire(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.due == 0 || c.cause != nil:
	case c.ctx != nil && c.ctx.Err() != nil:
		c.giveUp(errGone)
	case now <= c.due:
	case c.stage == awaitBody:
		c.giveUp(errSlowBody)
	case c.stage == awaitAnswer:
		c.giveUp(errLate)
	default:
		c.giveUp(errStalled)
	}
}

// abort gives the exchange up, whoever asks for it. It does nothing when there is none.
func (c *conn) abort(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.due != 0 && c.cause == nil {
		c.giveUp(cause)
	}
}

var longAgo = time.Unix(1, 0)

// giveUp wakes up whoever waits for either side.
func (c *conn) giveUp(cause error) {
	c.cause = cause
	_ = c.under.Close() // not TLS's, which may wait to say goodbye
	if c.other != nil {
		_ = c.other.Close()
	}
	if c.client != nil && c.stage == passBody {
		_ = http.NewResponseController(c.client).SetWriteDeadline(longAgo) // not every writer can
	}
}

func (c *conn) close() { _ = c.under.Close() }

// settle makes the connection ready to wait. Bytes that come meanwhile belong to no answer, so
// whoever uses it next must find out that there were any.
func (c *conn) settle() {
	c.reused = true
	if len(c.buf) > firstBuffer {
		c.buf = make([]byte, firstBuffer)
	}
	c.from, c.to = 0, 0
	if c.direct != nil {
		return
	}
	if c.heard == nil {
		c.heard = make(chan error, 1)
	}
	go func() {
		n, err := c.net.Read(c.one[:])
		if n > 0 {
			err = errStale
		}
		c.heard <- err
	}()
}

// usable reports whether a connection that waited is still open and silent.
func (c *conn) usable() bool {
	if !c.reused {
		return true
	}
	if c.direct != nil {
		return c.direct.silent()
	}
	if c.net.SetReadDeadline(longAgo) != nil {
		return false
	}
	err := <-c.heard
	return errors.Is(err, os.ErrDeadlineExceeded) && c.net.SetReadDeadline(time.Time{}) == nil
}

// ask sends a request that is complete, and returns when the answer begins: at once, or with
// its first bytes read. errStale means that nothing was sent.
func (c *conn) ask(request []byte) error {
	if c.direct == nil {
		if !c.usable() {
			return errStale
		}
		_, err := c.net.Write(request)
		return err
	}
	n, got, err := c.direct.ask(request, c.buf, c.reused)
	if err != nil {
		return err
	}
	if n < len(request) { // it did not fit into the socket
		_, err := c.net.Write(request[n:])
		return err
	}
	c.to = got
	return nil
}

// fill reads more. It makes room by moving what is unread; the buffer grows up to limit.
func (c *conn) fill(limit int) error {
	if c.from > 0 {
		c.to = copy(c.buf, c.buf[c.from:c.to])
		c.from = 0
	}
	if c.to == len(c.buf) {
		if c.to >= limit {
			return errTooLarge
		}
		more := make([]byte, min(2*len(c.buf), limit))
		copy(more, c.buf)
		c.buf = more
	}
	n, err := c.net.Read(c.buf[c.to:])
	c.to += n
	if n > 0 {
		return nil // the error comes again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

var buffers = sync.Pool{New: func() any { return new([bulk]byte) }}

// borrow reads a body through a large buffer, and giveBack ends that.
func (c *conn) borrow() *[bulk]byte {
	if len(c.buf) >= bulk {
		return nil
	}
	large, _ := buffers.Get().(*[bulk]byte)
	c.to = copy(large[:], c.buf[c.from:c.to])
	c.from = 0
	c.first, c.buf = c.buf, large[:]
	return large
}

func (c *conn) giveBack(large *[bulk]byte) {
	if large == nil {
		return
	}
	// What is left is surplus: it is enough to know of some, for the connection is not used again.
	c.to = copy(c.first, c.buf[c.from:c.to])
	c.from = 0
	c.buf, c.first = c.first, nil
	buffers.Put(large)
}
