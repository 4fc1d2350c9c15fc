// Package guard stands between the engine and everything that waits: it asks the engine in
// memory, and behind the caller's back writes down what was found and then tells it to those
// who listen. What it enforces, what it wrote and what it told can't drift apart: a decision is
// in force for the very next request, and nothing is told before it is written.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// ErrUnavailable says that a change could not be written down, and so was not made.
var ErrUnavailable = errors.New("the database can't be written: nothing was changed")

// Config is what a Guard is made of.
type Config struct {
	Store   *store.Store
	Policy  engine.Policy
	Seed    uint64  // keys the engine's hashes
	Node    string  // this node's name: who made the decisions of its rules
	Cluster Cluster // nil: alone
	Log     *slog.Logger
	Clock   func() time.Time // nil: time.Now
	Counts  string           // the file in which what is counted outlives a restart; none when empty

	// Failure is what is done on routes of a class while the database or Redis is away; Open where
	// nothing is said.
	Failure map[engine.Class]FailurePolicy

	// Spare are networks that no rule blocks, and no operator by mistake: trusted proxies, health
	// checks, scanners that were asked to scan.
	Spare []netip.Prefix

	// SelfTest keeps rules from enforcing against a client that nearly all traffic seems to come
	// from while it looks like a proxy: see Health.NotEnforcing. It is for where clients come from
	// elsewhere. Where they come through Proxies, headers of others are only what strangers write.
	SelfTest bool

	// Proxies are those that the gateway trusts to say who a client is. One that is a client itself
	// has not said so.
	Proxies []netip.Prefix
}

// A Cluster is what the guard needs of other nodes. No method but Run waits longer than ten
// milliseconds, whatever state the others are in.
type Cluster interface {
	// Count adds one to what all nodes counted for a rule about somebody, and returns how many
	// they are within the window, at most one more than the limit; 0 when nobody knows.
	Count(rule string, who engine.Target, limit int, within time.Duration) int
	// Forget drops what all nodes counted about somebody, for every rule named.
	Forget(who engine.Target, rules ...string)
	// Announce tells the other nodes of a decision that was made, renewed or lifted.
	Announce(engine.Decision)
	// Run listens to the other nodes until ctx ends. It calls heard for what they announce,
	// announces what known returns whenever somebody may have missed something, and calls
	// changed when State has.
	Run(ctx context.Context, heard func(engine.Decision), known func() []engine.Decision, changed func())
	// State says whether counts are shared, and if not, why.
	State() (shared bool, problem string)
}

// A ledger is what the guard asks of the store.
type ledger interface {
	Record(context.Context, store.Batch) error
	WriteExchanges(context.Context, []store.Seen) error
	Ping(context.Context) map[string]error
	SetAside() (file string, at time.Time)
	EachInForce(context.Context, time.Time, func(engine.Decision) error) error
	Decision(context.Context, string) (engine.Decision, error)
	Alert(context.Context, int64) (incident.Alert, error)
	EachAlert(context.Context, store.AlertFilter, func(incident.Alert) error) error
	Incident(context.Context, int64) (incident.Incident, error)
	EachIncident(context.Context, incident.Status, func(incident.Incident) error) error
	EachDecision(context.Context, store.DecisionFilter, func(engine.Decision) error) error
	AddHammering(context.Context, map[string]store.Hammering) error
	Hammering(ctx context.Context, decisions []string) (map[string]store.Hammering, error)
	Shelf
}

// A Guard is safe for concurrent use.
type Guard struct {
	engine  *engine.Engine
	failure map[engine.Class]FailurePolicy
	store   ledger
	peers   Cluster // nil: alone
	node    string
	log     *slog.Logger
	now     func() time.Time
	counts  string // file; none when empty
	started time.Time

	hammering hammering

	news    News
	health  health
	outbox  outbox
	traffic traffic
	meter   meter
	tally   tally
	lifts   lifts
	spared  spared
	doubt   doubt
	faint   faint
	siege   siege
	laws    laws
	playing sync.Mutex     // scenarios of rules that are saved, which may take a core for a second or two
	book    *incident.Book // of the outbox's goroutine alone
	strikes strikes        // likewise
	placed  int            // by operators since the start; of the outbox's goroutine alone

	stop    context.CancelFunc // ends what watches
	watches sync.WaitGroup
	writers sync.WaitGroup
	hangUp  context.CancelFunc // ends the talk with other nodes
	peering sync.WaitGroup
	closing sync.Once

	unwritten error // what the database did not take until the end; for Close
}

