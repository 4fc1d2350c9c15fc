package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A check gathers mistakes.
type check struct{ wrong []error }

func (k *check) that(ok bool, key, problem string, args ...any) {
	if !ok {
		k.wrong = append(k.wrong, engine.Invalid{Field: key, Problem: fmt.Sprintf(problem, args...)})
	}
}

// Validate reports every mistake, each an engine.Invalid with the key and the remedy, joined.
func (c Config) Validate() error {
	var k check
	k.gateway(c.Gateway)
	k.clients(c.Clients)
	k.identity(c.Identity)
	k.rules(c.Rules)
	k.logs(c.Logs)
	k.listener("gateway", c.Gateway.Listen, c.Gateway.TLS)
	k.listener("console", c.Console.Listen, c.Console.TLS)
	k.listener("service", c.Service.Listen, c.Service.TLS)
	k.apart(c)
	for _, o := range c.Console.Origins {
		u, err := url.Parse(o)
		k.that(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Path == "", "console.origins", "holds %q, which is no origin, as in https://console.example.com", o)
	}
	for i, from := range c.Service.Authz.From {
		k.that(from.Bits() > 0, fmt.Sprintf("service.authz.from[%d]", i), "is everybody: name the proxies that ask")
	}
	k.that(c.Storage.Data != "", "storage.data", "needs a directory, as in data")
	k.url("storage.database", c.Storage.Database, "postgres", "postgresql")
	k.url("redis.url", c.Redis.URL, "redis", "rediss", "unix")
	k.secret(c.Secret)
	k.decoyKeys(c.DecoyKeys)
	k.retention(c.Retention)
	k.that(c.Engine.Memory == 0 || c.Engine.Memory >= 64<<20, "engine.memory", "must be at least 64MB, or 0: no bound")
	k.policy(c.Policy())
	return errors.Join(k.wrong...)
}

func (k *check) gateway(g Gateway) {
	k.that(g.Mode == Observe || g.Mode == Enforce, "gateway.mode", "must be observe or enforce, not %q", g.Mode)
	for i, p := range g.ProxyProtocol {
		k.that(p.Bits() > 0, fmt.Sprintf("gateway.proxy_protocol[%d]", i), "lets everybody say who he is: name your balancers")
	}
	names := map[string]bool{}
	for i, u := range g.Upstreams {
		key := fmt.Sprintf("gateway.upstreams[%d]", i)
		k.upstream(key, u)
		k.that(u.Name == "" || !names[u.Name], key+".name", "is used twice")
		names[u.Name] = true
	}
	if f := g.Routes.OpenAPI; f != "" {
		_, err := os.Stat(f)
		k.that(err == nil, "gateway.routes.openapi", "can't be read: %v", err)
	}
	for _, f := range []struct{ key, does string }{{"normal", g.Failure.Normal}, {"sensitive", g.Failure.Sensitive}} {
		k.that(slices.Contains([]string{"open", "tighten", "closed"}, f.does), "gateway.failure."+f.key, "must be open, tighten or closed, not %q", f.does)
	}
	for _, l := range []struct {
		key   string
		paths []string
	}{{"deny", g.Deny}, {"skip", g.Skip}, {"routes.sensitive", g.Routes.Sensitive}} {
		for _, p := range l.paths {
			k.that(strings.HasPrefix(p, "/") && strings.Trim(p, "/") != "", "gateway."+l.key, "holds %q: write a path, as in /admin, and not all of them", p)
		}
	}
	k.that(g.Drain >= 0 && g.Drain <= 10*time.Minute, "gateway.drain", "must be 0s to 10m")
}

func (k *check) upstream(key string, u Upstream) {
	targets := slices.Clone(u.URLs)
	if u.URL != "" {
		targets = append(targets, u.URL)
	}
	k.that(len(targets) > 0, key+".url", "is missing: where is the API, as in http://127.0.0.1:9000?")
	k.that(u.URL == "" || len(u.URLs) == 0, key+".url", "and urls can't both be given")
	for _, t := range targets {
		at, err := url.Parse(t)
		k.that(err == nil && (at.Scheme == "http" || at.Scheme == "https") && at.Hostname() != "" && at.User == nil && at.RawQuery == "" && at.Fragment == "" && (at.Path == "" || at.Path == "/"),
			key+".url", "%q must be http://host:port or https://host:port without a path", t)
	}
	for _, h := range u.Hosts {
		k.that(h != "" && !strings.ContainsAny(h, "/ :") && strings.LastIndex(h, "*") <= 0, key+".hosts", "holds %q, which is no name, as in api.example.com or *.example.com", h)
	}
	for _, p := range u.Paths {
		k.that(strings.HasPrefix(p, "/"), key+".paths", "holds %q, which has no slash in front", p)
	}
	if u.CAFile != "" {
		_, err := os.Stat(u.CAFile)
		k.that(err == nil, key+".ca_file", "can't be read: %v", err)
	}
	k.that(u.Health.Path == "" || strings.HasPrefix(u.Health.Path, "/"), key+".health.path", "needs a slash in front, as in /healthz")
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"health.every", u.Health.Every}, {"health.timeout", u.Health.Timeout}, {"connect", u.Connect}, {"answer", u.Answer}, {"idle", u.Idle}} {
		k.that(d.value >= 10*time.Millisecond && d.value <= time.Hour, key+"."+d.key, "must be 10ms to 1h")
	}
}

