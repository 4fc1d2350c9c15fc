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
// already stays as it is. It is not yet fit to be stored: see Storable.
func FoldAccount(name string) string {
	if len(name) > 4*MaxAccount {
		cut := 4 * MaxAccount
		for cut > 0 && !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = name[:cut]
	}
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
