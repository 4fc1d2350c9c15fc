package anomaly

import (
	"bytes"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
)

var schema = []Feature{
	{Name: "size", Kind: Number, Max: 100},
	{Name: "rate", Kind: Magnitude, Max: 1000},
	{Name: "path", Kind: Category},
	{Name: "step", Kind: Transition},
}

// usualEvent is the n-th of a stream in which nothing is odd.
func usualEvent(n int) []Value {
	r := mix(uint64(n))
	path, before := r>>8%16, mix(uint64(n-1))>>8%16
	return []Value{
		{Number: 40 + float64(r>>16%20)}, {Number: 1 + float64(r>>24%5)}, {Key: path}, {Key: path, Given: before},
	}
}

var oddEvent = []Value{{Number: 95}, {Number: 500}, {Key: 77777}, {Key: 77777, Given: 77778}}

const minute = 60_000

func newModel(t testing.TB) *Model {
	t.Helper()
	m, err := New(schema)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// taught is a model that learned so many usual events of 60 sources, one a minute.
func taught(t testing.TB, events int) *Model {
	m := newModel(t)
	for n := range events {
		m.Learn(usualEvent(n), uint64(n%60), int64(n)*minute)
	}
	return m
}

func TestWhatIsUnlikeTheRestScoresHighAndWhatIsLikeItDoesNot(t *testing.T) {
	m := taught(t, 5000)
	if odd := m.Score(oddEvent); odd < 20 {
		t.Errorf("an odd event scores %.2f", odd)
	}
	sum := 0.0
	for n := range 1000 {
		sum += m.Score(usualEvent(10_000 + n))
	}
	if sum/1000 > 1 {
		t.Errorf("usual events score %.2f on average", sum/1000)
	}
}

// The scores of a fixed stream: who changes them changes what operators see, and says so.
func TestScoresAreWhatTheyWere(t *testing.T) {
	m := taught(t, 3000)
	got := fmt.Sprintf("%.6f %.6f %.6f", m.Score(oddEvent), m.Score(usualEvent(9)), m.Score([]Value{{Number: 61}, {Number: 2}, {Key: 3}, {Key: 3, Given: 77}}))
	const want = "26.026764 0.000000 6.506691"
	if got != want {
		t.Errorf("scores are %s, were %s", got, want)
	}
}

func TestAnExplanationAddsUpToTheScoreGreatestFirst(t *testing.T) {
	m := taught(t, 2000)
	for n := range 500 {
		x := usualEvent(50_000 + n)
		x[n%2].Number *= 1 + float64(n%7)
		x[2].Key += uint64(n % 3)
		points, shares, last := 0.0, 0.0, math.Inf(1)
		for _, p := range m.Explain(x) {
			if p.Points <= 0 || p.Points > last || p.Expected == "" || p.Feature == "" {
				t.Fatalf("part %+v after %v", p, last)
			}
			points, shares, last = points+p.Points, shares+p.Share, p.Points
		}
		if score := m.Score(x); math.Abs(points-score) > 1e-9 || score > 0 && math.Abs(shares-1) > 1e-9 {
			t.Fatalf("parts add up to %v and shares to %v of a score of %v", points, shares, score)
		}
	}
}

func TestTheFurtherOutTheOdder(t *testing.T) {
	m := taught(t, 2000)
	for feature := range 2 {
		last := -1.0
		for at := -5.0; at < 2000; at += 0.5 {
			x := usualEvent(1)
			x[feature].Number = at
			score := m.Score(x)
			if score < last {
				t.Fatalf("%s of %v scores %v, less than below it (%v)", schema[feature].Name, at, score, last)
			}
			last = score
		}
	}
}

func TestWhatIsNoNumberIsScoredAllTheSame(t *testing.T) {
	m := taught(t, 300)
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -1} {
		v := usualEvent(1)
		v[0].Number, v[1].Number = x, x
		if s := m.Score(v); s < 0 || math.IsNaN(s) || math.IsInf(s, 0) {
			t.Errorf("%v scores %v", x, s)
		}
		m.Learn(v, 1, 300*minute)
	}
}

func TestWhatIsLearnedBecomesUsual(t *testing.T) {
	m := taught(t, 2000)
	before := m.Score(oddEvent)
	for n := range 3000 {
		m.Learn(oddEvent, uint64(n%60), 2000*minute)
	}
	if after := m.Score(oddEvent); after > before/10 {
		t.Errorf("scores %.2f, and %.2f after it was seen 3,000 times", before, after)
	}
}

