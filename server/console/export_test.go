package console_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// table reads an export of CSV: the names of its columns, and its rows by them.
func (h *house) table(path string) (names []string, rows []map[string]string) {
	h.t.Helper()
	a := h.send("GET", path, "")
	if a.code != 200 {
		h.t.Fatalf("%s answers %d %s", path, a.code, a.body)
	}
	all, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil {
		h.t.Fatalf("%s: %v", path, err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, c := range cells {
			row[all[0][i]] = c
		}
		rows = append(rows, row)
	}
	return all[0], rows
}

func TestNothingInAnExportIsAFormula(t *testing.T) {
	h := open(t)
	wicked := []string{"=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(1+1)", "\t=1", "\r=1", "\x00=1", `a","b` + "\n" + `"=1+1`, "fine"}
	for _, agent := range wicked {
		x := exchange("198.51.100.7", "GET", "/a", 200)
		x.UserAgent, x.Path = agent, agent
		h.traffic(x)
	}
	h.trip("198.51.100.8")
	h.mustAsk(nil, `mutation {block(input: {target: "198.51.100.9", reason: "=HYPERLINK(\"http://x.test\")"}) {id}}`, nil)
	for path, n := range map[string]int{
		"/api/export/exchanges.csv": len(wicked) + 1, "/api/export/alerts.csv": 1, "/api/export/decisions.csv": 2,
	} {
		raw := h.send("GET", path, "").body
		for line := range strings.SplitSeq(strings.TrimSuffix(raw, "\r\n"), "\r\n") {
			if !strings.HasPrefix(line, `"`) || !strings.HasSuffix(line, `"`) {
				t.Errorf("%s: not every cell is quoted: %s", path, line)
			}
		}
		_, rows := h.table(path)
		if len(rows) != n {
			t.Errorf("%s has %d rows, want %d", path, len(rows), n)
		}
		for _, row := range rows {
			for name, c := range row {
				if c != "" && strings.ContainsRune("=+-@\t\r\x00", rune(c[0])) {
					t.Errorf("%s: %s begins like a formula: %q", path, name, c)
				}
			}
		}
	}
	_, rows := h.table("/api/export/exchanges.csv")
	for _, agent := range []string{"'=cmd|' /C calc'!A0", `a","b` + "\n" + `"=1+1`, "fine"} {
		if !slices.ContainsFunc(rows, func(r map[string]string) bool { return r["userAgent"] == agent }) {
			t.Errorf("%q is not among the rows", agent)
		}
	}
}

func TestAnExportSaysItsNameAndColumns(t *testing.T) {
	h := open(t)
	h.trip("198.51.100.8")
	for path, columns := range map[string]string{
		"exchanges": "at reference client keyPrefix method path status took bytes refused cause monitored userAgent account sessionPrefix would flags",
		"alerts": "id rule title severity status actor client keyPrefix reason method path firstAt lastAt findings count limit windowSeconds " +
			"decision incident resolvedAt resolvedBy actorAccount actorRoute account seen parts unless userAgent country",
		"decisions": "id action target reason origin rule by from until state liftedAt liftedBy targetAccount",
	} {
		names, rows := h.table("/api/export/" + path + ".csv")
		if strings.Join(names, " ") != columns || len(rows) != 1 {
			t.Errorf("%s.csv has %v and %d rows", path, names, len(rows))
		}
		a := h.send("GET", "/api/export/"+path+".json?to=2999-01-01T00:00:00Z", "")
		var list []map[string]any
		must(t, []byte(a.body), &list)
		if len(list) != 1 || len(list[0]) != len(names) {
			t.Errorf("%s.json is %s", path, a.body)
		}
		if a.header.Get("Set-Cookie") != "" || a.header.Get("Content-Type") != "application/json" ||
			!regexp.MustCompile(`^attachment; filename="sentinel-[a-z]+-[0-9TZ]+\.json"$`).MatchString(a.header.Get("Content-Disposition")) {
			t.Errorf("%s.json comes with %v", path, a.header)
		}
		a = h.send("HEAD", "/api/export/"+path+".csv", "")
		if a.code != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") || a.body != "" {
			t.Errorf("HEAD answers %d %v", a.code, a.header)
		}
	}
}

func TestAFilterThatDoesNotExistExportsNothing(t *testing.T) {
	h := open(t)
	h.trip("198.51.100.8")
	for _, query := range []string{"severity=HIGH", "nope=1", "filename=a%0d%0aSet-Cookie:%20x=1"} {
		if a := h.send("GET", "/api/export/alerts.csv?"+query, ""); a.code != 400 || !strings.Contains(a.body, "severities") || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s answers %d %s", query, a.code, a.body)
		}
	}
}

func TestAnEmptyExportIsWhole(t *testing.T) {
	h := open(t)
	if a := h.send("GET", "/api/export/alerts.json", ""); strings.Join(strings.Fields(a.body), "") != "[]" {
		t.Errorf("JSON: %q", a.body)
	}
	if names, rows := h.table("/api/export/alerts.csv"); len(names) == 0 || len(rows) != 0 {
		t.Errorf("CSV: %v %v", names, rows)
	}
}

