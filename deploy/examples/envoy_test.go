package examples_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A matcher is one of Envoy's string matchers.
type matcher struct {
	Exact      string `yaml:"exact"`
	IgnoreCase bool   `yaml:"ignore_case"`
}

// extAuthz is what of Envoy's filter decides how it asks.
type extAuthz struct {
	Allowed struct {
		Patterns []matcher `yaml:"patterns"`
	} `yaml:"allowed_headers"`
	Service struct {
		URI struct {
			URI string `yaml:"uri"`
		} `yaml:"server_uri"`
		Prefix   string `yaml:"path_prefix"`
		Response struct {
			Client struct {
				Patterns []matcher `yaml:"patterns"`
			} `yaml:"allowed_client_headers"`
		} `yaml:"authorization_response"`
	} `yaml:"http_service"`
}

// filter reads the ext_authz filter of the example.
func filter(t *testing.T) extAuthz {
	t.Helper()
	text, err := os.ReadFile("envoy/envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path, err := yaml.PathString("$.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config")
	if err != nil {
		t.Fatal(err)
	}
	var f extAuthz
	if err := path.Read(strings.NewReader(string(text)), &f); err != nil {
		t.Fatal(err)
	}
	if f.Service.Prefix == "" || len(f.Allowed.Patterns) == 0 || len(f.Service.Response.Client.Patterns) == 0 || f.Service.URI.URI != "http://127.0.0.1:8082" {
		t.Fatalf("the example says %+v", f)
	}
	return f
}

// asEnvoy asks as Envoy's HTTP ext_authz does: method and host of the request, its path behind
// the prefix, the headers that are allowed, and the connection's address at the right end of
// X-Forwarded-For, followed by Envoy's own. It answers what the client would get.
func (f extAuthz) asEnvoy(t *testing.T, s *site, client, method, path string, header http.Header) answer {
	t.Helper()
	var pairs []string
	for _, m := range f.Allowed.Patterns {
		for name, values := range header {
			if strings.EqualFold(name, m.Exact) && (m.IgnoreCase || name == m.Exact) && !strings.EqualFold(name, "X-Forwarded-For") {
				pairs = append(pairs, name, strings.Join(values, ","))
			}
		}
	}
	xff := client + ",127.0.0.1"
	if forged := header.Get("X-Forwarded-For"); forged != "" {
		xff = forged + "," + xff
	}
	a, err := ask(s.sentinel.URL, "127.0.0.1", method, f.Service.Prefix+path, "", append(pairs, "X-Forwarded-For", xff)...)
	if err != nil {
		t.Fatal(err)
	}
	told := http.Header{}
	for _, m := range f.Service.Response.Client.Patterns {
		if v := a.header.Get(m.Exact); v != "" {
			told.Set(m.Exact, v)
		}
	}
	a.header = told
	return a
}

// Envoy itself is not at hand everywhere, so the test plays its part by the example's own words.
func TestEnvoysContract(t *testing.T) {
	f, s := filter(t), newSite(t)
	s.template("envoy/envoy.yaml", "port_value: 8082", "", "port_value: 3000", "", "path: /var/log/envoy/sentinel.json", "")
	a := f.asEnvoy(t, s, "192.0.2.77", "DELETE", "/api/echo?x=1", http.Header{"X-Api-Key": {"user_key_1"}, "User-Agent": {"tester"}, "X-Forwarded-For": {"198.51.100.66"}})
	if a.status < 200 || a.status > 299 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	s.problem("a denied path", f.asEnvoy(t, s, "192.0.2.77", "GET", "/internal?next=/public", nil), 403)
	s.problem("a denied path with forged headers", f.asEnvoy(t, s, "192.0.2.77", "GET", "/internal", http.Header{"X-Forwarded-Uri": {"/public"}, "X-Original-Uri": {"/public"}}), 403)
	s.problem("a denied path behind two slashes", f.asEnvoy(t, s, "192.0.2.77", "GET", "//internal", nil), 403)
	s.problem("an ambiguous path", f.asEnvoy(t, s, "192.0.2.77", "GET", "/a%2fb", nil), 400)
	s.problem("a decoy", f.asEnvoy(t, s, "192.0.2.78", "POST", "/api/admin", nil), 403)
	if a := f.asEnvoy(t, s, "192.0.2.78", "GET", "/", nil); !strings.HasPrefix(s.problem("who is blocked", a, 403), "D-") || a.header.Get("Retry-After") == "" {
		t.Errorf("blocked with %v", a.header)
	}
	for range 20 {
		f.asEnvoy(t, s, "192.0.2.79", "GET", "/", nil)
	}
	s.problem("too many", f.asEnvoy(t, s, "192.0.2.79", "GET", "/", nil), 429)
}
