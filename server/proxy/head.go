package proxy

import (
	"bytes"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// An answer is the head of what a target said, and how its body is framed.
type answer struct {
	status  int
	fields  []field // what is passed on, in order
	body    framing
	length  int64 // of a body that is measured
	last    bool  // the target closes the connection after it
	upgrade string
	keep    time.Duration // how long the target keeps a connection; 0 when it does not say

	budget  int // bytes of header that may still come
	interim int
	memo    []memo // the lines of the answer before, which is nearly the same

	lengths, codings int
	named            []string // by Connection
}

type field struct{ key, value string }

// A framing says where a body ends (RFC 9112, 6.3).
type framing uint8

const (
	noBody   framing = iota
	measured         // after length bytes
	chunked          // with a chunk of no bytes
	untilEOF         // with the connection
)

// A memo is a header line and what it means.
type memo struct {
	line string
	field
	means meaning
}

type meaning uint8

const (
	passed meaning = iota
	dropped
	contentLength
	transferEncoding
	connection
	keepAlive
	upgrading
)

const (
	longestMemo = 512 // bytes of a line
	mostMemos   = 32
	mostInterim = 32
	mostFields  = 512
)

// reset makes ready for the answer to a request.
func (a *answer) reset() {
	a.budget, a.interim = maxAnswerHead, 0
	a.again()
}

// again makes ready for the next head of the same request.
func (a *answer) again() {
	clear(a.fields)
	a.status, a.fields, a.body, a.length, a.last, a.upgrade, a.keep = 0, a.fields[:0], noBody, 0, false, "", 0
	a.lengths, a.codings, a.named = 0, 0, nil
}

// readHead reads the head of an answer, strictly: what this proxy could read in another way than
// its client is malformed (RFC 9112, 2.2, 5 and 11). errLost means that not a byte of it came.
func (c *conn) readHead(method string) error {
	a := &c.answer
	line, err := c.line()
	if err != nil {
		if c.to == c.from && a.interim == 0 {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		return err
	}
	minor, ok := a.statusLine(line)
	if !ok {
		return fmt.Errorf("%w: the status line", errMalformed)
	}
	a.last = minor == 0
	for i := 0; ; i++ {
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			break
		}
		if i >= mostFields {
			return errTooLarge
		}
		if err := a.line(i, line); err != nil {
			return err
		}
	}
	if len(a.named) > 0 {
		a.withoutNamed()
	}
	return a.frame(method, minor)
}

// line returns the next line without its end; it is valid until more is read.
func (c *conn) line() ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(c.buf[c.from+seen:c.to], '\n'); i >= 0 {
			end := c.from + seen + i
			line := c.buf[c.from:end]
			if c.answer.budget -= len(line) + 1; c.answer.budget < 0 {
				return nil, errTooLarge
			}
			c.from = end + 1
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return line, nil
		}
		if seen = c.to - c.from; seen > c.answer.budget {
			return nil, errTooLarge
		}
		if err := c.fill(maxAnswerHead + bulk); err != nil {
			return nil, err
		}
	}
}

// statusLine reads "HTTP/1.1 200 OK" (RFC 9112, 4).
func (a *answer) statusLine(line []byte) (minor int, ok bool) {
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return 0, false
	}
	for _, digit := range line[9:12] {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		a.status = a.status*10 + int(digit-'0')
	}
	return int(line[7] - '0'), a.status >= 100 && printable(line[12:])
}

