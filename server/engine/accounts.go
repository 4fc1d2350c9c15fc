package engine

import (
	"net/netip"
	"slices"
)

// accounts remember for each account who failed to sign in to it, from where, and who did not.
type accounts struct {
	*table         // by account; a slot holds when somebody last tried
	guesses  int   // failures that are kept of each, one more than are too many
	guessing int64 // milliseconds that they count
	networks int   // likewise of the networks that failures came from
	stuffing int64 // likewise
	failures []failure
	origins  []origin
	tries    []tries
	roll     *roll
}

// A failure is one of an account's last ones.
type failure struct {
	client actor
	at     int64
}

// An origin is a network that failed on an account, and when last.
type origin struct {
	network uint64
	at      int64
}

// tries of an account.
type tries struct {
	next     uint8 // of failures, the oldest
	home     uint8 // of known, the oldest
	known    [4]actor
	attempts attempts
}

// Attempts are counted over a span or two, by which of them.
type attempts struct {
	turn              int64
	failed, succeeded [2]uint16
}

func (s *attempts) add(at, span int64, failed bool) {
	if turn := at / span; turn != s.turn {
		if turn != s.turn+1 {
			*s = attempts{}
		}
		s.failed[turn&1], s.succeeded[turn&1] = 0, 0
		s.turn = turn
	}
	count := &s.succeeded[s.turn&1]
	if failed {
		count = &s.failed[s.turn&1]
	}
	if *count < 1<<16-1 {
		*count++
	}
}

func (s *attempts) counts() (failed, succeeded int) {
	return int(s.failed[0]) + int(s.failed[1]), int(s.succeeded[0]) + int(s.succeeded[1])
}

// What is known of an account when somebody tries it. A failure counts itself in.
type attacked struct {
	guesses, networks int  // failures, and networks unknown to it that they came from, within an hour or so
	stuffing          int  // networks that failures came from within a day
	failed, succeeded int  // within a day or two
	own               int  // failures of the very client
	known             bool // the client signed in to it before
	guessed           bool // account-guessing holds
	stuffed           bool // stuffed-account holds
}

func learnAccounts(p Policy, k keyed, r *roll) *accounts {
	guessing, stuffing := p.Terms(accountGuessing.ID), p.Terms(stuffedAccount.ID)
	a := &accounts{
		table: newTable(p.Clients/16, k), roll: r,
		guesses: guessing.More + 1, guessing: guessing.Within.Milliseconds(),
		networks: stuffing.More + 1, stuffing: stuffing.Within.Milliseconds(),
	}
	a.failures = make([]failure, a.size()*a.guesses)
	a.origins = make([]origin, a.size()*a.networks)
	a.tries = make([]tries, a.size())
	return a
}

// note takes a sign-in in and tells what is known of its account.
func (a *accounts) note(v *view) {
	hash := a.hash(v.account)
	s, set := a.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, v.account, hash)
	if i < 0 {
		if i, _ = s.claim(set, v.account, hash, v.now, func(i int) worth { return a.worth(s, i, v.now) }); i < 0 {
			return
		}
		clear(a.failuresOf(s, i))
		clear(a.originsOf(s, i))
		a.tries[s.first+i] = tries{}
	}
	s.slots[i].mark = max(s.slots[i].mark, v.now)
	who, t := actorOf(v.Client), &a.tries[s.first+i]
	v.accounts = a
	v.tried.known = slices.Contains(t.known[:], who)
	if v.outcome == Failed {
		t.attempts.add(v.now, a.stuffing, true)
		a.roll.note(v.account, v.Account)
		a.failed(s, i, v, who, t)
	}
	a.tell(s, i, v, who, t)
	if v.outcome == Succeeded {
		t.attempts.add(v.now, a.stuffing, false)
		a.succeeded(s, i, who, t)
	}
}

// failed takes a failure in.
func (a *accounts) failed(s *stripe, i int, v *view, who actor, t *tries) {
	ring := a.failuresOf(s, i)
	ring[int(t.next)%len(ring)] = failure{who, v.now}
	t.next = uint8((int(t.next) + 1) % len(ring))
	oldest := 0
	origins := a.originsOf(s, i)
	for j := range origins {
		if origins[j].network == v.network {
			oldest = j
			break
		}
		if origins[j].at < origins[oldest].at {
			oldest = j
		}
	}
	origins[oldest] = origin{v.network, v.now}
}

