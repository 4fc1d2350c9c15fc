package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheDefaultsAreTheMissionsNumbersAndValid(t *testing.T) {
	p := Defaults()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	for rule, want := range map[string]Terms{
		rate:    {More: 100, Within: time.Minute, Severity: High, Do: Block, For: 5 * time.Minute},
		failed:  {More: 5, Within: 10 * time.Minute, Severity: High, Do: Block, For: 30 * time.Minute},
		payment: {Within: 5 * time.Minute, Severity: Medium},
		decoy:   {Severity: Critical, Do: Block, For: time.Hour},
	} {
		if got := p.Terms(rule); got != want {
			t.Errorf("%s has %+v, want %+v", rule, got, want)
		}
	}
	if len(Rules()) != len(p.Rules) {
		t.Errorf("there are %d rules with %d terms", len(Rules()), len(p.Rules))
	}
}

func TestEveryMistakeInAPolicyIsNamed(t *testing.T) {
	for field, mistake := range map[string]func(*Policy){
		"rules.rate-abuse.more":                terms(rate, func(t *Terms) { t.More = LargestCount + 1 }),
		"rules.failed-authentication.more":     terms(failed, func(t *Terms) { t.More = 0 }),
		"rules.honeypot.more":                  terms(decoy, func(t *Terms) { t.More = 1 }),
		"rules.rate-abuse.within":              terms(rate, func(t *Terms) { t.Within = 25 * time.Hour }),
		"rules.payment-without-balance.within": terms(payment, func(t *Terms) { t.Within = 0 }),
		"rules.honeypot.within":                terms(decoy, func(t *Terms) { t.Within = time.Minute }),
		"rules.honeypot.severity":              terms(decoy, func(t *Terms) { t.Severity = 6 }),
		"rules.failed-authentication.severity": terms(failed, func(t *Terms) { t.Severity = 0 }),
		"rules.rate-abuse.do":                  terms(rate, func(t *Terms) { t.Do = Allow }),
		"rules.rate-abuse.for":                 terms(rate, func(t *Terms) { t.For = 0 }),
		"rules.payment-without-balance.for":    terms(payment, func(t *Terms) { t.Do = Throttle }),
		"rules.no-such-rule":                   func(p *Policy) { p.Rules["no-such-rule"] = Terms{} },
		"decoys":                               func(p *Policy) { p.Decoys = []string{"/API/Admin"} },
		"payments":                             func(p *Policy) { p.Payments = []string{"/api/transaction/"} },
		"balances":                             func(p *Policy) { p.Balances = []string{"api/balance"} },
		"sign_ins":                             func(p *Policy) { p.SignIns = []string{"Login"} },
		"failed_sign_ins":                      func(p *Policy) { p.FailedSignIns = []FailedSignIn{{Path: "/elsewhere", Status: 200}} },
		"denies":                               func(p *Policy) { p.Denies = []string{"/"} },
		"skips":                                func(p *Policy) { p.Skips = []string{"/Public"} },
		"collateral":                           func(p *Policy) { p.Collateral = -1 },
		"clients":                              func(p *Policy) { p.Clients = 10 },
		"decisions":                            func(p *Policy) { p.Decisions = 1 << 30 },
		"late":                                 func(p *Policy) { p.Late = 2 * time.Hour },
	} {
		p := Defaults()
		mistake(&p)
		var invalid Invalid
		if err := p.Validate(); !errors.As(err, &invalid) || invalid.Field != field || invalid.Problem == "" {
			t.Errorf("%s: got %v", field, err)
		}
		if _, err := New(p, 1); err == nil {
			t.Errorf("%s: an engine is made with it", field)
		}
	}
	p := Defaults()
	p.Late, p.Clients = 0, 0
	if err := p.Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two mistakes are told as %v", err)
	}
}

func TestWhatIsDeniedOrADecoyCantBeSkipped(t *testing.T) {
	for _, path := range []string{"/closed", "/closed/deep", "/api/admin", "/api/admin/users"} {
		p := Defaults()
		p.Denies, p.Skips = []string{"/closed"}, []string{path}
		var invalid Invalid
		if err := p.Validate(); !errors.As(err, &invalid) || invalid.Field != "skips" {
			t.Errorf("to skip %s gives %v", path, err)
		}
	}
	p := Defaults()
	p.Denies, p.Skips = []string{"/public/closed"}, []string{"/public", "/api", "/closedbeta"}
	if err := p.Validate(); err != nil {
		t.Errorf("a trap and a closed door below what is skipped: %v", err)
	}
}

func TestTheDefaultsAreNobodysToChange(t *testing.T) {
	p := Defaults()
	terms(rate, func(t *Terms) { t.More = 1 })(&p)
	p.Decoys[0] = "/x"
	Rules()[0].ID = "changed"
	if q := Defaults(); q.Terms(rate).More != 100 || q.Decoys[0] != "/api/admin" || Rules()[0].ID == "changed" {
		t.Error("a change to one reaches the next")
	}
}

func TestARuleThatThePolicyDoesNotNameKeepsItsTerms(t *testing.T) {
	p := newPlay(t, func(p *Policy) { p.Rules = nil })
	for range 100 {
		p.passes(p.get(attacker, ""))
	}
	p.refuses(p.get(attacker, ""), 429, rate)
	p.refuses(p.get(person, "/api/admin"), 403, decoy)
	if (Policy{}).Explain("no-such-rule") != "" || !(Policy{}).Terms("no-such-rule").Off {
		t.Error("explains a rule that there is not")
	}
}

