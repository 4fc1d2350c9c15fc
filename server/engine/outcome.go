package engine

import (
	"math/bits"
	"strings"
	"sync/atomic"
)

// An Outcome is what came of a sign-in.
type Outcome uint8

// What may come of one. NoSignIn is any other exchange, and one that no sign-in answered.
const (
	NoSignIn Outcome = iota
	Failed
	Succeeded
	Unclear
)

// A signIn is what is known of an exchange that is one.
type signIn struct {
	outcome Outcome
	sure    bool   // its status says so, or an operator, or how else it is answered there
	route   uint64 // a hash of its template
	account uint64 // a hash of whom it names, 0 when unknown
	network uint64 // the /24 or /48 that it comes from

	tried    attacked // what is known of the account, by
	accounts *accounts
	source   sprees // what is known of who tries, by
	sources  *sources
}

// A FailedSignIn is how an operator says what a failure looks like where the status does not.
type FailedSignIn struct {
	Path     string // folded, and its endpoint one of Policy.SignIns
	Status   int    // 0 for any of 200 to 399
	MaxBytes int64  // of the answer's body; 0 for any
}

// outcomes learn what the answers of each sign-in mean. 401, 403, 422 and 429 say it themselves.
// Many answer 200 to whoever fails: an answer that clients come back from at once, with another
// try, is a failure; one that they go on from, to a good answer where others are refused, is a
// success. A client counts once for an answer, and it takes those of three networks, so that
// nobody teaches alone. What is not known yet is Unclear.
type outcomes struct {
	*table   // of endpoints, by a hash of their route; a slot holds when it was last asked
	signIns  []string
	marked   []FailedSignIn
	answers  []answers // of each endpoint
	callers  *callers
	accounts *accounts
	sources  *sources
	flows    *flows
	gated    []atomic.Uint32 // routes where somebody was refused or sent elsewhere: a mark each
}

const (
	endpoints      = 512 // that are remembered
	answersApart   = 8   // of each endpoint
	gatedRoutes    = 1 << 12
	enoughNetworks = 3
	comesBack      = 10 * 60 * 1000 // milliseconds within which another try, or a good answer, tells something
	byHand         = 2 * 1000       // milliseconds that a person takes at least to try again
	manyInARow     = 5              // tries that tell something however fast they are
	mostCallers    = 1 << 10        // clients, after which all counts are halved
)

func learnOutcomes(p Policy, k keyed) *outcomes {
	o := &outcomes{
		table: newTable(endpoints, k), signIns: p.SignIns, marked: p.FailedSignIns,
		gated: make([]atomic.Uint32, gatedRoutes), callers: newCallers(p.Clients/16, k),
	}
	o.answers = make([]answers, o.size())
	return o
}

func (o *outcomes) look(v *view) {
	o.say(v)
	if v.account != 0 && (v.outcome == Failed || v.outcome == Succeeded) {
		o.accounts.note(v)
		o.sources.note(v)
	}
	if v.outcome == NoSignIn || v.visitors == nil {
		return
	}
	o.flows.note(v, o.keyed)
	if v.outcome == Failed {
		v.manner = v.visitors.failing(v)
	}
}

// say what came of a sign-in, and learn from it.
func (o *outcomes) say(v *view) {
	switch {
	case v.Method == "SSH": // sshd's log tells it in plain words
		said, _ := byStatus(v.Status)
		if said == Unclear {
			said = Succeeded
		}
		o.tell(v, said, true)
	case v.Method == "POST" && endsIn(o.signIns, trimSlash(v.Folded)):
		said, sure := byStatus(v.Status)
		if said == NoSignIn {
			return
		}
		o.tell(v, said, sure)
		o.learn(v)
	default:
		o.follow(v)
	}
}

