package gateway

import (
	"net/http"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Most bytes that are kept of what a stranger wrote.
const (
	maxPath      = 2048
	maxUserAgent = 256
	maxMethod    = 32
)

// storable makes text of strangers fit to be kept and shown.
func storable(s string, most int, escape func([]byte, byte) []byte) string {
	return engine.Storable(s, most, escape)
}

// apart is the path in memory of its own when the line it came with is much longer, so that
// who keeps the path doesn't keep the line.
func apart(path, line string) string {
	if len(line) > len(path)+256 {
		return strings.Clone(path)
	}
	return path
}

// methodOf is a request's method, apart from the line it came with.
func methodOf(method string) string {
	for _, known := range [...]string{
		http.MethodGet, http.MethodPost, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		if method == known {
			return known
		}
	}
	return strings.Clone(storable(method, maxMethod, percent))
}

func percent(b []byte, c byte) []byte   { return engine.Percent(b, c) }
func backslash(b []byte, c byte) []byte { return engine.Backslash(b, c) }
