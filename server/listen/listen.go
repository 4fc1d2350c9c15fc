// Package listen opens the doors of the program: TLS whose files are read again when they
// change, the PROXY protocol of balancers that are listed, and HTTP servers with every bound set.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// Config says where and how to listen.
type Config struct {
	Address   string
	Cert, Key string         // PEM files; both empty for plain HTTP
	ProxyFrom []netip.Prefix // peers whose PROXY header is believed; anybody else's is no HTTP
	Most      int            // connections at once; further ones wait to be taken; 0: any number
}

// Bounds of every server. Bodies and answers have deadlines of their own, where they are read
// and written: a stream may take long. What is left of a body that nobody reads has lingering.
const (
	lingering     = 2 * time.Second
	headerTimeout = 5 * time.Second
	idleTimeout   = 60 * time.Second
	proxyTimeout  = 5 * time.Second
	mostHeader    = 64 << 10
	mostStreams   = 100 // of one HTTP/2 connection at once
)

// A Door is a listener with its HTTP server.
type Door struct {
	listener net.Listener
	server   *http.Server
	wires    *wires
	keys     *keys // nil: plain

	closing sync.Once
	closed  chan struct{}
}

// Open takes the address and reads the certificate. Nothing is served before Serve.
func Open(ctx context.Context, c Config, h http.Handler, log *slog.Logger) (*Door, error) {
	d := &Door{closed: make(chan struct{}), server: &http.Server{
		Handler:           unwaited(h),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    mostHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: mostStreams, SendPingTimeout: idleTimeout, WriteByteTimeout: idleTimeout},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what strangers send is their business
	}}
	if c.Cert != "" {
		k, err := readKeys(c.Cert, c.Key, log)
		if err != nil {
			return nil, err
		}
		d.keys = k
		d.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.certificate}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w: choose another port, or stop what listens there", err)
	}
	if c.Most > 0 {
		l = bound(l, c.Most)
	}
	d.wires = &wires{Listener: l, began: time.Now()}
	d.wires.serve(d.server)
	l = d.wires
	if len(c.ProxyFrom) > 0 {
		l = &proxyproto.Listener{Listener: l, ConnPolicy: believe(c.ProxyFrom), ReadHeaderTimeout: proxyTimeout}
	}
	d.listener = l
	return d, nil
}

// unwaited answers a client who does not send the body that he promised. When a handler has
// returned, net/http reads some more of it first, and would wait for ever.
func unwaited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			defer func() { _ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingering)) }()
		}
		next.ServeHTTP(w, r)
	})
}

// believe a PROXY header of those who are listed, and read everybody else's bytes as they are.
func believe(from []netip.Prefix) proxyproto.ConnPolicyFunc {
	return func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
		at, err := netip.ParseAddrPort(o.Upstream.String())
		peer := at.Addr().Unmap().WithZone("")
		if err == nil && slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(peer) }) {
			return proxyproto.USE, nil
		}
		return proxyproto.SKIP, nil
	}
}

// Addr is where it listens, also when the port was left to the system.
func (d *Door) Addr() net.Addr { return d.listener.Addr() }

// Secure reports whether it speaks TLS.
func (d *Door) Secure() bool { return d.keys != nil }

// Serve answers until Close or Shutdown, and then returns nil.
func (d *Door) Serve() error {
	go d.wires.watch(d.closed)
	var err error
	if d.keys != nil {
		err = d.server.ServeTLS(d.listener, "", "")
	} else {
		err = d.server.Serve(d.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown takes no more connections and waits for requests in flight until ctx ends, then cuts
// them off. It does not wait for connections that were handed over, as of websockets.
func (d *Door) Shutdown(ctx context.Context) error {
	defer d.over()
	if err := d.server.Shutdown(ctx); err != nil {
		return errors.Join(err, d.server.Close())
	}
	return nil
}

// Close gives the address back at once.
func (d *Door) Close() error {
	defer d.over()
	return errors.Join(d.server.Close(), d.listener.Close())
}

func (d *Door) over() { d.closing.Do(func() { close(d.closed) }) }

// Reload reads the certificate again. When that fails the old one goes on.
func (d *Door) Reload() error {
	if d.keys == nil {
		return nil
	}
	return d.keys.read()
}

// Expires is when the certificate ends; the zero time without TLS.
func (d *Door) Expires() time.Time {
	if d.keys == nil {
		return time.Time{}
	}
	return d.keys.current.Load().Leaf.NotAfter
}
