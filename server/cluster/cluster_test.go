package cluster

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}

// node joins a test's Redis. It has all the time it needs: the budget has a test of its own.
func node(t *testing.T, s *server, name string) *Cluster {
	t.Helper()
	c, err := New(s.url(), name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c.budget = time.Second
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// run lets a node listen until the test ends, and returns what it hears and its changes of state.
func run(t *testing.T, c *Cluster, known ...engine.Decision) (heard chan engine.Decision, changed chan bool) {
	t.Helper()
	heard, changed = make(chan engine.Decision, 1000), make(chan bool, 100)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		c.Run(ctx, func(d engine.Decision) { heard <- d }, func() []engine.Decision { return known }, func() {
			shared, _ := c.State()
			changed <- shared
		})
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return heard, changed
}

var somebody = engine.ActorOf(netip.MustParseAddr("198.51.100.7"))

func TestNodesCountTogetherAndExactly(t *testing.T) {
	s := startRedis(t)
	a, b := node(t, s, "a"), node(t, s, "b")
	var mu sync.Mutex
	answers := map[int]int{}
	var all sync.WaitGroup
	for _, c := range []*Cluster{a, b, a, b} {
		all.Go(func() {
			for range 40 {
				n := c.Count("rate-abuse", somebody, 100, time.Minute)
				mu.Lock()
				answers[n]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for n := 1; n <= 100; n++ {
		if answers[n] != 1 {
			t.Errorf("%d was answered %d times", n, answers[n])
		}
	}
	if answers[101] != 60 {
		t.Errorf("%d of 60 were over the limit", answers[101])
	}
}

func TestCountsAreApartByRuleAndActorAndSayNothingAboutThem(t *testing.T) {
	s := startRedis(t)
	c := node(t, s, "a")
	others := []engine.Target{
		engine.ActorOf(netip.MustParseAddr("198.51.100.8")),
		engine.ActorOf(netip.MustParseAddr("2001:db8::7")),
		{Key: engine.Key{Hash: [16]byte{1}, Prefix: "user_key"}},
		{Key: engine.Key{Hash: [16]byte{2}, Prefix: "user_key"}},
	}
	c.Count("rate-abuse", somebody, 10, time.Minute)
	for _, o := range others {
		if n := c.Count("rate-abuse", o, 10, time.Minute); n != 1 {
			t.Errorf("%v shares its count: %d", o, n)
		}
	}
	if n := c.Count("failed-authentication", somebody, 10, time.Minute); n != 1 {
		t.Errorf("two rules share a count: %d", n)
	}
	if n := c.Count("rate-abuse", engine.ActorOf(netip.MustParseAddr("2001:db8::8")), 10, time.Minute); n != 2 {
		t.Errorf("the neighbour in the /64 has a count of his own: %d", n)
	}
	for _, key := range s.do("KEYS", "*").([]any) {
		if k := key.(string); !strings.HasPrefix(k, "sentinel:1:") || strings.Contains(k, "198") || strings.Contains(k, "user") {
			t.Errorf("there is a key %q", k)
		}
	}
}

func TestTheWindowSlides(t *testing.T) {
	s := startRedis(t).real() // the stand-in's clock stands still
	c := node(t, s, "a")
	const window = 300 * time.Millisecond
	for want := 1; want <= 4; want++ {
		if n := c.Count("r", somebody, 3, window); n != min(want, 4) {
			t.Fatalf("count %d is %d", want, n)
		}
	}
	began := time.Now()
	eventually(t, "there is room again", func() bool { return c.Count("r", somebody, 3, window) <= 3 })
	if took := time.Since(began); took < window-100*time.Millisecond {
		t.Errorf("there was room after %v", took)
	}
}

func TestACountIsBoundedAndAlwaysEnds(t *testing.T) {
	s := startRedis(t)
	c := node(t, s, "a")
	for range 50 {
		c.Count("r", somebody, 5, time.Minute)
	}
	key := counter("r", somebody)
	if n := s.do("ZCARD", key); n != int64(5) {
		t.Errorf("%v times are kept for a limit of 5", n)
	}
	s.do("PERSIST", key)
	c.Count("r", somebody, 5, time.Minute)
	if ttl := s.do("PTTL", key).(int64); ttl <= 0 || ttl > time.Minute.Milliseconds() {
		t.Errorf("it ends in %d ms", ttl)
	}
}

func TestAClockThatWasPutBackBlocksNobody(t *testing.T) {
	s := startRedis(t)
	c := node(t, s, "a")
	c.Count("r", somebody, 5, time.Minute)
	for i := range 10 {
		s.do("ZADD", counter("r", somebody), time.Now().Add(time.Hour).UnixMilli(), fmt.Sprint("later", i))
	}
	if n := c.Count("r", somebody, 5, time.Minute); n != 2 {
		t.Errorf("counted %d", n)
	}
}

func TestWhatIsCountedTwiceCountsOnce(t *testing.T) {
	s := startRedis(t)
	c := node(t, s, "a")
	one := tally{counter("r", somebody), 5, time.Minute, c.member()}
	for range 3 {
		if n, err := c.count(t.Context(), one, time.Second); n != 1 || err != nil {
			t.Errorf("counted %d, %v", n, err)
		}
	}
}

func TestForgettingBeginsAnew(t *testing.T) {
	s := startRedis(t)
	a, b := node(t, s, "a"), node(t, s, "b")
	for range 9 {
		a.Count("r", somebody, 5, time.Minute)
		b.Count("q", somebody, 5, time.Minute)
	}
	b.Forget(somebody, "r", "q")
	if r, q := a.Count("r", somebody, 5, time.Minute), a.Count("q", somebody, 5, time.Minute); r != 1 || q != 1 {
		t.Errorf("after forgetting: %d, %d", r, q)
	}
}

func TestAFlushedServerCountsOn(t *testing.T) {
	s := startRedis(t)
	c := node(t, s, "a")
	c.Count("r", somebody, 5, time.Minute)
	s.do("SCRIPT", "FLUSH")
	if n := c.Count("r", somebody, 5, time.Minute); n != 2 {
		t.Errorf("without the script: %d", n)
	}
	s.do("FLUSHALL")
	if n := c.Count("r", somebody, 5, time.Minute); n != 1 {
		t.Errorf("without the counts: %d", n)
	}
}

// A stopped Redis keeps its connections and answers nothing. Five requests find out, ten
// milliseconds each; nobody after them waits at all, until a probe has found it back.
func TestAStoppedRedisCostsFiveRequestsTheirBudgetAndNobodyElseAnything(t *testing.T) {
	s := startRedis(t).real()
	c := node(t, s, "a")
	c.budget = budget
	_, changed := run(t, c)
	eventually(t, "it is shared", func() bool { return c.Count("r", somebody, 1000, time.Minute) > 0 && <-changed })

	s.halt()
	var slowest time.Duration
	asked := 0
	for !c.breaker.open() {
		began := time.Now()
		if n := c.Count("r", somebody, 1000, time.Minute); n != 0 {
			t.Fatalf("a stopped Redis counted %d", n)
		}
		slowest = max(slowest, time.Since(began))
		if asked++; asked > patience {
			t.Fatalf("still asking after %d misses", asked)
		}
	}
	// Ten milliseconds by the design; the rest is for a machine that does other things.
	if slowest > 10*budget {
		t.Errorf("one took %v", slowest)
	}
	began := time.Now()
	for range 10_000 {
		c.Count("r", somebody, 1000, time.Minute)
	}
	each := time.Since(began) / 10_000
	if each > time.Millisecond {
		t.Errorf("with the breaker open one takes %v", each)
	}
	t.Logf("%d misses, the slowest took %v; then %v each", asked, slowest, each)
	if <-changed {
		t.Error("the loss was not told")
	}
	if shared, problem := c.State(); shared || problem == "" {
		t.Errorf("state: %v, %q", shared, problem)
	}

	s.resume()
	if !<-changed {
		t.Error("the return was not told")
	}
	if n := c.Count("r", somebody, 1000, time.Minute); n == 0 {
		t.Error("not shared after the return")
	}
}

func TestARedisThatAnswersButCanNotCountIsAway(t *testing.T) {
	s := startRedis(t).real()
	c := node(t, s, "a")
	c.Count("r", somebody, 100, time.Minute)
	run(t, c)
	for about, breaks := range map[string]struct{ lose, heal []any }{
		"no memory": {[]any{"CONFIG", "SET", "maxmemory", "1"}, []any{"CONFIG", "SET", "maxmemory", "0"}},
		"a replica": {[]any{"REPLICAOF", "192.0.2.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}},
	} {
		s.do(breaks.lose...)
		for range patience {
			c.Count("r", somebody, 100, time.Minute)
		}
		if shared, problem := c.State(); shared || !strings.HasPrefix(problem, "Redis") {
			t.Errorf("%s: state is %v, %q", about, shared, problem)
		}
		s.do(breaks.heal...)
		eventually(t, about+" is over", func() bool { shared, _ := c.State(); return shared })
		c.breaker.mu.Lock()
		c.breaker.opened = time.Time{} // the next loss is not the same one coming back
		c.breaker.mu.Unlock()
	}
}

func TestAnEnemyInThePlaceOfRedisIsNotBelieved(t *testing.T) {
	for about, answer := range map[string]string{
		"nonsense":                  "hello\r\n",
		"another question's answer": "*2\r\n$5\r\nother\r\n:101\r\n",
		"more than there can be":    "*2\r\n$1\r\nx\r\n:99999\r\n",
		"silence and then the end":  "",
	} {
		t.Run(about, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var served sync.WaitGroup
			served.Go(func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					served.Go(func() {
						defer conn.Close()
						r := bufio.NewReader(conn)
						if _, err := r.ReadString('\n'); err == nil {
							_, _ = conn.Write([]byte(answer))
						}
					})
				}
			})
			defer served.Wait()
			defer l.Close()
			c, err := New("redis://"+l.Addr().String(), "a", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for range 2 * patience {
				if n := c.Count("r", somebody, 100, time.Minute); n != 0 {
					t.Fatalf("counted %d", n)
				}
			}
			if shared, problem := c.State(); shared || problem == "" {
				t.Errorf("state: %v, %q", shared, problem)
			}
		})
	}
}

func TestNoRedisIsNoReasonNotToBegin(t *testing.T) {
	c, err := New("unix:///nonexistent/socket", "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if shared, problem := c.State(); shared || problem != "there is no Redis" {
		t.Errorf("state: %v, %q", shared, problem)
	}
	c.Announce(engine.Decision{})
	c.Forget(somebody, "r")
}

func TestAURLThatIsNoneIsRefusedWithoutRepeatingIt(t *testing.T) {
	for _, url := range []string{"http://u:hunter2@h", "redis://u:hunter2@h:port", "localhost:6379", ""} {
		if _, err := New(url, "a", nil); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q gives %v", url, err)
		}
	}
}

func TestABreakerThatFlapsHoldsStill(t *testing.T) {
	var b breaker
	b.begin()
	b.trip(context.DeadlineExceeded)
	b.mend()
	if b.open() {
		t.Fatal("the first loss holds")
	}
	b.trip(context.DeadlineExceeded)
	b.mend()
	if !b.open() {
		t.Error("it closed again at once")
	}
	b.hold = time.Now()
	b.mend()
	if b.open() {
		t.Error("it never closes")
	}
}

func TestHitsBetweenMissesKeepTheBreakerClosed(t *testing.T) {
	var b breaker
	b.begin()
	for range 10 {
		for range patience - 1 {
			b.heard(context.DeadlineExceeded)
		}
		b.heard(nil)
	}
	if b.open() {
		t.Error("open")
	}
}

func decisionOf(n int) engine.Decision {
	at := time.Now().Truncate(time.Millisecond).UTC()
	return engine.Decision{
		ID: engine.NewReference('D', fmt.Sprint(n)), Action: engine.Block, Target: somebody, Reason: "because",
		Origin: engine.ByRule, Rule: "honeypot", Finding: "f", By: "a", From: at, Until: at.Add(time.Hour),
	}
}

func TestWhatOneAnnouncesTheOthersHear(t *testing.T) {
	s := startRedis(t)
	a, b := node(t, s, "same name"), node(t, s, "same name")
	byA, _ := run(t, a)
	byB, _ := run(t, b)
	byHand := decisionOf(2)
	byHand.Origin, byHand.Rule, byHand.Finding, byHand.Until = engine.ByOperator, "", "", time.Time{}
	byHand.Target = engine.Target{Key: engine.Key{Hash: [16]byte{7}, Prefix: "user_key"}}
	lifted := byHand
	lifted.Lifted, lifted.LiftedBy = byHand.From, "ada"
	subscribed(t, s, 2)
	for _, want := range []engine.Decision{decisionOf(1), byHand, lifted} {
		a.Announce(want)
		select {
		case got := <-byB:
			if got != want {
				t.Errorf("heard\n%+v\nwant\n%+v", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("never heard")
		}
	}
	select {
	case d := <-byA:
		t.Errorf("a hears itself: %+v", d)
	default:
	}
}

// subscribed waits until so many nodes listen.
func subscribed(t *testing.T, s *server, nodes int) {
	t.Helper()
	eventually(t, "all listen", func() bool {
		n := s.do("PUBSUB", "NUMSUB", channel)
		switch n := n.(type) {
		case []any:
			return len(n) == 2 && n[1] == int64(nodes)
		case map[any]any:
			return n[channel] == int64(nodes)
		}
		return false
	})
}

func TestWhoWasAwayCatchesUp(t *testing.T) {
	s := startRedis(t)
	early := node(t, s, "early")
	want := []engine.Decision{decisionOf(1), decisionOf(2), decisionOf(3)}
	run(t, early, want...)
	subscribed(t, s, 1)
	late := node(t, s, "late")
	heard, _ := run(t, late)
	for _, d := range want {
		select {
		case got := <-heard:
			if got != d {
				t.Errorf("heard %+v, want %+v", got, d)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it was never told")
		}
	}
}

func TestAfterRedisWasKilledEverybodyHearsEverythingAgain(t *testing.T) {
	s := startRedis(t).real()
	a, b := node(t, s, "a"), node(t, s, "b")
	run(t, a, decisionOf(1))
	heard, changed := run(t, b)
	subscribed(t, s, 2)
	for len(heard) == 0 {
		eventually(t, "the first word", func() bool { return len(heard) > 0 })
	}
	s.kill()
	eventually(t, "the loss is noticed", func() bool { shared, _ := b.State(); return !shared })
	for len(heard) > 0 {
		<-heard
	}
	s.start()
	eventually(t, "it is heard again", func() bool { return len(heard) > 0 })
	eventually(t, "counts are shared again", func() bool { shared, _ := b.State(); return shared })
	if len(changed) == 0 {
		t.Error("no change was told")
	}
}

func TestWhatStrangersPublishIsRefused(t *testing.T) {
	s := startRedis(t)
	c := node(t, s, "a")
	heard, _ := run(t, c)
	subscribed(t, s, 1)
	good := wireOf(decisionOf(1))
	for about, change := range map[string]func(*decision){
		"no reference":            func(d *decision) { d.ID = "" },
		"a reference in disguise": func(d *decision) { d.ID = "D-<script>12345" },
		"no action":               func(d *decision) { d.Action = "DELETE" },
		"no origin":               func(d *decision) { d.Origin = "" },
		"no target":               func(d *decision) { d.Network = "" },
		"two targets":             func(d *decision) { d.Key = strings.Repeat("11", 16) },
		"no network":              func(d *decision) { d.Network = "198.51.100.7" },
		"a network unmasked":      func(d *decision) { d.Network = "198.51.100.7/24" },
		"IPv4 in disguise":        func(d *decision) { d.Network = "::ffff:198.51.100.7/128" },
		"a key too short":         func(d *decision) { d.Network, d.Key = "", "11" },
		"two targets of accounts": func(d *decision) { d.Account = "alice" },
		"an account too long":     func(d *decision) { d.Network, d.Account = "", strings.Repeat("a", engine.MaxAccount+1) },
		"an account in disguise":  func(d *decision) { d.Network, d.Account = "", "ali\u202ece" },
		"a key of zeros":          func(d *decision) { d.Network, d.Key = "", strings.Repeat("00", 16) },
		"no beginning":            func(d *decision) { d.From = 0 },
		"before all time":         func(d *decision) { d.From = -1 },
		"a rule without end":      func(d *decision) { d.Until = 0 },
		"the end of time":         func(d *decision) { d.Until = 1 << 60 },
		"a novel":                 func(d *decision) { d.Reason = strings.Repeat("x", 1001) },
		"a long name":             func(d *decision) { d.By = strings.Repeat("x", 201) },
	} {
		bad := *good
		change(&bad)
		if d, err := bad.decision(time.Now()); err == nil {
			t.Errorf("%s: taken for %+v", about, d)
		}
	}
	for _, text := range []string{"", "null", "[]", "{", "{}", `{"decision":{}}`, strings.Repeat("x", longestMessage+1), "\x00\xff"} {
		s.do("PUBLISH", channel, text)
	}
	other := node(t, s, "b")
	if err := other.send(t.Context(), message{Decision: good}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the good one is heard", func() bool { return len(heard) > 0 })
	if d := <-heard; d.ID != good.ID {
		t.Errorf("heard %+v", d)
	}
	if len(heard) != 0 {
		t.Errorf("heard more: %+v", <-heard)
	}
}

func TestDecisionsAboutAnythingTravelWhole(t *testing.T) {
	for _, about := range []engine.Target{
		decisionOf(1).Target, {Key: engine.Key{Hash: [16]byte{7}, Prefix: "user_key"}}, {Account: "alice@example.com"}, {Account: "é, %0A"},
	} {
		d := decisionOf(1)
		d.Target = about
		if got, err := wireOf(d).decision(time.Now()); err != nil || got.Target != about {
			t.Errorf("%v arrived as %v, %v", about, got.Target, err)
		}
	}
}

func TestThousandsOfAnnouncementsHoldUpNobody(t *testing.T) {
	s := startRedis(t).real()
	c := node(t, s, "a")
	all := make([]engine.Decision, 3000)
	for i := range all {
		all[i] = decisionOf(i)
	}
	listener := node(t, s, "b")
	heard := map[string]bool{}
	var mu sync.Mutex
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		listener.Run(ctx, func(d engine.Decision) { mu.Lock(); heard[d.ID] = true; mu.Unlock() },
			func() []engine.Decision { return nil }, func() {})
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	run(t, c, all...) // so that what finds no room is told again
	subscribed(t, s, 2)
	for _, d := range slices.Concat(all, all, all) {
		c.Announce(d) // a wait would show: the queue holds 4,096
	}
	eventually(t, "all are heard", func() bool { mu.Lock(); defer mu.Unlock(); return len(heard) == len(all) })
}

func BenchmarkCount(b *testing.B) {
	s := startRedis(b).real()
	c, err := New(s.url(), "a", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		c.Count("rate-abuse", somebody, 100, time.Minute)
	}
}
