package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/cluster"
	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/local"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// atDesk adds to a command, and all below it, the flags that say which Sentinel is meant.
func atDesk(root *cobra.Command) func() (config.Config, error) {
	f := root.PersistentFlags()
	file := f.String("config", "", "YAML `file` of serve")
	f.String("data", "", "`directory` of the SQLite files, and of the socket of a Sentinel that runs")
	f.String("database", "", "PostgreSQL instead of SQLite: postgres://user@host/name")
	f.Bool("json", false, "one JSON object instead of text")
	return func() (config.Config, error) {
		s := config.Sources{File: *file, Environ: os.Environ(), Flags: map[string]string{}, Packs: packsIn}
		for flag, key := range map[string]string{"data": "storage.data", "database": "storage.database"} {
			if f.Changed(flag) {
				s.Flags[key] = f.Lookup(flag).Value.String()
			}
		}
		return config.Load(s)
	}
}

// desk does a request: a Sentinel that runs on the data directory is asked, else its database is
// opened.
func desk(c *cobra.Command, read func() (config.Config, error), r local.Request) (local.Answer, error) {
	cfg, err := read()
	if err != nil {
		return local.Answer{}, err
	}
	r.Who = whoRuns()
	if local.Running(c.Context(), cfg.Storage.Data) {
		return local.Dial(cfg.Storage.Data).Do(c.Context(), r)
	}
	if cfg.Storage.Database == "" {
		if _, err := os.Stat(filepath.Join(cfg.Storage.Data, "sentinel.db")); err != nil {
			return local.Answer{}, fmt.Errorf("there is no Sentinel in %s: name its directory with --data, or its file with --config", cfg.Storage.Data)
		}
	}
	return doStopped(c.Context(), cfg, r)
}

// doStopped does a request on the database of a Sentinel that does not run here.
func doStopped(ctx context.Context, cfg config.Config, r local.Request) (local.Answer, error) {
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(ctx, store.Config{Dir: cfg.Storage.Data, URL: cfg.Storage.Database}, log)
	if err != nil {
		return local.Answer{}, err
	}
	defer db.Close()
	who, err := access.New(access.Config{Ledger: db, Log: log})
	if err != nil {
		return local.Answer{}, err
	}
	d := &local.Desk{Access: who, Site: siteOf(cfg)}
	if strings.HasPrefix(r.Do, "decisions ") {
		const node = "cli"
		var peers guard.Cluster
		if cfg.Redis.URL != "" { // so that other nodes hear of it
			c, err := cluster.New(cfg.Redis.URL, node, log) //nolint:contextcheck // it lives until it is closed
			if err != nil {
				return local.Answer{}, err
			}
			defer c.Close()
			peers = c
		}
		if d.Guard, err = guard.New(ctx, guard.Config{Store: db, Policy: cfg.Policy(), Spare: spared(cfg), Node: node, Cluster: peers, Log: log}); err != nil {
			return local.Answer{}, err
		}
		defer d.Guard.Close()
	}
	return d.Do(ctx, r)
}

// siteOf is how the console is called, as far as the settings tell.
func siteOf(cfg config.Config) string {
	if len(cfg.Console.Origins) > 0 {
		return cfg.Console.Origins[0]
	}
	scheme, host := "http://", cfg.Console.Listen
	if cfg.Console.TLS.Cert != "" {
		scheme = "https://"
	}
	if len(cfg.Console.Hosts) > 0 {
		host = cfg.Console.Hosts[0]
	}
	return scheme + host
}

func whoRuns() string {
	u, err := user.Current()
	if err != nil {
		return "somebody"
	}
	return u.Username
}

// newPasswordFor asks for a password twice at a terminal, or takes the first line of what comes in.
func newPasswordFor(c *cobra.Command, name string) (string, error) {
	in, isFile := c.InOrStdin().(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(c.InOrStdin(), 4<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(c.ErrOrStderr(), what)
		b, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(c.ErrOrStderr())
		return string(b), err
	}
	first, err := ask("Password for " + name + ": ")
	if err != nil {
		return "", err
	}
	again, err := ask("Once more: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two are not the same")
	}
	return first, nil
}

// show prints an answer as JSON when that was asked for, else with print.
func show(c *cobra.Command, a local.Answer, print func(io.Writer)) error {
	if asJSON, err := c.Flags().GetBool("json"); err != nil || asJSON {
		return errors.Join(err, json.NewEncoder(c.OutOrStdout()).Encode(a)) //nolint:gosec // a new token's secret is for whoever made it
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	print(w)
	return w.Flush()
}

// when is a time as it is listed.
func when(t time.Time, never string) string {
	if t.IsZero() {
		return never
	}
	return t.Local().Format(time.DateTime)
}
