package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// A scene is what holds a rule to its purpose: traffic that shows it at work, and honest traffic
// that comes close to it, at which nothing is said.
type scene struct {
	policy        func(*Policy) // where the usual one would not do
	shows, nearly func(*play)
}

// scenes of all rules of the engine, by their IDs. Whoever adds a rule adds one. Rules that are
// data have theirs in their pack.
var scenes = map[string]scene{
	"honeypot": {
		shows:  func(p *play) { p.get(attacker, "/api//Admin/users") },
		nearly: func(p *play) { p.get(person, "/api/administrators") },
	},
	"honey-token": {
		policy: decoys,
		shows:  func(p *play) { p.exchange(attacker, Request{Key: key("backup")}, 200) },
		nearly: func(p *play) { p.exchange(person, Request{Key: key("backup2"), Account: "treasurer"}, 200) },
	},
	"rate-abuse": {
		shows:  func(p *play) { p.hurries(101) },
		nearly: func(p *play) { p.hurries(100) },
	},
	"failed-authentication": {
		shows: func(p *play) { p.mistypes(6) },
		nearly: func(p *play) {
			p.mistypes(5)
			p.exchange(attacker, Request{Path: "/api/login", Method: "POST"}, 200)
		},
	},
	"failed-sign-in": {
		shows: func(p *play) {
			p.people(blog, 0, 8)
			for range 6 {
				p.signIn(blog, attacker, "", false)
			}
		},
		nearly: func(p *play) {
			p.people(blog, 0, 8)
			for range 5 {
				p.signIn(blog, person, "", false)
				p.wait(20 * time.Second)
			}
			p.signIn(blog, person, "", true)
		},
	},
	"credential-stuffing": {
		policy: lenient,
		shows: func(p *play) {
			p.people(api, 0, 8)
			for n := range 10 {
				p.signIn(api, attacker, fmt.Sprint("victim", n), false)
			}
		},
		nearly: func(p *play) { // Monday morning in an office: every second one mistypes
			p.people(api, 0, 8)
			for n := range 40 {
				if n%2 == 0 {
					p.signIn(api, person, fmt.Sprint("clerk", n), false)
				}
				p.wait(3 * time.Second)
				p.signIn(api, person, fmt.Sprint("clerk", n), true)
				p.wait(5 * time.Second)
			}
		},
	},
	"account-guessing": {
		shows: func(p *play) {
			p.people(api, 0, 8)
			for n := range 10 {
				p.signIn(api, fmt.Sprintf("10.44.%d.1", n%3), "alice", false)
				p.wait(5 * time.Minute)
			}
		},
		nearly: func(p *play) { // who forgot his password, at home, in the office and on the phone
			p.people(api, 0, 8)
			for n := range 3 {
				p.signIn(api, fmt.Sprintf("10.50.%d.1", n), "bob", true)
			}
			p.wait(24 * time.Hour)
			for n := range 12 {
				p.signIn(api, fmt.Sprintf("10.50.%d.1", n%3), "bob", false)
				p.wait(4 * time.Minute)
			}
			p.signIn(api, "10.50.1.1", "bob", true)
		},
	},
	"stuffed-account": {
		shows: func(p *play) {
			p.people(api, 0, 8)
			for n := range 10 {
				p.signIn(api, fmt.Sprintf("10.44.%d.1", n), "alice", false)
				p.wait(2 * time.Hour)
			}
		},
		nearly: func(p *play) { // who travels all day, and mistypes everywhere
			p.people(api, 0, 8)
			for n := range 20 {
				p.signIn(api, fmt.Sprintf("10.44.%d.1", n), "alice", false)
				p.wait(20 * time.Second)
				p.signIn(api, fmt.Sprintf("10.44.%d.1", n), "alice", true)
				p.wait(50 * time.Minute)
			}
		},
	},
	"success-after-spray": {
		shows:  func(p *play) { p.getsIn(5) },
		nearly: func(p *play) { p.getsIn(4) },
	},
	"stuffing-campaign": {
		policy: lenient,
		shows: func(p *play) {
			s := p.settled()
			for range 3 {
				s.minute(20, 60, nil)
			}
		},
		nearly: func(p *play) { // a mailing: five times as many sign in, one in ten of whom mistypes
			s := p.settled()
			for range 10 {
				s.minute(100, 0, nil)
			}
		},
	},
	"failed-attempt": {
		policy: func(p *Policy) {
			lenient(p)
			terms("credential-stuffing", func(t *Terms) { t.Off = true })(p)
		},
		shows:  func(p *play) { p.settled().mistype("Mozilla/5.0 (Windows NT 6.1) Chrome/79") },
		nearly: func(p *play) { p.settled().mistype(townProgram) },
	},
	"payment-without-balance": {
		shows: func(p *play) { p.pays(5 * time.Minute) },
		nearly: func(p *play) {
			p.pays(5*time.Minute - time.Millisecond)
		},
	},
	"step-skipped": {
		policy: quiet,
		shows: func(p *play) {
			p.payers()
			p.sends("payer3", "PayApp", "/v1/transfers")
		},
		nearly: func(p *play) { // who tries again when his quote is old, and a program that always did without
			p.payers()
			p.sends("payer3", "PayApp", "/v1/quotes/17", "/v1/payees", "/v1/transfers")
			p.wait(10 * time.Minute)
			p.sends("payer3", "PayApp", "/v1/transfers")
			p.wait(10 * time.Minute)
			p.sends("payer3", "PayApp", "/v1/transfers")
			for range 10 {
				p.wait(time.Hour)
				p.sends("payroll", "Payroll/1", "/v1/payees", "/v1/transfers")
			}
		},
	},
	"anomaly": {
		shows: func(p *play) {
			p.ordinaryDay(400)
			p.ordinaryDay(400)
			p.prowl(attacker)
		},
		nearly: func(p *play) { // who is new, and mistypes an address
			p.ordinaryDay(400)
			p.ordinaryDay(400)
			for _, path := range []string{"/", "/shop", "/shop/itme/17", "/shop/item/17"} {
				status := 200
				if path == "/shop/itme/17" {
					status = 404
				}
				p.exchange(person, Request{Path: path, UserAgent: "Mozilla/5.0 (ordinary)"}, status)
				p.wait(4 * time.Second)
			}
		},
	},
	"impossible-travel": {
		shows:  func(p *play) { p.travels(saoPaulo, time.Hour) },
		nearly: func(p *play) { p.travels(saoPaulo, 12*time.Hour) },
	},
	"new-country": {
		shows: func(p *play) {
			p.resident(berlin, "bob")
			p.wait(24 * time.Hour)
			p.from(saoPaulo, "bob", 200)
		},
		nearly: func(p *play) { // who lives on both sides of a border
			for n := range 40 {
				p.from([]Place{berlin, prague}[n/2%2], "bob", 200)
				p.wait(12 * time.Hour)
			}
		},
	},
	"session-moved": {
		shows:  func(p *play) { p.moves(2, 45899) },
		nearly: func(p *play) { p.moves(1, 45899) }, // a phone that leaves the house
	},
	"object-enumeration": {
		policy: terms(failed, func(t *Terms) { t.Off = true }),
		shows:  func(p *play) { p.walks("mallory", 7000, 60, 2, time.Second) },
		nearly: func(p *play) { p.walks("batch", 1, 90, 5, time.Second) }, // all of its own, some of it closed
	},
	"odd-sequence": {
		policy: quiet,
		shows: func(p *play) {
			p.town()
			p.walk("mallory", "/api/start", "/api/balance", "/api/export", "/api/balance", "/api/limits", "/api/history", "/api/payees", "/api/balance", "/api/settings")
		},
		nearly: func(p *play) {
			p.town()
			p.walk("curious", "/api/start", "/api/balance", "/api/export", "/api/balance", "/api/limits", "/api/payees")
		},
	},
	"new-program": {
		shows:  func(p *play) { p.brings(habitFrom) },
		nearly: func(p *play) { p.brings(habitFrom - 2) },
	},
	"injection":        {shows: stranger404("/search", "q=1'/**/UNION/**/SELECT/**/1,2", ""), nearly: stranger404("/search", "q=union+select+committee", "")},
	"leak-probe":       {shows: stranger404("/.env", "", ""), nearly: stranger404("/.well-known/security.txt", "", "")},
	"foreign-software": {shows: stranger404("/wp-login.php", "", ""), nearly: stranger404("/old/page.php", "", "https://example.org/links")},
	"unknown-software": {shows: stranger404("/admin", "", ""), nearly: stranger404("/admin", "", "https://api.example/docs/")},
	"proxy-abuse":      {shows: stranger404("http://other.example/", "", ""), nearly: stranger404("/other.example/", "", "")},
	"probing": {
		shows:  func(p *play) { p.looksFor(6) },
		nearly: func(p *play) { p.looksFor(5) },
	},
	"form-spam": {
		shows: func(p *play) {
			p.readers(warm)
			p.visit(stray, "POST", "/docs/intro.html/trackback", 404, 0)
		},
		nearly: func(p *play) { // a program of ours that was told a wrong address
			p.readers(warm)
			p.visit(person, "GET", "/", 200, Referred)
			p.visit(person, "GET", "/style.css", 200, Referred)
			p.visit(person, "POST", "/docs/comment", 404, Referred)
		},
	},
	"stray-request": {
		shows: func(p *play) {
			p.readers(warm)
			p.visit(stray, "GET", "/thing/page", 404, 0)
		},
		nearly: func(p *play) { // a typing error
			p.readers(warm)
			p.visit(person, "GET", "/docs/intro.htm", 404, 0)
		},
	},
	"bare-post": {
		shows: func(p *play) {
			p.readers(warm)
			p.visit(stray, "POST", "/contact", 200, Returned)
		},
		nearly: func(p *play) { // who loads the page first
			p.readers(warm)
			p.visit(person, "GET", "/docs/intro.html", 200, 0)
			p.visit(person, "GET", "/style.css", 200, Referred)
			p.visit(person, "POST", "/contact", 200, 0)
		},
	},
	"bot-like": {
		shows: func(p *play) {
			p.readers(warm)
			p.reads(browser, 24, func(n int) time.Duration { return 2*time.Second + time.Duration(n%3)*20*time.Millisecond })
		},
		nearly: func(p *play) { // a program that says what it is, and a page that asks again and again for what is new
			p.readers(warm)
			p.reads("Mozilla/5.0 (compatible; examplebot/2.1)", 40, func(int) time.Duration { return 2 * time.Second })
			for range 40 {
				p.exchange(person, Request{Path: "/docs/news", UserAgent: browser}, 200)
				p.wait(5 * time.Second)
			}
		},
	},
}

