package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// sources with these scores, the hostile ones first.
func sources(hostile, harmless []float64) (all []scored) {
	for _, s := range harmless {
		all = append(all, scored{s, false})
	}
	for _, s := range hostile {
		all = append(all, scored{s, true})
	}
	return all
}

func TestARankingIsPerfectWhenAllAttackersComeFirst(t *testing.T) {
	harmless := make([]float64, 200)
	for i := range harmless {
		harmless[i] = float64(i) / 100
	}
	r := rank(sources([]float64{9, 8, 7}, harmless))
	if r.auc != 1 || r.average != 1 || r.atHalf != 3 || r.atOne != 3 || r.attack != 3 || r.harmless != 200 {
		t.Errorf("ranked %+v", r)
	}
}

func TestARankingKnowsWhoStandsBelowTheBestOfTheHarmless(t *testing.T) {
	harmless := make([]float64, 200) // one may stand above at 0.5 %, two at 1 %
	harmless[0], harmless[1], harmless[2] = 10, 8, 6
	r := rank(sources([]float64{11, 9, 7, 5}, harmless))
	if r.atHalf != 2 || r.atOne != 3 {
		t.Errorf("%d and %d of 4 are found, want 2 and 3", r.atHalf, r.atOne)
	}
	if want := (200 + 199 + 198 + 197) / 800.0; math.Abs(r.auc-want) > 1e-12 {
		t.Errorf("the area is %v, want %v", r.auc, want)
	}
	if want := (1 + 2/3.0 + 3/5.0 + 4/7.0) / 4; math.Abs(r.average-want) > 1e-12 {
		t.Errorf("the average precision is %v, want %v", r.average, want)
	}
}

func TestEqualScoresAreNoMerit(t *testing.T) {
	r := rank(sources(make([]float64, 5), make([]float64, 95)))
	if r.auc != 0.5 || math.Abs(r.average-0.05) > 1e-12 || r.atHalf != 0 || r.atOne != 0 {
		t.Errorf("ranked %+v", r)
	}
}

func TestRankingsArePooledByTheirOwnThresholds(t *testing.T) {
	b := &board{apart: func(name string) bool { return name == "apart" }}
	for _, name := range []string{"one", "two", "apart"} {
		s := &score{set: &set{name: name, labels: "x"}, census: &census{sources: []*source{{hostile: true}, {}}}, replayed: &replayed{}}
		s.rankings = []ranking{{attack: 10, harmless: 100, atHalf: 5, atOne: 8}, {attack: 4, harmless: 40, atHalf: 1, atOne: 2}}
		b.scores = append(b.scores, s)
	}
	var out bytes.Buffer
	b.ranked(&out)
	for _, row := range []string{"pooled whole 220 20 - - 50 % 80 %", "pooled last 40 % 88 8 - - 25 % 50 %", "apart whole"} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), row) {
			t.Errorf("no row %q in\n%s", row, out.String())
		}
	}
}
