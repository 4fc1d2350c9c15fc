package main

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/gaissmai/bart"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/geo"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// A judge has the engine decide on what has already happened, as if it had stood before the
// API: a request that it would have refused counts as refused. What it remembers does not grow
// with the log.
type judge struct {
	engine    *engine.Engine
	places    *geo.DB         // nil: nobody tells
	routes    gateway.Routes  // nil: each path is one
	learner   gateway.Learner // the same, or nil when it doesn't learn
	spared    bart.Lite
	book      *incident.Book
	census    *census
	culprits  map[uint64]*culprit
	oddest    oddest // nil when nobody asks
	more      int    // clients with a verdict beyond mostCulprits
	attacks   map[int64]*attack
	members   int    // of attacks, in all
	dropped   int    // attacks beyond mostAttacks or mostMembers
	requests  uint64 // also the ID of the last
	refused   uint64
	late      uint64
	first     time.Time
	watermark time.Time
	expire    time.Time
}

// So many clients and attacks are told, and so many clients of attacks in all. Of attacks beyond,
// the least are given up.
const (
	mostCulprits = 1 << 18
	mostAttacks  = 1 << 14
	mostMembers  = 1 << 20
)

// A culprit is a client that something was found about.
type culprit struct {
	client   netip.Addr
	network  netip.Prefix // that rules counted
	blocked  bool
	rules    []string
	severity engine.Severity // the gravest
	first    time.Time
	reason   string // of the first block, else of the first finding
	requests uint64 // after it was found, when the census could not count it
}

// An attack is an incident with who was in it.
type attack struct {
	incident.Incident
	members map[uint64]netip.Addr
}

func newJudge(by yardstick) (*judge, error) {
	p := by.policy
	p.Observe = false
	p.Rules = enforced(p)
	const seed = 1 // the same log is judged the same way
	e, err := engine.New(p, seed)
	if err != nil {
		return nil, err
	}
	j := &judge{
		engine: e, places: by.places, routes: by.routes, book: incident.NewBook(incident.Limits{}), census: newCensus(),
		culprits: map[uint64]*culprit{}, attacks: map[int64]*attack{},
	}
	for _, p := range by.spared {
		j.spared.Insert(p)
	}
	j.learner, _ = by.routes.(gateway.Learner)
	j.census.overlook = func(client uint64) {
		if c := j.culprits[client]; c != nil {
			c.requests++
		}
	}
	return j, nil
}

// enforced are a policy's rules with those in shadow mode at work: what is replayed harms nobody,
// and the demo guards nothing.
func enforced(p engine.Policy) map[string]engine.Terms {
	rules := make(map[string]engine.Terms, len(p.Rules))
	for id, t := range p.Rules {
		t.Shadow = false
		rules[id] = t
	}
	return rules
}

// judge an exchange. It keeps nothing of it.
func (j *judge) judge(x *engine.Exchange) { j.rule(x) }

// rule on an exchange, and say what was ruled.
func (j *judge) rule(x *engine.Exchange) (v engine.Verdict, found []engine.Finding) {
	j.requests++
	x.ID = j.requests
	j.tick(x.At)
	x.Place = j.places.Complete(x.Place, x.Client)
	gateway.Locate(&x.Request, j.routes)
	x.Exempt = j.spared.Size() > 0 && j.spared.Contains(x.Client)
	who := clientOf(x.Client)
	j.census.count(who)
	v, found = j.engine.Judge(x)
	if j.learner != nil && !v.Refused() {
		j.learner.Answered(x.Method, x.Folded, x.Status)
	}
	if v.Finding != nil {
		j.note(who, v.Finding)
	}
	if v.Refused() {
		j.refused++
	}
	for i := range found {
		if found[i].Weak {
			j.group(j.book.Fold(found[i]))
			continue
		}
		j.note(who, &found[i])
	}
	if j.oddest != nil {
		j.oddest.note(j.engine, x.Client)
	}
	return v, found
}

