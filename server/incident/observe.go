package incident

import (
	"cmp"
	"container/list"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// observe takes a weak observation in: it raises no alert, and is known to the incident that it
// belongs to, or to nobody.
func (b *Book) observe(f *engine.Finding) (c Change) {
	b.pass(f.At, &c)
	var ms [mostMarks]mark
	marks := ms[:b.arena.marks(f, &ms)]
	if len(marks) == 0 {
		return c
	}
	sign := b.arena.signOf(f, marks)
	if g, known := b.again(f, sign); known {
		if g != nil {
			b.settle(g, nil, &c)
		}
		return c
	}
	var found [mostMatches]match
	n, parent := b.arena.match(marks, false, nil, f.At, b.limits.Within, &found)
	if n == 0 && parent == nil {
		b.wait(f, sign, marks, &c)
		return c
	}
	var g *group
	members, linked := b.members(found[:n])
	switch len(members) {
	case 0:
		g = b.found()
		g.origin = f.ID
	case 1:
		g = members[0]
	default:
		g = b.join(nil, members, &c)
	}
	for _, m := range linked {
		g.bind(f, marks, m)
	}
	g.follow(parent)
	g.admit(Source{Actor: f.Actor, Client: f.Client, First: f.At, Rule: f.Rule, Weak: true})
	g.touch(accountOf(f))
	g.note(strandOf(f))
	b.standFor(g, f, sign, marks, &c)
	b.settle(g, nil, &c)
	return c
}

// again counts what was observed of the same source before; nil is the group of what is alone.
func (b *Book) again(f *engine.Finding, sign uint64) (g *group, known bool) {
	a := &b.arena
	at, known := a.signs[sign]
	if !known {
		return nil, false
	}
	n := &a.nodes[at]
	if n.over(f.At) {
		if n.group == nil {
			a.drop(at)
		} else {
			a.forgetSign(n, at)
		}
		return nil, false
	}
	n.last = later(n.last, f.At)
	if n.group == nil {
		n.alone.times++
		a.lone.remove(a, at)
		a.lone.push(a, at)
		return nil, true
	}
	n.group = n.group.root()
	n.group.note(strandOf(f))
	return n.group, true
}

// wait keeps an observation that nothing links to yet.
func (b *Book) wait(f *engine.Finding, sign uint64, marks []mark, c *Change) {
	b.room(nil, c)
	at := b.arena.take(sign, marks)
	n := &b.arena.nodes[at]
	n.weak, n.last, n.long = true, f.At, strandOf(f).Stage() == engine.CredentialAccess
	n.alone = &lone{
		id: f.ID, rule: f.Rule, title: f.Title, severity: f.Severity, account: strings.Clone(accountOf(f)),
		actor: f.Actor, client: f.Client, first: f.At, times: 1, means: f.Meaning,
	}
	b.arena.lone.push(&b.arena, at)
}

// members are the groups that an observation links to, without those that would make too great an
// incident together. What was alone begins a group.
func (b *Book) members(found []match) (members []*group, linked []match) {
	alerts := 0
	for _, m := range found {
		if m.group == nil {
			m.group = b.begin(m.place)
		} else if alerts += len(m.group.alerts); alerts > b.limits.PerIncident && len(members) > 0 {
			alerts -= len(m.group.alerts)
			continue
		}
		members, linked = append(members, m.group), append(linked, m)
	}
	return members, linked
}

// begin makes a group of a node that was alone.
func (b *Book) begin(at int32) *group {
	g, n := b.found(), &b.arena.nodes[at]
	b.arena.lone.remove(&b.arena, at)
	l := n.alone
	n.group, n.alone = g, nil
	g.nodes.push(&b.arena, at)
	g.origin = l.id
	g.admit(Source{Actor: l.actor, Client: l.client, First: l.first, Rule: l.rule, Weak: true})
	g.sources[l.actor].nodes++
	g.touch(l.account)
	g.note(Strand{
		Rule: l.rule, Title: l.title, Level: levelOf(l.actor), Severity: l.severity, Weak: true,
		Count: l.times, First: l.first, Last: n.last, Means: l.means,
	})
	return g
}

// standFor lets others link to a group by what was found.
func (b *Book) standFor(g *group, f *engine.Finding, sign uint64, marks []mark, c *Change) {
	a := &b.arena
	if at, known := a.signs[sign]; known {
		if n := &a.nodes[at]; n.group != nil && n.group.root() == g {
			n.last = later(n.last, f.At)
			return
		}
	}
	m := g.sources[f.Actor]
	if len(marks) == 0 || m != nil && m.nodes >= nodesPerSource {
		return
	}
	if g.nodes.n >= mostSources {
		a.drop(g.nodes.head)
	}
	b.room(g, c)
	at := a.take(sign, marks)
	n := &a.nodes[at]
	n.group, n.weak, n.last = g, f.Weak, f.At
	g.nodes.push(a, at)
	if m != nil {
		m.nodes++
	}
	if !f.Weak {
		a.told(at)
	}
}

// settle makes the group an incident where it has come to be one, and tells of it.
func (b *Book) settle(g *group, e *entry, c *Change) {
	b.surface(g, e, c)
	b.lay(g)
	if c.Incident = g.public(); c.Incident != nil {
		c.Sources = g.listed[g.told:len(g.listed):len(g.listed)]
		g.told = len(g.listed)
	}
}

// What the book keeps of weak observations beside the arena.
const (
	mostHidden = 1 << 13 // groups that are no incident
	mostGhosts = 1 << 10 // incidents that are over and may be continued
	ghostNodes = 16      // that stand for each of them
	perPass    = 4       // that a finding clears away at most, of each kind
)

// pass lets event time go on: what was idle for too long takes in nothing any more.
func (b *Book) pass(at time.Time, c *Change) {
	b.now = later(b.now, at)
	a := &b.arena
	for range perPass {
		if a.lone.head == none || !a.nodes[a.lone.head].over(b.now) {
			break
		}
		a.drop(a.lone.head)
	}
	for _, shelf := range []*list.List{b.hidden, b.quick, b.slow} {
		for range perPass {
			front := shelf.Front()
			if front == nil || !front.Value.(*group).over(b.now) {
				break
			}
			b.end(front.Value.(*group), c)
		}
	}
	for b.hidden.Len() > mostHidden {
		b.end(b.hidden.Front().Value.(*group), c)
	}
	for b.ghosts.Len() > mostGhosts {
		b.dissolve(b.ghosts.Front().Value.(*group))
	}
}

// end closes a group without alerts. An incident is remembered, so that what is like it later can
// be said to continue it.
func (b *Book) end(g *group, c *Change) {
	if g.ID == 0 {
		b.dissolve(g)
		return
	}
	g.closed = true
	delete(b.incidents, g.ID)
	c.Closed = append(c.Closed, *g.public())
	a := &b.arena
	for g.nodes.n > ghostNodes {
		a.drop(g.nodes.head)
	}
	for at := g.nodes.head; at != none; at = a.nodes[at].links.after {
		a.forgetSign(&a.nodes[at], at)
	}
	g.sources, g.listed, g.accounts, g.Strands, g.tokens = nil, nil, nil, nil, nil
	b.lay(g)
}

// dissolve forgets a group without alerts.
func (b *Book) dissolve(g *group) {
	for g.nodes.n > 0 {
		b.arena.drop(g.nodes.head)
	}
	g.shelf.Remove(g.place)
}

// room makes room for one node: what says least gives way, but never the group that asks.
func (b *Book) room(asks *group, c *Change) {
	a := &b.arena
	for len(a.nodes)-len(a.free) >= a.most {
		switch g := b.least(asks); {
		case a.lone.n > 0:
			a.drop(a.lone.head)
		case g == nil: // all of it belongs to alerts
			a.hand = (a.hand + 1) % len(a.nodes)
			a.drop(int32(a.hand)) //nolint:gosec // at most mostNodes
		case g.ID == 0 || g.closed:
			b.dissolve(g)
		default:
			b.end(g, c)
		}
	}
}

// least is the group without alerts that can be spared first.
func (b *Book) least(asks *group) *group {
	for _, shelf := range []*list.List{b.hidden, b.ghosts, b.quick, b.slow} {
		for at := shelf.Front(); at != nil; at = at.Next() {
			if g := at.Value.(*group); g != asks {
				return g
			}
		}
	}
	return nil
}

func accountOf(f *engine.Finding) string { return cmp.Or(f.Actor.Account, f.Account) }

func strandOf(f *engine.Finding) Strand {
	return Strand{
		Rule: f.Rule, Title: f.Title, Level: levelOf(f.Actor), Severity: f.Severity, Weak: f.Weak,
		Count: 1, First: f.At, Last: f.At, Means: f.Meaning,
	}
}

func later(x, y time.Time) time.Time {
	if x.Before(y) {
		return y
	}
	return x
}
