package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	_ "net/http/pprof" //nolint:gosec // on an address of its own, and only when asked for
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/proxy"
)

// serve is one of the servers that are measured.
func serve(ctx context.Context, o options) error {
	h, err := handler(o)
	if err != nil {
		return err
	}
	if o.profile != "" {
		go func() {
			_ = http.ListenAndServe(o.profile, http.DefaultServeMux) //nolint:gosec // a benchmark's
		}()
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	return srv.Serve(l)
}

func handler(o options) (http.Handler, error) {
	to := &url.URL{Scheme: "http", Host: o.to}
	switch o.as {
	case "tuned":
		return tunedProxy(to), nil
	case "sentinel":
		p, err := proxy.New(proxy.Config{Upstreams: []proxy.Upstream{{Name: "api", Targets: []*url.URL{to}, PreserveHost: true}}})
		if err != nil {
			return nil, err
		}
		e, err := engine.New(engine.Defaults(), 1)
		if err != nil {
			return nil, err
		}
		loopback := netip.MustParsePrefix("127.0.0.1/32")
		return gateway.New(gateway.Config{Trusted: []netip.Prefix{loopback}, KeySecret: []byte("of a benchmark"), Log: slog.Default()}, enforcer{e}, p), nil
	}
	return nil, fmt.Errorf("there is no server %q", o.as)
}

// An enforcer applies what the engine finds, and writes nothing down.
type enforcer struct{ *engine.Engine }

func (e enforcer) Observe(x engine.Exchange) { e.Engine.Observe(x) }

// tunedProxy is httputil.ReverseProxy at its best: many unused connections kept, buffers reused.
func tunedProxy(to *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 256, DisableCompression: true, IdleConnTimeout: 90 * time.Second,
			DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		},
		BufferPool: &buffers{sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			p.Out.Host = p.In.Host
			p.SetXForwarded()
		},
	}
}

type buffers struct{ p sync.Pool }

func (b *buffers) Get() []byte  { return *b.p.Get().(*[]byte) } //nolint:errcheck,forcetypeassert // nothing else is put in
func (b *buffers) Put(x []byte) { b.p.Put(&x) }
