package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// echo answers with the target as the API got it.
func echo(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.RequestURI)) }

func TestWhatCanBeReadInTwoWaysIsNotPassedOn(t *testing.T) {
	g := &witness{}
	s := httptest.NewServer(New(Config{}, g, http.HandlerFunc(echo)))
	defer s.Close()
	for _, c := range []struct {
		target string
		status int
		folded string // "" when the server refuses by itself
	}{
		{"/api/balance", 200, "/api/balance"},
		{"/api/balance?limit=3&x=%2f%00", 200, "/api/balance"},
		{"/API/Balance", 200, "/api/balance"},
		{"/api/%62alance", 200, "/api/balance"},
		{"/%2561dmin", 200, "/%61dmin"},
		{"/caf%c3%a9", 200, "/café"},
		{"/x/../api/balance", 200, "/api/balance"},
		{"/api/balance;v=1", 200, "/api/balance"},
		{"http://x/api/balance?y", 200, "/api/balance"},
		{"HTTPS://x/api/balance", 200, "/api/balance"},
		{"http://x", 200, "/"},
		{"http://x?/api/balance", 200, "/"},
		{"/public/..%2fapi/balance", 400, "/api/balance"},
		{"/a%5c..%5cb", 400, "/b"},
		{`/a\..\b`, 400, "/b"},
		{"/a%00", 400, "/a"},
		{"/a%23b", 400, "/a"},
		{"/a%3fb", 400, "/a"},
		{"/a#b", 400, "/a"},
		{"//x/api/balance", 400, "/x/api/balance"},
		{"/a%09", 400, "/a%09"},
		{"/%c0%afadmin", 400, "*"},
		{"ftp://x/api/balance", 400, "*"},
		{"/%", 400, ""},
		{"/%u0061", 400, ""},
		{"api/balance", 400, ""},
	} {
		g.forget()
		res, body := raw(t, s.Listener.Addr(), "GET "+c.target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if res.StatusCode != c.status {
			t.Errorf("%s: got %d %s", c.target, res.StatusCode, body)
		}
		if c.status == 200 && body != c.target {
			t.Errorf("%s reached the API as %s", c.target, body)
		}
		if c.folded == "" {
			continue
		}
		x := g.only(t)
		if x.Status != c.status || len(g.asked) != 1 || g.asked[0] != x.Request {
			t.Errorf("%s: observed %+v", c.target, x)
		}
		if c.folded != "*" && x.Folded != c.folded {
			t.Errorf("%s was judged as %s", c.target, x.Folded)
		}
		if c.status == 400 && (!x.Refused || x.Cause != CausePath || !strings.Contains(body, engine.ExchangeReference(x.ID)) ||
			res.Header.Get("Content-Type") != "application/problem+json") {
			t.Errorf("%s: %s; observed %+v", c.target, body, x)
		}
	}
}

func TestWhoIsBlockedHearsThatFirst(t *testing.T) {
	g := &witness{judge: func(engine.Request) engine.Verdict {
		return engine.Verdict{Status: 403, Cause: "operator", Reference: "D-1"}
	}}
	s := httptest.NewServer(New(Config{}, g, http.HandlerFunc(echo)))
	defer s.Close()
	for _, line := range []string{"GET /a%00", "GET /" + strings.Repeat("a", 20_000), "TRACE /", "CONNECT other:443"} {
		res, body := raw(t, s.Listener.Addr(), line+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if res.StatusCode != 403 {
			t.Errorf("%s: got %d %s", clip(line), res.StatusCode, body)
		}
	}
}

func TestWhatIsAmbiguousPassesWhileTheGatewayObserves(t *testing.T) {
	g := &witness{}
	s := httptest.NewServer(New(Config{Observe: true}, g, http.HandlerFunc(echo)))
	defer s.Close()
	for target, cause := range map[string]string{
		"/groups%2Fprojects": CausePath, "//x/api": CausePath, `/a\b`: CausePath, "/a%3fb": CausePath,
		"/" + strings.Repeat("a", longestURL): CauseURL, "/api/balance": "",
	} {
		g.forget()
		res, body := raw(t, s.Listener.Addr(), "GET "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if res.StatusCode != 200 || body != target {
			t.Errorf("%s: got %d %s", clip(target), res.StatusCode, clip(body))
		}
		if x := g.only(t); x.Refused || x.Would != cause {
			t.Errorf("%s: observed %+v", clip(target), x)
		}
	}
	if res, _ := raw(t, s.Listener.Addr(), "TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); res.StatusCode != 405 {
		t.Errorf("TRACE: got %d", res.StatusCode)
	}
	asked := &witness{}
	w := ask(asking(asked, func(c *Config) { c.Observe, c.NoLog = true, true }), check("/groups%2Fprojects"))
	if x := asked.only(t); w.Code != http.StatusNoContent || x.Would != CausePath {
		t.Errorf("a proxy that asks gets %d; observed %+v", w.Code, x)
	}
}

func TestTheGatewayIsNoTunnelAndNoMirror(t *testing.T) {
	g := &witness{}
	s := httptest.NewServer(New(Config{}, g, http.HandlerFunc(echo)))
	defer s.Close()
	for _, line := range []string{"CONNECT other.test:443", "CONNECT /api/balance", "TRACE /api/balance", "trace /api/balance", "TRACK /api/balance"} {
		g.forget()
		res, body := raw(t, s.Listener.Addr(), line+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if res.StatusCode != 405 || res.Header.Get("Allow") == "" {
			t.Errorf("%s: got %d %s", line, res.StatusCode, body)
		}
		if x := g.only(t); !x.Refused || x.Cause != CauseMethod {
			t.Errorf("%s: observed %+v", line, x)
		}
	}
}

func TestALongURLIsRefused(t *testing.T) {
	g := &witness{}
	s := httptest.NewServer(New(Config{}, g, http.HandlerFunc(echo)))
	defer s.Close()
	for target, status := range map[string]int{
		"/" + strings.Repeat("a", longestURL-1):                    200,
		"/" + strings.Repeat("a", longestURL):                      414,
		"/?" + strings.Repeat("a", longestURL):                     414,
		"/" + strings.Repeat("%41", 30_000):                        414,
		"/" + strings.Repeat("a/../", 1500) + "admin":              200,
		"/" + strings.Repeat("a/../", longestURL) + "api/admin/x/": 414,
	} {
		g.forget()
		res, body := raw(t, s.Listener.Addr(), "GET "+target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if res.StatusCode != status {
			t.Errorf("%s (%d bytes): got %d %s", clip(target), len(target), res.StatusCode, clip(body))
		}
		if x := g.only(t); len(x.Path) > 2048 || status == 414 && (!x.Refused || x.Cause != CauseURL) {
			t.Errorf("%s: kept %d bytes, cause %q", clip(target), len(x.Path), x.Cause)
		}
	}
}
