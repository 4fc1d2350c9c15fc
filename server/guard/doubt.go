package guard

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// What the self-test looks at.
const (
	doubtSpan    = 1000 // requests that passed, the newest
	doubtFrom    = 50   // of them are enough to say something
	doubtPercent = 95   // from one client: hardly a client
	trustPercent = 90   // below this the doubt is over
	doubtNames   = 3    // addresses that one client's headers name: it speaks for others
	doubtSearch  = 250  // requests after which somebody else may lead

	// Where so many others came by themselves within doubtClients, clients do reach us: who
	// speaks for others then makes it up.
	doubtOthers  = 5
	doubtClients = time.Hour
)

// doubt is the self-test of whether requests come from whom they seem to. Behind a proxy that
// nobody told us to trust all clients are one, and the first rule that trips would block them all;
// likewise behind one that we trust and that does not say for whom it asks. That others are trusted
// already does not help: the one that matters may be missing from the list.
type doubt struct {
	on      bool
	proxies bart.Lite // that are trusted; does not change

	mu     sync.Mutex
	passed [doubtSpan]passed // a ring
	n      int               // ever
	leader netip.Prefix      // whom most come from, if anybody
	led    int               // of those in the ring
	names  [doubtNames]named // that the leader's headers named last, each once
	others [doubtOthers]came // who came by themselves last, each once; never the leader
	behind time.Time         // when a request last came through a trusted proxy

	found atomic.Pointer[doubted]
}

// passed is a request that was let through.
type passed struct {
	actor     netip.Prefix
	forwarded netip.Addr
}

// came is when somebody came by himself, from outside and naming nobody.
type came struct {
	actor netip.Prefix
	at    time.Time
}

type named struct {
	address netip.Addr
	n       int // when last
}

// doubted is a client that nearly all traffic seems to come from.
type doubted struct {
	network netip.Prefix
	says    string
}

func (d *doubt) begin(on bool, proxies []netip.Prefix) {
	d.on = on
	for _, p := range proxies {
		if p, ok := canonical(p); ok {
			d.proxies.Insert(p)
		}
	}
}

// of reports whether an address is doubted.
func (d *doubt) of(a netip.Addr) bool {
	f := d.found.Load()
	return f != nil && f.network.Contains(a)
}

// says what is wrong; empty when nothing is.
func (d *doubt) says() string {
	if f := d.found.Load(); f != nil {
		return f.says
	}
	return ""
}

// see takes in a request that passed, and reports whether it changes who is doubted.
func (d *doubt) see(r *engine.Request) (changed bool) {
	p := passed{engine.ActorOf(r.Client).Network, r.Forwarded}
	d.mu.Lock()
	defer d.mu.Unlock()
	slot := &d.passed[d.n%doubtSpan]
	if d.n >= doubtSpan && slot.actor == d.leader {
		d.led--
	}
	*slot = p
	if r.Proxied {
		d.behind = r.At
	}
	if d.n++; p.actor == d.leader {
		d.led++
		d.name(p.forwarded, d.n)
	} else if !p.forwarded.IsValid() && !inside(p.actor.Addr()) {
		d.meet(came{p.actor, r.At})
	}
	in := min(d.n, doubtSpan)
	if 2*d.led < in && (in == doubtFrom || in%doubtSearch == 0 && d.n%doubtSearch == 0) {
		d.elect(in)
	}
	return d.judge(in, r.At)
}

// meet notes who came by himself. Those that came last are known.
func (d *doubt) meet(c came) {
	oldest := 0
	for i := range d.others {
		if d.others[i].actor == c.actor {
			d.others[i].at = c.at
			return
		}
		if d.others[i].at.Before(d.others[oldest].at) {
			oldest = i
		}
	}
	d.others[oldest] = c
}

