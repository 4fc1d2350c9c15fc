package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

func TestWhatIsLookedUpTogetherIsWhatIsFoundOneByOne(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var b Batch
		var ids, findings []string
		var numbers []int64
		for i := range mostTogether + 20 {
			d := decision(fmt.Sprintf("D-%013d", i), time.Duration(i)*time.Second)
			a := alert(int64(i+1), time.Duration(i)*time.Second)
			a.Finding = fmt.Sprintf("finding-%d", i)
			in := incident.Incident{ID: int64(i + 1), First: noon, Last: noon, Severity: engine.High, Status: incident.Open}
			b.Decisions, b.Alerts, b.Incidents = append(b.Decisions, d), append(b.Alerts, a), append(b.Incidents, in)
			ids, findings, numbers = append(ids, d.ID), append(findings, a.Finding), append(numbers, in.ID)
		}
		record(t, s, b)
		decisions := must(s.DecisionsByID(t.Context(), append(ids, "D-NOWHERE")))(t)
		alerts := must(s.AlertsOfFindings(t.Context(), append(findings, "nowhere")))(t)
		incidents := must(s.IncidentsByID(t.Context(), append(numbers, 1<<50)))(t)
		if len(decisions) != len(ids) || len(alerts) != len(findings) || len(incidents) != len(numbers) {
			t.Errorf("found %d, %d and %d of %d", len(decisions), len(alerts), len(incidents), len(ids))
		}
		for _, i := range []int{0, mostTogether - 1, mostTogether, len(ids) - 1} {
			if one := must(s.Decision(t.Context(), ids[i]))(t); decisions[ids[i]] != one {
				t.Errorf("decision %s: %+v, want %+v", ids[i], decisions[ids[i]], one)
			}
			if one := must(s.AlertOfFinding(t.Context(), findings[i]))(t); !reflect.DeepEqual(alerts[findings[i]], one) {
				t.Errorf("alert of %s: %+v, want %+v", findings[i], alerts[findings[i]], one)
			}
			if one := must(s.Incident(t.Context(), numbers[i]))(t); !reflect.DeepEqual(incidents[numbers[i]], one) {
				t.Errorf("incident %d: %+v, want %+v", numbers[i], incidents[numbers[i]], one)
			}
		}
		if none := must(s.AlertsOfFindings(t.Context(), nil))(t); len(none) != 0 {
			t.Errorf("nothing finds %v", none)
		}
	})
}
