package route

import (
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// looksLikeID reports whether a segment, in lower case, names one thing among many rather than a
// kind of things: numbers and dates, UUIDs and hashes, references such as acc_10293, long random
// text, addresses of people. Words with a digit or two are not (v1, oauth2, base64, mt103).
func looksLikeID(s string) bool {
	if len(s) > longest {
		return true
	}
	var digits, letters, hex, marks int
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
			hex++
		case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			letters++
			hex++
		case c >= 'g' && c <= 'z' || c >= 'G' && c <= 'Z' || c >= 0x80:
			letters++
		case c == '@' || c == '+' || c == '=' || c == '~' || c == ':' || c == '{':
			return len(s) > 1 // alice@example.com, +491234, bmFtZQ==; and what could pass for a template
		default:
			marks++
		}
	}
	switch {
	case digits == 0:
		return hex == len(s) && len(s) >= 16 || letters >= 40 && marks == 0
	case letters == 0:
		return true // 17, 2025-11-22, 1.2.3
	case hex+marks == len(s) && len(s) >= 8 && digits >= 2:
		return true // deadbe3f1, and UUIDs
	case version(s):
		return false
	case marks > 0:
		return digits >= 3 // acc_10293, ord-2025-1
	}
	return digits >= 4 || len(s) >= 16 && digits >= 2 // user10293, de89370400440532013000
}

// version reports whether a segment is one as v1 or v2.1.
func version(s string) bool {
	return len(s) >= 2 && len(s) <= 8 && s[0] == 'v' && strings.Trim(s[1:], "0123456789.") == ""
}

// shaped replaces what looks like an ID.
func shaped(folded string) string {
	depth, same, end := 0, true, 0
	for s := range segmentsOf(folded) {
		depth++
		end += 1 + len(s)
		same = same && !looksLikeID(s)
	}
	switch {
	case depth > deepest:
		return Other
	case depth == 0:
		return "/"
	case same && (end == len(folded) || end == len(folded)-1 && folded[end] == '/'):
		return folded[:end]
	}
	var b strings.Builder
	for s := range segmentsOf(folded) {
		b.WriteByte('/')
		if looksLikeID(s) {
			s = id
		}
		b.WriteString(s)
	}
	return b.String()
}

// patterns name the routes of a class, each with all below it.
type patterns []string

func parse(written []string) patterns {
	var ps patterns
	for _, w := range written {
		ps = append(ps, strings.TrimSuffix(strings.ToLower(w), "/"))
	}
	return ps
}

func (ps patterns) class(folded string) engine.Class {
	for _, p := range ps {
		if covers(p, folded) {
			return engine.Sensitive
		}
	}
	return engine.Normal
}

// covers reports whether a path is the one of a pattern, or below it.
func covers(pattern, path string) bool {
	if strings.IndexByte(pattern, '{') < 0 {
		return strings.HasPrefix(path, pattern) && (len(path) == len(pattern) || path[len(pattern)] == '/')
	}
	for {
		var want, got string
		if want, pattern = next(pattern); want == "" {
			return true
		}
		if got, path = next(path); got == "" || want != got && !variable(want) {
			return false
		}
	}
}

func variable(segment string) bool {
	return len(segment) > 1 && segment[0] == '{' && segment[len(segment)-1] == '}'
}
