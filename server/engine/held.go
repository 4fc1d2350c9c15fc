package engine

import (
	"cmp"
	"net/netip"
	"time"
)

// held is a decision on the lists, in 64 bytes: there may be millions. Its next is the next of
// its chain, the decisions that are found together. What readers look at does not change once it
// can be read; place and room are the lists' own.
type held struct {
	end    int64  // nanoseconds since 1970; never ends at the highest
	from   int64  // likewise
	id     uint64 // that the reference spells, if it is one of ours
	upper  uint64 // of the network's spot
	lower  uint64
	about  *about
	next   *held
	place  int32 // in its queue
	bits   uint8 // of the network; noNetwork for a key or an account
	family uint8
	room   uint8
	flags  uint8 // action, origin, and whether it lies among the nets
}

// about is what many decisions have in common, as those of one feed do, and is shared by them.
type about struct {
	wording
	holders int       // where it is shared
	whole   *Decision // one that says more than held can: nothing is shared then
}

type wording struct{ reason, rule, by string }

const (
	noNetwork = 255
	inNets    = 1 << 7 // of flags; action and origin have three bits each
	forgone   = -1     // the place of what is in no queue
)

func (h *held) action() Action { return Action(h.flags & 7) }
func (h *held) origin() Origin { return Origin(h.flags >> 3 & 7) }

// newHeld holds a decision: in short where that loses nothing, else as a whole.
func newHeld(d *Decision, share func(wording) *about) *held {
	h := &held{end: forever, from: d.From.UnixNano(), bits: noNetwork, flags: uint8(d.Action)&7 | uint8(d.Origin)&7<<3}
	switch year := d.Until.Year(); {
	case d.Until.IsZero():
	case year > lastYear:
		h.end = forever - 1
	default:
		h.end = d.Until.UnixNano()
	}
	if p := d.Target.Network; p.IsValid() {
		s := spotOf(p.Addr())
		h.upper, h.lower, h.family, h.bits = s.upper, s.lower, s.family, uint8(p.Bits())
	}
	id, spelt := parseReference('D', d.ID)
	if h.id = id; spelt && h.tells(d) {
		h.about = share(wording{d.Reason, d.Rule, d.By})
		return h
	}
	whole := *d
	h.about = &about{whole: &whole}
	return h
}

const lastYear = 2261 // that nanoseconds since 1970 can tell

// tells reports whether nothing of a decision is lost when it is held in short: it is about a
// network, has not ended, and knows the wall clock only.
func (h *held) tells(d *Decision) bool {
	//nolint:staticcheck // the very value must come back, not only the same moment
	return h.bits != noNetwork && d.Target.Key == Key{} && d.Finding == "" && d.Lifted == time.Time{} && d.LiftedBy == "" &&
		h.action() == d.Action && h.origin() == d.Origin &&
		time.Unix(0, h.from).UTC() == d.From && h.until() == d.Until
}

// decision as it was put on the lists.
func (h *held) decision() Decision {
	if h.about.whole != nil {
		return *h.about.whole
	}
	return Decision{
		ID: reference('D', h.id), Action: h.action(), Target: Target{Network: h.network()},
		Reason: h.about.reason, Origin: h.origin(), Rule: h.about.rule, By: h.about.by,
		From: time.Unix(0, h.from).UTC(), Until: h.until(),
	}
}

func (h *held) reference() string {
	if h.about.whole != nil {
		return h.about.whole.ID
	}
	return reference('D', h.id)
}

func (h *held) rule() string {
	if h.about.whole != nil {
		return h.about.whole.Rule
	}
	return h.about.rule
}

// until as the decision says, where it is held in short.
func (h *held) until() time.Time {
	if h.end == forever {
		return time.Time{}
	}
	return time.Unix(0, h.end).UTC()
}

// inForce reports whether the decision counts at that time. Where both know the monotonic time,
// that is what is compared; see Engine.
func (h *held) inForce(at time.Time) bool {
	if h.about.whole != nil {
		return h.about.whole.InForce(at)
	}
	return h.end == forever || at.UnixNano() < h.end
}

