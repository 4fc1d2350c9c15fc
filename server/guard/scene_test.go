package guard

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func TestMain(m *testing.M) {
	// gorm's prepared statements leave a goroutine behind that nobody can stop.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}

// A scene is a guard on a real store, which can be made to fail, and a clock of its own.
type scene struct {
	*Guard
	t     *testing.T
	dir   string
	store *store.Store
	away  *away
	clock *clock
	next  uint64
}

func newScene(t *testing.T, change ...func(*Config)) *scene {
	t.Helper()
	s := &scene{t: t, dir: t.TempDir(), clock: &clock{at: time.Now()}}
	s.start(change...)
	t.Cleanup(s.stop)
	return s
}

func (s *scene) start(change ...func(*Config)) {
	s.t.Helper()
	var err error
	if s.store, err = store.Open(s.t.Context(), store.Config{Dir: s.dir}, slog.New(slog.DiscardHandler)); err != nil {
		s.t.Fatal(err)
	}
	s.away = &away{Store: s.store}
	c := Config{Policy: policy(), Seed: 1, Node: "here", Clock: s.clock.now}
	for _, f := range change {
		f(&c)
	}
	if s.Guard, err = open(s.t.Context(), c, s.away); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) stop() {
	if s.Guard == nil {
		return
	}
	s.away.come()
	if err := s.Guard.Close(); err != nil {
		s.t.Error(err)
	}
	if err := s.store.Close(); err != nil {
		s.t.Error(err)
	}
	s.Guard = nil
}

func policy() engine.Policy {
	p := engine.Defaults()
	p.Clients = 1 << 10
	return p
}

// restart is an orderly stop and a start on the same files.
func (s *scene) restart() {
	s.t.Helper()
	s.stop()
	s.start()
}

func (s *scene) flush() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// ask sends a request through the guard to an API that answers it with status, and returns what
// the client gets.
func (s *scene) ask(client, method, path string, status int) int {
	s.t.Helper()
	s.next++
	folded, _ := engine.Fold(path)
	r := engine.Request{
		ID: uint64(s.clock.now().UnixMilli())<<20 | s.next, At: s.clock.now(), Client: netip.MustParseAddr(client),
		Method: method, Path: path, Folded: folded, Route: folded,
	}
	return s.put(r, status).Status
}

// put sends a request that is written out, and returns the exchange that came of it.
func (s *scene) put(r engine.Request, status int) engine.Exchange {
	s.t.Helper()
	v := s.Decide(r)
	x := engine.Exchange{Request: r, Status: status, Took: time.Millisecond, Refused: v.Refused(), Cause: v.Cause, Would: v.Would}
	if v.Refused() {
		x.Status = v.Status
	}
	s.Observe(x)
	return x
}

// trap walks into the honeypot: one finding, one alert, one block.
func (s *scene) trap(client string) {
	s.t.Helper()
	if got := s.ask(client, "GET", "/api/admin/users", 200); got != 403 {
		s.t.Fatalf("the decoy answers %d", got)
	}
}

func (s *scene) balance(client string) int {
	s.t.Helper()
	return s.ask(client, "GET", "/api/balance", 200)
}

// openAlerts are those in the database.
func (s *scene) openAlerts() []incident.Alert {
	s.t.Helper()
	p, err := s.store.Alerts(s.t.Context(), store.AlertFilter{Status: incident.Open}, store.Page{First: 500})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Items
}

func (s *scene) audit() []store.Entry {
	s.t.Helper()
	p, err := s.store.Audit(s.t.Context(), store.Page{First: 500})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Items
}

func (s *scene) stored(id string) engine.Decision {
	s.t.Helper()
	d, err := s.store.Decision(s.t.Context(), id)
	if err != nil {
		s.t.Fatalf("decision %s: %v", id, err)
	}
	return d
}

var ada = By{Name: "ada", Origin: "192.0.2.1"}

func (s *scene) place(a engine.Action, network string, d time.Duration) engine.Decision {
	s.t.Helper()
	placed, err := s.Place(s.t.Context(), ada, Wanted{Action: a, Network: netip.MustParsePrefix(network), For: d, Reason: "because"})
	if err != nil {
		s.t.Fatal(err)
	}
	return placed
}

// A clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

var errAway = errors.New("the disk is full")

// away is the real store, which tests make fail or hang.
type away struct {
	*store.Store
	mu      sync.Mutex
	failing bool
	stuck   chan struct{} // until it is closed, writes hang
	tries   int           // of writing while failing
}

func (a *away) leave() { a.mu.Lock(); a.failing = true; a.mu.Unlock() }
func (a *away) hang()  { a.mu.Lock(); a.stuck = make(chan struct{}); a.mu.Unlock() }

func (a *away) come() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failing = false
	if a.stuck != nil {
		close(a.stuck)
		a.stuck = nil
	}
}

func (a *away) tried() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tries
}

func (a *away) err() error {
	a.mu.Lock()
	stuck, failing := a.stuck, a.failing
	if failing {
		a.tries++
	}
	a.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	if failing {
		return errAway
	}
	return nil
}

func (a *away) Record(ctx context.Context, b store.Batch) error {
	if err := a.err(); err != nil {
		return err
	}
	return a.Store.Record(ctx, b)
}

func (a *away) AddHammering(ctx context.Context, more map[string]store.Hammering) error {
	if err := a.err(); err != nil {
		return err
	}
	return a.Store.AddHammering(ctx, more)
}

func (a *away) WriteExchanges(ctx context.Context, rows []store.Seen) error {
	if err := a.err(); err != nil {
		return err
	}
	return a.Store.WriteExchanges(ctx, rows)
}

func (a *away) Ping(ctx context.Context) map[string]error {
	if err := a.err(); err != nil {
		return map[string]error{database: err, traffics: err}
	}
	return a.Store.Ping(ctx)
}

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// heard takes the next news, which must come.
func heard[T any](t *testing.T, what string, news <-chan T) T {
	t.Helper()
	select {
	case n, open := <-news:
		if !open {
			t.Fatalf("hung up on while waiting for %s", what)
		}
		return n
	case <-time.After(20 * time.Second):
		t.Fatalf("never heard of %s", what)
		panic("unreachable")
	}
}

// silent checks that nothing is queued.
func silent[T any](t *testing.T, news <-chan T) {
	t.Helper()
	select {
	case n, open := <-news:
		if open {
			t.Errorf("heard %+v", n)
		}
	default:
	}
}
