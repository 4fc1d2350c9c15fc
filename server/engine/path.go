package engine

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What an upstream could read otherwise than rules do. The gateway answers 400 to a path
// with any of them, and names it.
const (
	noSlash      = "no slash at the beginning"
	twoSlashes   = "two slashes at the beginning"
	backslash    = "a backslash"
	encodedSlash = "an encoded slash (%2f)"
	encodedBack  = "an encoded backslash (%5c)"
	encodedNUL   = "an encoded NUL (%00)"
	encodedHash  = "an encoded # (%23)"
	encodedQuery = "an encoded ? (%3f)"
	bareHash     = "a #"
	bareQuery    = "a ?"
	control      = "a control character"
	badEscape    = "a % that escapes nothing"
	notUTF8      = "bytes that are not UTF-8"
)

// Fold writes a path (as received, without its query) the one way that rules match on:
// escapes decoded once, backslashes and repeated slashes as one slash, dot segments
// resolved, parameters (";x=1") and trailing dots of each segment removed, lower case.
// What follows a NUL, # or ? in a segment is removed like parameters, as it is where an
// upstream may stop reading. A slash at the end stays.
//
// When an upstream could read the path otherwise, bad names the reason; folded is then still
// what decoys and denies are matched on. A path that is folded already is returned as it
// is, without allocation.
func Fold(path string) (folded, bad string) {
	if plain(path) {
		return path, ""
	}
	var room [512]byte
	b := room[:0]
	if len(path) >= len(room) {
		b = make([]byte, 0, len(path)+1)
	}
	decoded, bad := decode(b, path)
	ascii := ascii(decoded)
	if bad == "" && !ascii {
		bad = readable(decoded)
	}
	resolved := resolve(decoded)
	if !ascii {
		var more [512]byte
		b := more[:0]
		if longest := 3 * len(resolved); longest > len(more) && !utf8.Valid(resolved) {
			b = make([]byte, 0, longest)
		}
		resolved = lowerText(b, resolved)
	}
	if string(resolved) == path {
		return path, bad
	}
	return string(resolved), bad
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lowerText appends text to b in lower case, which it is in already as far as it is ASCII, and
// U+FFFD for each byte that is not UTF-8.
func lowerText(b, s []byte) []byte {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		case !utf8.RuneStart(c):
			b = append(b, 0xef, 0xbf, 0xbd)
			i++
		default:
			r, size := utf8.DecodeRune(s[i:])
			b = utf8.AppendRune(b, unicode.ToLower(r))
			i += size
		}
	}
	return b
}

// plain reports whether a path is folded already, as nearly all are.
func plain(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	last := byte('/')
	for i := 1; i < len(path); i++ {
		c := path[i]
		if special[c] || c == '/' && (last == '/' || last == '.' || last == ' ') {
			return false
		}
		last = c
	}
	return last != '.' && last != ' '
}

// special bytes need a closer look.
var special = func() (s [256]bool) {
	for c := range s {
		s[c] = c < 0x20 || c >= 0x7f || c >= 'A' && c <= 'Z' || strings.IndexByte(`%\;?#`, byte(c)) >= 0
	}
	return s
}()

// notable bytes are escapes, or say that something is wrong.
var notable = func() (s [256]bool) {
	for c := range s {
		s[c] = c < 0x20 || c == 0x7f || strings.IndexByte(`%\#?`, byte(c)) >= 0
	}
	return s
}()

// decode appends the path to b with its escapes decoded once and a slash in front, and says
// what is wrong with it, the first thing only.
func decode(b []byte, path string) (decoded []byte, bad string) {
	note := func(problem string) {
		if bad == "" {
			bad = problem
		}
	}
	if path == "" || path[0] != '/' {
		b = append(b, '/')
		if path != "" {
			note(noSlash)
		}
	} else if len(path) > 1 && path[1] == '/' {
		note(twoSlashes)
	}
	for i := 0; i < len(path); i++ {
		c := path[i]
		if !notable[c] {
			b = append(b, c)
			continue
		}
		switch {
		case c == '%' && i+2 < len(path) && nibble(path[i+1]) >= 0 && nibble(path[i+2]) >= 0:
			c = byte(nibble(path[i+1])<<4 | nibble(path[i+2]))
			i += 2
			switch c {
			case '/':
				note(encodedSlash)
			case '\\':
				note(encodedBack)
			case '#':
				note(encodedHash)
			case '?':
				note(encodedQuery)
			case 0:
				note(encodedNUL)
			}
		case c == '%':
			note(badEscape)
		case c == '\\':
			note(backslash)
		case c == '#':
			note(bareHash)
		case c == '?':
			note(bareQuery)
		}
		if c < 0x20 || c == 0x7f {
			note(control)
		}
		b = append(b, c)
	}
	return b, bad
}

func nibble(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// readable says what is wrong with decoded bytes beyond ASCII.
func readable(decoded []byte) string {
	if !utf8.Valid(decoded) {
		return notUTF8
	}
	if bytes.IndexFunc(decoded, unicode.IsControl) >= 0 {
		return control
	}
	return ""
}

// ending bytes end a segment, or what counts of it.
var ending = func() (s [256]bool) {
	for _, c := range []byte("/\\;?#\x00") {
		s[c] = true
	}
	return s
}()

// resolve folds the segments of a decoded path in place, in one pass: what is written never
// overtakes what is read. Trailing spaces go with the trailing dots: some file systems drop both.
func resolve(b []byte) []byte {
	out := b[:1] // the slash in front
	for rest := b[1:]; ; {
		cut := 0
		for cut < len(rest) && !ending[rest[cut]] {
			cut++
		}
		segment, end := rest[:cut], cut
		for end < len(rest) && rest[end] != '/' && rest[end] != '\\' {
			end++
		}
		switch name := bytes.TrimRight(segment, ". "); {
		case string(segment) == "..":
			if len(out) > 1 {
				out = out[:bytes.LastIndexByte(out[:len(out)-1], '/')+1]
			}
		case len(name) == 0: // "", "." and runs of dots
		default:
			from := len(out)
			out = append(out, name...)
			for i, c := range out[from:] {
				out[from+i] = lowered(c)
			}
			if end < len(rest) {
				out = append(out, '/')
			}
		}
		if end == len(rest) {
			return out
		}
		rest = rest[end+1:]
	}
}
