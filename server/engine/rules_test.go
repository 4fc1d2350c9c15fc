package engine

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	rate     = "rate-abuse"
	failed   = "failed-authentication"
	payment  = "payment-without-balance"
	decoy    = "honeypot"
	attacker = "198.18.0.7"
	person   = "198.18.0.8"
)

func TestThe101stRequestInAMinuteIsRefusedAndMakesTheBlock(t *testing.T) {
	p := newPlay(t)
	for range 100 {
		p.passes(p.get(attacker, ""))
		p.wait(500 * time.Millisecond)
	}
	v := p.get(attacker, "")
	p.refuses(v, 429, rate)
	f := v.Finding
	if f == nil || f.Decision == nil {
		t.Fatal("the 101st makes no block")
	}
	if f.Count != 101 || f.Limit != 100 || len(f.Times) != 101 || f.Severity != High {
		t.Errorf("the finding counts %d of %d with %d times, %s", f.Count, f.Limit, len(f.Times), f.Severity)
	}
	if !f.Times[0].Equal(noon) || !f.Times[100].Equal(p.at) || !slices.IsSortedFunc(f.Times, time.Time.Compare) {
		t.Errorf("the times run from %v to %v", f.Times[0], f.Times[100])
	}
	if want := "198.18.0.7 sent 101 requests in 50 seconds; the limit is 100 in 1 minute."; f.Reason != want {
		t.Errorf("the reason is %q, want %q", f.Reason, want)
	}
	if v.Reference != f.Decision.ID || v.RetryAfter != 5*time.Minute {
		t.Errorf("the refusal refers to %s and asks to wait %v", v.Reference, v.RetryAfter)
	}

	v = p.get(attacker, "")
	p.refuses(v, 403, rate)
	if v.Finding != nil || v.Reference != f.Decision.ID {
		t.Error("the 102nd is found again, or refers to another decision")
	}
	p.passes(p.get(person, ""))
	p.wait(5*time.Minute - time.Millisecond)
	p.refuses(p.get(attacker, ""), 403, rate)
	p.wait(time.Millisecond)
	p.passes(p.get(attacker, ""))
}

func TestAHundredRequestsInEachMinuteAreNeverRefused(t *testing.T) {
	p := newPlay(t)
	for range 1000 {
		p.passes(p.get(person, ""))
		p.wait(600 * time.Millisecond)
	}
}

func TestTheMinuteSlides(t *testing.T) {
	p := newPlay(t)
	p.wait(30 * time.Second)
	for range 100 {
		p.passes(p.get(attacker, ""))
	}
	p.wait(time.Minute - time.Millisecond) // the next minute of the clock, the same of the window
	p.refuses(p.get(attacker, ""), 429, rate)

	p = newPlay(t)
	for range 100 {
		p.passes(p.get(person, ""))
	}
	p.wait(time.Minute)
	for range 100 {
		p.passes(p.get(person, ""))
	}
}

func TestAnIPv6ClientIsItsNetworkOf64Bits(t *testing.T) {
	p := newPlay(t)
	for range 50 {
		p.passes(p.get("2001:db8::1", ""))
		p.passes(p.get("2001:db8::ffff:2", ""))
	}
	v := p.get("2001:db8::3", "")
	p.refuses(v, 429, rate)
	if got := v.Finding.Actor.String(); got != "2001:db8::/64" {
		t.Errorf("the actor is %s", got)
	}
	p.refuses(p.get("2001:db8::4", ""), 403, rate)
	p.passes(p.get("2001:db8:0:1::4", ""))
}

func TestAMappedAddressIsTheIPv4Client(t *testing.T) {
	p := newPlay(t)
	p.refuses(p.get("::ffff:198.18.0.7", "/api/admin/"), 403, decoy)
	p.refuses(p.get(attacker, ""), 403, decoy)
}

func TestAnExemptClientIsHeldToTheLimitAndNeverBlocked(t *testing.T) {
	p := newPlay(t)
	exempt := Request{Exempt: true}
	told := 0
	for i := range 3000 { // five a second, for ten minutes
		_, v := p.ask(person, exempt)
		if v.Finding != nil {
			told++
			if v.Finding.Decision != nil {
				t.Fatal("an exempt client is blocked")
			}
		}
		if v.Refused() {
			p.refuses(v, 429, rate)
			if v.RetryAfter <= 0 || v.RetryAfter > time.Minute {
				t.Fatalf("asked to wait %v", v.RetryAfter)
			}
		}
		if pass := i%300 < 100; pass == v.Refused() {
			t.Fatalf("request %d: refused is %v; a hundred of each minute pass", i, v.Refused())
		}
		p.wait(200 * time.Millisecond)
	}
	if told != 10 {
		t.Errorf("told %d times, want once for each time the limit was reached", told)
	}
}

