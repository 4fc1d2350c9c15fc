package main

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// answered is an outcome with one answer of the gateway, or of the API when marked.
func answered(status int, marked bool) *outcome {
	o := newOutcome(tree{"headers": []any{[]any{"X-Sentinel-User", "admin"}}})
	h := http.Header{"Retry-After": {"30"}}
	if marked {
		h.Set(mark, "1")
	}
	o.wires = []wire{{answers: []answer{{status: status, header: h, body: []byte("hello panic"), bytes: 11}}}}
	o.upstream, o.logged = &[]*seen{}, &[]logged{}
	o.before, o.after = &lists{}, &lists{}
	return o
}

// good is an outcome of which every word in the table below holds.
func good() *outcome {
	o := answered(200, true)
	o.input["bytes"] = "GET http://other.test/x HTTP/1.1\r\nHost: app.test\r\n\r\n"
	o.wires[0].took = 5 * time.Millisecond
	o.upstream = &[]*seen{{
		method: "GET", target: "/api/ping?a=1", host: "other.test", header: [][2]string{{"X-Forwarded-For", "127.0.0.9"}, {"X-Sentinel-User", "of the server"}},
		body: []byte("hello"), bodyBytes: 5, complete: true,
	}}
	o.logged = &[]logged{{Client: "2001:db8:bad::1", Account: "alice", Method: "GET", Path: "/api/ping", UserAgent: "curl", Flags: []string{"duplicate_key"}, Status: 200}}
	o.before = &lists{decisions: []placed{{"BLOCK", "198.51.100.66"}}, alerts: 1, audit: 3}
	o.after = &lists{decisions: []placed{{"BLOCK", "198.51.100.66"}}, alerts: 2, audit: 4, lists: []string{"198.51.100.66"}}
	o.figures = map[string]float64{
		"elapsed_ms": 5, "rss_mb": 60, "rss_delta_mb": 3, "goroutine_delta": 2, "legit_p99_ms": 4, "legit_ok_pct": 100, "metrics_series": 900,
		"allowed": 100, "counted_keys": 2, "blocked_requests": 0, "closed_s": 30, "closed_ms": 30_000, "blocked_at_attempt": 7, "recovers_s": 1,
		"starts_s": 1, "retry_after": 30, "cpu_cores": 0.5, "cpu_ratio_vs_random": 1.1, "outbound_dns": 0,
	}
	for _, f := range []string{"alive", "db_ok", "closed", "counted_ip", "exit_nonzero", "warn_at_start", "xff_ignored", "original_kept", "log_json_valid", "warned", "no_local_privilege", "admin_listener_reachable", "existing_conns_ok"} {
		o.facts[f] = true
	}
	o.words["counted_ip_is"] = "127.0.0.9"
	o.places = map[string]string{"log file": `{"msg":"started"}`, "database": "rows"}
	o.decisions["198.51.100.66"] = blocked
	o.health = map[string]string{"database": "degraded", "redis": "ok"}
	return o
}