func TestAnExportHasThePagesFilter(t *testing.T) {
	h := open(t)
	h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
	h.traffic(exchange("198.51.100.8", "POST", "/api/transaction", 402))
	h.trip("198.51.100.9")
	h.mustAsk(nil, `mutation {block(input: {target: "203.0.113.0/24"}) {id}}`, nil)
	h.mustAsk(nil, `mutation {monitor(input: {target: "203.0.113.7"}) {id}}`, nil)
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for path, n := range map[string]int{
		"exchanges.csv":                                     3,
		"exchanges.csv?client=198.51.100.7":                 1,
		"exchanges.csv?client=198.51.100.0/29":              1,
		"exchanges.csv?methods=POST":                        1,
		"exchanges.csv?methods=POST,GET":                    3,
		"exchanges.csv?methods=POST&methods=GET&status=200": 1,
		"exchanges.csv?statusClass=4":                       2,
		"exchanges.csv?refused=true":                        1,
		"exchanges.csv?refused=false&path=balance":          1,
		"exchanges.csv?from=" + later:                       0,
		"exchanges.csv?to=" + later + "&keyPrefix=user":     3,
		"exchanges.csv?monitored=true":                      0,
		"alerts.csv?severities=CRITICAL,HIGH&status=OPEN":   1,
		"alerts.csv?status=RESOLVED":                        0,
		"alerts.csv?rule=honeypot&text=decoy":               1,
		"alerts.csv?client=198.51.100.9":                    1,
		"decisions.csv":                                     3,
		"decisions.csv?actions=BLOCK&origins=OPERATOR":      1,
		"decisions.csv?covers=203.0.113.7":                  2,
		"decisions.csv?state=LIFTED":                        0,
		"decisions.csv?state=IN_FORCE&text=203":             2,
	} {
		if _, rows := h.table("/api/export/" + path); len(rows) != n {
			t.Errorf("%s has %d rows, want %d", path, len(rows), n)
		}
	}
	for path, field := range map[string]string{
		"exchanges.csv?client=x": "client", "exchanges.csv?status=ok": "status", "exchanges.csv?status=99": "status",
		"exchanges.csv?refused=maybe": "refused", "exchanges.csv?from=yesterday": "from", "alerts.csv?severities=AWFUL": "severities",
		"alerts.csv?incident=x": "incident", "decisions.json?state=GONE": "state", "decisions.csv?covers=198.51.100.0/24": "covers",
	} {
		a := h.send("GET", "/api/export/"+path, "")
		var told struct{ Error string }
		must(t, []byte(a.body), &told)
		if a.code != 400 || !strings.HasPrefix(told.Error, field+" ") || a.header.Get("Content-Disposition") != "" {
			t.Errorf("%s answers %d %s", path, a.code, a.body)
		}
	}
}

func TestWhoTakesDataAwayIsWrittenDown(t *testing.T) {
	h := open(t)
	h.table("/api/export/exchanges.csv?client=198.51.100.7")
	s, err := h.store.Audit(t.Context(), store.Page{First: 10})
	h.must(err)
	if len(s.Items) != 1 {
		t.Fatalf("%d entries", len(s.Items))
	}
	if e := s.Items[0]; e.Verb != "export" || e.Object != "exchanges.csv" || e.Detail != "client=198.51.100.7" || e.Actor != "demo admin" || e.Origin != "192.0.2.200" {
		t.Errorf("the entry is %+v", e)
	}
}

// fill writes many exchanges at once.
func (h *house) fill(n int) {
	h.t.Helper()
	start := time.Now().Add(-time.Hour)
	for begin := 0; begin < n; begin += 1000 {
		batch := make([]store.Seen, min(1000, n-begin))
		for i := range batch {
			at := start.Add(time.Duration(begin+i) * time.Millisecond)
			batch[i] = store.Seen{Exchange: engine.Exchange{Request: engine.Request{
				ID: uint64(at.UnixMilli())<<20 | 1, At: at, Client: exchange("198.51.100.7", "", "", 0).Client,
				Method: "GET", Path: "/api/balance", Folded: "/api/balance", Route: "/api/balance", UserAgent: strings.Repeat("a", 100),
			}, Status: 200}}
		}
		h.must(h.store.WriteExchanges(h.t.Context(), batch))
	}
}

func TestALongExportIsStreamed(t *testing.T) {
	h := open(t)
	const n = 20_000
	h.fill(n)
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+host+"/api/export/exchanges.csv", nil)
	h.must(err)
	a, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.ContentLength >= 0 {
		t.Error("its length was known: it was made before it was sent")
	}
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	lines, most := 0, uint64(0)
	for s := bufio.NewScanner(a.Body); s.Scan(); lines++ {
		if lines%5000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&during)
			most = max(most, during.HeapAlloc)
		}
	}
	if lines != n+1 {
		t.Errorf("%d lines", lines)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes for an export of 5 MB", grown)
	}
}

func TestWhoLeavesEndsTheExport(t *testing.T) {
	h := open(t)
	h.fill(20_000)
	var leave []context.CancelFunc
	for range 4 { // as many as may run
		ctx, cancel := context.WithCancel(t.Context())
		leave = append(leave, cancel)
		r, err := http.NewRequestWithContext(ctx, "GET", "http://"+host+"/api/export/exchanges.json", nil)
		h.must(err)
		a, err := h.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
	}
	if a := h.send("GET", "/api/export/alerts.csv", ""); a.code != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("a fifth is answered %d", a.code)
	}
	for _, cancel := range leave {
		cancel()
	}
	eventually(t, "there is room again", func() bool { return h.send("GET", "/api/export/alerts.csv", "").code == 200 })
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("the log complains of who left: %s", h.log)
	}
}

func TestAnExportThatFailsDoesNotLookWhole(t *testing.T) {
	h := open(t)
	h.fill(20_000)
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+host+"/api/export/exchanges.json", nil)
	h.must(err)
	a, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	h.must(h.store.Close())
	var rows []json.RawMessage
	if err := json.NewDecoder(a.Body).Decode(&rows); err == nil {
		t.Errorf("%d rows arrived as if they were all", len(rows))
	}
	if got := h.send("GET", "/api/export/exchanges.json", ""); got.code != 500 || strings.Contains(got.body, "sql") {
		t.Errorf("another is answered %d %s", got.code, got.body)
	}
}
