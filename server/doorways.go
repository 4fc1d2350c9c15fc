package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/listen"
)

// doorways are the listeners of serve, by their names.
type doorways struct {
	names []string
	doors []*listen.Door
	log   *slog.Logger
}

func (d *doorways) open(ctx context.Context, name, address string, tls config.TLS, proxies []netip.Prefix, most int, h http.Handler) error {
	door, err := listen.Open(ctx, listen.Config{Address: address, Cert: tls.Cert, Key: tls.Key, ProxyFrom: proxies, Most: most}, h, d.log)
	if err != nil {
		return fmt.Errorf("%s.listen: %w", name, err)
	}
	d.names, d.doors = append(d.names, name), append(d.doors, door)
	return nil
}

// named is a listener, nil when it is not open.
func (d *doorways) named(name string) *listen.Door {
	for i, n := range d.names {
		if n == name {
			return d.doors[i]
		}
	}
	return nil
}

// url at which a listener is reached from this machine.
func (d *doorways) url(name string) string {
	door := d.named(name)
	scheme := "http://"
	if door.Secure() {
		scheme = "https://"
	}
	at := door.Addr().String()
	if host, port, err := net.SplitHostPort(at); err == nil {
		if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
			at = net.JoinHostPort("127.0.0.1", port)
		}
	}
	return scheme + at
}

// serve answers at all of them, and tells when one can't any more.
func (d *doorways) serve() <-chan error {
	failed := make(chan error, len(d.doors))
	for _, door := range d.doors {
		go func() {
			if err := door.Serve(); err != nil {
				failed <- err
			}
		}()
	}
	return failed
}

// reload reads the certificates again.
func (d *doorways) reload() error {
	var err error
	for _, door := range d.doors {
		err = errors.Join(err, door.Reload())
	}
	return err
}

// shutdown takes nothing more anywhere, and waits for requests in flight until ctx ends.
func (d *doorways) shutdown(ctx context.Context) error {
	ends := make(chan error, len(d.doors))
	for _, door := range d.doors {
		go func() { ends <- door.Shutdown(ctx) }()
	}
	var err error
	for range d.doors {
		err = errors.Join(err, <-ends)
	}
	return err
}

func (d *doorways) close() {
	for _, door := range d.doors {
		_ = door.Close() // after shutdown there is nothing left
	}
}