func TestFiguresAreThePolicys(t *testing.T) {
	p := newPlay(t, func(p *Policy) {
		p.Decoys = append(p.Decoys, "/wp-login.php")
		p.Payments, p.Balances = []string{"/pay"}, []string{"/funds"}
	}, terms(rate, func(t *Terms) { t.More, t.Within, t.For, t.Severity = 2, 10*time.Second, time.Hour, Low }),
		terms(failed, func(t *Terms) { t.More, t.Within, t.Do = 1, time.Hour, Throttle }),
		terms(payment, func(t *Terms) { t.Do, t.For, t.Severity = Block, time.Minute, Critical }))
	p.get(person, "")
	p.get(person, "")
	v := p.get(person, "")
	p.refuses(v, 429, rate)
	if v.RetryAfter != time.Hour || v.Finding.Severity != Low || v.Finding.Limit != 2 || v.Finding.Window != 10*time.Second {
		t.Errorf("refused with %+v", v.Finding)
	}
	p.refuses(p.get("198.18.2.1", "/WP-Login.php"), 403, decoy)

	p.fail(attacker)
	p.wait(59 * time.Minute)
	found := p.fail(attacker)
	p.finds(found, failed)
	if found[0].Decision.Action != Throttle {
		t.Errorf("decided to %s", found[0].Decision.Action)
	}
	p.refuses(p.get(attacker, ""), 429, failed)

	_, found = p.exchange("198.18.2.2", Request{Method: "POST", Path: "/pay", Key: key("k")}, 200)
	p.finds(found, payment)
	p.refuses(p.get("198.18.2.2", ""), 403, payment)
	if said := p.Policy().Explain(rate); !strings.Contains(said, "2 requests") || !strings.Contains(said, "10 seconds") || !strings.Contains(said, "1 hour") {
		t.Error(said)
	}
}

func TestReferencesRoundTripAndForgiveMisreading(t *testing.T) {
	for _, id := range []uint64{0, 1, 31, 32, 1 << 63, 1<<64 - 1, 0x0123456789abcdef} {
		s := ExchangeReference(id)
		if len(s) != 15 || s[:2] != "X-" {
			t.Errorf("%d is written %q", id, s)
		}
		for _, written := range []string{s, strings.ToLower(s), strings.NewReplacer("0", "O", "1", "l").Replace(s)} {
			if got, ok := ParseExchangeReference(written); !ok || got != id {
				t.Errorf("%q reads as %d, %v, want %d", written, got, ok, id)
			}
		}
	}
	for _, s := range []string{"", "X-", "D-0000000000000", "X-000000000000", "X-00000000000000", "X-000000000000U", "X-ZZZZZZZZZZZZZ", "X-G000000000000", "X-00000000000é"} {
		if _, ok := ParseExchangeReference(s); ok {
			t.Errorf("%q is read as a reference", s)
		}
	}
	one := NewReference('D', "a", "bc")
	if len(one) != 15 || one[:2] != "D-" || one != NewReference('D', "a", "bc") || one == NewReference('D', "ab", "c") {
		t.Errorf("%q does not follow from its parts", one)
	}
	if slices.Contains([]string{one}, NewReference('D', "a", "bc", "")) {
		t.Error("an empty part is no part")
	}
}

func TestFiguresAreSaidAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 milliseconds", time.Millisecond: "1 millisecond", 999 * time.Millisecond: "999 milliseconds", time.Second: "1 second",
		90 * time.Second: "1 minute 30 seconds", time.Hour: "1 hour", 25*time.Hour + time.Minute: "1 day 1 hour", 12*time.Second + 300*time.Millisecond: "12 seconds",
	} {
		if got := words(d); got != want {
			t.Errorf("%v is said %q, want %q", d, got, want)
		}
	}
	long := quoted(strings.Repeat("é", 100) + "\n\x00")
	if len(long) > 90 || !strings.HasSuffix(long, `…"`) {
		t.Errorf("a long text is said %s", long)
	}
	if quoted("a\"\n") != `"a\"\n"` {
		t.Error(quoted("a\"\n"))
	}
}

// What a rule that is code remembers of each takes room for every one that it may count: without a
// bound a number in the settings would be more memory than there is, or more than a ring can hold.
func TestRulesThatAreCodeSayHowManyTheyCanCount(t *testing.T) {
	for _, r := range Rules() {
		if r.Watch == nil || r.More == 0 {
			continue
		}
		if _, nothing := r.Watch(Defaults(), r.Terms, newKeyed(1)).(known); nothing {
			continue // it remembers nothing by itself
		}
		if r.Most == 0 || r.Most > MostCounted {
			t.Errorf("%s: counts up to %d, and may count %d", r.ID, r.Most, MostCounted)
			continue
		}
		p := Defaults()
		terms := p.Rules[r.ID]
		terms.More = r.Most + 1
		p.Rules[r.ID] = terms
		if err := p.Validate(); err == nil {
			t.Errorf("%s: takes %d", r.ID, terms.More)
		}
		terms.More = r.Most
		p.Rules[r.ID] = terms
		if _, err := New(p, 1); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
	}
}
