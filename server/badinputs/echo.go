package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A seen is one request as it reached the API, bytes as they came.
type seen struct {
	method, target, host string
	header, trailer      [][2]string
	body                 []byte // the beginning of it
	bodyBytes            int64
	complete             bool // the body ended as its framing promised
}

func (s *seen) values(name string) []string {
	var out []string
	for _, h := range s.header {
		if strings.EqualFold(h[0], name) {
			out = append(out, h[1])
		}
	}
	return out
}

// controlHeader marks what the driver sends for itself: it is answered and written down nowhere.
const controlHeader = "Bad-Inputs-Control"

// An echo is the protected API: it answers everything with 200, a sign-in with 401 unless told
// otherwise, and keeps what it was sent. It reads HTTP/1.1 by itself, so that nothing is made
// nicer on the way.
type echo struct {
	listener net.Listener
	login    atomic.Int64 // status of a sign-in
	quiet    atomic.Bool  // count, keep nothing: a load goes on
	count    atomic.Int64

	mu    sync.Mutex
	seen  []*seen
	conns map[net.Conn]bool
}

func newEcho(ctx context.Context) (*echo, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &echo{listener: l, conns: map[net.Conn]bool{}}
	e.login.Store(401)
	go e.accept()
	return e, nil
}

func (e *echo) accept() {
	for {
		c, err := e.listener.Accept()
		if err != nil {
			return
		}
		e.mu.Lock()
		e.conns[c] = true
		e.mu.Unlock()
		go func() {
			e.serve(c)
			_ = c.Close() // it has said all
			e.mu.Lock()
			delete(e.conns, c)
			e.mu.Unlock()
		}()
	}
}

func (e *echo) close() {
	_ = e.listener.Close() // nothing of it is waited for
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.conns {
		_ = c.Close() // nor of these
	}
}

// all that was seen so far, the oldest first, as it was at this moment.
func (e *echo) all() []*seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]*seen, len(e.seen))
	for i, s := range e.seen {
		copied := *s
		out[i] = &copied
	}
	return out
}

func (e *echo) serve(c net.Conn) {
	r, w := bufio.NewReaderSize(c, 64<<10), bufio.NewWriterSize(c, 4<<10)
	for {
		s, length, chunked, err := head(r)
		if err != nil {
			return
		}
		control := len(s.values(controlHeader)) > 0
		if !control {
			e.count.Add(1)
			if !e.quiet.Load() {
				e.mu.Lock()
				e.seen = append(e.seen, s)
				e.mu.Unlock()
			}
		}
		if len(s.values("Expect")) > 0 {
			_, _ = w.WriteString("HTTP/1.1 100 Continue\r\n\r\n")
			_ = w.Flush() // a client that has gone is noticed when the body is read
		}
		if err := e.body(r, s, length, chunked); err != nil {
			return
		}
		if e.answer(w, s) != nil || r.Buffered() == 0 && w.Flush() != nil {
			return
		}
	}
}

var errFraming = errors.New("framing")

// head reads a request up to its body. What the gateway sends must be whole: it is ended
// otherwise, and the request counts for what was read.
func head(r *bufio.Reader) (s *seen, length int64, chunked bool, err error) {
	line, err := line(r)
	if err != nil {
		return nil, 0, false, err
	}
	s = &seen{}
	s.method, s.target, _ = strings.Cut(line, " ")
	if i := strings.LastIndexByte(s.target, ' '); i >= 0 {
		s.target = s.target[:i]
	}
	if s.header, err = fields(r); err != nil {
		return nil, 0, false, err
	}
	for _, h := range s.header {
		switch strings.ToLower(h[0]) {
		case "host":
			s.host = h[1]
		case "content-length":
			if length, err = strconv.ParseInt(h[1], 10, 64); err != nil {
				return nil, 0, false, err
			}
		case "transfer-encoding":
			chunked = true
		}
	}
	return s, length, chunked, nil
}

func line(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		b = bytes.Clone(b)
		var rest []byte
		rest, err = r.ReadBytes('\n')
		b = append(b, rest...)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func fields(r *bufio.Reader) ([][2]string, error) {
	var out [][2]string
	for {
		l, err := line(r)
		if err != nil || l == "" {
			return out, err
		}
		name, value, ok := strings.Cut(l, ":")
		if !ok {
			return out, errFraming
		}
		out = append(out, [2]string{name, strings.Trim(value, " \t")})
	}
}

const keptOfBody = 64 << 10

func (e *echo) body(r *bufio.Reader, s *seen, length int64, chunked bool) error {
	take := func(n int64) error {
		if room := keptOfBody - int64(len(s.body)); room > 0 {
			b := make([]byte, min(n, room))
			got, err := io.ReadFull(r, b)
			e.mu.Lock()
			s.body = append(s.body, b[:got]...)
			s.bodyBytes += int64(got)
			e.mu.Unlock()
			if err != nil {
				return err
			}
			n -= int64(got)
		}
		for n > 0 {
			got, err := r.Discard(int(min(n, 32<<10)))
			e.mu.Lock()
			s.bodyBytes += int64(got)
			e.mu.Unlock()
			if err != nil {
				return err
			}
			n -= int64(got)
		}
		return nil
	}
	for chunked {
		l, err := line(r)
		if err != nil {
			return err
		}
		size, _, _ := strings.Cut(l, ";")
		n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 62)
		if err != nil {
			return errFraming
		}
		if n == 0 {
			t, err := fields(r)
			e.mu.Lock()
			s.trailer, s.complete = t, err == nil
			e.mu.Unlock()
			return err
		}
		if err := take(n); err != nil {
			return err
		}
		if _, err := line(r); err != nil {
			return err
		}
	}
	if length > 0 {
		if err := take(length); err != nil {
			return err
		}
	}
	e.mu.Lock()
	s.complete = true
	e.mu.Unlock()
	return nil
}

// mark tells an answer of the API from one that the gateway gives by itself.
const mark = "Bad-Inputs-Echo"

func (e *echo) answer(w *bufio.Writer, s *seen) error {
	path, _, _ := strings.Cut(s.target, "?")
	status := 200
	if strings.EqualFold(path, "/login") {
		status = int(e.login.Load())
	}
	if path == "/api/big" {
		return endless(w)
	}
	body := "ok\n"
	_, err := fmt.Fprintf(w, "HTTP/1.1 %d Answer\r\n%s: 1\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", status, mark, len(body))
	if s.method != "HEAD" {
		_, err = w.WriteString(body)
	}
	return err
}

// endless streams more than anybody should hold, for a client that may read slowly or not at all.
func endless(w *bufio.Writer) error {
	_, _ = fmt.Fprintf(w, "HTTP/1.1 200 Answer\r\n%s: 1\r\nTransfer-Encoding: chunked\r\n\r\n", mark) // sticks until the end
	chunk := "8000\r\n" + strings.Repeat("b", 0x8000) + "\r\n"
	for range 512 {
		if _, err := w.WriteString(chunk); err != nil {
			return err
		}
	}
	_, err := w.WriteString("0\r\n\r\n")
	return err
}

// settle waits until nothing new has been seen for a moment.
func (e *echo) settle(ctx context.Context) {
	last := int64(-1)
	for range 20 {
		n := e.count.Load()
		if n == last {
			return
		}
		last = n
		pause(ctx, 20*time.Millisecond)
	}
}

// pause waits, and not longer than the run goes on.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
