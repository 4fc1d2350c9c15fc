package engine

import (
	"math"
	"math/bits"
	"sync"
)

// flows are how sign-ins fare at each endpoint, minute by minute: how many fail, of how many
// accounts and clients, beside what is usual there. When more people sign in, more mistype: what
// is to be expected grows with the accounts that get in.
//
// What fails because something is broken is no attack: answers of 5xx to clients that had been
// served well, or nobody who gets in any more while those fail who used to.
type flows struct {
	mu   sync.Mutex
	more float64 // failures in a minute beyond what is expected that are too many
	of   [mostFlows]flow
}

const (
	mostFlows    = 16
	mildShare    = 3    // that part of too many is too many when it goes on
	hotMinutes   = 2    // of too many, in a row
	warmMinutes  = 5    // of so many that it may not go on, likewise
	hourly       = 60   // minutes that what is usual is learned from
	unhurried    = 10   // times longer, while it is unusual
	learnedFrom  = 30   // minutes before anything is told
	manyClients  = 10   // that fail, without whom it is a matter of single clients
	tellAgain    = 15   // minutes
	outageFor    = 5    // minutes that an outage lasts at least
	fewAway      = 5    // answers of 5xx in a minute that are no outage
	missed       = 3.0  // successes that should have come by now, and none did
	named        = 30   // percent of failures with one program that are worth telling
	unlikely     = 20.7 // minus the logarithm of one in a thousand million
	mostPrograms = 8
	minuteLong   = 60_000
)

// A flow is what is known of one endpoint.
type flow struct {
	route   uint64
	minute  int64 // that is counted now
	learned int   // minutes
	told    int64 // the minute
	outage  int64 // until which minute
	inward  int64 // when somebody last got in

	usual, now, before pace
	accounts, clients  gathering // that failed in this minute
	entered            gathering // accounts that got in
	hot, warm          int       // minutes in a row before this one
	excess             float64
	programs           [mostPrograms]program
}

// A pace is what happens in a minute.
type pace struct {
	failed   float64
	known    float64 // failures of who used to get in, or was served well
	accounts float64 // that failed
	entered  float64 // accounts that got in
	away     float64 // answers of 5xx to clients that had been served well
}

// A program is what failures came with: a fingerprint, or a user agent.
type program struct {
	hash  uint64
	count uint32
	error uint32 // by how much count may be too great
	print bool
	n     uint8
	text  [80]byte
}

// A surge is a campaign, as it is told.
type surge struct {
	count                                        int // failures beyond what was expected
	minutes                                      int
	failed, expected, accounts, clients, usually int // in the last minute
	share                                        int // percent of the failures with the program
	program                                      string
}

func newFlows(p Policy) *flows {
	return &flows{more: float64(p.Terms(stuffingCampaign.ID).More + 1)}
}

// note takes a sign-in in, and says whether it belongs to a campaign that is to be told of.
func (o *flows) note(v *view, k keyed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.find(v.route, v.now)
	f.turn(v.now/minuteLong, o.more)
	who := v.account
	if who == 0 {
		who = k.hash(uint64(actorOf(v.Client)))
	}
	served := v.visitor.good >= goodAfter
	switch {
	case v.outcome == Succeeded:
		f.entered.see(who)
		f.inward = max(f.inward, v.now)
	case v.Status >= 500 && served:
		f.now.away++
	case v.outcome == Failed:
		f.now.failed++
		f.accounts.see(who)
		f.clients.see(k.hash(uint64(actorOf(v.Client))))
		f.carry(v, k)
		if served || v.tried.known || v.tried.succeeded > 0 {
			f.now.known++ // and nobody whom a campaign is told by
			return
		}
		v.surge = f.surge(v.now, o.more)
	}
}

// find an endpoint, or give it the place of the one where the least happens.
func (o *flows) find(route uint64, now int64) *flow {
	least, idle := &o.of[0], math.Inf(1)
	for i := range o.of {
		f := &o.of[i]
		if f.route == route {
			return f
		}
		does := -1.0
		if f.route != 0 {
			rest := max(float64(now/minuteLong-f.minute), 0) / hourly
			does = (f.usual.failed + f.usual.entered + f.now.failed/hourly + 1/float64(hourly)) * math.Exp(-rest)
		}
		if does < idle {
			least, idle = f, does
		}
	}
	*least = flow{route: route, minute: now / minuteLong, told: math.MinInt64 / 2, inward: now}
	return least
}

// turn to another minute. What comes late is counted where it comes.
func (f *flow) turn(minute int64, more float64) {
	gap := minute - f.minute
	switch {
	case gap == 0 || gap < 0 && gap > -hourly:
		return
	case gap < 0: // the clock was put back
		*f = flow{route: f.route, minute: minute, told: math.MinInt64 / 2, inward: minute * minuteLong}
		return
	}
	f.sum()
	f.close(more)
	if gap > 1 { // and nothing in between
		rest := math.Exp(-float64(gap-1) / hourly)
		f.usual.each(&pace{}, func(is, _ float64) float64 { return is * rest })
		f.hot, f.warm, f.excess, f.before = 0, 0, 0, pace{}
		f.programs = [mostPrograms]program{}
		f.learned += int(min(gap-1, hourly))
	}
	f.minute = minute
}

// sum up what was counted.
func (f *flow) sum() { f.now.accounts, f.now.entered = f.accounts.size(), f.entered.size() }