// reads so many things, one after another, with so much time between.
func (p *play) reads(agent string, things int, gap func(n int) time.Duration) {
	for n := range things {
		p.exchange(stray, Request{Path: fmt.Sprintf("/docs/page-%d", n), UserAgent: agent}, 200)
		p.wait(gap(n))
	}
}

// hurries through so many requests within a minute.
func (p *play) hurries(requests int) {
	for range requests {
		p.get(attacker, "")
		p.wait(590 * time.Millisecond)
	}
}

func (p *play) mistypes(times int) {
	for range times {
		p.fail(attacker)
		p.wait(time.Minute)
	}
}

// getsIn to an account of others after so many failures.
func (p *play) getsIn(failures int) {
	p.people(api, 0, 8)
	p.signIn(api, person, "alice", true)
	for range failures {
		p.signIn(api, attacker, "alice", false)
		p.wait(time.Minute)
	}
	p.signIn(api, attacker, "alice", true)
}

// settled is a town whose people have signed in for an hour.
func (p *play) settled() *townsfolk {
	s := &townsfolk{play: p}
	for range 60 {
		s.minute(20, 0, nil)
	}
	return s
}

// mistype lets a few strangers fail each minute, with that program.
func (s *townsfolk) mistype(program string) {
	for range 6 {
		s.minute(20, 5, func(x *Exchange) {
			if x.Status == 401 {
				x.UserAgent = program
			}
		})
	}
}

