package listen_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/listen"
)

// answering opens a door with this behind it, and dials it.
func answering(t *testing.T, c listen.Config, h http.HandlerFunc) *net.TCPConn {
	t.Helper()
	c.Address = "127.0.0.1:0"
	d, err := listen.Open(t.Context(), c, h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	go d.Serve()
	t.Cleanup(func() { _ = d.Close() })
	conn, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn.(*net.TCPConn)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsDoneForAClientEndsWhenHeLeaves(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn) error{
		"closes":      (*net.TCPConn).Close,
		"resets":      func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) },
		"half closes": (*net.TCPConn).CloseWrite,
	} {
		for sent, text := range map[string]string{
			"nothing": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"a body":  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
			"chunks":  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		} {
			t.Run(name+" after "+sent, func(t *testing.T) {
				t.Parallel()
				begun, ended := make(chan struct{}, 2), make(chan error, 2)
				c := answering(t, listen.Config{Most: 4}, func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					begun <- struct{}{}
					select {
					case <-r.Context().Done():
						ended <- context.Cause(r.Context())
					case <-time.After(10 * time.Second):
						ended <- nil
					}
				})
				send(t, c, text)
				<-begun
				if err := leave(c); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("ended with %v", err)
				}
			})
		}
	}
}

func TestWhoStaysOrAsksAheadIsAnsweredHoweverLongItTakes(t *testing.T) {
	for name, ahead := range map[string]bool{"one at a time": false, "all at once": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := answering(t, listen.Config{}, func(w http.ResponseWriter, r *http.Request) {
				wait := 350 * time.Millisecond // three looks
				if r.URL.Path == "/fast" {
					wait = 0
				}
				select {
				case <-r.Context().Done():
					w.WriteHeader(http.StatusGone)
				case <-time.After(wait):
					_, _ = io.WriteString(w, r.URL.Path)
				}
			})
			paths := []string{"/slow", "/fast", "/fast", "/slow"}
			in := bufio.NewReader(c)
			for i, path := range paths {
				if !ahead {
					send(t, c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
				} else if i == 0 {
					for _, path := range paths {
						send(t, c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
					}
				}
				r, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if said, err := io.ReadAll(r.Body); string(said) != path || err != nil {
					t.Errorf("asked for %s: %d %q, %v", path, r.StatusCode, said, err)
				}
			}
		})
	}
}

func TestAConnectionThatWasHandedOverIsReadByteByByte(t *testing.T) {
	const text = "every byte of it"
	c := answering(t, listen.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		send(t, conn, "-")
		one := make([]byte, 1)
		for range text {
			if n, err := conn.Read(one); n != 1 || err != nil {
				t.Errorf("read %d bytes: %v", n, err)
				return
			}
			_, _ = conn.Write(one)
		}
	})
	send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil { // it has been handed over
		t.Fatal(err)
	}
	send(t, c, text)
	if said, err := io.ReadAll(c); string(said) != text || err != nil {
		t.Errorf("%q, %v", said, err)
	}
}

// When one byte may still come of a header the server reads one byte, and that has to be a read.
func TestTheLastByteThatAHeaderMayHaveIsRead(t *testing.T) {
	c := answering(t, listen.Config{}, func(http.ResponseWriter, *http.Request) {})
	const most = 64<<10 + 4<<10
	head := "GET / HTTP/1.1\r\nHost: a\r\nX: "
	send(t, c, head+strings.Repeat("a", most-1-len(head)))
	time.Sleep(50 * time.Millisecond) // until all of it was read
	send(t, c, "aaaa")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%v, %v", r, err)
	}
}

func TestADeadlineFarOffIsKeptAndMoved(t *testing.T) {
	const far = 1200 * time.Millisecond
	later := func() time.Time { return time.Now().Add(far) }
	for name, c := range map[string]struct {
		move func(*http.ResponseController) error
		late bool // what comes after the deadline is not read
	}{
		"kept":      {func(*http.ResponseController) error { return nil }, true},
		"taken off": {func(rc *http.ResponseController) error { return rc.SetReadDeadline(time.Time{}) }, false},
		"put off":   {func(rc *http.ResponseController) error { return rc.SetReadDeadline(time.Now().Add(time.Hour)) }, false},
		"over, then put off": {func(rc *http.ResponseController) error {
			return errors.Join(rc.SetReadDeadline(time.Unix(1, 0)), rc.SetReadDeadline(time.Now().Add(time.Hour)))
		}, false},
		"brought forward": {func(rc *http.ResponseController) error { return rc.SetReadDeadline(time.Now().Add(far / 10)) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ready, read := make(chan struct{}), make(chan error, 1)
			conn := answering(t, listen.Config{}, func(w http.ResponseWriter, r *http.Request) {
				rc := http.NewResponseController(w)
				if err := errors.Join(rc.SetReadDeadline(later()), c.move(rc)); err != nil {
					t.Error(err)
				}
				close(ready)
				_, err := io.ReadAll(r.Body)
				read <- err
			})
			send(t, conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{")
			<-ready
			time.Sleep(far + 4*far/10)
			send(t, conn, "}")
			if err := <-read; c.late != errors.Is(err, os.ErrDeadlineExceeded) || !c.late && err != nil {
				t.Error(err)
			}
		})
	}
}

func TestADeadlineOfAConnectionThatWasHandedOverHoldsWithoutTheDoor(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, "handed over")
	for name, c := range map[string]listen.Config{
		"plain": {Most: 4}, "TLS": {Cert: cert, Key: key}, "PROXY": {ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handed := make(chan net.Conn, 1)
			c.Address = "127.0.0.1:0"
			d, err := listen.Open(t.Context(), c, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
				}
				handed <- conn
			}), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			go d.Serve()
			var client net.Conn
			if c.Cert != "" {
				client = dial(t, d)
			} else if client, err = net.Dial("tcp", d.Addr().String()); err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			send(t, client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			conn := <-handed
			defer conn.Close()
			if err := errors.Join(d.Shutdown(t.Context()), conn.SetDeadline(time.Now().Add(1200*time.Millisecond))); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := conn.Read(make([]byte, 1))
				ended <- err
			}()
			select {
			case err := <-ended:
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the deadline is not kept")
			}
		})
	}
}

func TestADeadlineOfWritesIsKeptAndTakenOff(t *testing.T) {
	c := answering(t, listen.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.SetWriteDeadline(time.Unix(1, 0)); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, "too late")
		if err := rc.Flush(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("written after its deadline: %v", err)
		}
		conn, _, err := rc.Hijack() // takes it off
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		send(t, conn, "in time")
	})
	send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if said, err := io.ReadAll(c); !strings.HasSuffix(string(said), "in time") || err != nil {
		t.Errorf("%q, %v", said, err)
	}
}
