package incident_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

const barePost = "bare-post"

// token makes a token of a weight.
func token(kind engine.TokenKind, name string, weight float32) engine.Token {
	h := uint64(14695981039346656037)
	for _, c := range []byte(name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return engine.Token{Kind: kind, Hash: h, Label: name, Weight: weight}
}

// weak makes a weak observation of a client, some seconds past noon.
func weak(client string, seconds int, tokens ...engine.Token) engine.Finding {
	f := found(barePost, client, 0)
	f.Title, f.Severity, f.Weak = "Post without a page before", engine.Info, true
	f.At = noon.Add(time.Duration(seconds) * time.Second)
	f.ID = fmt.Sprintf("%s/%s/%d", barePost, client, seconds)
	f.Tokens = append([]engine.Token{token(engine.TokenClient, "client "+client, 1), token(engine.TokenNetwork, "net of "+client, 0.2)}, tokens...)
	return f
}

// address of the n-th client, each in a network of its own.
func address(n int) string { return fmt.Sprintf("10.%d.%d.%d", n>>8&255, n&255, n%200+1) }

var (
	oddAgent   = token(engine.TokenUserAgent, `user agent "Mozilla/4.0 (odd, one)"`, 0.9)
	joinForm   = token(engine.TokenRoute, "route POST /join_form 2xx", 1)
	oddPayload = token(engine.TokenPayload, "payload link farm", 0.9)
	googlebot  = token(engine.TokenUserAgent, "user agent googlebot", 0.02)
	home       = token(engine.TokenRoute, "route GET / 2xx", 0)
)

// incidents folds findings, and returns what is told of incidents in the end.
func incidents(b *incident.Book, fs ...engine.Finding) map[int64]incident.Incident {
	told := map[int64]incident.Incident{}
	for _, f := range fs {
		note(told, b.Fold(f))
	}
	return told
}

func note(told map[int64]incident.Incident, c incident.Change) {
	for _, i := range slices.Concat(c.Emptied, c.Closed) {
		told[i.ID] = i
	}
	if c.Incident != nil {
		told[c.Incident.ID] = *c.Incident
	}
}

// living are the incidents that hold anything.
func living(told map[int64]incident.Incident) (is []incident.Incident) {
	for _, i := range told {
		if i.Clients > 0 {
			is = append(is, i)
		}
	}
	slices.SortFunc(is, func(x, y incident.Incident) int { return x.First.Compare(y.First) })
	return is
}

func TestFiveHundredSourcesOfOneRequestEachAreOneIncident(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	var raised int
	var sources []incident.Source
	told := map[int64]incident.Incident{}
	for n := range 500 {
		c := b.Fold(weak(address(n), n*30, oddAgent, joinForm))
		if c.Raised || c.Alert.ID != 0 {
			raised++
		}
		sources = append(sources, c.Sources...)
		note(told, c)
	}
	is := living(told)
	if len(is) != 1 || raised > 0 || b.Len() != 0 {
		t.Fatalf("%d incidents, %d alerts", len(is), raised)
	}
	i := is[0]
	if i.Clients != 500 || i.Weak != 500 || i.Alerts != 0 || i.Status != incident.Open {
		t.Errorf("got %+v", i)
	}
	if want := "Spread over 500 clients: post without a page before"; i.Title != want {
		t.Errorf("title is %q, want %q", i.Title, want)
	}
	if want := oddAgent.Label + ", " + joinForm.Label; i.Shared != want {
		t.Errorf("shared is %q, want %q", i.Shared, want)
	}
	if s := i.Score(); s < incident.Challenge || s >= incident.Propose {
		t.Errorf("score is %d", s)
	}
	if len(sources) != 500 || len(i.Sources) != 500 || sources[499].Client != netip.MustParseAddr(address(499)) {
		t.Errorf("%d sources are told one by one, %d together", len(sources), len(i.Sources))
	}
}

func TestWeakObservationsOfTwoSourcesAreNoIncident(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	told := incidents(b,
		weak(address(1), 0, oddAgent, joinForm, oddPayload), weak(address(2), 1, oddAgent, joinForm, oddPayload),
		weak(address(2), 2, oddAgent, joinForm, oddPayload))
	if len(told) != 0 {
		t.Errorf("got %+v", told)
	}
	if c := b.Fold(weak(address(3), 3, oddAgent, joinForm, oddPayload)); c.Incident == nil || len(c.Sources) != 3 {
		t.Errorf("the third makes %+v", c)
	}
}

func TestCommonTokensNeverLink(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	var fs []engine.Finding
	for n := range 300 {
		fs = append(fs, weak(fmt.Sprintf("192.0.2.%d", n%250+1), n, googlebot, home, token(engine.TokenASN, "AS15169", 0.3)))
	}
	if told := incidents(b, fs...); len(told) > 0 {
		t.Errorf("honest crawlers are %+v", told)
	}
}

func TestOneRareTokenAloneDoesNotLink(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	for n := range 50 {
		if c := b.Fold(weak(address(n), n, joinForm, googlebot)); c.Incident != nil {
			t.Fatalf("client %d makes %+v", n, c.Incident)
		}
	}
	light := []engine.Token{token(engine.TokenASN, "AS64500", 0.4), token(engine.TokenUserAgent, "curl", 0.6)}
	for n := range 50 {
		if c := b.Fold(weak(address(n+100), n, light...)); c.Incident != nil {
			t.Fatalf("two light tokens make %+v", c.Incident)
		}
	}
}

func TestTwoCampaignsStayApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := incident.NewBook(incident.Limits{})
		other := []engine.Token{token(engine.TokenUserAgent, "other agent", 1), token(engine.TokenRoute, "POST /other", 0.9)}
		told := map[int64]incident.Incident{}
		of := map[string]int{}
		members := map[int64]map[int]bool{}
		for n := range 120 {
			mine := rapid.IntRange(0, 1).Draw(t, "campaign")
			tokens := []engine.Token{oddAgent, joinForm}
			if mine == 1 {
				tokens = other
			}
			if rapid.Bool().Draw(t, "common") {
				tokens = append(slices.Clone(tokens), googlebot, home)
			}
			of[address(n)] = mine
			c := b.Fold(weak(address(n), n*rapid.IntRange(1, 60).Draw(t, "pause"), tokens...))
			note(told, c)
			for _, s := range c.Sources {
				if members[c.Incident.ID] == nil {
					members[c.Incident.ID] = map[int]bool{}
				}
				members[c.Incident.ID][of[s.Client.String()]] = true
			}
		}
		for id, kinds := range members {
			if len(kinds) > 1 {
				t.Fatalf("%+v holds both", told[id])
			}
		}
		if n := len(living(told)); n > 2 {
			t.Fatalf("%d incidents of two campaigns", n)
		}
	})
}

