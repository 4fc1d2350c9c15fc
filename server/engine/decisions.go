package engine

import (
	"cmp"
	"encoding/binary"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// lists are the decisions in force: of addresses and networks, of keys, and of accounts. Looking one
// up takes no lock.
//
// Decisions of rules lie in rooms of a fixed size, chosen by the wide network of their target
// (an IPv4 /16, an IPv6 /32). When a room is full, the decision in it that ends first gives
// way; so who has many addresses of one network pushes out decisions about himself, and about
// others only where their networks share his room.
type lists struct {
	networks *prefixes
	keys     *index // by a word of the hash
	accounts *index // by a hash of their name

	mu     sync.Mutex       // held while changing
	ids    *index           // by the number that a reference spells
	odd    map[string]*held // by a reference that spells none
	queues [1 + rooms]queue // of operators, imports and feeds; then the rooms
	shared map[wording]*about
	most   int // in a room
	hash   keyed
	forget func(Target) // called for those whose block gave way
	ended  []Decision   // until expire tells
}

const (
	rooms  = 16
	placed = 0 // the queue of all but rules
)

// NoRoom is who lifted a rule's decision that had to give way to newer ones.
const NoRoom = "no room"

// mostEnded decisions wait to be told by expire.
const mostEnded = 1 << 16

func newLists(most int, k keyed, forget func(Target)) *lists {
	l := &lists{
		keys: newIndex(k, keyWord), accounts: newIndex(k, func(h *held) uint64 { return k.text(h.target().Account) }), ids: newIndex(k, idWord), odd: map[string]*held{}, shared: map[wording]*about{},
		most: max(most/rooms, 1), hash: k, forget: forget,
	}
	l.networks = newPrefixes(k, l.moved)
	return l
}

// What the indexes find decisions by: the words of a key's hash and of a reference.
func keyWord(h *held) uint64 { return h.target().Key.word() }
func idWord(h *held) uint64  { return h.id }

// A standing is what the lists say about a request.
type standing struct {
	by      *held // the decision that counts, nil for none
	does    Action
	watched bool
}

// judge looks a request up. Allow beats block, block beats throttle; of equals, the one that
// ends last counts. What has ended counts nothing and hides nothing.
func (l *lists) judge(a netip.Addr, k Key, at time.Time, exempt bool) standing {
	return l.stand(&Request{Client: a, Key: k, At: at}, exempt)
}

func (l *lists) stand(r *Request, exempt bool) (s standing) {
	if l.networks.empty() && l.keys.empty() && l.accounts.empty() {
		return s
	}
	var best hint // of the decision that counts, zero for unknown
	add := func(h *held, action Action, origin Origin, known hint) {
		switch {
		case exempt && origin == ByRule:
		case action == Monitor:
			s.watched = true
		case s.by == nil || action > s.does || action == s.does && before(h, s.by, known, best):
			s.by, s.does, best = h, action, known
		}
	}
	look := func(h *held) {
		if h.inForce(r.At) {
			add(h, h.action(), h.origin(), 0)
		}
	}
	minute := hintMinute(r.At.Unix())
	l.networks.find(r.Client, func(at spot, chain *held, known hint) {
		if known.tells(at, minute) {
			add(chain, known.action(), known.origin(), known)
			return
		}
		chain.covering(at, look)
	})
	l.ofKey(r.Key, look)
	l.ofAccount(r.Account, look)
	return s
}

// before reports whether one decision counts before another that does the same. Hints may be
// enough to know it.
func before(a, b *held, ofA, ofB hint) bool {
	if ofA != 0 && ofB != 0 && ofA.minute() != ofB.minute() {
		return ofA.minute() > ofB.minute()
	}
	return a.rank(b) < 0
}

// ofKey calls f for each decision about a key.
func (l *lists) ofKey(k Key, f func(*held)) {
	if k.Zero() || l.keys.empty() {
		return
	}
	for h := l.keys.chain(k.word()); h != nil; h = h.next {
		if h.holdsForKey(k) {
			f(h)
		}
	}
}

// ofAccount calls f for each decision about an account.
func (l *lists) ofAccount(account string, f func(*held)) {
	if account == "" || l.accounts.empty() {
		return
	}
	for h := l.accounts.chain(l.hash.text(account)); h != nil; h = h.next {
		if h.target().Account == account {
			f(h)
		}
	}
}

// exactly calls f for each decision about that very target.
func (l *lists) exactly(t Target, f func(*held)) {
	switch {
	case t.Network.IsValid():
		l.networks.exactly(t.Network, f)
	case t.Account != "":
		l.ofAccount(t.Account, f)
	default:
		l.ofKey(t.Key, f)
	}
}

// word of a key's hash, for an index.
func (k Key) word() uint64 { return binary.LittleEndian.Uint64(k.Hash[:]) }

// apply puts a decision on the lists, or takes it off when it is lifted. While one replaces
// another, there is always one of them to be read.
func (l *lists) apply(d Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.known(d.ID); old != nil {
		l.forgo(old)
		if d.Lifted.IsZero() {
			l.link(l.hold(&d)) // in front of the old one, which stays as it is
		}
		l.unlink(old)
		return
	}
	if d.Lifted.IsZero() {
		l.link(l.hold(&d))
	}
}

// restore applies many at once; those that are lifted are passed over.
func (l *lists) restore(ds iter.Seq[Decision]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var networks []*held
	for d := range ds {
		if !d.Lifted.IsZero() {
			continue
		}
		if old := l.known(d.ID); old != nil {
			l.remove(old)
		}
		if h := l.hold(&d); h.bits != noNetwork {
			networks = append(networks, h)
		} else {
			l.link(h)
		}
	}
	l.networks.addAll(slices.DeleteFunc(networks, func(h *held) bool { return h.place == forgone }))
}

// place puts a rule's decision on the lists, unless the rule has one in force about the same
// target.
func (l *lists) place(d Decision, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	inForce := false
	var ended []*held
	l.exactly(d.Target, func(h *held) {
		switch {
		case h.origin() != ByRule || h.rule() != d.Rule:
		case h.inForce(at):
			inForce = true
		default:
			ended = append(ended, h)
		}
	})
	if inForce {
		return false
	}
	for _, h := range ended {
		l.end(l.known(h.reference()), time.Time{}, "")
	}
	l.link(l.hold(&d))
	return true
}

// lift takes a decision off the lists and answers it as it is now.
func (l *lists) lift(id string, at time.Time, by string) (Decision, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.known(id)
	if h == nil || !h.inForce(at) {
		return Decision{}, false
	}
	l.remove(h)
	d := h.decision()
	d.Lifted, d.LiftedBy = at, by
	return d, true
}

// expire takes off what has ended and answers it, with what had to give way before.
func (l *lists) expire(at time.Time) []Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.queues {
		q := &l.queues[i]
		for q.Len() > 0 && !q.first().inForce(at) {
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
	l.most = max(most/rooms, 1)
}

// drop takes off what some rules decided, without telling.
func (l *lists) drop(unwanted func(rule string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := placed + 1; i < len(l.queues); i++ {
		var ids []string
		for _, h := range l.queues[i] {
			if unwanted(h.rule()) {
				ids = append(ids, h.reference())
			}
		}
		for _, id := range ids {
			l.remove(l.known(id))
		}
	}
}

// hold enters a decision in the index, making room for it.
func (l *lists) hold(d *Decision) *held {
	h := newHeld(d, l.share)
	if d.Origin == ByRule {
		h.room = uint8(1 + l.hash.hash(l.wide(d.Target))%rooms)
		for q := &l.queues[h.room]; q.Len() >= l.most; {
			out := q.first()
			if out.inForce(d.From) {
				l.end(out, d.From, NoRoom)
				l.forget(out.target())
			} else {
				l.end(out, time.Time{}, "")
			}
		}
	}
	l.enter(h)
	l.queues[h.room].add(h)
	return h
}

// share is what many decisions have in common, kept once.
func (l *lists) share(w wording) *about {
	a := l.shared[w]
	if a == nil {
		w = wording{strings.Clone(w.reason), strings.Clone(w.rule), strings.Clone(w.by)}
		a = &about{wording: w}
		l.shared[w] = a
	}
	a.holders++
	return a
}

// known is the decision with that ID, nil for none.
func (l *lists) known(id string) *held {
	if n, spelt := parseReference('D', id); spelt {
		return l.ids.chain(n)
	}
	return l.odd[id]
}

func (l *lists) enter(h *held) {
	if h.about.whole == nil {
		l.ids.set(h.id, h)
	} else if n, spelt := parseReference('D', h.reference()); spelt {
		l.ids.set(n, h)
	} else {
		l.odd[h.reference()] = h
	}
}

// moved follows a decision that is held anew.
func (l *lists) moved(from, to *held) {
	if from.place == forgone {
		return
	}
	l.enter(to)
	l.queues[from.room][from.place] = to
}

// wide is the network whose decisions share a room.
func (l *lists) wide(t Target) uint64 {
	if !t.Network.IsValid() {
		_, word := l.named(t)
		return word
	}
	a := actorOf(t.Network.Addr())
	if a.four() {
		return uint64(a >> 16)
	}
	return uint64(a >> 32)
}

// link makes a decision that is held readable.
func (l *lists) link(h *held) {
	if h.bits != noNetwork {
		l.networks.add(h)
		return
	}
	x, word := l.named(h.target())
	x.set(word, h.with(x.chain(word)))
}

// named is where decisions about a key or an account are found, and by what word.
func (l *lists) named(t Target) (*index, uint64) {
	if t.Account != "" {
		return l.accounts, l.hash.text(t.Account)
	}
	return l.keys, t.Key.word()
}

func (l *lists) unlink(h *held) {
	if h.bits != noNetwork {
		l.networks.remove(h)
		return
	}
	x, word := l.named(h.target())
	x.set(word, x.chain(word).without(h, l.moved))
}

// forgo takes a decision that can still be read out of the index.
func (l *lists) forgo(h *held) {
	if h.about.whole == nil {
		l.ids.set(h.id, nil)
	} else if n, spelt := parseReference('D', h.reference()); spelt {
		l.ids.set(n, nil)
	} else {
		delete(l.odd, h.reference())
	}
	l.queues[h.room].remove(h)
	h.place = forgone
	if a := h.about; a.whole == nil {
		if a.holders--; a.holders == 0 {
			delete(l.shared, a.wording)
		}
	}
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
	d := h.decision()
	d.Lifted, d.LiftedBy = lifted, by
	l.ended = append(l.ended, d)
}

// one is the decision with that ID, if it is in force.
func (l *lists) one(id string, at time.Time) (Decision, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.known(id)
	if h == nil || !h.inForce(at) {
		return Decision{}, false
	}
	return h.decision(), true
}

// inForce is all that counts at that time, in no order.
func (l *lists) inForce(at time.Time) []*held {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, _ := l.sizes()
	hs := make([]*held, 0, all)
	for _, q := range l.queues {
		for _, h := range q {
			if h.inForce(at) {
				hs = append(hs, h)
			}
		}
	}
	return hs
}

// all lists what is in force, oldest first.
func (l *lists) all(at time.Time) []Decision {
	return sorted(l.inForce(at), func(a, b *held) int {
		if c := cmp.Compare(a.from, b.from); c != 0 {
			return c
		}
		return cmp.Compare(a.reference(), b.reference())
	})
}

func (l *lists) size() (all, byRules int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sizes()
}

func (l *lists) sizes() (all, byRules int) {
	for _, q := range l.queues {
		all += q.Len()
	}
	return all, all - l.queues[placed].Len()
}

// covering lists what is in force for an address or key, what counts most first.
func (l *lists) covering(a netip.Addr, k Key, at time.Time) []Decision {
	var hs []*held
	look := func(h *held) {
		if h.inForce(at) {
			hs = append(hs, h)
		}
	}
	l.networks.cover(a, look)
	l.ofKey(k, look)
	return sorted(hs, (*held).rank)
}

// within lists what is in force and lies within a target.
func (l *lists) within(t Target, at time.Time) []Decision {
	var hs []*held
	look := func(h *held) {
		if h.inForce(at) {
			hs = append(hs, h)
		}
	}
	if t.Network.IsValid() {
		l.networks.within(t.Network, look)
	} else {
		l.exactly(t, look)
	}
	return sorted(hs, (*held).rank)
}

func sorted(hs []*held, by func(a, b *held) int) []Decision {
	slices.SortFunc(hs, by)
	ds := make([]Decision, len(hs))
	for i, h := range hs {
		ds[i] = h.decision()
	}
	return ds
}
