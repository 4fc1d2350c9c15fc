package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// A tree is an object of a case, as JSON has it.
type tree = map[string]any

// A badCase is one line of the file: what is sent, and what must come of it.
type badCase struct {
	Group  string `json:"group"`
	ID     string `json:"id"`
	How    string `json:"how"`
	Input  tree   `json:"input"`
	Expect tree   `json:"expect"`
	Pre    tree   `json:"pre"`
}

const longestLine = 16 << 20

// read takes a file of cases apart, one object a line.
func read(r io.Reader) ([]badCase, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	var out []badCase
	seen := map[string]bool{}
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var c badCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if c.Group == "" || c.ID == "" || c.How == "" || c.Expect == nil || seen[c.ID] {
			return nil, fmt.Errorf("line %d: a case needs group, how, expect and an id of its own", n)
		}
		seen[c.ID] = true
		out = append(out, c)
	}
	return out, lines.Err()
}

// asks reports whether any word of an expectation, at any depth, begins so.
func asks(expect any, prefix string) bool {
	switch e := expect.(type) {
	case tree:
		for word, v := range e {
			if strings.HasPrefix(word, prefix) || asks(v, prefix) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(e, func(v any) bool { return asks(v, prefix) })
	}
	return false
}

var binding = regexp.MustCompile(`\{\{(?:p|q|m|s|token|cookie|pw|self|sink)\.[a-z_0-9]+\}\}|\{\{c\}\}`)

// bind puts what this product calls things into every text of a value. A name without a binding
// is an error, which is the reason why the case is not run.
func bind(v any, names map[string]string) (any, error) {
	switch v := v.(type) {
	case string:
		var missing error
		out := binding.ReplaceAllStringFunc(v, func(name string) string {
			value, ok := names[strings.Trim(name, "{}")]
			if !ok {
				missing = notRun("nothing stands for " + name + " yet")
			}
			return value
		})
		return out, missing
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = bind(v[i], names); err != nil {
				return nil, err
			}
		}
		return out, nil
	case tree:
		out := make(tree, len(v))
		for k := range v {
			var err error
			if out[k], err = bind(v[k], names); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// mentions reports whether a text occurs anywhere in a value.
func mentions(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, text)
	case []any:
		return slices.ContainsFunc(v, func(v any) bool { return mentions(v, text) })
	case tree:
		for k := range v {
			if strings.Contains(k, text) || mentions(v[k], text) {
				return true
			}
		}
	}
	return false
}

// notRun is why a case was not run. It never counts as passed.
type notRun string

func (n notRun) Error() string { return string(n) }

// The parts of an object, with a zero where there is none.

func text(t tree, key string) string { s, _ := t[key].(string); return s }

func number(t tree, key string, otherwise float64) float64 {
	if n, ok := t[key].(float64); ok {
		return n
	}
	return otherwise
}

func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

func texts(v any) []string {
	var out []string
	for _, item := range list(v) {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func object(v any) tree { t, _ := v.(tree); return t }
