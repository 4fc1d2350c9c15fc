package rules

import (
	"strings"
	"testing"
)

const saved = `# ours
id: payees-tried
title: Many payees tried   # shown
explains: One account is refused for many payees.
when:
  method: POST
  where: path.startsWith("/payees") && hour < 5
by: account
count: 3
within: 10m
severity: HIGH
do: block
for: 1h
`

func TestASavedRuleHasTheVersionOfTheConsole(t *testing.T) {
	r, err := ReadSaved(saved+"version: 9\n", 4)
	if err != nil {
		t.Fatal(err)
	}
	if r.Version != 4 || r.Engine().Version != 4 || r.Engine().Pack != ConsolePack {
		t.Errorf("version %d and %d of pack %s", r.Version, r.Engine().Version, r.Engine().Pack)
	}
	if r, err = ReadSaved("pack: night\nrules:\n  - "+strings.ReplaceAll(strings.TrimSpace(saved), "\n", "\n    "), 1); err != nil || r.Pack != "night" {
		t.Errorf("from a pack: %+v, %v", r, err)
	}
}

func TestMistakesOfASavedRuleSayWhere(t *testing.T) {
	text := strings.Replace(strings.Replace(saved, "hour < 5", "hoor < 5", 1), "severity: HIGH", "severity: GRAVE", 1)
	_, err := ReadSaved(text, 1)
	var told []string
	for _, m := range Mistakes(err) {
		told = append(told, m.Error())
	}
	got := strings.Join(told, "\n")
	for _, want := range []string{"console:7: when.where is wrong at 1:31: hoor is neither a variable nor a function; the nearest variable is hour", "console:11: severity must be INFO"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for _, hopeless := range []string{"", "{", "- a", strings.Repeat("x", MostSaved+1), "id: \x00"} {
		if _, err := ReadSaved(hopeless, 1); len(Mistakes(err)) == 0 {
			t.Errorf("%.10q is taken", hopeless)
		}
	}
}

func TestOnlyTheModeOfATextIsChanged(t *testing.T) {
	const flow = `{id: x, title: X, explains: It is there., when: {status: 404}, severity: LOW}`
	for name, c := range map[string]struct{ text, want string }{
		"added before the first field": {saved, strings.Replace(saved, "id: payees", "mode: off\nid: payees", 1)},
		"in the place of another":      {saved + "mode: shadow # for now\n", saved + "mode: off # for now\n"},
		"between quotes":               {saved + `mode: "shadow"`, saved + `mode: off`},
		"within brackets":              {flow, strings.Replace(flow, "{id", `{"mode": "off", id`, 1)},
		"indented":                     {"  id: x\n  title: É\n  explains: It is.\n  when: {}\n  severity: LOW\n", "  mode: off\n  id: x\n  title: É\n  explains: It is.\n  when: {}\n  severity: LOW\n"},
	} {
		r, err := ReadSaved(c.text, 2)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := r.WithMode(c.text, "off")
		if err != nil || got != c.want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		now, err := ReadSaved(got, 2)
		if err != nil || now.Mode != "off" || !now.Same(r) {
			t.Errorf("%s: reads as %+v, %v", name, now, err)
		}
	}
}

func TestARuleThatCanNotBeEditedIsWrittenAnew(t *testing.T) {
	text := "pack: night\nrules:\n  - " + strings.ReplaceAll(strings.TrimSpace(saved), "\n", "\n    ") + "\n"
	r, err := ReadSaved(text, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.WithMode(text, "shadow")
	if err != nil || !strings.HasPrefix(got, "{") {
		t.Fatalf("%v\n%s", err, got)
	}
	now, err := ReadSaved(got, 1)
	if err != nil || now.Mode != "shadow" || !now.Same(r) || now.Pack != "night" {
		t.Errorf("reads as %+v, %v", now, err)
	}
}

func TestARuleThatFindsSomethingElseIsNotTheSame(t *testing.T) {
	r, err := ReadSaved(saved, 1)
	if err != nil {
		t.Fatal(err)
	}
	for change, same := range map[string]bool{
		"mode: shadow": true, "version: 3": true, "nearly: [{request: GET /, status: 200}]": true, "on: answer": true, "distinct: path": false,
	} {
		o, err := ReadSaved(saved+change+"\n", 2)
		if err != nil {
			t.Fatal(err)
		}
		if r.Same(o) != same {
			t.Errorf("with %s it is the same: %v", change, !same)
		}
	}
}
