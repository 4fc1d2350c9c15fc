package rules

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // a Sunday

func login() *engine.Exchange {
	return &engine.Exchange{
		Request: engine.Request{
			At: noon, Client: netip.MustParseAddr("203.0.113.9"), Method: "POST", Path: "/API/Login", Folded: "/api/login", Route: "/api/login",
			UserAgent: "curl/8.5", Account: "ada", Key: engine.Key{Hash: [16]byte{1}, Prefix: "live_abc"},
			Place: engine.Place{Country: engine.Country{'N', 'L'}, ASN: 64500, Hosting: true}, Signs: engine.Injection, Flags: engine.DuplicateKey,
		},
		Status: 401, Took: 1500 * time.Millisecond, Bytes: 300,
	}
}

func TestExpressionSeesTheExchange(t *testing.T) {
	for text, want := range map[string]bool{
		`status == 401 && path.startsWith("/api/login")`:                      true,
		`status in [200, 204]`:                                                false,
		`raw_path == "/API/Login" && route == path`:                           true,
		`cidr("203.0.113.0/24").containsIP(client)`:                           true,
		`client == ip("203.0.113.8")`:                                         false,
		`country in ["NL", "BE"] && asn == 64500 && hosting`:                  true,
		`account == "ada" && has_key && key.startsWith("live_")`:              true,
		`user_agent.lowerAscii().matches("^(curl|wget)/[0-9]")`:               true,
		`took_ms >= 1500 && bytes < 1000 && !sets_cookie`:                     true,
		`injection && !traversal && duplicate_key && !bad_forwarded_for`:      true,
		`hour < 6 || hour >= 22`:                                              false,
		`weekday in [0, 6] && method == "POST"`:                               true,
		`["sqlmap", "nikto", "curl"].exists(w, user_agent.contains(w))`:       true,
		`has_session || sensitive || referred || scripted || foreign`:         false,
		`1000 / (status - 401) > 3`:                                           false, // fails
		`key.matches("^live_") ? path.contains("login") : path.contains("x")`: true,
	} {
		e, err := compile(text, onAnswer)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := e.holds(login()); got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
}

func TestExpressionThatFailsIsFalseAndCounted(t *testing.T) {
	e, err := compile(`1000 / (status - 401) > 3`, onAnswer)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if e.holds(login()) {
			t.Error("it holds")
		}
	}
	if n := e.failed.Load(); n != 3 {
		t.Errorf("%d failures are counted, want 3", n)
	}
}

func TestExpressionThatIsWrongSaysWhereAndWhatToDo(t *testing.T) {
	for text, says := range map[string]string{
		`statuss == 401`:                         "at 1:1: statuss is neither a variable nor a function; the nearest variable is status",
		"method == \"GET\" &&\n  pth == \"/x\"":  "at 2:3: pth is",
		`status == "401"`:                        "at 1:8: found no matching overload",
		`status + 1`:                             "is int, and must be true or false",
		`path.matches(user_agent)`:               "write it between quotes",
		`cidr(user_agent).containsIP(client)`:    "write it between quotes",
		`path.matches("(")`:                      "at 1:14: invalid matches argument",
		`cidr("10.0.0.0/33").containsIP(client)`: "at 1:6: invalid cidr argument",
		`status == `:                             "at 1:",
		``:                                       "at 1:",
		`path == "` + strings.Repeat("x", 2000) + `"`:                          "may have 2000",
		`[1,2,3].all(a, [1,2,3].all(b, a == b))`:                               "at 1:",
		`[path, path].all(a, path.split("").all(b, b == a))`:                   "at 1:",
		`path.split("").exists(b, path.contains(b))`:                           "may cost",
		`path.matches("^(/[a-z]+)+$") || path.matches("([a-z]{1,20}){1,20}x")`: "at 1:",
	} {
		if _, err := compile(text, onAnswer); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want it to say %s", text, err, says)
		}
	}
	if _, err := compile(`status == 401`, onRequest); err == nil || !strings.Contains(err.Error(), "write on: answer") {
		t.Errorf("before the answer: %v", err)
	}
}

func TestVariablesOfRequestsHaveAnEnvironmentOfTheirOwn(t *testing.T) {
	e, err := compile(`path == "/api/login" && hosting`, onRequest)
	if err != nil || !e.holds(login()) {
		t.Fatal(err)
	}
}

func BenchmarkExpression(b *testing.B) {
	for name, text := range map[string]string{
		"two-comparisons": `status == 401 && path.startsWith("/api/login")`,
		"no-match":        `status == 200 && path.startsWith("/api/login")`,
		"network":         `cidr("203.0.113.0/24").containsIP(client)`,
		"pattern":         `user_agent.matches("^(curl|wget|python)/[0-9]")`,
		"words":           `["sqlmap", "nikto", "curl"].exists(w, user_agent.contains(w))`,
	} {
		b.Run(name, func(b *testing.B) {
			e, err := compile(text, onAnswer)
			if err != nil {
				b.Fatal(err)
			}
			x := login()
			b.ReportAllocs()
			for b.Loop() {
				e.holds(x)
			}
		})
	}
}
