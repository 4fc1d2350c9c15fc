package incident

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A node is something that was found: a weak observation, or what an alert carried. Others link to
// it by what they share.
type node struct {
	marks  [mostMarks]mark
	count  int // of them
	group  *group
	weak   bool
	long   bool // what it belongs to may be idle for a day
	last   time.Time
	sign   uint64 // of who, what and which marks
	seen   uint32 // the search that came by last
	serial uint32 // how often the place was given away; tells whose it is
	links  links

	alone *lone // what it takes to begin a group; of a weak node that is in none
}

// A lone is an observation that nothing else links to yet.
type lone struct {
	id, rule, title string
	account         string
	severity        engine.Severity
	actor           engine.Target
	client          netip.Addr
	first           time.Time
	times           int
	means           engine.Meaning
}

// A mark is a token by which nodes link.
type mark struct {
	hash   uint64
	weight float32
	token  int8 // its place in the finding's tokens, -1 for none
	kind   markKind
}

type markKind uint8

// Rare tokens link by two; the others each alone.
const (
	rare markKind = iota
	ofClient
	ofKey
	ofAccount
)

const (
	mostTokens = 8
	mostMarks  = mostTokens + 3

	rareWeight = 0.3 // what weighs no more is common and links nothing
	leastRare  = 2   // rare tokens that link
	leastSum   = 1.5 // and what they weigh together
)

// links of a doubly linked list in the arena, by place; none is -1.
type links struct{ before, after int32 }

const none = int32(-1)

// A chain is a list of nodes, the oldest first.
type chain struct {
	head, tail int32
	n          int
}

var empty = chain{head: none, tail: none}

// An arena holds so many nodes and no more, and finds them by what they share.
type arena struct {
	seed   maphash.Seed // only tells apart; no answer follows from it
	most   int
	nodes  []node
	free   []int32
	slots  []slot
	spare  []int32 // slots that are free
	index  map[uint64]int32
	signs  map[uint64]int32
	lone   chain    // nodes without a group
	alerts []ticket // of alerts, as a ring
	next   int      // in alerts, once that is full
	hand   int      // goes round where nothing is less than the rest
	round  uint32
}

// A slot is who showed a token lately.
type slot struct {
	reps [mostReps]int32
	n    uint8
	next uint8
	hub  time.Time // until then too many incidents share it, so that it says nothing; zero for never
}

const (
	mostReps  = 8
	mostNodes = 1 << 16
	mostHub   = 3             // incidents that may share a token that links
	hubFor    = 6 * time.Hour // that it links nothing, from when there were more; then it is looked at anew
)

// A ticket is the place of an alert's node, while it is still that one's.
type ticket struct {
	place  int32
	serial uint32
}

func newArena(most int) arena {
	return arena{
		seed: maphash.MakeSeed(), most: most, lone: empty,
		index: make(map[uint64]int32), signs: make(map[uint64]int32),
	}
}

// marks of a finding. An alert's client and key are followed by its book.
func (a *arena) marks(f *engine.Finding, ms *[mostMarks]mark) int {
	n := 0
	add := func(m mark) {
		for _, known := range ms[:n] {
			if known.hash == m.hash {
				return
			}
		}
		ms[n] = m
		n++
	}
	if f.Actor.Network.IsValid() {
		add(mark{hash: a.network(f.Actor.Network), weight: 1, token: -1, kind: ofClient})
	} else if f.Client.IsValid() {
		add(mark{hash: a.network(engine.ActorOf(f.Client).Network), weight: 1, token: -1, kind: ofClient})
	}
	key, account := f.Key, f.Account
	if !f.Actor.Key.Zero() {
		key = f.Actor.Key
	}
	if f.Actor.Account != "" {
		account = f.Actor.Account
	}
	if !key.Zero() && (!f.Weak || scarce(f, engine.TokenKey)) {
		add(mark{hash: maphash.Bytes(a.seed, key.Hash[:]), weight: 1, token: -1, kind: ofKey})
	}
	if account != "" && (!f.Weak || scarce(f, engine.TokenAccount)) {
		add(mark{hash: maphash.String(a.seed, account), weight: 1, token: -1, kind: ofAccount})
	}
	for i := range min(len(f.Tokens), mostTokens) {
		t := &f.Tokens[i]
		if t.Kind == engine.TokenClient || t.Kind == engine.TokenKey || t.Kind == engine.TokenAccount {
			continue
		}
		if t.Weight > rareWeight {
			add(mark{hash: tokenHash(t), weight: t.Weight, token: int8(i), kind: rare})
		}
	}
	return n
}

