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
