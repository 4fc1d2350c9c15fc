package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxAccount is how many bytes are kept of an account's name.
const MaxAccount = 128

// FoldAccount writes the name of an account the one way in which all its spellings are one:
// NFKC, what can't be seen taken out, spaces around it taken off, lower case. What is folded
// already stays as it is. Give it no more than a few hundred bytes; what it answers is not yet
// fit to be stored: see Storable.
func FoldAccount(name string) string {
	if visible(name) {
		return strings.ToLower(strings.TrimSpace(name))
	}
	for range 8 { // what one step takes away may let another one work
		folded := strings.TrimFunc(strings.Map(seen, strings.ToLower(norm.NFKC.String(name))), unicode.IsSpace)
		if folded == name {
			break
		}
		name = folded
	}
	return name
}

// Clipped is s up to so many bytes, whole characters only.
func Clipped(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// visible reports whether it is all ASCII that shows.
func visible(s string) bool {
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