// line takes in the header line at place i. Most are the same as in the answer before.
func (a *answer) line(i int, line []byte) error {
	if i < len(a.memo) && a.memo[i].line == string(line) {
		return a.take(&a.memo[i])
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !token(line[:colon]) || !printable(line[colon+1:]) {
		return fmt.Errorf("%w: a header line", errMalformed)
	}
	var m memo
	m.key = textproto.CanonicalMIMEHeaderKey(string(line[:colon]))
	m.value = string(bytes.Trim(line[colon+1:], " \t"))
	m.means = meaningOf(m.key)
	if len(line) <= longestMemo && i < mostMemos {
		m.line = string(line)
		for len(a.memo) <= i {
			a.memo = append(a.memo, memo{})
		}
		a.memo[i] = m
	}
	return a.take(&m)
}

func meaningOf(key string) meaning {
	switch key {
	case "Content-Length":
		return contentLength
	case "Transfer-Encoding":
		return transferEncoding
	case "Connection":
		return connection
	case "Keep-Alive":
		return keepAlive
	case "Upgrade":
		return upgrading
	case "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Te", "Trailer":
		return dropped
	}
	return passed
}

func (a *answer) take(m *memo) error {
	switch m.means {
	case dropped:
	case passed:
		a.fields = append(a.fields, m.field)
	case contentLength:
		n, err := strconv.ParseUint(m.value, 10, 63)
		if err != nil || a.lengths > 0 && int64(n) != a.length { //nolint:gosec // below 2^63
			return fmt.Errorf("%w: its length", errMalformed)
		}
		if a.lengths++; a.lengths == 1 {
			a.length = int64(n) //nolint:gosec // below 2^63
			a.fields = append(a.fields, m.field)
		}
	case transferEncoding:
		if a.codings++; a.codings > 1 || !strings.EqualFold(m.value, "chunked") {
			return fmt.Errorf("%w: its transfer coding", errMalformed)
		}
	case connection:
		a.connection(m.value)
	case keepAlive:
		a.keep = keepFor(m.value)
	case upgrading:
		a.upgrade = m.value
	}
	return nil
}

// connection reads the options of the hop (RFC 9110, 7.6.1).
func (a *answer) connection(value string) {
	if value == "keep-alive" { // as nearly always
		return
	}
	for option := range strings.SplitSeq(value, ",") {
		option = strings.Trim(option, " \t")
		switch {
		case option == "":
		case strings.EqualFold(option, "close"):
			a.last = true
		case strings.EqualFold(option, "keep-alive"), strings.EqualFold(option, "upgrade"):
		default:
			a.named = append(a.named, textproto.CanonicalMIMEHeaderKey(option))
		}
	}
}

// withoutNamed drops the fields that Connection names, framing excepted.
func (a *answer) withoutNamed() {
	kept := a.fields[:0]
	for _, f := range a.fields {
		named := false
		for _, name := range a.named {
			named = named || name == f.key && name != "Content-Length"
		}
		if !named {
			kept = append(kept, f)
		}
	}
	a.fields = kept
}

// keepFor reads "timeout=5, max=100", and leaves a second for what is under way.
func keepFor(value string) time.Duration {
	for part := range strings.SplitSeq(value, ",") {
		name, text, _ := strings.Cut(strings.Trim(part, " \t"), "=")
		if !strings.EqualFold(name, "timeout") {
			continue
		}
		if n, err := strconv.ParseUint(text, 10, 16); err == nil && n > 0 {
			return max(time.Duration(n)*time.Second-time.Second, 500*time.Millisecond)
		}
	}
	return 0
}

// frame tells where the body ends. A length beside chunks, and chunks in HTTP/1.0, are how
// answers are smuggled (RFC 9112, 6.1 and 6.3).
func (a *answer) frame(method string, minor int) error {
	switch {
	case a.codings > 0 && (a.lengths > 0 || minor == 0):
		return fmt.Errorf("%w: two framings", errMalformed)
	case a.status < 200:
		if a.codings > 0 || a.length > 0 {
			return fmt.Errorf("%w: an interim answer with a body", errMalformed)
		}
	case a.status == http.StatusNoContent:
		a.last = a.last || a.codings > 0 || a.length > 0 // who says so may send one
	case method == http.MethodHead, a.status == http.StatusNotModified:
	case a.codings > 0:
		a.body = chunked
	case a.lengths > 0:
		a.body = measured
		if a.length == 0 {
			a.body = noBody
		}
	default:
		a.body, a.last = untilEOF, true
	}
	return nil
}

// token reports whether a header name is one (RFC 9110, 5.6.2).
func token[T string | []byte](b T) bool {
	for i := range len(b) {
		if !tokens[b[i]] {
			return false
		}
	}
	return len(b) > 0
}

var tokens = func() (t [256]bool) {
	for c := range t {
		b := byte(c) //nolint:gosec // an index of 256
		t[c] = b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b != 0 && strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
	}
	return t
}()

// printable reports whether a value has no control but tabs (RFC 9110, 5.5).
func printable[T string | []byte](b T) bool {
	for i := range len(b) {
		if c := b[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
