package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Config is what the demo is started with. Every field has a default that works.
type Config struct {
	Listen      string // host and port of the one listener
	Data        string // directory of the SQLite files and the key secret
	Database    string // postgres:// URL; empty for SQLite in Data
	Redis       string // redis:// URL; empty to count in memory
	AllowRemote bool   // listen elsewhere than on loopback, with a password
	Policy      engine.Policy
}

// Defaults is the demo that `make run` starts.
func Defaults() Config {
	return Config{Listen: "127.0.0.1:8080", Data: "data", Policy: engine.Defaults()}
}

// An invalid setting: which flag, and what to do about it.
type invalid struct{ flag, remedy string }

func (e invalid) Error() string { return "--" + e.flag + ": " + e.remedy }

// Validate names the first setting that can't work, and the remedy.
func (c Config) Validate() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "" {
		return invalid{"listen", fmt.Sprintf("%q is not host:port, as in 127.0.0.1:8080", c.Listen)}
	}
	if !loopback(host) && !c.AllowRemote {
		return invalid{"listen", c.Listen + " can be reached from other machines, and the demo signs everybody in as admin: " +
			"listen on 127.0.0.1, or add --allow-remote to have a password asked for"}
	}
	if c.Data == "" {
		return invalid{"data", "needs a directory, as in data"}
	}
	if err := scheme("database", c.Database, "postgres", "postgresql"); err != nil {
		return err
	}
	if err := scheme("redis", c.Redis, "redis", "rediss", "unix"); err != nil {
		return err
	}
	return c.Policy.Validate()
}

func scheme(flag, text string, known ...string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil { // the error would repeat a password in it
		return invalid{flag, "is not a URL, as in " + known[0] + "://host/name"}
	}
	if slices.Contains(known, u.Scheme) {
		return nil
	}
	return invalid{flag, fmt.Sprintf("begins with %q: it needs %s://", u.Scheme, known[0])}
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// secret reads the key that hashes API keys, making it at the first start. Whoever loses it
// only loses the link between old and new records of one key.
func secret(dir string, random func([]byte)) ([]byte, error) {
	path := filepath.Join(dir, "key.secret")
	b, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	if err == nil && len(b) == 32 {
		return b, nil
	}
	if err == nil {
		return nil, fmt.Errorf("%s holds %d bytes instead of 32: restore it, or remove it to have a new one made", path, len(b))
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the key secret: %w", err)
	}
	b = make([]byte, 32)
	random(b)
	// A half-written secret must not survive a crash, so it is moved into place whole.
	tmp := path + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return nil, fmt.Errorf("write the key secret: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return nil, fmt.Errorf("write the key secret: %w", err)
	}
	return b, nil
}
