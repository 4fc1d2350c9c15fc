package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// What cases call settings, and what this product does. One that is not here keeps its name.
var settingNames = map[string]string{
	"trusted_proxies": "clients.trusted_proxies", "client_header": "clients.header", "listen": "gateway.listen",
	"admin_listen": "console.listen", "session_key": "secret", "secret_key": "secret", "admin_token_file": "secret_file",
	"session_key_file": "secret_file", "redis_url": "redis.url", "db_dsn": "storage.database", "database_url": "storage.database",
	"data_dir": "storage.data", "deny": "gateway.deny", "skip": "gateway.skip", "mode": "gateway.mode",
	"tls_cert": "gateway.tls.cert", "tls_key": "gateway.tls.key", "upstream_timeout": "gateway.answer",
	"limit": "rules.rate-abuse.more", "window": "rules.rate-abuse.within", "block_for": "rules.rate-abuse.for",
}

// config starts the product with settings of a case and watches what it does.
func (r *runner) config(ctx context.Context, c badCase) (*outcome, []string, error) {
	p := plan{rules: tree{}, set: tree{}, mayFail: true}
	set := object(c.Input["set"])
	if demo, _ := set["demo_mode"].(bool); demo {
		p.demo = true
		if at := text(set, "listen"); at != "" {
			p.args = append(p.args, "--listen", at)
		}
	} else {
		for name, v := range set {
			p.set[setting(name)] = v
		}
		if name, upstream := set["upstream"]; upstream {
			p.set["gateway.upstreams"] = []any{tree{"name": "api", "url": name}}
			delete(p.set, "upstream")
		}
	}
	for _, name := range texts(c.Input["unset"]) {
		p.unset = append(p.unset, setting(name))
	}
	for name, v := range object(c.Input["env"]) {
		if s, ok := v.(string); ok {
			p.env = append(p.env, name+"="+s)
		}
	}
	var spoiled [sha256.Size]byte
	if how := text(c.Input, "db"); how != "" {
		p.spoil = func(dir string) (err error) {
			spoiled, err = spoil(filepath.Join(dir, "sentinel.db"), how)
			return err
		}
	}
	for name := range c.Input {
		if name != "set" && name != "unset" && name != "env" && name != "db" {
			return nil, nil, notRun("nothing does " + name + " to the configuration")
		}
	}
	s, err := r.fixture.start(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	defer s.stop()
	j := &job{runner: r, product: s, c: c, out: newOutcome(c.Input)}
	o := j.out
	o.facts["exit_nonzero"] = !s.running() && s.exit != 0
	o.facts["alive"] = s.running()
	o.facts["warn_at_start"] = strings.Contains(s.said.String(), `"level":"WARN"`)
	o.figures["starts_s"] = s.startup.Seconds()
	if p.spoil != nil {
		o.facts["original_kept"] = kept(filepath.Join(s.dir, "data"), spoiled)
	}
	if s.running() && !p.demo {
		if err := j.tried(ctx); err != nil {
			return nil, nil, err
		}
	}
	if !s.running() {
		s.everywhere(ctx, o)
		j.note("it says: %s", lastLine(s.said.String()))
	}
	return o, j.notes, nil
}

func setting(name string) string {
	if key, ok := settingNames[name]; ok {
		return key
	}
	return name
}

// tried asks a product that runs what the words of the case are about.
func (j *job) tried(ctx context.Context) error {
	s, o := j.product, j.out
	o.health = s.health(ctx)
	if err := j.try(ctx); err != nil {
		return err
	}
	if j.asks("xff_ignored") {
		w, err := s.through(ctx, "198.51.100.66")
		if err != nil {
			return err
		}
		if err := s.settled(ctx); err != nil {
			return err
		}
		l, err := s.exchanges(ctx)
		if err != nil {
			return err
		}
		o.facts["xff_ignored"] = w.decision() == allowed && len(l) == 1 && l[0].Client == "127.0.0.1"
	}
	s.everywhere(ctx, o)
	return nil
}

// try finds out what is decided about the addresses that a case asks for.
func (j *job) try(ctx context.Context) error {
	var addresses []string
	wanted(j.c.Expect, &addresses)
	for _, a := range addresses {
		w, err := j.product.through(ctx, a)
		if err != nil {
			return err
		}
		j.out.decisions[a] = w.decision()
	}
	return nil
}

// through sends a good request of an address by way of the trusted proxy.
func (s *product) through(ctx context.Context, address string) (wire, error) {
	return call{from: "127.0.0.1", to: s.gateway, head: []byte("GET /api/ping HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: " + address + "\r\n\r\n")}.send(ctx)
}

// wanted are the addresses whose decision an expectation asks for.
func wanted(v any, out *[]string) {
	switch v := v.(type) {
	case tree:
		for a := range object(v["decision_for"]) {
			*out = append(*out, a)
		}
		for _, below := range v {
			wanted(below, out)
		}
	case []any:
		for _, below := range v {
			wanted(below, out)
		}
	}
}

var overwritten = regexp.MustCompile(`^first (\d+) bytes overwritten$`)

// spoil does to the database what a case says, and returns what the file is then.
func spoil(file, how string) (sum [sha256.Size]byte, err error) {
	b, err := os.ReadFile(file) //nolint:gosec // in a directory of our own
	if err != nil {
		return sum, err
	}
	switch m := overwritten.FindStringSubmatch(how); {
	case m != nil:
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return sum, err
		}
		copy(b, bytes.Repeat([]byte{0xA5}, min(n, len(b))))
	case strings.Contains(how, "truncated"), strings.Contains(how, "half"):
		b = b[:len(b)/2]
	case strings.Contains(how, "empty"), strings.Contains(how, "zero"):
		b = nil
	case strings.Contains(how, "random"), strings.Contains(how, "garbage"), strings.Contains(how, "overwritten"):
		b = bytes.Repeat([]byte{0xA5}, len(b))
	default:
		return sum, notRun("nothing does to the database: " + how)
	}
	return sha256.Sum256(b), os.WriteFile(file, b, 0o600) //nolint:gosec // in a directory of our own
}

// kept reports whether a file with this content still is in a directory.
func kept(dir string, sum [sha256.Size]byte) bool {
	found := false
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if b, err := os.ReadFile(path); err == nil && sha256.Sum256(b) == sum { //nolint:gosec // in a directory of our own
				found = true
			}
		}
		return nil // a file that has gone is not kept
	})
	return found
}
