package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// An outcome is what a client makes of an answer.
type outcome struct {
	status  int
	header  http.Header
	body    string
	whole   bool
	interim []string
}

func (o outcome) String() string {
	names := slices.Sorted(maps.Keys(o.header))
	var h strings.Builder
	for _, n := range names {
		fmt.Fprintf(&h, " %s=%q", n, o.header[n])
	}
	return fmt.Sprintf("%d%s %q whole=%t %q", o.status, h.String(), o.body, o.whole, o.interim)
}

// ask puts a request to a handler behind a server and reads the answer as a client does.
func ask(t testing.TB, h http.Handler, method string) outcome {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	defer s.Close()
	var o outcome
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			o.interim = append(o.interim, fmt.Sprint(code, h))
			return nil
		},
	})
	r, err := http.NewRequestWithContext(ctx, method, s.URL+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	a, err := tr.RoundTrip(r)
	if err != nil {
		return outcome{status: -1}
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	o.status, o.header, o.body, o.whole = a.StatusCode, a.Header, string(body), err == nil
	o.header.Del("Date")
	o.header.Del("Connection")
	return o
}

// golden are answers that both proxies must pass on alike.
var golden = []struct{ name, method, answer string }{
	{"measured", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"},
	{"measured, nothing", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"},
	{"the length twice, the same", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
	{"chunked", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"},
	{"chunked, with extensions", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n"},
	{"chunked, nothing", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"chunked, in capitals", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ntransfer-encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"},
	{"until the end", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"},
	{"until the end, nothing", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"},
	{"until the end, as HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"},
	{"measured, as HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"},
	{"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"},
	{"HEAD with chunks", "HEAD", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{"204", "GET", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"},
	{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nEtag: \"a\"\r\n\r\n"},
	{"an odd status", "GET", "HTTP/1.1 799 Odd\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"},
	{"no reason", "GET", "HTTP/1.1 404 \r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno"},
	{"no space for a reason either", "GET", "HTTP/1.1 404\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno"},
	{"several of one header", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nX: 1\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n"},
	{"headers of the hop", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: x-one, keep-alive\r\nX-One: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nContent-Length: 0\r\n\r\n"},
	{"lines that end with a line feed alone", "GET", "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 5\n\nhello"},
	{"spaces around values", "GET", "HTTP/1.1 200 OK\r\nContent-Type: \t text/plain \r\nX:\r\nContent-Length: 2\r\n\r\nok"},
	{"early hints", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"},
	{"two early hints", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"},
	{"measured, broken off", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 50\r\n\r\nhello"},
	{"chunked, broken off in a chunk", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello"},
	{"chunked, broken off between chunks", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"},
	{"chunked, without a size", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n0\r\n\r\n"},
	{"chunked, a chunk too long for its size", "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n"},
	{"nothing", "GET", ""},
	{"not HTTP", "GET", "SSH-2.0-OpenSSH_9.2\r\n"},
	{"a status of two digits", "GET", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"},
	{"a length that is none", "GET", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"},
	{"a negative length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"},
	{"a length with a sign", "GET", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"},
	{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"},
	{"an unknown coding", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
	{"two codings", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"no colon", "GET", "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\nhello"},
	{"no name", "GET", "HTTP/1.1 200 OK\r\n: 5\r\n\r\nhello"},
	{"switching to what nobody asked for", "GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"},
}

func TestAnswersArePassedOnAsReverseProxyDoes(t *testing.T) {
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			s := says(t, g.answer, true)
			_, p := front(t, s.url)
			peer, _ := tuned(t, s.url)
			peer.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			got, want := ask(t, p, g.method), ask(t, peer, g.method)
			if want.status == http.StatusBadGateway {
				if got.header.Get("Content-Type") != "application/problem+json" || strings.Contains(got.body, "127.0.0.1") {
					t.Errorf("the refusal is %v", got)
				}
				want.header, want.body = got.header, got.body
			}
			if !strings.Contains(g.answer, "Content-Length") { // short ones are measured on the way
				got.header.Del("Content-Length")
				want.header.Del("Content-Length")
			}
			if !got.whole && !want.whole && strings.HasPrefix(want.body, got.body) {
				return // how much arrives of what breaks off is chance
			}
			if got.String() != want.String() {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// Here this proxy is stricter than ReverseProxy, and RFC 9112 is on its side.
func TestAnswersThatCanBeReadInTwoWaysAreRefused(t *testing.T) {
	big := strings.Repeat("x", 70<<10)
	for name, answer := range map[string]string{
		"a length beside chunks":    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/2":                    "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"a status below 100":        "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok",
		"a space before the colon":  "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
		"two lengths in one":        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
		"chunks in HTTP/1.0":        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"identity":                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
		"a folded line":             "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
		"a carriage return":         "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
		"a zero byte":               "HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
		"a control in the reason":   "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
		"a line before the first":   "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"a header that is too long": "HTTP/1.1 200 OK\r\nX: " + big + "\r\nContent-Length: 0\r\n\r\n",
		"too many header lines":     "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 600) + "Content-Length: 0\r\n\r\n",
		"a header without an end":   "HTTP/1.1 200 OK\r\n" + strings.Repeat("Abcdefghij: b\r\n", 20),
		"an interim with a body":    "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"a flood of interims":       strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"large interims":            strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+big[:9000]+"\r\n\r\n", 8) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, p := front(t, says(t, answer, true).url)
			if got := ask(t, p, http.MethodGet); got.status != http.StatusBadGateway {
				t.Errorf("got %v", got)
			}
		})
	}
	for name, body := range map[string]string{
		"a size with a bare line feed":  "5\nhello\r\n0\r\n\r\n",
		"a chunk with a bare line feed": "5\r\nhello\n0\r\n\r\n",
		"a size of 16 digits":           "fffffffffffffff0\r\nhello",
		"an endless size":               strings.Repeat("0", 8<<10),
		"endless extensions":            strings.Repeat("1;"+strings.Repeat("e", 3000)+"\r\nx\r\n", 20) + "0\r\n\r\n",
		"endless trailers":              "0\r\n" + strings.Repeat("X: "+strings.Repeat("t", 3000)+"\r\n", 20) + "\r\n",
		"a size with a sign":            "+5\r\nhello\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, p := front(t, says(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+body, true).url)
			if got := ask(t, p, http.MethodGet); got.whole {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestTrailersAreDropped(t *testing.T) {
	at, _ := front(t, says(t, "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n", false).url)
	if got := send(t, at, get); strings.Contains(got, "X-Sum") || !strings.HasSuffix(got, "\r\n\r\nok") {
		t.Errorf("got %q", got)
	}
}

func TestNoTypeIsGuessed(t *testing.T) {
	at, _ := front(t, says(t, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", false).url)
	if got := send(t, at, get); strings.Contains(got, "Content-Type") {
		t.Errorf("got %q", got)
	}
}

func TestInterimAnswersAreForThoseWhoKnowThem(t *testing.T) {
	at, _ := front(t, says(t, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false).url)
	if got := send(t, at, get); !strings.HasPrefix(got, "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\n") || strings.Count(got, "Link") != 1 {
		t.Errorf("HTTP/1.1 got %q", got)
	}
	if got := send(t, at, "GET / HTTP/1.0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.0 200 OK\r\n") {
		t.Errorf("HTTP/1.0 got %q", got)
	}
}

func TestAnAnswerThatIsResetIsBrokenOffForTheClientToo(t *testing.T) {
	for name, framing := range map[string]string{"measured": "Content-Length: 100000", "chunked": "Transfer-Encoding: chunked", "until the end": "X: y"} {
		t.Run(name, func(t *testing.T) {
			s := play(t, func(c net.Conn, next func() ([]byte, bool)) {
				if _, ok := next(); !ok {
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\n"+framing+"\r\n\r\n")
				if strings.HasPrefix(framing, "T") {
					io.WriteString(c, "1388\r\n")
				}
				io.WriteString(c, strings.Repeat("x", 5000))
				c.(*net.TCPConn).SetLinger(0)
			})
			_, p := front(t, s.url)
			if got := ask(t, p, http.MethodGet); got.whole {
				t.Errorf("the client took a part for the whole: %d, %d bytes", got.status, len(got.body))
			}
		})
	}
}

// surplus is what a target says beyond the end of its answer.
func TestTheNextRequestNeverGetsBytesOfTheLastAnswer(t *testing.T) {
	const smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"
	for name, c := range map[string]struct{ method, answer string }{
		"measured":     {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
		"chunked":      {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
		"HEAD":         {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
		"204":          {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
		"304":          {"GET", "HTTP/1.1 304 Not Modified\r\n\r\n"},
		"a large body": {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000)},
	} {
		t.Run(name, func(t *testing.T) {
			s := says(t, c.answer+smuggled, false)
			_, p := front(t, s.url)
			for range 5 {
				if got := ask(t, p, c.method); !got.whole || strings.Contains(got.body, "smuggled") {
					t.Fatalf("got %v", got)
				}
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	for _, g := range golden {
		f.Add([]byte(g.answer), g.method == http.MethodHead, uint8(0))
		f.Add([]byte(g.answer+"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), g.method == http.MethodHead, uint8(7))
	}
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx"), false, uint8(52)) // the surplus comes late
	f.Fuzz(func(t *testing.T, answer []byte, head bool, cut uint8) {
		synctest.Test(t, func(t *testing.T) { fuzzAnswer(t, answer, head, int(cut)) })
	})
}

// fuzzAnswer has the first request answered with what was drawn, in two parts, on a connection
// that then stays open; any other request gets an honest answer. The second request gets that, or
// a refusal of the proxy's own where the API says more than its answer while the next request is
// on its way already; never what was said before.
func fuzzAnswer(t *testing.T, answer []byte, head bool, cut int) {
	var drawn atomic.Bool // each connection is served apart
	serve := func(c net.Conn) {
		defer c.Close()
		for in := bufio.NewReader(c); ; {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			say := []byte("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Path: " + r.URL.Path + "\r\n\r\nhonest")
			if drawn.CompareAndSwap(false, true) {
				at := min(cut, len(answer))
				if at > 0 { // writing nothing would wait for a reader
					c.Write(answer[:at])
				}
				say = answer[at:]
			}
			if len(say) > 0 {
				c.Write(say)
			}
		}
	}
	dial := func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go serve(there)
		return here, nil
	}
	p, err := New(Config{Log: quietLog, Dial: dial, Upstreams: []Upstream{{Targets: urls(t, "http://api.test")}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	once := func(method, path string) (w *httptest.ResponseRecorder, aborted bool) {
		w = httptest.NewRecorder()
		defer func() {
			if cause := recover(); cause != nil {
				if aborted = cause == http.ErrAbortHandler; !aborted { //nolint:errorlint // the very value
					panic(cause)
				}
			}
		}()
		p.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
		return w, false
	}
	method := http.MethodGet
	if head {
		method = http.MethodHead
	}
	once(method, "/first")
	w, aborted := once(http.MethodGet, "/second")
	if !aborted && (w.Code == http.StatusBadGateway || w.Code == http.StatusGatewayTimeout) && len(answer) > cut &&
		w.Header().Get("Content-Type") == "application/problem+json" {
		return
	}
	if aborted || w.Code != http.StatusOK || w.Body.String() != "honest" || w.Header().Get("X-Path") != "/second" {
		t.Fatalf("the second request got %d %v %q, broken off: %t", w.Code, w.Header(), w.Body, aborted)
	}
}