// pays so long after it looked at the balance.
func (p *play) pays(after time.Duration) {
	p.exchange(attacker, Request{Path: "/api/balance", Key: key("mine")}, 200)
	p.wait(after)
	p.exchange(attacker, Request{Method: "POST", Path: "/api/transaction", Key: key("mine")}, 200)
}

// travels within that time.
func (p *play) travels(to Place, within time.Duration) {
	p.from(berlin, "alice", 200)
	p.wait(within)
	p.from(to, "alice", 200)
}

// moves a session to that program and network.
func (p *play) moves(program uint64, asn uint32) {
	p.use("session1", "alice", 1, 3320)
	p.wait(3 * time.Minute)
	p.use("session1", "alice", program, asn)
}

// brings another program after so many requests with one.
func (p *play) brings(after int) {
	for n := range after + 1 {
		p.exchange(person, Request{Path: "/api/profile", Account: "bob", Fingerprint: uint64(1 + n/after)}, 200)
		p.wait(5 * time.Minute)
	}
}

// looksFor so many things that never were.
func (p *play) looksFor(things int) {
	p.readers(warm)
	for n := range things {
		p.visit(stray, "GET", fmt.Sprintf("/thing%c/page", 'a'+n), 404, 0)
	}
}

// stranger404 asks a site that others read for what is not there.
func stranger404(path, query, referer string) func(*play) {
	return func(p *play) {
		p.readers(warm + 2)
		p.visit(stray, "GET", path, 404, ReadSigns(path, query, referer))
	}
}

