package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// ConsolePack is what rules of the console belong to that name no other.
const ConsolePack = "console"

// MostSaved is how many bytes a rule of the console may have.
const MostSaved = 64 << 10

// ReadSaved reads a rule as it is written in the console: a definition by itself, or a pack that
// holds one. It has this version, whatever it says itself. Mistakes are told as by Load.
func ReadSaved(text string, version int) (*Rule, error) {
	if len(text) > MostSaved {
		return nil, Mistake{File: ConsolePack, Invalid: engine.Invalid{Problem: fmt.Sprintf("has %d bytes, and may have %d", len(text), MostSaved)}}
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, Mistake{File: ConsolePack, Invalid: engine.Invalid{Problem: "must be text in UTF-8"}}
	}
	r, err := readOne(ConsolePack, []byte(text), "", ConsolePack)
	if err != nil {
		return nil, err
	}
	r.Version = version
	r.rule.Version = version
	return r, nil
}

// Mistakes are those that an error of reading holds; what is none of them is told as one.
func Mistakes(err error) []Mistake {
	var all []Mistake
	var walk func(error)
	walk = func(err error) {
		if m, ok := err.(Mistake); ok { //nolint:errorlint // one that wraps several is walked below
			all = append(all, m)
			return
		}
		if several, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // likewise
			for _, e := range several.Unwrap() {
				walk(e)
			}
			return
		}
		if one := errors.Unwrap(err); one != nil {
			walk(one)
			return
		}
		all = append(all, Mistake{Invalid: engine.Invalid{Problem: err.Error()}})
	}
	if err != nil {
		walk(err)
	}
	return all
}

// Same reports whether two rules find the same, whatever their modes, scenarios and versions are.
func (r *Rule) Same(o *Rule) bool {
	return reflect.DeepEqual(finds(r.Definition), finds(o.Definition))
}

func finds(d Definition) Definition {
	d.Mode, d.Version, d.Shows, d.Nearly = "", 0, nil, nil
	return d
}

// WithMode is the text of a rule with another mode in it, and all else as it was written. Where
// that can't be had by changing one word or adding a line, it is written anew, as JSON.
func (r *Rule) WithMode(text, mode string) (string, error) {
	want := r.Definition
	want.Mode = mode
	if edited, ok := edit(text, mode); ok {
		if now, err := ReadSaved(edited, r.Version); err == nil && reflect.DeepEqual(now.Definition, want) {
			return edited, nil
		}
	}
	anew, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write rule %s: %w", r.ID, err)
	}
	return string(anew) + "\n", nil
}

// edit changes the mode in a text, or adds it before the first field.
func edit(text, mode string) (string, bool) {
	file, err := parse([]byte(text))
	if err != nil || len(file.Docs) != 1 {
		return "", false
	}
	m, ok := file.Docs[0].Body.(*ast.MappingNode)
	if !ok || len(m.Values) == 0 || hasField(m, "rules") {
		return "", false
	}
	lines := strings.SplitAfter(text, "\n")
	for _, v := range m.Values {
		if key, _ := scalar(v.Key); key == "mode" {
			t := v.Value.GetToken()
			return replaced(lines, t.Position.Line, t.Position.Column, strings.TrimSpace(t.Origin), mode)
		}
	}
	first := m.Values[0].Key.GetToken().Position
	added := "mode: " + mode + "\n" + strings.Repeat(" ", max(first.Column-1, 0))
	if m.IsFlowStyle {
		added = `"mode": "` + mode + `", `
	}
	return replaced(lines, first.Line, first.Column, "", added)
}

// replaced is lines with one text in the place of another, which stands at a line and column.
func replaced(lines []string, line, column int, was, with string) (string, bool) {
	if line < 1 || line > len(lines) {
		return "", false
	}
	l := []rune(lines[line-1])
	if column < 1 || column > len(l) || !strings.HasPrefix(string(l[column-1:]), was) {
		return "", false
	}
	lines[line-1] = string(l[:column-1]) + with + strings.TrimPrefix(string(l[column-1:]), was)
	return strings.Join(lines, ""), true
}