// tick follows the log's own time.
func (j *judge) tick(at time.Time) {
	if at.Before(j.watermark) {
		j.late++
		if at.Before(j.first) {
			j.first = at
		}
		return
	}
	j.watermark = at
	if j.first.IsZero() {
		j.first = at
	}
	if !at.Before(j.expire) {
		j.engine.Expire(at)
		j.expire = at.Add(time.Minute)
	}
}

// note what was found about a client.
func (j *judge) note(who uint64, f *engine.Finding) {
	c := j.culprits[who]
	if c == nil {
		if len(j.culprits) >= mostCulprits {
			j.more++
			return
		}
		c = &culprit{client: f.Client, network: f.Actor.Network, first: f.At, reason: f.Reason}
		if !c.network.IsValid() { // a key or an account was counted
			c.network = engine.ActorOf(f.Client).Network
		}
		if _, exact := j.census.of(who); !exact {
			c.requests = uint64(max(f.Count, 1))
		}
		j.culprits[who] = c
	}
	c.severity = max(c.severity, f.Severity)
	if !slices.Contains(c.rules, f.Rule) {
		c.rules = append(c.rules, f.Rule)
	}
	if f.Decision != nil && f.Decision.Action == engine.Block && !c.blocked {
		c.blocked, c.reason = true, f.Reason
	}
	j.group(j.book.Fold(*f))
}

// group keeps the incidents that a finding changed.
func (j *judge) group(c incident.Change) {
	for _, gone := range c.Emptied {
		j.forget(gone.ID)
	}
	if c.Incident == nil {
		return
	}
	a := j.attacks[c.Incident.ID]
	if a == nil {
		a = &attack{members: map[uint64]netip.Addr{}}
		j.attacks[c.Incident.ID] = a
	}
	a.Incident = *c.Incident
	j.join(a, c.Alert.Client)
	for i := range c.Joined {
		j.join(a, c.Joined[i].Client)
	}
	for i := range c.Sources {
		j.join(a, c.Sources[i].Client)
	}
	if len(j.attacks) > mostAttacks || j.members > mostMembers {
		all := j.incidents() // the gravest first
		for _, a := range all[len(all)*3/4:] {
			j.forget(a.ID)
			j.dropped++
		}
	}
}

// join notes that a client is in an attack. A weak observation is enough for that, and is no
// verdict.
func (j *judge) join(a *attack, client netip.Addr) {
	if !client.IsValid() {
		return
	}
	who := clientOf(client)
	if _, known := a.members[who]; !known {
		a.members[who] = client
		j.members++
	}
}

func (j *judge) forget(attack int64) {
	if a := j.attacks[attack]; a != nil {
		j.members -= len(a.members)
		delete(j.attacks, attack)
	}
}

// requestsOf a culprit, and whether that is exact.
func (j *judge) requestsOf(c *culprit) (n uint64, exact bool) {
	if n, exact = j.census.of(clientOf(c.client)); exact {
		return n, true
	}
	return c.requests, false
}

// verdicts are the culprits in the order in which they were found.
func (j *judge) verdicts() []*culprit {
	all := make([]*culprit, 0, len(j.culprits))
	for _, c := range j.culprits {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *culprit) int {
		return cmp.Or(a.first.Compare(b.first), a.client.Compare(b.client))
	})
	return all
}

// incidents are the attacks, the gravest first.
func (j *judge) incidents() []*attack {
	all := make([]*attack, 0, len(j.attacks))
	for _, a := range j.attacks {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *attack) int {
		return cmp.Or(cmp.Compare(b.Score(), a.Score()), a.First.Compare(b.First), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// clients of an attack, in order.
func (j *judge) clients(a *attack) []string {
	addresses := make([]netip.Addr, 0, len(a.members))
	for who, client := range a.members {
		if c := j.culprits[who]; c != nil {
			client = c.client // by the name that its verdict has
		}
		addresses = append(addresses, client)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	names := make([]string, len(addresses))
	for i, a := range addresses {
		names[i] = a.String()
	}
	return names
}

// reason of an incident in one sentence.
func (a *attack) reason() string {
	if a.Shared == "" {
		return a.Title
	}
	return a.Title + ", joined by " + a.Shared
}
