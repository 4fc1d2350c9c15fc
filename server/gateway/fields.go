package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

// fields reads what a body says. It reads as far as the body is there, and says when that was
// not enough.
type fields struct {
	text     []byte
	cut      bool // the body goes on
	parts    bool // it is a multipart form
	boundary string
}

func newFields(text []byte, cut bool, contentType string) fields {
	f := fields{text: bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), cut: cut}
	if kind, params, err := mime.ParseMediaType(contentType); err == nil && strings.HasPrefix(kind, "multipart/") {
		f.parts, f.boundary = true, params["boundary"]
	}
	return f
}

// json reports whether the body looks like a JSON object. Many frameworks read one whatever
// its Content-Type says.
func (f *fields) json() bool {
	text := bytes.TrimLeft(f.text, " \t\r\n")
	return len(text) > 0 && text[0] == '{'
}

// find answers what the source's field says, and whether the body could be read as far as
// needed to know.
func (f *fields) find(s *source) (said, bool) {
	switch {
	case s.in == inJSON:
		if !f.json() {
			return said{}, false
		}
		w := walker{text: f.text, path: s.path}
		whole := w.walk()
		return w.said, whole
	case f.parts:
		return f.part(s.name)
	case f.json() || bytes.IndexByte(f.text, '=') < 0:
		return said{}, false
	default:
		found := parameter(string(f.text), s.name)
		return found, !f.cut
	}
}

// part finds a field of a multipart form; files don't count.
func (f *fields) part(name string) (found said, whole bool) {
	if f.boundary == "" {
		return said{}, false
	}
	parts := multipart.NewReader(bytes.NewReader(f.text), f.boundary)
	for {
		p, err := parts.NextPart()
		if err != nil {
			return found, err == io.EOF //nolint:errorlint // wrapped it means that the end is missing
		}
		if !strings.EqualFold(p.FormName(), name) || p.FileName() != "" {
			continue
		}
		value, err := io.ReadAll(io.LimitReader(p, 4*maxAccount))
		if err != nil {
			return found, false
		}
		found.add(string(value))
	}
}

// A walker goes through a JSON text (RFC 8259) once and notes every value at a path of member
// names. It takes nothing apart that is not on the path.
type walker struct {
	text  []byte
	i     int
	path  []string
	said  said
	other bool // a value on the path is an object, a list, a truth or nothing
}

// Deeper than this no sign-in is nested.
const deepest = 64

// walk reports whether the text could be read to its end.
func (w *walker) walk() bool { return w.value(0, 0) && !w.other }

// value reads one. step is how many names of the path lead to it, or less than zero.
func (w *walker) value(step, depth int) bool {
	c, ok := w.peek()
	if !ok || depth > deepest {
		return false
	}
	here := step == len(w.path)
	switch c {
	case '{':
		w.other = w.other || here
		return w.object(step, depth)
	case '[':
		w.other = w.other || here
		return w.list(depth)
	case '"':
		literal, ok := w.string()
		if ok && here {
			w.add(literal)
		}
		return ok
	default:
		from := w.i
		for w.i < len(w.text) && strings.IndexByte(",]} \t\r\n", w.text[w.i]) < 0 {
			w.i++
		}
		literal := w.text[from:w.i]
		switch {
		case string(literal) == "true", string(literal) == "false", string(literal) == "null":
			w.other = w.other || here
		case len(literal) == 0 || len(bytes.Trim(literal, "+-.0123456789eE")) != 0:
			return false
		case here:
			w.said.add(string(literal))
		}
		return w.i < len(w.text) || depth == 0
	}
}

func (w *walker) object(step, depth int) bool {
	w.i++
	if c, ok := w.peek(); ok && c == '}' {
		w.i++
		return true
	}
	for {
		if c, ok := w.peek(); !ok || c != '"' {
			return false
		}
		name, ok := w.string()
		if !ok {
			return false
		}
		if c, ok := w.peek(); !ok || c != ':' {
			return false
		}
		w.i++
		next := -1
		if step >= 0 && step < len(w.path) && named(name, w.path[step]) {
			next = step + 1
		}
		if !w.value(next, depth+1) {
			return false
		}
		if more, ok := w.more('}'); !more {
			return ok
		}
	}
}

func (w *walker) list(depth int) bool {
	w.i++
	if c, ok := w.peek(); ok && c == ']' {
		w.i++
		return true
	}
	for {
		if !w.value(-1, depth+1) {
			return false
		}
		if more, ok := w.more(']'); !more {
			return ok
		}
	}
}

// more reads a comma, or the end of an object or a list.
func (w *walker) more(end byte) (more, ok bool) {
	c, ok := w.peek()
	if !ok || c != ',' && c != end {
		return false, false
	}
	w.i++
	return c == ',', true
}

// peek is the next byte that is no space.
func (w *walker) peek() (byte, bool) {
	for ; w.i < len(w.text); w.i++ {
		switch w.text[w.i] {
		case ' ', '\t', '\r', '\n':
		default:
			return w.text[w.i], true
		}
	}
	return 0, false
}

// string reads one with its quotes.
func (w *walker) string() ([]byte, bool) {
	from := w.i
	for w.i++; w.i < len(w.text); w.i++ {
		switch w.text[w.i] {
		case '\\':
			w.i++
		case '"':
			w.i++
			return w.text[from:w.i], true
		}
	}
	return nil, false
}

// add notes a string on the path.
func (w *walker) add(literal []byte) {
	var s string
	if len(literal) > 1<<12 { // no account is that long, and nothing of it is kept
		literal = append(bytes.ToValidUTF8(literal[:1<<12], nil), '"')
	}
	if json.Unmarshal(literal, &s) != nil {
		s = string(literal[1 : len(literal)-1])
	}
	w.said.add(s)
}

// named reports whether a member's name, in its quotes, is this one in any case.
func named(literal []byte, name string) bool {
	if bytes.IndexByte(literal, '\\') < 0 {
		return len(literal) == len(name)+2 && strings.EqualFold(string(literal[1:len(literal)-1]), name)
	}
	var s string
	return len(literal) < 1<<12 && json.Unmarshal(literal, &s) == nil && strings.EqualFold(s, name)
}
