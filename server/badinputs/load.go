package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// load plays what `how: load` describes, by its kind.
func (j *job) load(ctx context.Context) error {
	in := j.c.Input
	switch kind := text(in, "kind"); kind {
	case "distinct":
		return j.distinct(ctx)
	case "evict":
		return j.evict(ctx)
	case "hash_collide":
		return j.collide(ctx)
	case "boundary_burst":
		return j.boundary(ctx)
	case "race":
		return j.race(ctx)
	case "spray":
		return j.spray(ctx)
	case "user_variants":
		return j.userVariants(ctx)
	case "path_mix", "path_variants", "method_mix", "method_variants":
		return j.mix(ctx)
	case "retry_after":
		return j.retryAfter(ctx)
	case "legit_nat":
		return j.nat(ctx)
	case "xff_rotate", "rotate", "spoof", "ip_rotate", "header_rotate":
		return j.rotate(ctx)
	case "half_close":
		return j.halfClose(ctx)
	case "idle_conns", "idle", "slow_headers", "slow_header", "slowloris", "slow_body":
		return j.slow(ctx, kind)
	case "fd_exhaust":
		return j.exhaust(ctx)
	default:
		return notRun("nothing plays a load of kind " + kind)
	}
}

// leastScaled is how many are sent whatever the scale: about twice what every table holds.
const leastScaled = 250_000

// scaled is how many of n to send, with a note when that is fewer.
func (j *job) scaled(n float64) int {
	full := int(n)
	out := min(full, max(leastScaled, int(n*j.scale)))
	if out < full {
		j.note("%s of %s, factor %.3g", thousands(out), thousands(full), float64(out)/n)
	}
	return out
}

func thousands(n int) string {
	switch {
	case n >= 1_000_000 && n%100_000 == 0:
		return fmt.Sprintf("%gM", float64(n)/1e6)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}

// source i is an address of nobody else in a case, and never one that is trusted or listed.
func source(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 20<<24+uint32(i)) //nolint:gosec // below 20.0.0.0 and 100.0.0.0
	return netip.AddrFrom4(b)
}

func source6(i int) netip.Addr {
	var b [16]byte
	b[0], b[1] = 0x2a, 0x0e
	binary.BigEndian.PutUint32(b[4:], uint32(i)) //nolint:gosec // a number of the case: each in a /64 of its own
	b[15] = 1
	return netip.AddrFrom16(b)
}

// paced is how fast a load is sent where the delay of others is measured, in requests a second:
// PLAN L5 has 1 M sources in 10 minutes. For so long, when memory has been filled.
const (
	paced    = 1_700
	pacedFor = 15
)

// distinct sends many requests that differ in one field.
func (j *job) distinct(ctx context.Context) error {
	in := j.c.Input
	path := text(in, "path")
	if path == "" {
		path = "/api/ping"
	}
	of, err := differing(text(in, "field"), path)
	if err != nil {
		return err
	}
	if p, err := netip.ParsePrefix(text(object(in["ips"]), "$ip6_in") + text(in, "prefix")); err == nil {
		of = func(i int, b *bytes.Buffer) {
			ask(b, http.MethodGet, path, "X-Forwarded-For: "+addressIn(p, i).String())
		}
	}
	p := &pusher{product: j.product, from: "127.0.0.9", n: j.scaled(number(in, "n", 1000)), of: of}
	if via := text(in, "via"); via != "" {
		p.from = via
	}
	if err := j.pushAll(ctx, p); err != nil || !j.asks("legit_p99") {
		return err
	}
	j.beside.anew()
	return j.pushAll(ctx, &pusher{product: p.product, from: p.from, n: paced * pacedFor, rate: paced, of: func(i int, b *bytes.Buffer) { of(p.n+i, b) }})
}

