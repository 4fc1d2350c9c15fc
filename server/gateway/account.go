package gateway

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const maxAccount = 128

// account writes whom a request names, so that all spellings of one account are one: NFKC,
// what can't be seen taken out, spaces around it taken off, lower case. Two names become
// "first, last". It shares no memory with what it was read from.
func (s said) account() string { return strings.Clone(s.shown()) }

func (s said) shown() string {
	one := foldAccount(clipped(s.first, 4*maxAccount))
	if s.times < 2 {
		return storable(one, maxAccount, percent)
	}
	two := foldAccount(clipped(s.last, 4*maxAccount))
	if one == two || two == "" {
		return storable(one, maxAccount, percent)
	}
	if one == "" {
		return storable(two, maxAccount, percent)
	}
	const each = maxAccount/2 - 1
	return storable(one, each, percent) + ", " + storable(two, each, percent)
}

// foldAccount is idempotent. It is given no more than a few hundred bytes.
func foldAccount(s string) string {
	if plain(s) {
		return strings.ToLower(strings.TrimSpace(s))
	}
	for range 8 { // what one step takes away may let another one work
		folded := strings.TrimFunc(strings.Map(seen, strings.ToLower(norm.NFKC.String(s))), unicode.IsSpace)
		if folded == s {
			break
		}
		s = folded
	}
	return s
}

// plain reports whether s is visible ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// seen drops what shows nothing: control and format characters, and the others that Unicode
// lets a program ignore when it has no glyph for them (Default_Ignorable_Code_Point).
func seen(r rune) rune {
	switch {
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), unicode.Is(unicode.Variation_Selector, r):
		return -1
	case unicode.IsControl(r) && !unicode.IsSpace(r):
		return -1
	}
	return r
}

// clipped is s up to so many bytes, whole characters only.
func clipped(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
