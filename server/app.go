package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/sentinel-protocol/sentinel/frontend"
	"github.com/sentinel-protocol/sentinel/server/bank"
	"github.com/sentinel-protocol/sentinel/server/cluster"
	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/console"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/geo"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/rules"
	"github.com/sentinel-protocol/sentinel/server/store"
	"github.com/sentinel-protocol/sentinel/simulator"
)

// countsFile in the data directory holds what the engine counted, for the next start.
const countsFile = "counts"

// drain is how long requests in flight may take to end when the program stops.
const drain = 10 * time.Second

// bodyPatience is how long a client may take to send the body of a request to the bank.
const bodyPatience = 10 * time.Second

// runDemo starts the bank, its gateway and the console on one listener, and returns when ctx
// ends and everything has been written. It is long because it reads straight down: the defers,
// from the bottom, are the order of stopping.
func runDemo(ctx context.Context, cfg Config, log *slog.Logger, out io.Writer) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	key, err := secret(cfg.Data, random)
	if err != nil {
		return err
	}

	db, err := store.Open(ctx, store.Config{Dir: cfg.Data, URL: cfg.Database}, log)
	if err != nil {
		return err
	}
	defer closing(log, "database", db.Close)

	packs, err := rules.BuiltIn()
	if err != nil {
		return err
	}
	policy := packs.Into(cfg.Policy)
	policy.Rules = enforced(policy)
	policy.DecoyKeys = append(policy.DecoyKeys, gateway.KeyNames(key)(simulator.DecoyKey))

	node := nodeName(cfg.Listen)
	var peers guard.Cluster // stays nil without Redis: alone
	if cfg.Redis != "" {
		c, err := cluster.New(cfg.Redis, node, log) //nolint:contextcheck // it lives until it is closed, not until ctx ends
		if err != nil {
			return invalid{"redis", err.Error()}
		}
		defer closing(log, "redis", c.Close)
		peers = c
	}

	g, err := guard.New(ctx, guard.Config{
		Store: db, Policy: policy, Seed: derive(key, "engine"), Node: node, Cluster: peers, Log: log,
		Counts: filepath.Join(cfg.Data, countsFile),
	})
	if err != nil {
		return err
	}
	defer closing(log, "guard", g.Close)

	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return invalid{"listen", err.Error() + ": choose another port, or stop what listens there"}
	}
	defer l.Close()

	placed := placeFiles(config.GeoIP{})
	places, err := geo.Demo(placed...)
	if err != nil {
		return err
	}
	defer closing(log, "places", places.Close)
	protected := gateway.New(gateway.Config{
		Demo: true, Places: places.Place, KeySecret: key, CORS: bank.Paths(), Node: byte(derive(key, node)), Log: log,
		Accounts: []gateway.Source{{In: "json", Name: "account", Routes: []string{bank.Login}}},
		Sessions: []gateway.Source{{In: "header", Name: simulator.SessionHeader}},
	}, g, bank.New(time.Now))
	ui, err := console.New(console.Config{
		Store: db, Guard: g, App: frontend.Dist(), Hosts: hosts(cfg.Listen, l.Addr()), Demo: true, Version: version, Log: log,
		Places:     places.Place,
		PlacesFrom: func() []string { return placeSources(places, placed) },
	})
	if err != nil {
		return err
	}
	defer closing(log, "console", ui.Close)

	var operator http.Handler = ui
	if cfg.AllowRemote {
		password := newPassword()
		operator = remoteDoor(ui, password)
		fmt.Fprintf(out, "Other machines sign in as demo with the password %s\n", password)
	}

	srv := &http.Server{
		Handler:           doors(protected, operator),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	greet(out, l.Addr().String())

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	ui.HangUp() // sockets are hijacked: the server neither waits for them nor closes them
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := srv.Shutdown(stopping); err != nil {
		log.Warn("requests were cut off", "after", drain, "err", err)
		return srv.Close()
	}
	return nil
}

// doors says which listener of `serve` a path belongs to; the demo has both on one.
func doors(protected, operator http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if console.Owns(r) {
			operator.ServeHTTP(w, r)
			return
		}
		// A body that trickles in may hold its own connection so long, and no orderly stop longer.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyPatience))
		protected.ServeHTTP(w, r)
	})
}

func greet(out io.Writer, addr string) {
	fmt.Fprintf(out, `
  Sentinel %s guards a sandbox bank on http://%s

    dashboard   http://%[2]s/
    simulator   http://%[2]s/simulator     launch an attack, watch it being stopped
    playground  http://%[2]s/playground
    the bank    curl -H 'X-API-Key: user_key_1' http://%[2]s/api/balance

  Everybody on this machine is signed in as demo admin. Ctrl-C stops.

`, version, addr)
}

func closing(log *slog.Logger, what string, stop func() error) {
	if err := stop(); err != nil && !errors.Is(err, context.Canceled) {
		log.Error("close", "what", what, "err", err)
	}
}

// nodeName tells this node from others that share its Redis or its PostgreSQL.
func nodeName(listen string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	_, port, _ := net.SplitHostPort(listen)
	return host + ":" + port
}

// derive makes a seed of the secret, so that nobody outside can aim at a slot of a table.
func derive(key []byte, purpose string) uint64 {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(purpose))
	return binary.BigEndian.Uint64(m.Sum(nil))
}
