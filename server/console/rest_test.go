package console_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// fields are the names and JSON kinds of an object's members.
func fields(v any) string {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprintf("%T", v)
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		kind := "null"
		switch object[name].(type) {
		case string:
			kind = "string"
		case float64:
			kind = "number"
		case bool:
			kind = "boolean"
		case []any:
			kind = "list"
		case map[string]any:
			kind = "object"
		}
		out = append(out, name+":"+kind)
	}
	return strings.Join(out, " ")
}

func TestEveryCallAnswersTheFieldsOfTheOriginal(t *testing.T) {
	h := open(t)
	for range 3 {
		h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	}
	keyless := exchange("198.51.100.8", "POST", "/api/login", 401)
	keyless.Key = engine.Key{}
	h.traffic(keyless)
	for i := range 3 {
		h.traffic(exchange(fmt.Sprintf("198.51.100.%d", 20+i), "GET", "/api/admin", 200)) // one network: one incident
	}
	for path, want := range map[string]string{
		"/api/monitoring/alerts":               "api_key:string correlation_id:string id:number ip:string reason:string resolved:boolean severity:string time:string timestamp:number",
		"/api/monitoring/timeline":             "requests:number time:string timestamp:number",
		"/api/monitoring/blocked":              "blocked_at:string expires_at:string identifier:string reason:string",
		"/api/monitoring/logs":                 "api_key:string ip:string method:string path:string response_time:number status_code:number timestamp:number user_agent:string",
		"/api/ip-management/list":              "action:string active:boolean addedAt:number expiresAt:number id:string identifier:string ip:string reason:string",
		"/api/monitoring/correlated-incidents": "alert_count:number alerts:list correlation_id:string count:number description:string has_more:boolean id:number last:number last_activity:string",
	} {
		var list []any
		h.get(path, &list)
		if len(list) == 0 {
			t.Errorf("%s is empty", path)
			continue
		}
		if got := fields(list[0]); got != want {
			t.Errorf("%s answers\n%s, want\n%s", path, got, want)
		}
	}
	var stats map[string]any
	h.get("/api/monitoring/stats", &stats)
	if got, want := fields(stats), "active_alerts:number blocked_clients:number failed_requests:number top_endpoints:list total_requests:number"; got != want {
		t.Errorf("stats answers %s, want %s", got, want)
	}
	if stats["total_requests"] != 7.0 || stats["failed_requests"] != 4.0 || stats["active_alerts"] != 3.0 || stats["blocked_clients"] != 3.0 {
		t.Errorf("the figures are %v", stats)
	}
	if top := stats["top_endpoints"].([]any); fields(top[0]) != "count:number path:string" || top[0].(map[string]any)["count"] != 3.0 {
		t.Errorf("the busiest is %v", top[0])
	}
}

func TestTheLogsAndTheTimelineSayWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // no minute ends meanwhile
		time.Sleep(time.Second) // of the bubble: into the minute
		h := open(t)
		h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
		keyless := exchange("2001:db8::1", "POST", "/api/login", 401)
		keyless.Key = engine.Key{}
		h.traffic(keyless)
		h.flush()
		var logs []struct {
			IP, Path, Method string
			StatusCode       int     `json:"status_code"`
			ResponseTime     float64 `json:"response_time"`
			Timestamp        int64
			APIKey           string `json:"api_key"`
		}
		h.get("/api/monitoring/logs?limit=1000000000&offset=5", &logs)
		if len(logs) != 2 {
			t.Fatalf("%d rows", len(logs))
		}
		now := time.Now().Unix()
		if l := logs[0]; l.IP != "2001:db8::1" || l.APIKey != "none" || l.StatusCode != 401 || l.ResponseTime != 1.5 || now-l.Timestamp > 60 {
			t.Errorf("the newest is %+v", l)
		}
		if logs[1].APIKey != "user_key" {
			t.Errorf("the key is shown as %q", logs[1].APIKey)
		}
		var points []struct {
			Timestamp int64
			Time      string
			Requests  int
		}
		h.get("/api/monitoring/timeline", &points)
		last := points[len(points)-1]
		if len(points) != 60 || last.Requests != 2 || last.Timestamp%60 != 0 || last.Time != time.Unix(last.Timestamp, 0).Format("15:04") {
			t.Errorf("%d points, the last %+v", len(points), last)
		}
	})
}

