package console_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinel-protocol/sentinel/server/console"
)

func withApp(c *console.Config) {
	c.App = fstest.MapFS{
		".gitkeep":               {},
		"index.html":             {Data: []byte("the page")},
		"index.html.br":          {Data: []byte("br page")},
		"index.html.gz":          {Data: []byte("gz page")},
		"playground.html":        {Data: []byte("the playground")},
		"favicon.svg":            {Data: []byte("<svg/>")},
		"assets/app-1a2b.js":     {Data: []byte("script")},
		"assets/app-1a2b.js.gz":  {Data: []byte("gz script")},
		"assets/style-3c4d.css":  {Data: []byte("style")},
		"assets/font-5e6f.woff2": {Data: []byte("font")},
	}
}

func TestTheAppIsServed(t *testing.T) {
	h := open(t, withApp)
	const keep, ask = "public, max-age=31536000, immutable", "no-cache"
	for _, c := range []struct {
		path, accept, body, kind, encoding, cache string
		code                                      int
	}{
		{"/", "", "the page", "text/html; charset=utf-8", "", ask, 200},
		{"/index.html", "", "the page", "text/html; charset=utf-8", "", ask, 200},
		{"/", "gzip, deflate, br, zstd", "br page", "text/html; charset=utf-8", "br", ask, 200},
		{"/", "gzip", "gz page", "text/html; charset=utf-8", "gzip", ask, 200},
		{"/", "br;q=0, gzip;q=0.5", "gz page", "text/html; charset=utf-8", "gzip", ask, 200},
		{"/", "identity", "the page", "text/html; charset=utf-8", "", ask, 200},
		{"/alerts", "", "the page", "text/html; charset=utf-8", "", ask, 200},
		{"/clients/198.51.100.7", "", "the page", "text/html; charset=utf-8", "", ask, 200},
		{"/alerts/5/deep", "br", "br page", "text/html; charset=utf-8", "br", ask, 200},
		{"/playground", "", "the playground", "text/html; charset=utf-8", "", ask, 200},
		{"/favicon.svg", "", "<svg/>", "image/svg+xml", "", ask, 200},
		{"/assets/app-1a2b.js", "", "script", "text/javascript; charset=utf-8", "", keep, 200},
		{"/assets/app-1a2b.js", "br, gzip", "gz script", "text/javascript; charset=utf-8", "gzip", keep, 200},
		{"/assets/style-3c4d.css", "gzip", "style", "text/css; charset=utf-8", "", keep, 200},
		{"/assets/font-5e6f.woff2", "", "font", "font/woff2", "", keep, 200},
		{"/assets/app-0000.js", "", "", "application/json", "", "", 404},
		{"/assets/app-1a2b.js.gz", "", "", "application/json", "", "", 404},
		{"/assets/", "", "", "application/json", "", "", 404},
		{"/robots.txt", "", "", "application/json", "", "", 404},
		{"/metrics", "", "", "application/json", "", "", 404},
		{"/debug/pprof/heap", "", "", "application/json", "", "", 404},
		{"/v1/decisions", "", "", "application/json", "", "", 404},
		{"/.gitkeep", "", "the page", "text/html; charset=utf-8", "", ask, 200},
	} {
		var headers []string
		if c.accept != "" {
			headers = append(headers, "Accept-Encoding: "+c.accept)
		}
		a := h.send("GET", c.path, "", headers...)
		if a.code != c.code || c.body != "" && a.body != c.body || a.header.Get("Content-Type") != c.kind ||
			a.header.Get("Content-Encoding") != c.encoding || a.header.Get("Cache-Control") != c.cache {
			t.Errorf("%s (%s) answers %d %q %v", c.path, c.accept, a.code, a.body, a.header)
		}
		if c.code == 200 && a.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s varies by %q", c.path, a.header.Get("Vary"))
		}
	}
	if a := h.send("HEAD", "/", ""); a.code != 200 || a.body != "" || a.header.Get("Content-Length") != "8" {
		t.Errorf("HEAD answers %d %q", a.code, a.body)
	}
	if a := h.send("POST", "/alerts", ""); a.code != 405 {
		t.Errorf("POST answers %d", a.code)
	}
}

func TestAPageThatHasNotChangedIsNotSentAgain(t *testing.T) {
	h := open(t, withApp)
	first := h.send("GET", "/", "", "Accept-Encoding: br")
	tag := first.header.Get("ETag")
	if tag == "" {
		t.Fatal("there is no tag")
	}
	if a := h.send("GET", "/alerts", "", "Accept-Encoding: br", "If-None-Match: W/"+tag); a.code != 304 || a.body != "" {
		t.Errorf("answers %d %q", a.code, a.body)
	}
	if a := h.send("GET", "/", "", "If-None-Match: "+tag); a.code != 200 || a.header.Get("ETag") == tag {
		t.Errorf("the other encoding answers %d with %s", a.code, a.header.Get("ETag"))
	}
}

func TestACheckoutWithoutABuiltAppSaysWhatToDo(t *testing.T) {
	h := open(t, func(c *console.Config) { c.App = fstest.MapFS{".gitkeep": {}} })
	for _, path := range []string{"/", "/alerts"} {
		if a := h.send("GET", path, ""); a.code != 503 || !strings.Contains(a.body, "make build") {
			t.Errorf("%s answers %d %q", path, a.code, a.body)
		}
	}
	if a := h.send("GET", "/api/monitoring/stats", ""); a.code != 200 {
		t.Errorf("the API answers %d", a.code)
	}
}

func TestLivenessAndReadiness(t *testing.T) {
	h := open(t)
	if a := h.send("GET", "/healthz", ""); a.code != 200 || a.body != `{"status":"alive"}`+"\n" {
		t.Errorf("alive: %d %s", a.code, a.body)
	}
	if a := h.send("GET", "/readyz", ""); a.code != 200 || a.body != `{"dependencies":{"database":"ok","traffic":"ok"},"status":"ready"}`+"\n" {
		t.Errorf("ready: %d %s", a.code, a.body)
	}
	h.must(h.store.Close())
	a := h.send("GET", "/readyz", "")
	if a.code != 503 || !strings.Contains(a.body, `"database":"down"`) {
		t.Errorf("without a database: %d %s", a.code, a.body)
	}
	for _, secret := range []string{"sql", "/", "go1."} {
		if strings.Contains(a.body, secret) {
			t.Errorf("readiness says %q: %s", secret, a.body)
		}
	}
	if a := h.send("GET", "/healthz", ""); a.code != 200 {
		t.Errorf("alive without a database: %d", a.code)
	}
	if a := h.send("POST", "/healthz", ""); a.code != 405 {
		t.Errorf("POST: %d", a.code)
	}
}