// pushAll sends quietly, and tells how fast.
func (j *job) pushAll(ctx context.Context, p *pusher) error {
	j.product.echo.quiet.Store(true)
	defer j.product.echo.quiet.Store(false)
	began, spent := time.Now(), p.product.cpu()
	statuses, err := p.push(ctx)
	if err != nil {
		return err
	}
	passed, refused, lost := tally(statuses)
	j.note("%d/s at %.0f µs of work each", int(float64(p.n)/time.Since(began).Seconds()), (p.product.cpu()-spent).Seconds()*1e6/float64(max(p.n, 1)))
	if refused > 0 || lost > 0 {
		j.note("%d passed, %d refused, %d without an answer", passed, refused, lost)
	}
	var told struct{ Health struct{ TrafficLost int } }
	if p.product.graphql(ctx, "{health {trafficLost}}", &told) == nil && told.Health.TrafficLost > 0 {
		j.note("%d rows of traffic lost and counted", told.Health.TrafficLost)
	}
	if lost > p.n/100 {
		return fmt.Errorf("%d of %d got no answer", lost, p.n)
	}
	return nil
}

// differing writes requests that differ in one field, by the name that cases give it.
func differing(field, path string) (func(int, *bytes.Buffer), error) {
	header := func(format string) func(int, *bytes.Buffer) {
		return func(i int, b *bytes.Buffer) {
			ask(b, http.MethodGet, path, strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
		}
	}
	switch field {
	case "client_ip", "ip", "address":
		return func(i int, b *bytes.Buffer) { ask(b, http.MethodGet, path, "X-Forwarded-For: "+source(i).String()) }, nil
	case "client_ip6", "client_ipv6", "ipv6", "ip6", "ipv6_64", "ip6_64":
		return func(i int, b *bytes.Buffer) { ask(b, http.MethodGet, path, "X-Forwarded-For: "+source6(i).String()) }, nil
	case "user_agent":
		return header("User-Agent: visitor/%d"), nil
	case "session_cookie", "session", "cookie":
		return header("Cookie: sid=session-%d-0123456789"), nil
	case "api_key", "key":
		return header("X-API-Key: key-%d-0123456789"), nil
	case "token", "authorization", "bearer":
		return header("Authorization: Bearer token-%d"), nil
	case "referer":
		return header("Referer: http://x.test/%d"), nil
	case "header", "header_name":
		return header("X-H%d: v"), nil
	case "host":
		return func(i int, b *bytes.Buffer) {
			fmt.Fprintf(b, "GET %s HTTP/1.1\r\nHost: h%d.test\r\n\r\n", path, i)
		}, nil
	case "path":
		return func(i int, b *bytes.Buffer) {
			ask(b, http.MethodGet, fmt.Sprintf("/api/%x/%d", i*2654435761%(1<<32), i))
		}, nil
	case "query", "query_name", "query_param", "param":
		return func(i int, b *bytes.Buffer) { ask(b, http.MethodGet, fmt.Sprintf("%s?p%d=1", path, i)) }, nil
	case "method":
		return func(i int, b *bytes.Buffer) { ask(b, fmt.Sprintf("M%d", i), path) }, nil
	case "username", "user", "account":
		return func(i int, b *bytes.Buffer) { signIn(b, "", fmt.Sprintf("user-%d", i), "") }, nil
	}
	return nil, notRun("nothing differs in " + field)
}

// evict floods the memory of the detectors, and sees whether an attacker is still found, and
// whether newcomers are still served.
func (j *job) evict(ctx context.Context) error {
	in := j.c.Input
	via := text(in, "via")
	if via == "" {
		via = "127.0.0.1"
	}
	path := text(in, "path")
	of, err := differing("client_ip", "/api/ping")
	if err != nil {
		return err
	}
	if path == "/login" {
		of = func(i int, b *bytes.Buffer) { signIn(b, source(i).String(), "noise", "") }
	}
	attacker := text(in, "attacker")
	noise := &pusher{product: j.product, from: via, of: of, n: j.scaled(number(in, "noise_ips", number(in, "fill_ips", 0)))}
	if attacker == "" {
		if err := j.pushAll(ctx, noise); err != nil {
			return err
		}
		return j.newcomers(ctx, via, noise.n, int(number(in, "then_new_legit", 0)))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	attempts := int(number(in, "attempts", 1))
	var hit sync.WaitGroup
	at, failure := 0, error(nil)
	hit.Go(func() {
		for k := range attempts {
			for noise.done.Load() < int64(k)*int64(noise.n)/int64(attempts) && ctx.Err() == nil {
				pause(ctx, time.Millisecond)
			}
			one := &pusher{product: j.product, from: via, n: 1, conns: 1, depth: 1, of: func(_ int, b *bytes.Buffer) { signIn(b, attacker, "alice", "") }}
			statuses, err := one.push(ctx)
			if err != nil || ctx.Err() != nil {
				failure = err
				return
			}
			if _, refused, _ := tally(statuses); refused > 0 {
				at = k + 1
				return
			}
		}
	})
	err = j.pushAll(ctx, noise)
	if err != nil {
		cancel()
	}
	hit.Wait()
	if err != nil || failure != nil {
		return fmt.Errorf("%w, %w", err, failure)
	}
	if at == 0 {
		at = attempts + 1
	}
	j.out.figures["blocked_at_attempt"] = float64(at)
	j.note("refused at attempt %d", at)
	return nil
}

// newcomers are good clients that nobody has seen: how many of them are served.
func (j *job) newcomers(ctx context.Context, via string, seen, n int) error {
	p := &pusher{product: j.product, from: via, n: n, depth: 1, of: func(i int, b *bytes.Buffer) {
		ask(b, http.MethodGet, "/api/ping", "X-Forwarded-For: "+source(seen+i).String())
	}}
	statuses, err := p.push(ctx)
	if err != nil || n == 0 {
		return err
	}
	ok := 0
	for _, s := range statuses {
		if s == http.StatusOK {
			ok++
		}
	}
	pct := 100 * float64(ok) / float64(n)
	j.out.figures["newcomers_ok_pct"] = pct
	j.note("%.2f %% of %d newcomers are served", pct, n)
	if pct < number(j.c.Expect, "legit_ok_pct_min", 0) {
		return fmt.Errorf("%.2f %% of %d newcomers are served", pct, n)
	}
	return nil
}

// collide sends addresses whose hashes collide, and as many that do not, and compares the work.
func (j *job) collide(ctx context.Context) error {
	in := j.c.Input
	n := int(number(in, "n", 10_000))
	if j.scale < 1 {
		n = max(int(float64(n)*j.scale), min(n, 21_000))
		j.note("%s of %s, factor %.3g", thousands(n), thousands(int(number(in, "n", 0))), float64(n)/number(in, "n", 1))
	}
	via := text(in, "via")
	send := func(addresses []netip.Addr) (time.Duration, error) {
		before := j.product.cpu()
		p := &pusher{product: j.product, from: via, n: len(addresses), rate: paced, of: func(i int, b *bytes.Buffer) {
			ask(b, http.MethodGet, "/api/ping", "X-Forwarded-For: "+addresses[i].String())
		}}
		err := j.pushAll(ctx, p)
		return j.product.cpu() - before, err
	}
	hashes := texts(in["hash"])
	var colliding []netip.Addr
	for _, h := range hashes {
		some, err := collisions(h, n/len(hashes))
		if err != nil {
			return err
		}
		colliding = append(colliding, some...)
	}
	random := make([]netip.Addr, len(colliding))
	for i := range random {
		random[i] = source(rand.IntN(1 << 28)) //nolint:gosec // no secret
	}
	if _, err := send(random[:len(random)/4]); err != nil { // both find the process warm
		return err
	}
	plainly, err := send(random)
	if err != nil {
		return err
	}
	together, err := send(colliding)
	if err != nil {
		return err
	}
	ratio := together.Seconds() / max(plainly.Seconds(), 0.01)
	j.out.figures["cpu_ratio_vs_random"] = ratio
	j.note("%.2f times the work of random ones", ratio)
	return nil
}

// tcp opens a connection to the gateway.
func (j *job) tcp(ctx context.Context, from string) (net.Conn, error) {
	return dial(ctx, from, j.product.gateway)
}