// A hint is what a look-up can know of a chain without waiting for its memory. Where it is one
// decision that holds for all whom its word stands for: of which family, what it does, who made it,
// and a minute up to which it surely counts. Where it is about one IPv6 address: a part of that,
// and no action. Otherwise it says nothing and is zero.
type hint uint32

const (
	hintFrom  = 1262304000 / 60 // the minute that is zero, in 2010; the last is in 2073
	hintBits  = 25              // of minutes, over the family, the origin and the action
	hintShift = 32 - hintBits
	hintOne   = hint(1 << 6)
)

// hintMinute is a time as hints tell it.
func hintMinute(unix int64) uint32 {
	return uint32(min(max(unix/60-hintFrom, 0), 1<<hintBits-1))
}

func (h *held) hint() hint {
	switch {
	case h == nil || h.next != nil || h.about.whole != nil || h.action() == 0:
		return 0
	case h.bits == 128:
		return hint(h.spot().part())<<hintShift | hintOne
	case h.bits > 64 || h.family == 1 && h.upper <= uint64(actorOf0): // words of those are no more than alike
		return 0
	}
	return hint(hintMinute(h.end/int64(time.Second)))<<hintShift | hint(h.family)<<6 | hint(h.flags&0x3f)
}

// part of the lower half of a spot, mixed.
func (s spot) part() uint32 {
	return uint32((s.lower ^ s.lower>>hintBits ^ s.lower>>(2*hintBits)) & (1<<hintBits - 1))
}

// excludes reports whether it is about another address than a spot.
func (t hint) excludes(s spot) bool {
	return t&(1<<hintShift-1) == hintOne && uint32(t>>hintShift) != s.part()
}

// tells reports whether it is enough about a spot at that minute.
func (t hint) tells(s spot, minute uint32) bool {
	return t.action() != 0 && minute < t.minute() && uint8(t>>6)&1 == s.family
}

func (t hint) action() Action { return Action(t & 7) }
func (t hint) origin() Origin { return Origin(t >> 3 & 7) }
func (t hint) minute() uint32 { return uint32(t >> hintShift) }

// left is how long the decision still counts, 0 when it never ends by itself.
func (h *held) left(at time.Time) time.Duration {
	until := h.until()
	if h.about.whole != nil {
		until = h.about.whole.Until
	}
	if until.IsZero() {
		return 0
	}
	return until.Sub(at)
}

func (h *held) target() Target {
	if h.bits == noNetwork {
		return h.about.whole.Target
	}
	return Target{Network: h.network()}
}

// network that it is about; the zero prefix for a key or an account.
func (h *held) network() netip.Prefix {
	if h.bits == noNetwork {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(h.spot().address(), int(h.bits))
}

func (h *held) spot() spot { return spot{h.upper, h.lower, h.family} }

// holds and holdsForKey report whether it is about an address, or a key.
func (h *held) holds(s spot) bool {
	switch {
	case h.family != s.family:
		return false
	case h.bits <= 64:
		return (h.upper^s.upper)>>(64-h.bits) == 0
	}
	return h.upper == s.upper && (h.lower^s.lower)>>(128-h.bits) == 0
}

func (h *held) holdsForKey(k Key) bool {
	return h.bits == noNetwork && !k.Zero() && h.about.whole.Target.Key.Hash == k.Hash
}

// rank is negative when a decision counts before another.
func (h *held) rank(o *held) int {
	if c := cmp.Or(cmp.Compare(o.action(), h.action()), cmp.Compare(o.end, h.end)); c != 0 {
		return c
	}
	return cmp.Compare(h.reference(), o.reference())
}

// with and without are the chain after a change. Nobody may see a chain change, so those before
// the one that goes are held anew, and moved is told. That one is in no queue any more, and may
// have been held anew itself since.
func (h *held) with(chain *held) *held {
	h.next = chain
	return h
}

func (h *held) without(gone *held, moved func(from, to *held)) *held {
	switch {
	case h == nil:
		return nil
	case h.place == forgone && h.about == gone.about && h.id == gone.id:
		return h.next
	}
	rest := h.next.without(gone, moved)
	if rest == h.next {
		return h
	}
	again := *h
	again.next = rest
	moved(h, &again)
	return &again
}
