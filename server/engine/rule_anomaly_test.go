package engine

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/sentinel-protocol/sentinel/server/anomaly"
)

// ordinary traffic of a day: people who come, look around and leave.
func (p *play) ordinaryDay(people int) {
	p.Helper()
	paths := []string{"/", "/shop", "/shop/item/17", "/cart", "/about"}
	for n := range people {
		for i := range 2 + n%4 {
			x := Exchange{Request: Request{Method: "GET", Path: paths[(n+i)%5], UserAgent: "Mozilla/5.0 (ordinary)", Client: netip.MustParseAddr(stranger(n)), At: p.at}, Status: 200}
			p.Decide(x.Request)
			for _, f := range p.Observe(x) {
				if f.Rule == anomalous.ID && !f.Weak {
					p.Errorf("an ordinary client is odd: %s", f.Reason)
				}
			}
			p.wait(3 * time.Second)
		}
	}
	p.wait(24 * time.Hour)
}

// prowl is what an odd client does.
func (p *play) prowl(client string) (found []Finding) {
	p.Helper()
	for _, path := range []string{"/x.php", "/old/y.aspx", "/shop/%7b%7b7*7%7d%7d;.bak"} {
		x := Exchange{Request: Request{Method: "PROPFIND", Path: path, UserAgent: "zz", Client: netip.MustParseAddr(client), At: p.at}, Status: 404}
		if v := p.Decide(x.Request); v.Refused() {
			p.Errorf("%s is refused", path)
		}
		for _, f := range p.Observe(x) {
			if f.Rule == anomalous.ID {
				found = append(found, f)
			}
		}
	}
	return found
}

func TestWhoIsUnlikeAllOthersIsToldOfAndNothingIsDoneAboutIt(t *testing.T) {
	p := newPlay(t)
	p.ordinaryDay(400)
	if !p.Anomaly().Warm() {
		t.Fatal("400 people don't warm the model")
	}
	p.ordinaryDay(400)
	found := p.prowl(attacker)
	if len(found) != 1 {
		t.Fatalf("found %d, want 1", len(found))
	}
	f := found[0]
	if f.Weak || f.Decision != nil || f.Severity != Medium || f.Actor != ActorOf(netip.MustParseAddr(attacker)) {
		t.Errorf("found %+v", f)
	}
	share := 0.0
	for i, part := range f.Parts {
		if part.Expected == "" || i > 0 && part.Share > f.Parts[i-1].Share {
			t.Errorf("part %d is %+v", i, part)
		}
		share += part.Share
	}
	if math.Abs(share-1) > 1e-9 || len(f.Parts) < 3 {
		t.Errorf("%d parts make up %v of it", len(f.Parts), share)
	}
	for _, say := range []string{attacker, " of 100", f.Parts[0].Feature, f.Parts[0].Expected} {
		if !strings.Contains(f.Reason, say) {
			t.Errorf("the reason does not say %q: %s", say, f.Reason)
		}
	}
	if again := p.prowl(attacker); len(again) > 0 {
		t.Errorf("told again on the same day: %s", again[0].Reason)
	}
}

func TestNobodyIsOddOnTheFirstDay(t *testing.T) {
	p := newPlay(t)
	if found := p.prowl(attacker); len(found) > 0 || p.Oddness(ActorOf(netip.MustParseAddr(attacker))) != 0 {
		t.Errorf("before anything is known: %v", found)
	}
	p.ordinaryDay(400)
	p.wait(-24 * time.Hour)
	if found := p.prowl(attacker); len(found) > 0 {
		t.Errorf("on the first day: %s", found[0].Reason)
	}
	if p.Oddness(ActorOf(netip.MustParseAddr(attacker))) < 5 {
		t.Error("he is not odd at all")
	}
}

func TestOnlyWhatWentWellIsLearnedAndOfNobodyTooMuch(t *testing.T) {
	p := newPlay(t)
	send := func(n, status int, agent string) {
		p.Observe(Exchange{Request: Request{Method: "GET", Path: "/", UserAgent: agent, Client: netip.MustParseAddr(attacker), At: p.at}, Status: status})
		p.wait(time.Second)
		if got := p.Anomaly().State().Events; got != uint64(n) {
			t.Errorf("after a %d by %q %d are learned, want %d", status, agent, got, n)
		}
	}
	send(0, 404, "a")
	send(0, 301, "a")
	send(0, 500, "a")
	send(0, 200, "")
	send(1, 200, "a")
	send(2, 304, "a")
	for range 100 {
		p.Observe(Exchange{Request: Request{Method: "GET", Path: "/", UserAgent: "a", Client: netip.MustParseAddr(attacker), At: p.at}, Status: 200})
	}
	send(mostTaught, 200, "a")
	p.wait(10 * time.Minute)
	send(mostTaught+1, 200, "a")
}

