package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const upgrade = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n\r\n"

// switching answers an upgrade and then echoes, until the client has said its last; then it
// says goodbye.
func switching(t *testing.T) string {
	return raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Sec-Websocket-Key") != "k" {
			t.Errorf("the target got %v", r.Header)
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\r\nhello")
		io.Copy(c, in)
		io.WriteString(c, "goodbye")
	})
}

func TestAWebsocketIsPassedBothWaysUntilBothHaveEnded(t *testing.T) {
	at, p := front(t, switching(t))
	c := dialTo(t, at)
	io.WriteString(c, upgrade+"early")
	head := readUntil(t, c, "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n") || !strings.Contains(head, "Sec-Websocket-Accept: a\r\n") {
		t.Errorf("the head is %q", head)
	}
	readUntil(t, c, "helloearly")
	for i := range 3 {
		fmt.Fprintf(c, "frame %d;", i)
		readUntil(t, c, fmt.Sprintf("frame %d;", i))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if p.Drain(ctx) == nil {
		t.Error("drained while a websocket is open")
	}
	c.(*net.TCPConn).CloseWrite()
	if got := readUntil(t, c, "goodbye"); got != "goodbye" {
		t.Errorf("after its last word the client got %q", got)
	}
	if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
		t.Errorf("then %q, %v", rest, err)
	}
	if err := p.Drain(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestClosingTheProxyEndsWebsockets(t *testing.T) {
	at, p := front(t, switching(t))
	c := dialTo(t, at)
	io.WriteString(c, upgrade)
	readUntil(t, c, "hello")
	p.Close()
	if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}

func TestATargetMayRefuseAWebsocket(t *testing.T) {
	s := says(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", false)
	at, _ := front(t, s.url)
	c := dialTo(t, at)
	for range 2 { // the connection goes on
		io.WriteString(c, upgrade)
		if got := readUntil(t, c, "\r\n\r\nno"); !strings.HasPrefix(got, "HTTP/1.1 403 ") {
			t.Errorf("got %q", got)
		}
	}
	if s.conns.Load() != 1 {
		t.Errorf("%d connections", s.conns.Load())
	}
}

func TestAnswersOfEventsAreSentAtOnce(t *testing.T) {
	more := make(chan struct{})
	for _, framing := range []string{"Transfer-Encoding: chunked", "X: y", "Content-Length: 48\r\nContent-Type: text/event-stream"} {
		at, _ := front(t, raw(t, func(c net.Conn) {
			readUntil(t, c, "\r\n\r\n")
			io.WriteString(c, "HTTP/1.1 200 OK\r\n"+framing+"\r\n\r\n")
			for range 4 {
				if strings.HasPrefix(framing, "T") {
					io.WriteString(c, "c\r\ndata: tick\n\n\r\n")
				} else {
					io.WriteString(c, "data: tick\n\n")
				}
				<-more
			}
			if strings.HasPrefix(framing, "T") {
				io.WriteString(c, "0\r\n\r\n")
			}
		}))
		c := dialTo(t, at)
		io.WriteString(c, get)
		for range 4 {
			readUntil(t, c, "tick\n\n")
			more <- struct{}{}
		}
		io.ReadAll(c)
	}
}

func TestTargetsBehindTLSAreVerified(t *testing.T) {
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.Header.Get("X-Forwarded-Proto"))
	}))
	target.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	target.StartTLS()
	defer target.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	at, p := front(t, target.URL, func(u *Upstream) { u.CAFile = ca })
	for range 5 {
		if got := send(t, at, get); !strings.HasSuffix(got, "\r\n\r\nHTTP/1.1 http") {
			t.Errorf("with its authority the answer is %q", got)
		}
	}
	if h := p.Health()[0]; h.Idle != 1 {
		t.Errorf("%d connections are kept, want the one", h.Idle)
	}
	for name, change := range map[string]func(*Upstream){
		"an unknown authority": func(*Upstream) {},
		"another name": func(u *Upstream) {
			u.CAFile = ca
			u.Targets = urls(t, strings.Replace(target.URL, "127.0.0.1", "localhost", 1))
		},
	} {
		at, _ := front(t, target.URL, change)
		if got := send(t, at, get); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
			t.Errorf("with %s the answer is %q", name, got)
		}
	}
}

func TestAKeptTLSConnectionThatSpeaksUnaskedIsNotUsed(t *testing.T) {
	target := httptest.NewUnstartedServer(nil)
	target.StartTLS()
	config := &tls.Config{Certificates: target.TLS.Certificates, MinVersion: tls.VersionTLS12}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	target.Close()
	s := play(t, func(plain net.Conn, _ func() ([]byte, bool)) {
		c := tls.Server(plain, config)
		for in := bufio.NewReader(c); ; {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled")
		}
	})
	at, _ := front(t, strings.Replace(s.url, "http", "https", 1), func(u *Upstream) { u.CAFile = ca })
	for range 5 {
		if got := send(t, at, get); !strings.HasSuffix(got, "\r\n\r\nok") {
			t.Fatalf("got %q", got)
		}
	}
}

func TestTargetsOnOtherNetworks(t *testing.T) {
	for _, network := range []string{"tcp6", "unix"} {
		t.Run(network, func(t *testing.T) {
			address, url := "[::1]:0", ""
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "api.sock")
				url = "unix://" + address
			}
			l, err := net.Listen(network, address)
			if err != nil {
				t.Skipf("%s is not to be had here: %v", network, err)
			}
			target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) }))
			target.Listener.Close()
			target.Listener = l
			target.Start()
			defer target.Close()
			want := "localhost"
			if url == "" {
				url = "http://" + l.Addr().String()
				want = l.Addr().String()
			}
			at, _ := front(t, url, func(u *Upstream) { u.PreserveHost = false })
			for range 3 {
				if got := send(t, at, get); !strings.HasSuffix(got, "\r\n\r\n"+want) {
					t.Errorf("got %q, want %q at its end", got, want)
				}
			}
		})
	}
}
