package service

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/store"
)

const (
	freshFor     = 10 * time.Second // figures that take a while are as old as that
	measureLimit = 2 * time.Second
)

// metrics are read when somebody asks. Labels are of sets that do not grow: no path, no client.
type metrics struct {
	guard *guard.Guard
	store *store.Store
	feed  *feed
	now   func() time.Time
	log   *slog.Logger

	mu       sync.Mutex
	measured time.Time
	sizes    store.Sizes
	inForce  map[[2]string]int
}

func newMetrics(g *guard.Guard, s *store.Store, f *feed, version string, now func() time.Time, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sentinel_build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&metrics{guard: g, store: s, feed: f, now: now, log: log})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 2 * measureLimit})
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("sentinel_"+name, help, labels, nil)
}

var (
	requests         = describe("requests_total", "Requests to the protected API, by what became of them.", "verdict", "cause")
	wouldRefuse      = describe("would_refuse_requests_total", "Requests that passed and would have been refused, had the gateway enforced.", "cause")
	rate             = describe("requests_per_second", "Requests a second, over the last ten.")
	hammering        = describe("hammering_requests_total", "Requests of whom a decision refused: blocked or throttled, and went on asking.")
	findings         = describe("findings_total", "Findings by rule.", "rule")
	wouldFind        = describe("would_act_findings_total", "Findings that would have been acted on, had their rule enforced.", "rule")
	decisionsNow     = describe("decisions", "Decisions in force.", "origin", "action")
	waiting          = describe("outbox_waiting", "Findings and decisions that wait to be written.")
	trafficLost      = describe("traffic_lost_total", "Traffic rows that could not be kept.")
	findingsLost     = describe("findings_lost_total", "Findings that could not be kept to be written.")
	dependencyState  = describe("dependency_up", "1 when it works, 0.5 when its work is done another way, 0 when not.", "name")
	enforcing        = describe("enforcing", "1 when the gateway enforces, 0 when it observes or doubts who asks.")
	storeBytes       = describe("store_bytes", "What a database takes on disk.", "database")
	storeFree        = describe("store_free_bytes", "What of it is to be used again.", "database")
	storeOldest      = describe("store_oldest_timestamp_seconds", "Since when things are kept.", "class")
	bouncersKnown    = describe("bouncers", "Bouncers that follow decisions.")
	memoryFilled     = describe("memory_filled_ratio", "How full the memory of a rule is; full is as it should be.", "rule")
	memoryEvicted    = describe("memory_evicted_total", "Clients, keys or accounts that a rule had to forget while they counted.", "rule")
	memoryTurnedAway = describe("memory_turned_away_total", "How often a rule could not count somebody new, as all it remembers counted more.", "rule")
	unfolded         = describe("weak_findings_unfolded_total", "Weak findings that were too many at once to be looked at together.")
	unknown          = describe("rule_expression_failures_total", "How often the expression of a rule could not be evaluated, and was false.", "rule")
	newKeys          = describe("memory_new_keys", "Clients, keys or accounts that a rule did not know, in the last minute.", "rule")
	keyFlood         = describe("key_flood_rules", "Rules that see eight times as many new clients, keys or accounts as usual.")
	decisionsVersion = describe("decisions_changes_total", "Changes of what bouncers enforce since the start.")
)

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		requests, wouldRefuse, rate, hammering, findings, wouldFind, decisionsNow, waiting, trafficLost, findingsLost, dependencyState, enforcing,
		storeBytes, storeFree, storeOldest, bouncersKnown, decisionsVersion,
		memoryFilled, memoryEvicted, memoryTurnedAway, newKeys, keyFlood, unfolded, unknown,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	t := m.guard.Tally()
	count(requests, t.Passed, "passed", "")
	for cause, n := range t.Refused {
		count(requests, n, "refused", cause)
	}
	for cause, n := range t.Would {
		count(wouldRefuse, n, cause)
	}
	for rule, n := range t.Findings {
		count(findings, n, rule)
	}
	count(unfolded, t.Unfolded)
	count(hammering, t.Hammering)
	for _, w := range m.guard.WouldHave() {
		count(wouldFind, w.Findings, w.Rule)
	}
	for _, u := range m.guard.Unknowns() {
		count(unknown, int64(min(u.Times, math.MaxInt64)), u.Rule) //nolint:gosec // it fits
	}
	flooded := 0
	for _, f := range m.guard.Memory() {
		gauge(memoryFilled, float64(f.Held)/float64(max(f.Clients, 1)), f.Rule)
		count(memoryEvicted, int64(f.Evicted), f.Rule)
		count(memoryTurnedAway, int64(f.TurnedAway), f.Rule)
		gauge(newKeys, float64(f.New), f.Rule)
		if f.Flooded {
			flooded++
		}
	}
	gauge(keyFlood, float64(flooded))
	gauge(rate, m.guard.Rate())
	h := m.guard.Health()
	gauge(waiting, float64(h.Waiting))
	count(trafficLost, h.TrafficLost)
	count(findingsLost, h.FindingsLost)
	up := map[guard.State]float64{guard.OK: 1, guard.Degraded: 0.5, guard.Down: 0}
	for _, d := range h.Dependencies {
		gauge(dependencyState, up[d.State], d.Name)
	}
	var enforces float64
	if h.Mode == guard.ModeEnforce && h.NotEnforcing == "" {
		enforces = 1
	}
	gauge(enforcing, enforces)
	gauge(bouncersKnown, float64(m.feed.bouncers()))
	count(decisionsVersion, int64(m.feed.position()))
	m.collectMeasured(gauge)
}

// collectMeasured tells what takes a while to find out, and so is found out now and then only.
func (m *metrics) collectMeasured(gauge func(*prometheus.Desc, float64, ...string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.now(); m.inForce == nil || now.Sub(m.measured) >= freshFor || now.Before(m.measured) {
		m.measure()
		m.measured = now
	}
	for of, n := range m.inForce {
		gauge(decisionsNow, float64(n), of[0], of[1])
	}
	for _, r := range m.sizes.Rooms {
		gauge(storeBytes, float64(r.Bytes), r.Name)
		gauge(storeFree, float64(r.Free), r.Name)
	}
	for _, o := range m.sizes.Oldest {
		if !o.At.IsZero() {
			gauge(storeOldest, float64(o.At.UnixMilli())/1000, o.Class)
		}
	}
}

func (m *metrics) measure() {
	ctx, cancel := context.WithTimeout(context.Background(), measureLimit)
	defer cancel()
	sizes, err := m.store.Sizes(ctx)
	if err != nil { // the database is away, which dependency_up says
		m.log.Debug("sizes of the store are unknown", "err", err)
	}
	m.sizes = sizes
	m.inForce = make(map[[2]string]int)
	for _, o := range []engine.Origin{engine.ByRule, engine.ByOperator, engine.ByImport, engine.ByFeed} {
		for _, a := range []engine.Action{engine.Allow, engine.Block, engine.Throttle, engine.Monitor} {
			m.inForce[kind(o, a)] = 0
		}
	}
	m.guard.EachDecision(func(d engine.Decision) bool {
		m.inForce[kind(d.Origin, d.Action)]++
		return true
	})
}

func kind(o engine.Origin, a engine.Action) [2]string {
	return [2]string{strings.ToLower(o.String()), strings.ToLower(a.String())}
}