// Every word of the catalogue, once as it holds and once as it does not, about the same outcome.
var eachWord = map[string]struct{ holds, fails string }{
	"decision":                 {`"allow"`, `"block"`},
	"decision_last":            {`"allow"`, `"block_or_reject"`},
	"decision_for":             {`{"198.51.100.66": "block"}`, `{"198.51.100.66": "allow"}`},
	"status":                   {`[400, 200]`, `"4xx"`},
	"status_last":              {`200`, `[401]`},
	"status_not":               {`[101]`, `[200]`},
	"status_set":               {`[200, 409]`, `[201]`},
	"responses":                {`[200]`, `[200, 403]`},
	"refused":                  {`false`, `true`},
	"client_ip":                {`"2001:0db8:0bad::1"`, `"127.0.0.1"`},
	"flag":                     {`"duplicate_key"`, `null`},
	"log":                      {`{"method": "GET"}`, `{"method": "DELETE"}`},
	"log_any":                  {`{"username": ["bob", "alice"]}`, `{"username": ["bob"]}`},
	"log_field_equals":         {`{"user_agent": "curl"}`, `{"user_agent": "wget"}`},
	"log_field_len_max":        {`{"user_agent": 4}`, `{"user_agent": 3}`},
	"log_lines_added":          {`1`, `2`},
	"log_json_valid":           {`true`, `false`},
	"log_not_contains":         {`"%!"`, `"started"`},
	"log_codepoints_absent":    {`["\u2028"]`, `["c"]`},
	"log_bytes_absent":         {`["\u0000"]`, `["/api"]`},
	"counted_user":             {`"alice"`, `"bob"`},
	"counted_ip":               {`true`, `false`},
	"counted_ip_is":            {`"127.0.0.9"`, `"203.0.113.9"`},
	"blocks":                   {`{"has": ["198.51.100.66"], "not": ["203.0.113.9"], "unchanged": true, "count_of": {"198.51.100.66": 1}, "consistent": true}`, `{"has": ["198.51.100.67"]}`},
	"alerts":                   {`{"min": 1, "max": 1}`, `{"min": 2}`},
	"audit":                    {`{"delta_min": 1}`, `{"delta_min": 2}`},
	"nowhere":                  {`["hunter2"]`, `["rows"]`},
	"health_field":             {`"store_degraded"`, `"redis_degraded"`},
	"header_present":           {`["Retry-After"]`, `["Set-Cookie"]`},
	"header_absent":            {`["Set-Cookie"]`, `["Retry-After"]`},
	"body_contains":            {`"hello"`, `"goodbye"`},
	"body_not_contains":        {`["goroutine"]`, `["panic"]`},
	"response_bytes_max":       {`11`, `10`},
	"max_ms":                   {`5`, `4`},
	"rss_delta_mb_max":         {`3`, `2.5`},
	"rss_mb_max":               {`60`, `59`},
	"goroutine_delta_max":      {`2`, `1`},
	"legit_p99_ms_max":         {`4`, `3`},
	"legit_ok_pct_min":         {`99.9`, `100.1`},
	"metrics_series_max":       {`900`, `899`},
	"allowed_max":              {`100`, `99`},
	"allowed_exact":            {`100`, `99`},
	"counted_keys_max":         {`2`, `1`},
	"blocked_requests":         {`0`, `1`},
	"blocked_within_attempts":  {`7`, `6`},
	"closed_within_s":          {`30`, `29`},
	"closed_within_ms":         {`30000`, `1`},
	"recovers_s":               {`5`, `0.5`},
	"starts_s_max":             {`5`, `0.5`},
	"retry_after_max":          {`30`, `29`},
	"cpu_cores_max":            {`0.5`, `0.4`},
	"cpu_ratio_vs_random_max":  {`1.5`, `1`},
	"outbound_dns":             {`0`, `1`},
	"alive":                    {`true`, `false`},
	"db_ok":                    {`true`, `false`},
	"closed":                   {`true`, `false`},
	"exit_nonzero":             {`true`, `false`},
	"warn_at_start":            {`true`, `false`},
	"xff_ignored":              {`true`, `false`},
	"original_kept":            {`true`, `false`},
	"warned":                   {`true`, `false`},
	"no_local_privilege":       {`true`, `false`},
	"admin_listener_reachable": {`true`, `false`},
	"existing_conns_ok":        {`true`, `false`},
	"any_of":                   {`[{"decision": "reject"}, {"status": 200}]`, `[{"decision": "reject"}, {"status": 500}]`},
	"steps":                    {`[null, {"decision": "block"}]`, `[{"decision": "block"}]`},
	"log_line_not":             {`"admin login ok\""`, ``},
}

// What upstream may say, in the same way.
var eachReach = map[string]struct{ holds, fails string }{
	"count":                         {`1`, `0`},
	"count_max":                     {`1`, `0`},
	"count_min":                     {`1`, `2`},
	"raw_target":                    {`"/api/ping?a=1"`, `"/api/ping"`},
	"never_path":                    {`"/smuggled"`, `"/api"`},
	"path":                          {`"/api/ping"`, `"/admin"`},
	"method":                        {`"GET"`, `"POST"`},
	"header_absent":                 {`["X_Forwarded_For"]`, `["x-forwarded-for"]`},
	"header_present":                {`["X-Forwarded-For"]`, `["Via"]`},
	"header_contains":               {`{"X-Forwarded-For": "127.0.0.9"}`, `{"X-Forwarded-For": "192.0.2.10"}`},
	"header_not_contains":           {`{"X-Forwarded-Host": "evil.test"}`, `{"X-Forwarded-For": "127"}`},
	"header_equals":                 {`{"X-Forwarded-For": "127.0.0.9"}`, `{"X-Forwarded-For": "127.0.0"}`},
	"header_absent_or_server_value": {`["X-Sentinel-User", "X-Sentinel-Score"]`, ``},
	"trailer_absent":                {`["X-Forwarded-For"]`, ``},
	"body_bytes":                    {`5`, `4`},
	"body_not":                      {`"bye"`, `"hello"`},
	"body":                          {`"hello"`, `"bye"`},
	"body_contains":                 {`"ell"`, `"x"`},
	"body_complete":                 {`true`, `false`},
	"query_param":                   {`"a"`, `"user"`},
	"query_param_absent":            {`"user"`, `"a"`},
	"host_equals_judged":            {`true`, ``},
}

