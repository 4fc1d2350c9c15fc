package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// asking makes a ForwardAuth that this machine may ask.
func asking(g Guard, change ...func(*Config)) *ForwardAuth {
	c := Config{From: prefixes("127.0.0.1/32", "::1/128"), Trusted: prefixes("10.0.0.0/8")}
	for _, ch := range change {
		ch(&c)
	}
	return NewForwardAuth(c, g)
}

// check is a question as Traefik and Caddy ask it.
func check(uri string, headers ...string) *http.Request {
	return request("GET", "/authz", "127.0.0.1:1", append([]string{
		"X-Forwarded-Method", "GET", "X-Forwarded-Uri", uri, "X-Forwarded-For", "192.0.2.77", "X-Forwarded-Host", "app.test",
	}, headers...)...)
}

func TestEachProxyAsksInItsOwnWay(t *testing.T) {
	for _, c := range []struct {
		about  string
		ask    *http.Request
		method string
		path   string
		client string
	}{
		{"Traefik and Caddy", check("/api/balance?x=1"), "GET", "/api/balance", "192.0.2.77"},
		{"nginx", request("GET", "/authz?status=403", "127.0.0.1:1", "X-Original-URI", "/api/x?y=/admin", "X-Original-Method", "POST", "X-Forwarded-For", "192.0.2.77"), "POST", "/api/x", "192.0.2.77"},
		{"the nginx of Kubernetes", request("GET", "/authz", "127.0.0.1:1", "X-Original-URL", "https://app.test/api/x?y", "X-Original-Method", "PUT", "X-Forwarded-For", "192.0.2.77"), "PUT", "/api/x", "192.0.2.77"},
		{"Envoy", request("DELETE", "/authz/api/x?y", "127.0.0.1:1", "X-Forwarded-For", "192.0.2.77,127.0.0.1"), "DELETE", "/api/x", "192.0.2.77"},
		{"Envoy at the root", request("GET", "/authz/", "127.0.0.1:1", "X-Forwarded-For", "192.0.2.77"), "GET", "/", "192.0.2.77"},
		{"a proxy behind another", check("/", "X-Forwarded-For", "10.1.2.3"), "GET", "/", "192.0.2.77"},
		{"said twice alike", check("/a", "X-Original-URI", "/a"), "GET", "/a", "192.0.2.77"},
		{"no client", request("GET", "/authz", "127.0.0.1:1", "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/"), "GET", "/", "127.0.0.1"},
	} {
		g := &witness{}
		w := ask(asking(g), c.ask)
		if w.Code != http.StatusNoContent || len(g.asked) != 1 {
			t.Errorf("%s: got %d %s", c.about, w.Code, w.Body)
			continue
		}
		x := g.asked[0]
		if x.Method != c.method || x.Path != c.path || x.Client != netip.MustParseAddr(c.client) || x.Flags != 0 != (c.about == "no client") {
			t.Errorf("%s: judged %s %s of %v, flags %v", c.about, x.Method, x.Path, x.Client, x.Flags.Names())
		}
	}
}

func TestWhatIsAskedForMustBeBeyondDoubt(t *testing.T) {
	for _, c := range []struct {
		about  string
		ask    *http.Request
		status int
		judged int
	}{
		{"no path", request("GET", "/authz", "127.0.0.1:1", "X-Forwarded-Method", "GET", "X-Forwarded-For", "192.0.2.77"), 400, 0},
		{"no method", request("GET", "/authz", "127.0.0.1:1", "X-Forwarded-Uri", "/", "X-Forwarded-For", "192.0.2.77"), 400, 0},
		{"an empty path", check(""), 400, 0},
		{"two paths", check("/admin", "X-Original-URI", "/public/a"), 400, 0},
		{"two paths in one header", check("/admin", "X-Forwarded-Uri", "/public/a"), 400, 0},
		{"two methods", check("/admin", "X-Original-Method", "POST"), 400, 0},
		{"another path than Envoy's", request("GET", "/authz/admin", "127.0.0.1:1", "X-Forwarded-Uri", "/public/a"), 400, 0},
		{"an ambiguous path", check("/public/..%2fadmin"), 400, 1},
		{"two slashes", request("GET", "/authz//admin", "127.0.0.1:1"), 400, 1},
		{"a method that is not passed on", check("/", "X-Forwarded-Method", "x"), 400, 0},
		{"TRACE", request("TRACE", "/authz/", "127.0.0.1:1"), 405, 1},
		{"a long URL", check("/" + strings.Repeat("a", longestURL)), 414, 1},
		{"a stranger", func() *http.Request { r := check("/public/a"); r.RemoteAddr = "127.0.0.9:1"; return r }(), 403, 0},
		{"a trusted proxy that may not ask", func() *http.Request { r := check("/public/a"); r.RemoteAddr = "10.0.0.1:1"; return r }(), 403, 0},
	} {
		g := &witness{}
		w := ask(asking(g), c.ask)
		if w.Code != c.status || len(g.asked) != c.judged || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("X-Sentinel-Status") != strconv.Itoa(c.status) {
			t.Errorf("%s: got %d %s, judged %d", c.about, w.Code, w.Body, len(g.asked))
		}
	}
}