func TestWhatAllNodesCountedDecides(t *testing.T) {
	p := newPlay(t)
	_, v := p.ask(attacker, Request{Together: 100})
	p.passes(v)
	_, v = p.ask(attacker, Request{Together: 101})
	p.refuses(v, 429, rate)
	if v.Finding.Count != 101 || v.Finding.Decision == nil {
		t.Errorf("counted %d", v.Finding.Count)
	}
	_, v = p.ask(attacker, Request{Together: 102})
	p.refuses(v, 403, rate)

	r, _ := p.ask(person, Request{})
	p.finds(p.Observe(Exchange{Request: r, Status: 401, FailedTogether: 5}))
	p.finds(p.Observe(Exchange{Request: r, Status: 401, FailedTogether: 6}), failed)
}

func TestWithoutABlockAnExcessIsToldOnceUntilItIsOver(t *testing.T) {
	p := newPlay(t, terms(rate, func(t *Terms) { t.Do, t.For = 0, 0 }))
	burst := func() (told int) {
		for range 150 {
			if v := p.get(attacker, ""); v.Finding != nil {
				told++
			}
		}
		return told
	}
	if told := burst() + burst(); told != 1 {
		t.Errorf("told %d times, want 1", told)
	}
	p.wait(time.Minute)
	if told := burst(); told != 1 {
		t.Errorf("after a quiet minute told %d times, want 1", told)
	}
}

func TestTheBlockThatEndsWithinTheWindowIsMadeAgain(t *testing.T) {
	p := newPlay(t, terms(rate, func(t *Terms) { t.For = time.Second }))
	for range 100 {
		p.get(attacker, "")
	}
	first := p.get(attacker, "").Finding
	p.wait(time.Second)
	v := p.get(attacker, "")
	p.refuses(v, 429, rate)
	if v.Finding == nil || v.Finding.ID == first.ID || v.Finding.Decision.ID == first.Decision.ID {
		t.Error("the excess that goes on after the block is not told anew")
	}
}

func TestTheSixthFailureMakesTheBlockAndTheSeventhRequestIsRefused(t *testing.T) {
	p := newPlay(t)
	for i := range 5 {
		_, found := p.exchange(attacker, Request{}, 401+i%2*2)
		p.finds(found)
		p.wait(time.Minute)
	}
	v, found := p.exchange(attacker, Request{}, 403)
	p.passes(v)
	p.finds(found, failed)
	f := found[0]
	if f.Count != 6 || f.Limit != 5 || len(f.Times) != 6 || f.Severity != High || f.Status != 403 {
		t.Errorf("the finding is %+v", f)
	}
	if want := "198.18.0.7 failed to authenticate 6 times in 5 minutes; the limit is 5 in 10 minutes."; f.Reason != want {
		t.Errorf("the reason is %q, want %q", f.Reason, want)
	}
	p.refuses(p.get(attacker, ""), 403, failed)
	p.wait(30*time.Minute - time.Millisecond)
	p.refuses(p.get(attacker, ""), 403, failed)
	p.wait(time.Millisecond)
	p.passes(p.get(attacker, ""))
}

func TestFailuresThatDoNotAddUpInTenMinutesBlockNobody(t *testing.T) {
	p := newPlay(t)
	for range 100 {
		p.finds(p.fail(person))
		p.wait(2 * time.Minute)
	}
}

func TestOtherAnswersAreNoFailures(t *testing.T) {
	p := newPlay(t)
	for _, status := range []int{200, 302, 400, 402, 404, 429, 500, 0, 999} {
		for range 9 {
			_, found := p.exchange(person, Request{}, status)
			p.finds(found)
		}
	}
}

func TestTheGatewaysOwnRefusalsCountAgainstNobody(t *testing.T) {
	p := newPlay(t)
	for range 50 {
		r, _ := p.ask(person, Request{})
		p.finds(p.Observe(Exchange{Request: r, Status: 403, Refused: true}))
		p.wait(time.Second)
	}
}

func TestAnswersUnderwayWhenTheBlockIsMadeAreNotToldAgain(t *testing.T) {
	p := newPlay(t)
	var underway []Request
	for range 20 {
		r, _ := p.ask(attacker, Request{})
		underway = append(underway, r)
	}
	told := 0
	for _, r := range underway {
		told += len(p.Observe(Exchange{Request: r, Status: 401}))
	}
	if told != 1 {
		t.Errorf("told %d times, want 1", told)
	}
}

func TestAnExemptClientThatFailsIsToldAndNotBlocked(t *testing.T) {
	p := newPlay(t)
	told := 0
	for range 12 {
		v, found := p.exchange(person, Request{Exempt: true}, 401)
		p.passes(v)
		told += len(found)
		if len(found) > 0 && found[0].Decision != nil {
			t.Error("an exempt client is blocked")
		}
	}
	if told != 1 {
		t.Errorf("told %d times, want 1", told)
	}
}

