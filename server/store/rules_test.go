package store

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func version(rule string, number int) RuleVersion {
	return RuleVersion{
		Rule: rule, Number: number, Finds: number, Change: RuleSaved, Mode: "shadow", Definition: "id: " + rule + "\ntitle: É\n",
		By: "ada", At: noon.Add(time.Duration(number) * time.Second),
	}
}

func TestVersionsOfRulesComeBackAsTheyWereSaved(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		deleted := RuleVersion{Rule: "b", Number: 2, Finds: 1, Change: RuleDeleted, Mode: "off", By: "bob", At: noon}
		for _, b := range []Batch{
			{Rules: []RuleVersion{version("b", 1), version("a", 1)}, Audit: []Entry{{At: noon, Verb: "save rule"}}},
			{Rules: []RuleVersion{version("a", 2)}},
			{Rules: []RuleVersion{deleted}, Modes: []RuleMode{{"honeypot", "shadow", "ada", noon}}},
			{Modes: []RuleMode{{"honeypot", "", "bob", noon.Add(time.Second)}, {"anomaly", "off", "ada", noon}}},
		} {
			if err := s.Record(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if got := must(s.SavedRules(t.Context()))(t); !reflect.DeepEqual(got, []RuleVersion{version("a", 2), deleted}) {
			t.Errorf("the last versions are %+v", got)
		}
		if got := must(s.RuleModes(t.Context()))(t); !reflect.DeepEqual(got, []RuleMode{{"anomaly", "off", "ada", noon}, {"honeypot", "", "bob", noon.Add(time.Second)}}) {
			t.Errorf("the modes are %+v", got)
		}
		first := must(s.RuleVersions(t.Context(), "a", Page{First: 1}))(t)
		if !first.More || !reflect.DeepEqual(first.Items, []RuleVersion{version("a", 2)}) {
			t.Errorf("the first page is %+v", first)
		}
		rest := must(s.RuleVersions(t.Context(), "a", Page{First: 5, After: first.Next}))(t)
		if rest.More || !reflect.DeepEqual(rest.Items, []RuleVersion{version("a", 1)}) {
			t.Errorf("the rest is %+v", rest)
		}
		if n := must(s.CountRuleVersions(t.Context(), "a"))(t); n != 2 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestTheSecondToSaveAVersionIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		if err := s.Record(t.Context(), Batch{Rules: []RuleVersion{version("a", 1)}}); err != nil {
			t.Fatal(err)
		}
		late := version("a", 1)
		late.By = "bob"
		err := s.Record(t.Context(), Batch{Rules: []RuleVersion{late}, Audit: []Entry{{At: noon, Verb: "save rule"}}})
		if !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), "version 1 of rule a") {
			t.Errorf("told %v", err)
		}
		if got := must(s.SavedRules(t.Context()))(t); got[0].By != "ada" {
			t.Errorf("it was written over: %+v", got)
		}
		if p := must(s.Audit(t.Context(), Page{First: 10}))(t); len(p.Items) > 0 {
			t.Errorf("the audit log has %+v", p.Items)
		}
		if err := s.Ping(t.Context())["database"]; err != nil {
			t.Errorf("the database is said to fail: %v", err)
		}
	})
}
