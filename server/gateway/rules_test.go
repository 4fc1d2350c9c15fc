package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// An enforcer is the engine alone as a guard.
type enforcer struct{ *engine.Engine }

func (e enforcer) Observe(x engine.Exchange) { e.Engine.Observe(x) }

// A defence is the gateway with the mission's rules, a clock that stands still and an API
// that takes any key but those that begin with "invalid".
type defence struct {
	t     *testing.T
	gw    http.Handler
	at    time.Time
	calls int
}

func defend(t *testing.T) *defence {
	t.Helper()
	d := &defence{t: t, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	e, err := engine.New(engine.Defaults(), 1)
	if err != nil {
		t.Fatal(err)
	}
	d.gw = New(Config{Demo: true, Now: func() time.Time { return d.at }}, enforcer{e}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.calls++
		if strings.HasPrefix(r.Header.Get("X-API-Key"), "invalid") {
			http.Error(w, "no", http.StatusUnauthorized)
		}
	}))
	return d
}

// send asks as a simulated client; from empty as the operator.
func (d *defence) send(from, method, target string, headers ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := request(method, target, "127.0.0.1:1", headers...)
	if from != "" {
		r.Header.Set("X-Simulated-IP", from)
	}
	return ask(d.gw, r)
}

func (d *defence) want(status int, from, method, target string, headers ...string) {
	d.t.Helper()
	if w := d.send(from, method, target, headers...); w.Code != status {
		d.t.Fatalf("%s %s from %q: got %d, want %d; %s", method, target, from, w.Code, status, w.Body)
	}
}

func TestThe101stRequestInAMinuteIs429AndThe102ndIs403(t *testing.T) {
	d := defend(t)
	for range 100 {
		d.want(200, "198.18.0.1", "GET", "/api/balance")
		d.at = d.at.Add(100 * time.Millisecond)
	}
	w := d.send("198.18.0.1", "GET", "/api/balance")
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Fatalf("the 101st: %d %v", w.Code, w.Header())
	}
	d.want(403, "198.18.0.1", "GET", "/api/balance")
	d.want(403, "198.18.0.1", "GET", "/anything/else")
	d.want(200, "198.18.0.2", "GET", "/api/balance") // the neighbour
	if d.calls != 101 {
		t.Errorf("the API was called %d times", d.calls)
	}
	d.at = d.at.Add(5*time.Minute + time.Second)
	d.want(200, "198.18.0.1", "GET", "/api/balance")
}

func TestThe7thRequestAfterSix401IsRefused(t *testing.T) {
	d := defend(t)
	for i := range 6 {
		d.want(401, "198.18.0.1", "GET", "/api/balance", "X-API-Key", fmt.Sprint("invalid-", i))
	}
	d.want(403, "198.18.0.1", "GET", "/api/balance", "X-API-Key", "good")
	d.want(200, "198.18.0.2", "GET", "/api/balance", "X-API-Key", "good")
	if d.calls != 7 {
		t.Errorf("the API was called %d times", d.calls)
	}
}

func TestADecoyInAnySpellingIsRefusedAndThenEverythingIs(t *testing.T) {
	for i, target := range []string{
		"/api/admin", "/api/admin/", "/api/admin/users", "/API/Admin/users", "/api//admin/x", "/api/./admin/x", "/x/../api/admin/x",
		"/api/%61dmin/x", "/api/admin;jsessionid=1/x", "/api/admin./x", "/api/admin%2fx", `/api\admin\x`, "/api%5cadmin%5cx",
		"/api/admin%00", "/api/admin%23x", "/api/admin%3fx", "/api/admin?x=1", "//api/admin/x", "http://x/api/admin/x", "/%2e%2e/api/admin/x",
	} {
		d := defend(t)
		from := fmt.Sprintf("198.18.1.%d", i+1)
		for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "TRACE", "BREW"} {
			client := strings.Replace(from, ".1.", fmt.Sprintf(".%d.", 2+len(method)), 1)
			r := httptest.NewRequest(method, "/", http.NoBody)
			r.RequestURI, r.RemoteAddr = target, "127.0.0.1:1"
			r.Header.Set("X-Simulated-IP", client)
			if w := ask(d.gw, r); w.Code != 403 {
				t.Fatalf("%s %s: got %d %s", method, target, w.Code, w.Body)
			}
			d.want(403, client, "GET", "/api/balance")
		}
		if d.calls != 0 {
			t.Errorf("%s: the API was called %d times", target, d.calls)
		}
	}
}

func TestTheOperatorIsLimitedAndNeverBlocked(t *testing.T) {
	d := defend(t)
	for range 100 {
		d.want(200, "", "GET", "/api/balance")
	}
	for range 20 {
		d.want(429, "", "GET", "/api/balance")
	}
	d.at = d.at.Add(time.Minute + time.Second)
	d.want(403, "", "GET", "/api/admin/users")
	d.want(200, "", "GET", "/api/balance")
	for range 10 {
		d.want(401, "", "GET", "/api/balance", "X-API-Key", "invalid")
	}
	d.want(200, "", "GET", "/api/balance", "X-API-Key", "good")

	d.want(403, "127.0.0.1", "GET", "/api/admin/users") // an attack that pretends to be him
	d.want(200, "", "GET", "/api/balance")
}

func TestRulesCountIPv6AsIts64(t *testing.T) {
	d := defend(t)
	for i := range 100 {
		d.want(200, fmt.Sprintf("2001:db8:0:1::%x", i+1), "GET", "/api/balance")
	}
	d.want(429, "2001:db8:0:1:ffff::1", "GET", "/api/balance")
	d.want(403, "2001:db8:0:1::5", "GET", "/api/balance")
	d.want(200, "2001:db8:0:2::5", "GET", "/api/balance")
}

func TestPathVariantsShareOneCount(t *testing.T) {
	d := defend(t)
	for i := range 101 {
		status := 200
		if i == 100 {
			status = 429
		}
		d.want(status, "198.18.0.1", "GET", []string{"/api/balance", "/API/balance", "/api/./balance", "/x", "/api/balance?x=1"}[i%5])
	}
}

func TestNonsenseCountsTowardsTheRate(t *testing.T) {
	d := defend(t)
	for range 100 {
		d.want(400, "198.18.0.1", "GET", "/a%2fb")
	}
	d.want(429, "198.18.0.1", "GET", "/a%2fb")
	d.want(403, "198.18.0.1", "GET", "/api/balance")
}

func TestARefusalBringsTheReferenceOfItsDecision(t *testing.T) {
	d := defend(t)
	d.want(403, "198.18.0.1", "GET", "/api/admin/")
	var p struct{ Reference string }
	if err := json.Unmarshal(d.send("198.18.0.1", "GET", "/api/balance").Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(p.Reference, "D-") || len(p.Reference) != 15 {
		t.Errorf("got the reference %q", p.Reference)
	}
}
