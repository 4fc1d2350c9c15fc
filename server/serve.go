package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/frontend"
	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/cluster"
	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/console"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/listen"
	"github.com/sentinel-protocol/sentinel/server/local"
	"github.com/sentinel-protocol/sentinel/server/service"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Guard an API: gateway, console and service on listeners of their own",
		Args:  cobra.NoArgs,
	}
	read := settings(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := read()
		if err := complete(cfg, err); err != nil {
			return err
		}
		log := slog.New(slog.NewJSONHandler(c.ErrOrStderr(), nil))
		slog.SetDefault(log)
		return runServe(c.Context(), cfg, read, log, c.OutOrStdout())
	}
	return c
}

// runServe guards an API until ctx ends and everything has been written. It is long because it
// reads straight down: the defers, from the bottom, are the order of stopping.
func runServe(ctx context.Context, cfg config.Config, read func() (config.Config, error), log *slog.Logger, out io.Writer) error {
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP) // before all else: one that comes during the start would end the process
	defer signal.Stop(hups)
	for _, w := range cfg.Warnings() {
		log.Warn(w)
	}
	if os.Getenv("GOMEMLIMIT") == "" && cfg.Engine.Memory > 0 {
		debug.SetMemoryLimit(int64(cfg.Engine.Memory))
	}
	if os.Getenv("GOGC") == "" { // most of the heap holds no pointers: to collect oftener costs little, and keeps it small
		debug.SetGCPercent(50)
	}
	if err := os.MkdirAll(cfg.Storage.Data, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	key := []byte(cfg.Secret)
	if len(key) == 0 {
		var err error
		if key, err = secret(cfg.Storage.Data, random); err != nil {
			return err
		}
	}

	db, err := store.Open(ctx, store.Config{Dir: cfg.Storage.Data, URL: cfg.Storage.Database}, log)
	if err != nil {
		return err
	}
	defer closing(log, "database", db.Close)

	node := nodeName(cfg.Gateway.Listen)
	var peers guard.Cluster // stays nil without Redis: alone
	if cfg.Redis.URL != "" {
		c, err := cluster.New(cfg.Redis.URL, node, log) //nolint:contextcheck // it lives until it is closed, not until ctx ends
		if err != nil {
			return engine.Invalid{Field: "redis.url", Problem: err.Error()}
		}
		defer closing(log, "redis", c.Close)
		peers = c
	}

	g, err := guard.New(ctx, guard.Config{
		Store: db, Policy: policyOf(cfg, key), Seed: derive(key, "engine"), Node: node, Cluster: peers, Log: log,
		Counts:  filepath.Join(cfg.Storage.Data, countsFile),
		Failure: failures(cfg.Gateway.Failure), Spare: spared(cfg), SelfTest: cfg.Clients.SelfTest, Proxies: cfg.Clients.TrustedProxies,
	})
	if err != nil {
		return err
	}
	defer closing(log, "guard", g.Close)

	who, err := access.New(access.Config{Ledger: db, Log: log})
	if err != nil {
		return err
	}

	stays := &lasting{node: byte(derive(key, node))}
	first, err := newSite(cfg, reading(cfg, key, log), stays, g, log)
	if err != nil {
		return err
	}
	at := newSites(first)
	defer closing(log, "upstreams", at.Close)

	follow, err := openLogs(cfg, gateway.KeyNames(key), log)
	if err != nil {
		return err
	}

	var keep atomic.Pointer[store.Retention]
	keep.Store(retention(cfg))
	upkeep, endUpkeep := context.WithCancel(context.WithoutCancel(ctx))
	var kept sync.WaitGroup
	kept.Go(func() { retain(upkeep, db, keep.Load, log) })
	defer kept.Wait()
	defer endUpkeep()

	doors := &doorways{log: log}
	defer doors.close()
	if first.gateway != nil {
		if err := doors.open(ctx, "gateway", cfg.Gateway.Listen, cfg.Gateway.TLS, cfg.Gateway.ProxyProtocol, listen.Share(), http.HandlerFunc(at.gateway)); err != nil {
			return err
		}
	}
	late := &lateHandler{} // its address is known before what answers there is made
	if err := doors.open(ctx, "console", cfg.Console.Listen, cfg.Console.TLS, nil, 0, late); err != nil {
		return err
	}
	desk := doors.named("console")
	own := hosts(cfg.Console.Listen, desk.Addr())
	ui, err := console.New(console.Config{
		Store: db, Guard: g, Access: who, App: frontend.Dist(), TLS: desk.Secure(),
		Hosts:   slices.Concat(own, cfg.Console.Hosts),
		Origins: origins(cfg.Console, own, desk.Secure()), Version: version, Log: log,
		Trusted: cfg.Clients.TrustedProxies, ClientHeader: cfg.Clients.Header,
		Operating: func(a netip.Addr) { g.SpareUntil(a, time.Now().Add(spareOperators)) },
		Upstreams: at.upstreams, Logs: follow.told, Places: at.located, PlacesFrom: at.placesFrom, Catalogue: at.catalogue,
	})
	if err != nil {
		return err
	}
	defer closing(log, "console", ui.Close)
	late.Handler = ui

	machines := service.New(service.Config{ //nolint:contextcheck // it lives until it is closed, not until ctx ends
		Guard: g, Store: db, Authz: http.HandlerFunc(at.authz), AuthzFrom: cfg.Service.Authz.From, Version: version, Log: log,
		Authorize: func(ctx context.Context, secret string) (string, error) {
			p, err := who.Token(ctx, secret)
			return p.Name, err
		},
	})
	defer machines.Close()
	if err := doors.open(ctx, "service", cfg.Service.Listen, cfg.Service.TLS, nil, 0, machines); err != nil {
		return err
	}

	shell, err := local.Listen(ctx, cfg.Storage.Data, &local.Desk{Access: who, Guard: g, Site: siteOf(cfg)}, log)
	if err != nil { // some file systems have no sockets; the API is guarded all the same
		log.Warn("the shell can't reach this Sentinel: operator, token and decisions need it stopped", "err", err)
	} else {
		defer closing(log, "shell", shell.Close)
	}

	reports := &reporter{guard: g, node: stays.node, routes: func() gateway.Routes { return at.current.Load().routes }, places: at.place}
	following, endFollowing := context.WithCancel(context.WithoutCancel(ctx))
	followed := follow.follow(following, reports.take, at.answered)
	defer followed.Wait()
	defer endFollowing()

	failed := doors.serve()
	if err := welcome(ctx, out, cfg, doors, who); err != nil {
		return err
	}

	now := cfg
	for {
		select {
		case err := <-failed:
			return fmt.Errorf("serve: %w", err)
		case <-hups:
			now = reload(now, read, func(next config.Config) error { //nolint:contextcheck // a site lives until its last request ends
				if err := doors.reload(); err != nil { // before anything has changed
					return err
				}
				made, err := newSite(next, reading(next, key, log), stays, g, log)
				if err != nil {
					return err
				}
				if err := g.Revise(policyOf(next, key)); err != nil {
					made.close()
					return err
				}
				at.replace(made)
				keep.Store(retention(next))
				return nil
			}, log)
		case <-ctx.Done():
			ui.HangUp() // sockets are hijacked: the server neither waits for them nor closes them
			return drained(ctx, now.Gateway.Drain, doors, at, log)
		}
	}
}