func value(t *testing.T, js string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(js), &v); err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

func TestEachWordHoldsAndCanFail(t *testing.T) {
	for word, c := range eachWord {
		o := good()
		o.steps = nil
		if word == "steps" {
			o.steps = []*outcome{good(), answered(403, false)}
		}
		if v := o.judge(tree{word: value(t, c.holds)}); v.state != held {
			t.Errorf("%s %s does not hold: %s", word, c.holds, v.why)
		}
		if c.fails == "" {
			continue
		}
		if v := o.judge(tree{word: value(t, c.fails)}); v.state != failed || v.why == "" {
			t.Errorf("%s %s does not fail: %v", word, c.fails, v)
		}
	}
	for word, c := range eachReach {
		o := good()
		if v := o.judge(tree{"upstream": tree{word: value(t, c.holds)}}); v.state != held {
			t.Errorf("upstream.%s %s does not hold: %s", word, c.holds, v.why)
		}
		if c.fails == "" {
			continue
		}
		if v := o.judge(tree{"upstream": tree{word: value(t, c.fails)}}); v.state != failed || v.why == "" {
			t.Errorf("upstream.%s %s does not fail: %v", word, c.fails, v)
		}
	}
}

func TestWordsThatNeedAnOutcomeOfTheirOwnCanFail(t *testing.T) {
	o := good()
	(*o.upstream)[0].header = [][2]string{{"X-Sentinel-User", "admin"}}
	(*o.upstream)[0].trailer = [][2]string{{"x-forwarded-for", "192.0.2.10"}}
	(*o.upstream)[0].host = "app.test"
	(*o.logged)[0].Path = "/x\nmsg=\"admin login ok\""
	for _, expect := range []tree{
		{"upstream": tree{"header_absent_or_server_value": []any{"X-Sentinel-User"}}},
		{"upstream": tree{"trailer_absent": []any{"X-Forwarded-For"}}},
		{"upstream": tree{"host_equals_judged": true}},
		{"log_line_not": "admin login ok\""},
	} {
		if v := o.judge(expect); v.state != failed {
			t.Errorf("%v does not fail", expect)
		}
	}
	silent := good()
	silent.upstream, silent.logged = &[]*seen{}, &[]logged{}
	for _, expect := range []tree{
		{"upstream": tree{"body_bytes": 5.0}},
		{"upstream": tree{"raw_target": "/"}},
		{"upstream": tree{"header_contains": tree{"Via": "x"}}},
		{"client_ip": "127.0.0.9"},
		{"flag": nil},
		{"log": tree{"method": "GET"}},
		{"log_lines_added": 1.0},
	} {
		if v := silent.judge(expect); v.state != failed {
			t.Errorf("%v holds though nothing came", expect)
		}
	}
}

func TestWhatCannotBeObservedIsNotRunAndNeverPassed(t *testing.T) {
	bare := newOutcome(nil)
	bare.wires = []wire{{closed: true}}
	for word, c := range eachWord {
		switch word {
		case "decision", "decision_last", "status_not", "refused", "status", "status_last", "status_set", "responses", "any_of", "steps",
			"header_present", "header_absent", "body_contains", "body_not_contains", "response_bytes_max":
			continue // a wire is all they need
		}
		if v := bare.judge(tree{word: value(t, c.holds)}); v.state != unseen {
			t.Errorf("%s holds or fails unseen: %v", word, v)
		}
	}
	for word, c := range eachReach {
		if v := bare.judge(tree{"upstream": tree{word: value(t, c.holds)}}); v.state != unseen {
			t.Errorf("upstream.%s holds or fails unseen: %v", word, v)
		}
	}
	o := good()
	for _, expect := range []tree{
		{"no_such_word": true},
		{"no_such_bound_max": 5.0},
		{"decision": "allow", "no_such_word": "x"},
		{"upstream": tree{"no_such": 1.0}},
		{"blocks": tree{"no_such": true}},
		{"log": tree{"no_such": "x"}},
		{"nowhere": []any{"x"}, "places": []any{"the moon"}},
		{"any_of": []any{tree{"status": 500.0}, tree{"no_such_word": true}}},
		{"step": 3.0, "status": 200.0},
	} {
		if v := o.judge(expect); v.state != unseen || v.why == "" {
			t.Errorf("%v: %v", expect, v)
		}
	}
	if v := o.judge(tree{"no_such_word": true, "decision": "block"}); v.state != failed {
		t.Error("a word that can't be observed hides one that failed")
	}
}