// everybody are networks so wide that to trust them is to trust everybody.
const widestTrusted4, widestTrusted6 = 4, 8

func (k *check) clients(c Clients) {
	for i, p := range c.TrustedProxies {
		widest := widestTrusted4
		if p.Addr().Is6() {
			widest = widestTrusted6
		}
		k.that(p.Bits() >= widest, fmt.Sprintf("clients.trusted_proxies[%d]", i), "%s trusts everybody to say who he is: name the addresses of your proxies", p)
	}
	for i, p := range c.NeverBlock {
		k.that(p.Bits() > 0, fmt.Sprintf("clients.never_block[%d]", i), "is everybody: use gateway.mode observe for that")
	}
	k.that(httpToken(c.Header), "clients.header", "%q is not the name of a header", c.Header)
}

func httpToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func (k *check) identity(i Identity) {
	for _, l := range []struct {
		key     string
		sources []Source
	}{{"keys", i.Keys}, {"accounts", i.Accounts}, {"sessions", i.Sessions}} {
		for n, s := range l.sources {
			key := fmt.Sprintf("identity.%s[%d]", l.key, n)
			k.that(slices.Contains([]string{"header", "cookie", "bearer", "json", "form", "query"}, s.In), key+".in", "must be header, cookie, bearer, json, form or query, not %q", s.In)
			k.that(s.In == "bearer" || s.Name != "", key+".name", "is missing")
			k.that(s.In != "header" || httpToken(s.Name), key+".name", "%q is not the name of a header", s.Name)
			for _, p := range s.Routes {
				k.that(strings.HasPrefix(p, "/"), key+".routes", "holds %q, which has no slash in front", p)
			}
			for _, m := range s.Methods {
				k.that(httpToken(m) && strings.ToUpper(m) == m, key+".methods", "holds %q: write methods in capitals, as in POST", m)
			}
		}
	}
}

func (k *check) rules(rules map[string]Rule) {
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		r, key := rules[id], "rules."+id
		k.that(slices.Contains([]string{modeEnforce, modeShadow, modeOff}, r.Mode), key+".mode", "must be enforce, shadow or off, not %q", r.Mode)
		_, ok := engine.ParseSeverity(strings.ToUpper(r.Severity))
		k.that(ok, key+".severity", "must be INFO, LOW, MEDIUM, HIGH or CRITICAL, not %q", r.Severity)
		k.that(len(r.Ladder) <= engine.MostRungs, key+".ladder", "must have %d steps at most", engine.MostRungs)
		k.that(!slices.Contains(r.Ladder, 0), key+".ladder", "holds 0s: write how long each step takes, as in [5m, 30m, 4h, 24h]")
		k.that(slices.Contains([]string{"block", "throttle", "monitor", onlyAlert}, strings.ToLower(r.Do)), key+".do", "must be block, throttle, monitor or alert, not %q", r.Do)
	}
}

// policy tells what the engine has against the settings, but where its words would repeat ours.
func (k *check) policy(p engine.Policy) {
	ours := mistakes{}
	ours.look(errors.Join(k.wrong...))
	for _, e := range apart(p.Validate()) {
		if in, ok := errors.AsType[engine.Invalid](e); ok {
			in.Field = settingOf(in.Field)
			e = in
		}
		k.wrong = append(k.wrong, ours.fresh(e)...)
	}
}

// settingOf the policy's field is what the operator wrote.
func settingOf(field string) string {
	switch field {
	case "denies":
		return "gateway.deny"
	case "skips":
		return "gateway.skip"
	case "clients", "decisions", "late", "collateral":
		return "engine." + field
	}
	return field
}

func (k *check) logs(logs []Log) {
	stdin := 0
	for i, l := range logs {
		key := fmt.Sprintf("logs[%d]", i)
		k.that(l.File != "", key+".file", "is missing; - is standard input")
		k.that(slices.Contains([]string{"", Traffic, Answers}, l.As), key+".as", "must be traffic or answers, not %q", l.As)
		if l.File == "-" {
			stdin++
		}
	}
	k.that(stdin < 2, "logs", "reads standard input twice")
}