// spareOperators is how long no rule blocks the address that an operator works from.
const spareOperators = 24 * time.Hour

// slowestLook is how long a client may take to send the beginning of a body that says who acts.
const slowestLook = 30 * time.Second

// reading says how requests are read.
func reading(cfg config.Config, key []byte, log *slog.Logger) gateway.Config {
	return gateway.Config{
		Trusted: cfg.Clients.TrustedProxies, ClientHeader: cfg.Clients.Header,
		Keys: sources(cfg.Identity.Keys), Accounts: sources(cfg.Identity.Accounts), Sessions: sources(cfg.Identity.Sessions),
		BodyPatience: slowestLook, RateLimit: cfg.Gateway.RateLimitHeaders, Observe: cfg.Gateway.Mode == config.Observe, KeySecret: key, Log: log,
	}
}

// lateHandler is told later what to answer with, before anybody is served.
type lateHandler struct{ http.Handler }

// origins of the console's own pages, those of its names included, and those that the operator
// adds. A name that stands in an origin is called so and not otherwise: behind a proxy that speaks
// TLS the cookie is for TLS alone.
func origins(c config.Console, own []string, secure bool) []string {
	if len(c.Origins) == 0 {
		return nil // its own
	}
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	out := slices.Clone(c.Origins)
	for _, h := range slices.Concat(own, c.Hosts) {
		if !slices.ContainsFunc(c.Origins, func(o string) bool { return strings.HasSuffix(strings.ToLower(o), "://"+strings.ToLower(h)) }) {
			out = append(out, scheme+h)
		}
	}
	return out
}

