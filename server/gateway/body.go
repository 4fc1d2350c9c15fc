package gateway

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Most bytes of a body that are looked at, and most that they may unpack to.
const maxPeek = 64 << 10

// look reads what the body tells about who acts, and answers the request with its body whole
// again: what was read first, then the rest as it comes. Nothing of the body is kept.
func (d *reader) look(w http.ResponseWriter, x *engine.Request, r *http.Request) (*http.Request, *problem) {
	if !d.bodies || r.Body == nil || r.Body == http.NoBody || !d.tellsMore(x) {
		return r, nil
	}
	rc := http.NewResponseController(w)
	hurried := d.patience > 0 && rc.SetReadDeadline(time.Now().Add(d.patience)) == nil
	begun, whole, err := peek(r)
	if err != nil {
		return r, unreadable(err)
	}
	if hurried {
		_ = rc.SetReadDeadline(time.Time{}) // it was set a moment ago
	}
	out := new(http.Request)
	*out = *r
	out.Body = again{io.MultiReader(bytes.NewReader(begun), r.Body), r.Body}
	if len(begun) == 0 {
		return out, nil
	}
	text, more, ok := unpack(begun, r.Header["Content-Encoding"])
	if !ok {
		x.Flags |= engine.BodyUnread
		return out, nil
	}
	d.hear(x, newFields(text, more || !whole, first(r.Header["Content-Type"])))
	return out, nil
}

// tellsMore reports whether the body may tell what isn't known yet.
func (d *reader) tellsMore(x *engine.Request) bool {
	told := func(known bool, all []source) bool {
		if known {
			return false
		}
		for i := range all {
			if all[i].body() && all[i].covers(x.Method, x.Folded) {
				return true
			}
		}
		return false
	}
	return told(x.Account != "", d.accounts) || told(!x.Key.Zero(), d.keySources) || told(!x.Session.Zero(), d.sessions)
}

// hear writes down what the fields of a body say.
func (d *reader) hear(x *engine.Request, f fields) {
	read, asked, twice := false, false, false
	from := func(known bool, all []source, note func(said)) {
		if known {
			return
		}
		for i := range all {
			if s := &all[i]; s.body() && s.covers(x.Method, x.Folded) {
				found, ok := f.find(s)
				read, asked, twice = read || ok, true, twice || found.times > 1
				if found.times > 0 {
					note(found)
					return
				}
			}
		}
	}
	from(x.Account != "", d.accounts, func(s said) { x.Account = s.account() })
	from(!x.Key.Zero(), d.keySources, func(s said) { x.Key = d.keys.name(s.first) })
	from(!x.Session.Zero(), d.sessions, func(s said) { x.Session = d.keys.name(s.first) })
	if asked && !read {
		x.Flags |= engine.BodyUnread
	}
	if twice {
		x.Flags |= engine.DuplicateKey
	}
}

// again is a body of which the beginning was read.
type again struct {
	io.Reader
	io.Closer
}

// peek reads the beginning of a body, however it is framed; whole when that is all of it.
func peek(r *http.Request) (begun []byte, whole bool, err error) {
	room := 512
	if r.ContentLength >= 0 {
		room = int(min(r.ContentLength, maxPeek)) + 1 // and the end
	}
	begun = make([]byte, 0, room)
	for len(begun) < maxPeek {
		if len(begun) == cap(begun) {
			begun = append(begun, 0)[:len(begun)]
		}
		n, err := r.Body.Read(begun[len(begun):min(cap(begun), maxPeek)])
		begun = begun[:len(begun)+n]
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return begun, true, nil
		}
		if err != nil {
			return begun, false, err
		}
	}
	return begun, r.ContentLength == maxPeek, nil
}

// unpack undoes a Content-Encoding, as far as the text is wanted; more when it goes on. It
// answers false when it is none that it knows, or a broken one.
func unpack(packed []byte, encodings []string) (text []byte, more, ok bool) {
	if len(encodings) > 1 {
		return nil, false, false
	}
	var from io.ReadCloser
	var err error
	switch encoding := strings.ToLower(strings.Trim(first(encodings), " \t")); encoding {
	case "", "identity":
		return packed, false, true
	case "gzip", "x-gzip":
		from, err = gzip.NewReader(bytes.NewReader(packed))
	case "deflate":
		from, err = zlib.NewReader(bytes.NewReader(packed))
	default:
		return nil, false, false
	}
	if err != nil {
		return nil, false, false
	}
	defer from.Close()
	text, err = io.ReadAll(io.LimitReader(from, maxPeek))
	return text, len(text) == maxPeek || errors.Is(err, io.ErrUnexpectedEOF), len(text) > 0
}

// unreadable says why a body can't be read.
func unreadable(err error) *problem {
	p := &problem{
		status: http.StatusBadRequest, kind: "body", title: "The body can't be read", cause: CauseBody,
		detail: "The body is not framed as HTTP has it, or it ended too early.",
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		p.status, p.title, p.detail = http.StatusRequestEntityTooLarge, "The body is too large", "The body is larger than this gateway passes on."
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.status, p.title, p.detail = http.StatusRequestTimeout, "The body came too slowly", "The body did not come in time."
	}
	return p
}
