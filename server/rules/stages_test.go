package rules_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

// ofNoStage are the rules of the program that say nothing of how far an attack has come, and why.
var ofNoStage = map[string]string{
	"anomaly":      "it says that somebody is unlike the others, and not what he is after",
	"odd-sequence": "a way that nobody goes may lead anywhere",
	"form-spam":    "who fills in forms for others to read wants neither in nor anything that is here",
}

func TestEveryRuleOfTheProgramSaysWhichStageOfAnAttackItSpeaksOf(t *testing.T) {
	set, err := rules.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(engine.Rules(), set.Rules()...) {
		if r.Stage == 0 == (ofNoStage[r.ID] == "") {
			t.Errorf("%s is of stage %q, and the reason to have none is %q: want one of them", r.ID, r.Stage, ofNoStage[r.ID])
		}
		if old := (incident.Strand{Rule: r.ID}).Stage(); old != r.Stage {
			t.Errorf("what was stored of %s before findings told their stage is of %q, want %q", r.ID, old, r.Stage)
		}
		delete(ofNoStage, r.ID)
	}
	if len(ofNoStage) > 0 {
		t.Errorf("there are no such rules: %v", ofNoStage)
	}
}

const wildcards = `
id: wildcard-probing
title: Wildcards tried
explains: Paths with wildcards are asked for.
when: {route: ["/all/**"]}
severity: LOW
`

func TestTheStageOfARuleIsWhatItSaysAndNothingIsGuessedFromItsName(t *testing.T) {
	for text, want := range map[string]engine.Stage{
		wildcards:                                0,
		wildcards + "stage: reconnaissance\n":    engine.Reconnaissance,
		wildcards + "stage: credential access\n": engine.CredentialAccess,
	} {
		r, err := rules.ReadOne("mine.yml", []byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		p := engine.Defaults()
		p.Packs, p.Clients = []engine.Rule{r.Engine()}, 1<<10
		e, err := engine.New(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		found := e.Observe(engine.Exchange{Request: engine.Request{ID: 1, At: noon, Client: source(2), Method: "GET", Path: "/all/x", Folded: "/all/x"}, Status: 200})
		if len(found) != 1 || found[0].Stage != want {
			t.Fatalf("found %+v, want one of stage %q", found, want)
		}
		c := incident.NewBook(incident.Limits{}).Fold(found[0])
		if c.Alert.Evidence.Means.Stage != want {
			t.Errorf("the alert is of stage %q, want %q", c.Alert.Evidence.Means.Stage, want)
		}
		written, err := json.Marshal(r.Definition)
		if err != nil {
			t.Fatal(err)
		}
		again, err := rules.ReadSaved(string(written), r.Version)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again.Definition, r.Definition) {
			t.Errorf("%s is read as %+v, want %+v", written, again.Definition, r.Definition)
		}
	}
}

func TestAStageThatThereIsNotIsRefusedWithTheNearest(t *testing.T) {
	_, err := rules.ReadOne("mine.yml", []byte(wildcards+"stage: recon\n"), "")
	if m := rules.Mistakes(err); len(m) != 1 || m[0].Field != "stage" || !strings.Contains(m[0].Problem, "reconnaissance") {
		t.Errorf("got %v", err)
	}
}
