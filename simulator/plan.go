package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Plan is a scenario with everything drawn: the exact requests of one run. The same scenario
// and seed give the same plan here and in the browser.
type Plan struct {
	Scenario *Scenario
	Seed     uint64
	Run      string // six hexadecimal digits that keep the keys of one run from those of another
	Actors   []Actor
}

// An Actor is one client, and what it asks for, one request at a time.
type Actor struct {
	Group    string
	N        int          // from 1 within the group
	Network  netip.Prefix // as the rules count it: an IPv4 /32, an IPv6 /64
	Requests []Request
}

// Label is how an operator writes the actor: an IPv4 address, or an IPv6 network.
func (a *Actor) Label() string {
	if a.Network.Addr().Is4() {
		return a.Network.Addr().String()
	}
	return a.Network.String()
}

// A Request of a plan.
type Request struct {
	Wait    time.Duration // after the answer before it, or after the start
	Address netip.Addr
	Method  string
	Path    string
	Key     string // empty for none
	Headers []Header
	Body    string // JSON, or empty for none
}

// A Header of a request.
type Header struct{ Name, Value string }

// Expand draws everything that a scenario leaves to chance. What is drawn, in which order and
// from what is part of the format: scenario.schema.json describes it.
func (s *Scenario) Expand(seed uint64) Plan {
	p := Plan{Scenario: s, Seed: seed, Run: fmt.Sprintf("%06x", newDice(seed, s.ID+"/run").next()>>8)}
	where := newAtlas(newDice(seed, s.ID+"/networks"), newDice(seed, s.ID+"/hosts"))
	for i := range s.Actors {
		g := &s.Actors[i]
		for n := 1; n <= g.Count; n++ {
			d := newDice(seed, s.ID+"/"+g.Name+"/"+strconv.Itoa(n))
			p.Actors = append(p.Actors, g.actor(n, p.Run, where.place(g.Addresses), d))
		}
	}
	return p
}

// Requests is how many there are in all.
func (p *Plan) Requests() int {
	n := 0
	for i := range p.Actors {
		n += len(p.Actors[i].Requests)
	}
	return n
}

// members are the actors of a group, all of them for "", as indexes.
func (p *Plan) members(group string) []int {
	var is []int
	for i := range p.Actors {
		if group == "" || p.Actors[i].Group == group {
			is = append(is, i)
		}
	}
	return is
}

func (g *Group) actor(n int, run string, at netip.Addr, d *dice) Actor {
	a := Actor{Group: g.Name, N: n, Network: netip.PrefixFrom(at, 32)}
	if at.Is6() {
		a.Network, _ = at.Prefix(64)
	}
	first := d.within(g.Starts)
	for round := 1; round <= max(1, g.Rounds); round++ {
		for i := range g.Steps {
			for times := 1; times <= max(1, g.Steps[i].Repeat); times++ {
				r := g.request(&g.Steps[i], at, fill(n, times, round, run), d)
				if len(a.Requests) == 0 {
					r.Wait += first
				}
				a.Requests = append(a.Requests, r)
			}
		}
	}
	return a
}

func (g *Group) request(s *Step, at netip.Addr, fill *strings.Replacer, d *dice) Request {
	r := Request{Wait: d.within(s.Pace), Address: at, Method: s.Method, Path: fill.Replace(s.Path)}
	if g.Addresses.Rotates {
		r.Address = v6(at, 1+d.below(0xffff))
	}
	key := g.Key
	if s.Key != nil {
		key = *s.Key
	}
	r.Key = fill.Replace(key)
	both := maps.Clone(g.Headers)
	if both == nil {
		both = map[string]string{}
	}
	maps.Copy(both, s.Headers)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		r.Headers = append(r.Headers, Header{name, fill.Replace(both[name])})
	}
	if len(s.Body) > 0 {
		var b bytes.Buffer
		_ = json.Compact(&b, s.Body) // it was valid JSON when the scenario was read
		r.Body = fill.Replace(b.String())
	}
	return r
}

