package simulator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/simulator"
)

// A case is a run told as data, and what must be said of it. play.test.ts reads the same file
// and must say the same.
type judged struct {
	Name     string            `json:"name"`
	Scenario json.RawMessage   `json:"scenario"`
	Outcomes [][]outcome       `json:"outcomes"`
	Facts    []simulator.Facts `json:"facts"`
	Kept     bool              `json:"kept"`
	Sentence string            `json:"sentence"`
}

// An outcome is written short: status, times in milliseconds, and what else there is.
type outcome struct {
	Status    int    `json:"status"`
	Sent      int    `json:"sent"`
	Answered  int    `json:"answered"`
	Reference string `json:"reference"`
	Problem   string `json:"problem"`
	Times     int    `json:"times"` // how often in a row; once when absent
}

func TestPromisesAreJudgedByWhatHappened(t *testing.T) {
	var cases []judged
	read(t, "testdata/verdicts.json", &cases)
	kept, broken := map[string]bool{}, map[string]bool{}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			s, err := simulator.Parse(c.Scenario)
			if err != nil {
				t.Fatal(err)
			}
			p := &simulator.Played{Plan: s.Expand(1), Facts: c.Facts}
			for _, os := range c.Outcomes {
				var all []simulator.Outcome
				for _, o := range os {
					for range max(1, o.Times) {
						all = append(all, simulator.Outcome{
							Status: o.Status, Sent: time.Duration(o.Sent) * time.Millisecond, Answered: time.Duration(o.Answered) * time.Millisecond,
							Reference: o.Reference, Problem: o.Problem,
						})
					}
				}
				p.Outcomes = append(p.Outcomes, all)
			}
			v := simulator.Judge(p)[0]
			if v.Kept != c.Kept || v.Sentence != c.Sentence {
				t.Errorf("got  %v: %s\nwant %v: %s", v.Kept, v.Sentence, c.Kept, c.Sentence)
			}
			if strings.Contains(v.Sentence, "{") {
				t.Errorf("a slot stayed empty: %s", v.Sentence)
			}
			if v.Kept {
				kept[v.Kind] = true
			} else {
				broken[v.Kind] = true
			}
		})
	}
	for _, kind := range []string{"refused", "late", "answered", "alert", "decision", "incident", "silent"} {
		if !kept[kind] || !broken[kind] {
			t.Errorf("%s is not shown both kept and broken", kind)
		}
	}
}
