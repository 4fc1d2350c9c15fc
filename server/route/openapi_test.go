package route

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const inYAML = `
openapi: 3.1.0
info: {title: Bank, version: "1"}
servers:
  - url: https://api.example.com/v1
  - url: https://{region}.example.com/{base}
    variables:
      region: {default: eu}
      base: {default: v2}
paths:
  /accounts: {get: {}, post: {}}
  /accounts/{accountId}:
    parameters: [{name: accountId, in: path}]
    get: {responses: {"200": {description: fine}}}
  /accounts/me: {get: {}}
  /Accounts/{accountId}/cards/{cardId}.pdf: {get: {}}
  /elsewhere: {$ref: other.yml}
  x-internal: true
`

func TestRoutesAreThoseOfTheFile(t *testing.T) {
	table, err := Read([]byte(inYAML), "/v1/accounts/{id}/cards")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/v1/accounts":             "/v1/accounts",
		"/v1/accounts/":            "/v1/accounts",
		"/v2/accounts/77":          "/v2/accounts/{accountId}",
		"/v1/accounts/me":          "/v1/accounts/me",
		"/v1/accounts/me/cards/4":  "/v1/Accounts/{accountId}/cards/{cardId}.pdf",
		"/v1/accounts/7/cards/all": "/v1/Accounts/{accountId}/cards/{cardId}.pdf",
		"/accounts":                Other,
		"/v1/accounts/7/cards":     Other,
		"/":                        Other,
	} {
		if got, _ := table.Route("GET", path); got != want {
			t.Errorf("%s has the template %s, want %s", path, got, want)
		}
	}
	if _, class := table.Route("GET", "/v1/accounts/7/cards/4"); class != engine.Sensitive {
		t.Error("a sensitive route is not")
	}
	for _, c := range []struct {
		method, path string
		known, both  bool
	}{
		{"GET", "/v1/accounts/7", true, true},
		{"HEAD", "/v1/accounts/7", true, true},
		{"DELETE", "/v1/accounts/7", true, false},
		{"PATCH", "/v1/elsewhere", true, true},
		{"GET", "/v1/other", false, false},
	} {
		if known, both := table.Documented(c.method, c.path); known != c.known || both != c.both {
			t.Errorf("%s %s: %v, %v", c.method, c.path, known, both)
		}
	}
	if n := len(table.Templates()); n != 10 || !slices.IsSorted(table.Templates()) {
		t.Errorf("%d templates: %q", n, table.Templates())
	}
}

func TestAFileInJSONIsReadToo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.json")
	if err := os.WriteFile(file, []byte(` {"openapi": "3.0.3", "paths": {"/a/{b}": {"get": {}}, "/": null}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := table.Route("GET", "/a/1"); got != "/a/{b}" {
		t.Errorf("got %s", got)
	}
}

func TestAFileThatCanNotBeUsedSaysWhy(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "the field openapi is missing",
		"swagger: '2.0'\npaths: {/a: {get: {}}}": "is Swagger 2.0: convert it to OpenAPI 3",
		"openapi: 2.9.9\npaths: {/a: {get: {}}}": "is OpenAPI 2.9.9",
		"openapi: 3.0.0":                         "has no paths",
		"openapi: 3.0.0\npaths: {a: {get: {}}}":  `path "a" must begin with a slash`,
		"openapi: 3.0.0\npaths: {/a: [get]}":     `path "/a" must hold methods`,
		"openapi: 3.0.0\npaths: {'/a/{x}': {get: {}}, '/a/{y}': {get: {}}}":      "are the same",
		"openapi: 3.0.0\npaths: {/A: {get: {}}, /a: {get: {}}}":                  "are the same",
		"openapi: 3.0.0\nservers: [{url: 'http://[::'}]\npaths: {/a: {get: {}}}": "server",
		"openapi: 3.0.0\npaths: {" + strings.Repeat("/a", 17) + ": {get: {}}}":   "more than 16 segments",
		"openapi: [":  "can't be read",
		`{"openapi":`: "can't be read",
	} {
		if _, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q gave %v, want %q", text, err, want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent.yml")); err == nil || !strings.Contains(err.Error(), "absent.yml") {
		t.Errorf("an absent file gave %v", err)
	}
}

func BenchmarkTable(b *testing.B) {
	table, err := Read([]byte(inYAML), "/login")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		table.Route("GET", "/v1/accounts/7/cards/all")
	}
}

func TestOperationsOfAFileAreListedWithWhatIsDeprecated(t *testing.T) {
	table, err := Read([]byte(`
openapi: 3.0.3
paths:
  /v1/payments: {post: {deprecated: true}, get: {deprecated: false}}
  /v1/Payments/{paymentId}: {get: {}, parameters: []}
  /v1/elsewhere: {$ref: other.yml}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Operation{{"GET", "/v1/Payments/{paymentId}", false}, {"GET", "/v1/payments", false}, {"POST", "/v1/payments", true}}
	if got := table.Operations(); !slices.Equal(got, want) {
		t.Errorf("operations are %v, not %v", got, want)
	}
	for _, c := range []struct {
		method, path string
		want         Operation
		listed       bool
	}{
		{"POST", "/v1/payments", Operation{"POST", "/v1/payments", true}, true},
		{"HEAD", "/v1/payments/{id}", Operation{"GET", "/v1/Payments/{paymentId}", false}, true},
		{"DELETE", "/v1/payments/17", Operation{"DELETE", "/v1/Payments/{paymentId}", false}, false},
		{"PATCH", "/v1/elsewhere", Operation{"PATCH", "/v1/elsewhere", false}, true},
		{"GET", "/v1/other", Operation{}, false},
	} {
		if got, listed := table.Operation(c.method, c.path); got != c.want || listed != c.listed {
			t.Errorf("%s %s is %v, %v", c.method, c.path, got, listed)
		}
	}
}
