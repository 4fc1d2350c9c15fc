package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A job is one case being run.
type job struct {
	*runner
	product    *product
	c          badCase
	out        *outcome
	notes      []string
	goroutines float64            // before
	beside     *legit             // nil: nobody asks how others fare
	counts     func(*outcome) int // what counted_keys counts here
}

func (j *job) note(format string, args ...any) {
	j.notes = append(j.notes, fmt.Sprintf(format, args...))
}

// asks reports whether a word of the expectation begins so.
func (j *job) asks(prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return asks(j.c.Expect, p) })
}

// run measures what is before, sends, and observes what is after.
func (j *job) run(ctx context.Context) error {
	s, o := j.product, j.out
	var err error
	if o.before, err = s.lists(ctx); err != nil {
		return err
	}
	if j.asks("goroutine") {
		if j.goroutines, err = s.goroutines(ctx); err != nil {
			return err
		}
	}
	resident, _ := s.memory()
	s.resetPeak()
	if j.asks("legit") {
		j.beside = s.beside(ctx)
	}
	spent, began := s.cpu(), time.Now()

	err = j.send(ctx)

	took := time.Since(began)
	if took > 0 {
		o.figures["cpu_cores"] = (s.cpu() - spent).Seconds() / took.Seconds()
	}
	if j.beside != nil {
		j.beside.stop(o)
	}
	if err != nil {
		return err
	}
	now, peak := s.memory()
	o.figures["rss_mb"], o.figures["rss_delta_mb"] = max(now, peak), max(now, peak)-resident
	if j.asks("rss") {
		j.note("%.0f MB resident at most, %.0f before", max(now, peak), resident)
	}
	if p99, measured := o.figures["legit_p99_ms"]; measured {
		j.note("others p50 %.2g ms, p99 %.2g ms, %.2f %% served", o.figures["legit_p50_ms"], p99, o.figures["legit_ok_pct"])
	}
	o.facts["alive"] = s.running() && s.control(ctx, controlPath) == nil
	if !s.running() {
		return nil
	}
	if _, measured := o.figures["goroutine_delta"]; j.asks("goroutine") && !measured {
		if err := j.dwindled(ctx, j.goroutines); err != nil {
			return err
		}
	}
	if j.asks("metrics_series") {
		series, err := s.metrics(ctx)
		if err != nil {
			return err
		}
		o.figures["metrics_series"] = float64(len(series))
	}
	return j.observe(ctx)
}

func (j *job) send(ctx context.Context) error {
	switch j.c.How {
	case "http", "raw":
		return j.twice(ctx, j.single)
	case "seq":
		return j.sequence(ctx)
	case "h2":
		return j.twice(ctx, j.http2)
	case "load":
		return j.load(ctx)
	}
	return notRun("nothing runs " + j.c.How)
}

// twice sends a case once, and again where it is asked whether it counts: that is one failure more
// than the rule lets pass, and were the first not counted, nothing would come of it.
func (j *job) twice(ctx context.Context, send func(context.Context) error) error {
	if err := send(ctx); err != nil || !j.asks("counted_ip") {
		return err
	}
	first := j.out
	j.out = newOutcome(j.c.Input)
	err := send(ctx)
	j.out = first
	return err
}

// single sends the one request of a case.
func (j *job) single(ctx context.Context) error {
	if err := j.request(ctx, j.c.Input, j.c.How, j.out); err != nil {
		return err
	}
	if j.asks("no_local_privilege") {
		w, err := j.judged(ctx)
		if err != nil {
			return err
		}
		d := w.decision()
		j.out.facts["no_local_privilege"] = d == blocked || d == rejected
	}
	return nil
}

// judged asks forward-auth with the address and the headers of the case: to be a proxy is the one
// privilege that an address has here.
func (j *job) judged(ctx context.Context) (wire, error) {
	in := tree{"method": "GET", "path": "/authz", "host": j.product.service, "headers": append(list(j.c.Input["headers"]),
		[]any{"X-Forwarded-Uri", "/api/ping"}, []any{"X-Forwarded-Method", "GET"})}
	head, body, err := request(in)
	if err != nil {
		return wire{}, err
	}
	return call{from: text(j.c.Input, "from"), to: j.product.service, head: head, body: body}.send(ctx)
}

// request sends one request as described, and adds what came of it to an outcome.
func (j *job) request(ctx context.Context, in tree, how string, o *outcome) error {
	c, err := j.product.describe(in, how)
	if err != nil {
		return err
	}
	c.linger = asks(j.c.Expect, "closed_within")
	if c.linger {
		c.within = max(c.within, time.Duration(number(j.c.Expect, "closed_within_s", 0)+5)*time.Second)
	}
	before := len(j.product.echo.all())
	w, err := c.send(ctx)
	if err != nil {
		return err
	}
	j.product.echo.settle(ctx)
	o.wires = append(o.wires, w)
	o.figures["elapsed_ms"] = float64(w.took.Microseconds()) / 1000
	o.facts["closed"] = w.closed
	if w.closed {
		o.figures["closed_s"], o.figures["closed_ms"] = w.ended.Seconds(), float64(w.ended.Milliseconds())
	} else {
		o.figures["closed_s"], o.figures["closed_ms"] = 1e9, 1e9
	}
	if !j.product.demo {
		reached := j.product.echo.all()[before:]
		o.upstream = &reached
	}
	return nil
}

