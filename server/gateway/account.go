package gateway

import (
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const maxAccount = engine.MaxAccount

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
func foldAccount(s string) string { return engine.FoldAccount(s) }

// clipped is s up to so many bytes, whole characters only.
func clipped(s string, most int) string { return engine.Clipped(s, most) }