func TestATokenOfTooManyIncidentsLinksNoMore(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	told := map[int64]incident.Incident{}
	hub := token(engine.TokenUserAgent, "user agent of many", 0.9)
	seconds := 0
	campaign := func(n, from, size int) {
		route := token(engine.TokenRoute, fmt.Sprint("POST /", n), 0.9)
		payload := token(engine.TokenPayload, fmt.Sprint("payload ", n), 0.9)
		for k := range size {
			note(told, b.Fold(weak(address(n*100+from+k), seconds, hub, route, payload)))
			seconds++
		}
	}
	for n := range 4 { // taking turns, so that all of them stand for it
		campaign(n, 0, 4)
	}
	for n := range 4 {
		campaign(n, 4, 2)
	}
	if n := len(living(told)); n != 4 {
		t.Fatalf("%d incidents, want 4", n)
	}
	weakLink := token(engine.TokenRoute, "POST /shared", 0.9)
	for k := range 20 {
		note(told, b.Fold(weak(address(900+k), seconds+k, hub, weakLink)))
	}
	if n := len(living(told)); n != 4 {
		t.Errorf("%d incidents: what too many share has linked", n)
	}
}

// Who would hide shows what he shares on and on, in ever new ways. Once the incidents are over, it links again.
func TestATokenIsWorthlessForAsLongAsTooManyIncidentsShareIt(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	told := map[int64]incident.Incident{}
	hub := token(engine.TokenUserAgent, "user agent of many", 0.9)
	at := 0
	for round := range 2 {
		for n := range 4 {
			for k := range 4 - 2*round {
				at++
				note(told, b.Fold(weak(address(n*100+round*10+k), at, hub, token(engine.TokenRoute, fmt.Sprint("POST /", n), 0.9), token(engine.TokenPayload, fmt.Sprint("payload ", n), 0.9))))
			}
		}
	}
	shared := token(engine.TokenRoute, "POST /shared", 0.9)
	attack := func(from int) int {
		before := len(told)
		for k := range 5 {
			note(told, b.Fold(weak(address(from+k), at+k, hub, shared)))
		}
		return len(told) - before
	}
	if n := attack(5000); n != 0 {
		t.Fatalf("%d incidents: what too many share has linked", n)
	}
	for hour := range 8 {
		at += 3600
		note(told, b.Fold(weak(address(7000+hour), at, hub, token(engine.TokenRoute, fmt.Sprint("GET /", hour), 0.9))))
	}
	if n := attack(6000); n != 1 {
		t.Errorf("%d incidents, want 1: the others are over for hours", n)
	}
}

