package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/frontend"
	"github.com/sentinel-protocol/sentinel/server/cluster"
	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/console"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/listen"
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
		if err != nil {
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
func runServe(ctx context.Context, cfg config.Config, _ func() (config.Config, error), log *slog.Logger, out io.Writer) error {
	for _, w := range cfg.Warnings() {
		log.Warn(w)
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
			return fmt.Errorf("redis.url: %w", err)
		}
		defer closing(log, "redis", c.Close)
		peers = c
	}

	g, err := guard.New(ctx, guard.Config{
		Store: db, Policy: cfg.Policy(), Seed: derive(key, "engine"), Node: node, Cluster: peers, Log: log,
	})
	if err != nil {
		return err
	}
	defer closing(log, "guard", g.Close)

	var doors []*listen.Door
	served := make(chan error, 3)
	open := func(name, address string, tls config.TLS, h http.Handler) (*listen.Door, error) {
		c := listen.Config{Address: address, Cert: tls.Cert, Key: tls.Key}
		if name == "gateway" {
			c.ProxyFrom = cfg.Gateway.ProxyProtocol
		}
		d, err := listen.Open(ctx, c, h, log)
		if err != nil {
			return nil, fmt.Errorf("%s.listen: %w", name, err)
		}
		doors = append(doors, d)
		return d, nil
	}
	defer func() {
		for _, d := range doors {
			_ = d.Close() // after Shutdown there is nothing left
		}
	}()
	if len(cfg.Gateway.Upstreams) > 0 {
		target, err := url.Parse(cfg.Gateway.Upstreams[0].URL)
		if err != nil {
			return err
		}
		protected := gateway.New(gateway.Config{KeySecret: key, Node: byte(derive(key, node)), Log: log}, g, httputil.NewSingleHostReverseProxy(target))
		if _, err := open("gateway", cfg.Gateway.Listen, cfg.Gateway.TLS, protected); err != nil {
			return err
		}
	}

	var ui *console.Console
	desk, err := open("console", cfg.Console.Listen, cfg.Console.TLS, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ui.ServeHTTP(w, r) }))
	if err != nil {
		return err
	}
	ui, err = console.New(console.Config{
		Store: db, Guard: g, App: frontend.Dist(), Hosts: slices.Concat(hosts(cfg.Console.Listen, desk.Addr()), cfg.Console.Hosts), Version: version, Log: log,
	})
	if err != nil {
		return err
	}
	defer closing(log, "console", ui.Close)

	for _, d := range doors {
		go func() { served <- d.Serve() }()
	}
	welcome(out, cfg, desk.Addr())

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	ui.HangUp() // sockets are hijacked: the server neither waits for them nor closes them
	return drained(ctx, cfg.Gateway.Drain, doors, log)
}

// drained lets requests in flight end, and says when some had to be cut off.
func drained(ctx context.Context, within time.Duration, doors []*listen.Door, log *slog.Logger) error {
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	ends := make(chan error, len(doors))
	for _, d := range doors {
		go func() { ends <- d.Shutdown(stopping) }()
	}
	var err error
	for range doors {
		err = errors.Join(err, <-ends)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off", "after", within)
		return nil
	}
	return err
}

func welcome(out io.Writer, cfg config.Config, desk net.Addr) {
	fmt.Fprintf(out, "\n  Sentinel %s\n\n", version)
	if len(cfg.Gateway.Upstreams) > 0 {
		fmt.Fprintf(out, "    gateway  %s, mode %s\n", cfg.Gateway.Listen, cfg.Gateway.Mode)
	}
	fmt.Fprintf(out, "    console  http://%s/\n    service  %s\n\n", desk, cfg.Service.Listen)
	if cfg.Gateway.Mode == config.Observe {
		fmt.Fprintf(out, "  Observing: nothing is refused, and what would have been is counted. Look at the console\n"+
			"  for a day, then write gateway.mode: enforce and send SIGHUP.\n\n")
	}
}
