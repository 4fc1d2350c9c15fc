package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestOtherMachinesAreAskedForThePassword(t *testing.T) {
	password := newPassword()
	door := remoteDoor(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }), password)
	for name, c := range map[string]struct {
		from, user, password string
		want                 int
	}{
		"loopback needs none":         {"127.0.0.1:1", "", "", 200},
		"nor does loopback in IPv6":   {"[::1]:1", "", "", 200},
		"another machine without any": {"192.0.2.1:1", "", "", 401},
		"with the wrong one":          {"192.0.2.1:1", "demo", password + "x", 401},
		"with an empty one":           {"192.0.2.1:1", "demo", "", 401},
		"as somebody else":            {"192.0.2.1:1", "root", password, 401},
		"with the right one":          {"192.0.2.1:1", "demo", password, 200},
		"an address that is none":     {"pipe", "", "", 401},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.RemoteAddr = c.from
			if c.user != "" {
				r.SetBasicAuth(c.user, c.password)
			}
			w := httptest.NewRecorder()
			door.ServeHTTP(w, r)
			if w.Code != c.want || (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("got %d %v, want %d", w.Code, w.Header(), c.want)
			}
		})
	}
	if newPassword() == password {
		t.Error("two starts have one password")
	}
}

func TestTheConsoleAnswersToItsOwnNamesOnly(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	local := hosts("127.0.0.1:0", at)
	if want := []string{"127.0.0.1:8080", "localhost:8080", "[::1]:8080"}; !slices.Equal(local, want) {
		t.Errorf("on loopback it answers to %v, want %v", local, want)
	}
	if named := hosts("192.0.2.1:8080", at); !slices.Contains(named, "192.0.2.1:8080") {
		t.Errorf("on an address of its own it answers to %v", named)
	}
}
