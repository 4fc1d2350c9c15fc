package rules

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestEveryFieldAndVariableIsInTheManual(t *testing.T) {
	b, err := os.ReadFile("../../docs/RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(b)
	says := func(what string) {
		if !strings.Contains(manual, "`"+what+"`") {
			t.Errorf("docs/RULES.md says nothing of %s", what)
		}
	}
	for _, v := range variables {
		says(v.name)
	}
	for _, name := range counted {
		says(name)
	}
	for _, name := range fieldsOf(reflect.TypeFor[Definition]()) {
		says(name)
	}
	for _, name := range fieldsOf(reflect.TypeFor[When]()) {
		says("when." + name)
	}
	for _, name := range fieldsOf(reflect.TypeFor[Step]()) {
		says(name)
	}
}

func TestTheManualsExampleIsTheOneThatIsProven(t *testing.T) {
	manual, err := os.ReadFile("../../docs/RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	proof, err := os.ReadFile("rules_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(manual), "payouts.yml\n")
	example, _, _ = strings.Cut(example, "```")
	if example == "" || !strings.Contains(string(proof), example) {
		t.Error("docs/RULES.md and TestNewRuleIsAFileWithTwoScenarios differ")
	}
}
