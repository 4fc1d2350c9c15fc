package console

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// An app serves the built front end: its files as they are, and its page for every path that is
// no file, so that a link into it works.
type app struct {
	files fs.FS
	built bool
	tags  map[string]string // of the files whose names don't change with their content
}

const (
	page      = "index.html"
	hashed    = "assets/" // names change with their content
	revisited = "no-cache"
	immutable = "public, max-age=31536000, immutable"
)

// encodings in the order of preference, and the endings of precompressed files.
var encodings = []struct{ name, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

// types that not every system knows, or knows otherwise.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".ttf": "font/ttf", ".ico": "image/x-icon",
	".png": "image/png", ".webp": "image/webp", ".map": "application/json", ".txt": "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
}

func newApp(files fs.FS) (*app, error) {
	a := &app{files: files, tags: map[string]string{}}
	if files == nil {
		return a, nil
	}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name+"/" == hashed {
				return fs.SkipDir
			}
			return nil
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		a.tags[name] = `"` + hex.EncodeToString(sum[:12]) + `"`
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the app: %w", err)
	}
	_, a.built = a.tags[page]
	return a, nil
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	methods{http.MethodGet: a.serve}.ServeHTTP(w, r)
}

func (a *app) serve(w http.ResponseWriter, r *http.Request) {
	if !a.built {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "The app is not built yet: run `make build`, then start Sentinel again.\n")
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case a.isFile(name):
	case strings.HasPrefix(name, hashed) || types[strings.ToLower(path.Ext(name))] != "" || forMachines(name):
		refuse(w, http.StatusNotFound, "there is no such file")
		return
	case a.isFile(name + ".html"): // a page of its own, as the playground may be
		name += ".html"
	default:
		name = page
	}
	if err := a.send(w, r, name); err != nil {
		refuse(w, http.StatusNotFound, "there is no such file")
	}
}

// forMachines reports whether a path is one that programs ask for at other listeners: a page
// would be a wrong answer there.
func forMachines(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{"debug", "metrics", "authz", "v1"}, first)
}

// isFile reports whether there is such a file to ask for. Precompressed ones are sent in their
// originals' place only.
func (a *app) isFile(name string) bool {
	if name == "" || strings.HasPrefix(path.Base(name), ".") || !fs.ValidPath(name) {
		return false
	}
	for _, e := range encodings {
		if strings.HasSuffix(name, e.ending) {
			return false
		}
	}
	info, err := fs.Stat(a.files, name)
	return err == nil && info.Mode().IsRegular()
}

func (a *app) send(w http.ResponseWriter, r *http.Request, name string) error {
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Add("Vary", "Accept-Encoding")
	h.Set("Cache-Control", revisited)
	if strings.HasPrefix(name, hashed) {
		h.Set("Cache-Control", immutable)
	}
	stored, encoding := a.pick(name, r.Header.Values("Accept-Encoding"))
	if tag := a.tags[stored]; tag != "" {
		h.Set("ETag", tag)
		if slices.Contains(tagsOf(r.Header.Values("If-None-Match")), tag) {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	f, err := a.files.Open(stored)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, f) // whoever left needs no more of it
	}
	return nil
}

// pick chooses between a file and its precompressed siblings.
func (a *app) pick(name string, accepted []string) (stored, encoding string) {
	for _, e := range encodings {
		if !takes(accepted, e.name) {
			continue
		}
		if _, err := fs.Stat(a.files, name+e.ending); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return name + e.ending, e.name
		}
	}
	return name, ""
}

// takes reports whether an Accept-Encoding names an encoding, and not to refuse it.
func takes(accepted []string, encoding string) bool {
	for part := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q, weighed := strings.CutPrefix(strings.TrimSpace(params), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !weighed || err == nil && weight > 0
	}
	return false
}

func tagsOf(matches []string) []string {
	var out []string
	for part := range strings.SplitSeq(strings.Join(matches, ","), ",") {
		out = append(out, strings.TrimPrefix(strings.TrimSpace(part), "W/"))
	}
	return out
}

func contentType(name string) string {
	ending := strings.ToLower(path.Ext(name))
	if t, ok := types[ending]; ok {
		return t
	}
	if t := mime.TypeByExtension(ending); t != "" {
		return t
	}
	return "application/octet-stream"
}
