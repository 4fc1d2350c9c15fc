package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// data is a rule as packs hold them, about answers.
func data(id string, change ...func(*Rule)) Rule {
	r := Rule{
		ID: id, Title: "What is looked for", Pack: "test", Version: 1, On: Answers,
		Explains: "Answers that say 401", Statuses: []int{401},
		Terms: Terms{More: 3, Within: time.Minute, Severity: High},
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func pack(rules ...Rule) func(*Policy) { return func(p *Policy) { p.Packs = rules } }

// silent switches the engine's own rules off.
func silent(p *Policy) {
	for id, t := range p.Rules {
		t.Off = true
		p.Rules[id] = t
	}
}

func TestARuleThatIsDataIsOneAmongTheOthers(t *testing.T) {
	p := newPlay(t, pack(data("many-failures", func(r *Rule) { r.Do, r.For = Block, time.Hour })))
	for range 3 {
		p.finds(p.fail(attacker))
	}
	found := p.fail(attacker)
	p.finds(found, "many-failures")
	f := found[0]
	if f.Unless != "It would not have fired for 3 or fewer within 1 minute." || f.Count != 4 || f.Limit != 3 || len(f.Times) != 4 || f.Actor.String() != attacker {
		t.Errorf("found %+v", f)
	}
	if want := "What is looked for: 4 such exchanges of 198.18.0.7 in 0 milliseconds; the limit is 3 in 1 minute."; f.Reason != want {
		t.Errorf("the reason is %s", f.Reason)
	}
	p.refuses(p.get(attacker, ""), 403, "many-failures")
	said := p.Policy().Explain("many-failures")
	for _, part := range []string{"Answers that say 401.", "more than 3 such exchanges from one client within 1 minute", "severity HIGH and blocks the client for 1 hour"} {
		if !strings.Contains(said, part) {
			t.Errorf("explained as %s", said)
		}
	}
}

func TestAPackMayComeAndGoWithARevision(t *testing.T) {
	p := newPlay(t)
	p.revise(silent, pack(data("many-failures", func(r *Rule) { r.Do, r.For, r.Shadow = Block, time.Hour, true })))
	for range 2 {
		p.finds(p.fail(attacker))
	}
	p.revise(func(p *Policy) {
		p.Rules["many-failures"] = Terms{More: 3, Within: time.Minute, Severity: Low, Shadow: true}
	})
	p.finds(p.fail(attacker)) // what was counted stays
	p.finds(p.fail(attacker), "many-failures")
	p.wouldHave("many-failures", 1, 0)
	p.revise(pack(), func(p *Policy) { delete(p.Rules, "many-failures") })
	for range 9 {
		p.finds(p.fail(attacker))
	}
	p.wouldHave("many-failures", 1, 0)
}

func TestAccountsAndKeysAndRoutesAreCountedAndBlockedWhereThatMakesSense(t *testing.T) {
	for by, want := range map[Dimension]struct {
		actor  string
		blocks bool
	}{
		OfClient: {attacker, true}, OfNetwork: {"198.18.0.0/24", true}, OfKey: {"key mine…", true}, OfAccount: {`account "alice"`, true},
		OfSession: {attacker, true}, OfUserAgent: {attacker, true}, OfFingerprint: {attacker, true},
		OfRoute: {`"POST /api/login"`, false}, OfEverybody: {`"POST /api/login"`, false}, OfPath: {attacker, false}, OfASN: {attacker, false}, OfCountry: {attacker, false},
	} {
		p := newPlay(t, silent, pack(data("counts", func(r *Rule) {
			r.By = []Dimension{by}
			if want.blocks {
				r.Do, r.For = Block, time.Hour
			}
		})))
		r := Request{
			Method: "POST", Path: "/api/login", Key: key("mine"), Account: "alice", Session: key("s"), UserAgent: "curl", Fingerprint: 7,
			Place: Place{Country: Country{'A', 'T'}, ASN: 5},
		}
		for range 3 {
			_, found := p.exchange(attacker, r, 401)
			p.finds(found)
		}
		_, found := p.exchange(attacker, r, 401)
		p.finds(found, "counts")
		if got := found[0].Actor.String(); got != want.actor || (found[0].Decision != nil) != want.blocks {
			t.Errorf("by %s: found of %s, decided %v", by, got, found[0].Decision)
		}
		if _, v := p.ask(attacker, r); v.Refused() != want.blocks {
			t.Errorf("by %s: afterwards %+v", by, v)
		}
		if _, v := p.ask("203.0.113.9", Request{Account: "bob", Key: key("yours")}); v.Refused() {
			t.Errorf("by %s: somebody else is refused", by)
		}
		empty := newPlay(t, silent, pack(data("counts", func(r *Rule) { r.By = []Dimension{by} })))
		for range 9 {
			if found = empty.fail(attacker); len(found) > 0 {
				break
			}
		}
		everybodyHas := by == OfClient || by == OfNetwork || by == OfRoute || by == OfPath || by == OfEverybody
		if (len(found) > 0) != everybodyHas {
			t.Errorf("by %s, of which the exchange has none: found %v", by, found)
		}
	}
}

func TestABlockedAccountIsRefusedWhereverItComesFrom(t *testing.T) {
	p := newPlay(t)
	p.Apply(Decision{ID: "D-1", Action: Block, Target: Target{Account: "alice"}, Origin: ByOperator, From: noon})
	_, v := p.ask(person, Request{Account: "alice"})
	p.refusesWith(v, "D-1")
	_, v = p.ask(person, Request{Account: "bob"})
	p.passes(v)
	if _, ok := p.Lift("D-1", p.at, "ada"); !ok {
		t.Fatal("it can't be lifted")
	}
	_, v = p.ask(person, Request{Account: "alice"})
	p.passes(v)
}

func (p *play) refusesWith(v Verdict, reference string) {
	p.Helper()
	if v.Status != 403 || v.Reference != reference {
		p.Fatalf("got %+v", v)
	}
}

func TestAPairIsCountedApart(t *testing.T) {
	p := newPlay(t, silent, pack(data("pair", func(r *Rule) { r.By, r.Do, r.For = []Dimension{OfClient, OfAccount}, Block, time.Hour })))
	for n := range 12 { // four accounts from three clients each
		_, found := p.exchange(stranger(n%3), Request{Account: fmt.Sprint("account ", n%4)}, 401)
		p.finds(found)
	}
	for n := range 3 {
		_, found := p.exchange(stranger(1), Request{Account: "account 1"}, 401)
		p.finds(found, []string{"pair"}[:n/2]...)
		if len(found) > 0 && found[0].Actor != (Target{Account: "account 1"}) {
			t.Errorf("found of %s", found[0].Actor)
		}
	}
	p.Forget(Target{Account: "account 1"})
	p.Forget(network(stranger(2) + "/32"))
	_, found := p.exchange(stranger(1), Request{Account: "account 1"}, 401)
	p.finds(found)
}

func TestEveryMistakeInARuleIsNamed(t *testing.T) {
	for field, mistake := range map[string]func(*Rule){
		"packs.":           func(r *Rule) { r.ID = "" },
		"packs.Loud":       func(r *Rule) { r.ID = "Loud" },
		"packs.honeypot":   func(r *Rule) { r.ID = "honeypot" },
		"packs.r.title":    func(r *Rule) { r.Title = "" },
		"packs.r.on":       func(r *Rule) { r.On = 0 },
		"packs.r.refuse":   func(r *Rule) { r.Refuse = 403 },
		"packs.r.statuses": func(r *Rule) { r.Statuses = []int{700} },
		"packs.r.methods":  func(r *Rule) { r.Methods = []string{"get"} },
		"packs.r.routes":   func(r *Rule) { r.Routes = []string{"/a/**/b"} },
		"packs.r.by":       func(r *Rule) { r.By = []Dimension{OfKey, OfKey} },
		"packs.r.distinct": func(r *Rule) { r.By, r.Distinct = []Dimension{OfKey}, OfKey },
		"packs.r.more":     func(r *Rule) { r.Distinct, r.More, r.Within = OfKey, 0, 0 },
		"rules.r.more":     func(r *Rule) { r.More = LargestCount + 1 },
		"rules.r.within":   func(r *Rule) { r.Within = 0 },
		"rules.r.do":       func(r *Rule) { r.By, r.Do, r.For = []Dimension{OfEverybody}, Block, time.Hour },
	} {
		p := Defaults()
		pack(data("r", mistake))(&p)
		var invalid Invalid
		if err := p.Validate(); !errors.As(err, &invalid) || invalid.Field != field || invalid.Problem == "" {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestDimensionsAreReadAsTheyAreWritten(t *testing.T) {
	for d := OfClient; d <= OfEverybody; d++ {
		if got, ok := ParseDimension(d.String()); !ok || got != d {
			t.Errorf("%s is read as %s", d, got)
		}
	}
	if _, ok := ParseDimension(""); ok {
		t.Error("nothing is read as a dimension")
	}
}

func TestANetworkOfPeopleWithAGoodHistoryIsThrottledAsAWhole(t *testing.T) {
	rule := data("network", func(r *Rule) { r.By, r.Do, r.For = []Dimension{OfNetwork}, Block, time.Hour })
	for people, want := range map[int]Action{5: Throttle, 4: Block} {
		p := newPlay(t, silent, pack(rule))
		p.exchange("203.0.113.250", Request{}, 401) // the API looks at who asks
		for range 3 {
			for n := range people { // each at an address of his own
				p.exchange(fmt.Sprint("198.18.0.", n), Request{Account: fmt.Sprint("person ", n)}, 200)
			}
			p.wait(time.Hour)
		}
		var found []Finding
		for n := range 4 {
			found = append(found, p.fail(fmt.Sprint("198.18.0.", 100+n))...)
		}
		p.finds(found, "network")
		if d := found[0].Decision; d.Action != want || d.Target != network("198.18.0.0/24") {
			t.Errorf("with %d people: decided to %s %s", people, d.Action, d.Target)
		}
	}
}

func TestPatternsMatchWhatTheySay(t *testing.T) {
	for route, want := range map[string]struct{ yes, no []string }{
		"/":               {[]string{"/", "//", "/./", "/a/.."}, []string{"/a", "/index.html", "/a/b"}},
		"/wp-login.php":   {[]string{"/wp-login.php", "/wp-login.php/"}, []string{"/", "/wp-login", "/wp-login.php/x", "/a/wp-login.php"}},
		"/accounts/{id}":  {[]string{"/accounts/7", "/accounts/7/"}, []string{"/accounts", "/accounts/", "/accounts/7/x"}},
		"/admin/**":       {[]string{"/admin", "/admin/", "/admin/a/b"}, []string{"/administrator", "/"}},
		"/**":             {[]string{"/", "/a", "/a/b"}, nil},
		"/*.php":          {[]string{"/a.php", "/.php"}, []string{"/a.php.bak", "/a/b.php", "/php"}},
		"/{x}/backup-*":   {[]string{"/a/backup-", "/a/backup-1"}, []string{"/backup-1", "/a/backup", "/a/backup-1/c"}},
		"/v1/*/b":         {[]string{"/v1/a/b"}, []string{"/v1//b", "/v1/b", "/v1/a/c"}},
		"/a/{id}/b/**":    {[]string{"/a/1/b", "/a/1/b/c/d"}, []string{"/a/1", "/a/b"}},
		"/same*same":      {[]string{"/samesame", "/same-same"}, []string{"/same"}},
		"/slash-at-end/":  {[]string{"/slash-at-end"}, []string{"/slash"}},
		"/.env":           {[]string{"/.env"}, []string{"/env", "/.env.local"}},
		"/.git/{x}/*.idx": {[]string{"/.git/a/b.idx"}, []string{"/.git/b.idx"}},
	} {
		for _, routes := range [][]string{{route}, {route, "/never/{x}/**"}, {"/never", route}} { // each is indexed in its own way
			p := newPlay(t, silent, pack(data("route", func(r *Rule) {
				r.Routes, r.Statuses, r.More, r.Within = routes, nil, 0, 0
			})))
			for i, list := range [][]string{want.no, want.yes} {
				for _, path := range list {
					p.wait(2 * time.Minute)
					_, found := p.exchange(person, Request{Path: path}, 200)
					if len(found) != i {
						t.Errorf("%s and %s: found %d", routes, path, len(found))
					}
				}
			}
		}
	}
	for _, route := range []string{"", "a", "/A", "/a//b", "/**/b", "/a{x}", "/{}{}", "/*a*", "/a/***"} {
		if _, err := compile(route); err == nil {
			t.Errorf("%q is a pattern", route)
		}
	}
}

func TestARuleOfAPackRefusesRequests(t *testing.T) {
	p := newPlay(t, silent, pack(
		data("exports", func(r *Rule) {
			r.On, r.Refuse, r.Statuses, r.By, r.Routes, r.Methods = Requests, 429, nil, []Dimension{OfKey}, []string{"/export/**"}, []string{"GET"}
		}),
		data("install", func(r *Rule) {
			r.On, r.Refuse, r.Statuses, r.Terms = Requests, 403, nil, Terms{Severity: High, Do: Block, For: time.Hour}
			r.Routes = []string{"/install.php", "/setup/{x}"}
		})))
	for n := range 3 {
		_, v := p.ask(stranger(n), Request{Path: "/export/all", Key: key("mine")})
		p.passes(v)
	}
	_, v := p.ask(person, Request{Path: "/export/all", Key: key("mine")})
	p.refuses(v, 429, "exports")
	if v.Finding == nil || v.Finding.Actor != (Target{Key: key("mine")}) || v.RetryAfter != time.Minute {
		t.Errorf("refused with %+v", v)
	}
	_, v = p.ask(person, Request{Path: "/export/all", Key: key("yours")})
	p.passes(v)
	_, v = p.ask(person, Request{Path: "/export/all", Method: "POST", Key: key("mine")})
	p.passes(v)
	p.refuses(p.get(attacker, "/setup/1"), 403, "install")
	p.refuses(p.get(attacker, "/"), 403, "install")
}
