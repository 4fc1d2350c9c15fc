package incident

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A trait is something that alerts of one attack may have in common: a client, a network or
// a key.
type trait struct {
	kind    traitKind
	network netip.Prefix
	key     engine.Key
}

type traitKind uint8

const (
	sameClient traitKind = iota + 1
	sameNetwork
	sameKey
)

// maxTraits of one group: keys that are new beyond it lead nowhere. Clients and networks are
// no more than alerts.
const maxTraits = 4096

// traits of a finding or alert, the narrowest first.
func traits(actor engine.Target, client netip.Addr, key engine.Key) []trait {
	ts := make([]trait, 0, 3)
	if actor.Network.IsValid() {
		ts = append(ts, trait{kind: sameClient, network: actor.Network})
		client = actor.Network.Addr()
	}
	if client.IsValid() {
		ts = append(ts, trait{kind: sameNetwork, network: neighbourhood(client)})
	}
	if !actor.Key.Zero() {
		key = actor.Key
	}
	if !key.Zero() {
		ts = append(ts, trait{kind: sameKey, key: key})
	}
	return ts
}

// neighbourhood is the network that an attacker plausibly has as a whole.
func neighbourhood(a netip.Addr) netip.Prefix {
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		panic(err) // 24 of 32 and 48 of 128 bits always are a prefix
	}
	return p
}

// relate joins the alert's group with those that lately showed a trait of the finding or share
// rare tokens with it, and lets its traits lead to the result.
func (b *Book) relate(e *entry, f *engine.Finding, c *Change) {
	all := traits(f.Actor, f.Client, f.Key)
	members := []*group{e.group}
	alerts := len(e.group.alerts)
	var shared []trait
	for _, t := range all {
		l, known := b.leads[t]
		if !known || l.group == e.group || l.at.Sub(f.At).Abs() > b.limits.Within {
			continue
		}
		if !slices.Contains(members, l.group) {
			if alerts += len(l.group.alerts); alerts > b.limits.PerIncident {
				alerts -= len(l.group.alerts)
				continue
			}
			members = append(members, l.group)
		}
		shared = append(shared, t)
	}
	var ms [mostMarks]mark
	marks := ms[:b.arena.marks(f, &ms)]
	var found [mostMatches]match
	n, parent := b.arena.match(marks, true, e.group, f.At, b.limits.Within, &found)
	linked := found[:0]
	for _, m := range found[:n] {
		if m.group == nil {
			m.group = b.begin(m.place)
		}
		if !slices.Contains(members, m.group) {
			if alerts += len(m.group.alerts); alerts > b.limits.PerIncident {
				alerts -= len(m.group.alerts)
				continue
			}
			members = append(members, m.group)
		}
		linked = append(linked, m)
	}
	if len(members) > 1 {
		b.join(e, members, c)
		e.group.share(labels(shared))
	}
	for _, m := range linked {
		e.group.bind(f, marks, m)
	}
	e.group.follow(parent)
	for _, t := range all {
		b.lead(t, e.group, f.At)
	}
	b.standFor(e.group, f, b.arena.signOf(f, marks), marks, c)
}

// join makes one group of several: the eldest takes in the others.
func (b *Book) join(e *entry, members []*group, c *Change) *group {
	into := slices.MinFunc(members, elder)
	for _, from := range members {
		if from == into {
			continue
		}
		into.swallow(from, &b.arena)
		for _, m := range from.alerts {
			into.add(m)
			if into.ID != 0 {
				c.joined(m, e)
			}
		}
		for t := range from.traits {
			if l := b.leads[t]; l.group == from {
				b.leads[t] = lead{into, l.at}
				into.mark(t)
			}
		}
		from.shelf.Remove(from.place)
		if from.ID != 0 {
			delete(b.incidents, from.ID)
			c.Emptied = append(c.Emptied, from.emptied(into))
		}
		from.nodes, from.sources, from.listed, from.alerts, from.traits, from.accounts = empty, nil, nil, nil, nil, nil
	}
	b.lay(into)
	return into
}

// swallow takes in what another group holds beside its alerts.
func (g *group) swallow(from *group, a *arena) {
	for _, s := range from.listed {
		g.admit(s)
	}
	g.beyond += from.beyond
	for _, name := range slices.Sorted(maps.Keys(from.accounts)) {
		g.touch(name)
	}
	for _, e := range from.Strands {
		g.note(e)
	}
	g.share(from.labels)
	for _, t := range from.tokens {
		g.count(t.Token, t.times)
	}
	g.bonds += from.bonds
	g.linked += from.linked
	if g.Parent == 0 {
		g.Parent = from.Parent
	}
	g.nodes.join(a, &from.nodes)
	from.into = g
}

// surface makes an incident of a group that has come to be one: of two alerts, or of sources that
// are enough and share enough.
func (b *Book) surface(g *group, e *entry, c *Change) {
	if g.ID != 0 || len(g.alerts) < 2 && (g.size() < leastSources || g.score() < Notify) {
		return
	}
	if len(g.alerts) > 0 {
		g.ID = b.unusedIncident(strconv.FormatInt(g.alerts[0].ID, 10))
	} else {
		g.ID = b.unusedIncident(g.origin)
	}
	b.incidents[g.ID] = g
	for _, m := range g.alerts {
		m.Incident = g.ID
		c.joined(m, e)
	}
	b.lay(g)
}

// leastSources make an incident where there are no two alerts.
const leastSources = 3

// joined notes that an alert other than the folded one changed its incident.
func (c *Change) joined(m, folded *entry) {
	if m != folded {
		c.Joined = append(c.Joined, m.Alert)
	}
}

// elder orders groups: what is an incident already, then what began earlier.
func elder(x, y *group) int {
	if (x.ID == 0) != (y.ID == 0) {
		if x.ID != 0 {
			return -1
		}
		return 1
	}
	if c := x.First.Compare(y.First); c != 0 {
		return c
	}
	if len(x.alerts) > 0 && len(y.alerts) > 0 {
		return cmp.Compare(x.alerts[0].ID, y.alerts[0].ID)
	}
	return cmp.Compare(x.order, y.order)
}

// lead lets a trait lead to the group that showed it last. What comes late leads nowhere.
func (b *Book) lead(t trait, g *group, at time.Time) {
	l, known := b.leads[t]
	switch {
	case known && at.Before(l.at):
		return
	case known && l.group != g:
		delete(l.group.traits, t)
	case !known && t.kind == sameKey && len(g.traits) >= maxTraits:
		return
	}
	b.leads[t] = lead{g, at}
	g.mark(t)
}

func (g *group) mark(t trait) {
	if g.traits == nil {
		g.traits = make(map[trait]struct{}, 3)
	}
	g.traits[t] = struct{}{}
}

// follow notes which incident the group continues, if it continues one.
func (g *group) follow(before *group) {
	if before != nil && g.Parent == 0 && before.ID != g.ID {
		g.Parent = before.ID
	}
}

// found begins an empty group.
func (b *Book) found() *group {
	b.begun++
	g := &group{order: b.begun, nodes: empty}
	b.lay(g)
	return g
}

// lay puts a group at the end of the shelf where it belongs.
func (b *Book) lay(g *group) {
	to := b.groups
	switch {
	case len(g.alerts) > 0:
	case g.closed:
		to = b.ghosts
	case g.ID == 0:
		to = b.hidden
	case g.long:
		to = b.slow
	default:
		to = b.quick
	}
	if g.shelf == to {
		to.MoveToBack(g.place)
		return
	}
	if g.shelf != nil {
		g.shelf.Remove(g.place)
	}
	g.shelf, g.place = to, to.PushBack(g)
}
