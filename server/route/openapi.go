package route

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const (
	biggestFile  = 16 << 20
	mostOfFile   = 10_000 // paths
	mostPrefixes = 16     // of servers
)

// A Table holds the routes of an OpenAPI file. It does not change, and is safe for concurrent use.
type Table struct {
	sensitive patterns
	root      spot
	routes    []string
	all       []Operation
}

// An Operation is a method of a path, as the file lists it.
type Operation struct {
	Method, Route string
	Deprecated    bool // the file says so
}

// A spot is one place in the paths of a file.
type spot struct {
	template string
	methods  []string
	outdated []string // of the methods, those that are deprecated
	words    map[string]*spot
	any      *spot
}

// A document is what of an OpenAPI file is read.
type document struct {
	OpenAPI string         `json:"openapi" yaml:"openapi"`
	Swagger string         `json:"swagger" yaml:"swagger"`
	Servers []server       `json:"servers" yaml:"servers"`
	Paths   map[string]any `json:"paths"   yaml:"paths"`
}

type server struct {
	URL       string `json:"url" yaml:"url"`
	Variables map[string]struct {
		Default string `json:"default" yaml:"default"`
	} `json:"variables" yaml:"variables"`
}

// The methods that a path item may have (OpenAPI 3.1, 4.8.9).
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// Open reads the paths of an OpenAPI 3.0 or 3.1 document, in YAML or JSON. The paths of its
// servers come before them. A path that leads to another file (a reference) has all methods.
// Sensitive are paths, and all below them, of the class engine.Sensitive; a segment in braces
// stands for any.
func Open(file string, sensitive ...string) (*Table, error) {
	t, err := open(file, sensitive)
	if err != nil {
		return nil, fmt.Errorf("routes of %s: %w", file, err)
	}
	return t, nil
}