func TestWhatWasUsualLongAgoIsForgotten(t *testing.T) {
	m := taught(t, 2000)
	old := usualEvent(1)
	for n := range 12 * decayEvery {
		x := usualEvent(n)
		x[0].Number, x[2].Key = 5, 5000+uint64(n%4)
		m.Learn(x, uint64(n%60), 2000*minute)
	}
	if s := m.Score(old); s < 2 {
		t.Errorf("what was usual 240,000 events ago scores %.2f", s)
	}
}

func TestNothingIsScoredBeforeEnoughSourcesTaughtEnough(t *testing.T) {
	m := newModel(t)
	for n := range 5000 {
		m.Learn(usualEvent(n), uint64(n%(enoughSources-1)), 0)
	}
	if m.Warm() || m.Score(oddEvent) != 0 || m.Explain(oddEvent) != nil {
		t.Error("49 sources warm a model")
	}
	m.Learn(usualEvent(1), 1000, 0)
	if !m.Warm() || m.Score(oddEvent) == 0 {
		t.Error("50 sources do not")
	}
	m = newModel(t)
	for n := range enoughEvents - 1 {
		m.Learn(usualEvent(n), uint64(n), 0)
	}
	if m.Warm() {
		t.Error("199 events warm a model")
	}
}

func TestAFrozenModelLearnsNothing(t *testing.T) {
	m := taught(t, 1000)
	before := m.Score(oddEvent)
	m.Freeze(true)
	for n := range 1000 {
		m.Learn(oddEvent, uint64(n), 1000*minute)
	}
	if after := m.Score(oddEvent); after != before || !m.State().Frozen || m.State().Events != 1000 {
		t.Errorf("scores %v, then %v, of %d events", before, after, m.State().Events)
	}
	m.Freeze(false)
	m.Learn(oddEvent, 1, 1000*minute)
	if m.Score(oddEvent) >= before {
		t.Error("it does not go on to learn")
	}
}

func TestWhatComesOnceDoesNotPushOutWhatComesOften(t *testing.T) {
	m := taught(t, 5000)
	for n := range 500_000 {
		m.core.Load().features[2].known.learn(uint64(1_000_000+n), unit)
	}
	for path := range uint64(16) {
		if m.Fresh(2, path) {
			t.Errorf("path %d is forgotten", path)
		}
	}
}

func TestAPathIsAsCommonAsItHasSources(t *testing.T) {
	m := taught(t, 1000)
	x := usualEvent(1)
	x[2] = Value{Key: 4242, Repeated: true}
	m.Learn(x, 1, 1000*minute)
	if !m.Fresh(2, 4242) {
		t.Error("what a source repeats is counted")
	}
	x[2].Repeated = false
	m.Learn(x, 1, 1000*minute)
	if m.Fresh(2, 4242) {
		t.Error("what it shows first is not")
	}
}

