package engine

import (
	"encoding/binary"
	"slices"
)

// sources remember of each client, network and key how many accounts it failed on lately, and of
// how many it is known that they sign in there.
type sources struct {
	*table       // by level and whom
	kept   int   // accounts of each, one more than are too many
	span   int32 // seconds that they count
	tried  []candidate
	homes  []house
	roll   *roll
}

// A candidate is an account that failed, when last, and which client of the network tried it.
type candidate struct {
	account uint64
	at      int32 // seconds
	client  uint16
}

// A house is what speaks for a source: accounts that signed in there, and attempts in all.
type house struct {
	accounts [atHome]resident
	attempts attempts
}

// A resident is an account that signed in, and when; not the last time, if that was soon after.
type resident struct {
	account uint32 // the upper half of its hash
	at      int32  // seconds
}

const (
	atHome     = 8
	halfADay   = 12 * 60 * 60 // seconds
	wholeDay   = 2 * halfADay
	fewClients = 3
)

// A spree is what is known of one source.
type spree struct {
	accounts          int  // that failed within the span
	clients           int  // that tried them, at most fewClients; told of networks
	failed, succeeded int  // attempts, within a span or two
	residents         int  // accounts that signed in there within a day, before the span
	over              bool // credential-stuffing holds
}

// sprees are those of the client, of its network and of its key.
type sprees struct{ client, network, key spree }

func learnSources(p Policy, k keyed, r *roll) *sources {
	t := p.Terms(credentialStuffing.ID)
	o := &sources{table: newTable(p.Clients/16, k), kept: t.More + 1, span: int32(t.Within.Seconds()), roll: r}
	o.tried = make([]candidate, o.size()*o.kept)
	o.homes = make([]house, o.size())
	o.admission = newAdmission(2*p.Clients, t.Within.Milliseconds())
	return o
}

// Levels that sources are told apart by.
const (
	levelClient uint64 = iota + 1
	levelNetwork
	levelKey
)

// note takes a sign-in in and tells what is known of who tries.
func (o *sources) note(v *view) {
	v.sources = o
	who := actorOf(v.Client)
	o.enter(v, o.hash(levelClient, uint64(who)), &v.source.client)
	o.enter(v, o.hash(levelNetwork, v.network), &v.source.network)
	if !v.Key.Zero() {
		o.enter(v, o.hash(levelKey, binary.LittleEndian.Uint64(v.Key.Hash[:])), &v.source.key)
	}
}

// enter an exchange of one source, and tell what is known then. Who only succeeds is remembered where
// there is room: he pushes nobody out.
func (o *sources) enter(v *view, key uint64, says *spree) {
	s, set := o.at(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, key, key)
	if i < 0 {
		if i, _ = s.claim(set, key, key, v.now, func(i int) worth { return o.worth(s, i, v.now) }); i < 0 {
			return
		}
		clear(o.triedOf(s, i))
		o.homes[s.first+i] = house{}
	}
	s.slots[i].mark = max(s.slots[i].mark, v.now)
	h, now := &o.homes[s.first+i], int32(v.now/1000)
	h.attempts.add(int64(now), int64(o.span), v.outcome == Failed)
	if v.outcome == Failed {
		o.fail(s, i, v)
	}
	says.failed, says.succeeded = h.attempts.counts()
	hosts := [fewClients]uint16{}
	for _, c := range o.triedOf(s, i) {
		if c.account == 0 || now-c.at >= o.span {
			continue
		}
		says.accounts++
		if says.clients < fewClients && !slices.Contains(hosts[:says.clients], c.client) {
			hosts[says.clients] = c.client
			says.clients++
		}
	}
	for _, r := range h.accounts {
		if r.account != 0 && now-r.at >= o.span && now-r.at < wholeDay {
			says.residents++
		}
	}
	says.over = says.accounts >= o.kept && says.succeeded*100 < stuffingShare*(says.failed+says.succeeded)
	if v.outcome == Succeeded {
		h.enter(max(uint32(v.account>>32), 1), now)
	}
}

// fail takes an account in that failed.
func (o *sources) fail(s *stripe, i int, v *view) {
	tried, oldest := o.triedOf(s, i), 0
	for j := range tried {
		if tried[j].account == v.account {
			oldest = j
			break
		}
		if tried[j].at < tried[oldest].at || tried[oldest].account != 0 && tried[j].account == 0 {
			oldest = j
		}
	}
	tried[oldest] = candidate{v.account, int32(v.now / 1000), uint16(uint64(actorOf(v.Client)) &^ v.network)}
}

// enter an account that signed in.
func (h *house) enter(account uint32, now int32) {
	oldest := 0
	for j := range h.accounts {
		r := &h.accounts[j]
		if r.account == account {
			if now-r.at >= halfADay {
				r.at = now
			}
			return
		}
		if r.at < h.accounts[oldest].at || h.accounts[oldest].account != 0 && r.account == 0 {
			oldest = j
		}
	}
	h.accounts[oldest] = resident{account, now}
}

func (o *sources) triedOf(s *stripe, i int) []candidate {
	return o.tried[(s.first+i)*o.kept : (s.first+i+1)*o.kept]
}

// worth is how many accounts failed.
func (o *sources) worth(s *stripe, i int, now int64) (w worth) {
	w.newest = s.slots[i].mark
	if now-w.newest >= 2000*int64(o.span) {
		return w
	}
	w.count, _ = o.homes[s.first+i].attempts.counts()
	return w
}

// named are the accounts that failed and their times, oldest first.
func (o *sources) named(key uint64, now int64) (seen []string, times []int64) {
	s, set := o.at(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, key, key)
	if i < 0 {
		return nil, nil
	}
	for _, c := range o.triedOf(s, i) {
		if c.account != 0 && int32(now/1000)-c.at < o.span {
			if name, ok := o.roll.name(c.account); ok {
				seen = append(seen, name)
			}
			times = append(times, int64(c.at)*1000)
		}
	}
	slices.Sort(seen)
	slices.Sort(times)
	return seen, times
}

func (o *sources) forget(t Target) {
	switch {
	case !t.Key.Zero():
		key := o.hash(levelKey, binary.LittleEndian.Uint64(t.Key.Hash[:]))
		o.dropKey(key, key)
	case t.Network.IsValid():
		if who := actorsOf(t.Network); who.from == who.to {
			for _, key := range [...]uint64{o.hash(levelClient, uint64(who.from)), o.hash(levelNetwork, uint64(who.from.network()))} {
				o.dropKey(key, key)
			}
		}
	}
}
