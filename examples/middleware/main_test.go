package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// An asker sends requests from one address.
func asker(t *testing.T) func(from, path string) *httptest.ResponseRecorder {
	t.Helper()
	api, err := protect(http.HandlerFunc(hello))
	if err != nil {
		t.Fatal(err)
	}
	return func(from, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.RemoteAddr = from + ":4711"
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w
	}
}

func TestAHandlerIsProtected(t *testing.T) {
	get := asker(t)
	w := get("192.0.2.1", "/hello")
	if w.Code != 200 || w.Body.String() != "hello\n" || w.Header().Get("RateLimit-Policy") != `"rate-abuse";q=100;w=60` {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := get("192.0.2.1", "/api/admin"); w.Code != 403 {
		t.Errorf("the decoy answers %d", w.Code)
	}
	w = get("192.0.2.1", "/hello")
	var problem struct{ Reference string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Code != 403 || !strings.HasPrefix(problem.Reference, "D-") {
		t.Errorf("after the decoy: %d %s", w.Code, w.Body)
	}

	for range 6 {
		if w := get("192.0.2.2", "/login"); w.Code != 401 {
			t.Fatalf("a wrong password: %d", w.Code)
		}
	}
	if w := get("192.0.2.2", "/login"); w.Code != 403 {
		t.Errorf("after six wrong passwords: %d", w.Code)
	}

	for range 100 {
		if w := get("192.0.2.3", "/hello"); w.Code != 200 {
			t.Fatalf("below the limit: %d", w.Code)
		}
	}
	if w := get("192.0.2.3", "/hello"); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("above the limit: %d %v", w.Code, w.Header())
	}
	if w := get("192.0.2.4", "/hello"); w.Code != 200 {
		t.Errorf("the neighbour: %d", w.Code)
	}
}

func TestItBringsNoDatabase(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "sentinel/server/engine") {
		t.Fatalf("the list is not one: %s", out)
	}
	for _, name := range strings.Fields(string(out)) {
		for _, heavy := range []string{"database/sql", "gorm", "sqlite", "redis", "pgx", "gqlgen", "sentinel/server/store", "sentinel/server/guard"} {
			if strings.Contains(name, heavy) {
				t.Errorf("it brings %s", name)
			}
		}
	}
}
