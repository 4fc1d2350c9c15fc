package gateway

import (
	"net/netip"
	"strings"
)

// A trail reads a list header from its right end, where those stand that the nearest proxies
// wrote: what a stranger put to the left of them is never looked at, however long it is.
// Several lines of one header are one list (RFC 9110, section 5.3).
type trail struct {
	lines   []string
	line    int    // the one that is read, as an index
	rest    string // of that line, not read yet
	room    int    // bytes that may still be read
	entries int    // that were read
	quoted  bool   // commas within quotes don't divide
	cut     bool   // room ran out before the list did
}

// Most bytes of a list that are read, and most of one entry.
const (
	trailRoom    = 4096
	longestEntry = 256
)

func newTrail(lines []string, quoted bool) trail {
	t := trail{lines: lines, line: len(lines), room: trailRoom, quoted: quoted}
	t.up()
	return t
}

// up goes to the line before.
func (t *trail) up() bool {
	if t.line == 0 {
		return false
	}
	t.line--
	t.rest = t.lines[t.line]
	return true
}

// next is the entry before the one that was read last; empty ones are skipped.
func (t *trail) next() (string, bool) {
	for {
		for t.rest == "" {
			if !t.up() {
				return "", false
			}
		}
		seen := t.rest[max(len(t.rest)-t.room, 0):]
		i := lastComma(seen, t.quoted)
		if i < 0 && len(seen) < len(t.rest) {
			t.cut = true
			return "", false
		}
		entry := strings.Trim(seen[i+1:], " \t")
		t.room -= len(seen) - i - 1
		t.rest = t.rest[:len(t.rest)-len(seen)+max(i, 0)]
		if i >= 0 {
			t.room--
		}
		if entry != "" {
			t.entries++
			return entry, true
		}
		if t.room <= 0 {
			t.cut = true
			return "", false
		}
	}
}

// whole reports whether nothing is left to be read.
func (t *trail) whole() bool { return !t.cut && t.rest == "" && t.line == 0 }

// read is what was read, line by line.
func (t *trail) read() []string {
	lines := append([]string(nil), t.lines[t.line:]...)
	lines[0] = strings.Trim(lines[0][len(t.rest):], ", \t")
	return lines
}

// lastComma is where the last entry of a list begins, less one. Quotes are matched from the
// right too, so that one left open by a stranger swallows nothing of what came after.
func lastComma(s string, quoted bool) int {
	if !quoted {
		return strings.LastIndexByte(s, ',')
	}
	inside := false
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case '"':
			slashes := 0
			for i > slashes && s[i-1-slashes] == '\\' {
				slashes++
			}
			if slashes%2 == 0 {
				inside = !inside
			}
		case ',':
			if !inside {
				return i
			}
		}
	}
	return -1
}

// forwardedFor is the "for" of an element of RFC 7239's Forwarded; false when it has none,
// more than one, or is written in another way than section 4 says.
func forwardedFor(element string) (string, bool) {
	var found string
	for element != "" {
		name, rest, ok := strings.Cut(element, "=")
		if !ok {
			return "", false
		}
		var value string
		if strings.HasPrefix(rest, `"`) {
			if value, rest, ok = unquote(rest); !ok {
				return "", false
			}
			rest = strings.TrimLeft(rest, " \t")
			if rest != "" && rest[0] != ';' {
				return "", false
			}
			rest = strings.TrimPrefix(rest, ";")
		} else {
			value, rest, _ = strings.Cut(rest, ";")
			if value = strings.TrimRight(value, " \t"); !unquoted(value) {
				return "", false
			}
		}
		if name = strings.Trim(name, " \t"); !unquoted(name) {
			return "", false
		}
		if strings.EqualFold(name, "for") {
			if found != "" || value == "" {
				return "", false
			}
			found = value
		}
		element = strings.TrimLeft(rest, " \t")
	}
	return found, found != ""
}

// unquoted reports whether s can stand without quotes. Section 4 wants a token there; addresses
// that proxies write without quotes pass too, but nothing by which an element that is read alone
// could end elsewhere than within its list.
func unquoted(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ',' {
			return false
		}
	}
	return true
}

// unquote reads a quoted string (RFC 9110, section 5.6.4) and answers what follows it.
func unquote(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// node reads an address as proxies write it: bare, with a port, in brackets.
func node(s string) (netip.Addr, bool) {
	host := s
	switch colon := strings.IndexByte(s, ':'); {
	case strings.HasPrefix(s, "["):
		end := strings.IndexByte(s, ']')
		if end < 0 || !strings.Contains(s[:end], ":") || s[end+1:] != "" && !port(s[end+1:]) {
			return netip.Addr{}, false
		}
		host = s[1:end]
	case colon >= 0 && strings.LastIndexByte(s, ':') == colon:
		if !port(s[colon:]) {
			return netip.Addr{}, false
		}
		host = s[:colon]
	}
	return address(host)
}

// port reports whether s is a colon and a port, or the name of one that RFC 7239 allows.
func port(s string) bool {
	if len(s) < 2 || s[0] != ':' {
		return false
	}
	if s[1] == '_' {
		return len(s) > 2 && strings.Trim(strings.ToLower(s[2:]), "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
	}
	n := 0
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			return false
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return false
		}
	}
	return true
}
