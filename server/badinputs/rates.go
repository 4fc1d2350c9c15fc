package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// boundary sends bursts around the edge of a window of the clock.
func (j *job) boundary(ctx context.Context) error {
	in := j.c.Input
	window := time.Duration(number(in, "window_s", 60) * float64(time.Second))
	edge := time.Now().Add(time.Second).Truncate(window).Add(window)
	passed := 0
	for _, v := range list(in["send"]) {
		pair := list(v)
		if len(pair) != 2 {
			return notRun("send takes an offset and a number")
		}
		offset, err := strconv.ParseFloat(fmt.Sprint(pair[0]), 64)
		if err != nil {
			return notRun("send takes an offset in seconds")
		}
		n, _ := pair[1].(float64)
		pause(ctx, time.Until(edge.Add(time.Duration(offset*float64(time.Second)))))
		p := &pusher{product: j.product, from: "127.0.0.9", n: int(n), conns: 10, depth: 1, of: func(_ int, b *bytes.Buffer) { ask(b, http.MethodGet, "/api/ping") }}
		statuses, err := p.push(ctx)
		if err != nil {
			return err
		}
		ok, _, _ := tally(statuses)
		passed += ok
	}
	j.out.figures["allowed"] = float64(passed)
	return nil
}

// race sends one request on each of many connections at the same moment.
func (j *job) race(ctx context.Context) error {
	n := int(number(j.c.Input, "concurrency", 100))
	conns := make([]net.Conn, n)
	defer closeAll(conns)
	var request bytes.Buffer
	if path := text(j.c.Input, "path"); path == "/login" {
		signIn(&request, "", "alice", "")
	} else {
		ask(&request, http.MethodGet, "/api/ping")
	}
	for i := range conns {
		var err error
		if conns[i], err = j.tcp(ctx, j.from()); err != nil {
			return err
		}
	}
	before := j.product.echo.count.Load()
	start := make(chan struct{})
	var all sync.WaitGroup
	for _, c := range conns {
		all.Go(func() {
			<-start
			_ = c.SetDeadline(time.Now().Add(15 * time.Second)) // a connection takes deadlines
			if _, err := c.Write(request.Bytes()); err == nil {
				_, _ = c.Read(make([]byte, 512)) // what the API saw is counted there
			}
		})
	}
	close(start)
	all.Wait()
	j.product.echo.settle(ctx)
	j.out.figures["allowed"] = float64(j.product.echo.count.Load() - before)
	return nil
}

// spray has addresses sign in as users, so many times each.
func (j *job) spray(ctx context.Context) error {
	in := j.c.Input
	users, ips, each := int(number(in, "users", 1)), int(number(in, "ips", 1)), int(number(in, "attempts_per_ip", number(in, "attempts_per_user", 1)))
	n := ips * each
	if in["attempts_per_ip"] == nil {
		n = users * each
	}
	p := &pusher{product: j.product, from: "127.0.0.1", n: n, conns: 1, depth: 1, of: func(i int, b *bytes.Buffer) {
		signIn(b, source(i%ips).String(), fmt.Sprintf("user-%d", i%users), "")
	}}
	statuses, err := p.push(ctx)
	if err != nil {
		return err
	}
	passed, refused, _ := tally(statuses)
	j.out.figures["allowed"], j.out.figures["blocked_requests"] = float64(passed), float64(refused)
	j.counts = byActor
	return nil
}

// userVariants signs in under spellings of one name, each from an address of its own, so that
// nothing but the name can bring them together.
func (j *job) userVariants(ctx context.Context) error {
	in := j.c.Input
	variants, each := texts(in["variants"]), int(number(in, "attempts_each", 1))
	p := &pusher{product: j.product, from: "127.0.0.1", n: len(variants) * each, conns: 1, depth: 1, of: func(i int, b *bytes.Buffer) {
		signIn(b, source(i/each).String(), variants[i/each], "")
	}}
	statuses, err := p.push(ctx)
	if err != nil {
		return err
	}
	if _, refused, lost := tally(statuses); refused+lost > 0 {
		return fmt.Errorf("%d attempts were refused before the name was read", refused+lost)
	}
	j.counts = byAccount
	return nil
}

