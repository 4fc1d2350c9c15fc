package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func aKey(s string) engine.Key {
	k := engine.Key{Prefix: s[:4]}
	copy(k.Hash[:], s)
	return k
}

func spare(networks ...string) func(*Config) {
	return func(c *Config) {
		for _, n := range networks {
			c.Spare = append(c.Spare, netip.MustParsePrefix(n))
		}
	}
}

func TestNoRuleBlocksWhoIsSpared(t *testing.T) {
	s := newScene(t, spare("10.0.0.0/24", "2001:db8:1::/48", "::ffff:192.168.7.0/120"))
	s.SpareUntil(netip.MustParseAddr("198.51.100.7"), s.clock.now().Add(time.Hour))
	for _, client := range []string{"10.0.0.9", "2001:db8:1:2::3", "192.168.7.7", "198.51.100.7"} {
		s.trap(client)
		for range 8 {
			s.ask(client, "POST", "/api/login", 401)
		}
		if got := s.balance(client); got != 200 {
			t.Errorf("%s gets %d", client, got)
		}
	}
	s.trap("10.0.1.9")
	if got := s.balance("10.0.1.9"); got != 403 {
		t.Errorf("the neighbour gets %d", got)
	}
	s.flush()
	if n := len(s.openAlerts()); n != 9 {
		t.Errorf("%d alerts are open, want two for each who is spared, and one", n)
	}
	for range 110 {
		s.balance("10.0.0.10")
	}
	if got := s.balance("10.0.0.10"); got != 429 {
		t.Errorf("past the limit who is spared gets %d", got)
	}
	s.clock.pass(2 * time.Hour)
	s.trap("198.51.100.7")
	if got := s.balance("198.51.100.7"); got != 403 {
		t.Errorf("after his time the operator gets %d", got)
	}
}

func TestOnlySoManyOperatorsAreSpared(t *testing.T) {
	s := newScene(t)
	now := s.clock.now()
	a := netip.MustParseAddr("10.0.0.0")
	for n := range 2 * mostMine {
		a = a.Next()
		s.SpareUntil(a, now.Add(time.Hour+time.Duration(n)*time.Second))
		s.SpareUntil(a, now.Add(time.Hour+time.Duration(n)*time.Second)) // again, for nothing
	}
	if n := len(*s.spared.mine.Load()); n != mostMine {
		t.Errorf("%d are spared, want %d", n, mostMine)
	}
	if !s.spared.holds(a, now) || s.spared.holds(netip.MustParseAddr("10.0.0.1"), now) {
		t.Error("the last is not spared, or the first still is")
	}
	s.SpareUntil(a, now.Add(-time.Hour))
	if !s.spared.holds(a, now) {
		t.Error("a time that is over takes away what was given")
	}
}

func TestABlockThatHitsATrustedProxyIsRefusedWithTheRemedy(t *testing.T) {
	s := newScene(t, spare("10.0.0.5/32", "172.20.0.0/16"))
	for _, network := range []string{"10.0.0.0/8", "10.0.0.5/32", "::ffff:10.0.0.5/128", "172.20.3.4/32"} {
		_, err := s.Place(t.Context(), ada, Wanted{Action: engine.Block, Network: netip.MustParsePrefix(network)})
		var invalid engine.Invalid
		if !errors.As(err, &invalid) || invalid.Field != "target" || !strings.Contains(invalid.Problem, "clients.trusted_proxies") {
			t.Errorf("%s: got %v", network, err)
		}
	}
	s.place(engine.Monitor, "10.0.0.0/8", 0)
	s.place(engine.Allow, "10.0.0.0/8", 0)
	s.place(engine.Block, "10.0.0.6/32", 0)
	d := s.place(engine.Block, "64:ff9b::c633:6442/128", 0)
	if d.Target.Network.String() != "64:ff9b::c633:6442/128" || s.stored(d.ID).Target != d.Target {
		t.Errorf("an address of NAT64 became %s", d.Target)
	}
	if got := s.balance("198.51.100.66"); got != 200 {
		t.Errorf("the IPv4 address within it gets %d", got)
	}
}

