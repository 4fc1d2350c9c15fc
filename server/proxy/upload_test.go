package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// readUntil reads from a connection until what came ends with a mark.
func readUntil(t testing.TB, c net.Conn, mark string) string {
	t.Helper()
	var got []byte
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for one := make([]byte, 1); !strings.HasSuffix(string(got), mark); {
		if _, err := c.Read(one); err != nil {
			t.Fatalf("got %q, then %v, while waiting for %q", got, err, mark)
		}
		got = append(got, one[0])
	}
	return string(got)
}

func dialTo(t testing.TB, at string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// raw hands each connection of a target to f.
func raw(t testing.TB, f func(net.Conn)) string {
	return play(t, func(c net.Conn, _ func() ([]byte, bool)) { f(c) }).url
}

func TestAnEarlyAnswerArrivesWhileTheBodyIsStillSent(t *testing.T) {
	at, _ := front(t, raw(t, func(c net.Conn) {
		head := readUntil(t, c, "\r\n\r\n")
		if !strings.Contains(head, "Content-Length: 1000000\r\n") {
			t.Errorf("the head is %q", head)
		}
		io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
		io.Copy(io.Discard, c)
	}))
	c := dialTo(t, at)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome")
	if got := readUntil(t, c, "\r\n\r\nno"); !strings.HasPrefix(got, "HTTP/1.1 401 ") || !strings.Contains(got, "Connection: close\r\n") {
		t.Errorf("got %q", got)
	}
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("the connection ended with %v", err)
	}
}

func TestBodyAndAnswerFlowAtTheSameTime(t *testing.T) {
	at, _ := front(t, raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for body := bufio.NewReader(r.Body); ; {
			line, err := body.ReadString('\n')
			if err != nil {
				break
			}
			fmt.Fprintf(c, "%x\r\n%s\r\n", len(line), line)
		}
		io.WriteString(c, "0\r\n\r\n")
		io.Copy(io.Discard, c)
	}))
	c := dialTo(t, at)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	for i := range 5 {
		line := fmt.Sprintf("line %d\n", i)
		fmt.Fprintf(c, "%x\r\n%s\r\n", len(line), line)
		readUntil(t, c, line)
	}
	io.WriteString(c, "0\r\n\r\n")
	readUntil(t, c, "0\r\n\r\n")
}

func TestATargetThatAnswersAtTheLastByteKeepsItsConnection(t *testing.T) {
	s := says(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false)
	at, _ := front(t, s.url)
	large := strings.Repeat("x", smallBody+1)
	for name, request := range map[string]string{
		"a large body": fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(large), large),
		"chunks":       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		c := dialTo(t, at) // and so does the client
		for range 30 {
			io.WriteString(c, request)
			readUntil(t, c, "\r\n\r\nok")
		}
		if n := s.conns.Load(); n != 1 {
			t.Fatalf("%s: %d connections were made, want 1 that is used again", name, n)
		}
	}
}

func TestASmallBodyThatTricklesKeepsNoConnectionBusy(t *testing.T) {
	s := says(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false)
	at, _ := front(t, s.url)
	c := dialTo(t, at)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
	send(t, at, get) // takes a turn meanwhile
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections before the body is whole", n)
	}
	io.WriteString(c, "llo")
	readUntil(t, c, "\r\n\r\nok")
	all := s.seen()
	if got := all[len(all)-1]; !strings.HasSuffix(got, "\r\n\r\nhello") || s.conns.Load() != 1 {
		t.Errorf("the target got %q over %d connections", got, s.conns.Load())
	}
}

func TestABodyIsSentWhenTheTargetWantsIt(t *testing.T) {
	for _, c := range []struct{ name, first, status string }{
		{"it does", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"it does not say", "", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"it does not", "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 413 Request Entity Too Large\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, _ := front(t, raw(t, func(up net.Conn) {
				if head := readUntil(t, up, "\r\n\r\n"); !strings.Contains(head, "Expect: 100-continue\r\n") {
					t.Errorf("the head is %q", head)
				}
				io.WriteString(up, c.first)
				if strings.Contains(c.first, "413") {
					if more, _ := io.ReadAll(up); len(more) > 0 {
						t.Errorf("the target got %q", more)
					}
					return
				}
				readUntil(t, up, "hello")
				io.WriteString(up, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				io.Copy(io.Discard, up)
			}))
			client := dialTo(t, at)
			io.WriteString(client, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
			readUntil(t, client, c.status)
			if strings.Contains(c.first, "413") {
				io.ReadAll(client)
				return
			}
			io.WriteString(client, "hello")
			readUntil(t, client, "\r\n\r\nok")
		})
	}
}

func TestBodiesThatAreTooLargeOrBrokenAreNotTakenForWhole(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		status     int
	}{
		{"declared too large", "Content-Length: 2000000\r\n\r\n", 413},
		{"too large in chunks", "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("4000\r\n"+strings.Repeat("x", 0x4000)+"\r\n", 70), 413},
		{"a broken chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := make(chan bool, 1)
			at, p := front(t, raw(t, func(up net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(up))
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
				}
				whole <- err == nil
			}), func(u *Upstream) { u.MaxBody = 1 << 20 })
			client := dialTo(t, at)
			go io.WriteString(client, "POST / HTTP/1.1\r\nHost: a\r\n"+c.sent)
			got, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.StatusCode != c.status || got.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("answered with %d %v", got.StatusCode, got.Header)
			}
			client.Close()
			p.Close()
			select {
			case was := <-whole:
				if was {
					t.Error("the target took it for whole")
				}
			default: // it has not even been asked
			}
		})
	}
}

func TestAClientThatLeavesEndsTheExchange(t *testing.T) {
	ended := make(chan error, 1)
	asked := make(chan struct{})
	at, _ := front(t, raw(t, func(up net.Conn) {
		readUntil(t, up, "\r\n\r\n")
		close(asked)
		_, err := up.Read(make([]byte, 1))
		ended <- err
	}))
	c := dialTo(t, at)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-asked
	c.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the target got more")
		}
	case <-time.After(10 * time.Second):
		t.Error("the target still works for nobody")
	}
}

// endless is a body of so many zeros.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	e.left -= n
	return int(n), nil
}

func TestAGibibytePassesBothWaysAndNothingOfItStays(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost {
			fmt.Fprint(w, n, err)
			return
		}
		if r.URL.RawQuery == "measured" {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			io.Copy(w, &endless{size})
			return
		}
		io.Copy(w, &endless{size / 16})
	}))
	defer target.Close()
	at, _ := front(t, target.URL)
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, c := range []struct {
		method, query string
		length, size  int64
	}{{"POST", "", size, size}, {"POST", "", -1, size / 16}, {"GET", "measured", 0, size}, {"GET", "chunked", 0, size / 16}} {
		var body io.Reader = http.NoBody
		if c.length != 0 {
			body = io.NopCloser(&endless{c.size})
		}
		r, err := http.NewRequestWithContext(context.Background(), c.method, "http://"+at+"/?"+c.query, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = c.length
		a, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if c.method == "POST" {
			if got, _ := io.ReadAll(a.Body); string(got) != fmt.Sprint(c.size, nil) {
				t.Errorf("the target got %s of %d bytes", got, c.size)
			}
		} else if n, err := io.Copy(io.Discard, a.Body); n != c.size || err != nil {
			t.Errorf("%s: %d bytes came back, then %v", c.query, n, err)
		}
		a.Body.Close()
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 64<<20 {
		t.Errorf("%d MB were allocated on the way", grown>>20)
	}
}