func TestAQuerySatisfiesNoPathRule(t *testing.T) {
	p := engine.Defaults()
	p.Denies, p.Skips = []string{"/admin"}, []string{"/public"}
	g, err := Alone(p)
	if err != nil {
		t.Fatal(err)
	}
	for uri, status := range map[string]int{
		"/admin?next=/public/a": 403, "/ADMIN/x": 403, "/public/../admin": 403, "/public/a?next=/admin": 204, "/%61dmin": 403, "https://app.test/admin": 403,
	} {
		if w := ask(asking(g), check(uri)); w.Code != status {
			t.Errorf("%s: got %d %s", uri, w.Code, w.Body)
		}
	}
}

func TestARefusalTellsTheProxyWhatToTell(t *testing.T) {
	for _, c := range []struct {
		verdict engine.Verdict
		query   string
		status  int
		retry   string
	}{
		{engine.Verdict{Status: 403, Cause: "operator", Reference: "D-0123456789ABC", RetryAfter: 90 * time.Second}, "", 403, "90"},
		{engine.Verdict{Status: 429, Cause: "rate-abuse", Reference: "D-0123456789ABC", RetryAfter: 300 * time.Second, Quota: engine.Quota{Limit: 100, Window: time.Minute, Reset: 3 * time.Second}}, "", 429, "60"},
		{engine.Verdict{Status: 429, Cause: "rate-abuse", Reference: "D-0123456789ABC", Quota: engine.Quota{Limit: 100, Window: time.Minute, Reset: 2500 * time.Millisecond}}, "?status=403", 403, "3"},
		{engine.Verdict{Status: 503, Cause: "degraded", RetryAfter: 5 * time.Second}, "", 503, "5"},
	} {
		g := &witness{judge: func(engine.Request) engine.Verdict { return c.verdict }}
		r := check("/")
		r.RequestURI += c.query
		w := ask(asking(g, func(c *Config) { c.RateLimit = true }), r)
		h := w.Header()
		x := g.only(t)
		reference := c.verdict.Reference
		if reference == "" {
			reference = engine.ExchangeReference(x.ID)
		}
		var p struct {
			Status    int
			Reference string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || h.Get("X-Sentinel-Status") != strconv.Itoa(c.verdict.Status) || p.Status != c.verdict.Status || h.Get("X-Sentinel-Reference") != reference ||
			p.Reference != reference || h.Get("Retry-After") != c.retry || !x.Refused || x.Status != c.verdict.Status || x.Cause != c.verdict.Cause {
			t.Errorf("%+v: got %d %v %s; observed %+v", c.verdict, w.Code, h, w.Body, x)
		}
		if (h.Get("RateLimit") != "") != (c.verdict.Quota.Limit > 0) {
			t.Errorf("%+v: RateLimit is %q", c.verdict, h.Get("RateLimit"))
		}
	}
}

// line is what a log says about one request.
func line(status int, path string, at time.Time) engine.Exchange {
	return engine.Exchange{Request: engine.Request{At: at, Client: netip.MustParseAddr("192.0.2.77"), Method: "GET", Path: path}, Status: status, Took: time.Millisecond, Bytes: 7}
}

func TestTheLogTellsTheAnswerToWhatWasAsked(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g := &witness{}
	f := asking(g, func(c *Config) {
		c.Now = func() time.Time { return at }
		c.Accounts = []Source{{In: "header", Name: "X-User"}}
	})
	ask(f, check("/a", "X-API-Key", "first", "X-User", "Alice"))
	ask(f, check("/a", "X-API-Key", "second"))
	ask(f, check("/b"))
	if len(g.observed) != 0 {
		t.Fatal("observed before there was an answer")
	}
	f.Answered(line(401, "/a", at))
	f.Answered(line(200, "/A", at)) // as another log may spell it
	f.Answered(line(200, "/c", at)) // nobody asked
	f.Answered(line(403, "/a", at)) // nor a third time
	want := []struct {
		path, account string
		status        int
		key           bool
	}{{"/a", "alice", 401, true}, {"/a", "", 200, true}, {"/c", "", 200, false}, {"/a", "", 403, false}}
	if len(g.observed) != len(want) {
		t.Fatalf("%d observed", len(g.observed))
	}
	for i, w := range want {
		x := g.observed[i]
		if x.Path != w.path || x.Account != w.account || x.Status != w.status || x.Key.Zero() == w.key || x.Bytes != 7 || x.ID == 0 || x.Folded == "" || x.Refused {
			t.Errorf("%d: %+v", i, x)
		}
	}
	if g.observed[0].Request != g.asked[0] {
		t.Error("the exchange is not the request that was judged")
	}
}

func TestItsOwnRefusalsAreNotHeardTwice(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	refuse := true
	g := &witness{judge: func(engine.Request) engine.Verdict {
		if refuse {
			return engine.Verdict{Status: 403, Cause: "operator", Reference: "D-1"}
		}
		return engine.Verdict{}
	}}
	f := asking(g, func(c *Config) { c.Now = func() time.Time { return at } })
	ask(f, check("/a"))
	refuse = false
	ask(f, check("/a"))
	f.Answered(line(403, "/a", at))
	f.Answered(line(403, "/a", at)) // of the API
	said := line(403, "/a", at)
	said.Refused = true // the log itself says so
	f.Answered(said)
	if len(g.observed) != 2 || !g.observed[0].Refused || g.observed[1].Refused || g.observed[1].Status != 403 {
		t.Errorf("observed %+v", g.observed)
	}
}

func TestWhatNobodyAnswersIsObservedWithoutItsAnswer(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	g := &witness{}
	f := asking(g, func(c *Config) { c.Now = func() time.Time { return at } })
	const more = 3000
	for range perStripe + more {
		ask(f, check("/same")) // all in one stripe
	}
	if len(g.observed) != more {
		t.Fatalf("%d observed, want %d", len(g.observed), more)
	}
	for i, x := range g.observed {
		if x.Request != g.asked[i] || x.Status != 0 {
			t.Fatalf("%d: %+v", i, x)
		}
	}
	for i := range perStripe {
		f.Answered(line(200, "/same", at))
		if x := g.observed[more+i]; x.Request != g.asked[more+i] || x.Status != 200 {
			t.Fatalf("%d: %+v", i, x)
		}
	}
	g.forget()
	ask(f, check("/same"))
	at = at.Add(patience + time.Second)
	ask(f, check("/same"))
	if len(g.observed) != 1 || g.observed[0].Request != g.asked[0] || g.observed[0].Status != 0 {
		t.Errorf("observed %+v", g.observed)
	}
}

func TestWithoutALogEachQuestionIsObservedAtOnce(t *testing.T) {
	g := &witness{judge: func(engine.Request) engine.Verdict { return engine.Verdict{Would: "rate-abuse"} }}
	ask(asking(g, func(c *Config) { c.NoLog = true }), check("/a"))
	if x := g.only(t); x.Status != 0 || x.Would != "rate-abuse" || x.Refused {
		t.Errorf("observed %+v", x)
	}
}

func BenchmarkForwardAuth(b *testing.B) {
	g, err := Alone(engine.Defaults())
	if err != nil {
		b.Fatal(err)
	}
	f := asking(g, func(c *Config) { c.NoLog = false })
	r := check("/api/balance?limit=10", "X-API-Key", "user_key_1", "User-Agent", "Mozilla/5.0")
	remotes := make([][]string, 1<<14)
	for i := range remotes {
		remotes[i] = []string{"198.18." + strconv.Itoa(i>>8) + "." + strconv.Itoa(i&0xff)}
	}
	w := nobody{http.Header{}}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Header["X-Forwarded-For"] = remotes[i%len(remotes)]
		f.ServeHTTP(w, r)
	}
}

// Over a socket, one connection for each core, a question after another.
func BenchmarkForwardAuthOverLoopback(b *testing.B) {
	s := httptest.NewServer(asking(idle{}))
	defer s.Close()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		defer client.CloseIdleConnections()
		for pb.Next() {
			r, _ := http.NewRequest("GET", s.URL+"/authz", http.NoBody)
			r.Header = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {"/api/balance"}, "X-Forwarded-For": {"192.0.2.77"}}
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
}

func TestAProxyThatAsksForItselfIsNeverBlockedByARule(t *testing.T) {
	g := &witness{}
	f := asking(g)
	for _, c := range []struct {
		from   string
		exempt bool
	}{{"", true}, {"127.0.0.1", true}, {"192.0.2.77", false}} {
		r := request("GET", "/authz", "127.0.0.1:1", "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/api/balance")
		if c.from != "" {
			r.Header.Set("X-Forwarded-For", c.from)
		}
		f.ServeHTTP(httptest.NewRecorder(), r)
		if got := g.asked[len(g.asked)-1]; got.Exempt != c.exempt {
			t.Errorf("for %q: %s is exempt: %v", c.from, got.Client, got.Exempt)
		}
	}
}