func TestASuspendedKeyIsRefusedFromAnywhereUntilItIsLifted(t *testing.T) {
	s := newScene(t)
	ask := func(k engine.Key) int {
		s.next++
		r := engine.Request{ID: s.next, At: s.clock.now(), Client: netip.MustParseAddr("203.0.113.7"), Key: k, Folded: "/api/balance"}
		return s.put(r, 200).Status
	}
	d, err := s.Place(t.Context(), ada, Wanted{Action: engine.Block, Key: aKey("stolen"), Reason: "seen on the net"})
	if err != nil || d.Target.Key != aKey("stolen") || s.stored(d.ID) != d {
		t.Fatalf("placed %+v, %v", d, err)
	}
	if ask(aKey("stolen")) != 403 || ask(aKey("mine")) != 200 {
		t.Error("not the key is refused, but somebody else")
	}
	again, err := s.Place(t.Context(), ada, Wanted{Action: engine.Block, Key: aKey("stolen"), For: time.Hour})
	if err != nil || again.ID != d.ID {
		t.Errorf("renewed as %+v, %v", again, err)
	}
	s.restart()
	if ask(aKey("stolen")) != 403 {
		t.Error("a restart forgets the key")
	}
	if _, err := s.Lift(t.Context(), ada, []string{d.ID}); err != nil || ask(aKey("stolen")) != 200 {
		t.Errorf("lifted with %v", err)
	}
}

func TestWhatWouldHaveBeenIsWrittenWithTheTraffic(t *testing.T) {
	s := newScene(t, func(c *Config) { c.Policy.Observe = true })
	health := s.News().HealthChanged.Subscribe(t.Context())
	if got := s.ask("198.51.100.7", "GET", "/api/admin", 200); got != 200 {
		t.Errorf("while only observed the decoy answers %d", got)
	}
	s.balance("198.51.100.7")
	s.flush()
	page, err := s.store.Exchanges(t.Context(), store.ExchangeFilter{}, store.Page{First: 10})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%d rows, %v", len(page.Items), err)
	}
	for _, x := range page.Items {
		if x.Would != "honeypot" || x.Refused || x.Cause != "" {
			t.Errorf("written is %+v", x)
		}
	}
	if a := s.openAlerts(); len(a) != 1 || a[0].Decision != "" || len(s.Decisions()) != 0 {
		t.Errorf("%d alerts, %d decisions", len(a), len(s.Decisions()))
	}
	if w := s.WouldHave()[0]; w != (engine.WouldHave{Rule: "honeypot", Findings: 1, Requests: 2}) {
		t.Errorf("counted is %+v", w)
	}
	p := s.Policy()
	p.Observe = false
	if s.Mode() != ModeObserve || s.Revise(p) != nil || heard(t, "the mode", health).Mode != ModeEnforce {
		t.Errorf("the mode is %s", s.Mode())
	}
	s.trap("198.51.100.7")
	var invalid engine.Invalid
	p.Skips = []string{"/"}
	if err := s.Revise(p); !errors.As(err, &invalid) || invalid.Field != "skips" || len(s.Policy().Skips) > 0 {
		t.Errorf("a wrong revision gives %v", err)
	}
}