// fill puts numbers into the slots of a text.
func fill(n, i, round int, run string) *strings.Replacer {
	return strings.NewReplacer("{n}", strconv.Itoa(n), "{i}", strconv.Itoa(i), "{round}", strconv.Itoa(round), "{run}", run)
}

// An atlas hands out addresses: every actor another one, and a network of its own unless its
// group names the one it shares.
type atlas struct {
	networks, hosts *dice
	named           map[string]int
	takenNetworks   map[string]bool
	taken           map[netip.Addr]bool
}

func newAtlas(networks, hosts *dice) *atlas {
	return &atlas{networks, hosts, map[string]int{}, map[string]bool{}, map[netip.Addr]bool{}}
}

func (a *atlas) place(where Addresses) netip.Addr {
	network, known := a.named[where.Network]
	if where.Network == "" || !known {
		network = a.network(where.Pool)
		if where.Network != "" {
			a.named[where.Network] = network
		}
	}
	for {
		at := a.host(where.Pool, network)
		if !a.taken[at] {
			a.taken[at] = true
			return at
		}
	}
}

// network draws one that nobody has: a /24 of the IPv4 pool, a /48 of the IPv6 pool.
func (a *atlas) network(pool string) int {
	first, size := 0, 512
	if pool == PoolV6 {
		first, size = 1, 0xffff
	}
	for {
		n := first + a.networks.below(size)
		if name := pool + strconv.Itoa(n); !a.takenNetworks[name] {
			a.takenNetworks[name] = true
			return n
		}
	}
}

// host draws an address of the network. An IPv6 actor gets a /64, of which this is one address;
// no part of it is zero, so that there is only one way to write it.
func (a *atlas) host(pool string, network int) netip.Addr {
	if pool == PoolV4 {
		b := poolV4.Addr().As4()
		b[1] += byte(network >> 8)
		b[2] = byte(network)
		b[3] = byte(1 + a.hosts.below(254))
		return netip.AddrFrom4(b)
	}
	subnet := 1 + a.hosts.below(0xffff)
	b := poolV6.Addr().As16()
	b[4], b[5] = byte(network>>8), byte(network)
	b[6], b[7] = byte(subnet>>8), byte(subnet)
	return v6(netip.AddrFrom16(b), 1+a.hosts.below(0xffff))
}

// v6 is the address with that number in the /64 of the one given.
func v6(in netip.Addr, host int) netip.Addr {
	b := in.As16()
	b[14], b[15] = byte(host>>8), byte(host)
	return netip.AddrFrom16(b)
}

// Dice are a xorshift generator of 32 bits that begins at a hash of the seed and a purpose, so
// that what one group draws does not depend on what another one does. Not for secrets.
type dice struct{ state uint32 }

// newDice begins at the FNV-1a hash of "SEED/purpose".
func newDice(seed uint64, purpose string) *dice {
	h := uint32(2166136261)
	for _, b := range []byte(strconv.FormatUint(seed, 10) + "/" + purpose) {
		h = (h ^ uint32(b)) * 16777619
	}
	if h == 0 { // the one state that xorshift never leaves
		h = 1
	}
	d := &dice{h}
	for range 4 { // neighbouring hashes drift apart
		d.next()
	}
	return d
}

func (d *dice) next() uint32 {
	d.state ^= d.state << 13
	d.state ^= d.state >> 17
	d.state ^= d.state << 5
	return d.state
}

// below draws from 0 to n-1.
func (d *dice) below(n int) int { return int(uint64(d.next()) * uint64(n) >> 32) }

// within draws a length of time, nothing for no span.
func (d *dice) within(s *Span) time.Duration {
	if s == nil {
		return 0
	}
	return time.Duration(s.From+d.below(s.To-s.From+1)) * time.Millisecond
}