// tell what came of it and what rules need to know beside.
func (o *outcomes) tell(v *view, said Outcome, sure bool) {
	v.signIn = signIn{outcome: said, sure: sure, route: v.hashed(OfEverybody, v.template(), o.keyed), network: uint64(actorOf(v.Client).network())}
	if v.Account != "" {
		v.account = max(v.hashed(OfAccount, v.Account, o.keyed), 1)
	}
}

// byStatus is what a status says by itself: 2xx and 3xx nothing.
func byStatus(status int) (said Outcome, sure bool) {
	switch {
	case status == 401 || status == 403 || status == 422 || status == 429:
		return Failed, true
	case status < 200 || status == 404 || status == 405 || status == 410 || status == 501:
		return NoSignIn, false
	}
	return Unclear, false
}

// endsIn reports whether a folded path is one of these, below whatever prefix.
func endsIn(tops []string, path string) bool {
	for _, top := range tops {
		if len(path) >= len(top) && path[len(path)-len(top):] == top {
			return true
		}
	}
	return false
}

// learn from the answer to a sign-in, and say what came of it where the status did not.
func (o *outcomes) learn(v *view) {
	hash := o.hash(v.route)
	before := o.callers.signIn(v, signOf(&v.Exchange))
	s, set := o.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, v.route, hash)
	if i < 0 {
		i, _ = s.claim(set, v.route, hash, v.now, func(i int) worth { return worth{min(int(s.slots[i].more), mostCallers), s.slots[i].mark} })
		o.answers[s.first+i] = answers{}
	}
	s.slots[i].mark = v.now
	s.slots[i].more++
	a := &o.answers[s.first+i]
	if v.outcome == Failed {
		if v.Status != 429 {
			a.refusing |= bitOf(v.network)
		}
	}
	if before.retried != 0 {
		if l := a.find(before.retried); l != nil {
			l.retried++
			l.back |= bitOf(v.network)
		}
	}
	l := a.take(before.sign)
	if before.first {
		if l.seen++; l.seen >= mostCallers {
			l.halve()
		}
	}
	if v.outcome == Unclear && v.Status < 400 {
		v.outcome, v.sure = o.judge(v, a, l)
	}
}

// judge an answer of 2xx or 3xx.
func (o *outcomes) judge(v *view, a *answers, l *likeAnswer) (Outcome, bool) {
	path := trimSlash(v.Folded)
	if strings.HasSuffix(path, "/token") {
		return Succeeded, true // RFC 6749, section 5.2: what fails there is a 400 or 401
	}
	told := false
	for i := range o.marked {
		m := &o.marked[i]
		if strings.HasSuffix(path, m.Path) {
			told = true
			if (m.Status == 0 || m.Status == v.Status) && (m.MaxBytes == 0 || v.Bytes <= m.MaxBytes) {
				return Failed, true
			}
		}
	}
	refuses := bits.OnesCount64(a.refusing) >= enoughNetworks
	switch {
	case told:
		return Succeeded, true
	case l.failure():
		if refuses { // it tells failures by their status, so this may be anything
			return Unclear, false
		}
		return Failed, a.contrast(l)
	case refuses:
		return Succeeded, true
	case l.success(1) && a.failure(), l.success(enoughNetworks):
		return Succeeded, true
	}
	return Unclear, false
}

// follow notes a good answer to whoever signed in lately, where others are refused.
func (o *outcomes) follow(v *view) {
	switch {
	case v.Status == 401 || v.Status == 403 || v.Status == 302 || v.Status == 303:
		at, mark := o.gate(v)
		at.Store(mark)
	case v.Status/100 == 2 && o.callers.lately.has(actorOf(v.Client)):
		if at, mark := o.gate(v); at.Load() != mark || endsIn(o.signIns, trimSlash(v.Folded)) {
			return
		}
		route, sign := o.callers.goesOn(v)
		if sign == 0 {
			return
		}
		hash := o.hash(route)
		s, set := o.at(hash)
		s.mu.Lock()
		defer s.mu.Unlock()
		if i := s.find(set, route, hash); i >= 0 {
			if l := o.answers[s.first+i].find(sign); l != nil {
				l.followed++
				l.on |= bitOf(uint64(actorOf(v.Client).network()))
			}
		}
	}
}