func TestAnIncidentShowsItsFirstThreeAlerts(t *testing.T) {
	h := open(t)
	for i := range 5 {
		h.trip(fmt.Sprintf("198.51.100.%d", 20+i))
	}
	var got []struct {
		ID            int64
		CorrelationID string `json:"correlation_id"`
		AlertCount    int    `json:"alert_count"`
		Count         int
		Alerts        []map[string]any
		HasMore       bool `json:"has_more"`
		Last          int64
		LastActivity  string `json:"last_activity"`
	}
	h.get("/api/monitoring/correlated-incidents", &got)
	if len(got) != 1 {
		t.Fatalf("%d incidents", len(got))
	}
	i := got[0]
	if i.AlertCount != 5 || i.Count != 5 || len(i.Alerts) != 3 || !i.HasMore || !strings.HasPrefix(i.CorrelationID, "INC-") {
		t.Errorf("the incident is %+v", i)
	}
	if i.LastActivity != time.Unix(i.Last, 0).Format(time.DateTime) {
		t.Errorf("last %d is said as %s", i.Last, i.LastActivity)
	}
	if got, want := fields(i.Alerts[0]), "id:number ip:string reason:string severity:string"; got != want {
		t.Errorf("its alerts have %s", got)
	}
	var alerts []struct {
		CorrelationID string `json:"correlation_id"`
	}
	h.get("/api/monitoring/alerts", &alerts)
	if alerts[0].CorrelationID != i.CorrelationID {
		t.Errorf("its alerts call it %q", alerts[0].CorrelationID)
	}
}

func TestResolvingAnAlertLiftsItsBlock(t *testing.T) {
	h := open(t)
	h.trip("198.51.100.7")
	var alerts []struct {
		ID       int64
		Resolved bool
	}
	h.get("/api/monitoring/alerts", &alerts)
	path := fmt.Sprintf("/api/monitoring/alert/%d/resolve", alerts[0].ID)
	if a := h.send("POST", path, ""); a.code != 200 || !strings.Contains(a.body, `"status":"success"`) {
		t.Errorf("answers %d %s", a.code, a.body)
	}
	if in := h.guard.Decisions(); len(in) != 0 {
		t.Errorf("in force: %+v", in)
	}
	h.get("/api/monitoring/alerts", &alerts)
	if !alerts[0].Resolved {
		t.Error("the alert is open")
	}
	for path, code := range map[string]int{
		"/api/monitoring/alert/5/resolve":          404,
		"/api/monitoring/alert/five/resolve":       400,
		"/api/monitoring/alert/-1/resolve":         400,
		"/api/monitoring/alert//resolve":           400,
		"/api/monitoring/alert/5%2f..%2fa/resolve": 400,
	} {
		if a := h.send("POST", path, ""); a.code != code || !strings.Contains(a.body, `"error"`) {
			t.Errorf("%s answers %d %s", path, a.code, a.body)
		}
	}
}

