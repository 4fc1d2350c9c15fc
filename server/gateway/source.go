package gateway

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Source says where requests tell an account, an API key or a session.
type Source struct {
	Routes  []string // folded paths, and all below them; empty: every path
	Methods []string // empty: every method

	// In is where to look: "header", "cookie", "bearer" (the token of Authorization), "query",
	// "json" or "form". A form may be URL-encoded or multipart. Of a body the first 64 kB count,
	// compressed or not, and only once the request has been let through: what a body says is
	// written down, and not known when the request is judged.
	In string

	// Name of the header, cookie, parameter or field. In JSON a dot steps into an object. Fields
	// and parameters match in any case, as some frameworks read them. Nothing for "bearer".
	Name string
}

type place uint8

const (
	inHeader place = iota + 1
	inCookie
	inBearer
	inQuery
	inJSON
	inForm
)

var places = map[string]place{
	"header": inHeader, "cookie": inCookie, "bearer": inBearer, "query": inQuery, "json": inJSON, "form": inForm,
}

// Validate says what is wrong with the source, as an engine.Invalid.
func (s Source) Validate() error {
	in, ok := places[s.In]
	if !ok {
		return engine.Invalid{Field: "in", Problem: `must be header, cookie, bearer, query, json or form, unlike "` + s.In + `"`}
	}
	if (s.Name == "") != (in == inBearer) {
		return engine.Invalid{Field: "name", Problem: "must be given, but for bearer"}
	}
	if len(s.Name) > 128 {
		return engine.Invalid{Field: "name", Problem: "must be at most 128 bytes"}
	}
	for _, path := range s.Routes {
		if folded, bad := engine.Fold(path); bad != "" || strings.TrimSuffix(folded, "/") != strings.TrimSuffix(path, "/") {
			return engine.Invalid{Field: "routes", Problem: "must be written as rules match on them: " + folded + ", unlike " + path}
		}
	}
	return nil
}

// A source is a Source made ready.
type source struct {
	routes  []string // without the slash at the end
	methods []string
	in      place
	name    string
	path    []string // of a JSON field
}

func newSources(all []Source) []source {
	var ready []source
	for _, s := range all {
		in, ok := places[s.In]
		if !ok {
			continue
		}
		r := source{in: in, name: s.Name}
		for _, path := range s.Routes {
			folded, _ := engine.Fold(path)
			r.routes = append(r.routes, strings.TrimSuffix(folded, "/"))
		}
		for _, m := range s.Methods {
			r.methods = append(r.methods, strings.ToUpper(m))
		}
		switch in {
		case inHeader:
			r.name = textproto.CanonicalMIMEHeaderKey(s.Name)
		case inBearer:
			r.name = "Authorization"
		case inJSON:
			r.path = strings.Split(s.Name, ".")
		default:
		}
		ready = append(ready, r)
	}
	return ready
}

// covers reports whether the source says something about such requests.
func (s *source) covers(method, folded string) bool {
	if len(s.methods) > 0 && !slices.Contains(s.methods, method) {
		return false
	}
	return len(s.routes) == 0 || slices.ContainsFunc(s.routes, func(route string) bool { return below(folded, route) })
}

// below reports whether a folded path is this one or below it.
func below(folded, route string) bool {
	return strings.HasPrefix(folded, route) && (len(folded) == len(route) || folded[len(route)] == '/')
}

// body reports whether the source is read from the body.
func (s *source) body() bool { return s.in == inJSON || s.in == inForm }

// value is what a request says outside of its body.
func (s *source) value(r *http.Request, query string, proxied bool) said {
	switch s.in {
	case inHeader:
		if fateOf(s.name) == fromProxies && !proxied {
			return said{}
		}
		return saidOnce(first(r.Header[s.name]))
	case inBearer:
		scheme, token, _ := strings.Cut(first(r.Header[s.name]), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return said{}
		}
		return saidOnce(strings.Trim(token, " "))
	case inCookie:
		return saidOnce(cookie(r.Header["Cookie"], s.name))
	case inQuery:
		return parameter(query, s.name)
	default:
		return said{}
	}
}

// cookie is the first of that name (RFC 6265, section 4.2).
func cookie(lines []string, name string) string {
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			if n, v, ok := strings.Cut(strings.Trim(pair, " \t"), "="); ok && n == name {
				if len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
					v = v[1 : len(v)-1]
				}
				return v
			}
		}
	}
	return ""
}

// parameter reads one of a query or of a URL-encoded form.
func parameter(text, name string) said {
	var s said
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		n, v, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(plainly(n), name) {
			continue
		}
		s.add(plainly(v))
	}
	return s
}

// plainly undoes the encoding of a form; what is encoded badly stays as it is.
func plainly(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// said is what a request says in one place. A field may come more than once; which one counts
// differs between frameworks, so the first and the last are kept.
type said struct {
	first, last string
	times       int
}

func saidOnce(v string) said {
	if v == "" {
		return said{}
	}
	return said{first: v, last: v, times: 1}
}

func (s *said) add(v string) {
	if s.times++; s.times == 1 {
		s.first = v
	}
	s.last = v
}
