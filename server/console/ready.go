package console

import "net/http"

// alive answers as long as the program does.
func (c *Console) alive(w http.ResponseWriter, r *http.Request) {
	methods{http.MethodGet: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		answer(w, http.StatusOK, map[string]string{"status": "alive"})
	}}.ServeHTTP(w, r)
}

// ready names each dependency and how it is, and nothing else: who asks is not signed in. Only
// the database of alerts and decisions is one that Sentinel can't do its work without.
func (c *Console) ready(w http.ResponseWriter, r *http.Request) {
	methods{http.MethodGet: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		states, ready := c.guard.Ready(r.Context())
		code, status := http.StatusOK, "ready"
		if !ready {
			code, status = http.StatusServiceUnavailable, "not ready"
		}
		answer(w, code, map[string]any{"status": status, "dependencies": states})
	}}.ServeHTTP(w, r)
}