// New takes up where the last process stopped: when it returns, every decision that is in force
// is enforced, and open alerts take further findings.
func New(ctx context.Context, c Config) (*Guard, error) {
	return open(ctx, c, c.Store)
}

//nolint:contextcheck // what it starts outlives the call, until Close
func open(ctx context.Context, c Config, s ledger) (*Guard, error) {
	book, err := readBook(ctx, s, nil)
	if err != nil {
		return nil, err
	}
	policy, failed := book.under(c.Policy)
	e, err := engine.New(policy, c.Seed)
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{
		engine: e, failure: maps.Clone(c.Failure), store: s, peers: c.Cluster, node: c.Node, log: c.Log,
		now: c.Clock, counts: c.Counts, started: c.Clock(), book: incident.NewBook(incident.Limits{}),
	}
	g.laws.base, g.laws.book, g.laws.failed = c.Policy, book, failed
	for rule, why := range failed {
		g.log.Error("a rule of the console is not in force", "rule", rule, "err", why)
	}
	g.spared.begin(c.Spare)
	g.doubt.begin(c.SelfTest, c.Proxies)
	g.health.begin(g.started, database, traffics)
	if g.peers != nil {
		g.health.begin(g.started, redis)
	}
	g.outbox.begin()
	g.traffic.begin()
	g.tally.follow(policy)
	if err := g.restore(ctx); err != nil {
		return nil, fmt.Errorf("take up where the last process stopped: %w", err)
	}
	watching, stop := context.WithCancel(context.Background())
	g.stop = stop
	if g.counts != "" {
		g.countAgain()
		g.watches.Go(func() { g.keepCounts(watching) })
	}
	g.writers.Go(g.writeOutbox)
	g.writers.Go(g.writeTraffic)
	g.watches.Go(func() { g.watchEnds(watching) })
	g.watches.Go(func() { g.watchStore(watching) })
	g.watches.Go(func() { g.keepHammering(watching) })
	talking, hangUp := context.WithCancel(context.Background())
	g.hangUp = hangUp
	if g.peers != nil {
		g.peering.Go(func() { g.peers.Run(talking, g.hear, g.known, g.askPeers) })
	}
	return g, nil
}

// The rules that several nodes count together.
const (
	rateAbuse            = "rate-abuse"
	failedAuthentication = "failed-authentication"
)

// Decide judges a request. It never waits for the disk; with a cluster it asks for the shared
// count first, which takes ten milliseconds at most.
func (g *Guard) Decide(r engine.Request) engine.Verdict {
	g.know(&r)
	if g.peers != nil && r.Together == 0 && !g.uncounted(r.Folded) && !g.settled(&r) {
		r.Together = g.count(rateAbuse, r.Client)
	}
	failing := g.failing(&r)
	r.Tighten = r.Tighten || failing == Tighten
	v := g.engine.Decide(r)
	if v.Refused() {
		g.hammering.count(&v, r.At)
	}
	if v.Finding != nil {
		g.tally.found(v.Finding.Rule)
		g.outbox.add(item{finding: v.Finding})
	}
	if failing == Closed {
		v = g.closed(&r, v)
	}
	return v
}

// Observe learns from an answer. What it finds is in force when it returns; writing and
// telling come later.
func (g *Guard) Observe(x engine.Exchange) {
	g.meter.count(x.At)
	g.tally.count(&x)
	g.know(&x.Request)
	if !x.Refused {
		g.selfTest(&x.Request)
	}
	if g.peers != nil && x.FailedTogether == 0 && !x.Refused && (x.Status == 401 || x.Status == 403) &&
		!below(g.engine.Policy().Skips, x.Folded) && !g.settled(&x.Request) {
		x.FailedTogether = g.count(failedAuthentication, x.Client)
	}
	g.relieve(x.At)
	for _, f := range g.engine.Observe(x) {
		g.tally.found(f.Rule)
		if f.Weak && (!g.faint.admits(f.At) || !g.outbox.roomy()) {
			g.faint.passed.Add(1)
			continue
		}
		g.outbox.add(item{finding: &f})
	}
	g.traffic.add(store.Seen{Exchange: x, Monitored: g.engine.Watched(x.Client, x.Key, x.At)})
}

