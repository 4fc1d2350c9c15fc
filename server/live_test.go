package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/geo"
	"github.com/sentinel-protocol/sentinel/server/ingest"
	"github.com/sentinel-protocol/sentinel/server/route"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

// A request of the traffic, and what the API answered.
type request struct {
	at                         time.Time
	client                     netip.Addr
	method, target, agent, key string
	status                     int
}

// traffic of few clients that do much, some of it late.
func traffic(t *rapid.T, unit time.Duration, keys bool) []request {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clients := []string{"203.0.113.9", "203.0.113.10", "198.51.100.7", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"}
	targets := []string{
		"/", "/api/balance", "/api/balance?card=4111111111111111", "/api/transaction", "/login", "/Login;x=1", "/api/admin", "/API/%61dmin/x",
		"/api/accounts/17", "/api/accounts/18", "/API/accounts/19", "/api/accounts/17/cards", "/api/accounts/19/cards",
		"/people/ann", "/people/bob", "/people/cem", "/people/dee", "/people/eve", "/api/transfers/8812", "/api/transfers/8813",
		"//api/admin", "/a%2fb", "/pay/4111111111111111", `/say/"hi"`, "/caf%C3%A9/\u00e9", "/a\\b", "/api/x/../admin?q", "/" + strings.Repeat("long/", 600),
	}
	agents := []string{"", "x", `say "hi" \`, "Mozilla/5.0 (X11; Linux) \u00e9", "4111111111111111", strings.Repeat("a", 400)}
	n := rapid.IntRange(1, 300).Draw(t, "requests")
	all := make([]request, 0, n)
	for range n {
		now = now.Add(time.Duration(rapid.IntRange(0, int(20*time.Second/unit)).Draw(t, "pause")) * unit)
		r := request{
			at: now, client: netip.MustParseAddr(rapid.SampledFrom(clients).Draw(t, "client")),
			method: rapid.SampledFrom([]string{"GET", "GET", "POST", "PUT"}).Draw(t, "method"),
			target: rapid.SampledFrom(targets).Draw(t, "target"), agent: rapid.SampledFrom(agents).Draw(t, "agent"),
			status: rapid.SampledFrom([]int{200, 200, 401, 401, 403, 404, 500}).Draw(t, "status"),
		}
		if rapid.IntRange(0, 19).Draw(t, "late") == 0 {
			r.at = now.Add(-time.Duration(rapid.IntRange(1, 5000).Draw(t, "by")) * time.Second)
		}
		if keys {
			r.key = rapid.SampledFrom([]string{"", "user_key_one", "user_key_two"}).Draw(t, "key")
		}
		all = append(all, r)
	}
	return all
}

// A verdict is what an engine said, without what names of keys go into.
type verdict struct {
	Rule, Client, Actor, Method, Path, Reason, Prefix string
	At                                                time.Time
	Status, Count                                     int
	Times                                             string
	Decision                                          string
}

// A witness is a guard that has an engine judge, and notes what it says.
type witness struct {
	*engine.Engine
	account
	own    bool // the gateway refused the last one by itself
	expire time.Time
}

// An account is what was said of some traffic.
type account struct {
	said    []verdict
	refused []string
}

func newWitness(t *rapid.T) *witness {
	e, err := engine.New(livePolicy(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	return &witness{Engine: e}
}

// livePolicy has rules that count by route, and ask what its class is.
func livePolicy(t *rapid.T) engine.Policy {
	p := engine.Defaults()
	p.Clients = 1 << 10
	for id, more := range map[string]int{"rate-abuse": 6, "failed-authentication": 3} {
		terms := p.Rules[id]
		terms.More = more
		p.Rules[id] = terms
	}
	set, err := rules.Read("live.yml", []byte(`
pack: live
rules:
  - id: many-on-a-route
    title: Many paths of one route
    explains: More than two paths of one route are asked for in ten minutes.
    when: {status: [200, 401, 403, 404, 500]}
    by: route
    distinct: path
    count: 2
    within: 10m
    severity: LOW
  - id: many-of-a-client-on-a-route
    title: Many paths of one route by one client
    explains: More than two paths of one route are asked for by one client in ten minutes.
    when: {status: [200, 401, 403, 404, 500]}
    by: [client, route]
    distinct: path
    count: 2
    within: 10m
    severity: MEDIUM
    do: throttle
    for: 5m
  - id: refused-where-it-matters
    title: Refused where it matters
    explains: A client is refused on a sensitive route more than once in ten minutes.
    when: {status: [401, 403], where: sensitive}
    count: 1
    within: 10m
    severity: HIGH
    do: block
    for: 5m
  - id: asked-where-it-matters
    title: Asked where it matters
    explains: A client asks for one thing of many that matter more than once in ten minutes.
    on: request
    when: {where: 'sensitive && route.endsWith("}")'}
    count: 1
    within: 10m
    severity: HIGH
    do: block
    for: 5m
`))
	if err != nil {
		t.Fatal(err)
	}
	return set.Into(p)
}

func (w *witness) Decide(r engine.Request) engine.Verdict {
	w.own = false
	if !r.At.Before(w.expire) { // as a guard does every minute
		w.Expire(r.At)
		w.expire = r.At.Add(time.Minute)
	}
	v := w.Engine.Decide(r)
	w.decided(r, v)
	return v
}

func (w *witness) Observe(x engine.Exchange) {
	w.own = x.Refused && x.Cause == gateway.CausePath
	w.found(w.Engine.Observe(x))
}

// Note is for what a followed log tells and would have been refused.
func (*witness) Note(engine.Exchange) {}

func (w *account) decided(r engine.Request, v engine.Verdict) {
	if v.Finding != nil {
		w.note(*v.Finding)
	}
	if v.Refused() {
		w.refused = append(w.refused, fmt.Sprint(r.At, " ", r.Client, " ", r.Path[:min(len(r.Path), 64)], " ", v.Status, " ", v.Cause))
	}
}

func (w *account) found(all []engine.Finding) {
	for _, f := range all {
		w.note(f)
	}
}

// note what says something by itself. What does not is about what was rare, and that rests on
// fingerprints too, which no log tells.
func (w *account) note(f engine.Finding) {
	if f.Weak {
		return
	}
	v := verdict{
		Rule: f.Rule, Client: f.Client.String(), Actor: f.Actor.String(), Method: f.Method, Path: f.Path, Reason: f.Reason,
		Prefix: f.Key.Prefix, At: f.At.UTC(), Status: f.Status, Count: f.Count, Times: fmt.Sprint(f.Times),
	}
	if f.Decision != nil {
		v.Decision = fmt.Sprint(f.Decision.Action, f.Decision.Until.UTC())
	}
	w.said = append(w.said, v)
}

// apis are what is known of the API's routes, made anew each time, as what is learned changes.
var apis = map[string]func(t *rapid.T, learn func(route.Limits) gateway.Routes) gateway.Routes{
	"nothing": func(*rapid.T, func(route.Limits) gateway.Routes) gateway.Routes { return nil },
	"learned": func(_ *rapid.T, learn func(route.Limits) gateway.Routes) gateway.Routes {
		return learn(route.Limits{Distinct: 3, Sensitive: []string{"/api/accounts/{id}", "/people"}})
	},
	"full": func(_ *rapid.T, learn func(route.Limits) gateway.Routes) gateway.Routes {
		return learn(route.Limits{Templates: 3, Sensitive: []string{"/login"}})
	},
	"file": func(t *rapid.T, _ func(route.Limits) gateway.Routes) gateway.Routes {
		table, err := route.Read([]byte(`{"openapi": "3.1.0", "paths": {"/api/accounts/{number}": {"get": {}}, "/api/accounts/{number}/cards": {"get": {}},
			"/people/{name}": {"get": {}}, "/login": {"post": {}}}}`), "/api/accounts", "/people", "/login")
		if err != nil {
			t.Fatal(err)
		}
		return table
	},
}

func together(l route.Limits) gateway.Routes { return route.Learn(l) }

func alone(l route.Limits) gateway.Routes { return route.LearnAlone(l) }

// live sends traffic through a gateway and answers the log of it.
func live(w *witness, routes gateway.Routes, all []request, line func(request) string) string {
	var now time.Time
	var answer int
	g := gateway.New(gateway.Config{Now: func() time.Time { return now }, Routes: routes}, w, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(answer)
	}))
	var log strings.Builder
	for _, r := range all {
		now, answer = r.at, r.status
		q := httptest.NewRequest(r.method, "/", http.NoBody)
		q.RequestURI, q.RemoteAddr = r.target, netip.AddrPortFrom(r.client, 4711).String()
		q.Header.Set("User-Agent", r.agent)
		if r.key != "" {
			q.Header.Set("X-API-Key", r.key)
		}
		g.ServeHTTP(httptest.NewRecorder(), q)
		if w.own { // so would the API have answered what can be read in two ways
			r.status = 400
		}
		log.WriteString(line(r))
		log.WriteByte('\n')
	}
	return log.String()
}

// byReplay has the same traffic judged by its log, as sentinel replay does.
func byReplay(t *rapid.T, routes gateway.Routes, log, format string) (said account) {
	j, err := newJudge(yardstick{policy: livePolicy(t), routes: routes})
	if err != nil {
		t.Fatal(err)
	}
	q := queue{engine: j.engine, judge: func(x *engine.Exchange) {
		v, found := j.rule(x)
		said.decided(x.Request, v)
		said.found(found)
	}}
	readAll(t, log, format, q.take)
	q.settle()
	return said
}

// byFollowing does so as serve does with a log that it follows.
func byFollowing(t *rapid.T, routes gateway.Routes, log, format string) account {
	w := newWitness(t)
	r := &reporter{guard: w, routes: func() gateway.Routes { return routes }, places: (*geo.DB)(nil).Complete}
	readAll(t, log, format, func(x *engine.Exchange) { r.take(*x) })
	return w.account
}

func readAll(t *rapid.T, log, format string, each func(*engine.Exchange)) {
	f, err := ingest.ParseFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := ingest.Read(context.Background(), strings.NewReader(log), f, ingest.Options{}, each)
	if err != nil || stats.Bad+stats.Other > 0 {
		t.Fatalf("%+v, %v", stats, err)
	}
}

// asNginx escapes text as nginx does.
func asNginx(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

func object(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func TestALogIsJudgedAsItsTrafficWasLive(t *testing.T) {
	const iso = "2006-01-02T15:04:05.999999999Z07:00"
	found := map[string]int{} // of each rule
	for _, c := range []struct {
		format string
		unit   time.Duration // that its clock can tell
		keys   bool          // it tells keys
		line   func(request) string
	}{
		{"combined", time.Second, false, func(r request) string {
			return fmt.Sprintf(`%s - - [%s] "%s %s HTTP/1.1" %d 0 "-" "%s"`,
				r.client, r.at.Format("02/Jan/2006:15:04:05 -0700"), r.method, asNginx(r.target), r.status, asNginx(r.agent))
		}},
		{"nginx-json", time.Millisecond, false, func(r request) string {
			return object("msec", fmt.Sprintf("%d.%03d", r.at.Unix(), r.at.Nanosecond()/1e6), "remote_addr", r.client, "request_method", r.method,
				"request_uri", r.target, "status", r.status, "http_user_agent", r.agent)
		}},
		{"caddy", time.Millisecond, false, func(r request) string {
			return object("ts", r.at.Format(iso), "status", r.status, "request", map[string]any{
				"client_ip": r.client, "method": r.method, "uri": r.target, "headers": map[string]any{"User-Agent": []string{r.agent}},
			})
		}},
		{"envoy", time.Millisecond, false, func(r request) string {
			return object("start_time", r.at.Format(iso), "downstream_remote_address", netip.AddrPortFrom(r.client, 4711),
				"method", r.method, "path", r.target, "response_code", r.status, "user_agent", r.agent)
		}},
		{"jsonl", 100 * time.Microsecond, true, func(r request) string {
			return object("at", r.at.Format(iso), "client", r.client, "method", r.method, "path", r.target, "status", r.status,
				"key", r.key, "user_agent", r.agent)
		}},
	} {
		t.Run(c.format, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				all, known := traffic(t, c.unit, c.keys), rapid.SampledFrom(slices.Sorted(maps.Keys(apis))).Draw(t, "what is known")
				routes := apis[known]
				then := newWitness(t)
				log := live(then, routes(t, together), all, c.line)
				for how, now := range map[string]account{
					"replayed": byReplay(t, routes(t, alone), log, c.format), "followed": byFollowing(t, routes(t, together), log, c.format),
				} {
					if at := parting(then.said, now.said); at >= 0 {
						t.Fatalf("with %s known, finding %d live and in the log, %s:\n%+v\n%+v", known, at, how, then.said[at:], now.said[at:])
					}
					if at := parting(then.refused, now.refused); at >= 0 {
						t.Fatalf("with %s known, refusal %d live and in the log, %s:\n%q\n%q", known, at, how, then.refused[at:], now.refused[at:])
					}
				}
				for _, v := range then.said {
					found[v.Rule]++
				}
			})
		})
	}
	for _, rule := range []string{"failed-authentication", "many-on-a-route", "many-of-a-client-on-a-route", "refused-where-it-matters", "asked-where-it-matters"} {
		if found[rule] == 0 {
			t.Errorf("%s found nothing in any traffic", rule)
		}
	}
}

// parting is where two lists begin to differ, -1 when they don't.
func parting[T comparable](a, b []T) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}