// tell what is known of the account.
func (a *accounts) tell(s *stripe, i int, v *view, who actor, t *tries) {
	var networks [8]uint64
	for _, f := range a.failuresOf(s, i) {
		if f.client == 0 || v.now-f.at >= a.guessing || f.at-v.now > putBack {
			continue
		}
		v.tried.guesses++
		if f.client == who {
			v.tried.own++
		}
		n := uint64(f.client.network())
		if v.tried.networks < len(networks) && !slices.Contains(networks[:v.tried.networks], n) && !t.knows(n) {
			networks[v.tried.networks] = n
			v.tried.networks++
		}
	}
	for _, o := range a.originsOf(s, i) {
		if o.network != 0 && v.now-o.at < a.stuffing {
			v.tried.stuffing++
		}
	}
	v.tried.failed, v.tried.succeeded = t.attempts.counts()
	v.tried.guessed = v.tried.guesses >= a.guesses && v.tried.networks >= guessingNetworks
	v.tried.stuffed = v.tried.stuffing >= a.networks && v.tried.failed*100 > stuffedShare*(v.tried.failed+v.tried.succeeded)
}

// succeeded takes a success in. What its client failed before is forgiven.
func (a *accounts) succeeded(s *stripe, i int, who actor, t *tries) {
	ring := a.failuresOf(s, i)
	for j := range ring {
		if ring[j].client == who {
			ring[j] = failure{}
		}
	}
	if !slices.Contains(t.known[:], who) {
		t.known[t.home] = who
		t.home = (t.home + 1) % uint8(len(t.known))
	}
}

// knows reports whether somebody signed in from a network before.
func (t *tries) knows(network uint64) bool {
	return slices.ContainsFunc(t.known[:], func(a actor) bool { return a != 0 && uint64(a.network()) == network })
}

func (a *accounts) failuresOf(s *stripe, i int) []failure {
	return a.failures[(s.first+i)*a.guesses : (s.first+i+1)*a.guesses]
}

func (a *accounts) originsOf(s *stripe, i int) []origin {
	return a.origins[(s.first+i)*a.networks : (s.first+i+1)*a.networks]
}

// worth is how much failed on an account; less than a day ago.
func (a *accounts) worth(s *stripe, i int, now int64) (w worth) {
	if w.newest = s.slots[i].mark; now-w.newest >= a.stuffing {
		return worth{newest: w.newest}
	}
	failed, _ := a.tries[s.first+i].attempts.counts()
	return worth{failed, w.newest}
}

// times are those of the failures that count, oldest first.
func (a *accounts) times(account uint64, now int64) (times []int64) {
	a.of(account, func(s *stripe, i int) {
		for _, f := range a.failuresOf(s, i) {
			if f.client != 0 && now-f.at < a.guessing {
				times = append(times, f.at)
			}
		}
	})
	slices.Sort(times)
	return times
}

// from are the networks that failures came from within a day, in words.
func (a *accounts) from(account uint64, now int64) (seen []string) {
	a.of(account, func(s *stripe, i int) {
		for _, o := range a.originsOf(s, i) {
			if o.network != 0 && now-o.at < a.stuffing {
				seen = append(seen, networkPrefix(o.network).String())
			}
		}
	})
	slices.Sort(seen)
	return seen
}

func (a *accounts) of(account uint64, f func(s *stripe, i int)) {
	hash := a.hash(account)
	s, set := a.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(set, account, hash); i >= 0 {
		f(s, i)
	}
}

func (a *accounts) forget(t Target) {
	switch {
	case t.Account != "":
		account := max(a.text(t.Account), 1)
		a.dropKey(account, a.hash(account))
	case t.Network.IsValid():
		who := actorsOf(t.Network)
		for i := range a.stripes {
			s := &a.stripes[i]
			s.mu.Lock()
			part := a.failures[s.first*a.guesses : (s.first+s.used)*a.guesses]
			for j := range part {
				if part[j].client != 0 && who.hold(part[j].client) {
					part[j] = failure{}
				}
			}
			s.mu.Unlock()
		}
	}
}

// networkPrefix is what a word for a network stands for.
func networkPrefix(n uint64) netip.Prefix {
	if a := actor(n); a.four() {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), 0}), 24)
	}
	var b [16]byte
	for i := range 8 {
		b[i] = byte(n >> (56 - 8*i))
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 48)
}
