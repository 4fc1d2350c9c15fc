package engine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// sends requests on somebody's behalf: a POST where it pays, and answers what was said of payments.
func (p *play) sends(account, program string, paths ...string) (found []Finding) {
	p.Helper()
	for _, path := range paths {
		p.wait(time.Second)
		r := Request{Path: path, Account: account, UserAgent: program, Method: "GET"}
		if strings.HasSuffix(path, "/transfers") || strings.HasSuffix(path, "/transaction") {
			r.Method = "POST"
		}
		_, f := p.exchange(fmt.Sprintf("198.18.1.%d", len(account)), r, 200)
		for _, f := range f {
			if f.Rule == stepSkipped.ID || f.Rule == paymentWithoutBalance.ID {
				found = append(found, f)
			}
		}
	}
	return found
}

// payers get a quote and pay, eight times each; one in thirty does without.
func (p *play) payers() {
	for round := range 8 {
		for n := range 240 {
			if account := fmt.Sprint("payer", n); n%30 == 7 {
				p.sends(account, "PayApp", "/v1/payees", "/v1/transfers")
			} else {
				p.sends(account, "PayApp", fmt.Sprintf("/v1/quotes/%d", 240*round+n), "/v1/payees", "/v1/transfers")
			}
		}
		p.wait(20 * time.Minute)
	}
}

func TestWhatComesBeforeAPaymentIsLearnedAndItsAbsenceTold(t *testing.T) {
	p := newPlay(t, quiet)
	p.payers()
	found := p.sends("payer3", "PayApp", "/v1/payees", "/v1/transfers")
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	f := found[0]
	want := `account "payer3" sent "POST /v1/transfers" and not "GET /v1/quotes/{id}" in the 15 minutes before. 96 % of 1920 such sessions have one, and 8 of its own 8.`
	if f.Reason != want || f.Severity != Info || f.Weak || f.Decision != nil || f.Actor.Account != "payer3" {
		t.Errorf("got %+v", f)
	}
	if found := p.sends("payer3", "PayApp", "/v1/transfers"); found != nil {
		t.Errorf("told twice: %v", found)
	}
	p.wait(time.Hour)
	if found := p.sends("payer4", "curl/8.1", "/v1/transfers"); len(found) != 1 || found[0].Severity != Medium {
		t.Errorf("with a program of his own: %v", found)
	}
}

func TestNobodyIsToldOfForPayingAsHeAlwaysDid(t *testing.T) {
	for name, play := range map[string]func(*play) []Finding{
		"who always did without": func(p *play) []Finding { return p.sends("payer7", "PayApp", "/v1/payees", "/v1/transfers") },
		"who is new":             func(p *play) []Finding { return p.sends("stranger", "PayApp", "/v1/transfers") },
		"who has a quote": func(p *play) []Finding {
			return p.sends("payer3", "PayApp", "/v1/quotes/9", "/v1/payees", "/v1/transfers")
		},
		"who looks around for long between": func(p *play) []Finding {
			paths := []string{"/v1/quotes/9"}
			for i := range trailKept + 3 {
				paths = append(paths, fmt.Sprintf("/v1/%c/list", 'a'+i))
			}
			return p.sends("payer3", "PayApp", append(paths, "/v1/transfers")...)
		},
		"once the API is used otherwise": func(p *play) []Finding {
			for n := range 100 {
				p.sends(fmt.Sprint("payer", n), "PayApp", "/v2/quotes/3", "/v1/payees", "/v1/transfers")
			}
			return p.sends("payer200", "PayApp", "/v2/quotes/3", "/v1/payees", "/v1/transfers")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, quiet)
			p.payers()
			if found := play(p); found != nil {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestASessionOfOneOverAndOverTeachesNothing(t *testing.T) {
	p := newPlay(t, quiet)
	for n := range 1200 {
		p.sends("mill", "PayApp", fmt.Sprintf("/v1/quotes/%d", n), "/v1/transfers")
		p.wait(16 * time.Minute)
	}
	if found := p.sends("mill", "PayApp", "/v1/transfers"); found != nil {
		t.Errorf("found %v", found)
	}
}

// The rule of the mission stands in: one payment, one alert.
func TestThePaymentRuleStandsInForTheLearnedOne(t *testing.T) {
	p := newPlay(t, quiet)
	pay := func(n int, paths ...string) (found []Finding) {
		for _, path := range paths {
			r := Request{Path: path, Key: key(fmt.Sprintf("k%04d", n)), UserAgent: "PayApp", Method: "GET"}
			if path == "/api/transaction" {
				r.Method = "POST"
			}
			_, f := p.exchange("198.18.0.9", r, 200)
			found = append(found, strong(f)...)
		}
		p.wait(time.Second)
		return found
	}
	for range 6 {
		for n := range 200 {
			pay(n, "/api/balance", "/api/transaction")
		}
		p.wait(20 * time.Minute)
	}
	p.finds(pay(3, "/api/transaction"), paymentWithoutBalance.ID)
	p.revise(terms(paymentWithoutBalance.ID, func(t *Terms) { t.Off = true }))
	p.wait(time.Hour)
	p.finds(pay(4, "/api/transaction"), stepSkipped.ID)
}

func TestWhatComesBeforeAPaymentOutlivesARestart(t *testing.T) {
	p := newPlay(t, quiet)
	p.payers()
	snapshot := snapshotOf(t, p.Engine)
	p.Engine = newEngine(t, quiet)
	if err := p.Resume(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if found := p.sends("payer3", "PayApp", "/v1/transfers"); len(found) != 1 {
		t.Errorf("found %v", found)
	}
}
