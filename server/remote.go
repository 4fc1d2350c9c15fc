package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// newPassword is 125 bits of chance in letters that can be read aloud.
func newPassword() string {
	const letters = "abcdefghjkmnpqrstvwxyz0123456789"
	b := make([]byte, 25)
	random(b)
	var s strings.Builder
	for i, c := range b {
		if i > 0 && i%5 == 0 {
			s.WriteByte('-')
		}
		s.WriteByte(letters[int(c)%len(letters)])
	}
	return s.String()
}

// remoteDoor lets loopback in as the demo always does, and asks everybody else for a password.
func remoteDoor(console http.Handler, password string) http.Handler {
	want := sha256.Sum256([]byte(password))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() {
			name, got, _ := r.BasicAuth()
			sum := sha256.Sum256([]byte(got))
			if subtle.ConstantTimeCompare(sum[:], want[:]) != 1 || name != "demo" {
				w.Header().Set("WWW-Authenticate", `Basic realm="Sentinel demo", charset="UTF-8"`)
				http.Error(w, "sign in as demo with the password that was printed at the start", http.StatusUnauthorized)
				return
			}
		}
		console.ServeHTTP(w, r)
	})
}

// hosts are the Host headers that the console answers to: anything else may be a web page that
// points a name of its own at this machine.
func hosts(listen string, at net.Addr) []string {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil
	}
	_, port, _ := net.SplitHostPort(at.String()) // --listen may have said :0
	names := []string{"127.0.0.1", "localhost", "::1"}
	if !loopback(host) {
		names = append(names, host)
		if h, err := os.Hostname(); err == nil {
			names = append(names, h)
		}
		if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
			names = append(names, ownAddresses()...)
		}
	}
	var out []string
	for _, n := range names {
		if n != "" {
			out = append(out, net.JoinHostPort(n, port))
		}
	}
	return out
}

func ownAddresses() []string {
	var out []string
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			out = append(out, n.IP.String())
		}
	}
	return out
}