func TestAMistakeIsNamed(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		path, body string
		code       int
		names      string
	}{
		{"monitoring/block-ip", `{}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":["198.51.100.1"],"ttl":"NaN"}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":5}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":null}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":"198.51.100.300"}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":"198.51.100.7/24"}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":"0.0.0.0/0"}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":"::/0"}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":"127.0.0.1"}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":"192.0.2.200"}`, 400, "ip"},
		{"monitoring/block-ip", `{"ip":"198.51.100.7","duration":"1h"}`, 400, "duration"},
		{"monitoring/block-ip", `{"ip":"198.51.100.7","duration":0}`, 400, "duration"},
		{"monitoring/block-ip", `{"ip":"198.51.100.7","duration":-5}`, 400, "duration"},
		{"monitoring/block-ip", `{"ip":"198.51.100.7","duration":1e300}`, 400, "duration"},
		{"monitoring/block-ip", `{"ip":"198.51.100.7","reason":{}}`, 400, "reason"},
		{"monitoring/block-ip", `{"ip":"198.51.100.7","reason":"` + strings.Repeat("a", 600) + `"}`, 400, "reason"},
		{"monitoring/block-ip", `["198.51.100.7"]`, 400, "object"},
		{"monitoring/block-ip", `{"ip":`, 400, "JSON"},
		{"monitoring/block-ip", `{"ip":"` + strings.Repeat("1", 70000) + `"}`, 413, "65536"},
		{"monitoring/unblock", `{}`, 400, "identifier"},
		{"monitoring/unblock", `{"identifier":5}`, 400, "identifier"},
		{"monitoring/unblock", `{"identifier":"someone"}`, 400, "identifier"},
		{"monitoring/unblock", `{"identifier":"198.51.100.7"}`, 404, "entry"},
		{"monitoring/unblock", `{"identifier":"D-0000000000000"}`, 404, "entry"},
		{"ip-management/add", `{"ip":"198.51.100.7","action":"BLOCK"}`, 400, "action"},
		{"ip-management/add", `{"ip":"198.51.100.7","action":true}`, 400, "action"},
		{"ip-management/add", `{"ip":"198.51.100.7","duration":"2h"}`, 400, "duration"},
		{"ip-management/add", `{"ip":"198.51.100.7","duration":3600}`, 400, "duration"},
		{"ip-management/add", `{"action":"whitelist"}`, 400, "ip"},
		{"ip-management/remove", `{}`, 400, "identifier"},
		{"ip-management/remove", `{"identifier":"198.51.100.7"}`, 404, "entry"},
	} {
		a := h.send("POST", "/api/"+c.path, c.body, isJSON)
		var told map[string]any
		must(t, []byte(a.body), &told)
		why, _ := told["error"].(string)
		if a.code != c.code || len(told) != 1 || !strings.Contains(why, c.names) {
			t.Errorf("%s %.60s answers %d %s", c.path, c.body, a.code, a.body)
		}
	}
	for _, path := range []string{"monitoring/block-ip", "monitoring/unblock", "ip-management/add", "ip-management/remove"} {
		if a := h.send("POST", "/api/"+path, `{"ip":"198.51.100.7","identifier":"198.51.100.7"}`, "Content-Type: text/plain"); a.code != 415 {
			t.Errorf("%s answers %d to text", path, a.code)
		}
	}
	if in := h.guard.Decisions(); len(in) != 0 {
		t.Errorf("in force: %+v", in)
	}
}

func TestWhatIsNotThereIsSaidSo(t *testing.T) {
	h := open(t)
	for path, method := range map[string]string{
		"/api/monitoring": "GET", "/api/monitoring/": "GET", "/api/monitoring/nothing": "GET", "/api/monitoring/stats/": "GET",
		"/api/Monitoring/stats": "GET", "/api/ip-management/nothing": "POST", "/api/export/nothing.csv": "GET",
		"/api/export/alerts.xml": "GET", "/api/export/alerts": "GET", "/api/export/": "GET", "/api/audit": "DELETE",
	} {
		if a := h.send(method, path, ""); a.code != 404 || !strings.HasPrefix(a.body, `{"error":`) {
			t.Errorf("%s %s answers %d %s", method, path, a.code, a.body)
		}
	}
	for path, allow := range map[string]string{
		"/api/monitoring/stats": "GET, HEAD", "/api/monitoring/block-ip": "POST", "/api/export/alerts.csv": "GET, HEAD",
		"/api/monitoring/alert/5/resolve": "POST",
	} {
		for _, method := range []string{"DELETE", "PUT", "OPTIONS", "PATCH"} {
			if a := h.send(method, path, ""); a.code != 405 || a.header.Get("Allow") != allow || !strings.HasPrefix(a.body, `{"error":`) {
				t.Errorf("%s %s answers %d, Allow %q, %s", method, path, a.code, a.header.Get("Allow"), a.body)
			}
		}
	}
	if a := h.send("HEAD", "/api/monitoring/stats", ""); a.code != 200 || a.body != "" {
		t.Errorf("HEAD answers %d %q", a.code, a.body)
	}
}

func TestADatabaseThatIsAwayRefusesChanges(t *testing.T) {
	h := open(t)
	h.must(h.store.Close())
	a := h.send("POST", "/api/monitoring/block-ip", `{"ip":"198.51.100.126"}`, isJSON)
	if a.code != 503 || !strings.Contains(a.body, "nothing was changed") {
		t.Errorf("a change answers %d %s", a.code, a.body)
	}
	if a := h.send("GET", "/api/monitoring/stats", ""); a.code != 500 || strings.Contains(a.body, "sql") {
		t.Errorf("a question answers %d %s", a.code, a.body)
	}
}
