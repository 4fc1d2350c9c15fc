package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestClientsAreToldWhatIsLeftOfTheirQuota(t *testing.T) {
	quota := engine.Quota{Limit: 100, Left: 99, Window: time.Minute, Reset: 500 * time.Millisecond}
	for _, c := range []struct {
		about       string
		on          bool
		verdict     engine.Verdict
		policy      string
		left, retry string
	}{
		{"passed", true, engine.Verdict{Quota: quota}, `"rate-abuse";q=100;w=60`, `"rate-abuse";r=99;t=1`, ""},
		{"nothing used", true, engine.Verdict{Quota: engine.Quota{Limit: 5, Left: 5, Window: time.Second}}, `"rate-abuse";q=5;w=1`, `"rate-abuse";r=5`, ""},
		{"nothing counted", true, engine.Verdict{}, "", "", ""},
		{"switched off", false, engine.Verdict{Quota: quota}, "", "", ""},
		{"too many", true, engine.Verdict{Status: 429, Reference: "D-1", RetryAfter: 5 * time.Minute, Quota: engine.Quota{Limit: 100, Window: time.Minute, Reset: 7 * time.Second}}, `"rate-abuse";q=100;w=60`, `"rate-abuse";r=0;t=7`, "60"},
		{"too many, soon again", true, engine.Verdict{Status: 429, Reference: "D-1", RetryAfter: time.Second, Quota: engine.Quota{Limit: 100, Window: time.Minute, Reset: 7 * time.Second}}, `"rate-abuse";q=100;w=60`, `"rate-abuse";r=0;t=7`, "7"},
		{"blocked", true, engine.Verdict{Status: 403, Reference: "D-1", RetryAfter: 5 * time.Minute}, "", "", "300"},
	} {
		g := &witness{judge: func(engine.Request) engine.Verdict { return c.verdict }}
		w := ask(New(Config{RateLimit: c.on}, g, http.NotFoundHandler()), request("GET", "/", "192.0.2.7:1"))
		h := w.Header()
		if h.Get("RateLimit-Policy") != c.policy || h.Get("RateLimit") != c.left || h.Get("Retry-After") != c.retry {
			t.Errorf("%s: %v", c.about, h)
		}
	}
}

// An atlas knows one template and hears the answers.
type atlas struct{ heard []string }

func (*atlas) Route(_, folded string) (string, engine.Class) {
	if folded == "/accounts/17" {
		return "/accounts/{id}", engine.Sensitive
	}
	return "", engine.Normal
}

func (a *atlas) Answered(method, folded string, status int) {
	a.heard = append(a.heard, method+" "+folded+" "+http.StatusText(status))
}

func TestRoutesAreKnownAndLearned(t *testing.T) {
	routes, g := &atlas{}, &witness{}
	gw := New(Config{Routes: routes}, g, http.NotFoundHandler())
	ask(gw, request("GET", "/Accounts/17?x", "192.0.2.7:1"))
	ask(gw, request("GET", "/other", "192.0.2.7:1"))
	ask(gw, request("GET", "/a%2fb", "192.0.2.7:1")) // refused: nobody answered
	if x := g.asked[0]; x.Route != "/accounts/{id}" || x.Class != engine.Sensitive || x.Folded != "/accounts/17" {
		t.Errorf("got %+v", x)
	}
	if x := g.asked[1]; x.Route != "/other" || x.Class != engine.Normal {
		t.Errorf("got %+v", x)
	}
	if len(routes.heard) != 2 || routes.heard[0] != "GET /accounts/17 Not Found" {
		t.Errorf("heard %q", routes.heard)
	}
}

func TestAnEngineAloneIsAGuard(t *testing.T) {
	g, err := Alone(engine.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	gw := New(Config{Now: func() time.Time { return at }}, g, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	get := func(path string) *httptest.ResponseRecorder { return ask(gw, request("GET", path, "192.0.2.7:1")) }
	for _, c := range []struct {
		path   string
		status int
	}{{"/api/balance", 200}, {"/api/admin/users", 403}, {"/api/balance", 403}} {
		if w := get(c.path); w.Code != c.status {
			t.Errorf("%s: got %d", c.path, w.Code)
		}
	}
	at = at.Add(time.Hour + time.Second)
	if w := get("/api/balance"); w.Code != 200 {
		t.Errorf("after the block: got %d", w.Code)
	}
	if all, _ := g.(*alone).engine.Listed(); all != 0 {
		t.Errorf("%d decisions are held that have ended", all)
	}
	if _, err := Alone(engine.Policy{}); err == nil {
		t.Error("a policy without sense is taken")
	}
}
