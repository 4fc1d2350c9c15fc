package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// A fixture is what every case begins with: data with an operator's token and the lists on it,
// and a certificate (PLAN 4.1).
type fixture struct {
	binary, work string
	data         string // a directory that each start copies
	token        string
	cert, key    string // files
}

var (
	listedBlocks = []string{"198.51.100.66", "203.0.113.128/25", "2001:db8:bad::/48", "2001:db8:1:2::99"}
	listedAllows = []string{"192.0.2.10"}
)

func newFixture(ctx context.Context, binary, work string) (*fixture, error) {
	absolute, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	f := &fixture{binary: absolute, work: work}
	if err := f.certify(); err != nil {
		return nil, err
	}
	if err := f.provision(ctx); err != nil {
		return nil, fmt.Errorf("make the data that cases begin with: %w", err)
	}
	return f, nil
}

// provision goes the way of a first operator: through the link that the first start prints, to
// a token, and places the lists through the console. What is on the disk then is kept.
func (f *fixture) provision(ctx context.Context) error {
	s, err := f.start(ctx, plan{})
	if err != nil {
		return err
	}
	defer s.stop()
	if f.token, err = s.firstToken(ctx); err != nil {
		return err
	}
	s.token = f.token
	for action, entries := range map[string][]string{"blacklist": listedBlocks, "whitelist": listedAllows} {
		for _, e := range entries {
			if status, body, err := s.place(ctx, action, e, 0); err != nil || status != http.StatusOK {
				return fmt.Errorf("place %s: %d %s: %w", e, status, body, err)
			}
		}
	}
	if !s.orderly(ctx) {
		return errors.New("it does not end in order")
	}
	f.data = filepath.Join(f.work, "fixture")
	return os.CopyFS(f.data, os.DirFS(filepath.Join(s.dir, "data")))
}

var setupLink = regexp.MustCompile(`#token=(\S+)`)

// firstToken makes the first admin, signs in, and has a token made.
func (s *product) firstToken(ctx context.Context) (string, error) {
	var link []string
	for until := time.Now().Add(patience); link == nil && time.Now().Before(until); pause(ctx, 10*time.Millisecond) {
		link = setupLink.FindStringSubmatch(s.told.String())
	}
	if link == nil {
		return "", errors.New("the first start prints no link to make an admin")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	s.client.Jar = jar
	defer func() { s.client.Jar = nil }()
	const password = "a rather long sentence to sign in with"
	if status, body, err := s.rest(ctx, "/setup", tree{"token": link[1], "name": "bad-inputs", "password": password}); err != nil || status >= 300 {
		return "", fmt.Errorf("make the first admin: %d %s: %w", status, body, err)
	}
	var made struct{ CreateToken struct{ Secret string } }
	if err := s.graphql(ctx, `mutation {createToken(input: {name: "bad-inputs", role: ADMIN}) {secret}}`, &made); err != nil {
		return "", fmt.Errorf("create a token: %w", err)
	}
	return made.CreateToken.Secret, nil
}

// place puts an entry on the lists through the console's REST.
func (s *product) place(ctx context.Context, action, target string, ttl time.Duration) (int, []byte, error) {
	path, entry := "/api/ip-management/add", tree{"ip": target, "action": action, "reason": "bad inputs"}
	if ttl > 0 {
		path, entry = "/api/monitoring/block-ip", tree{"ip": target, "reason": "bad inputs", "duration": ttl.Seconds()}
	}
	return s.rest(ctx, path, entry)
}

func (s *product) rest(ctx context.Context, path string, v tree) (int, []byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return 0, nil, err
	}
	return s.ask(ctx, http.MethodPost, "http://"+s.console+path, b, true)
}

// certify makes a certificate of our own for the gateway.
func (f *fixture) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app.test"}, DNSNames: []string{"app.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f.cert, f.key = filepath.Join(f.work, "cert.pem"), filepath.Join(f.work, "key.pem")
	if err := os.WriteFile(f.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(f.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}