// settled reports whether a decision stands that makes counting idle: who is allowed or blocked
// is not counted.
func (g *Guard) settled(r *engine.Request) bool {
	for _, d := range g.engine.Covering(r.Client, r.Key, r.At) {
		if r.Exempt && d.Origin == engine.ByRule {
			continue // does not hold for him
		}
		if d.Action == engine.Allow || d.Action == engine.Block {
			return true
		}
	}
	return false
}

// uncounted reports whether the path is one where nothing is counted: refused before, or skipped.
func (g *Guard) uncounted(folded string) bool {
	p := g.engine.Policy()
	return below(p.Decoys, folded) || below(p.Denies, folded) || below(p.Skips, folded)
}

func below(tops []string, folded string) bool {
	for _, top := range tops {
		if rest, is := strings.CutPrefix(folded, top); is && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

func (g *Guard) count(rule string, client netip.Addr) int {
	t := g.engine.Policy().Terms(rule)
	if t.Off {
		return 0
	}
	return g.peers.Count(rule, engine.ActorOf(client), t.More, t.Within)
}

// Decisions lists those in force now, oldest first.
func (g *Guard) Decisions() []engine.Decision { return g.signedAll(g.engine.Decisions(g.now())) }

// Covering lists the decisions in force that hold for an address or a key, what counts most first.
func (g *Guard) Covering(a netip.Addr, k engine.Key) []engine.Decision {
	return g.signedAll(g.engine.Covering(a, k, g.now()))
}

// Explain says in plain words what a rule does under the policy in force; empty for an unknown rule.
func (g *Guard) Explain(rule string) string { return g.engine.Policy().Explain(rule) }

// Policy in force, the rules and modes of the console in it. It is not to be changed; see Revise.
func (g *Guard) Policy() engine.Policy { return g.engine.Policy() }

// Revise puts another policy of settings and packs in force for the very next request, as
// Engine.Revise does, and the rules and modes of the console over it, as they are stored now: when
// it is wrong, each mistake is an engine.Invalid and nothing changes.
func (g *Guard) Revise(p engine.Policy) error {
	if err := p.Validate(); err != nil {
		return fmt.Errorf("revise the policy: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	_, known, _ := g.laws.now()
	book, err := readBook(ctx, g.store, known)
	if err != nil {
		g.log.Warn("the rules of the console can't be read: they stay as they are", "err", err)
		book = nil
	}
	if err := g.enact(&p, book); err != nil {
		return err
	}
	g.news.HealthChanged.Publish(g.Health())
	return nil
}

// WouldHave lists what would have been done since the start, had it been enforced.
func (g *Guard) WouldHave() []engine.WouldHave { return g.engine.WouldHave() }

// Memory says how full each rule's memory is.
func (g *Guard) Memory() []engine.Fill { return g.engine.Memory() }

// Flush waits until all that was decided, observed and placed before is written and told.
func (g *Guard) Flush(ctx context.Context) error {
	if err := g.traffic.flush(ctx); err != nil {
		return err
	}
	return g.outbox.flush(ctx)
}

// Close writes and tells what is left, and hangs up on everybody. What a broken database does
// not take within a few seconds is counted, logged, and lost. Whoever calls it has stopped
// deciding and observing; later calls do nothing.
func (g *Guard) Close() error {
	g.closing.Do(func() {
		g.stop()
		g.watches.Wait()
		if g.counts != "" {
			g.saveCounts()
		}
		g.outbox.close()
		g.traffic.close()
		g.writers.Wait()
		g.hangUp() // after the last decision was announced
		g.peering.Wait()
		g.news.close()
	})
	if n := g.outbox.lost.Load() + g.traffic.lost.Load(); n > 0 { // told while it happened too
		g.log.Warn("lost since the start", "findings", g.outbox.lost.Load(), "traffic_rows", g.traffic.lost.Load())
	}
	return g.unwritten
}