func open(file string, sensitive []string) (*Table, error) {
	f, err := os.Open(file) //nolint:gosec // the operator says which
	if err != nil {
		if path, ok := errors.AsType[*os.PathError](err); ok {
			err = path.Err // the name is said already
		}
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, biggestFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > biggestFile {
		return nil, fmt.Errorf("is larger than %d MB", biggestFile>>20)
	}
	return Read(text, sensitive...)
}

// Read does with a document's text what Open does with a file.
func Read(text []byte, sensitive ...string) (*Table, error) {
	var d document
	read := yaml.Unmarshal
	if trimmed := strings.TrimSpace(string(text[:min(len(text), 100)])); strings.HasPrefix(trimmed, "{") {
		read = json.Unmarshal
	}
	if err := read(text, &d); err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	switch {
	case d.Swagger != "":
		return nil, fmt.Errorf("is Swagger %s: convert it to OpenAPI 3", d.Swagger)
	case d.OpenAPI == "":
		return nil, errors.New("is no OpenAPI document: the field openapi is missing")
	case !strings.HasPrefix(d.OpenAPI, "3."):
		return nil, fmt.Errorf("is OpenAPI %s: 3.0 and 3.1 are known", d.OpenAPI)
	case len(d.Paths) == 0:
		return nil, errors.New("has no paths")
	}
	prefixes, err := d.prefixes()
	if err != nil {
		return nil, err
	}
	if len(d.Paths)*len(prefixes) > mostOfFile {
		return nil, fmt.Errorf("has more than %d paths", mostOfFile)
	}
	t := &Table{sensitive: parse(sensitive)}
	var wrong []error
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		if strings.HasPrefix(path, "x-") {
			continue // an extension
		}
		for _, prefix := range prefixes {
			if err := t.add(prefix, path, d.Paths[path]); err != nil {
				wrong = append(wrong, err)
				break
			}
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return t, nil
}

// prefixes are the paths of the servers, each once.
func (d *document) prefixes() (out []string, err error) {
	for _, s := range d.Servers {
		text := s.URL
		for name, v := range s.Variables {
			text = strings.ReplaceAll(text, "{"+name+"}", v.Default)
		}
		u, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("server %q: %w", s.URL, err)
		}
		if p := strings.TrimSuffix(u.Path, "/"); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(out) > mostPrefixes {
		return nil, fmt.Errorf("has servers with more than %d paths", mostPrefixes)
	}
	if len(out) == 0 {
		out = []string{""}
	}
	return out, nil
}

func (t *Table) add(prefix, path string, value any) error {
	item, ok := value.(map[string]any)
	if !ok && value != nil {
		return fmt.Errorf("path %q must hold methods", path)
	}
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("path %q must begin with a slash", path)
	}
	at := &t.root
	depth := 0
	for s := range segmentsOf(strings.ToLower(prefix + path)) {
		if depth++; depth > deepest {
			return fmt.Errorf("path %q has more than %d segments", path, deepest)
		}
		if strings.Contains(s, "{") { // also of a part: /files/{name}.pdf
			if at.any == nil {
				at.any = &spot{}
			}
			at = at.any
			continue
		}
		if at.words == nil {
			at.words = map[string]*spot{}
		}
		if at.words[s] == nil {
			at.words[s] = &spot{}
		}
		at = at.words[s]
	}
	if at.template != "" {
		return fmt.Errorf("path %q and %q are the same", path, at.template)
	}
	at.template = strings.TrimSuffix(prefix+path, "/")
	if at.template == "" {
		at.template = "/"
	}
	_, elsewhere := item["$ref"]
	for _, m := range methods {
		operation, ok := item[m]
		if !ok && !elsewhere {
			continue
		}
		o := Operation{Method: strings.ToUpper(m), Route: at.template, Deprecated: deprecated(operation)}
		if at.methods = append(at.methods, o.Method); o.Deprecated {
			at.outdated = append(at.outdated, o.Method)
		}
		if ok { // of what is described elsewhere it is not known which there are
			t.all = append(t.all, o)
		}
	}
	t.routes = append(t.routes, at.template)
	return nil
}

// deprecated reports whether an operation says so of itself (OpenAPI 3.1, 4.8.10.1).
func deprecated(operation any) bool {
	fields, ok := operation.(map[string]any)
	said, _ := fields["deprecated"].(bool)
	return ok && said
}

// Operations of the file, by route and method. Those that are described in another file are not among
// them.
func (t *Table) Operations() []Operation {
	return slices.SortedFunc(slices.Values(t.all), func(a, b Operation) int {
		return cmp.Or(strings.Compare(a.Route, b.Route), strings.Compare(a.Method, b.Method))
	})
}

// Operation finds the one that a method and a path belong to: a folded path, or a template with braces.
func (t *Table) Operation(method, path string) (o Operation, listed bool) {
	s := t.root.find(strings.ToLower(path))
	switch {
	case s == nil:
		return o, false
	case method == "HEAD" && !slices.Contains(s.methods, method):
		method = "GET" // where there is one, there is the other (RFC 9110, 9.1)
	}
	return Operation{method, s.template, slices.Contains(s.outdated, method)}, slices.Contains(s.methods, method)
}

// Route names the template of a folded path, as the file spells it, and the class of its route. A
// path that the file does not have is Other.
func (t *Table) Route(_, folded string) (template string, class engine.Class) {
	class = t.sensitive.class(folded)
	if s := t.root.find(folded); s != nil {
		return s.template, class
	}
	return Other, class
}

// Documented reports whether the file has this path, and this method of it.
func (t *Table) Documented(method, folded string) (path, both bool) {
	s := t.root.find(folded)
	return s != nil, s != nil && (slices.Contains(s.methods, method) || method == "HEAD" && slices.Contains(s.methods, "GET"))
}

// Templates of the file, sorted.
func (t *Table) Templates() []string { return slices.Sorted(slices.Values(t.routes)) }

// find prefers words to variables (OpenAPI 3.1, 4.8.8.2) and goes back where that leads nowhere.
func (s *spot) find(path string) *spot {
	segment, rest := next(path)
	if segment == "" {
		if s.template == "" {
			return nil
		}
		return s
	}
	if w := s.words[segment]; w != nil {
		if found := w.find(rest); found != nil {
			return found
		}
	}
	if s.any == nil {
		return nil
	}
	return s.any.find(rest)
}
