package gateway

import (
	"net/http"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestABrowserTellsThatAnotherSitesPageSentIt(t *testing.T) {
	for name, c := range map[string]struct {
		site, referer string
		want          engine.Signs
	}{
		"a picture of another site's page":        {"cross-site", "https://evil.example/", engine.Elsewhere},
		"that page keeps its name to itself":      {"cross-site", "", engine.Elsewhere},
		"an old browser":                          {"", "https://evil.example/page", engine.Elsewhere},
		"a page of our own":                       {"same-origin", "https://api.example/docs", 0},
		"of a neighbour":                          {"same-site", "https://docs.api.example/", 0},
		"typed in":                                {"none", "", 0},
		"an old browser, from a page of ours":     {"", "https://API.example/docs", 0},
		"the same with the name of old":           {"", "https://www.api.example/docs", 0},
		"a program":                               {"", "", 0},
		"a program that writes code, no page":     {"", "${jndi:ldap://x/}", 0},
		"who claims both is a browser's, or ours": {"same-origin", "https://evil.example/", 0},
	} {
		r := &http.Request{Host: "api.example", Header: http.Header{}}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if c.referer != "" {
			r.Header.Set("Referer", c.referer)
		}
		if got := elsewhere(r); got != c.want {
			t.Errorf("%s: %b, want %b", name, got, c.want)
		}
	}
}

func TestABodyTellsThatNoPagesFormSentIt(t *testing.T) {
	for kind, want := range map[string]engine.Signs{
		"application/json":                  engine.Data,
		"application/vnd.api+json; v=2":     engine.Data,
		"application/grpc":                  engine.Data,
		"Application/X-WWW-Form-Urlencoded": 0,
		"multipart/form-data; boundary=x":   0,
		"text/plain;charset=utf-8":          0,
		"":                                  0,
	} {
		r := &http.Request{Header: http.Header{}}
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		if got := data(r); got != want {
			t.Errorf("%q: %b, want %b", kind, got, want)
		}
	}
}
