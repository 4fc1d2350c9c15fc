package cluster

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A sentinel is a whole node: guard, store, and its side of the cluster.
type sentinel struct {
	*guard.Guard
	t       *testing.T
	store   *store.Store
	cluster *Cluster
	next    uint64
}

func startSentinel(t *testing.T, s *server, name string) *sentinel {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c := node(t, s, name)
	p := engine.Defaults()
	p.Clients = 1 << 10
	g, err := guard.New(t.Context(), guard.Config{Store: db, Policy: p, Seed: 1, Node: name, Cluster: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &sentinel{Guard: g, t: t, store: db, cluster: c}
}

// ask sends a request to the node, whose API answers with status.
func (n *sentinel) ask(client, path string, status int) int {
	n.next++
	now := time.Now()
	r := engine.Request{
		ID: uint64(now.UnixMilli())<<20 | n.next, At: now, Client: netip.MustParseAddr(client),
		Method: "GET", Path: path, Folded: path, Route: path,
	}
	v := n.Decide(r)
	if v.Refused() {
		status = v.Status
	}
	n.Observe(engine.Exchange{Request: r, Status: status, Refused: v.Refused(), Cause: v.Cause})
	return status
}

func twoSentinels(t *testing.T) (a, b *sentinel, s *server) {
	s = startRedis(t)
	a, b = startSentinel(t, s, "a"), startSentinel(t, s, "b")
	subscribed(t, s, 2)
	return a, b, s
}

func TestOfManyRequestsOverTwoNodesExactlyTheLimitPasses(t *testing.T) {
	a, b, _ := twoSentinels(t)
	passed := 0
	for i := range 160 {
		n := a
		if i%2 == 1 {
			n = b
		}
		if n.ask("198.51.100.7", "/api/balance", 200) == 200 {
			passed++
		}
	}
	if passed != 100 {
		t.Errorf("%d of 160 passed, want 100", passed)
	}
}

func TestFailuresOverTwoNodesBlockOnBoth(t *testing.T) {
	a, b, _ := twoSentinels(t)
	for i := range 6 {
		n := a
		if i%2 == 1 {
			n = b
		}
		if got := n.ask("198.51.100.7", "/api/balance", 401); got != 401 {
			t.Fatalf("failure %d gets %d", i+1, got)
		}
	}
	if got := b.ask("198.51.100.7", "/api/balance", 200); got != 403 {
		t.Errorf("the node that counted the sixth answers %d", got)
	}
	eventually(t, "the other refuses too", func() bool { return a.ask("198.51.100.7", "/api/balance", 200) == 403 })
}

func TestABlockAndItsLiftReachTheOtherNodeItsDatabaseAndItsSubscribers(t *testing.T) {
	a, b, _ := twoSentinels(t)
	news := b.News().DecisionChanged.Subscribe(t.Context())
	next := func() engine.Decision {
		t.Helper()
		select {
		case d := <-news:
			return d
		case <-time.After(20 * time.Second):
			t.Fatal("b told nothing")
			panic("unreachable")
		}
	}
	if got := a.ask("198.51.100.7", "/api/admin/users", 200); got != 403 {
		t.Fatalf("the decoy answers %d", got)
	}
	d := next()
	if d.By != "a" || d.Rule != "honeypot" || d.Target != somebody {
		t.Errorf("b tells of %+v", d)
	}
	if stored, err := b.store.Decision(t.Context(), d.ID); err != nil || stored != d {
		t.Errorf("b's database has %+v, %v", stored, err)
	}
	if got := b.ask("198.51.100.7", "/api/balance", 200); got != 403 {
		t.Errorf("b answers %d", got)
	}

	if _, err := b.Lift(t.Context(), guard.By{Name: "ada"}, []string{d.ID}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a lets the client in again", func() bool { return a.ask("198.51.100.7", "/api/balance", 200) == 200 })
	eventually(t, "a's database has the lift", func() bool {
		stored, err := a.store.Decision(t.Context(), d.ID)
		return err == nil && stored.LiftedBy == "ada"
	})
	a.cluster.Announce(d) // as a node would that missed the lift
	if d := next(); d.Lifted.IsZero() {
		t.Errorf("b tells of %+v", d)
	}
	if got := b.ask("198.51.100.7", "/api/balance", 200); got != 200 {
		t.Errorf("after the lift b answers %d: it was brought back", got)
	}
}

func TestALiftForgetsTheSharedCount(t *testing.T) {
	a, b, _ := twoSentinels(t)
	for range 101 {
		a.ask("198.51.100.7", "/api/balance", 200)
	}
	ds := a.Covering(netip.MustParseAddr("198.51.100.7"), engine.Key{})
	if len(ds) != 1 {
		t.Fatalf("in force are %+v", ds)
	}
	if _, err := a.Lift(t.Context(), guard.By{Name: "ada"}, []string{ds[0].ID}); err != nil {
		t.Fatal(err)
	}
	if got := a.ask("198.51.100.7", "/api/balance", 200); got != 200 {
		t.Errorf("the next request gets %d", got)
	}
	eventually(t, "the other node lets him in", func() bool { return b.ask("198.51.100.7", "/api/balance", 200) == 200 })
}

func TestANodeThatStartsLateEnforcesWhatOthersDecided(t *testing.T) {
	s := startRedis(t)
	a := startSentinel(t, s, "a")
	placed, err := a.Place(t.Context(), guard.By{Name: "ada"}, guard.Wanted{
		Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.0/24"), Reason: "because",
	})
	if err != nil {
		t.Fatal(err)
	}
	b := startSentinel(t, s, "b")
	eventually(t, "b refuses too", func() bool { return b.ask("203.0.113.9", "/api/balance", 200) == 403 })
	eventually(t, "b's database has it", func() bool {
		stored, err := b.store.Decision(t.Context(), placed.ID)
		return err == nil && stored == placed
	})
}

func TestWithoutRedisEachCountsForItselfAndSaysSo(t *testing.T) {
	s := startRedis(t).real()
	a := startSentinel(t, s, "a")
	health := a.News().HealthChanged.Subscribe(t.Context())
	block, err := a.Place(t.Context(), guard.By{Name: "ada"}, guard.Wanted{
		Action: engine.Block, Network: netip.MustParsePrefix("203.0.113.0/24"),
	})
	if err != nil {
		t.Fatal(err)
	}
	state := func(h guard.Health) guard.Dependency {
		for _, d := range h.Dependencies {
			if d.Name == "redis" {
				return d
			}
		}
		t.Fatal("health does not speak of redis")
		panic("unreachable")
	}
	s.kill()
	passed := 0
	for range 160 {
		if a.ask("198.51.100.7", "/api/balance", 200) == 200 {
			passed++
		}
	}
	if passed != 100 {
		t.Errorf("alone %d of 160 pass", passed)
	}
	if got := a.ask("203.0.113.9", "/api/balance", 200); got != 403 {
		t.Errorf("the blocked client gets %d", got)
	}
	lost := state(<-health)
	if lost.State != guard.Degraded || lost.Detail == "" || lost.Since.IsZero() {
		t.Errorf("health: %+v", lost)
	}
	s.start()
	back := state(<-health)
	for back.State != guard.OK {
		back = state(<-health)
	}
	if !back.Since.After(lost.Since) || back.Detail != "" {
		t.Errorf("health: %+v", back)
	}
	if ds := a.Decisions(); len(ds) != 2 || ds[0].ID != block.ID {
		t.Errorf("in force are %+v", ds)
	}
	if a.cluster.Count("r", somebody, 10, time.Minute) == 0 {
		t.Error("counts are not shared again")
	}
}

func BenchmarkDecideWithRedis(b *testing.B) {
	s := startRedis(b).real()
	c, err := New(s.url(), "a", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	db, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	g, err := guard.New(b.Context(), guard.Config{Store: db, Policy: engine.Defaults(), Seed: 1, Node: "a", Cluster: c})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	r := engine.Request{Client: netip.MustParseAddr("198.51.100.7"), Method: "GET", Path: "/api/balance", Folded: "/api/balance"}
	n := 0
	for b.Loop() {
		n++
		r.At = time.Now()
		r.Client = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		g.Decide(r)
	}
}