// scarce reports whether a finding carries a rare token of that kind.
func scarce(f *engine.Finding, k engine.TokenKind) bool {
	for i := range f.Tokens {
		if f.Tokens[i].Kind == k && f.Tokens[i].Weight > rareWeight {
			return true
		}
	}
	return false
}

// tokenHash tells tokens of different kinds apart.
func tokenHash(t *engine.Token) uint64 { return t.Hash ^ uint64(t.Kind)*0x9e3779b97f4a7c15 }

func (a *arena) network(p netip.Prefix) uint64 {
	var b [17]byte
	ip := p.Addr().As16()
	copy(b[:], ip[:])
	b[16] = byte(p.Bits())
	return maphash.Bytes(a.seed, b[:])
}

// signOf tells whether the same was found about the same before.
func (a *arena) signOf(f *engine.Finding, ms []mark) uint64 {
	h := maphash.String(a.seed, f.Rule)
	mix := func(x uint64) { h = (h ^ x) * 0x9e3779b97f4a7c15; h ^= h >> 29 }
	switch t := f.Actor; {
	case t.Network.IsValid():
		mix(a.network(t.Network))
	case !t.Key.Zero():
		mix(binary.LittleEndian.Uint64(t.Key.Hash[:]))
	default:
		mix(maphash.String(a.seed, t.Account))
		mix(maphash.String(a.seed, t.Route))
	}
	if f.Weak {
		mix(1)
	}
	for _, m := range ms {
		mix(m.hash)
	}
	return h
}

// take gives a node a place; the caller has made room.
func (a *arena) take(sign uint64, ms []mark) int32 {
	var at int32
	if k := len(a.free); k > 0 {
		at, a.free = a.free[k-1], a.free[:k-1]
	} else {
		at = int32(len(a.nodes)) //nolint:gosec // at most mostNodes
		a.nodes = append(a.nodes, node{})
	}
	n := &a.nodes[at]
	*n = node{count: copy(n.marks[:], ms), marks: n.marks, sign: sign, serial: n.serial + 1, links: links{none, none}}
	a.signs[sign] = at
	for _, m := range ms {
		a.slotOf(m.hash).add(at)
	}
	return at
}

func (a *arena) slotOf(hash uint64) *slot {
	if at, known := a.index[hash]; known {
		return &a.slots[at]
	}
	var at int32
	if k := len(a.spare); k > 0 {
		at, a.spare = a.spare[k-1], a.spare[:k-1]
	} else {
		at = int32(len(a.slots)) //nolint:gosec // at most mostNodes times mostMarks
		a.slots = append(a.slots, slot{})
	}
	a.slots[at] = slot{}
	a.index[hash] = at
	return &a.slots[at]
}

// add makes a node one of those that stand for a token: the newest eight do.
func (s *slot) add(at int32) {
	if int(s.n) < mostReps {
		s.reps[s.n] = at
		s.n++
		return
	}
	s.reps[s.next] = at
	s.next = (s.next + 1) % mostReps
}

// drop gives a node's place free.
func (a *arena) drop(at int32) {
	n := &a.nodes[at]
	for _, m := range n.marks[:n.count] {
		a.unlink(m.hash, at)
	}
	a.forgetSign(n, at)
	a.chainOf(n).remove(a, at)
	n.group, n.alone = nil, nil
	n.count = 0
	n.serial++
	a.free = append(a.free, at)
}

// told notes a node of an alert: of more than half the arena, the oldest gives way.
func (a *arena) told(at int32) {
	t := ticket{at, a.nodes[at].serial}
	if len(a.alerts) < a.most/2 {
		a.alerts = append(a.alerts, t)
		return
	}
	old := a.alerts[a.next]
	a.alerts[a.next] = t
	a.next = (a.next + 1) % len(a.alerts)
	if a.nodes[old.place].serial == old.serial {
		a.drop(old.place)
	}
}

func (a *arena) forgetSign(n *node, at int32) {
	if a.signs[n.sign] == at {
		delete(a.signs, n.sign)
	}
}

func (a *arena) unlink(hash uint64, at int32) {
	where, known := a.index[hash]
	if !known {
		return
	}
	s := &a.slots[where]
	kept := uint8(0)
	for _, r := range s.reps[:s.n] {
		if r != at {
			s.reps[kept] = r
			kept++
		}
	}
	if s.n = kept; kept < mostReps {
		s.next = 0
	}
	if kept == 0 {
		delete(a.index, hash)
		a.spare = append(a.spare, where)
	}
}

func (a *arena) chainOf(n *node) *chain {
	if n.group == nil {
		return &a.lone
	}
	n.group = n.group.root()
	return &n.group.nodes
}

