package anomaly

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
)

// sealed appends a checksum.
func sealed(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }

// A day's scores of so many actors, most low and a few high, the same every day.
func followDay(m *Model, actors []Actor, today int, flagged func(int) bool) (odd, beyond int) {
	for round := range 4 {
		for i := range actors {
			score := float64(mix(uint64(i*7+round))%1000) / 100
			if i%200 == 0 {
				score += 15 + float64(i%1000)/100
			}
			switch m.Follow(&actors[i], score, flagged(i), int64(today)*day+int64(round)) {
			case Odd:
				odd++
			case Beyond:
				beyond++
			case Usual:
			}
		}
	}
	return odd, beyond
}

func nobody(int) bool { return false }

func TestTheBudgetHolds(t *testing.T) {
	for _, c := range []struct{ actors, most int }{{100, 1}, {1000, 5}, {10_000, 20}} {
		m := taught(t, 300)
		actors := make([]Actor, c.actors)
		if odd, beyond := followDay(m, actors, 1, nobody); odd+beyond > 0 {
			t.Errorf("of %d actors, %d stand out on the first day", c.actors, odd+beyond)
		}
		for today := 2; today < 9; today++ {
			clear(actors)
			odd, beyond := followDay(m, actors, today, nobody)
			if beyond > c.most || c.actors >= 1000 && beyond == 0 {
				t.Errorf("of %d actors, %d are beyond on day %d, at most %d may", c.actors, beyond, today, c.most)
			}
			if odd > c.actors/50 {
				t.Errorf("of %d actors, %d are odd on day %d", c.actors, odd, today)
			}
		}
	}
}

func TestADayOnWhichEverybodyIsOddSpendsNoMoreThanTheBudget(t *testing.T) {
	m := taught(t, 300)
	actors := make([]Actor, 5000)
	followDay(m, actors, 1, nobody)
	beyond := 0
	for i := range actors {
		if m.Follow(&actors[i], 400, false, 2*day) == Beyond {
			beyond++
		}
	}
	if beyond != PerDay {
		t.Errorf("%d actors are beyond, want %d", beyond, PerDay)
	}
}

func TestWhoStandsOutDoesSoOnceADay(t *testing.T) {
	m := taught(t, 300)
	actors := make([]Actor, 1000)
	followDay(m, actors, 1, nobody)
	var a Actor
	for today := 2; today < 4; today++ {
		told := 0
		for n := range 100 {
			if m.Follow(&a, 60, false, int64(today)*day+int64(n)) != Usual {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times on day %d", told, today)
		}
	}
	threshold := m.State().Threshold
	if g := m.Grade(threshold); g != 50 || m.Grade(0) != 0 || m.Grade(threshold/2) >= 50 || m.Grade(1e9) > 100 {
		t.Errorf("the threshold is graded %d", g)
	}
}

func TestWhoIsFlaggedOtherwiseNeitherStandsOutNorRaisesTheThreshold(t *testing.T) {
	quiet, loud := taught(t, 300), taught(t, 300)
	for today := 1; today < 4; today++ {
		followDay(quiet, make([]Actor, 1000), today, nobody)
		followDay(loud, make([]Actor, 1000), today, nobody)
		attackers := make([]Actor, 200)
		for i := range attackers {
			if loud.Follow(&attackers[i], 50, true, int64(today)*day) != Usual {
				t.Fatal("who is flagged stands out")
			}
		}
	}
	quiet.Follow(&Actor{}, 0, false, 4*day)
	loud.Follow(&Actor{}, 0, false, 4*day)
	if q, l := quiet.State(), loud.State(); q.Threshold != l.Threshold || q.Threshold == 0 {
		t.Errorf("the threshold is %v, and %v amid attackers", q.Threshold, l.Threshold)
	}
}

func TestAMovedMedianIsNoticedAndLearnedFaster(t *testing.T) {
	m := newModel(t)
	teach := func(today int, shift float64) {
		for n := range 500 {
			x := usualEvent(n)
			x[0].Number += shift
			m.Learn(x, uint64(n%60), int64(today)*day+int64(n))
		}
	}
	for today := range 30 {
		teach(today, float64(today%2))
		if d := m.State().Drifting; d != nil {
			t.Fatalf("day %d of the same traffic: %v drift", today, d)
		}
	}
	teach(30, 30)
	before := m.core.Load().features[0].all.sum
	teach(31, 30)
	if d := m.State().Drifting; len(d) != 1 || d[0] != "size" {
		t.Errorf("drifting are %v, want size", d)
	}
	if grown := m.core.Load().features[0].all.sum - before; grown != 2*500*unit {
		t.Errorf("500 events after a drift count as %d", grown/unit)
	}
	teach(32, 30)
	if d := m.State().Drifting; d != nil {
		t.Errorf("%v drift a day later", d)
	}
}

func TestASlowDriftIsNoticedToo(t *testing.T) {
	m := newModel(t)
	for today := range 20 {
		for n := range 200 {
			x := usualEvent(n)
			x[0].Number = 10 + 4*float64(today)
			m.Learn(x, uint64(n%60), int64(today)*day)
		}
		if len(m.State().Drifting) > 0 {
			if today < 2 {
				t.Errorf("noticed on day %d", today)
			}
			return
		}
	}
	t.Error("not noticed in 20 days")
}

func TestDaysCanBeGoneBack(t *testing.T) {
	m := newModel(t)
	if err := m.Rollback(1); err == nil || !strings.Contains(err.Error(), "none has ended") {
		t.Errorf("back to before the first day: %v", err)
	}
	var want []float64 // what the odd event scores at the end of each day
	for today := range 12 {
		for n := range 300 {
			m.Learn(usualEvent(n), uint64(n%60), int64(today)*day)
		}
		if today > 8 { // somebody teaches what he will do
			for n := range 100 {
				m.Learn(oddEvent, uint64(n), int64(today)*day)
			}
		}
		want = append(want, m.Score(oddEvent))
	}
	if s := m.State(); s.Days != keptDays {
		t.Errorf("%d days are kept", s.Days)
	}
	if err := m.Rollback(keptDays + 1); err == nil || !strings.HasPrefix(err.Error(), "days must be 1 to 7") {
		t.Errorf("eight days back: %v", err)
	}
	if err := m.Rollback(3); err != nil { // today is the 12th, the last that ended the 11th
		t.Fatal(err)
	}
	if got := m.Score(oddEvent); got != want[8] {
		t.Errorf("scores %v, want %v as at the end of the ninth day", got, want[8])
	}
	if s := m.State(); s.Days != keptDays-2 {
		t.Errorf("%d days are left", s.Days)
	}
}

func TestEventsOfDaysBeforeEndNoDay(t *testing.T) {
	m := taught(t, 300)
	m.Learn(usualEvent(1), 1, 5*day)
	m.Learn(usualEvent(1), 1, 4*day)
	m.Learn(usualEvent(1), 1, 5*day)
	if s := m.State(); s.Days != 1 {
		t.Errorf("%d days have ended, want 1", s.Days)
	}
}
