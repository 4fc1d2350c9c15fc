package proxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func routing(t *testing.T, upstreams ...Upstream) *Proxy {
	t.Helper()
	for i := range upstreams {
		upstreams[i].Targets = urls(t, "http://127.0.0.1:1")
	}
	p, err := New(Config{Upstreams: upstreams, Log: quietLog})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestRequestsFindTheirUpstream(t *testing.T) {
	p := routing(
		t,
		Upstream{Name: "pay", Hosts: []string{"API.example.com"}, Paths: []string{"/pay", "/v2/Pay/"}},
		Upstream{Name: "api", Hosts: []string{"api.example.com"}},
		Upstream{Name: "wild", Hosts: []string{"*.example.com"}, Paths: []string{"/"}},
		Upstream{Name: "deep", Hosts: []string{"*.deep.example.com"}},
		Upstream{Name: "rest", Paths: []string{"/rest"}},
	)
	for _, c := range []struct{ host, target, want string }{
		{"api.example.com", "/pay", "pay"},
		{"api.example.com:8000", "/pay/1?x=/../", "pay"},
		{"api.example.com.", "/PAY", "pay"},
		{"api.example.com", "/payments", "api"},
		{"api.example.com", "/pay;v=1/x", "pay"},
		{"api.example.com", "/%70ay", "pay"},
		{"api.example.com", "/x/../pay", "pay"},
		{"api.example.com", "//pay.", "pay"},
		{"api.example.com", `/x\..\pay`, "pay"},
		{"api.example.com", "/pay/../x", "api"},
		{"api.example.com", "/v2/pay", "pay"},
		{"api.example.com", "http://api.example.com/pay", "pay"},
		{"www.example.com", "/pay", "wild"},
		{"a.deep.example.com", "/", "deep"},
		{"example.com", "/rest/a", "rest"},
		{"[::1]:80", "/rest", "rest"},
		{"www.example.com", "/rest", "wild"},
		{"example.com", "/", ""},
		{"evil-example.com", "/", ""},
		{"", "/", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Host, r.RequestURI = c.host, c.target
		got := ""
		if u := p.routes.find(r); u != nil {
			got = u.Name
		}
		if got != c.want {
			t.Errorf("%s %s goes to %q, want %q", c.host, c.target, got, c.want)
		}
		if c.want == "" {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s is answered with %d", c.host, c.target, w.Code)
			}
		}
	}
}

func TestSettingsThatCanNotWorkAreNamed(t *testing.T) {
	for want, u := range map[string]Upstream{
		"needs a target":           {},
		"can't have a path":        {Targets: urls(t, "http://127.0.0.1/api")},
		"http://, https:// or":     {Targets: urls(t, "ftp://127.0.0.1")},
		"needs a host":             {Targets: urls(t, "http://:80")},
		"only a scheme":            {Targets: urls(t, "http://user:secret@127.0.0.1")},
		"unix:///path":             {Targets: urls(t, "unix://host/path")},
		"must begin with a slash":  {Targets: urls(t, "http://127.0.0.1"), Paths: []string{"api"}},
		"is not a host":            {Targets: urls(t, "http://127.0.0.1"), Hosts: []string{"a.*.com"}},
		"both answer for":          {Targets: urls(t, "http://127.0.0.1"), Paths: []string{"/a", "/A/"}},
		"no time-out":              {Targets: urls(t, "http://127.0.0.1"), Idle: -1},
		"health path":              {Targets: urls(t, "http://127.0.0.1"), HealthPath: "up"},
		"read the CA file":         {Targets: urls(t, "https://127.0.0.1"), CAFile: "/nowhere/ca.pem"},
		"largest body can't be":    {Targets: urls(t, "http://127.0.0.1"), MaxBody: -1},
		"holds no certificate":     {Targets: urls(t, "https://127.0.0.1"), CAFile: "proxy.go"},
		"target http://user:xxxxx": {Targets: urls(t, "http://user:secret@127.0.0.1")},
	} {
		p, err := New(Config{Upstreams: []Upstream{u}, Log: quietLog})
		if err == nil {
			p.Close()
			t.Errorf("%+v is accepted", u)
		} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %q does not say %q", u, err, want)
		}
	}
}
