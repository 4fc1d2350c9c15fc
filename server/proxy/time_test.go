package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A wire is a target in memory: each connection is served by f; while away is set none is made.
type wire struct {
	f     func(host string, c net.Conn)
	away  atomic.Bool
	full  atomic.Bool // this machine has no file left
	dials atomic.Int32
}

func (w *wire) dial(ctx context.Context, _, address string) (net.Conn, error) {
	w.dials.Add(1)
	if w.away.Load() {
		return nil, errors.New("connection refused")
	}
	if w.full.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
	}
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		w.f(address, there)
	}()
	return here, ctx.Err()
}

// inBubble makes a proxy whose time is the test's.
func inBubble(t *testing.T, w *wire, u Upstream, targets ...string) *Proxy {
	t.Helper()
	if len(targets) == 0 {
		targets = []string{"http://api.test"}
	}
	u.Name, u.Targets = "api", urls(t, targets...)
	p, err := New(Config{Upstreams: []Upstream{u}, Dial: w.dial, Log: quietLog})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// try asks for a path, and says how long that took and whether it was broken off.
func try(p *Proxy, r *http.Request) (w *httptest.ResponseRecorder, took time.Duration, broken bool) {
	w = httptest.NewRecorder()
	began := time.Now()
	defer func() {
		took = time.Since(began)
		if cause := recover(); cause != nil {
			if broken = cause == http.ErrAbortHandler; !broken { //nolint:errorlint // the very value
				panic(cause)
			}
		}
	}()
	p.ServeHTTP(w, r)
	return w, 0, false
}

// honest answers every request with the target's address.
func honest(host string, c net.Conn) {
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"+host[:11])
	}
}

func TestPatienceEnds(t *testing.T) {
	silent := func(_ string, c net.Conn) { io.Copy(io.Discard, c) }
	for _, c := range []struct {
		name   string
		serve  func(string, net.Conn)
		body   func() io.Reader
		status int
		within time.Duration
		broken bool
	}{
		{"with a target that does not answer", silent, nil, 504, 30 * time.Second, false},
		{"with one that answers half a head", func(_ string, c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
			io.Copy(io.Discard, c)
		}, nil, 504, 30 * time.Second, false},
		{"with one whose answer stops", func(_ string, c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
			io.Copy(io.Discard, c)
		}, nil, 200, time.Minute, true},
		{"with a client whose body stops", silent, func() io.Reader {
			body, _ := io.Pipe() // nobody writes to it
			return body
		}, 408, 30 * time.Second, false},
		{"with a target that does not read", func(_ string, c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			time.Sleep(2 * time.Minute)
		}, func() io.Reader { return &endless{1 << 20} }, 504, time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := inBubble(t, &wire{f: c.serve}, Upstream{})
				r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
				if c.body != nil {
					r = httptest.NewRequest(http.MethodPost, "/", c.body())
					r.ContentLength = -1
				}
				w, took, broken := try(p, r)
				if w.Code != c.status || broken != c.broken || took < c.within || took > c.within+2*beat {
					t.Errorf("after %s the answer is %d, broken off: %t; want %d after %s", took, w.Code, broken, c.status, c.within)
				}
				time.Sleep(2 * time.Minute) // until the targets have ended
			})
		})
	}
}

func TestASlowAnswerThatGoesOnIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inBubble(t, &wire{f: func(_ string, c net.Conn) {
			http.ReadRequest(bufio.NewReader(c))
			time.Sleep(29 * time.Second)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
			for range 10 {
				time.Sleep(59 * time.Second)
				io.WriteString(c, "data: tick\n\n")
			}
		}}, Upstream{})
		w, took, broken := try(p, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		if w.Code != 200 || broken || strings.Count(w.Body.String(), "tick") != 10 || took < 10*time.Minute-40*time.Second {
			t.Errorf("after %s: %d %q, broken off: %t", took, w.Code, w.Body, broken)
		}
	})
}

func TestTargetsTakeTurnsAndTheUnreachableOnesRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{f: honest}
		p := inBubble(t, w, Upstream{}, "http://10.0.0.1:80", "http://10.0.0.2:80")
		asked := map[string]int{}
		for range 10 {
			a, _, _ := try(p, httptest.NewRequest(http.MethodPost, "/", http.NoBody))
			asked[a.Body.String()]++
		}
		if asked["10.0.0.1:80"] != 5 || asked["10.0.0.2:80"] != 5 {
			t.Errorf("asked: %v", asked)
		}
	})
}

func TestAnUnreachableTargetIsLeftOutAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{f: honest}
		w.away.Store(true)
		p := inBubble(t, w, Upstream{})
		for i, want := range []int{502, 502, 502, 503, 503} {
			a, _, _ := try(p, httptest.NewRequest(http.MethodPost, "/", http.NoBody))
			if a.Code != want || want == 503 && a.Header().Get("Retry-After") != "1" {
				t.Errorf("request %d is answered with %d %v, want %d", i+1, a.Code, a.Header(), want)
			}
		}
		if h := p.Health()[0]; h.Healthy || !strings.Contains(h.Reason, "refused") {
			t.Errorf("health is %+v", h)
		}
		if n := w.dials.Load(); n != 3 {
			t.Errorf("%d connections were tried, want 3", n)
		}
		w.away.Store(false)
		time.Sleep(firstBreak + 2*beat)
		if a, _, _ := try(p, httptest.NewRequest(http.MethodPost, "/", http.NoBody)); a.Code != 200 {
			t.Errorf("after a break the answer is %d", a.Code)
		}
		if h := p.Health()[0]; !h.Healthy || h.Reason != "" || h.Idle != 1 || h.Busy != 0 {
			t.Errorf("health is %+v", h)
		}
	})
}

func TestWhatThisMachineLacksTakesNoTargetOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{f: honest}
		w.full.Store(true)
		p := inBubble(t, w, Upstream{HealthPath: "/healthz"})
		for range 5 {
			if a, _, _ := try(p, httptest.NewRequest(http.MethodPost, "/", http.NoBody)); a.Code != 502 {
				t.Errorf("without a file left the answer is %d", a.Code)
			}
		}
		time.Sleep(time.Minute)
		w.full.Store(false)
		if h := p.Health()[0]; !h.Healthy {
			t.Errorf("health is %+v", h)
		}
		if a, _, _ := try(p, httptest.NewRequest(http.MethodPost, "/", http.NoBody)); a.Code != 200 {
			t.Errorf("with files again the answer is %d", a.Code)
		}
	})
}

func TestHealthChecksTakeATargetOutAndBringItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ill atomic.Bool
		var checks atomic.Int32
		w := &wire{f: func(host string, c net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}
			if r.URL.Path != "/up" {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"+host[:11])
				return
			}
			checks.Add(1)
			if ill.Load() && host == "10.0.0.1:80" {
				io.WriteString(c, "HTTP/1.1 503 Unwell\r\nContent-Length: 0\r\n\r\n")
				return
			}
			io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}}
		p := inBubble(t, w, Upstream{HealthPath: "/up", HealthEvery: time.Second}, "http://10.0.0.1:80", "http://10.0.0.2:80")
		only := func() string {
			first, _, _ := try(p, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
			second, _, _ := try(p, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
			if first.Body.String() == second.Body.String() {
				return first.Body.String()
			}
			return ""
		}
		time.Sleep(5 * time.Second)
		if got := only(); got != "" {
			t.Errorf("only %s is asked while both are well", got)
		}
		ill.Store(true)
		time.Sleep(1500 * time.Millisecond)
		if got := only(); got != "" {
			t.Error("one bad check took a target out")
		}
		time.Sleep(4 * time.Second)
		if got := only(); got != "10.0.0.2:80" {
			t.Errorf("while one is ill, asked is %q", got)
		}
		if h := p.Health()[0]; h.Healthy || h.Reason != "health check: it answers 503" {
			t.Errorf("health is %+v", h)
		}
		ill.Store(false)
		time.Sleep(4 * time.Second)
		if got := only(); got != "" {
			t.Errorf("only %s is asked after both are well again", got)
		}
		if n := checks.Load(); n < 24 || n > 36 {
			t.Errorf("%d checks in about 15 s of two targets", n)
		}
	})
}

func TestOldConnectionsAreClosed(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		after  time.Duration
	}{"unused for long": {"", keepIdle}, "before the target does": {"Keep-Alive: timeout=5\r\n", 4 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var closed atomic.Bool
				p := inBubble(t, &wire{f: func(_ string, up net.Conn) {
					http.ReadRequest(bufio.NewReader(up))
					io.WriteString(up, "HTTP/1.1 200 OK\r\n"+c.header+"Content-Length: 0\r\n\r\n")
					io.Copy(io.Discard, up)
					closed.Store(true)
				}}, Upstream{})
				try(p, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
				time.Sleep(c.after - time.Second/2)
				if closed.Load() {
					t.Error("closed too early")
				}
				time.Sleep(time.Second)
				if !closed.Load() {
					t.Error("still open")
				}
			})
		})
	}
}