func TestScoringAndLearningCostNoMemory(t *testing.T) {
	m := taught(t, 3*24*60)
	x, a, n := usualEvent(1), Actor{}, 0
	if allocs := testing.AllocsPerRun(5000, func() {
		n++
		at := int64(3*24*60)*minute + int64(n)
		m.Follow(&a, m.Score(x), false, at)
		m.Learn(x, uint64(n%60), at)
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestSchemasThatMakeNoSenseAreRefused(t *testing.T) {
	for field, s := range map[string][]Feature{
		"features must":      {},
		"features[1].Name":   {{Name: "a", Kind: Category}, {Name: "a", Kind: Category}},
		"features[0].Name":   {{Kind: Category}},
		"features[0].Kind":   {{Name: "a"}},
		"features[0].Max":    {{Name: "a", Kind: Number}},
		"features[0].Min":    {{Name: "a", Kind: Magnitude, Min: -1, Max: 1}},
		"features[0].Room":   {{Name: "a", Kind: Category, Room: mostRoom + 1}},
		"features must be 1": make([]Feature, MostFeatures+1),
	} {
		if _, err := New(s); err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestScoresMayBeAskedWhileOthersTeach(t *testing.T) {
	m := taught(t, 1000)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			var a Actor
			for n := range 2000 {
				at := int64(n) * minute
				m.Follow(&a, m.Score(oddEvent), false, at)
				m.Learn(usualEvent(n*g), uint64(g), at)
			}
			if _, err := m.MarshalBinary(); err != nil {
				t.Error(err)
			}
			m.State()
		})
	}
	all.Wait()
	if s := m.State(); s.Events != 9000 {
		t.Errorf("%d events were learned, want 9,000", s.Events)
	}
}

// The package stands alone: it has no clock, no dice, no I/O, and nothing of ours.
func TestThePackageStandsAlone(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	allowed := " encoding/binary errors fmt hash/crc32 hash/fnv math math/bits slices sync sync/atomic "
	for _, file := range files {
		if strings.HasSuffix(file.Name(), "_test.go") || !strings.HasSuffix(file.Name(), ".go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range parsed.Imports {
			if !strings.Contains(allowed, " "+strings.Trim(s.Path.Value, `"`)+" ") {
				t.Errorf("%s imports %s", file.Name(), s.Path.Value)
			}
		}
	}
}

func TestASnapshotKnowsWhatTheModelKnew(t *testing.T) {
	m := taught(t, 4*24*60)
	var actors [40]Actor
	for n := range 4000 {
		m.Follow(&actors[n%40], m.Score(usualEvent(n)), false, int64(4*24*60+n)*minute)
	}
	before, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	o := newModel(t)
	if err := o.UnmarshalBinary(before); err != nil {
		t.Fatal(err)
	}
	if after, _ := o.MarshalBinary(); !bytes.Equal(before, after) {
		t.Error("its own snapshot differs")
	}
	if a, b := fmt.Sprint(m.State()), fmt.Sprint(o.State()); a != b {
		t.Errorf("its state is %s, was %s", b, a)
	}
	for n := range 3000 { // they go on alike, over days and decays
		x, at := usualEvent(n*7), int64(8*24*60+n)*minute
		if m.Score(x) != o.Score(x) {
			t.Fatalf("event %d scores %v, and %v after the restart", n, m.Score(x), o.Score(x))
		}
		m.Learn(x, 1, at)
		o.Learn(x, 1, at)
	}
	if err := o.Rollback(1); err != nil {
		t.Error(err)
	}
}

func TestSnapshotsOfOthersAreRefusedAndChangeNothing(t *testing.T) {
	m := taught(t, 2*24*60)
	good, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(good)
	damaged[len(damaged)/2] ^= 1
	newer := bytes.Clone(good)
	newer[len(magic)] = version + 1
	other, err := New(append(schema[:3:3], Feature{Name: "another", Kind: Category}))
	if err != nil {
		t.Fatal(err)
	}
	foreign, _ := other.MarshalBinary()
	for name, c := range map[string]struct {
		snapshot []byte
		want     error
	}{
		"nothing": {nil, ErrNoSnapshot}, "text": {[]byte("once upon a time"), ErrNoSnapshot},
		"damaged": {damaged, ErrDamaged}, "cut short": {good[:len(good)-1], ErrDamaged},
		"longer": {append(bytes.Clone(good), 0), ErrDamaged}, "newer": {newer, ErrVersion}, "of other features": {foreign, ErrSchema},
	} {
		if err := m.UnmarshalBinary(c.snapshot); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if after, _ := m.MarshalBinary(); !bytes.Equal(good, after) {
		t.Error("a refused snapshot changed the model")
	}
}

// FuzzSnapshot reads what may be anything, with its checksum made right, so that what lies behind it is read too.
func FuzzSnapshot(f *testing.F) {
	for _, events := range []int{0, 10, 500, 3 * 24 * 60} {
		b, err := taught(f, events).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[len(magic)+9 : len(b)-4])
	}
	head, _ := taught(f, 0).MarshalBinary()
	f.Fuzz(func(t *testing.T, body []byte) {
		m := newModel(t)
		b := sealed(append(bytes.Clone(head[:len(magic)+9]), body...))
		if err := m.UnmarshalBinary(b); err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		var a Actor
		for n := range 50 {
			if s := m.Score(oddEvent); s < 0 || math.IsNaN(s) || s > 1000 {
				t.Fatalf("scores %v", s)
			}
			m.Explain(oddEvent)
			m.Follow(&a, m.Score(oddEvent), false, int64(n)*day)
			m.Learn(usualEvent(n), 1, int64(n)*day)
		}
		m.State()
		if _, err := m.MarshalBinary(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkScore(b *testing.B) {
	m := taught(b, 5000)
	x := usualEvent(77)
	b.ReportAllocs()
	for b.Loop() {
		m.Score(x)
	}
}

// BenchmarkEvent is all that an event costs: twelve features scored, followed and learned.
func BenchmarkEvent(b *testing.B) {
	var features []Feature
	for i := range 12 {
		features = append(features, Feature{Name: fmt.Sprint(i), Kind: Kind(i%4 + 1), Max: 1000})
	}
	m, err := New(features)
	if err != nil {
		b.Fatal(err)
	}
	var events [256][]Value
	for n := range events {
		for i := range 3 {
			events[n] = append(events[n], usualEvent(n+1000*i)...)
		}
	}
	var actors [64]Actor
	var p Places
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		x := events[n%256]
		m.Follow(&actors[n%64], m.Look(x, &p), false, int64(n))
		m.Take(x, &p, uint64(n%64), int64(n))
		n++
	}
}