func TestDecisionsAreReadAsThePlanHasThem(t *testing.T) {
	for _, c := range []struct {
		status int
		marked bool
		want   string
	}{
		{200, true, allowed},
		{401, true, allowed},
		{403, true, allowed},
		{204, false, allowed},
		{403, false, blocked},
		{429, false, blocked},
		{400, false, rejected},
		{405, false, rejected},
		{431, false, rejected},
		{500, false, rejected},
		{503, false, rejected},
		{502, false, "502"},
	} {
		if got := answered(c.status, c.marked).decision(); got != c.want {
			t.Errorf("%d, of the API %v: %s, not %s", c.status, c.marked, got, c.want)
		}
	}
	o := newOutcome(nil)
	o.wires = []wire{{closed: true}}
	if got := o.decision(); got != rejected {
		t.Errorf("hung up on: %s", got)
	}
	o.wires = []wire{{}}
	if got := o.decision(); got != undecided {
		t.Errorf("no answer: %s", got)
	}
	o.wires = []wire{{closed: true, refused: true}}
	if got := o.decision(); got != undecided {
		t.Errorf("no listener at all: %s", got)
	}
}

func TestAStepIsJudgedByItself(t *testing.T) {
	o := newOutcome(nil)
	o.steps = []*outcome{answered(400, false), answered(403, false), answered(200, true)}
	o.before, o.after = &lists{}, &lists{}
	for _, c := range []struct {
		expect string
		want   state
	}{
		{`{"step": 0, "status": "4xx", "blocks": {"unchanged": true}}`, held},
		{`{"step": 2, "status": "4xx"}`, failed},
		{`{"decision": "allow"}`, held},
		{`{"steps": [null, {"decision": "block"}, {"decision": "allow"}]}`, held},
		{`{"status_last": 200}`, held},
		{`{"status_set": [200, 403]}`, failed},
	} {
		if v := o.judge(object(value(t, c.expect))); v.state != c.want {
			t.Errorf("%s: %v", c.expect, v)
		}
	}
}

func TestEveryOpenCaseIsUnderstood(t *testing.T) {
	f, err := os.Open("../testdata/bad-inputs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases, err := read(f)
	if err != nil {
		t.Fatal(err)
	}
	later := map[string]string{
		"CFG-010": waitsForNodes, "CFG-011": waitsForNodes, "LIM-009": waitsForTrust, "LIM-011": waitsForTrust, "LIM-014": waitsForTrust,
		"RAT-004": waitsForDetection, "MEM-007": waitsForDetection, "CNT-008": waitsForDetection,
	}
	now := []string{
		"client-ip", "header-names", "path", "ip-match", "framing", "limits", "http2", "content", "detector-memory", "rate-evasion", "log-injection", "config", "demo-mode",
	}
	for _, c := range cases {
		why := waits(c)
		if want, listed := later[c.ID]; listed && why != want {
			t.Errorf("%s: %q, not %q", c.ID, why, want)
		} else if !listed && (why == "") != strings.Contains(strings.Join(now, " "), c.Group) {
			t.Errorf("%s of %s: %q", c.ID, c.Group, why)
		}
	}
}

func TestRequestsAreSentVerbatim(t *testing.T) {
	head, body, err := request(object(value(t, `{"method": "POST", "path": "/x%00?a", "host": "h", "headers": [["x-fOO", "a\tb"], ["$seq", {"name": "X-%d", "value": "v", "n": 2}]], "body": "\u00e9"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if want := "POST /x%00?a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nx-fOO: a\tb\r\nX-0: v\r\nX-1: v\r\n\r\n"; string(head) != want || body.size != 2 {
		t.Errorf("%q and %d bytes", head, body.size)
	}
	head, _, err = request(object(value(t, `{"path": "/", "headers": [["Content-Length", "1000"], ["Host", "mine"]], "body": "x"}`)))
	if err != nil || strings.Count(string(head), "Content-Length") != 1 || strings.Count(string(head), "Host") != 1 {
		t.Errorf("%q, %v", head, err)
	}
}

func TestCollisionsCollide(t *testing.T) {
	for _, name := range []string{"fnv1a32", "fnv1a64_low16", "crc32"} {
		found, err := collisions(name, 50)
		if err != nil || len(found) != 50 {
			t.Fatal(name, len(found), err)
		}
		hash, _ := unseeded(name)
		seen := map[netip.Addr]bool{}
		for _, a := range found {
			if b := a.As4(); hash(b[:])&(1<<collidingBits-1) != 0 || seen[a] {
				t.Errorf("%s: %v", name, a)
			}
			seen[a] = true
		}
	}
}