// close a minute: learn from it, less when it is unusual.
func (f *flow) close(more float64) {
	f.fail()
	share := 1 / float64(min(f.learned+1, hourly))
	mild, _ := f.over(more / mildShare)
	hot, _ := f.over(more)
	if f.hot++; !hot {
		f.hot = 0
	}
	if f.warm++; !mild {
		f.warm, f.excess = 0, 0
	} else if share /= unhurried; true {
		f.excess += f.now.failed - f.expected().failed
	}
	f.usual.each(&f.now, func(is, was float64) float64 { return is + share*(was-is) })
	f.learned++
	f.before, f.now = f.now, pace{}
	f.accounts, f.clients, f.entered = gathering{}, gathering{}, gathering{}
	for i := range f.programs {
		p := &f.programs[i]
		p.count, p.error = p.count/2, (p.error+1)/2
	}
}

func (p *pace) each(by *pace, of func(is, by float64) float64) {
	p.failed, p.known = of(p.failed, by.failed), of(p.known, by.known)
	p.accounts, p.entered, p.away = of(p.accounts, by.accounts), of(p.entered, by.entered), of(p.away, by.away)
}

// expected in this minute. One more of each than is usual keeps what is rare from being a wonder.
func (f *flow) expected() pace {
	crowded := max(1, (f.now.entered+1)/(f.usual.entered+1))
	return pace{failed: (f.usual.failed + 1) * crowded, accounts: (f.usual.accounts + 1) * crowded}
}

// over reports whether so many failures more than expected came in this minute, of accounts that
// are too many likewise, and what was expected.
func (f *flow) over(more float64) (bool, pace) {
	e := f.expected()
	return f.now.failed-e.failed >= more && improbable(f.now.failed, e.failed) && improbable(f.now.accounts, e.accounts) &&
		f.clients.size() >= manyClients, e
}

// improbable reports whether it happens less than once in a thousand million times that so many
// come where so few are expected, each by itself (Chernoff's bound of Poisson's tail).
func improbable(count, expected float64) bool {
	return count > expected && count*math.Log(count/expected)-count+expected > unlikely
}

// fail notes that something is broken, where it is.
func (f *flow) fail() {
	if f.now.away > fewAway && f.now.away > 3*(f.usual.away+1) && f.now.away*10 >= f.now.failed {
		f.outage = f.minute + outageFor
	}
}

// broken reports whether failures have another reason than who fails.
func (f *flow) broken(now int64) bool {
	if f.fail(); f.minute <= f.outage {
		return true
	}
	none := f.usual.entered*float64(now-f.inward)/minuteLong >= missed
	return none && 2*(f.now.known+f.before.known) >= f.now.failed+f.before.failed
}

// surge is what there is to tell; nil for nothing.
func (f *flow) surge(now int64, more float64) *surge {
	if f.learned < learnedFrom || f.minute-f.told < tellAgain || f.now.failed < more/mildShare {
		return nil
	}
	f.sum()
	hot, e := f.over(more)
	mild, _ := f.over(more / mildShare)
	if (!hot || f.hot < hotMinutes-1) && (!mild || f.warm < warmMinutes-1) || f.broken(now) {
		return nil
	}
	f.told = f.minute
	s := &surge{
		count: int(f.excess + f.now.failed - e.failed), minutes: f.warm + 1, failed: int(f.now.failed), expected: int(math.Round(e.failed)),
		accounts: int(math.Round(f.now.accounts)), clients: int(math.Round(f.clients.size())), usually: int(math.Round(e.accounts)),
	}
	all := uint32(0)
	for i := range f.programs {
		if !f.programs[i].print {
			all += f.programs[i].count
		}
	}
	for i := range f.programs {
		p := &f.programs[i]
		if share := int((p.count - min(p.error, p.count)) * 100 / max(all, 1)); share >= named && share > s.share {
			s.share, s.program = min(share, 100), string(p.text[:p.n])
		}
	}
	return s
}

// carry counts what a failure came with (Space-Saving of Metwally and others, 2005): its user agent
// and its fingerprint, in half of the places each.
func (f *flow) carry(v *view, k keyed) {
	f.come(f.programs[:mostPrograms/2], k.text(v.UserAgent), v, false)
	if v.Fingerprint != 0 {
		f.come(f.programs[mostPrograms/2:], v.Fingerprint, v, true)
	}
}

func (f *flow) come(among []program, hash uint64, v *view, print bool) {
	least := &among[0]
	for i := range among {
		p := &among[i]
		if p.count > 0 && p.hash == hash {
			p.count++
			return
		}
		if p.count < least.count {
			least = p
		}
	}
	*least = program{hash: hash, count: least.count + 1, error: least.count, print: print}
	kind := TokenUserAgent
	if print {
		kind = TokenFingerprint
	}
	least.n = uint8(copy(least.text[:], Clipped(tokenLabel(kind, v), len(least.text))))
}

// A gathering estimates how many different hashes it was shown, up to a few thousand (linear counting
// of Whang and others, 1990).
type gathering [gatheringBits / 64]uint64

const gatheringBits = 1024

func (c *gathering) see(hash uint64) {
	bit := scramble(hash) % gatheringBits
	c[bit/64] |= 1 << (bit % 64)
}

func (c *gathering) size() float64 {
	seen := 0
	for _, w := range c {
		seen += bits.OnesCount64(w)
	}
	return gatheringBits * math.Log(gatheringBits/float64(max(gatheringBits-seen, 1)))
}