// reload takes a new configuration up, or says what is wrong with it and leaves all as it is.
func reload(now config.Config, read func() (config.Config, error), take func(config.Config) error, log *slog.Logger) config.Config {
	next, err := read()
	if err != nil {
		log.Error("the configuration has a mistake: nothing was changed", "err", err)
		return now
	}
	if fixed := next.Fix(now); len(fixed) > 0 {
		log.Warn("what has changed here counts after a restart", "settings", fixed)
	}
	for _, w := range next.Warnings() {
		log.Warn(w)
	}
	if err := take(next); err != nil {
		log.Error("the configuration can't be taken up: nothing was changed", "err", err)
		return now
	}
	log.Info("the configuration was read again", "mode", next.Gateway.Mode)
	return next
}

func retention(cfg config.Config) *store.Retention {
	r := cfg.Retention
	return &store.Retention{Exchanges: r.Exchanges, Alerts: r.Alerts, Audit: r.Audit, Rollups: r.Rollups, Size: int64(r.Size)}
}

// retainEvery is how often what is too old is looked for; a run goes in short steps.
const retainEvery = 10 * time.Minute

// retain keeps what is stored within its age and size until ctx ends.
func retain(ctx context.Context, db *store.Store, keep func() *store.Retention, log *slog.Logger) {
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		freed, err := db.Retain(ctx, *keep(), time.Now())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Error("remove what is too old", "err", err)
		case freed.Exchanges+freed.Rollups+freed.Alerts+freed.Audit > 0:
			log.Info("removed what was too old", "exchanges", freed.Exchanges, "alerts", freed.Alerts, "audit", freed.Audit,
				"bytes", freed.Bytes, "longest_step", freed.Longest)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// drained lets requests in flight and websockets end, and says when some had to be cut off.
func drained(ctx context.Context, within time.Duration, doors *doorways, at *sites, log *slog.Logger) error {
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	err := doors.shutdown(stopping)
	if err == nil {
		err = at.drain(stopping)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off", "after", within)
		return nil
	}
	return err
}

// welcome says where everything is, and how the first operator comes in.
func welcome(ctx context.Context, out io.Writer, cfg config.Config, doors *doorways, who *access.Access) error {
	link, needed, err := who.Setup(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n  Sentinel %s\n\n", version)
	for _, name := range []string{"gateway", "console", "service"} {
		if d := doors.named(name); d != nil {
			fmt.Fprintf(out, "    %-8s %s\n", name, doors.url(name))
		}
	}
	fmt.Fprintln(out)
	if needed {
		fmt.Fprintf(out, "  Nobody can sign in yet. Make the first admin here, within a day:\n\n    %s/setup#token=%s\n\n", doors.url("console"), link)
	}
	switch {
	case len(cfg.Gateway.Upstreams) == 0:
		fmt.Fprint(out, "  There is no upstream, so the gateway stays closed: name one in gateway.upstreams.\n\n")
	case cfg.Gateway.Mode == config.Observe:
		fmt.Fprint(out, "  Observing: nothing is refused, and what would have been is counted. Look at the console\n"+
			"  for a day, then write gateway.mode: enforce and send SIGHUP.\n\n")
	}
	fmt.Fprintln(out, "  Ready. Ctrl-C stops.")
	return nil
}

// policyOf the settings, with decoy keys named as the gateway names keys.
func policyOf(c config.Config, secret []byte) engine.Policy {
	p, name := c.Policy(), gateway.KeyNames(secret)
	for _, k := range c.DecoyKeys {
		p.DecoyKeys = append(p.DecoyKeys, name(k))
	}
	return p
}
