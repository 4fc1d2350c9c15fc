package proxy

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// An upload sends a body on beside the answer, which may come before all of it was sent.
type upload struct {
	x       *exchange
	c       *conn
	proceed chan struct{} // closed when the target wants the body
	stop    chan struct{} // closed when nobody wants it any more
	done    chan struct{} // closed when the body is not read any more
	asked   bool          // proceed is closed; the exchange's own
	last    atomic.Bool   // what is being written is the end of it
	sent    atomic.Bool   // all of it
}

// A target may answer the moment that it has the whole body, before the upload has noted that it
// was sent. So long may it take to note it.
const noteWait = 50 * time.Millisecond

func (x *exchange) upload(c *conn) *upload {
	up := &upload{x: x, c: c, proceed: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	if !x.expect {
		up.release()
	}
	// Else net/http would read the rest of the body before it sends an answer.
	_ = http.NewResponseController(x.w).EnableFullDuplex() // HTTP/2 is so anyway
	go up.run()
	return up
}

// release lets the body be sent.
func (up *upload) release() {
	if !up.asked {
		up.asked = true
		close(up.proceed)
	}
}

// whole reports whether all of the body was sent.
func (up *upload) whole() bool {
	if up.last.Load() && !up.sent.Load() {
		wait := time.NewTimer(noteWait)
		defer wait.Stop()
		select {
		case <-up.done:
		case <-wait.C: // the target answered without reading to the end
		}
	}
	return up.sent.Load()
}

// end waits until the body is left alone. The connection is lost unless all of it was sent.
func (up *upload) end() (all bool) {
	if up.whole() {
		<-up.done
		return true
	}
	close(up.stop)
	select {
	case <-up.done: // it had failed before
	default:
		up.c.close()
	}
	// Wakes a read of the body, and keeps net/http from waiting for the rest. The client's
	// connection ends with this answer.
	if http.NewResponseController(up.x.w).SetReadDeadline(longAgo) != nil {
		_ = up.x.r.Body.Close()
	}
	<-up.done
	return false
}

func (up *upload) run() {
	defer close(up.done)
	if up.x.expect {
		wait := time.NewTimer(expectWait)
		defer wait.Stop()
		select {
		case <-up.proceed:
		case <-wait.C:
		case <-up.stop:
			return
		}
	}
	if err := up.send(); err != nil {
		if errors.Is(err, errUnsent) {
			up.c.progress(up.x.p.in(up.x.u.Answer), awaitAnswer)
			return // its answer says why, if there is one
		}
		select {
		case <-up.stop: // it was woken, and nobody waits for it
		default:
			up.c.abort(err) // the target must not take it for complete
		}
	}
}

// errUnsent is a target that does not take more.
var errUnsent = errors.New("the target does not read on")

const (
	chunkHead = 6 // hex digits of bulk, CR, LF
	chunkTail = 2
)

func (up *upload) send() error {
	buf, _ := buffers.Get().(*[bulk]byte)
	defer buffers.Put(buf)
	var total int64
	p, u, body := up.x.p, up.x.u, up.x.r.Body
	patience := min(u.Idle, bodyPatience)
	for {
		up.c.progress(p.in(patience), awaitBody)
		n, err := body.Read(buf[chunkHead : bulk-chunkTail])
		total += int64(n)
		if u.MaxBody > 0 && total > u.MaxBody {
			return errLargeBody
		}
		if up.x.length >= 0 && total > up.x.length {
			return errBody
		}
		end := errors.Is(err, io.EOF) || err == nil && total == up.x.length
		if n > 0 {
			up.c.progress(p.in(u.Idle), sendBody)
			up.last.Store(end && up.x.length == total)
			if _, err := up.c.net.Write(up.frame(buf, n)); err != nil {
				return errUnsent
			}
		}
		if end {
			break
		}
		if err != nil {
			return bodyFailed(err)
		}
	}
	if up.x.length >= 0 {
		if total < up.x.length {
			return errBody
		}
	} else {
		up.last.Store(true)
		if _, err := up.c.net.Write([]byte("0\r\n\r\n")); err != nil {
			return errUnsent
		}
	}
	up.c.progress(p.in(u.Answer), awaitAnswer)
	up.sent.Store(true)
	return nil
}

// frame returns what to write for n bytes behind the room for a chunk's head.
func (up *upload) frame(buf *[bulk]byte, n int) []byte {
	if up.x.length >= 0 {
		return buf[chunkHead : chunkHead+n]
	}
	var size [chunkHead]byte
	head := append(strconv.AppendInt(size[:0], int64(n), 16), "\r\n"...)
	from := chunkHead - len(head)
	copy(buf[from:], head)
	copy(buf[chunkHead+n:], "\r\n")
	return buf[from : chunkHead+n+chunkTail]
}