// name notes an address that the leader's header named. Of more than a few, those named last
// are known: so there are that many in the ring if and only if all of these are.
func (d *doubt) name(a netip.Addr, n int) {
	if !a.IsValid() {
		return
	}
	oldest := 0
	for i := range d.names {
		if d.names[i].address == a {
			d.names[i].n = n
			return
		}
		if d.names[i].n < d.names[oldest].n {
			oldest = i
		}
	}
	d.names[oldest] = named{a, n}
}

// elect finds whom more than half come from, if anybody (Boyer and Moore's majority vote).
func (d *doubt) elect(in int) {
	lead := 0
	for _, p := range d.passed[:in] {
		switch {
		case lead == 0:
			d.leader, lead = p.actor, 1
		case p.actor == d.leader:
			lead++
		default:
			lead--
		}
	}
	d.led, d.names = 0, [doubtNames]named{}
	for n := d.n - in; n < d.n; n++ {
		if p := d.passed[n%doubtSpan]; p.actor == d.leader {
			d.led++
			d.name(p.forwarded, n+1)
		}
	}
}

// judge whether the leader is to be doubted.
func (d *doubt) judge(in int, at time.Time) (changed bool) {
	before := d.found.Load()
	percent := doubtPercent
	if before != nil && before.network == d.leader {
		percent = trustPercent
	}
	switch doubtful := in >= doubtFrom && d.led*100 >= in*percent && d.looksLikeProxy(in, at); {
	case doubtful == (before != nil) && (before == nil || before.network == d.leader):
		return false
	case doubtful:
		who := engine.Target{Network: d.leader}.String()
		looks, remedy := "which looks like a proxy in front of this gateway",
			"add its address to clients.trusted_proxies, or to clients.never_block if it is a client of your own"
		if d.proxies.Contains(d.leader.Addr()) {
			looks, remedy = "a trusted proxy that does not say for whom it asks", "have it send the header that clients.header names"
		}
		d.found.Store(&doubted{d.leader, fmt.Sprintf("Nearly all traffic seems to come from %s, %s. "+
			"Until it is known who really asks, rules only count what they would have done to it: %s.", who, looks, remedy)})
	default:
		d.found.Store(nil)
	}
	return true
}

// looksLikeProxy reports whether the leader may be one. An inside address is taken for one whatever
// proxies are trusted: nobody outside can have it, and it may stand between these or before them. Of
// an outside one only headers can tell, which anybody writes: they mean nothing where trusted proxies
// are what is in front.
func (d *doubt) looksLikeProxy(in int, at time.Time) bool {
	leader := d.leader.Addr()
	if inside(leader) || d.proxies.Contains(leader) {
		return true
	}
	proxied := !d.behind.IsZero() && at.Sub(d.behind) <= doubtClients
	return !proxied && d.speaksForOthers(in) && !d.othersCome(at)
}

// othersCome reports whether clients have lately come by themselves.
func (d *doubt) othersCome(at time.Time) bool {
	for _, o := range d.others {
		if o.at.IsZero() || at.Sub(o.at) > doubtClients || o.actor == d.leader {
			return false
		}
	}
	return true
}

func (d *doubt) speaksForOthers(in int) bool {
	for _, name := range d.names {
		if name.n == 0 || name.n <= d.n-in {
			return false
		}
	}
	return true
}

var carrierGrade = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// inside reports whether an address is of a network's inside, where clients seldom are and
// proxies are.
func inside(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || carrierGrade.Contains(a)
}

// selfTest takes a request in that passed. Whom the configuration spares by name is known to be who
// he seems; not so an address that an operator works from: a proxy may be before the console too.
func (g *Guard) selfTest(r *engine.Request) {
	known := r.Exempt && g.spared.networks.Contains(r.Client) && !g.doubt.proxies.Contains(r.Client)
	if !g.doubt.on || known || !g.doubt.see(r) {
		return
	}
	if says := g.doubt.says(); says != "" {
		g.log.Warn("not enforcing", "why", says)
	} else {
		g.log.Info("enforcing again: traffic comes from many")
	}
	g.news.HealthChanged.Publish(g.Health())
}