func TestFailurePoliciesHoldWhileTheDatabaseIsAway(t *testing.T) {
	s := newScene(t, func(c *Config) {
		c.Failure = map[engine.Class]FailurePolicy{engine.Sensitive: Closed, engine.Normal: Tighten}
	})
	allowed := s.place(engine.Allow, "203.0.113.0/24", 0).Target.Network.Addr().Next().String()
	ask := func(client string, class engine.Class) engine.Verdict {
		s.next++
		return s.Decide(engine.Request{ID: s.next, At: s.clock.now(), Client: netip.MustParseAddr(client), Folded: "/api/transfer", Class: class})
	}
	if v := ask("198.51.100.7", engine.Sensitive); v.Refused() || v.Quota.Limit != 100 {
		t.Errorf("with all well: %+v", v)
	}
	s.away.leave()
	s.trap("198.51.100.9")
	eventually(t, "the loss is noticed", func() bool { return s.Health().State == Down })
	v := ask("198.51.100.7", engine.Sensitive)
	if v.Status != 503 || v.Cause != DegradedCause || v.RetryAfter != 5*time.Second || v.Reference == "" {
		t.Errorf("where it is closed: %+v", v)
	}
	if v := ask("198.51.100.7", engine.Normal); v.Refused() || v.Quota.Limit != 50 {
		t.Errorf("where it is tightened: %+v", v)
	}
	if v := ask(allowed, engine.Sensitive); v.Refused() {
		t.Errorf("who is allowed: %+v", v)
	}
	if v := ask("198.51.100.9", engine.Sensitive); v.Status != 403 || v.Cause != "honeypot" {
		t.Errorf("who is blocked: %+v", v)
	}
	p := s.Policy()
	p.Observe = true
	if err := s.Revise(p); err != nil {
		t.Fatal(err)
	}
	if v := ask("198.51.100.7", engine.Sensitive); v.Refused() || v.Would != DegradedCause {
		t.Errorf("while only observing: %+v", v)
	}
	p.Observe = false
	if err := s.Revise(p); err != nil {
		t.Fatal(err)
	}
	s.away.come()
	s.flush()
	eventually(t, "the database is back", func() bool { return s.Health().State == OK })
	if v := ask("198.51.100.7", engine.Sensitive); v.Refused() || v.Quota.Limit != 100 {
		t.Errorf("with all well again: %+v", v)
	}
	for want, policy := range map[string]FailurePolicy{"open": Open, "tighten": Tighten, "closed": Closed} {
		if got, ok := ParseFailurePolicy(want); !ok || got != policy || policy.String() != want {
			t.Errorf("%s reads as %v", want, got)
		}
	}
	if _, ok := ParseFailurePolicy("ajar"); ok {
		t.Error("reads what there is not")
	}
}

// crowd sends that many requests that pass, of which so many are from one client.
func (s *scene) crowd(n, from int, one string, forwarded func(n int) string) {
	s.t.Helper()
	for i := range n {
		s.next++
		client := netip.MustParseAddr(one)
		if i*from/n == (i+1)*from/n {
			client = netip.AddrFrom4([4]byte{100, byte(s.next >> 16), byte(s.next >> 8), byte(s.next)})
		}
		r := engine.Request{ID: s.next, At: s.clock.now(), Client: client, Folded: "/api/balance", Route: "/api/balance", Method: "GET"}
		if forwarded != nil {
			r.Forwarded = netip.MustParseAddr(forwarded(i))
		}
		s.put(r, 200)
	}
}