func (k *check) listener(name, listen string, tls TLS) {
	_, port, err := net.SplitHostPort(listen)
	n, bad := strconv.Atoi(port)
	k.that(err == nil && bad == nil && n >= 0 && n < 1<<16, name+".listen", "%q is not host:port, as in 127.0.0.1:8000", listen)
	k.that((tls.Cert == "") == (tls.Key == ""), name+".tls", "needs both cert and key")
	for _, f := range []struct{ key, path string }{{"cert", tls.Cert}, {"key", tls.Key}} {
		if f.path != "" {
			b, err := os.Open(f.path)
			k.that(err == nil, name+".tls."+f.key, "can't be read: %v", err)
			_ = b.Close() // it was read only
		}
	}
}

// apart sees to it that no listener is another's: the console must not be reached through the gateway.
func (k *check) apart(c Config) {
	at := map[string]string{}
	for _, l := range []struct{ name, listen string }{{"gateway", c.Gateway.Listen}, {"console", c.Console.Listen}, {"service", c.Service.Listen}} {
		if strings.HasSuffix(l.listen, ":0") {
			continue
		}
		other, taken := at[l.listen]
		k.that(!taken, l.name+".listen", "%s is %s.listen too: give each a port of its own", l.listen, other)
		at[l.listen] = l.name
	}
}

func (k *check) url(key, text string, schemes ...string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil { // the error would repeat a password in it
		k.that(false, key, "is not a URL, as in %s://host", schemes[0])
		return
	}
	k.that(slices.Contains(schemes, u.Scheme), key, "begins with %q: it needs %s://", u.Scheme, schemes[0])
}

// decoyKeys are secret: none is told.
func (k *check) decoyKeys(keys []string) {
	k.that(len(keys) <= engine.MostPaths, "decoy_keys", "must be %d at most", engine.MostPaths)
	for i, key := range keys {
		at := fmt.Sprintf("decoy_keys[%d]", i)
		k.that(strings.TrimSpace(key) != "", at, "is empty: write a key that was given to nobody")
		k.that(strings.TrimSpace(key) == key || strings.TrimSpace(key) == "", at, "has spaces around it, which no request carries: take them away")
	}
}

const shortestSecret = 32

func (k *check) secret(s string) {
	if s == "" {
		return
	}
	letters := map[rune]bool{}
	for _, r := range s {
		letters[r] = true
	}
	k.that(len(s) >= shortestSecret && len(letters) >= 10, "secret", "can be guessed: it needs at least %d characters of chance, as from openssl rand -hex 32", shortestSecret)
}

func (k *check) retention(r Retention) {
	for _, c := range []struct {
		key   string
		value time.Duration
		least time.Duration
	}{{"exchanges", r.Exchanges, time.Hour}, {"alerts", r.Alerts, day}, {"audit", r.Audit, day}, {"rollups", r.Rollups, day}} {
		k.that(c.value == 0 || c.value >= c.least && c.value <= 100*365*day, "retention."+c.key, "must be %s to 36500d, or 0s: for ever", Span(c.least))
	}
	k.that(r.Size == 0 || r.Size >= 64<<20, "retention.size", "must be at least 64MB, or 0: no bound")
}

// Everywhere reports whether a host and port are reached from other machines.
func Everywhere(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || host == "localhost" {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err != nil || !a.Unmap().IsLoopback()
}

func overTLS(origin string) bool { return strings.HasPrefix(strings.ToLower(origin), "https://") }

// Warnings are what works and is probably not meant.
func (c Config) Warnings() []string {
	var out []string
	warn := func(when bool, text string, args ...any) {
		if when {
			out = append(out, fmt.Sprintf(text, args...))
		}
	}
	warn(len(c.Gateway.Upstreams) == 0, "gateway.upstreams is empty: the gateway stays closed; forward-auth, logs and decisions work")
	warn(Everywhere(c.Console.Listen) && c.Console.TLS.Cert == "", "console.listen %s is reached from other machines without TLS: passwords can be read on the way", c.Console.Listen)
	warn(Everywhere(c.Service.Listen) && c.Service.TLS.Cert == "", "service.listen %s is reached from other machines without TLS: API keys can be read on the way", c.Service.Listen)
	warn(c.Console.TLS.Cert == "" && len(c.Clients.TrustedProxies) == 0 && slices.ContainsFunc(c.Console.Origins, overTLS), "console.origins names a proxy that speaks TLS, and clients.trusted_proxies is empty: all operators seem to come from that proxy, so who mistypes a password makes all of them wait")
	for _, p := range c.Clients.TrustedProxies {
		warn(p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16, "clients.trusted_proxies trusts all of %s to say who a client is", p)
	}
	warn(http.CanonicalHeaderKey(c.Clients.Header) != "X-Forwarded-For" && len(c.Clients.TrustedProxies) == 0, "clients.header is set and clients.trusted_proxies is empty: the header counts for nothing")
	return out
}