// push appends a node.
func (c *chain) push(a *arena, at int32) {
	n := &a.nodes[at]
	n.links = links{before: c.tail, after: none}
	if c.tail == none {
		c.head = at
	} else {
		a.nodes[c.tail].links.after = at
	}
	c.tail = at
	c.n++
}

func (c *chain) remove(a *arena, at int32) {
	l := a.nodes[at].links
	if l.before == none {
		c.head = l.after
	} else {
		a.nodes[l.before].links.after = l.after
	}
	if l.after == none {
		c.tail = l.before
	} else {
		a.nodes[l.after].links.before = l.before
	}
	a.nodes[at].links = links{none, none}
	c.n--
}

// join appends another chain, which is empty then.
func (c *chain) join(a *arena, o *chain) {
	switch {
	case o.head == none:
		return
	case c.head == none:
		c.head = o.head
	default:
		a.nodes[c.tail].links.after = o.head
		a.nodes[o.head].links.before = c.tail
	}
	c.tail = o.tail
	c.n += o.n
	*o = empty
}

// A match is a node that a finding links to, and what they share.
type match struct {
	place  int32
	group  *group // nil: it is alone
	shared uint16 // of the finding's marks, by place
	sum    float32
}

// mostMatches of one finding are looked at: groups and lone nodes that it links to.
const mostMatches = 16

// match finds what a finding links to, each group once. Parent is the newest incident that was
// idle for too long to take it in.
func (a *arena) match(ms []mark, strong bool, own *group, at time.Time, within time.Duration, found *[mostMatches]match) (n int, parent *group) {
	a.round++
	var useless uint16 // marks that hubs show
	for i := range ms {
		if where, known := a.index[ms[i].hash]; known && ms[i].kind == rare && a.isHub(&a.slots[where], at) {
			useless |= 1 << i
		}
	}
	for i := range ms {
		where, known := a.index[ms[i].hash]
		if !known || useless&(1<<i) != 0 {
			continue
		}
		s := a.slots[where]
		for k := int(s.n) - 1; k >= 0; k-- {
			place := s.reps[(int(s.next)+k)%mostReps]
			r := &a.nodes[place]
			if r.seen == a.round {
				continue
			}
			r.seen = a.round
			if r.group != nil {
				r.group = r.group.root()
				if r.group == own || r.group.seen == a.round {
					continue
				}
			}
			m, linked := r.meets(ms, useless, strong, at, within)
			if !linked {
				continue
			}
			if r.over(at) {
				if r.group != nil && r.group.ID != 0 && (parent == nil || parent.Last.Before(r.group.Last)) {
					parent = r.group
				}
				continue
			}
			if r.group != nil {
				r.group.seen = a.round
			}
			m.place, m.group = place, r.group
			found[n] = m
			if n++; n == mostMatches {
				return n, parent
			}
		}
	}
	return n, parent
}

// meets compares a node with the marks of a finding.
func (r *node) meets(ms []mark, useless uint16, strong bool, at time.Time, within time.Duration) (m match, linked bool) {
	shared := 0
	for i := range ms {
		if useless&(1<<i) != 0 {
			continue
		}
		for k := range r.count {
			if r.marks[k].hash != ms[i].hash {
				continue
			}
			switch ms[i].kind {
			case rare:
				shared++
				m.sum += min(ms[i].weight, r.marks[k].weight)
				m.shared |= 1 << i
			case ofAccount:
				linked = true
				m.shared |= 1 << i
			default: // two alerts are related by what their book follows
				if (!strong || r.weak) && at.Sub(r.last).Abs() <= within {
					linked = true
					m.shared |= 1 << i
				}
			}
		}
	}
	return m, linked || shared >= leastRare && m.sum >= leastSum
}

// over reports whether what the node belongs to was idle for too long to take anything in.
func (r *node) over(at time.Time) bool {
	if r.group != nil {
		return r.group.over(at)
	}
	return at.Sub(r.last) > idleFor(r.long)
}

// isHub reports whether too many incidents share a token. Once they do, it links no more for a
// while, and then as long as they still do: nobody makes it worthless for good by showing it on.
func (a *arena) isHub(s *slot, at time.Time) bool {
	if at.Before(s.hub) {
		return true
	}
	var incidents [mostHub + 1]*group
	n := 0
next:
	for _, place := range s.reps[:s.n] {
		r := &a.nodes[place]
		if r.group == nil {
			continue
		}
		r.group = r.group.root()
		if r.group.ID == 0 || r.group.closed {
			continue
		}
		for _, g := range incidents[:n] {
			if g == r.group {
				continue next
			}
		}
		incidents[n] = r.group
		if n++; n > mostHub {
			s.hub = at.Add(hubFor)
			return true
		}
	}
	return false
}
