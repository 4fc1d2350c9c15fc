package console_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

const dashboard = `query Dashboard($window: Duration!) {
  stats(window: $window) { now { ...F } before { ...F } requestsPerSecond topEndpoints(first: 10) { path requests failed took } statusMix { status requests } }
  timeline(window: $window, step: "1m") { at requests failed refused alerts }
  alerts(first: 50) { totalCount edges { node { id title severity status actor { label } client reason lastAt decision { ...D } incident { id reference } } } }
  decisions(first: 50) { edges { node { ...D alert { id } } } }
}
fragment F on Figures { requests failed refused failedShare activeAlerts blockedClients }
fragment D on Decision { id action target { label } reason origin from until state }`

// What a dashboard asks when it opens: fifty alerts with their decisions and incidents.
func BenchmarkDashboard(b *testing.B) {
	h := open(b)
	for i := range 60 {
		h.traffic(exchange(fmt.Sprintf("198.51.%d.7", i), "GET", "/api/admin", 200))
	}
	h.flush()
	body, err := json.Marshal(map[string]any{"query": dashboard, "variables": map[string]any{"window": "1h"}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/graphql", strings.NewReader(string(body)))
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ui.ServeHTTP(w, r)
		if w.Code != 200 || strings.Contains(w.Body.String(), `"errors"`) {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}
