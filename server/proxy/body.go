package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// body passes the body of an answer on. What has come is written before more is waited for; a
// stream of events and a body of unknown length are also sent at once, when they are not over.
func (x *exchange) body(c *conn) error {
	a := &c.answer
	if a.body == measured && int64(c.to-c.from) >= a.length { // as nearly always
		n := int(a.length)
		_, err := x.w.Write(c.buf[c.from : c.from+n])
		c.from += n
		return wrote(err)
	}
	large := c.borrow()
	defer c.giveBack(large)
	flush := a.body != measured || strings.HasPrefix(firstValue(x.w.Header()["Content-Type"]), "text/event-stream")
	left, chunks := a.length, chunks{}
	for {
		ended, err := false, error(nil)
		switch a.body {
		case measured:
			n := min(int64(c.to-c.from), left)
			left -= n
			err = x.write(c, int(n))
			ended = left == 0
		case chunked:
			ended, err = chunks.pass(x, c)
		case untilEOF, noBody:
			err = x.write(c, c.to-c.from)
		}
		if err != nil || ended {
			return err
		}
		if flush {
			if err := http.NewResponseController(x.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return wrote(err)
			}
		}
		c.progress(x.p.in(x.u.Idle), passBody)
		switch err := c.fill(bulk); {
		case err == nil:
		case a.body == untilEOF && errors.Is(err, io.EOF) && c.failed(nil) == nil:
			return nil
		default:
			return fmt.Errorf("%w: %w", errShort, err)
		}
		c.progress(x.p.in(x.u.Idle), passBody)
	}
}

// write passes the next n bytes of the buffer on.
func (x *exchange) write(c *conn, n int) error {
	if n == 0 {
		return nil
	}
	_, err := x.w.Write(c.buf[c.from : c.from+n])
	c.from += n
	return wrote(err)
}

// wrote says of a write to the client what is wrong with it: the client.
func wrote(err error) error {
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		return errGone
	}
	return nil
}

func firstValue(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// chunks undoes the chunked coding (RFC 9112, 7.1), strictly: lines end with CR LF. Extensions
// and trailers are dropped, and bounded.
type chunks struct {
	state chunkState
	left  int64 // of the chunk
	extra int   // bytes of extensions and trailers so far
	data  int64 // bytes of data so far
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkData
	chunkEnd
	trailer
)

const (
	longestLine = 4 << 10
	mostExtra   = 16 << 10
)

// pass writes the data of what has come, and reports whether that was the end.
func (k *chunks) pass(x *exchange, c *conn) (ended bool, err error) {
	for {
		switch k.state {
		case chunkSize:
			line, err := k.line(c)
			if line == nil || err != nil {
				return false, err
			}
			if err := k.size(line); err != nil {
				return false, err
			}
		case chunkData:
			n := min(int64(c.to-c.from), k.left)
			if n == 0 {
				return false, nil
			}
			k.left -= n
			if err := x.write(c, int(n)); err != nil {
				return false, err
			}
			if k.left == 0 {
				k.state = chunkEnd
			}
		case chunkEnd:
			if c.to-c.from < 2 {
				return false, nil
			}
			if c.buf[c.from] != '\r' || c.buf[c.from+1] != '\n' {
				return false, fmt.Errorf("%w: the end of a chunk", errMalformed)
			}
			c.from += 2
			k.state = chunkSize
		case trailer:
			line, err := k.line(c)
			if line == nil || err != nil {
				return false, err
			}
			if len(line) == 0 {
				return true, nil
			}
			if k.extra += len(line) + 2; k.extra > mostExtra {
				return false, fmt.Errorf("%w: its trailers", errMalformed)
			}
		}
	}
}

// line returns nil when its end has not come yet.
func (k *chunks) line(c *conn) ([]byte, error) {
	have := c.buf[c.from:c.to]
	i := bytes.IndexByte(have, '\n')
	switch {
	case i < 0 && len(have) <= longestLine:
		return nil, nil
	case i < 1 || have[i-1] != '\r':
		return nil, fmt.Errorf("%w: a line between chunks", errMalformed)
	}
	c.from += i + 1
	return have[: i-1 : i-1], nil
}

// size reads "1a2b;extension".
func (k *chunks) size(line []byte) error {
	digits := line
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		digits = bytes.TrimRight(line[:i], " \t")
		// An extension on every small chunk would cost more than the data.
		if k.extra += len(line) - i; int64(k.extra) > mostExtra+k.data {
			return fmt.Errorf("%w: its chunk extensions", errMalformed)
		}
		if !printable(line[i:]) {
			return fmt.Errorf("%w: a chunk extension", errMalformed)
		}
	}
	if len(digits) == 0 || len(digits) > 15 {
		return fmt.Errorf("%w: the size of a chunk", errMalformed)
	}
	k.left = 0
	for _, d := range digits {
		v := hex(d)
		if v > 15 {
			return fmt.Errorf("%w: the size of a chunk", errMalformed)
		}
		k.left = k.left<<4 | int64(v)
	}
	k.data += k.left
	k.state = chunkData
	if k.left == 0 {
		k.state, k.extra = trailer, 0
	}
	return nil
}