// describe turns the object of a case into what is sent.
func (s *product) describe(in tree, how string) (call, error) {
	c := call{from: text(in, "from"), within: 10 * time.Second}
	var host string
	switch text(in, "target") {
	case "proxy", "":
		c.to, host = s.gateway, "app.test"
	case "admin":
		c.to, host = s.console, s.console
	case "fwdauth":
		c.to, host = s.service, s.service
	default:
		return c, notRun("there is no listener " + text(in, "target"))
	}
	if a, err := netip.ParseAddr(c.from); err == nil && a.Is6() {
		_, port, _ := strings.Cut(c.to, ":")
		c.to = "[::1]:" + port
	}
	var err error
	if how == "raw" {
		if c.body, err = expand(in["bytes"], latin1); err != nil {
			return c, err
		}
		head := make([]byte, 16)
		n, _ := c.body.open().Read(head)
		c.method, _, _ = strings.Cut(string(head[:n]), " ")
		c.within = time.Duration(number(in, "read_ms", 5000)) * time.Millisecond
		c.quiet = min(c.within, 400*time.Millisecond)
		return c, nil
	}
	if in["host"] == nil {
		with := tree{"host": host}
		maps.Copy(with, in)
		in = with
	}
	c.method = text(in, "method")
	c.head, c.body, err = request(in)
	if c.body.size > 64<<20 {
		c.within = 2 * time.Minute
	}
	return c, err
}

func (s *product) goroutines(ctx context.Context) (float64, error) {
	series, err := s.metrics(ctx)
	if err != nil {
		return 0, err
	}
	n, ok := series["go_goroutines"]
	if !ok {
		return 0, notRun("/metrics does not tell goroutines")
	}
	return n, nil
}

// dwindled waits until no more goroutines are left over than may be, and not longer than the case says.
func (j *job) dwindled(ctx context.Context, before float64) error {
	allowed := number(j.c.Expect, "goroutine_delta_max", 0)
	until := time.Now().Add(time.Duration(number(j.c.Expect, "after_s", 10)) * time.Second)
	for {
		n, err := j.product.goroutines(ctx)
		if err != nil {
			return err
		}
		j.out.figures["goroutine_delta"] = n - before
		if n-before <= allowed || time.Now().After(until) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// observe fetches what the words of the case are about.
func (j *job) observe(ctx context.Context) error {
	s, o := j.product, j.out
	if j.asks("client_ip", "flag", "log", "counted", "db_ok", "nowhere", "alerts", "blocks", "audit") || o.demo {
		if err := s.settled(ctx); err != nil {
			return err
		}
	}
	if j.asks("client_ip", "flag", "log", "counted", "db_ok", "nowhere") || o.demo {
		l, err := s.exchanges(ctx)
		if err != nil {
			return err
		}
		o.logged = &l
		h := s.health(ctx)
		o.facts["db_ok"] = len(l) > 0 && h["database"] == "ok" && h["traffic"] == "ok"
	}
	if o.demo && o.logged != nil {
		// The bank is asked for every exchange that was not refused.
		reached := []*seen{}
		for _, l := range *o.logged {
			if !l.Refused {
				reached = append(reached, &seen{method: l.Method, target: l.Path})
			}
		}
		if !j.asks("header", "raw_target", "body") {
			o.upstream = &reached
		}
	}
	var err error
	if o.after, err = s.lists(ctx); err != nil {
		return err
	}
	if actors := o.after.actors; j.asks("counted_ip") {
		o.facts["counted_ip"] = o.logged != nil && len(*o.logged) > 0 && slices.Contains(actors, (*o.logged)[len(*o.logged)-1].Client)
		o.words["counted_ip_is"] = strings.Join(actors, ", ")
	}
	if j.asks("counted_keys") && j.counts != nil {
		o.figures["counted_keys"] = float64(j.counts(o))
	}
	if j.asks("admin_listener_reachable") {
		status, _, err := s.get(ctx, "http://"+s.console+"/", false)
		o.facts["admin_listener_reachable"] = err == nil && status == http.StatusOK
	}
	if j.asks("nowhere", "log") {
		s.everywhere(ctx, o)
		o.facts["log_json_valid"] = allJSON(s.said.String())
	}
	if j.asks("decision_for") {
		if err := j.try(ctx); err != nil {
			return err
		}
	}
	if j.asks("health_field") {
		o.health = s.health(ctx)
	}
	if j.inside != nil && j.inside.asked != nil {
		o.figures["outbound_dns"] = float64(j.inside.asked.Load())
	}
	return nil
}

// byActor counts whom alerts are about, byAccount whom exchanges are for.
func byActor(o *outcome) int { return distinct(o.after.actors) }

func byAccount(o *outcome) int {
	var names []string
	for _, l := range *o.logged {
		names = append(names, l.Account)
	}
	return distinct(names)
}

func distinct(names []string) int {
	slices.Sort(names)
	return len(slices.Compact(names))
}

// allJSON reports whether every line of a log is JSON.
func allJSON(log string) bool {
	for line := range strings.SplitSeq(log, "\n") {
		if line != "" && !json.Valid([]byte(line)) {
			return false
		}
	}
	return true
}