func TestADecoyInAnySpellingBlocksTheClient(t *testing.T) {
	for _, path := range []string{
		"/api/admin", "/api/admin/", "/api/admin/users", "/API/Admin/Config", "/api//admin", "//api/admin", "/api/./admin/x",
		"/api/x/../admin/", "/api/%61dmin", "/api/admin;v=1/x", "/;a/api/admin", "/api/admin.", "/api%2fadmin", "/api\\admin\\x",
		"/api/admin%00", "/api/admin%3fx=1", "/api/admin/%zz",
	} {
		p := newPlay(t)
		v := p.get(attacker, path)
		p.refuses(v, 403, decoy)
		if v.Finding == nil || v.Finding.Severity != Critical || v.Finding.Decision == nil {
			t.Fatalf("%s makes no block", path)
		}
		v = p.get(attacker, "/api/balance")
		p.refuses(v, 403, decoy)
		if v.Finding != nil || v.RetryAfter != time.Hour {
			t.Errorf("the next request is found again, or asked to wait %v", v.RetryAfter)
		}
		p.passes(p.get(person, "/api/balance"))
		p.wait(time.Hour)
		p.passes(p.get(attacker, "/api/balance"))
	}
}

func TestWhatOnlyLooksLikeADecoyIsNone(t *testing.T) {
	p := newPlay(t)
	for _, path := range []string{
		"/api/administrator", "/api/admins", "/admin", "/v1/api/admin", "/api/admin-guide", "/api/balance/api/admin",
		"/api/admi%256e", // decoded once, as it should be, a name of its own
	} {
		p.passes(p.get(person, path))
	}
}

func TestAnExemptClientOnADecoyIsRefusedAndToldOnceAMinute(t *testing.T) {
	p := newPlay(t)
	told := 0
	for range 240 {
		_, v := p.ask(person, Request{Path: "/api/admin/", Exempt: true})
		p.refuses(v, 403, decoy)
		if v.Finding != nil {
			told++
			if v.Finding.Decision != nil {
				t.Fatal("an exempt client is blocked")
			}
		}
		_, v = p.ask(person, Request{Exempt: true})
		p.passes(v)
		p.wait(time.Second)
	}
	if told != 4 {
		t.Errorf("told %d times in four minutes, want 4", told)
	}
}

func TestAPaymentWithoutABalanceCheckIsToldOnce(t *testing.T) {
	p := newPlay(t)
	pay := Request{Method: "POST", Path: "/api/transaction", Key: key("stolen")}
	v, found := p.exchange(attacker, pay, 200)
	p.passes(v)
	p.finds(found, payment)
	f := found[0]
	if f.Severity != Medium || f.Decision != nil || f.Window != 5*time.Minute || f.Count != 1 || len(f.Times) != 1 {
		t.Errorf("the finding is %+v", f)
	}
	if want := `198.18.0.7 paid with key "stolen" and had not looked at the balance in the 5 minutes before.`; f.Reason != want {
		t.Errorf("the reason is %q, want %q", f.Reason, want)
	}
	if want := "With a look at the balance by the same client and key in the 5 minutes before it would not have fired."; f.Unless != want {
		t.Errorf("it would have stayed silent: %s", f.Unless)
	}
	for range 10 {
		_, found = p.exchange(attacker, pay, 422)
		p.finds(found)
		p.wait(29 * time.Second)
	}
	p.wait(10 * time.Second)
	_, found = p.exchange(attacker, pay, 200)
	p.finds(found, payment)
}

func TestABalanceCheckStandsForFiveMinutesOfPayments(t *testing.T) {
	p := newPlay(t)
	k := key("mine")
	look, pay := Request{Path: "/api/balance/", Key: k}, Request{Method: "POST", Path: "/api/transaction", Key: k}
	_, found := p.exchange(person, look, 200)
	p.finds(found)
	p.wait(5*time.Minute - time.Millisecond)
	_, found = p.exchange(person, pay, 200)
	p.finds(found)
	p.wait(time.Millisecond)
	_, found = p.exchange(person, pay, 200)
	p.finds(found, payment)
}

