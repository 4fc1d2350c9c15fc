package engine

import (
	"fmt"
	"strings"
)

// A pattern stands for folded paths: "/wp-login.php" for itself, {x} in it for one segment, a *
// for anything within a segment, ** at its end for the rest, nothing included. Slashes at the end
// don't count.
type pattern struct {
	segments []segment
	rest     bool // anything may follow
}

// A segment is a literal, or what it begins and ends with.
type segment struct {
	before, after string
	open          bool // between them may be anything
}

// mostSegments of a pattern.
const mostSegments = 32

// compile reads a pattern, and says what is wrong with it and how to write it.
func compile(route string) (p pattern, err error) {
	if !strings.HasPrefix(route, "/") {
		return p, fmt.Errorf("must begin with a slash, unlike %q", route)
	}
	if strings.ToLower(route) != route {
		return p, fmt.Errorf("must be written in small letters, as folded paths are, unlike %q", route)
	}
	parts := strings.Split(trimSlash(route)[1:], "/")
	if len(parts) > mostSegments {
		return p, fmt.Errorf("must have %d segments at most, unlike %q", mostSegments, route)
	}
	for i, part := range parts {
		switch {
		case part == "" && len(parts) == 1: // "/"
		case part == "":
			return p, fmt.Errorf("must not hold two slashes in a row, unlike %q", route)
		case part == "**" && i == len(parts)-1:
			p.rest = true
		case part == "**":
			return p, fmt.Errorf("must hold ** at the end only, unlike %q", route)
		case strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}") && strings.Count(part, "{") == 1 && strings.Count(part, "}") == 1:
			p.segments = append(p.segments, segment{open: true})
		case strings.ContainsAny(part, "{}"):
			return p, fmt.Errorf("must hold {x} as a whole segment, unlike %q", route)
		case strings.Count(part, "*") > 1:
			return p, fmt.Errorf("must hold one * in a segment at most, unlike %q", route)
		default:
			before, after, open := strings.Cut(part, "*")
			p.segments = append(p.segments, segment{before, after, open})
		}
	}
	return p, nil
}

func (s *segment) is(text string) bool {
	if !s.open {
		return text == s.before
	}
	return text != "" && len(text) >= len(s.before)+len(s.after) && strings.HasPrefix(text, s.before) && strings.HasSuffix(text, s.after)
}

// matches a folded path.
func (p *pattern) matches(path string) bool {
	path = strings.TrimPrefix(trimSlash(path), "/")
	for i := range p.segments {
		if path == "" {
			return false
		}
		text, rest, _ := strings.Cut(path, "/")
		if !p.segments[i].is(text) {
			return false
		}
		path = rest
	}
	return p.rest || path == ""
}

// literal is the only path that matches, with ok, or else the first segment of all that match;
// empty where that may be any.
func (p *pattern) literal() (path string, exact bool) {
	if !p.rest {
		exact = true
		for _, s := range p.segments {
			exact = exact && !s.open
			path += "/" + s.before
		}
		if exact {
			return max(path, "/"), true
		}
	}
	if len(p.segments) == 0 || p.segments[0].open {
		return "", false
	}
	return p.segments[0].before, false
}

// firstSegment of a folded path.
func firstSegment(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// The beginnings of a path's first two segments, as a bit each: most paths are told by them to match
// no pattern of a rule.
type beginnings struct{ first, second uint64 }

func beginning(path string) beginnings {
	path = strings.TrimPrefix(path, "/")
	first, rest, _ := strings.Cut(path, "/")
	return beginnings{bitOfText(first), bitOfText(rest)}
}

// bitOfText is one of 64, by the first two bytes of a segment.
func bitOfText(segment string) uint64 {
	n := uint64(0)
	for i := range min(len(segment), 2) {
		if segment[i] == '/' {
			break
		}
		n = n*7 + uint64(segment[i])
	}
	return 1 << (n % 64)
}

// A gate stands before the patterns of a rule. It lets all pass that match one, and few besides.
type gate struct {
	first  uint64 // beginnings of the first segment that pass,
	second uint64 // and of the second, where the first may be any
}

// open it for a pattern.
func (g *gate) open(p *pattern) {
	for i, own := range [...]*uint64{&g.first, &g.second} {
		if len(p.segments) <= i {
			break
		}
		if s := &p.segments[i]; !s.open || len(s.before) > 1 {
			*own |= bitOfText(s.before)
			return
		}
	}
	g.first = ^uint64(0)
}

func (g *gate) lets(b beginnings) bool { return g.first&b.first|g.second&b.second != 0 }