func (o *outcomes) gate(v *view) (*atomic.Uint32, uint32) {
	mix := v.hashed(OfEverybody, v.template(), o.keyed)
	return &o.gated[mix%gatedRoutes], max(uint32(mix>>32), 1)
}

func (o *outcomes) forget(t Target) {
	o.callers.forget(t)
	o.accounts.forget(t)
	o.sources.forget(t)
}

// answers of one endpoint.
type answers struct {
	refusing uint64 // networks that were told 401, 403 or 422, a bit each
	likes    [answersApart]likeAnswer
}

// A likeAnswer stands for answers that can't be told apart.
type likeAnswer struct {
	sign                    uint32 // see signOf; 0 for none
	seen, retried, followed uint16 // clients
	back, on                uint64 // networks of those who tried again and of those who went on, a bit each
}

// bitOf a network, among 64.
func bitOf(network uint64) uint64 { return 1 << (scramble(network) >> 58) }

// signOf is what of an answer can be compared: its status, its size to a fifth or so, and whether
// it sets a cookie. It is never 0.
func signOf(x *Exchange) uint32 {
	size := uint32(0)
	if n := max(x.Bytes, 0); n >= 64 {
		octave := bits.Len64(uint64(n)) - 1
		size = uint32(octave<<2 | int(n>>(octave-2)&3))
	}
	sign := uint32(x.Status)<<16 | size<<1
	if x.Cookie {
		sign |= 1
	}
	return sign
}

func (a *answers) find(sign uint32) *likeAnswer {
	for i := range a.likes {
		if a.likes[i].sign == sign {
			return &a.likes[i]
		}
	}
	return nil
}

// take finds an answer's like, or gives it the room of the one that was seen least.
func (a *answers) take(sign uint32) *likeAnswer {
	least := &a.likes[0]
	for i := range a.likes {
		l := &a.likes[i]
		if l.sign == sign {
			return l
		}
		if l.seen < least.seen || least.sign != 0 && l.sign == 0 {
			least = l
		}
	}
	*least = likeAnswer{sign: sign}
	return least
}

func (l *likeAnswer) halve() { l.seen, l.retried, l.followed = l.seen/2, l.retried/2, l.followed/2 }

// failure reports whether clients come back from it, and do not go on.
func (l *likeAnswer) failure() bool {
	return bits.OnesCount64(l.back) >= enoughNetworks && l.retried*5 >= l.seen && l.followed*10 <= l.retried
}

// success reports whether clients of so many networks go on from it, and few come back.
func (l *likeAnswer) success(networks int) bool {
	return bits.OnesCount64(l.on) >= networks && l.followed >= 4*l.retried && l.followed*4 >= l.seen
}

// failure reports whether some answer is one.
func (a *answers) failure() bool {
	for i := range a.likes {
		if l := &a.likes[i]; l.sign != 0 && l.failure() {
			return true
		}
	}
	return false
}

// contrast reports whether clients go on from another answer than this one.
func (a *answers) contrast(of *likeAnswer) bool {
	for i := range a.likes {
		if l := &a.likes[i]; l != of && l.sign != 0 && l.success(1) {
			return true
		}
	}
	return false
}

// callers remember the last sign-in of each client.
type callers struct {
	*table // by actor; a slot holds when he last signed in
	last   []caller
	lately *lately
}

type caller struct {
	route   uint64
	account uint64
	sign    uint32 // of the answer; 0 when what came of it was counted
	row     uint32 // how often in a row
	told    told3  // what he told of answers already
}

// told3 are three sets of sixteen answers: seen, retried, followed.
type told3 [3]uint16

const (
	toldSeen = iota
	toldRetried
	toldFollowed
)

