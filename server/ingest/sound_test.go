package ingest

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// sound fails when an exchange holds what must not be kept.
func sound(t *testing.T, format string, x *engine.Exchange) {
	t.Helper()
	for name, field := range map[string]struct {
		text string
		most int
	}{
		"method": {x.Method, maxMethod}, "path": {x.Path, maxPath}, "folded": {x.Folded, maxPath}, "route": {x.Route, maxPath},
		"user agent": {x.UserAgent, maxUserAgent}, "account": {x.Account, engine.MaxAccount}, "key": {x.Key.Prefix, 8},
	} {
		if len(field.text) > field.most || !utf8.ValidString(field.text) {
			t.Fatalf("%s: %s of %d bytes: %q", format, name, len(field.text), field.text)
		}
		for _, r := range field.text {
			if !unicode.IsPrint(r) {
				t.Fatalf("%s: %s can't be seen: %q", format, name, field.text)
			}
		}
	}
	if !x.Client.IsValid() || x.Client.Is4In6() || x.Client.Zone() != "" {
		t.Fatalf("%s: client %v", format, x.Client)
	}
	if x.Status < 0 || x.Status > 999 || x.Took < 0 || x.Bytes < 0 || x.At.Year() < 1 || x.At.Year() > 10000 {
		t.Fatalf("%s: status %d, took %v, %d bytes, at %v", format, x.Status, x.Took, x.Bytes, x.At)
	}
}
