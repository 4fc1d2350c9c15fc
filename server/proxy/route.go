package proxy

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// A table finds the upstream of a request: the most specific host that has a prefix of the
// path, then the longest prefix.
type table struct {
	exact map[string][]route
	wild  []wildcard // the longest suffix first
	any   []route
	plain *upstream // answers for everything, so nothing is looked up
}

type route struct {
	prefix string // folded, without a slash at its end; "" is all
	to     *upstream
}

type wildcard struct {
	suffix string // ".example.com"
	routes []route
}

func (t *table) fill(upstreams []*upstream) error {
	t.exact = map[string][]route{}
	for _, u := range upstreams {
		hosts, paths := u.Hosts, u.Paths
		if len(hosts) == 0 {
			hosts = []string{""}
		}
		if len(paths) == 0 {
			paths = []string{"/"}
		}
		for _, host := range hosts {
			for _, path := range paths {
				if !strings.HasPrefix(path, "/") {
					return fmt.Errorf("upstream %q: path %q must begin with a slash", u.Name, path)
				}
				if err := t.add(host, route{strings.TrimSuffix(fold(path), "/"), u}); err != nil {
					return err
				}
			}
		}
	}
	longest := func(a, b route) int { return cmp.Compare(len(b.prefix), len(a.prefix)) }
	slices.SortStableFunc(t.any, longest)
	for _, routes := range t.exact {
		slices.SortStableFunc(routes, longest)
	}
	for _, w := range t.wild {
		slices.SortStableFunc(w.routes, longest)
	}
	slices.SortStableFunc(t.wild, func(a, b wildcard) int { return cmp.Compare(len(b.suffix), len(a.suffix)) })
	if len(t.exact) == 0 && len(t.wild) == 0 && len(t.any) == 1 && t.any[0].prefix == "" {
		t.plain = t.any[0].to
	}
	return nil
}

func (t *table) add(host string, r route) error {
	name := hostname(host)
	switch suffix, wild := strings.CutPrefix(name, "*."); {
	case strings.Contains(suffix, "*"), strings.ContainsAny(name, "/@ "), wild && suffix == "":
		return fmt.Errorf("upstream %q: %q is not a host, as in api.example.com or *.example.com", r.to.Name, host)
	case name == "":
		return insert(&t.any, host, r)
	case wild:
		i := slices.IndexFunc(t.wild, func(w wildcard) bool { return w.suffix == "."+suffix })
		if i < 0 {
			i = len(t.wild)
			t.wild = append(t.wild, wildcard{suffix: "." + suffix})
		}
		return insert(&t.wild[i].routes, host, r)
	}
	routes := t.exact[name]
	err := insert(&routes, host, r)
	t.exact[name] = routes
	return err
}

func insert(routes *[]route, host string, r route) error {
	for _, other := range *routes {
		if other.prefix == r.prefix {
			return fmt.Errorf("upstreams %q and %q both answer for %s%s/", other.to.Name, r.to.Name, host, r.prefix)
		}
	}
	*routes = append(*routes, r)
	return nil
}

// find returns nil when no upstream answers for the request.
func (t *table) find(r *http.Request) *upstream {
	if t.plain != nil {
		return t.plain
	}
	path, _, _ := strings.Cut(originForm(r), "?")
	path = fold(path)
	if len(t.exact) > 0 || len(t.wild) > 0 {
		host := hostname(r.Host)
		if u := under(t.exact[host], path); u != nil {
			return u
		}
		for _, w := range t.wild {
			if strings.HasSuffix(host, w.suffix) && len(host) > len(w.suffix) {
				if u := under(w.routes, path); u != nil {
					return u
				}
			}
		}
	}
	return under(t.any, path)
}

func under(routes []route, path string) *upstream {
	for _, r := range routes {
		if rest, ok := strings.CutPrefix(path, r.prefix); ok && (rest == "" || rest[0] == '/') {
			return r.to
		}
	}
	return nil
}

// hostname is a Host as it is compared: lower case, without port and trailing dot.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// originForm is what the request line asked for in origin-form (RFC 9112, 3.2.1), byte for byte.
func originForm(r *http.Request) string {
	raw := r.RequestURI
	if raw == "" { // made by a program, not read from a connection
		raw = r.URL.RequestURI()
	}
	if strings.HasPrefix(raw, "/") || raw == "*" {
		return raw
	}
	_, rest, absolute := strings.Cut(raw, "://")
	if !absolute {
		return "" // an authority, as for CONNECT, or nothing known
	}
	switch i := strings.IndexAny(rest, "/?"); {
	case i < 0:
		return "/"
	case rest[i] == '?':
		return "/" + rest[i:]
	default:
		return rest[i:]
	}
}

// fold returns the path as prefixes are compared with it. Its ends are not quite those of the
// engine's, but what the two would route differently the gateway refuses as ambiguous.
func fold(path string) string {
	if folded(path) {
		return path
	}
	path = strings.ToLower(strings.ReplaceAll(decode(path), `\`, "/"))
	segments := make([]string, 0, strings.Count(path, "/")+1)
	for segment := range strings.SplitSeq(path, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		switch trimmed := strings.TrimRight(segment, ". "); {
		case segment == "..":
			segments = segments[:max(len(segments)-1, 0)]
		case trimmed != "":
			segments = append(segments, trimmed)
		}
	}
	return "/" + strings.Join(segments, "/")
}

// folded reports whether folding would change nothing that matters to a prefix.
func folded(path string) bool {
	for i := range len(path) {
		switch c := path[i]; {
		case c == '%', c == '\\', c == ';', c >= 'A' && c <= 'Z', c <= ' ', c >= 0x7f:
			return false
		case c == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.'):
			return false
		case c == '.' && (i+1 == len(path) || path[i+1] == '/'):
			return false
		}
	}
	return true
}

// decode resolves escapes once and leaves broken ones as they are.
func decode(path string) string {
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) && hex(path[i+1]) < 16 && hex(path[i+2]) < 16 {
			b = append(b, hex(path[i+1])<<4|hex(path[i+2]))
			i += 2
			continue
		}
		b = append(b, path[i])
	}
	return string(b)
}

// hex is the value of a digit, 16 when it is none.
func hex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