func TestWhoAnotherRuleFoundTeachesNothing(t *testing.T) {
	p := newPlay(t)
	for range 6 {
		p.fail(attacker)
	}
	before := p.Anomaly().State().Events
	p.wait(time.Hour) // his block is over
	x := Exchange{Request: Request{Method: "GET", Path: "/", UserAgent: "a", Client: netip.MustParseAddr(attacker), At: p.at}, Status: 200}
	p.Observe(x)
	if got := p.Anomaly().State().Events; got != before {
		t.Error("he teaches")
	}
	x.Client = netip.MustParseAddr(person)
	p.Observe(x)
	if got := p.Anomaly().State().Events; got != before+1 {
		t.Error("another does not")
	}
}

func TestMissingThingsThatPagesAskForAreNotTheVisitorsFault(t *testing.T) {
	p := newPlay(t)
	p.ordinaryDay(400)
	for _, path := range []string{"/favicon.ico", "/css/style.css", "/.well-known/change-password", "/robots.txt"} {
		p.Observe(Exchange{Request: Request{Method: "GET", Path: path, UserAgent: "Mozilla/5.0 (ordinary)", Client: netip.MustParseAddr(person), At: p.at}, Status: 404})
	}
	p.Observe(Exchange{Request: Request{Method: "GET", Path: "/login.php", UserAgent: "Mozilla/5.0 (ordinary)", Client: netip.MustParseAddr(attacker), At: p.at}, Status: 404})
	visitor, other := p.Oddness(ActorOf(netip.MustParseAddr(person))), p.Oddness(ActorOf(netip.MustParseAddr(attacker)))
	if visitor >= other {
		t.Errorf("the visitor is odd by %.1f, who asked for what was never there by %.1f", visitor, other)
	}
}

func TestTheModelStaysWhenThePolicyIsRevised(t *testing.T) {
	p := newPlay(t)
	p.ordinaryDay(100)
	q := p.Policy()
	q.Decoys = []string{"/trap"}
	if err := p.Revise(q); err != nil {
		t.Fatal(err)
	}
	if !p.Anomaly().Warm() {
		t.Error("it begins anew")
	}
	q = q.clone()
	terms(anomalous.ID, func(t *Terms) { t.Off = true })(&q)
	if err := p.Revise(q); err != nil {
		t.Fatal(err)
	}
	if p.Anomaly() != nil || p.Oddness(ActorOf(netip.MustParseAddr(attacker))) != 0 {
		t.Error("there is one although the rule is off")
	}
}

func TestAClientTakesAtMost64Bytes(t *testing.T) {
	if size := unsafe.Sizeof(oddity{}) + unsafe.Sizeof(slot{}) + unsafe.Sizeof(entry(0)); size > 64 {
		t.Errorf("takes %d", size)
	}
}

func TestNumbersInPathsAreAlike(t *testing.T) {
	w, _ := watchAnomalies(Defaults(), Terms{}, newKeyed(1)).(*oddities)
	if w.shape("/orders/17/items/2") != w.shape("/orders/4711/items/9") || w.shape("/orders/17") == w.shape("/orders/x") || w.shape("/a/1") == w.shape("/a/b1") {
		t.Error("paths are taken for what they are not")
	}
}

// Where the edge knows templates, paths are what they name: one, however it is asked for. What it has no
// template for is not all one.
func TestTheAnomalyScoreGoesByRoutes(t *testing.T) {
	w, _ := watchAnomalies(Defaults(), Terms{}, newKeyed(1)).(*oddities)
	path := func(folded, route string) uint64 {
		var v [oddFeatures]anomaly.Value
		x := &view{Exchange: Exchange{Request: Request{Method: "GET", Path: folded, Folded: folded, Route: route}, Status: 200}}
		w.measure(&slot{}, &oddity{}, x, 1000, &v)
		return v[oddPath].Key
	}
	if path("/orders/", "/orders") != path("/orders", "/orders") || path("/orders", "/orders") != path("/orders", "") {
		t.Error("a route is several paths")
	}
	if path("/people/ann", "/people/{id}") != path("/people/bob", "/people/{id}") {
		t.Error("paths of one template are told apart")
	}
	if path("/x.php", "(other)") == path("/y.php", "(other)") {
		t.Error("all that has no template is one path")
	}
}
