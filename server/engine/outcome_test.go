package engine

import (
	"fmt"
	"testing"
	"time"
)

const signInRule = "failed-sign-in"

// A page is how a site answers: 200 with the form again to whoever fails, as WordPress does.
type page struct {
	path     string
	failure  Exchange
	success  Exchange
	home     string
	accounts bool // the edge reads whom they name
}

var (
	blog = page{path: "/wp-login.php", failure: Exchange{Status: 200, Bytes: 4120}, success: Exchange{Status: 302, Cookie: true}, home: "/wp-admin"}
	form = page{path: "/app/login", failure: Exchange{Status: 302}, success: Exchange{Status: 302, Cookie: true}, home: "/app/home", accounts: true}
	api  = page{path: "/v1/session", failure: Exchange{Status: 401, Bytes: 40}, success: Exchange{Status: 200, Bytes: 900}, home: "/v1/accounts", accounts: true}
)

// signIn posts to the page.
func (p *play) signIn(at page, client, account string, well bool) []Finding {
	x := at.failure
	if well {
		x = at.success
	}
	x.Method, x.Path = "POST", at.path
	if at.accounts {
		x.Account = account
	}
	return p.answer(client, x)
}

// answer plays an exchange as it stands, unless it is refused.
func (p *play) answer(client string, x Exchange) []Finding {
	r, v := p.ask(client, x.Request)
	x.Request = r
	if v.Refused() {
		x.Status, x.Refused = v.Status, true
	}
	found := p.Observe(x)
	if v.Finding != nil {
		found = append([]Finding{*v.Finding}, found...)
	}
	return found
}

// people sign in, some after a mistake, each from a network of his own, and go on.
func (p *play) people(at page, from, to int) {
	p.Helper()
	p.answer("192.0.2.77", Exchange{Request: Request{Path: at.home}, Status: 302})
	for n := from; n < to; n++ {
		client, account := fmt.Sprintf("10.7.%d.1", n), fmt.Sprintf("person%d", n)
		if n%2 == 0 {
			p.finds(p.signIn(at, client, account, false))
			p.wait(9 * time.Second)
		}
		p.finds(p.signIn(at, client, account, true))
		p.wait(time.Second)
		p.finds(p.answer(client, Exchange{Request: Request{Path: at.home}, Status: 200}))
		p.wait(time.Minute)
	}
}

// outcome of a sign-in, as rules would see it.
func (p *play) outcome(client string, at page, x Exchange) (Outcome, bool) {
	r, _ := p.ask(client, Request{Method: "POST", Path: at.path})
	x.Request = r
	v := lend(&x)
	defer giveBack(v)
	v.now = p.tick(x.At)
	p.regime.Load().outcomes.look(v)
	return v.outcome, v.sure
}

func (p *play) comesOf(at page, x Exchange, want Outcome) {
	p.Helper()
	if got, _ := p.outcome("203.0.113.200", at, x); got != want {
		p.Fatalf("%d of %d bytes at %s comes to %d, want %d", x.Status, x.Bytes, at.path, got, want)
	}
}

func TestAStatusSaysWhatCameOfASignIn(t *testing.T) {
	p := newPlay(t)
	for status, want := range map[int]Outcome{
		401: Failed, 403: Failed, 422: Failed, 429: Failed, 400: Unclear, 200: Unclear, 302: Unclear, 500: Unclear, 503: Unclear,
		404: NoSignIn, 405: NoSignIn, 0: NoSignIn,
	} {
		p.comesOf(api, Exchange{Status: status}, want)
	}
}

func TestOnlyAPostToASignInIsOne(t *testing.T) {
	p := newPlay(t)
	for _, r := range []Request{
		{Method: "GET", Path: "/login"}, {Method: "POST", Path: "/login/help"}, {Method: "POST", Path: "/catalogin"}, {Method: "POST", Path: "/"},
	} {
		r, _ = p.ask(person, r)
		v := lend(&Exchange{Request: r, Status: 401})
		p.regime.Load().outcomes.look(v)
		if v.outcome != NoSignIn {
			t.Errorf("%s %s is one", r.Method, r.Path)
		}
	}
	for _, path := range []string{"/login", "/LOGIN/", "/api/v2/login", "/oauth/token", "/shop/wp-login.php"} {
		p.comesOf(page{path: path}, Exchange{Status: 401}, Failed)
	}
}

func TestASignInThatAnswers200ToWhoFailsIsLearnedFromPeople(t *testing.T) {
	p := newPlay(t)
	p.comesOf(blog, blog.failure, Unclear)
	p.people(blog, 0, 8)
	p.comesOf(blog, blog.failure, Failed)
	p.comesOf(blog, blog.success, Succeeded)
	almost := blog.failure
	almost.Bytes += 30 // the name that was tried is written into the form
	p.comesOf(blog, almost, Failed)
	p.comesOf(blog, Exchange{Status: 200, Bytes: 19000}, Unclear)
}

func TestACookieTellsTwoRedirectsApart(t *testing.T) {
	p := newPlay(t)
	p.people(form, 0, 8)
	p.comesOf(form, form.failure, Failed)
	p.comesOf(form, form.success, Succeeded)
}