func TestAlertsAndWeakObservationsAreOneIncident(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	told := incidents(b,
		weak(address(1), 0, oddAgent, joinForm, oddPayload), weak(address(2), 1, oddAgent, joinForm, oddPayload))
	if len(told) > 0 {
		t.Fatal("two are an incident")
	}
	grave := found(honeypot, "203.0.113.7", 1, func(f *engine.Finding) { f.Tokens = []engine.Token{oddAgent, joinForm} })
	c := b.Fold(grave)
	if c.Incident == nil || c.Incident.Alerts != 1 || c.Incident.Clients != 3 || c.Incident.Weak != 2 || c.Alert.Incident != c.Incident.ID {
		t.Fatalf("got %+v of %+v", c.Incident, c.Alert)
	}
	if len(c.Sources) != 3 {
		t.Errorf("told of %+v", c.Sources)
	}
	same := b.Fold(weak("203.0.113.7", 90, home))
	if same.Incident == nil || same.Incident.ID != c.Incident.ID || same.Incident.Clients != 3 {
		t.Errorf("what the same client does belongs to %+v", same.Incident)
	}
}

func TestOneAccountUnderAttackLinksAlone(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	against := func(f *engine.Finding) { f.Account = "alice" }
	b.Fold(found(auth, "198.51.100.7", 0, against))
	c := b.Fold(found(auth, "203.0.113.9", 300, against))
	if c.Incident == nil || c.Incident.Shared != "account alice" || !slices.Equal(c.Incident.Accounts, []string{"alice"}) || c.Incident.AccountCount != 1 {
		t.Fatalf("got %+v", c.Incident)
	}
	if c := b.Fold(found(auth, "192.0.2.9", 301, func(f *engine.Finding) { f.Account = "bob" })); c.Incident != nil {
		t.Errorf("another account's is %+v", c.Incident)
	}
}

func TestAnIdleIncidentClosesAndIsContinuedByAChild(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	campaign := func(from, seconds int) (told map[int64]incident.Incident, last incident.Change) {
		told = map[int64]incident.Incident{}
		for n := range 6 {
			last = b.Fold(weak(address(from+n), seconds+n, oddAgent, joinForm))
			note(told, last)
		}
		return told, last
	}
	_, first := campaign(0, 0)
	within, again := campaign(10, 5*3600)
	if again.Incident.ID != first.Incident.ID || again.Incident.Clients != 12 {
		t.Fatalf("five hours later: %+v", within)
	}
	told, late := campaign(20, 12*3600)
	closed := told[first.Incident.ID]
	if closed.Status != incident.Resolved || closed.Clients != 12 {
		t.Errorf("the first is %+v", closed)
	}
	if late.Incident == nil || late.Incident.ID == first.Incident.ID || late.Incident.Parent != first.Incident.ID {
		t.Errorf("the next is %+v, want a child of %d", late.Incident, first.Incident.ID)
	}
}

func TestWhereCredentialsAreTriedAnIncidentWaitsForADay(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	slow := func(n, hour int) incident.Change {
		f := weak(address(n), hour*3600, oddAgent, joinForm, oddPayload)
		f.Rule, f.Meaning = "tries", engine.Meaning{Stage: engine.CredentialAccess}
		return b.Fold(f)
	}
	var last incident.Change
	for n := range 5 {
		last = slow(n, n*20)
	}
	if last.Incident == nil || last.Incident.Clients != 5 {
		t.Errorf("got %+v", last.Incident)
	}
}

func TestAnIncidentOfVeryManySourcesKeepsCounts(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	var last incident.Change
	for n := range 7000 {
		last = b.Fold(weak(address(n), n, oddAgent, joinForm))
	}
	if last.Incident == nil || last.Incident.Clients != 7000 || len(last.Incident.Sources) != 1000 || len(b.Sources(last.Incident.ID)) != 5000 {
		t.Errorf("%d sources, %d of them named, %d known", last.Incident.Clients, len(last.Incident.Sources), len(b.Sources(last.Incident.ID)))
	}
}

