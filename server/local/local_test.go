package local_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/local"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A machine has a Sentinel that runs.
type machine struct {
	t     *testing.T
	dir   string
	store *store.Store
	desk  *local.Desk
}

func start(t *testing.T, dir string) *machine {
	t.Helper()
	m := &machine{t: t, dir: dir, desk: &local.Desk{Site: "https://console.example.com"}}
	log := slog.New(slog.DiscardHandler)
	var err error
	if m.store, err = store.Open(t.Context(), store.Config{Dir: dir}, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.must(m.store.Close()) })
	policy := engine.Defaults()
	policy.Clients, policy.Decisions = 1<<10, 1<<10
	if m.desk.Guard, err = guard.New(t.Context(), guard.Config{Store: m.store, Policy: policy, Node: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.must(m.desk.Guard.Close()) })
	m.desk.Access, err = access.New(access.Config{
		Ledger: m.store, Cost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	})
	m.must(err)
	s, err := local.Listen(t.Context(), dir, m.desk, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.must(s.Close()) })
	return m
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Error(err)
	}
}

func (m *machine) do(r local.Request) local.Answer {
	m.t.Helper()
	r.Who = "root"
	a, err := local.Dial(m.dir).Do(m.t.Context(), r)
	if err != nil {
		m.t.Fatalf("%s: %v", r.Do, err)
	}
	return a
}

func TestWhoOwnsTheMachineLiftsWhatLockedHimOut(t *testing.T) {
	m := start(t, t.TempDir())
	client := netip.MustParseAddr("198.51.100.7")
	a := m.do(local.Request{Do: local.AddDecision, Targets: []string{"198.51.100.0/24", "2001:db8::7"}, Action: "block", Reason: "a test", For: time.Hour})
	if len(a.Decisions) != 2 || len(m.desk.Guard.Covering(client, engine.Key{})) != 1 {
		t.Fatalf("made %+v", a.Decisions)
	}
	m.desk.Guard.Decide(engine.Request{ID: 1, At: time.Now(), Client: client, Method: "GET", Path: "/", Folded: "/", Route: "/"})
	if in := m.do(local.Request{Do: local.ListDecisions}).Decisions; len(in) != 2 || in[0].Target != "198.51.100.0/24" || in[0].By != "root" ||
		in[0].Hammering == nil || in[0].Hammering.Requests != 1 || in[1].Hammering != nil {
		t.Errorf("listed %+v", in)
	}
	if lifted := m.do(local.Request{Do: local.LiftDecisions, Targets: []string{"198.51.100.7"}}).Decisions; len(lifted) != 1 {
		t.Errorf("lifted %+v", lifted)
	}
	if in := m.desk.Guard.Covering(client, engine.Key{}); len(in) != 0 {
		t.Errorf("still kept out by %+v", in)
	}
	m.do(local.Request{Do: local.LiftDecisions, Targets: []string{a.Decisions[1].ID}})
	log, err := m.store.Audit(t.Context(), store.Page{First: 10})
	m.must(err)
	for _, e := range log.Items {
		if e.Actor != "root" || e.Origin != "cli" {
			t.Errorf("written down is %+v", e)
		}
	}
	if len(log.Items) != 4 {
		t.Errorf("%d entries", len(log.Items))
	}
}

func TestOperatorsAndTokensAreLookedAfterThere(t *testing.T) {
	m := start(t, t.TempDir())
	a := m.do(local.Request{Do: local.AddOperator, Name: "mara", Role: "admin"})
	if !strings.HasPrefix(a.Link, "https://console.example.com/setup#name=mara&token=") {
		t.Errorf("the link is %q", a.Link)
	}
	m.do(local.Request{Do: local.SetPassword, Name: "mara", Password: "seven otters knit"})
	m.do(local.Request{Do: local.AddOperator, Name: "joe", Role: "viewer", Password: "seven otters knit"})
	if _, _, err := m.desk.Access.SignIn(t.Context(), "joe", "seven otters knit", netip.Addr{}, ""); err != nil {
		t.Error(err)
	}
	m.do(local.Request{Do: local.RemoveOperator, Name: "joe"})
	if all := m.do(local.Request{Do: local.ListOperators}).Operators; len(all) != 1 || all[0].Name != "mara" || !all[0].HasPassword {
		t.Errorf("listed %+v", all)
	}
	secret := m.do(local.Request{Do: local.CreateToken, Name: "bouncer", Role: "viewer"}).Secret
	if _, err := m.desk.Access.Token(t.Context(), secret); err != nil {
		t.Error(err)
	}
	m.do(local.Request{Do: local.RevokeToken, ID: "bouncer"})
	if all := m.do(local.Request{Do: local.ListTokens}).Tokens; len(all) != 0 {
		t.Errorf("listed %+v", all)
	}
}

func TestWhatCannotBeDoneSaysWhy(t *testing.T) {
	m := start(t, t.TempDir())
	for problem, r := range map[string]local.Request{
		"do is nothing that can be done":    {Do: "operator praise"},
		"there is no such operator":         {Do: local.RemoveOperator, Name: "joe"},
		"there is no such token":            {Do: local.RevokeToken, ID: "tok_1"},
		"role must be":                      {Do: local.AddOperator, Name: "joe", Role: "king"},
		"password must have":                {Do: local.AddOperator, Name: "joe", Role: "viewer", Password: "short"},
		"action must be":                    {Do: local.AddDecision, Targets: []string{"198.51.100.7"}, Action: "praise"},
		"198.51.100.300 must be an address": {Do: local.AddDecision, Targets: []string{"198.51.100.300"}, Action: "block"},
		"never blocked":                     {Do: local.AddDecision, Targets: []string{"127.0.0.1"}, Action: "block"},
		"is nothing that a decision":        {Do: local.LiftDecisions, Targets: []string{"198.51.100.7"}},
	} {
		_, err := local.Dial(m.dir).Do(t.Context(), r)
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestWhatIsTooMuchAtOnceIsCalledThat(t *testing.T) {
	m := start(t, t.TempDir())
	_, err := local.Dial(m.dir).Do(t.Context(), local.Request{Do: local.AddDecision, Targets: strings.Fields(strings.Repeat("198.51.100.7 ", 10_000))})
	if err == nil || !strings.Contains(err.Error(), "too much at once") {
		t.Errorf("it says %v", err)
	}
}

func TestOnlyTheOwnerMayUseTheSocket(t *testing.T) {
	m := start(t, t.TempDir())
	info, err := os.Stat(filepath.Join(m.dir, "sentinel.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	left, err := filepath.Glob(filepath.Join(m.dir, ".socket*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestASocketThatAProcessLeftBehindIsReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sentinel.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := start(t, dir)
	m.do(local.Request{Do: local.ListDecisions})
	if _, err := local.Listen(t.Context(), dir, m.desk, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a second process takes the socket of one that runs")
	}
}

func TestADirectoryWithALongNameHasASocketToo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, dir).do(local.Request{Do: local.ListDecisions})
}

func TestNothingRunsWhereNothingDoes(t *testing.T) {
	if local.Running(context.Background(), t.TempDir()) {
		t.Error("something is said to run")
	}
}
