package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// stroll is a visit as nearly all make it.
var stroll = []string{"/api/start", "/api/balance", "/api/history", "/api/balance", "/api/cards"}

// walk takes steps on somebody's behalf, and answers what was said of their order.
func (p *play) walk(account string, routes ...string) (found []Finding) {
	p.Helper()
	for _, route := range routes {
		p.wait(3 * time.Second)
		_, f := p.exchange("198.18.0.7", Request{Path: route, Account: account, UserAgent: "PayApp"}, 200)
		for _, f := range f {
			if f.Rule == "odd-sequence" {
				found = append(found, f)
			}
		}
	}
	return found
}

// town has many who stroll, and a few who set their limits once.
func (p *play) town() {
	for i := range 2400 {
		routes := stroll
		if i%100 == 0 {
			routes = []string{"/api/start", "/api/settings", "/api/limits", "/api/payees", "/api/export"}
		}
		p.walk(fmt.Sprintf("resident%d", i%300), routes...)
		p.wait(time.Minute)
	}
}

func quiet(p *Policy) {
	for _, rule := range []string{"rate-abuse", "anomaly", "new-program"} {
		terms(rule, func(t *Terms) { t.Off = true })(p)
	}
}

func TestWhoWalksAsNobodyDoesIsToldOnce(t *testing.T) {
	p := newPlay(t, quiet)
	p.town()
	found := p.walk("mallory", "/api/start", "/api/balance", "/api/export", "/api/balance", "/api/limits", "/api/history", "/api/payees", "/api/balance", "/api/settings")
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	f := found[0]
	if f.Actor.Account != "mallory" || f.Decision != nil || f.Severity != Low || len(f.Seen) != 3 ||
		!strings.Contains(f.Reason, `"GET /api/balance" → "GET /api/export" (none of `) {
		t.Errorf("got %+v", f)
	}
}

func TestWhoWalksAsManyDoOrIsCuriousOnceIsNot(t *testing.T) {
	for name, routes := range map[string][]string{
		"as nearly all":       {"/api/start", "/api/balance", "/api/history", "/api/balance", "/api/cards"},
		"as a few do":         {"/api/start", "/api/settings", "/api/limits", "/api/payees", "/api/export"},
		"curious twice":       {"/api/start", "/api/balance", "/api/export", "/api/balance", "/api/limits", "/api/payees"},
		"the same odd step":   {"/api/balance", "/api/export", "/api/balance", "/api/export", "/api/balance", "/api/export", "/api/balance", "/api/export"},
		"one that asks again": {"/api/balance", "/api/balance", "/api/balance", "/api/balance"},
		"a new release":       {"/api/balance", "/api/new/a", "/api/balance", "/api/new/b", "/api/history", "/api/new/c", "/api/balance", "/api/new/d"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, quiet)
			p.town()
			if found := p.walk("someone", routes...); len(found) > 0 {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestOneWhoWalksTheSameOddWayTeachesLittle(t *testing.T) {
	p := newPlay(t, quiet)
	p.town()
	for range 40 {
		p.walk("patient", "/api/balance", "/api/export", "/api/balance", "/api/limits", "/api/history", "/api/payees")
	}
	if found := p.walk("mallory", "/api/balance", "/api/export", "/api/balance", "/api/limits", "/api/balance", "/api/settings"); len(found) != 1 {
		t.Errorf("found %v", found)
	}
}