func TestOnlyAGoodAnswerToTheSameClientAndKeyIsABalanceCheck(t *testing.T) {
	mine := key("mine")
	pay := Request{Method: "POST", Path: "/api/transaction", Key: mine}
	for name, look := range map[string]struct {
		client string
		Request
		status int
	}{
		"another client's": {attacker, Request{Path: "/api/balance", Key: mine}, 200},
		"another key's":    {person, Request{Path: "/api/balance", Key: key("other")}, 200},
		"a failed one":     {person, Request{Path: "/api/balance", Key: mine}, 500},
		"a posted one":     {person, Request{Path: "/api/balance", Key: mine, Method: "POST"}, 200},
		"none at all":      {person, Request{Path: "/api/history", Key: mine}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t)
			p.exchange(look.client, look.Request, look.status)
			_, found := p.exchange(person, pay, 200)
			p.finds(found, payment)
		})
	}
}

func TestOnlyAPaymentWithAValidKeyIsAPayment(t *testing.T) {
	p := newPlay(t)
	for name, x := range map[string]struct {
		Request
		status int
	}{
		"without a key":      {Request{Method: "POST", Path: "/api/transaction"}, 200},
		"with a refused key": {Request{Method: "POST", Path: "/api/transaction", Key: key("expired")}, 401},
		"not a post":         {Request{Path: "/api/transaction", Key: key("mine")}, 405},
		"another path":       {Request{Method: "POST", Path: "/api/transactions", Key: key("mine")}, 200},
	} {
		if _, found := p.exchange(person, x.Request, x.status); len(strong(found)) > 0 {
			t.Errorf("%s: found %v", name, found)
		}
	}
}

func TestTwoKeysAtOnceAreTwoFindings(t *testing.T) {
	p := newPlay(t)
	_, one := p.exchange(attacker, Request{Method: "POST", Path: "/api/transaction", Key: key("a")}, 200)
	_, other := p.exchange(attacker, Request{Method: "POST", Path: "/api/transaction", Key: key("b")}, 200)
	p.finds(append(one, other...), payment, payment)
	if one[0].ID == other[0].ID {
		t.Error("they have one identity")
	}
}

func TestOnePathMayBeForPaymentsAndBalances(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Payments, p.Balances = []string{"/wallet"}, []string{"/wallet"} })
	look, pay := Request{Path: "/wallet", Key: key("mine")}, Request{Path: "/wallet", Method: "POST", Key: key("mine")}
	_, found := p.exchange(attacker, pay, 200)
	p.finds(found, payment)
	p.exchange(person, look, 200)
	_, found = p.exchange(person, pay, 200)
	p.finds(found)
}

func TestEveryRuleExplainsItselfWithItsFigures(t *testing.T) {
	p := Defaults()
	for rule, figures := range map[string][]string{
		rate:    {"100 requests", "1 minute", "429", "5 minutes", "HIGH"},
		failed:  {"5 answers", "10 minutes", "401", "403", "30 minutes", "HIGH"},
		payment: {"/api/transaction", "/api/balance", "5 minutes", "MEDIUM", "blocks nobody"},
		decoy:   {"/api/admin", "1 hour", "CRITICAL", "403"},

		signInRule:   {"5 sign-ins", "10 minutes", "30 minutes", "HIGH"},
		stuffingRule: {"9 different accounts", "10 minutes", "20 %", "5 accounts", "30 minutes"},
		guessingRule: {"9 failed sign-ins", "1 hour", "3 networks", "blocks nobody"},
		stuffedRule:  {"9 networks", "1 day", "80 %", "blocks nobody"},
		sprayRule:    {"5 times", "hour", "CRITICAL", "blocks nobody"},
	} {
		for _, figure := range figures {
			if said := p.Explain(rule); !strings.Contains(said, figure) {
				t.Errorf("%s does not mention %s: %s", rule, figure, said)
			}
		}
	}
	for _, r := range Rules() {
		if r.ID == "" || r.Title == "" || r.Version < 1 || r.On == 0 || r.Explain == nil || r.Reason == nil && r.Watch == nil {
			t.Errorf("rule %q says too little about itself", r.ID)
		}
		if r.On == Requests && (r.Refuse == 0 || r.Statuses != nil || r.Paths != nil) || r.Paths != nil && r.Statuses != nil {
			t.Errorf("rule %q can't be indexed", r.ID)
		}
		off := Defaults()
		terms(r.ID, func(t *Terms) { t.Off = true })(&off)
		if off.Explain(r.ID) != "Switched off." {
			t.Errorf("%s does not say that it is switched off", r.ID)
		}
	}
}

func TestARuleThatIsOffSaysNothing(t *testing.T) {
	p := newPlay(t, func(p *Policy) {
		for _, r := range Rules() {
			terms(r.ID, func(t *Terms) { t.Off = true })(p)
		}
	})
	for range 200 {
		v, found := p.exchange(attacker, Request{Path: "/api/admin/"}, 401)
		p.passes(v)
		p.finds(found)
	}
	_, found := p.exchange(attacker, Request{Method: "POST", Path: "/api/transaction", Key: key("k")}, 200)
	p.finds(found)
}
