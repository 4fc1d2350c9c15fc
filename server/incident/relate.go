package incident

import (
	"cmp"
	"net/netip"
	"slices"
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

// relate joins the alert's group with those that lately showed a trait of the finding, and
// lets its traits lead to the result.
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
	if len(members) > 1 {
		b.join(e, members, c)
		e.group.share(labels(shared))
	}
	for _, t := range all {
		b.follow(t, e.group, f.At)
	}
}

// join makes one group of several: the eldest takes in the others.
func (b *Book) join(e *entry, members []*group, c *Change) {
	into := slices.MinFunc(members, elder)
	if into.ID == 0 {
		into.ID = b.unusedIncident(into.alerts[0].ID)
		b.incidents[into.ID] = into
		for _, m := range into.alerts {
			m.Incident = into.ID
			c.joined(m, e)
		}
	}
	for _, from := range members {
		if from == into {
			continue
		}
		for _, m := range from.alerts {
			into.add(m)
			c.joined(m, e)
		}
		for t := range from.traits {
			if l := b.leads[t]; l.group == from {
				b.leads[t] = lead{into, l.at}
				into.traits[t] = struct{}{}
			}
		}
		into.share(from.labels)
		b.groups.Remove(from.place)
		if from.ID != 0 {
			delete(b.incidents, from.ID)
			c.Emptied = append(c.Emptied, from.emptied(into))
		}
	}
}

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
	return cmp.Compare(x.alerts[0].ID, y.alerts[0].ID)
}

// follow lets a trait lead to the group that showed it last. What comes late leads nowhere.
func (b *Book) follow(t trait, g *group, at time.Time) {
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
	g.traits[t] = struct{}{}
}

// found begins an empty group.
func (b *Book) found() *group {
	g := &group{actors: make(map[engine.Target]struct{}), traits: make(map[trait]struct{})}
	g.place = b.groups.PushBack(g)
	return g
}
