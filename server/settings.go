package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

// settings adds --config and the flags that stand for keys to a command, and returns what reads them.
func settings(c *cobra.Command) func() (config.Config, error) {
	f := c.Flags()
	file := f.String("config", "", "YAML `file`; sentinel.example.yml holds every setting")
	byKey := map[string]string{
		"gateway-listen": "gateway.listen", "gateway-mode": "gateway.mode", "console-listen": "console.listen",
		"service-listen": "service.listen", "data": "storage.data", "database": "storage.database", "redis": "redis.url",
	}
	for flag, key := range byKey {
		f.String(flag, "", "overrules `"+key+"`")
	}
	return func() (config.Config, error) {
		s := config.Sources{File: *file, Environ: os.Environ(), Flags: map[string]string{}, Packs: packsIn}
		for flag, key := range byKey {
			if f.Changed(flag) {
				s.Flags[key] = f.Lookup(flag).Value.String()
			}
		}
		return config.Load(s)
	}
}

// packsIn are the rules that come with the program, and those in a directory after them.
func packsIn(dir string) ([]engine.Rule, error) {
	set, err := rules.All(dir)
	return set.Rules(), err
}

// complete adds to the mistakes of settings what only a start would find in the files that they
// name and in the formats of logs, so that all are told at once.
func complete(cfg config.Config, err error) error {
	var wrong []error
	for _, l := range []struct {
		key   string
		files config.TLS
	}{{"gateway.tls", cfg.Gateway.TLS}, {"console.tls", cfg.Console.TLS}, {"service.tls", cfg.Service.TLS}} {
		if l.files.Cert == "" {
			continue
		}
		if _, err := tls.LoadX509KeyPair(l.files.Cert, l.files.Key); err != nil {
			wrong = append(wrong, engine.Invalid{Field: l.key, Problem: "can't be used: " + err.Error()})
		}
	}
	for i, l := range cfg.Logs {
		_, err := logFormat(i, l)
		wrong = append(wrong, err)
	}
	if all := cfg.And(errors.Join(wrong...)); all != nil {
		return all
	}
	return err // of a file that could not be read at all
}

// usable tries whether upstreams stand in each other's way, and the files that they need. Nothing is
// opened for others and nothing stays.
func usable(cfg config.Config) error {
	quiet := slog.New(slog.DiscardHandler)
	s, err := newSite(cfg, reading(cfg, []byte("unused"), quiet), &lasting{}, nil, quiet)
	if err == nil {
		s.close()
	}
	return cfg.And(err)
}

func configCommand() *cobra.Command {
	root := &cobra.Command{Use: "config", Short: "Check or print the settings of serve"}
	check := &cobra.Command{
		Use:   "check",
		Short: "Exit with 0 when the settings can be used, else name every mistake and its remedy",
		Args:  cobra.NoArgs,
	}
	read := settings(check)
	check.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := read()
		if err := complete(cfg, err); err != nil {
			return err
		}
		if err := usable(cfg); err != nil {
			return err
		}
		for _, w := range cfg.Warnings() {
			fmt.Fprintln(c.OutOrStdout(), "warning:", w)
		}
		fmt.Fprintln(c.OutOrStdout(), "the settings can be used")
		return nil
	}
	show := &cobra.Command{
		Use:   "print",
		Short: "Print the settings that hold, secrets hidden",
		Args:  cobra.NoArgs,
	}
	take := settings(show)
	show.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := take()
		if err != nil {
			return err
		}
		text, err := cfg.Print()
		fmt.Fprint(c.OutOrStdout(), text)
		return err
	}
	root.AddCommand(check, show)
	return root
}
