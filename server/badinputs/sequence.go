package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// sequence runs the steps of a case in their order; each has an outcome of its own.
func (j *job) sequence(ctx context.Context) error {
	for i, v := range list(j.c.Input["steps"]) {
		step := object(v)
		o := newOutcome(object(step["request"]))
		j.out.steps = append(j.out.steps, o)
		if err := j.step(ctx, step, o); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		if o.facts["warned"] {
			j.out.facts["warned"] = true
		}
	}
	if _, told := j.out.facts["warned"]; !told {
		j.out.facts["warned"] = false
	}
	every := j.product.echo.all()
	j.out.upstream = &every
	if last := j.out.last(); last != j.out {
		j.out.decided = last.decision()
		maps.Copy(j.out.figures, last.figures)
	}
	return nil
}

func (j *job) step(ctx context.Context, step tree, o *outcome) error {
	switch do := text(step, "do"); do {
	case "block", "blacklist":
		return j.placed(ctx, "blacklist", step, o)
	case "allow", "whitelist":
		return j.placed(ctx, "whitelist", step, o)
	case "monitor":
		return j.placed(ctx, "monitor", step, o)
	case "unblock", "lift", "remove", "disallow":
		return j.asked(ctx, "/api/ip-management/remove", tree{"identifier": text(step, "value")}, o)
	case "http", "raw":
		in := object(step["request"])
		if in == nil {
			in = step
			o.input = in
		}
		return j.request(ctx, in, do, o)
	case "wait":
		pause(ctx, time.Duration(number(step, "s", 0)*float64(time.Second)))
		return nil
	case "login_fail_many":
		return j.failSignIns(ctx, step, o)
	case "parallel":
		return j.parallel(ctx, step, o)
	case "restart":
		return j.product.restart(ctx)
	default:
		return notRun("nothing does the step " + do)
	}
}

// placed puts an entry on the lists; a warning in the answer is kept.
func (j *job) placed(ctx context.Context, action string, step tree, o *outcome) error {
	path, entry := "/api/ip-management/add", tree{"ip": step["value"], "action": action, "reason": "bad inputs"}
	if ttl := number(step, "ttl_s", 0); ttl > 0 && action == "blacklist" {
		path, entry = "/api/monitoring/block-ip", tree{"ip": step["value"], "reason": "bad inputs", "duration": ttl}
	}
	return j.asked(ctx, path, entry, o)
}

func (j *job) asked(ctx context.Context, path string, v tree, o *outcome) error {
	status, body, err := j.product.rest(ctx, path, v)
	if err != nil {
		return err
	}
	o.wires = append(o.wires, wire{answers: []answer{{status: status, header: http.Header{}, body: body, bytes: int64(len(body))}}})
	var told struct{ Warning, Warnings any }
	if json.Unmarshal(body, &told) == nil {
		o.facts["warned"] = told.Warning != nil || told.Warnings != nil
	}
	return nil
}

// failSignIns has many addresses fail to sign in, one after the other.
func (j *job) failSignIns(ctx context.Context, step tree, o *outcome) error {
	prefix := netip.MustParsePrefix("198.51.100.91/32")
	if g := object(step["ips"]); g != nil {
		var err error
		if prefix, err = netip.ParsePrefix(text(g, "$ip6_in")); err != nil {
			return notRun("ips is no prefix")
		}
	} else if ip := text(step, "ip"); ip != "" {
		if prefix = network(ip); !prefix.IsValid() {
			return notRun("ip is no address")
		}
	}
	n := int(number(step, "n", 1))
	before := len(j.product.echo.all())
	p := &pusher{product: j.product, from: "127.0.0.1", n: n, conns: 1, depth: 1, of: func(i int, b *bytes.Buffer) {
		signIn(b, addressIn(prefix, i).String(), text(step, "user"), "")
	}}
	statuses, err := p.push(ctx)
	if err != nil {
		return err
	}
	o.wires = append(o.wires, wire{answers: []answer{{status: statuses[len(statuses)-1], header: http.Header{}}}})
	j.counts = byActor
	reached := j.product.echo.all()[before:]
	o.upstream = &reached
	return nil
}

// parallel does one step many times at once.
func (j *job) parallel(ctx context.Context, step tree, o *outcome) error {
	var all sync.WaitGroup
	n := int(number(step, "n", 1))
	outs, errs := make([]*outcome, n), make([]error, n)
	for i := range n {
		outs[i] = newOutcome(nil)
		all.Go(func() { errs[i] = j.step(ctx, object(step["step"]), outs[i]) })
	}
	all.Wait()
	for i := range n {
		if errs[i] != nil {
			return errs[i]
		}
		o.wires = append(o.wires, outs[i].wires...)
	}
	return nil
}
