package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
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
	"github.com/sentinel-protocol/sentinel/server/ingest"
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
	said    []verdict
	refused []string
	own     bool // the gateway refused the last one by itself
}

func newWitness(t *rapid.T) *witness {
	p := engine.Defaults()
	p.Clients = 1 << 10
	for id, more := range map[string]int{"rate-abuse": 6, "failed-authentication": 3} {
		terms := p.Rules[id]
		terms.More = more
		p.Rules[id] = terms
	}
	e, err := engine.New(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &witness{Engine: e}
}

func (w *witness) Decide(r engine.Request) engine.Verdict {
	w.own = false
	v := w.Engine.Decide(r)
	if v.Finding != nil {
		w.note(*v.Finding)
	}
	if v.Refused() {
		w.refused = append(w.refused, fmt.Sprint(r.At, r.Client, r.Path, v.Status, v.Cause))
	}
	return v
}

func (w *witness) Observe(x engine.Exchange) {
	w.own = x.Refused && x.Cause == gateway.CausePath
	for _, f := range w.Engine.Observe(x) {
		w.note(f)
	}
}

// note what says something by itself. What does not is about what was rare, and that rests on
// fingerprints too, which no log tells.
func (w *witness) note(f engine.Finding) {
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

// live sends traffic through a gateway and answers the log of it.
func live(w *witness, all []request, line func(request) string) string {
	var now time.Time
	var answer int
	g := gateway.New(gateway.Config{Now: func() time.Time { return now }}, w, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
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

// replay has the same traffic judged by its log.
func replay(t *rapid.T, w *witness, log, format string) {
	f, err := ingest.ParseFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := ingest.Read(context.Background(), strings.NewReader(log), f, ingest.Options{}, func(x *engine.Exchange) {
		v := w.Decide(x.Request)
		if v.Refused() {
			x.Refused, x.Status, x.Cause = true, v.Status, v.Cause
		}
		w.Observe(*x)
	})
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
			found := 0
			rapid.Check(t, func(t *rapid.T) {
				all := traffic(t, c.unit, c.keys)
				then, now := newWitness(t), newWitness(t)
				log := live(then, all, c.line)
				replay(t, now, log, c.format)
				if !slices.Equal(then.said, now.said) {
					t.Fatalf("live it found\n%+v\nin the log\n%+v", then.said, now.said)
				}
				if !slices.Equal(then.refused, now.refused) {
					t.Fatalf("live it refused\n%s\nin the log\n%s", strings.Join(then.refused, "\n"), strings.Join(now.refused, "\n"))
				}
				found += len(then.said)
			})
			if found == 0 {
				t.Error("nothing was found in any traffic")
			}
		})
	}
}