func TestWhileNearlyAllTrafficComesFromAProxyRulesDontEnforceAgainstIt(t *testing.T) {
	for name, c := range map[string]struct {
		client    string
		forwarded func(int) string
		doubted   bool
	}{
		"a private address":     {"10.0.0.5", nil, true},
		"a local IPv6 network":  {"fd00::5", nil, true},
		"a carrier's inside":    {"100.64.1.1", nil, true},
		"this machine":          {"127.0.0.1", nil, true},
		"who speaks for others": {"198.51.100.7", func(n int) string { return fmt.Sprintf("203.0.113.%d", n%3) }, true},
		"who speaks for two":    {"198.51.100.7", func(n int) string { return fmt.Sprintf("203.0.113.%d", n%2) }, false},
		"a client":              {"198.51.100.7", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, func(c *Config) { c.SelfTest = true })
			health := s.News().HealthChanged.Subscribe(t.Context())
			s.crowd(49, 49, c.client, c.forwarded)
			if says := s.Health().NotEnforcing; says != "" {
				t.Errorf("after 49 requests: %s", says)
			}
			s.crowd(1, 1, c.client, c.forwarded)
			says := s.Health().NotEnforcing
			if !c.doubted {
				if s.crowd(70, 70, c.client, c.forwarded); says != "" || s.balance(c.client) != 403 {
					t.Errorf("a client is spared: %s", says)
				}
				return
			}
			if !strings.Contains(says, "Nearly all traffic seems to come from "+strings.TrimSuffix(c.client, "5")) || !strings.Contains(says, "clients.trusted_proxies") {
				t.Fatalf("health says %q", says)
			}
			if told := heard(t, "the doubt", health); told.NotEnforcing != says {
				t.Errorf("told %q", told.NotEnforcing)
			}
			s.crowd(200, 200, c.client, c.forwarded)
			s.ask(c.client, "GET", "/api/admin", 200)
			if got := s.balance(c.client); got != 200 {
				t.Errorf("who speaks for all gets %d", got)
			}
			counted := s.WouldHave()
			if i := slices.IndexFunc(counted, func(w engine.WouldHave) bool { return w.Rule == rateAbuse }); i < 0 || counted[i].Findings != 1 || counted[i].Requests < 100 {
				t.Errorf("counted is %+v", counted)
			}
			s.trap("198.51.100.99")
			if got := s.balance("198.51.100.99"); got != 403 {
				t.Errorf("another gets %d", got)
			}
			s.crowd(1000, 300, c.client, c.forwarded)
			if says := s.Health().NotEnforcing; says != "" {
				t.Errorf("with traffic of many: %s", says)
			}
			if s.crowd(150, 150, c.client, c.forwarded); s.balance(c.client) != 403 {
				t.Error("with traffic of many rules don't enforce")
			}
		})
	}
}

func TestWhoForgesHeadersIsNotSparedWhereOthersComeByThemselves(t *testing.T) {
	s := newScene(t, func(c *Config) { c.SelfTest = true })
	for i := range 5 {
		s.balance(fmt.Sprintf("203.0.113.%d", i+1))
	}
	s.clock.pass(30 * time.Minute)
	s.crowd(2000, 2000, "198.51.100.7", func(n int) string { return fmt.Sprintf("192.0.2.%d", n%9) })
	if says := s.Health().NotEnforcing; says != "" || s.balance("198.51.100.7") != 403 {
		t.Errorf("he is spared: %q", says)
	}
}

func TestADoubtedClientIsRefusedADecoyAndNotBlocked(t *testing.T) {
	s := newScene(t, func(c *Config) { c.SelfTest = true })
	s.crowd(60, 60, "10.0.0.5", nil)
	if got := s.ask("10.0.0.5", "GET", "/api/admin", 200); got != 403 {
		t.Errorf("a decoy answers %d", got)
	}
	if got := s.balance("10.0.0.5"); got != 200 {
		t.Errorf("and then the rest %d", got)
	}
}

func TestTheSelfTestFindsWhoBeginsToLeadAndSparesNobodyWhenItIsOff(t *testing.T) {
	s := newScene(t, func(c *Config) { c.SelfTest = true })
	s.crowd(1000, 0, "10.0.0.5", nil)
	for range 2400 / 80 { // slowly, so that all pass
		s.crowd(80, 79, "10.0.0.5", nil)
		s.clock.pass(time.Minute)
	}
	if s.Health().NotEnforcing == "" {
		t.Error("who came later is not found")
	}
	off := newScene(t)
	off.crowd(120, 120, "10.0.0.5", nil)
	if off.Health().NotEnforcing != "" || off.balance("10.0.0.5") != 403 {
		t.Error("finds something though it is off")
	}
	trusting := func(c *Config) {
		c.SelfTest, c.Proxies = true, []netip.Prefix{netip.MustParsePrefix("198.51.100.0/28")}
	}
	silent := newScene(t, trusting, spare("198.51.100.0/28"))
	silent.crowd(200, 200, "198.51.100.7", nil)
	if says := silent.Health().NotEnforcing; !strings.Contains(says, "clients.header") || silent.balance("198.51.100.7") != 200 {
		t.Errorf("a trusted proxy that names nobody is held to the limit of one client: %q", says)
	}
	exempt := newScene(t, spare("10.0.0.5/32"), func(c *Config) { c.SelfTest = true })
	exempt.crowd(90, 90, "10.0.0.5", nil)
	if exempt.Health().NotEnforcing != "" {
		t.Error("minds who is spared anyway")
	}
}

