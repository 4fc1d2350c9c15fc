package engine

import (
	"cmp"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// lists are the decisions in force: of addresses and networks, and of keys. Looking one up
// takes no lock.
//
// Decisions of rules lie in rooms of a fixed size, chosen by the wide network of their target
// (an IPv4 /16, an IPv6 /32). When a room is full, the decision in it that ends first gives
// way; so who has many addresses of one network pushes out decisions about himself, and about
// others only where their networks share his room.
type lists struct {
	networks, keys prefixes

	mu     sync.Mutex // held while changing
	byID   map[string]*held
	placed queue // by operators, imports and feeds
	rooms  [16]queue
	most   int // in a room
	hash   keyed
	forget func(Target) // called for those whose block gave way
	ended  []Decision   // until expire tells
}

// NoRoom is who lifted a rule's decision that had to give way to newer ones.
const NoRoom = "no room"

// mostEnded decisions wait to be told by expire.
const mostEnded = 1 << 16

// held is a decision on the lists. It does not change once it can be read.
type held struct {
	Decision
	end   int64 // nanoseconds since 1970
	queue *queue
	place int
}

func newLists(most int, k keyed, forget func(Target)) *lists {
	return &lists{byID: map[string]*held{}, most: max(most/16, 1), hash: k, forget: forget}
}

// A standing is what the lists say about a request.
type standing struct {
	by      *held // the decision that counts, nil for none
	watched bool
}

// judge looks a request up. Allow beats block, block beats throttle; of equals, the one that
// ends last counts. What has ended counts nothing and hides nothing.
func (l *lists) judge(a netip.Addr, k Key, at time.Time, exempt bool) (s standing) {
	look := func(h *held) bool {
		switch {
		case !h.InForce(at) || exempt && h.Origin == ByRule:
		case h.Action == Monitor:
			s.watched = true
		case s.by == nil || h.rank(s.by) < 0:
			s.by = h
		}
		return false
	}
	l.networks.cover(a, look)
	if !k.Zero() {
		l.keys.cover(netip.AddrFrom16(k.Hash), look)
	}
	return s
}

// rank is negative when a decision counts before another.
func (h *held) rank(o *held) int {
	return cmp.Or(cmp.Compare(o.Action, h.Action), cmp.Compare(o.end, h.end), cmp.Compare(h.ID, o.ID))
}

// apply puts a decision on the lists, or takes it off when it is lifted. While one replaces
// another, there is always one of them to be read.
func (l *lists) apply(d Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.byID[d.ID]
	if old != nil {
		l.forgo(old)
	}
	if d.Lifted.IsZero() {
		l.link(l.hold(d))
	}
	if old != nil {
		l.unlink(old)
	}
}

// restore applies many at once, of which none may be lifted.
func (l *lists) restore(ds []Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byID) == 0 {
		l.byID = make(map[string]*held, len(ds))
	}
	var networks, keys []*held
	for _, d := range ds {
		if old := l.byID[d.ID]; old != nil {
			l.remove(old)
		}
		if h := l.hold(d); d.Target.Network.IsValid() {
			networks = append(networks, h)
		} else {
			keys = append(keys, h)
		}
	}
	gone := func(h *held) bool { return l.byID[h.ID] != h }
	l.networks.add(slices.DeleteFunc(networks, gone))
	l.keys.add(slices.DeleteFunc(keys, gone))
}

// place puts a rule's decision on the lists, unless the rule has one in force about the same
// target.
func (l *lists) place(d Decision, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	in, prefix := l.of(d.Target)
	chain, _ := in.load().Get(prefix)
	for ; chain != nil; chain = chain.next {
		switch {
		case chain.Origin != ByRule || chain.Rule != d.Rule:
		case chain.InForce(at):
			return false
		default:
			l.end(chain.held, time.Time{}, "")
		}
	}
	l.link(l.hold(d))
	return true
}

// lift takes a decision off the lists and answers it as it is now.
func (l *lists) lift(id string, at time.Time, by string) (Decision, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.byID[id]
	if h == nil || !h.InForce(at) {
		return Decision{}, false
	}
	l.remove(h)
	d := h.Decision
	d.Lifted, d.LiftedBy = at, by
	return d, true
}