// once reports whether this is the first time, and notes it.
func (t *told3) once(set int, sign uint32) bool {
	bit := uint16(1) << (scramble(uint64(sign)) >> 60)
	first := t[set]&bit == 0
	t[set] |= bit
	return first
}

func newCallers(n int, k keyed) *callers {
	c := &callers{table: newTable(n, k), lately: new(lately)}
	c.last = make([]caller, c.size())
	return c
}

// What a sign-in tells of answers: its own, and the one before that its client came back from.
type evidence struct {
	sign    uint32
	first   bool   // he never got this answer before
	retried uint32 // 0 for none
}

// signIn takes one in.
func (c *callers) signIn(v *view, sign uint32) (e evidence) {
	who := actorOf(v.Client)
	c.lately.note(who, v.now)
	e.sign = sign
	hash := c.hash(uint64(who))
	s, set := c.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, uint64(who), hash)
	if i < 0 {
		i, _ = s.claim(set, uint64(who), hash, v.now, func(i int) worth {
			if v.now-s.slots[i].mark >= comesBack {
				return worth{}
			}
			return worth{int(c.last[s.first+i].row), s.slots[i].mark}
		})
		c.last[s.first+i] = caller{}
		s.slots[i].mark = never
	}
	l, gap := &c.last[s.first+i], v.now-s.slots[i].mark
	again := l.route == v.route && gap >= 0 && gap < comesBack && (l.account == v.account || l.account == 0 || v.account == 0)
	if again {
		if l.row++; l.sign != 0 && (gap >= byHand || l.row >= manyInARow) && l.told.once(toldRetried, l.sign) {
			e.retried = l.sign
		}
	}
	if !again || l.sign != sign && l.sign != 0 {
		l.row = 1
	}
	l.route, l.account, l.sign = v.route, v.account, sign
	s.slots[i].mark = v.now
	e.first = l.told.once(toldSeen, sign)
	return e
}

// goesOn answers which answer a client goes on from, if he did not before; 0 for none.
func (c *callers) goesOn(v *view) (route uint64, sign uint32) {
	who := actorOf(v.Client)
	hash := c.hash(uint64(who))
	s, set := c.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, uint64(who), hash)
	if i < 0 {
		return 0, 0
	}
	l, gap := &c.last[s.first+i], v.now-s.slots[i].mark
	if l.sign == 0 || gap < 0 || gap >= comesBack {
		return 0, 0
	}
	route, sign = l.route, l.sign
	l.sign, l.row = 0, 0
	if !l.told.once(toldFollowed, sign) {
		sign = 0
	}
	return route, sign
}

func (c *callers) forget(t Target) {
	if t.Network.IsValid() {
		who := actorsOf(t.Network)
		c.dropIf(func(_ int, key uint64) bool { return who.hold(actor(key)) })
	}
}

// lately knows whoever signed in within the last ten minutes or so, a bit each, so that nobody
// else is looked up.
type lately struct {
	turn   atomic.Int64
	halves [2][latelyBits / 64]atomic.Uint64
}

const latelyBits = 1 << 15

func (l *lately) note(a actor, now int64) {
	turn := now / comesBack
	if was := l.turn.Load(); was != turn && l.turn.CompareAndSwap(was, turn) {
		stale := &l.halves[turn&1]
		if turn < was || turn > was+1 {
			clearAll(&l.halves[0])
			stale = &l.halves[1]
		}
		clearAll(stale)
	}
	bit := scramble(uint64(a)) % latelyBits
	l.halves[turn&1][bit/64].Or(1 << (bit % 64))
}

func (l *lately) has(a actor) bool {
	bit := scramble(uint64(a)) % latelyBits
	for i := range l.halves {
		if l.halves[i][bit/64].Load()&(1<<(bit%64)) != 0 {
			return true
		}
	}
	return false
}

func clearAll(half *[latelyBits / 64]atomic.Uint64) {
	for i := range half {
		half[i].Store(0)
	}
}
