package console

import (
	"context"
	"net/http"
	"time"

	"github.com/sentinel-protocol/sentinel/server/guard"
)

// readyTimeout is how long the databases may take to answer.
const readyTimeout = 2 * time.Second

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
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		states := map[string]string{}
		for _, d := range c.guard.Health().Dependencies {
			states[d.Name] = spoken[d.State]
		}
		for name, err := range c.store.Ping(ctx) {
			if err != nil {
				states[name] = spoken[guard.Down]
			}
		}
		code, status := http.StatusOK, "ready"
		if states["database"] == spoken[guard.Down] {
			code, status = http.StatusServiceUnavailable, "not ready"
		}
		answer(w, code, map[string]any{"status": status, "dependencies": states})
	}}.ServeHTTP(w, r)
}

var spoken = map[guard.State]string{guard.OK: "ok", guard.Degraded: "degraded", guard.Down: "down"}