// expire takes off what has ended and answers it, with what had to give way before.
func (l *lists) expire(at time.Time) []Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range len(l.rooms) + 1 {
		q := &l.placed
		if i > 0 {
			q = &l.rooms[i-1]
		}
		for q.Len() > 0 && !q.first().InForce(at) {
			l.end(q.first(), time.Time{}, "")
		}
	}
	ended := l.ended
	l.ended = nil
	return ended
}

// bound changes how many decisions of rules a room holds; what is too many gives way to the next.
func (l *lists) bound(most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = max(most/len(l.rooms), 1)
}

// drop takes off what some rules decided, without telling.
func (l *lists) drop(unwanted func(rule string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.rooms {
		for _, h := range slices.Clone(l.rooms[i]) {
			if unwanted(h.Rule) {
				l.remove(h)
			}
		}
	}
}

// hold enters a decision in the index, making room for it.
func (l *lists) hold(d Decision) *held {
	h := &held{Decision: d, end: math.MaxInt64, queue: &l.placed}
	if !d.Until.IsZero() {
		h.end = d.Until.UnixNano()
	}
	if d.Origin == ByRule {
		h.queue = &l.rooms[l.hash.hash(wide(d.Target))%uint64(len(l.rooms))]
		for h.queue.Len() >= l.most {
			out := h.queue.first()
			if out.InForce(d.From) {
				l.end(out, d.From, NoRoom)
				l.forget(out.Target)
			} else {
				l.end(out, time.Time{}, "")
			}
		}
	}
	l.byID[d.ID] = h
	h.queue.add(h)
	return h
}

// wide is the network whose decisions share a room.
func wide(t Target) uint64 {
	if !t.Network.IsValid() {
		return binary.LittleEndian.Uint64(t.Key.Hash[:])
	}
	a := actorOf(t.Network.Addr())
	if a.four() {
		return uint64(a >> 16)
	}
	return uint64(a >> 32)
}

// link makes a decision that is held readable.
func (l *lists) link(h *held) {
	in, prefix := l.of(h.Target)
	in.change(prefix, with(h))
}

func (l *lists) unlink(h *held) {
	in, prefix := l.of(h.Target)
	in.change(prefix, without(h))
}

// forgo takes a decision that can still be read out of the index.
func (l *lists) forgo(h *held) {
	delete(l.byID, h.ID)
	h.queue.remove(h)
}

func (l *lists) remove(h *held) {
	l.forgo(h)
	l.unlink(h)
}

// end takes off a decision that has ended, or gives way, to be told by expire. Nobody
// asking, only the newest are kept to be told.
func (l *lists) end(h *held, lifted time.Time, by string) {
	l.remove(h)
	if len(l.ended) >= mostEnded {
		l.ended = slices.Delete(l.ended, 0, mostEnded/2)
	}
	d := h.Decision
	d.Lifted, d.LiftedBy = lifted, by
	l.ended = append(l.ended, d)
}

// of is where a target's decisions are looked up.
func (l *lists) of(t Target) (*prefixes, netip.Prefix) {
	if t.Network.IsValid() {
		return &l.networks, t.prefix()
	}
	return &l.keys, t.prefix()
}

// all lists what is in force, oldest first.
func (l *lists) all(at time.Time) []Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	hs := make([]*held, 0, len(l.byID))
	for _, h := range l.byID {
		if h.InForce(at) {
			hs = append(hs, h)
		}
	}
	return sorted(hs, func(a, b *held) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID)) })
}

func (l *lists) size() (all, byRules int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byID), len(l.byID) - l.placed.Len()
}

// covering lists what is in force for an address or key, what counts most first.
func (l *lists) covering(a netip.Addr, k Key, at time.Time) []Decision {
	var hs []*held
	look := func(h *held) bool {
		if h.InForce(at) {
			hs = append(hs, h)
		}
		return false
	}
	l.networks.cover(a, look)
	if !k.Zero() {
		l.keys.cover(netip.AddrFrom16(k.Hash), look)
	}
	return sorted(hs, (*held).rank)
}

// within lists what is in force and lies within a target.
func (l *lists) within(t Target, at time.Time) []Decision {
	var hs []*held
	in, prefix := l.of(t)
	in.within(prefix, func(h *held) {
		if h.InForce(at) {
			hs = append(hs, h)
		}
	})
	return sorted(hs, (*held).rank)
}

func sorted(hs []*held, by func(a, b *held) int) []Decision {
	slices.SortFunc(hs, by)
	ds := make([]Decision, len(hs))
	for i, h := range hs {
		ds[i] = h.Decision
	}
	return ds
}