// mix spreads requests of one client over spellings of a path, or over methods.
func (j *job) mix(ctx context.Context) error {
	in := j.c.Input
	paths, methods := texts(in["paths"]), texts(in["methods"])
	if len(paths) == 0 {
		paths = []string{"/login"}
	}
	if len(methods) == 0 {
		methods = []string{http.MethodPost}
	}
	before := j.product.echo.count.Load()
	p := &pusher{product: j.product, from: "127.0.0.9", n: int(number(in, "n", 10)), conns: 1, depth: 1, of: func(i int, b *bytes.Buffer) {
		body := `{"username":"alice","password":"x"}`
		fmt.Fprintf(b, "%s %s HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			methods[i%len(methods)], paths[i%len(paths)], len(body), body)
	}}
	if _, err := p.push(ctx); err != nil {
		return err
	}
	j.product.echo.settle(ctx)
	j.out.figures["allowed"] = float64(j.product.echo.count.Load() - before)
	return nil
}

// rotate has one client name another address in a header with every request: through nobody that
// is trusted, unless the case says so.
func (j *job) rotate(ctx context.Context) error {
	in := j.c.Input
	from, path, header := text(in, "via"), text(in, "path"), text(in, "header")
	if from == "" {
		from = j.from()
	}
	if path == "" {
		path = "/api/ping"
	}
	if header == "" {
		header = "X-Forwarded-For"
	}
	prefix, err := netip.ParsePrefix(text(object(in["ips"]), "$ip6_in") + text(in, "prefix"))
	p := &pusher{product: j.product, from: from, n: int(number(in, "n", 100)), conns: 1, depth: 1, of: func(i int, b *bytes.Buffer) {
		a := source(i)
		if err == nil {
			a = addressIn(prefix, i)
		}
		ask(b, http.MethodGet, path, header+": "+a.String())
	}}
	statuses, err := p.push(ctx)
	if err != nil {
		return err
	}
	passed, refused, _ := tally(statuses)
	j.out.figures["allowed"], j.out.figures["blocked_requests"] = float64(passed), float64(refused)
	j.counts = byActor
	return nil
}

// retryAfter goes over the limit and keeps what the first refusal says about coming back.
func (j *job) retryAfter(ctx context.Context) error {
	limit := int(number(j.c.Input, "limit", 10))
	for i := range limit + 5 {
		w, err := call{from: "127.0.0.9", to: j.product.gateway, head: []byte("GET /api/ping HTTP/1.1\r\nHost: app.test\r\n\r\n")}.send(ctx)
		if err != nil {
			return err
		}
		if w.decision() != blocked {
			continue
		}
		j.out.wires = append(j.out.wires, w)
		j.note("refused at request %d with %d", i+1, w.answers[0].status)
		after, err := strconv.ParseFloat(strings.TrimSpace(w.answers[0].header.Get("Retry-After")), 64)
		if err == nil {
			j.out.figures["retry_after"] = max(after, j.out.figures["retry_after"])
		}
	}
	if len(j.out.wires) == 0 {
		return fmt.Errorf("nothing is refused above the limit of %d", limit)
	}
	return nil
}

const natSeconds = 10

// nat is an office: many users who sign in well, behind one address.
func (j *job) nat(ctx context.Context) error {
	in := j.c.Input
	rps, ips, users := number(in, "rps", 10), int(number(in, "ips", 1)), int(number(in, "users", 10))
	p := &pusher{product: j.product, from: "127.0.0.1", n: max(int(rps*natSeconds), users), conns: 2, depth: 1, rate: rps, of: func(i int, b *bytes.Buffer) {
		user := i % users
		if i < users {
			signIn(b, source(i%ips).String(), fmt.Sprintf("user-%d", user), "")
			return
		}
		ask(b, http.MethodGet, "/api/ping", "X-Forwarded-For: "+source(i%ips).String(), fmt.Sprintf("Cookie: sid=session-%d", user))
	}}
	statuses, err := p.push(ctx)
	if err != nil {
		return err
	}
	_, refused, lost := tally(statuses)
	j.out.figures["blocked_requests"] = float64(refused + lost)
	return nil
}

// halfClose opens many connections that say no more: half of them after a request, half in the
// middle of one.
func (j *job) halfClose(ctx context.Context) error {
	conns := make([]net.Conn, int(number(j.c.Input, "n", 100)))
	defer closeAll(conns)
	for i := range conns {
		c, err := j.tcp(ctx, "127.0.0.9")
		if err != nil {
			return err
		}
		conns[i] = c
		said := "GET /api/ping HTTP/1.1\r\nHost: app.test\r\n\r\n"
		if i%2 == 1 {
			said = said[:len(said)-2]
		}
		if _, err := c.Write([]byte(said)); err != nil {
			return err
		}
		if half, ok := c.(*net.TCPConn); ok {
			_ = half.CloseWrite() // the server may have gone first
		}
	}
	return j.dwindledWhile(ctx)
}

// slow opens many connections that say nothing, or a byte of a request now and then.
func (j *job) slow(ctx context.Context, kind string) error {
	in := j.c.Input
	seconds := number(in, "seconds", number(in, "hold_s", 10))
	conns := make([]net.Conn, int(number(in, "conns", number(in, "n", 100))))
	defer closeAll(conns)
	said := map[string]string{
		"idle_conns": "", "idle": "", "slow_body": "POST /api/ping HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\nx",
	}
	begin, known := said[kind]
	if !known {
		begin = "GET /api/ping HTTP/1.1\r\nHost: app.test\r\nX-Slow: "
	}
	for i := range conns {
		var err error
		if conns[i], err = j.tcp(ctx, "127.0.0.9"); err != nil {
			return err
		}
		if _, err := conns[i].Write([]byte(begin)); err != nil {
			return err
		}
	}
	until := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for time.Now().Before(until) && ctx.Err() == nil {
		pause(ctx, time.Duration(number(in, "interval_s", 1)*float64(time.Second)))
		for _, c := range conns {
			if begin != "" {
				_, _ = c.Write([]byte("x")) // the gateway may have hung up, and should
			}
		}
	}
	return j.dwindledWhile(ctx)
}

// dwindledWhile measures goroutines before the connections are closed from our side.
func (j *job) dwindledWhile(ctx context.Context) error {
	if !j.asks("goroutine") {
		return nil
	}
	return j.dwindled(ctx, j.goroutines)
}

// exhaust opens more connections than the process has descriptors, sees whether those that
// stood go on, and how soon new ones are taken when the others have gone.
func (j *job) exhaust(ctx context.Context) error {
	in := j.c.Input
	n := int(number(in, "n", 0))
	if over, ok := strings.CutPrefix(text(in, "n"), "rlimit_nofile+"); ok {
		more, err := strconv.Atoi(over)
		if err != nil {
			return notRun("n is no number")
		}
		n = 1024 + more
	}
	standing := make([]net.Conn, 5)
	defer closeAll(standing)
	for i := range standing {
		var err error
		if standing[i], err = j.tcp(ctx, "127.0.0.1"); err != nil {
			return err
		}
		if !oneMore(standing[i]) {
			return fmt.Errorf("a connection gets no answer before anything was done")
		}
	}
	flood := make([]net.Conn, 0, n)
	for range n {
		if c, err := j.tcp(ctx, "127.0.0.9"); err == nil {
			flood = append(flood, c)
		}
	}
	ok := true
	for _, c := range standing {
		ok = ok && oneMore(c)
	}
	j.out.facts["existing_conns_ok"] = ok
	j.note("%d of %d connections stood", len(flood), n)
	closeAll(flood)
	began := time.Now()
	j.out.figures["recovers_s"] = 1e9
	for time.Since(began) < 30*time.Second && ctx.Err() == nil {
		c, err := j.tcp(ctx, "127.0.0.1")
		if err == nil {
			well := oneMore(c)
			_ = c.Close() // it has been used
			if well {
				j.out.figures["recovers_s"] = time.Since(began).Seconds()
				break
			}
		}
		pause(ctx, 50*time.Millisecond)
	}
	return nil
}
