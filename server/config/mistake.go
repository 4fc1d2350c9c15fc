package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Mistake is something wrong in a file, where it is and what to do about it.
type Mistake struct {
	File string
	Line int // 0 when it stands in none
	engine.Invalid
}

func (m Mistake) Error() string {
	at := m.File
	if m.Line > 0 {
		at += ":" + strconv.Itoa(m.Line)
	}
	if m.Field == "" {
		return at + ": " + m.Problem
	}
	return at + ": " + m.Invalid.Error()
}

// Unwrap makes a Mistake what a caller can correct.
func (m Mistake) Unwrap() error { return m.Invalid }

// mistakes are gathered in several looks at the settings. What an earlier look told of a place
// counts: a value that can't be read is missed again by whoever needs it.
type mistakes struct {
	file  string
	lines map[string]int // of the file, by key
	given map[string]any // what overrules the file, by key
	wrong []Mistake
	other []error // of no key
}

// look takes over what one look at the settings found.
func (m *mistakes) look(err error) {
	for _, e := range m.fresh(apart(err)...) {
		if in, ok := e.(engine.Invalid); ok { //nolint:errorlint // one that is wrapped says itself where it is
			m.wrong = append(m.wrong, Mistake{m.file, m.line(in.Field), in})
			continue
		}
		m.other = append(m.other, e)
	}
}

// fresh are those of the errors that tell of a place where nothing was wrong yet.
func (m *mistakes) fresh(errs ...error) (out []error) {
	for _, e := range errs {
		in, ok := errors.AsType[engine.Invalid](e)
		if !ok || !slices.ContainsFunc(m.wrong, func(w Mistake) bool { return Nested(w.Field, in.Field) || Nested(in.Field, w.Field) }) {
			out = append(out, e)
		}
	}
	return out
}

// all that was found, in the order of the file. What stands in no line of it comes last.
func (m *mistakes) all() error {
	slices.SortStableFunc(m.wrong, func(a, b Mistake) int { return cmp.Compare(uint(a.Line-1), uint(b.Line-1)) }) //nolint:gosec // 0 becomes the largest
	out := slices.Clone(m.other)
	for _, w := range m.wrong {
		if w.Line == 0 {
			out = append(out, w.Invalid)
			continue
		}
		out = append(out, w)
	}
	return errors.Join(out...)
}

// line of a key, or of the nearest that it lies in; 0 when the file doesn't say it.
func (m *mistakes) line(key string) int {
	for {
		if _, ok := m.given[key]; ok {
			return 0
		}
		if line := m.lines[key]; line > 0 {
			return line
		}
		cut := strings.LastIndexAny(key, ".[")
		if cut < 0 {
			return 0
		}
		key = key[:cut]
	}
}

// Nested reports whether another key is this one or lies below it.
func Nested(key, other string) bool {
	rest, ok := strings.CutPrefix(other, key)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// apart are the errors that were joined.
func apart(err error) []error {
	many, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // the tree is walked by hand
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var out []error
	for _, e := range many.Unwrap() {
		out = append(out, apart(e)...)
	}
	return out
}

// plainly takes mapstructure's report apart, so that each mistake names its key and the remedy.
func plainly(at string, err error) error {
	if many, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok { // below a sentence that says that there are several
		err = many
	}
	all := apart(err)
	for i, e := range all {
		if d, ok := errors.AsType[*mapstructure.DecodeError](e); ok {
			all[i] = engine.Invalid{Field: at + d.Name(), Problem: unread(d.Unwrap())}
		}
	}
	return errors.Join(all...)
}

// unread says why a value can't be read.
func unread(err error) string {
	var expected reflect.Value
	var value any
	if e, ok := errors.AsType[*mapstructure.ParseError](err); ok {
		expected, value = e.Expected, e.Value
	} else if e, ok := errors.AsType[*mapstructure.UnconvertibleTypeError](err); ok {
		expected, value = e.Expected, e.Value
	} else {
		return "can't be read: " + err.Error()
	}
	switch expected.Kind() {
	case reflect.Bool:
		return fmt.Sprintf("must be true or false, not %q", fmt.Sprint(value))
	case reflect.Int, reflect.Int64:
		return fmt.Sprintf("must be a whole number, not %q", fmt.Sprint(value))
	default:
		return "takes a single value"
	}
}
