package listen_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/listen"
)

// certify writes a certificate of its own for 127.0.0.1.
func certify(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
	return cert, key
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, c listen.Config) *listen.Door {
	t.Helper()
	c.Address = "127.0.0.1:0"
	d, err := listen.Open(t.Context(), c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.RemoteAddr)
	}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.Serve() }()
	t.Cleanup(func() {
		if err := d.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return d
}

func dial(t *testing.T, d *listen.Door) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) //nolint:gosec // the name in it is what is tested
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func named(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].Subject.CommonName }

func TestANewCertificateIsTakenUpAndOpenConnectionsGoOn(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, "first")
	d := open(t, listen.Config{Cert: cert, Key: key})
	before := dial(t, d)
	if named(before) != "first" || d.Expires().Before(time.Now()) {
		t.Fatalf("%s until %s", named(before), d.Expires())
	}
	certify(t, dir, "second")
	if err := d.Reload(); err != nil {
		t.Fatal(err)
	}
	if after := dial(t, d); named(after) != "second" {
		t.Errorf("shows %s after it was read again", named(after))
	}
	if got := ask(t, before, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("the open connection says %q", got)
	}
}

func TestACertificateThatCannotBeReadChangesNothing(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, "first")
	d := open(t, listen.Config{Cert: cert, Key: key})
	write(t, cert, []byte("nonsense"))
	if err := d.Reload(); err == nil || !strings.Contains(err.Error(), cert) {
		t.Errorf("%v does not name the file", err)
	}
	if c := dial(t, d); named(c) != "first" {
		t.Errorf("shows %s", named(c))
	}
}

func TestHTTP2IsSpokenOverTLS(t *testing.T) {
	cert, key := certify(t, t.TempDir(), "h2")
	d := open(t, listen.Config{Cert: cert, Key: key})
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // as above
	r, err := client.Get("https://" + d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	if !strings.HasPrefix(string(b), "HTTP/2.0 ") {
		t.Errorf("%s", b)
	}
}

func ask(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.Proto + " " + r.Status + "\n" + string(b)
}

func TestPROXYHeadersAreBelievedOfListedPeersOnly(t *testing.T) {
	const header = "PROXY TCP4 198.51.100.66 192.0.2.1 4711 80\r\n"
	const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for _, c := range []struct {
		name string
		from []netip.Prefix
		text string
		want string
	}{
		{"listed", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, header + request, "198.51.100.66:4711"},
		{"listed, without a header", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, request, "127.0.0.1:"},
		{"not listed", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, header + request, "400 Bad Request"},
		{"nobody listed", nil, header + request, "400 Bad Request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, listen.Config{ProxyFrom: c.from})
			conn, err := net.Dial("tcp", d.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got := ask(t, conn, c.text); !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q in it", got, c.want)
			}
		})
	}
}

func TestATakenPortIsNamedWithTheRemedy(t *testing.T) {
	d := open(t, listen.Config{})
	_, err := listen.Open(t.Context(), listen.Config{Address: d.Addr().String()}, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "another port") {
		t.Error(err)
	}
}

func TestWhoDoesNotSendHisBodyIsAnsweredAndNotWaitedFor(t *testing.T) {
	d, err := listen.Open(t.Context(), listen.Config{Address: "127.0.0.1:0"}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "refused unread", http.StatusForbidden)
	}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	go d.Serve()
	for name, rest := range map[string]string{"a length": "Content-Length: 1000\r\n\r\n{", "chunks": "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"} {
		c, err := net.Dial("tcp", d.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\n"+rest)
		answer, err := io.ReadAll(c) // until it is hung up
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 403 ") {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
	}
}

func TestConnectionsBeyondTheBoundWaitForOneToEnd(t *testing.T) {
	d := open(t, listen.Config{Most: 1})
	dialled := func() net.Conn {
		c, err := net.Dial("tcp", d.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	first := dialled()
	if got := ask(t, first, request); !strings.Contains(got, "200") {
		t.Fatal(got)
	}
	second := dialled()
	defer second.Close()
	if _, err := io.WriteString(second, request); err != nil {
		t.Fatal(err)
	}
	if err := second.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := second.Read(make([]byte, 1)); err == nil {
		t.Fatalf("a connection beyond the bound was answered (%d bytes)", n)
	}
	if err := errors.Join(first.Close(), second.SetReadDeadline(time.Time{})); err != nil {
		t.Fatal(err)
	}
	if r, err := http.ReadResponse(bufio.NewReader(second), nil); err != nil || r.StatusCode != 200 {
		t.Errorf("after the first has ended: %v %v", r, err)
	}
}

func TestAnAnswerToARequestThatIsTooLongIsNotLost(t *testing.T) {
	for name, c := range map[string]listen.Config{"bounded": {Most: 4}, "unbounded": {}} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", open(t, c).Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go io.WriteString(conn, "GET /"+strings.Repeat("a", 200_000)+" HTTP/1.1\r\nHost: a\r\n\r\n")
			r, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(r.Body); r.StatusCode != 431 || err != nil {
				t.Errorf("%d, then %v", r.StatusCode, err)
			}
		})
	}
}

func TestTheShareLeavesFilesForTheRest(t *testing.T) {
	if n := listen.Share(); n < 0 || n > 0 && n < 16 {
		t.Errorf("a share of %d", n)
	}
}