func TestAProxyThatIsMissingAmongTrustedOnesIsDoubted(t *testing.T) {
	names := func(n int) string { return fmt.Sprintf("203.0.113.%d", n%9) }
	trusting := func(c *Config) {
		c.SelfTest, c.Proxies = true, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("10.0.0.1/32")}
	}
	through := func(s *scene, client string) {
		s.next++
		s.put(engine.Request{
			ID: s.next, At: s.clock.now(), Client: netip.MustParseAddr(client), Proxied: true,
			Folded: "/api/balance", Route: "/api/balance", Method: "GET",
		}, 200)
	}
	for about, c := range map[string]struct {
		before  func(*scene)
		client  string
		names   func(int) string
		doubted bool
	}{
		"an inside balancer before it":                          {nil, "10.0.0.5", names, true},
		"one that names nobody":                                 {nil, "10.0.0.5", nil, true},
		"an inside balancer behind a listed one":                {func(s *scene) { through(s, "10.0.0.5") }, "10.0.0.5", nil, true},
		"an outside balancer, and nothing comes through others": {nil, "198.51.100.7", names, true},
		"likewise for an hour": {func(s *scene) {
			through(s, "203.0.113.200")
			s.clock.pass(61 * time.Minute)
		}, "198.51.100.7", names, true},

		"a stranger who says so, where clients come through others": {func(s *scene) { through(s, "203.0.113.200") }, "198.51.100.7", names, false},
		"a partner's server, or a test of load":                     {func(s *scene) { through(s, "198.51.100.7") }, "198.51.100.7", nil, false},
		"the same past the proxies":                                 {nil, "198.51.100.7", nil, false},
	} {
		s := newScene(t, trusting)
		if c.before != nil {
			c.before(s)
		}
		s.crowd(200, 200, c.client, c.names)
		says, balance := s.Health().NotEnforcing, s.balance(c.client)
		if c.doubted != strings.Contains(says, "Nearly all traffic seems to come from "+c.client+", which looks like a proxy") || c.doubted != (balance == 200) {
			t.Errorf("%s: it is answered %d, and health says %q", about, balance, says)
		}
		if c.doubted && (!strings.Contains(says, "add its address to clients.trusted_proxies") || !strings.Contains(says, "clients.never_block")) {
			t.Errorf("%s: no remedy in %q", about, says)
		}
		if s.trap("203.0.113.77"); s.balance("203.0.113.77") != 403 {
			t.Errorf("%s: another is not blocked", about)
		}
	}
}

func TestADoubtEndsWhenTrafficComesThroughTheTrustedProxies(t *testing.T) {
	s := newScene(t, func(c *Config) {
		c.SelfTest, c.Proxies = true, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28")}
	})
	s.crowd(60, 60, "198.51.100.7", func(n int) string { return fmt.Sprintf("203.0.113.%d", n%9) })
	if s.Health().NotEnforcing == "" {
		t.Fatal("there is no doubt")
	}
	s.next++
	s.put(engine.Request{ID: s.next, At: s.clock.now(), Client: netip.MustParseAddr("203.0.113.200"), Proxied: true, Folded: "/", Route: "/", Method: "GET"}, 200)
	if says := s.Health().NotEnforcing; says != "" {
		t.Errorf("still: %s", says)
	}
}

func TestAProxyBeforeConsoleAndGatewayIsDoubtedThoughOperatorsComeThroughIt(t *testing.T) {
	s := newScene(t, func(c *Config) { c.SelfTest = true })
	s.SpareUntil(netip.MustParseAddr("10.0.0.5"), s.clock.now().Add(time.Hour))
	s.crowd(200, 200, "10.0.0.5", nil)
	if s.Health().NotEnforcing == "" || s.balance("10.0.0.5") != 200 {
		t.Error("all clients are held to the limit of one, since an operator is among them")
	}
}
