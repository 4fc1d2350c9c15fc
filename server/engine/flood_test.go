package engine

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// source is one of as many distinct addresses as there are numbers: all over IPv4, and where the
// number is odd an IPv6 /64.
func source(n uint32) netip.Addr {
	if n%2 == 0 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], bits.Reverse32(n)|1)
		return netip.AddrFrom4(b)
	}
	b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	binary.BigEndian.PutUint32(b[4:], n)
	b[15] = 1
	return netip.AddrFrom16(b)
}

// Ten million sources in ten minutes, each of which fails to sign in once or is well answered with
// a key of its own, and one who tries a list of passwords.
func TestTenMillionSourcesTakeNoMemoryAndHideNobody(t *testing.T) {
	sources := uint32(10_000_000)
	if testing.Short() || raced {
		sources = 200_000
	}
	e, err := New(Defaults(), 1)
	if err != nil {
		t.Fatal(err)
	}
	before := alive()
	brute := netip.MustParseAddr("203.0.113.7")
	attempts, found := 0, false
	every := sources / 500 // of the attacker's attempts, so that the sixth comes within seconds
	for n := range sources {
		at := noon.Add(time.Duration(n) * (10 * time.Minute / time.Duration(sources)))
		x := Exchange{Request: Request{ID: uint64(n), At: at, Client: source(n), Method: "POST", Folded: "/api/login"}, Status: 401}
		if n%4 == 3 {
			x.Status = 200
			binary.BigEndian.PutUint32(x.Key.Hash[:], n+1)
		}
		if v := e.Decide(x.Request); v.Refused() {
			t.Fatalf("source %d is refused by %s", n, v.Cause)
		}
		if f := e.Observe(x); f != nil && !f[0].Weak {
			t.Fatalf("source %d is accused: %s", n, f[0].Reason)
		}
		if n%every != every/2 || found || n < sources/2 { // he comes when everything is full
			continue
		}
		attempts++
		r := Request{ID: uint64(n), At: at, Client: brute, Method: "POST", Folded: "/api/login"}
		if v := e.Decide(r); v.Refused() {
			t.Fatalf("attempt %d is refused by %s before it is found", attempts, v.Cause)
		}
		found = len(e.Observe(Exchange{Request: r, Status: 401})) > 0
	}
	threshold := Defaults().Terms(failed).More
	if !found || attempts > threshold+20 {
		t.Errorf("after %d attempts found: %v; want it within 20 over %d", attempts, found, threshold)
	}
	if grown := (alive() - before) >> 20; grown > 1 {
		t.Errorf("%d sources make it grow by %d MB", sources, grown)
	}
	t.Logf("found after %d attempts among %d sources", attempts, sources)
	runtime.KeepAlive(e)
}
