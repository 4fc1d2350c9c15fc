package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
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

// busy is so many exchanges of attackers and honest people, about all that is remembered.
func busy(e *Engine, n int, seed uint64, from time.Time) (found []Finding) {
	dice := rand.New(rand.NewPCG(seed, seed))
	for i := range n {
		who := dice.IntN(40)
		x := Exchange{Request: Request{
			ID: uint64(i), At: from.Add(time.Duration(i) * time.Second / 2), Client: netip.AddrFrom4([4]byte{198, 51, byte(who), byte(dice.IntN(3))}),
			Method: "GET", Path: fmt.Sprintf("/api/accounts/%d", dice.IntN(100)), UserAgent: fmt.Sprintf("agent %c", 'a'+who%5),
			Account: fmt.Sprintf("person%d", who), Place: Place{Country: Country{'D', byte('A' + who%4)}, ASN: uint32(who)}, Fingerprint: uint64(who),
		}, Status: 200, Bytes: int64(100 * who)}
		x.Key.Hash[0], x.Session.Hash[0], x.Session.Hash[1] = byte(who+1), 1, byte(who)
		switch n := dice.IntN(10); {
		case n < 2:
			x.Method, x.Path, x.Status = "POST", "/api/login", []int{200, 401}[dice.IntN(2)]
		case n < 3:
			x.Path, x.Status, x.UserAgent = fmt.Sprintf("/odd-%c.php", 'a'+dice.IntN(26)), 404, "scan"
		case n < 5:
			x.Path, x.Status = fmt.Sprintf("/api/accounts/%d", i), 403
		case n < 6 && who < 4:
			x.Client, x.Account, x.Method, x.Path, x.Status = netip.MustParseAddr(attacker), fmt.Sprintf("tried%d", i), "POST", "/api/login", 401
		}
		x.Folded, _ = Fold(x.Path)
		v := e.Decide(x.Request)
		if v.Finding != nil {
			found = append(found, *v.Finding)
		}
		x.Refused = v.Refused()
		found = append(found, e.Observe(x)...)
	}
	return found
}

// counting has rules that count in all ways there are, some of them in shadow.
func counting(p *Policy) {
	p.Clients, p.Packs = 1024, manyRules()
	for i, r := range p.Packs {
		r.Statuses = nil
		if r.Distinct != ByNothing {
			r.More = []int{5, 40, 90}[i%3]
		}
		p.Packs[i] = r
	}
	terms := p.Terms(failed)
	terms.Shadow = true
	p.Rules = map[string]Terms{failed: terms}
}

func TestAnEngineThatWasResumedIsTheSame(t *testing.T) {
	before := newEngine(t, counting)
	if found := busy(before, 4000, 1, noon); len(found) < 20 {
		t.Fatalf("only %d findings", len(found))
	}
	snapshot := snapshotOf(t, before)
	after := newEngine(t, counting)
	if err := after.Resume(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	snapshot = snapshotOf(t, after) // rings lie otherwise than they did, and from now on as they do
	again := newEngine(t, counting)
	if err := again.Resume(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(snapshotOf(t, again), snapshot) {
		t.Error("a snapshot of what was resumed is another")
	}
	if is, was := after.WouldHave(), before.WouldHave(); !slices.Equal(is, was) {
		t.Errorf("would have done %v, not %v", is, was)
	}
	if is, was := len(after.shadow.every()), len(before.shadow.every()); is != was || was == 0 {
		t.Errorf("%d decisions in the shadow, not %d", is, was)
	}
	later := noon.Add(time.Hour)
	after.Restore(before.Decisions(later))
	is, was := busy(after, 4000, 2, later), busy(before, 4000, 2, later)
	if len(is) != len(was) {
		t.Fatalf("finds %d times, not %d", len(is), len(was))
	}
	for i := range was {
		if !reflect.DeepEqual(is[i], was[i]) {
			t.Fatalf("finding %d is\n%+v, not\n%+v", i, is[i], was[i])
		}
	}
}

func TestAllThatIsCountedIsCarried(t *testing.T) {
	g := newEngine(t, counting).regime.Load()
	for _, l := range g.learners {
		if !slices.ContainsFunc(g.carried(), func(m memoryOf) bool { return m.carried == any(l) }) {
			t.Errorf("%T is not carried", l)
		}
	}
	if !slices.ContainsFunc(g.carried(), func(m memoryOf) bool { return m.carried == any(g.outcomes.flows) }) {
		t.Error("how sign-ins fare is not carried")
	}
	for _, a := range g.rules {
		switch m := a.memory().(type) {
		case carried, known, sight: // the last two remember nothing
		default:
			t.Errorf("%T of %s is not carried", m, a.ID)
		}
	}
}

// FuzzSnapshot takes a snapshot apart behind its checksum. Whatever comes of it, the engine judges.
func FuzzSnapshot(f *testing.F) {
	small := Defaults()
	counting(&small)
	before, err := New(small, 1)
	if err != nil {
		f.Fatal(err)
	}
	busy(before, 2000, 1, noon)
	snapshot := snapshotOf(f, before)
	f.Add(snapshot[:len(snapshot)-sha256.Size], 100, byte(3))
	for i := range 30 {
		f.Add(snapshot[:len(snapshot)-sha256.Size], len(snapshot)*i/30, byte(255>>(i%8)))
	}
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
		for _, found := range busy(e, 200, 2, noon.Add(20*time.Minute)) {
			if _, err := json.Marshal(found); err != nil {
				t.Fatal(err)
			}
		}
		snapshotOf(t, e)
	})
}
