package rules

import (
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestAPlainExpressionSaysWhatCELSays(t *testing.T) {
	seen := []*engine.Exchange{
		{},
		{Status: 200, Bytes: 5, Request: engine.Request{Place: engine.Place{Hosting: true, ASN: 7}, Signs: engine.Injection}},
		{Status: 404, Bytes: -1, Cookie: true, Took: 3 * time.Second, Request: engine.Request{Key: engine.Key{Hash: [16]byte{1}}}},
		{Status: 999, Bytes: 1 << 40, Request: engine.Request{At: time.Date(2026, 11, 7, 23, 5, 0, 0, time.UTC), Class: engine.Sensitive}},
	}
	for _, text := range []string{
		"hosting", "!hosting", "!!hosting", "true", "false || hosting", "bytes > 0", "bytes >= 5", "bytes < 5", "bytes <= -1", "status == 404", "status != 404",
		"status >= 200 && status < 300", "!(hosting && bytes > 0) || injection", "hour == 23 && weekday == 6", "sensitive || sets_cookie && took_ms > 2999",
		"has_key || asn == 7", "status == 200 || (has_session && duplicate_key)",
	} {
		e, err := compile(text, onAnswer)
		if err != nil {
			t.Fatal(err)
		}
		if e.plain == nil {
			t.Errorf("%s is left to CEL", text)
			continue
		}
		whole := &expression{program: e.program}
		for i, x := range seen {
			if got, want := e.holds(x), whole.holds(x); got != want || whole.failed.Load() > 0 {
				t.Errorf("%s of %d is %v, CEL says %v", text, i, got, want)
			}
		}
	}
	for _, text := range []string{"path == '/'", "bytes > 0 && method == 'GET'", "bytes + 1 > 0", "hosting ? true : sensitive", "status in [200, 201]", "0 < bytes"} {
		if e, err := compile(text, onAnswer); err != nil || e.plain != nil {
			t.Errorf("%s is taken for plain, or wrong: %v", text, err)
		}
	}
}
