package console_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/console"
)

func TestEverythingCarriesTheHeadersThatProtectABrowser(t *testing.T) {
	h := open(t)
	for path, method := range map[string]string{
		"/": "GET", "/alerts": "GET", "/assets/none.js": "GET", "/graphql": "POST", "/api/monitoring/stats": "GET",
		"/api/monitoring/nothing": "GET", "/healthz": "GET", "/readyz": "GET", "/a/../b": "GET", "/api/export/alerts.csv": "GET",
	} {
		a := h.send(method, path, "")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		policy := a.header.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'self'", "script-src 'self'", "worker-src 'self'", "style-src 'self' 'unsafe-inline'", "font-src 'self' data:",
			"connect-src 'self'", "img-src 'self' data:", "object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
		} {
			if !strings.Contains(policy+";", want+";") {
				t.Errorf("%s: the policy %q lacks %s", path, policy, want)
			}
		}
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s lets other origins in: %s", path, name)
			}
		}
	}
}

func TestTheConsoleAnswersToItsOwnNamesOnly(t *testing.T) {
	h := open(t, func(c *console.Config) { c.Hosts = []string{host, "[::1]:8080", "localhost:80"} })
	for name, code := range map[string]int{
		host: 200, "SENTINEL.test:8080": 200, "[::1]:8080": 200, "localhost": 200, "localhost:80": 200,
		"sentinel.test": 421, "sentinel.test:8081": 421, "evil.test": 421, "sentinel.test:8080.evil.test": 421, "127.0.0.1:8080": 421,
	} {
		for _, path := range []string{"/", "/api/monitoring/stats", "/healthz", "/readyz"} {
			if a := h.send("GET", path, "", "Host: "+name); a.code != code {
				t.Errorf("%s under the name %s answers %d", path, name, a.code)
			}
		}
	}
}

func TestNoOtherPageActsThroughAnOperatorsBrowser(t *testing.T) {
	h := open(t)
	const block = `{"ip":"198.51.100.7"}`
	for name, c := range map[string]struct {
		headers []string
		code    int
	}{
		"the console's own page":            {[]string{"Origin: http://" + host, "Sec-Fetch-Site: same-origin"}, 200},
		"the same in an old browser":        {[]string{"Origin: http://" + host}, 200},
		"a program that is no browser":      {nil, 200},
		"another site":                      {[]string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"}, 403},
		"another site in an old browser":    {[]string{"Origin: https://evil.test"}, 403},
		"another port of the same machine":  {[]string{"Origin: http://sentinel.test:9999", "Sec-Fetch-Site: same-site"}, 403},
		"another scheme":                    {[]string{"Origin: https://" + host, "Sec-Fetch-Site: same-site"}, 403},
		"a sandboxed frame":                 {[]string{"Origin: null", "Sec-Fetch-Site: cross-site"}, 403},
		"another site that says no origin":  {[]string{"Sec-Fetch-Site: cross-site"}, 403},
		"a page that claims to be our site": {[]string{"Origin: https://evil.test", "Sec-Fetch-Site: same-origin"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			headers := append([]string{isJSON}, c.headers...)
			if a := h.send("POST", "/api/monitoring/block-ip", block, headers...); a.code != c.code {
				t.Errorf("blocking answers %d %s", a.code, a.body)
			}
			if a := h.send("POST", "/graphql", `{"query":"{me{name}}"}`, headers...); a.code != c.code {
				t.Errorf("asking answers %d %s", a.code, a.body)
			}
			if a := h.send("GET", "/api/export/alerts.csv", "", c.headers...); a.code != c.code {
				t.Errorf("exporting answers %d", a.code)
			}
			if a := h.send("OPTIONS", "/graphql", "", append(c.headers, "Access-Control-Request-Method: POST")...); a.code == 200 || a.code == 204 {
				t.Errorf("a preflight is answered %d", a.code)
			}
		})
	}
	if a := h.send("GET", "/alerts", "", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"); a.code != 200 {
		t.Errorf("a link from elsewhere to the app answers %d", a.code)
	}
}

func TestAPathThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	h := open(t)
	for _, path := range []string{
		"/a%2fb", "/a%2Fb", "/a%5cb", `/a\b`, "/a/../b", "/a/./b", "/..", "/.", "/a/%2e%2e/b", "/a/.%2E/b", "/%2e",
		"/a//b", "/a%00b", "/a%0ab", "/a%7fb", "/assets/..%2findex.html", "/api/monitoring/..%2fstats", "/graphql%2f",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		if err := r.URL.UnmarshalBinary([]byte("http://" + host + path)); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ui.ServeHTTP(w, r)
		if w.Code != 400 {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
	for _, path := range []string{"/clients/198.51.100.7", "/clients/2001:db8::1", "/alerts/caf%C3%A9", "/a.b..c", "/%25"} {
		if a := h.send("GET", path, ""); a.code != 200 {
			t.Errorf("%s answers %d", path, a.code)
		}
	}
}

func TestThreeCornersBelowAPIAreTheConsoles(t *testing.T) {
	for path, own := range map[string]bool{
		"/": true, "/alerts": true, "/apis": true, "/graphql": true, "/healthz": true, "/clients/198.51.100.7": true, "/a%2fb": true,
		"/api/monitoring/stats": true, "/api/monitoring": true, "/api/ip-management/list": true, "/api/export/alerts.csv": true,
		"/api/monitoring/..%2fx": false, "/api": false, "/api/": false, "/api/balance": false, "/api/admin": false, "/API/admin": false,
		"/%61pi/admin": false, "//api/admin": false, "/x/../api/admin": false, "/api/monitoring/../admin": false, "/api/monitoringx": false,
		"/api%2fadmin": false, `/api\admin`: false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if err := r.URL.UnmarshalBinary([]byte("http://" + host + path)); err != nil {
			t.Fatal(err)
		}
		if got := console.Owns(r); got != own {
			t.Errorf("%s is the console's: %v", path, got)
		}
	}
}
