package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"
)

// An answer is what came back for one request, or one of several on a connection.
type answer struct {
	status int
	header http.Header
	body   []byte // the beginning of it
	bytes  int64
}

// upstreams reports whether the API gave it, and not the gateway by itself.
func (a *answer) upstreams() bool { return a.header.Get(mark) != "" }

// A wire is what happened on one connection.
type wire struct {
	answers []answer
	interim []int         // statuses below 200
	took    time.Duration // from the first byte sent to the last byte of an answer, or to the end
	closed  bool          // the other side ended it
	ended   time.Duration // when
	refused bool          // there was no connection at all
}

// A call is where and how bytes are sent.
type call struct {
	from, to string
	method   string // of the first request: answers to HEAD have no body
	body     payload
	head     []byte        // sent before the body
	within   time.Duration // for all of it
	quiet    time.Duration // after the last answer, for another that nobody asked for
	linger   bool          // wait for the other side to end it
}

// dial connects from a local address of its own.
func dial(ctx context.Context, from, to string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	if from != "" {
		local := net.ParseIP(from)
		if local == nil {
			return nil, notRun("can't connect from " + from)
		}
		d.LocalAddr = &net.TCPAddr{IP: local}
		if local.To4() == nil && !local.IsLoopback() {
			d.Control = anyIPv6
		}
	}
	c, err := d.DialContext(ctx, "tcp", to)
	if err != nil && strings.Contains(err.Error(), "assign requested address") {
		return nil, notRun("can't connect from " + from + ": it needs a network namespace of its own")
	}
	return c, err
}

const keptOfAnswer = 256 << 10

// send writes the bytes of a call and reads whatever comes, at the same time, until the other
// side ends it or nothing more is to be expected.
func (c call) send(ctx context.Context) (wire, error) {
	conn, err := dial(ctx, c.from, c.to)
	if err != nil {
		if _, ours := errors.AsType[notRun](err); ours {
			return wire{}, err
		}
		return wire{refused: true, closed: true}, nil //nolint:nilerr // that is what happened
	}
	defer conn.Close()
	if c.within == 0 {
		c.within = 10 * time.Second
	}
	began := time.Now()
	_ = conn.SetDeadline(began.Add(c.within)) // a connection takes deadlines
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	go c.write(conn)
	var w wire
	r := bufio.NewReaderSize(conn, 64<<10)
	method := c.method
	for {
		if len(w.answers) > 0 && !c.linger {
			_ = conn.SetReadDeadline(min2(began.Add(c.within), time.Now().Add(c.quiet)))
		}
		a, err := readAnswer(r, method)
		if err != nil && a.status >= 200 { // cut off in its body: it has been given all the same
			w.answers, w.took = append(w.answers, a), time.Since(began)
		}
		if err != nil {
			w.closed = !timedOut(err)
			w.ended = time.Since(began)
			if len(w.answers) == 0 {
				w.took = w.ended
			}
			return w, nil
		}
		w.took = time.Since(began)
		if a.status < 200 {
			w.interim = append(w.interim, a.status)
			if a.status == http.StatusSwitchingProtocols {
				return w, nil
			}
			continue
		}
		w.answers = append(w.answers, a)
		method = http.MethodGet
		if c.quiet == 0 && !c.linger {
			return w, nil
		}
	}
}

// write sends all of it. When the other side has answered and gone, that is no failure.
func (c call) write(conn net.Conn) {
	if _, err := conn.Write(c.head); err != nil || c.body.open == nil {
		return
	}
	if !c.body.chunked {
		_, _ = io.Copy(struct{ io.Writer }{conn}, c.body.open())
		return
	}
	w := httputil.NewChunkedWriter(conn)
	if _, err := io.Copy(w, c.body.open()); err == nil && w.Close() == nil {
		_, _ = io.WriteString(conn, "\r\n")
	}
}

func min2(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func timedOut(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

func readAnswer(r *bufio.Reader, method string) (answer, error) {
	if method == "" {
		method = http.MethodGet
	}
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.status < 200 {
		return a, nil
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, keptOfAnswer))
	a.bytes = int64(len(a.body))
	if err == nil {
		var more int64
		more, err = io.Copy(io.Discard, resp.Body)
		a.bytes += more
	}
	return a, err
}

// request builds what `how: http` describes: names and path verbatim, in UTF-8.
func request(in tree) (head []byte, body payload, err error) {
	method := text(in, "method")
	if method == "" {
		method = http.MethodGet
	}
	path, err := plain(in["path"], utf8Bytes)
	if err != nil {
		return nil, body, err
	}
	host := text(in, "host")
	if host == "" {
		host = "app.test"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", method, path)
	named := map[string]bool{}
	var lines bytes.Buffer
	for _, h := range list(in["headers"]) {
		pair := list(h)
		if len(pair) != 2 {
			return nil, body, notRun("a header is a name and a value")
		}
		name, _ := pair[0].(string)
		if name == "$seq" {
			t := object(pair[1])
			for i := range int(number(t, "n", 0)) {
				i += int(number(t, "start", 0))
				fmt.Fprintf(&lines, "%s: %s\r\n", numbered(text(t, "name"), i, ""), numbered(text(t, "value"), i, ""))
			}
			continue
		}
		value, err := plain(pair[1], utf8Bytes)
		if err != nil {
			return nil, body, err
		}
		named[strings.ToLower(name)] = true
		fmt.Fprintf(&lines, "%s: %s\r\n", name, value)
	}
	if !named["host"] {
		fmt.Fprintf(&b, "Host: %s\r\n", host)
	}
	if v, given := in["body"]; given {
		if body, err = expand(v, utf8Bytes); err != nil {
			return nil, body, err
		}
		switch {
		case named["content-length"] || named["transfer-encoding"]:
		case body.chunked:
			b.WriteString("Transfer-Encoding: chunked\r\n")
		default:
			fmt.Fprintf(&b, "Content-Length: %d\r\n", body.size)
		}
	}
	b.Write(lines.Bytes())
	b.WriteString("\r\n")
	return b.Bytes(), body, nil
}
