package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// guesses of a client, a second apart.
func guesses(e *Engine, client string, n int, from time.Time) (found []Finding) {
	for i := range n {
		found = append(found, e.Observe(Exchange{
			Request: Request{At: from.Add(time.Duration(i) * time.Second), Client: netip.MustParseAddr(client), Method: "GET", Path: "/a", Folded: "/a"},
			Status:  401,
		})...)
	}
	return found
}

func snapshotOf(t testing.TB, e *Engine) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := e.Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCountingGoesOnFromASnapshot(t *testing.T) {
	before := newEngine(t)
	if found := guesses(before, "203.0.113.9", 5, noon); found != nil {
		t.Fatal(found)
	}
	snapshot := snapshotOf(t, before)
	otherwise := newEngine(t, func(p *Policy) {
		p.Rules = map[string]Terms{failed: {More: 7, Within: 10 * time.Minute, Severity: High, Do: Block, For: time.Hour}}
	})
	for name, c := range map[string]struct {
		e    *Engine
		want int
	}{"as before": {newEngine(t), 1}, "with other figures": {otherwise, 0}} {
		if err := c.e.Resume(bytes.NewReader(snapshot)); err != nil {
			t.Fatal(err)
		}
		if found := guesses(c.e, "203.0.113.9", 1, noon.Add(time.Minute)); len(found) != c.want {
			t.Errorf("%s: %d findings", name, len(found))
		}
	}
	again := newEngine(t)
	if err := again.Resume(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(snapshotOf(t, again), snapshot) {
		t.Error("a snapshot of what was resumed is another")
	}
}

func TestADamagedSnapshotChangesNothing(t *testing.T) {
	before := newEngine(t)
	guesses(before, "203.0.113.9", 5, noon)
	snapshot := snapshotOf(t, before)
	elsewhere, err := New(Defaults(), 77)
	if err != nil {
		t.Fatal(err)
	}
	if err := elsewhere.Resume(bytes.NewReader(snapshot)); !errors.Is(err, ErrSeed) {
		t.Errorf("under another secret: %v", err)
	}
	if err := before.Resume(bytes.NewReader(snapshot)); !errors.Is(err, ErrBegun) {
		t.Errorf("after the first request: %v", err)
	}
	e := newEngine(t)
	dice := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		n := dice.IntN(len(snapshot))
		if err := e.Resume(bytes.NewReader(snapshot[:n])); !errors.Is(err, ErrSnapshot) && !errors.Is(err, ErrSeed) {
			t.Errorf("cut off after %d bytes: %v", n, err)
		}
		damaged := bytes.Clone(snapshot)
		damaged[n] ^= 1 << dice.IntN(8)
		if err := e.Resume(bytes.NewReader(damaged)); err == nil {
			t.Errorf("byte %d damaged: no error", n)
		}
	}
	if err := e.Resume(strings.NewReader(strings.Repeat("x", 1000))); !errors.Is(err, ErrSnapshot) {
		t.Errorf("of something else: %v", err)
	}
	if found := guesses(e, "203.0.113.9", 5, noon); found != nil {
		t.Errorf("%d were counted before", len(found))
	}
}

// FuzzSnapshot takes a snapshot apart behind its checksum. Whatever comes of it, the engine judges.
func FuzzSnapshot(f *testing.F) {
	small := Defaults()
	small.Clients = 1024
	before, err := New(small, 1)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 20 {
		guesses(before, fmt.Sprintf("203.0.113.%d", i), 3, noon)
	}
	snapshot := snapshotOf(f, before)
	f.Add(snapshot[:len(snapshot)-sha256.Size], 100, byte(3))
	f.Add(snapshot[:len(snapshot)-sha256.Size], 2000, byte(255))
	f.Fuzz(func(t *testing.T, b []byte, at int, change byte) {
		b = bytes.Clone(b)
		if len(b) > 0 {
			b[uint(at)%uint(len(b))] ^= change
		}
		sum := sha256.Sum256(b)
		e, err := New(small, 1)
		if err != nil {
			t.Fatal(err)
		}
		_ = e.Resume(bytes.NewReader(append(b, sum[:]...)))
		for i := range 20 {
			guesses(e, fmt.Sprintf("203.0.113.%d", i), 8, noon.Add(time.Minute))
		}
		snapshotOf(t, e)
	})
}
