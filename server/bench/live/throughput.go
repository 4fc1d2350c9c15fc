package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

//go:embed clients.lua
var clients []byte

// A run is what wrk says.
type run struct {
	perSecond float64
	requests  int
	bad       int // answers that are not 2xx or 3xx
	errors    string
}

var (
	saysRate   = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	saysAll    = regexp.MustCompile(`(\d+) requests in`)
	saysBad    = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	saysErrors = regexp.MustCompile(`Socket errors: (.*)`)
)

// load asks an address for all it can answer, over 64 connections, for many clients in turn.
func load(ctx context.Context, dir, at, kind string, d time.Duration) (run, error) {
	script := filepath.Join(dir, "clients.lua")
	if err := os.WriteFile(script, clients, 0o600); err != nil {
		return run{}, fmt.Errorf("write the script: %w", err)
	}
	seconds := strconv.Itoa(max(1, int(d.Seconds()+0.5))) + "s"
	c := exec.CommandContext(ctx, "taskset", "-c", "1", "wrk", "-t1", "-c64", "-d", seconds, "--timeout", "8s", "-s", script, "http://"+at) //nolint:gosec // a benchmark's
	c.Env = append(os.Environ(), "KIND="+kind)
	out, err := c.CombinedOutput()
	if err != nil {
		return run{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	var r run
	if m := saysRate.FindSubmatch(out); m != nil {
		r.perSecond, err = strconv.ParseFloat(string(m[1]), 64)
	}
	if m := saysAll.FindSubmatch(out); m != nil && err == nil {
		r.requests, err = strconv.Atoi(string(m[1]))
	}
	if m := saysBad.FindSubmatch(out); m != nil && err == nil {
		r.bad, err = strconv.Atoi(string(m[1]))
	}
	if m := saysErrors.FindSubmatch(out); m != nil {
		r.errors = string(m[1])
	}
	return r, err
}

// throughput prints what each can do, and the ratios of each round.
func throughput(ctx context.Context, f *processes, o options) error {
	order := []string{sentinel, tuned, limitReq}
	got, cost := map[string][]float64{}, map[string][]float64{}
	for _, name := range order { // fill pools and tables first
		if _, err := load(ctx, f.dir, f.at[name], "", time.Second); err != nil {
			return err
		}
	}
	err := f.rounds("throughput", o, func() error {
		for _, name := range order {
			before := f.spent(name)
			r, err := load(ctx, f.dir, f.at[name], "", o.duration)
			if err != nil {
				return err
			}
			cost[name] = append(cost[name], float64((f.spent(name)-before).Microseconds())/float64(max(r.requests, 1)))
			if r.bad > 0 || r.errors != "" {
				fmt.Fprintf(os.Stdout, "%s: %d answers were refusals or failures, socket errors: %s\n", name, r.bad, r.errors)
			}
			got[name] = append(got[name], r.perSecond)
		}
		return nil
	}, func() { shorten(got, order); shorten(cost, order) })
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "requests/s, median of %d turns of %s with wrk -t1 -c64 [slowest .. fastest]\n", o.rounds, o.duration)
	for _, name := range order {
		fmt.Fprintf(os.Stdout, "  %-20s %8.0f  [%.0f .. %.0f]  %.1f µs of a CPU each\n", name, median(got[name]), slices.Min(got[name]), slices.Max(got[name]), median(cost[name]))
	}
	fmt.Fprintln(os.Stdout, "ratios, median of those of each round [lowest .. highest]")
	for _, pair := range [][2]string{{sentinel, tuned}, {sentinel, limitReq}, {tuned, limitReq}} {
		ratios, costs := make([]float64, o.rounds), make([]float64, o.rounds)
		for i := range ratios {
			ratios[i] = got[pair[0]][i] / got[pair[1]][i]
			costs[i] = cost[pair[1]][i] / max(cost[pair[0]][i], 1e-9)
		}
		fmt.Fprintf(os.Stdout, "  %-42s %5.2f  [%.2f .. %.2f]  by CPU time %.2f\n", pair[0]+" / "+pair[1], median(ratios), slices.Min(ratios), slices.Max(ratios), median(costs))
	}
	return nil
}

// authz prints how many forward-auth checks a Sentinel on both CPUs answers a second, beside
// what asks it, and how fast at 5,000.
func authz(ctx context.Context, f *processes, o options) error {
	const name, rate = "forward-auth", 5000
	ports, err := freePorts(ctx, 3)
	if err != nil {
		return err
	}
	if err := f.startSentinel(name, "0,1", o.sentinel, ports[0], f.at[direct], ports[1], ports[2]); err != nil {
		return err
	}
	var all, middle, tail []float64
	err = f.rounds(name, o, func() error {
		r, err := load(ctx, f.dir, ports[2], "authz", o.duration)
		if err != nil {
			return err
		}
		if r.bad > 0 || r.errors != "" {
			fmt.Fprintf(os.Stdout, "%s: %d answers were refusals or failures, socket errors: %s\n", name, r.bad, r.errors)
		}
		all = append(all, r.perSecond)
		t, err := open(ctx, ports[2], authzRequest, rate, o.duration)
		if err != nil {
			return err
		}
		middle, tail = append(middle, t.at(0.50).Seconds()*1e3), append(tail, t.at(0.99).Seconds()*1e3)
		return nil
	}, func() { all, middle, tail = all[:len(all)-1], middle[:len(middle)-1], tail[:len(tail)-1] })
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "forward-auth checks/s on both CPUs: %.0f [%.0f .. %.0f]\n", median(all), slices.Min(all), slices.Max(all))
	fmt.Fprintf(os.Stdout, "  at %d/s, open loop: p50 %.3f ms, p99 %.3f ms\n", rate, median(middle), median(tail))
	return nil
}

// shorten forgets the last round.
func shorten(of map[string][]float64, names []string) {
	for _, name := range names {
		of[name] = of[name][:len(of[name])-1]
	}
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
