// Command live measures Sentinel over sockets, beside a tuned httputil.ReverseProxy and nginx
// with limit_req: requests a second through each in turns, what each adds to a request when
// 2,000 come a second, and forward-auth checks. What is measured runs on CPU 0, the load and the
// API on CPU 1, so that the proxy is what is short of time; only the ratios count.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	as       string
	sentinel string
	listen   string
	to       string
	rounds   int
	duration time.Duration
	rate     int
	quiet    float64
	only     string
	profile  string
}

func main() {
	var o options
	flag.StringVar(&o.sentinel, "sentinel", "", "`command` that starts Sentinel; {config} in it is the file of its settings. Without one, gateway, engine and proxy run bare")
	flag.IntVar(&o.rounds, "rounds", 5, "how often all take turns; the median counts")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "of each turn")
	flag.Float64Var(&o.quiet, "quiet", 0.2, "a round in which others had a larger share of the machine is played again")
	flag.IntVar(&o.rate, "rate", 2000, "requests a second when latency is measured")
	flag.StringVar(&o.only, "only", "", "throughput, latency or authz alone")
	flag.StringVar(&o.as, "as", "", "be the server that is measured: tuned or sentinel")
	flag.StringVar(&o.listen, "listen", "", "where that server listens")
	flag.StringVar(&o.to, "to", "", "the API behind that server, as in 127.0.0.1:3000")
	flag.StringVar(&o.profile, "profile", "", "where that server shows its profiles")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if o.as != "" {
		err = serve(ctx, o)
	} else {
		err = measure(ctx, o)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1) //nolint:gocritic // the signal handler goes with the process
	}
}

// Who takes turns, in this order.
const (
	direct   = "direct"
	tuned    = "tuned ReverseProxy"
	limitReq = "nginx limit_req"
	sentinel = "sentinel"
)

func measure(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "sentinel-live-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	f, err := field(ctx, o, dir)
	if err != nil {
		return err
	}
	defer f.stop()
	wants := func(what string) bool { return o.only == "" || o.only == what }
	if wants("throughput") {
		if err := throughput(ctx, f, o); err != nil {
			return err
		}
	}
	if wants("latency") {
		if err := latency(ctx, f, o); err != nil {
			return err
		}
	}
	if wants("authz") && o.sentinel != "" {
		return authz(ctx, f, o)
	}
	return nil
}

// field starts everybody.
func field(ctx context.Context, o options, dir string) (*processes, error) {
	f := &processes{ctx: ctx, dir: dir, at: map[string]string{}, pids: map[string]int{}}
	ports, err := freePorts(ctx, 6)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	start := func(name, cpu, at string, command ...string) {
		if err == nil {
			f.at[name] = at
			err = f.start(name, cpu, at, command...)
		}
	}
	api := ports[0]
	start(direct, "1", api, nginx(dir, "api", "server { listen "+api+"; default_type application/json; location / { return 200 '"+balance+"'; } }")...)
	start(tuned, "0", ports[1], self, "-as", "tuned", "-listen", ports[1], "-to", api)
	start(limitReq, "0", ports[2], nginx(dir, "limit",
		"limit_req_zone $http_x_forwarded_for zone=z:64m rate=1000000r/s; upstream u { server "+api+"; keepalive 256; keepalive_requests 100000000; } "+
			"server { listen "+ports[2]+"; location / { limit_req zone=z burst=100000 nodelay; proxy_pass http://u; proxy_http_version 1.1; "+
			"proxy_set_header Connection ''; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }")...)
	if o.sentinel == "" {
		command := []string{self, "-as", "sentinel", "-listen", ports[3], "-to", api}
		if o.profile != "" {
			command = append(command, "-profile", o.profile)
		}
		start(sentinel, "0", ports[3], command...)
	} else if err == nil {
		err = f.startSentinel(sentinel, "0", o.sentinel, ports[3], api, ports[4], ports[5])
	}
	if err != nil {
		f.stop()
		return nil, err
	}
	return f, nil
}

// startSentinel writes settings and starts the command with them.
func (f *processes) startSentinel(name, cpus, command, listen, api, console, service string) error {
	config := filepath.Join(f.dir, name+".yml")
	text := fmt.Sprintf(settings, listen, api, console, service, filepath.Join(f.dir, name+"-data"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	var words []string
	for word := range strings.FieldsSeq(command) {
		words = append(words, strings.ReplaceAll(word, "{config}", config))
	}
	f.at[name] = listen
	return f.start(name, cpus, listen, words...)
}

const balance = `{"balance":1000,"currency":"USD","account_id":"ACC12345"}`

// settings of Sentinel: everything on, enforcing, clients known by X-Forwarded-For.
const settings = `
gateway:
  listen: %s
  mode: enforce
  upstreams:
    - {name: api, url: "http://%s"}
clients: {trusted_proxies: [127.0.0.1/32]}
console: {listen: %s}
service: {listen: %s, authz: {from: [127.0.0.1/32]}}
storage: {data: %s}
`
