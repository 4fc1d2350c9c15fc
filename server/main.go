// Command sentinel watches API traffic, says what it finds and acts on it.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/simulator"
)

// version is stamped by the build.
var version = "dev"

// errBroken ends the process with 1 after everything has been said.
var errBroken = errors.New("a promise did not come true")

// misuse is what who called the command can put right; it ends the process with 2.
type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := execute(ctx, command(), os.Stdout); err != nil {
		if !errors.Is(err, errBroken) {
			fmt.Fprintln(os.Stderr, "sentinel:", err)
		}
		if _, wrong := errors.AsType[misuse](err); wrong {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// execute a command. One whose answer could not be written, as on a full disk, has failed; who serves
// goes on all the same.
func execute(ctx context.Context, root *cobra.Command, to io.Writer) error {
	out := &answer{to: to}
	root.SetOut(out)
	c, err := root.ExecuteContextC(ctx)
	if err == nil && out.failed != nil && c.Name() != "serve" && c.Name() != "demo" {
		return fmt.Errorf("the answer could not be written: %w", out.failed)
	}
	return err
}

// An answer remembers that it could not be written.
type answer struct {
	to     io.Writer
	failed error
}

func (a *answer) Write(b []byte) (int, error) {
	n, err := a.to.Write(b)
	a.failed = cmp.Or(a.failed, err)
	return n, err //nolint:wrapcheck // as an io.Writer does
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "sentinel",
		Short:         "A shield for the APIs of financial software",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(demoCommand(), serveCommand(), configCommand(), operatorCommand(), tokenCommand(), decisionsCommand(), simulateCommand(), replayCommand(), rulesCommand(), healthcheckCommand(), versionCommand())
	return root
}

func demoCommand() *cobra.Command {
	cfg := Defaults()
	c := &cobra.Command{
		Use:   "demo",
		Short: "Start the sandbox bank, its gateway, the console and the simulator in one process",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log := slog.New(slog.NewJSONHandler(c.ErrOrStderr(), nil))
			slog.SetDefault(log)
			return runDemo(c.Context(), cfg, log, c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Listen, "listen", cfg.Listen, "`host:port` of everything")
	f.StringVar(&cfg.Data, "data", cfg.Data, "`directory` of the SQLite files and the key secret")
	f.StringVar(&cfg.Redis, "redis", "", "count and decide together with other nodes: redis://host:6379")
	f.StringVar(&cfg.Database, "database", "", "PostgreSQL instead of SQLite: postgres://user@host/name")
	f.BoolVar(&cfg.AllowRemote, "allow-remote", false, "listen elsewhere than on loopback, and ask for a password that is printed")
	return c
}

func simulateCommand() *cobra.Command {
	opts := simulator.RunOptions{Target: "http://127.0.0.1:8080"}
	c := &cobra.Command{
		Use:   "simulate [SCENARIO]",
		Short: "Play a scenario against a running gateway and check what it promises",
		Long:  "Play a scenario against a running gateway and check what it promises.\nA SCENARIO is a name, or a file that ends in .json; without one they are listed. Exits with 1 when a promise did not come true.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return simulator.List(c.OutOrStdout())
			}
			ok, err := simulator.Run(c.Context(), c.OutOrStdout(), args[0], opts)
			if err == nil && !ok {
				err = errBroken
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&opts.Target, "target", opts.Target, "`URL` of the gateway")
	f.BoolVar(&opts.JSON, "json", false, "one JSON object instead of a table")
	f.Uint64Var(&opts.Seed, "seed", 0, "play with these addresses again; 0 picks fresh ones")
	f.BoolVar(&opts.Clean, "clean", false, "lift the blocks and resolve the alerts of the run at its end")
	f.Float64Var(&opts.Pace, "pace", 1, "how fast a person's pauses pass: 10 is ten times as fast")
	return c
}

func healthcheckCommand() *cobra.Command {
	var target string
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Exit with 0 when a running Sentinel is ready",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if target != "" {
				return ready(c.Context(), target)
			}
			var err error
			for _, usual := range []string{"http://127.0.0.1:8081", "http://127.0.0.1:8080"} { // serve's console, the demo
				if err = ready(c.Context(), usual); err == nil {
					return nil
				}
			}
			return err
		},
	}
	c.Flags().StringVar(&target, "target", "", "`URL` of the console; without it, where serve and the demo are by default")
	return c
}

// ready asks a console whether all is well.
func ready(ctx context.Context, target string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target+"/readyz", http.NoBody)
	if err != nil {
		return invalid{"target", "is not a URL, as in http://127.0.0.1:8081"}
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask for readiness: %w", err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", target, a.Status)
	}
	return nil
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "sentinel", version) },
	}
}

func random(b []byte) { _, _ = rand.Read(b) } // never fails: it ends the process instead