func TestAFloodOfWhatIsAloneLeavesCampaignsAlone(t *testing.T) {
	b := incident.NewBook(incident.Limits{Nodes: 2048})
	told := map[int64]incident.Incident{}
	for n := range 40_000 {
		f := weak(address(n), n/100, token(engine.TokenUserAgent, fmt.Sprint("agent ", n), 1), token(engine.TokenRoute, fmt.Sprint("route ", n), 1))
		note(told, b.Fold(f))
		if n%500 == 0 {
			note(told, b.Fold(weak(address(60_000+n/500), n/100, oddAgent, joinForm)))
		}
	}
	is := living(told)
	if len(is) != 1 || is[0].Clients != 80 {
		t.Errorf("%d incidents: %+v", len(is), is)
	}
	if n := b.Nodes(); n > 2048 {
		t.Errorf("%d nodes are remembered", n)
	}
}

func TestTheArenaIsBoundedWhateverComes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 64
		b := incident.NewBook(incident.Limits{Nodes: most})
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		told := map[int64]incident.Incident{}
		for n := range 1500 {
			f := weak(address(dice.IntN(300)), n*dice.IntN(20), token(engine.TokenUserAgent, fmt.Sprint("a", dice.IntN(12)), 0.9),
				token(engine.TokenRoute, fmt.Sprint("r", dice.IntN(12)), 0.9), token(engine.TokenPayload, fmt.Sprint("p", dice.IntN(40)), 0.5))
			if dice.IntN(10) == 0 {
				f.Weak = false
			}
			note(told, b.Fold(f))
			if got := b.Nodes(); got > most {
				t.Fatalf("%d nodes after %d findings", got, n)
			}
		}
		for _, i := range living(told) {
			if i.Alerts == 0 && i.Clients < 3 {
				t.Fatalf("%d weak sources are an incident", i.Clients)
			}
		}
	})
}

func TestWeakObservationsGiveTheSameIncidentsEachTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		var fs []engine.Finding
		for n := range 400 {
			f := weak(address(dice.IntN(80)), n*dice.IntN(300), token(engine.TokenUserAgent, fmt.Sprint("a", dice.IntN(6)), 0.9),
				token(engine.TokenRoute, fmt.Sprint("r", dice.IntN(6)), 0.8), token(engine.TokenFingerprint, fmt.Sprint("f", dice.IntN(9)), 0.7))
			if dice.IntN(8) == 0 {
				f.Weak = false
			}
			fs = append(fs, f)
		}
		tell := func() (all []incident.Change) {
			b := incident.NewBook(incident.Limits{Nodes: 128})
			for _, f := range fs {
				all = append(all, b.Fold(f))
			}
			return all
		}
		if one, two := tell(), tell(); !reflect.DeepEqual(one, two) {
			t.Fatal("two books differ")
		}
	})
}

func TestAfterARestartACampaignGoesOn(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	var before incident.Change
	for n := range 20 {
		before = b.Fold(weak(address(n), n, oddAgent, joinForm))
	}
	again := incident.NewBook(incident.Limits{})
	again.Restore(nil, []incident.Incident{*before.Incident})
	if got, ok := again.Incident(before.Incident.ID); !ok || !reflect.DeepEqual(got, *before.Incident) {
		t.Errorf("restored\n%+v, want\n%+v", got, *before.Incident)
	}
	got, want := again.Fold(weak(address(50), 60, oddAgent, joinForm)), b.Fold(weak(address(50), 60, oddAgent, joinForm))
	if got.Incident == nil || math.Abs(got.Incident.Bond-want.Incident.Bond) > 0.02 {
		t.Fatalf("got %+v", got.Incident)
	}
	got.Incident.Bond = want.Incident.Bond
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the next gives\n%+v, want\n%+v", got.Incident, want.Incident)
	}
}

// What happens most while a campaign runs: another source that shares what the others do.
func BenchmarkFoldWeak(b *testing.B) {
	for name, tokens := range map[string]func(int) []engine.Token{
		"campaign": func(int) []engine.Token { return []engine.Token{oddAgent, joinForm, oddPayload, googlebot} },
		"alone": func(n int) []engine.Token {
			return []engine.Token{token(engine.TokenUserAgent, fmt.Sprint("a", n), 1), joinForm, token(engine.TokenPayload, fmt.Sprint("p", n), 1), googlebot}
		},
	} {
		b.Run(name, func(b *testing.B) {
			findings := make([]engine.Finding, 1<<14)
			for n := range findings {
				findings[n] = weak(address(n), n, tokens(n)...)
			}
			book := incident.NewBook(incident.Limits{})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n == len(findings) {
					b.StopTimer()
					book, n = incident.NewBook(incident.Limits{}), 0
					b.StartTimer()
				}
				book.Fold(findings[n])
				n++
			}
		})
	}
}