func TestEveryRuleIsShownAtWorkAndIsSilentAboutWhatIsNearlyIt(t *testing.T) {
	for _, r := range Rules() {
		s, ok := scenes[r.ID]
		if !ok || s.shows == nil || s.nearly == nil {
			t.Errorf("%s has no scene that shows it, or none that comes close: add both to scenes", r.ID)
			continue
		}
		t.Run(r.ID, func(t *testing.T) { s.holds(t, r) })
	}
	for id := range scenes {
		if !slices.ContainsFunc(Rules(), func(r Rule) bool { return r.ID == id }) {
			t.Errorf("there are scenes of %s, which is no rule", id)
		}
	}
}

// holds a rule to its scene.
func (s scene) holds(t *testing.T, r Rule) {
	t.Helper()
	shown, weak := false, true
	for _, f := range s.play(t, s.shows) {
		if f.Rule == r.ID {
			shown, weak = true, weak && f.Weak
			if f.Unless == "" && !f.Weak {
				t.Errorf("%s does not say when it would have stayed silent", r.ID)
			}
		}
	}
	if !shown {
		t.Errorf("%s is not shown at work", r.ID)
	}
	for _, f := range s.play(t, s.nearly) { // what is weak says nothing, unless the rule says no more than that
		if !f.Weak || weak && f.Rule == r.ID {
			t.Errorf("honest traffic that comes close: %s says %s", f.Rule, f.Reason)
		}
	}
}

// play a part of a scene on an engine of its own, and tell all that it said.
func (s scene) play(t *testing.T, part func(*play)) (said []Finding) {
	t.Helper()
	change := s.policy
	if change == nil {
		change = func(*Policy) {}
	}
	p := newPlay(t, change)
	p.hears = func(f Finding) { said = append(said, f) }
	part(p)
	return said
}

// The proof that a rule which is code costs a file, a line and a scene: this is the file, Packs
// is the line. It remembers, and is judged, told, blocked for and explained like all others.
func TestANewRuleThatIsCodeIsAFileALineAndAScene(t *testing.T) {
	cardsTaken := Rule{
		ID: "cards-taken", Title: "Cards taken one after the other", Version: 1, Pack: fintech,
		On: Answers, Statuses: []int{201}, Methods: []string{"POST"}, Routes: []string{"/cards/{id}"},
		Terms: Terms{Severity: High, Do: Block, For: time.Hour},
		Watch: func(Policy, Terms, keyed) watch { return &inRow{} },
		Explain: func(Policy, Terms) string {
			return "Three cards in a row whose numbers follow one another."
		},
	}
	s := scene{
		policy: func(p *Policy) { p.Packs = append(p.Packs, cardsTaken) },
		shows:  func(p *play) { p.takes(4, 5, 6) },
		nearly: func(p *play) { p.takes(4, 5, 7, 8) },
	}
	s.holds(t, cardsTaken)
	said := strong(s.play(t, s.shows))
	if len(said) != 1 || said[0].Reason != "198.18.0.7 took three cards in a row." || said[0].Decision == nil || said[0].Receipt().Rule != "cards-taken" {
		t.Errorf("what is said is %+v", said)
	}
	p := newPlay(t, s.policy)
	p.takes(4, 5, 6)
	p.refuses(p.get(attacker, "/"), 403, "cards-taken")
	if said := p.Policy().Explain("cards-taken"); said != "Three cards in a row whose numbers follow one another. It raises an alert of severity HIGH and blocks the client for 1 hour." {
		t.Errorf("it explains itself as %q", said)
	}
	p.revise(func(p *Policy) { p.Rules["cards-taken"] = Terms{Off: true, Severity: High} })
	p.wait(2 * time.Hour)
	p.hears = func(f Finding) {
		if f.Rule == "cards-taken" {
			t.Errorf("switched off, it says %s", f.Reason)
		}
	}
	p.takes(7, 8, 9)
}

func (p *play) takes(cards ...int) {
	for _, n := range cards {
		p.exchange(attacker, Request{Method: "POST", Path: fmt.Sprint("/cards/", n)}, 201)
	}
}

// inRow remembers the last card and how many came in a row.
type inRow struct{ last, row int }

func (w *inRow) ask(v *view, _ *question) (t tally) {
	card := int(v.Folded[len(v.Folded)-1] - '0')
	if card != w.last+1 {
		w.row = 0
	}
	w.last, w.row = card, w.row+1
	if w.row == 3 {
		t = tally{over: true, tell: true, count: 3, telling: &telling{reason: fmt.Sprintf("%s took three cards in a row.", v.Client)}}
	}
	return t
}

func (w *inRow) forget(Target) { *w = inRow{} }

func (w *inRow) fill() Fill { return Fill{Clients: 1} }