func TestWhereFailuresHaveAStatusTheRestIsASuccess(t *testing.T) {
	p := newPlay(t)
	p.comesOf(api, api.success, Unclear)
	for n := range 3 {
		p.signIn(api, fmt.Sprintf("10.8.%d.1", n), "x", false)
	}
	p.comesOf(api, api.success, Succeeded)
}

func TestATokenEndpointThatAnswersWellLetSomebodyIn(t *testing.T) {
	p := newPlay(t)
	token := page{path: "/oauth/token"}
	for range 50 { // a program that never keeps its token, and uses it elsewhere
		p.comesOf(token, Exchange{Status: 200, Bytes: 700}, Succeeded)
		p.wait(5 * time.Second)
	}
}

func TestOneClientTeachesNothing(t *testing.T) {
	p := newPlay(t)
	for n := range 400 { // of one network
		p.signIn(blog, fmt.Sprintf("198.51.100.%d", n%200), "", n%3 == 0)
		p.wait(3 * time.Second)
	}
	p.comesOf(blog, blog.failure, Unclear)
	p.comesOf(blog, blog.success, Unclear)
}

func TestWhoSignsInWellAgainAndAgainDoesNotTurnSuccessesIntoFailures(t *testing.T) {
	p := newPlay(t)
	p.people(blog, 0, 20)
	for n := range 300 { // three networks with an account of their own
		p.signIn(blog, fmt.Sprintf("198.51.%d.9", n%3), "", true)
		p.wait(3 * time.Second)
	}
	p.comesOf(blog, blog.success, Succeeded)
}

func TestAnOperatorSaysWhatAFailureIs(t *testing.T) {
	p := newPlay(t, func(p *Policy) {
		p.FailedSignIns = []FailedSignIn{{Path: "/wp-login.php", Status: 200, MaxBytes: 6000}}
	})
	p.comesOf(blog, blog.failure, Failed)
	p.comesOf(blog, blog.success, Succeeded)
	p.comesOf(blog, Exchange{Status: 200, Bytes: 6001}, Succeeded)
	for n := range 6 {
		found := p.signIn(blog, attacker, "", false)
		if n < 5 {
			p.finds(found)
			continue
		}
		p.finds(found, signInRule)
	}
	p.refuses(p.get(attacker, "/"), 403, signInRule)
}

func TestTheSixthLearnedFailureMakesTheBlock(t *testing.T) {
	p := newPlay(t)
	p.people(blog, 0, 8)
	for range 5 {
		p.finds(p.signIn(blog, attacker, "", false))
		p.wait(time.Minute)
	}
	found := p.signIn(blog, attacker, "", false)
	p.finds(found, signInRule)
	f := found[0]
	if want := "198.18.0.7 failed to sign in 6 times in 5 minutes, answered with 200; the limit is 5 in 10 minutes."; f.Reason != want || f.Count != 6 {
		t.Errorf("the reason is %q, want %q", f.Reason, want)
	}
	p.refuses(p.get(attacker, "/"), 403, signInRule)
}

// A site where nobody was ever seen to get in, as in the log of a blog that only robots visit.
func TestFailuresThatOnlyRepeatAreToldAndBlockNobody(t *testing.T) {
	p := newPlay(t)
	told := 0
	for n := range 8 {
		for range 30 {
			for _, f := range strong(p.signIn(blog, fmt.Sprintf("10.9.%d.1", n), "", false)) {
				p.finds([]Finding{f}, signInRule)
				if told++; f.Decision != nil {
					t.Fatal("somebody is blocked for it")
				}
			}
			p.wait(time.Second)
		}
	}
	if told != 6 { // three robots teach it; the third is found when the lesson is over
		t.Errorf("%d of 8 robots were told of, want 6", told)
	}
}

func TestPeopleWhoSignInAreNoFailures(t *testing.T) {
	for _, at := range []page{blog, form, api} {
		p := newPlay(t)
		p.people(at, 0, 20)
		for n := range 60 { // an office behind one address; some mistype
			if n%8 == 0 {
				p.finds(p.signIn(at, person, fmt.Sprint("clerk", n), false))
				p.wait(20 * time.Second)
			}
			p.finds(p.signIn(at, person, fmt.Sprint("clerk", n), true))
			p.wait(5 * time.Second)
			p.answer(person, Exchange{Request: Request{Path: at.home}, Status: 200})
			p.wait(20 * time.Second)
		}
	}
}

func TestFailuresOf401AreToldOnce(t *testing.T) {
	p := newPlay(t)
	p.people(api, 0, 8)
	var found []Finding
	for range 8 {
		found = append(found, p.signIn(api, attacker, "alice", false)...)
	}
	p.finds(found, failed)
}

func TestWhatWasLearnedStaysWhenThePolicyChanges(t *testing.T) {
	p := newPlay(t)
	p.people(blog, 0, 8)
	p.revise(terms(signInRule, func(t *Terms) { t.For = time.Hour }))
	p.comesOf(blog, blog.failure, Failed)
	p.revise(func(p *Policy) { p.SignIns = []string{"/wp-login.php"} })
	p.comesOf(blog, blog.failure, Unclear)
}
