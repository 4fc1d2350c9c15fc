package access_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An office is an Access on a real store, with a clock of its own.
type office struct {
	*access.Access
	t     *testing.T
	store *store.Store
	at    time.Time
}

var (
	home   = netip.MustParseAddr("192.0.2.1")
	abroad = netip.MustParseAddr("198.51.100.66")
	cli    = access.By{Name: "root", Origin: "cli"}
)

const (
	good  = "seven otters knit"
	other = "eight otters knit"
)

// quick is a cost that tests can pay often.
var quick = &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func open(t *testing.T, cost *argon2id.Params) *office {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	o := &office{t: t, store: s, at: time.Now()}
	o.Access = o.again(cost)
	return o
}

// again is the same after a restart.
func (o *office) again(cost *argon2id.Params) *access.Access {
	o.t.Helper()
	a, err := access.New(access.Config{Ledger: o.store, Clock: func() time.Time { return o.at }, Cost: cost})
	o.must(err)
	return a
}

// admin sets up the first one.
func (o *office) admin() (secret string, pass access.Pass) {
	o.t.Helper()
	link, needed, err := o.Setup(o.t.Context())
	if err != nil || !needed {
		o.t.Fatal(needed, err)
	}
	secret, pass, err = o.Claim(o.t.Context(), link, "mara", good, home)
	o.must(err)
	return secret, pass
}

// hire adds somebody, who chooses a password.
func (o *office) hire(name string, role access.Role) (secret string, pass access.Pass) {
	o.t.Helper()
	_, link, err := o.AddOperator(o.t.Context(), cli, name, role)
	o.must(err)
	secret, pass, err = o.Claim(o.t.Context(), link, "", good, home)
	o.must(err)
	return secret, pass
}

func (o *office) signIn() string {
	o.t.Helper()
	s, _, err := o.SignIn(o.t.Context(), "mara", good, home, "")
	o.must(err)
	return s
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) want(err, is error) {
	o.t.Helper()
	if !errors.Is(err, is) {
		o.t.Errorf("got %v, want %v", err, is)
	}
}

// audit is the whole log, oldest first, one line each.
func (o *office) audit() string {
	o.t.Helper()
	s, err := o.store.Audit(o.t.Context(), store.Page{First: 500})
	o.must(err)
	lines := ""
	for _, e := range s.Items {
		lines = strings.Join([]string{e.Actor, e.Origin, e.Verb, e.Object, e.Detail}, "|") + "\n" + lines
	}
	return lines
}
