package engine

import (
	"strings"
	"testing"
	"time"
)

// use sends a request that the API answers well, by a program from a network of this ASN.
func (p *play) use(session, account string, print uint64, asn uint32) []Finding {
	p.Helper()
	r := Request{Path: "/api/profile", Account: account, Fingerprint: print, Place: Place{ASN: asn}}
	if session != "" {
		r.Session = key(session)
	}
	_, f := p.exchange("198.18.0.7", r, 200)
	return strong(f)
}

// strong are the findings that are more than an observation.
func strong(found []Finding) (all []Finding) {
	for _, f := range found {
		if !f.Weak {
			all = append(all, f)
		}
	}
	return all
}

func TestASessionThatChangesProgramAndNetworkIsTold(t *testing.T) {
	p := newPlay(t)
	p.use("session1", "alice", 1, 3320)
	p.wait(3 * time.Minute)
	found := p.use("session1", "alice", 2, 45899)
	if rulesOf(found) != "session-moved" {
		t.Fatalf("found %v", found)
	}
	f := found[0]
	if f.Actor.Account != "alice" || f.Severity != High || f.Decision != nil || !strings.Contains(f.Reason, "within 3 minutes") {
		t.Errorf("got %+v", f)
	}
	p.wait(time.Minute)
	if found := p.use("session1", "alice", 2, 45899); len(found) > 0 {
		t.Errorf("it is told again: %v", found)
	}
}

func TestASessionThatChangesOneOfBothIsItsOwners(t *testing.T) {
	for name, c := range map[string]struct {
		print uint64
		asn   uint32
		after time.Duration
	}{
		"a phone that leaves the house":   {1, 45899, time.Minute},
		"a browser that is updated":       {2, 3320, time.Minute},
		"another device, much later":      {2, 45899, sessionMoves * time.Millisecond},
		"nothing changed":                 {1, 3320, time.Minute},
		"what came before, and comes now": {2, 45899, -time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t)
			p.use("session1", "alice", 1, 3320)
			p.wait(c.after)
			if found := p.use("session1", "alice", c.print, c.asn); len(found) > 0 {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestWithoutAFingerprintTheUserAgentTellsTheProgramApartButNotItsVersions(t *testing.T) {
	p := newPlay(t)
	use := func(agent string, asn uint32) []Finding {
		p.wait(time.Minute)
		_, f := p.exchange("198.18.0.7", Request{Path: "/api/profile", Session: key("session1"), UserAgent: agent, Place: Place{ASN: asn}}, 200)
		return strong(f)
	}
	use("PayApp/4.1 (iPhone; iOS 19.1)", 3320)
	if found := use("PayApp/4.2 (iPhone; iOS 19.2)", 45899); len(found) > 0 {
		t.Errorf("an update: %v", found)
	}
	if found := use("python-requests/2.33", 3320); rulesOf(found) != "session-moved" {
		t.Errorf("another program: %v", found)
	}
}

func TestANewProgramOfWhoIsKnownIsNotedAndNoAlert(t *testing.T) {
	p := newPlay(t)
	weak := func(print uint64) (rules string) {
		_, f := p.exchange("198.18.0.7", Request{Path: "/api/profile", Account: "bob", Fingerprint: print}, 200)
		for _, f := range f {
			if !f.Weak || f.Decision != nil || f.Actor.Account != "bob" {
				t.Errorf("got %+v", f)
			}
			rules += f.Rule
		}
		p.wait(5 * time.Minute)
		return rules
	}
	for range habitFrom {
		if got := weak(1); got != "" {
			t.Fatalf("found %s", got)
		}
	}
	if got := weak(2); got != "new-program" {
		t.Errorf("found %q", got)
	}
	if got := weak(2); got != "" {
		t.Errorf("it is told again: %s", got)
	}
}

func TestWhoIsHardlyKnownMayUseWhatHeLikes(t *testing.T) {
	p := newPlay(t)
	for i := range habitFrom {
		_, f := p.exchange("198.18.0.7", Request{Path: "/api/profile", Account: "carol", Fingerprint: uint64(1 + i%2)}, 200)
		if len(f) > 0 {
			t.Fatalf("found %v", f)
		}
	}
	if _, f := p.exchange("198.18.0.7", Request{Path: "/api/profile", Account: "carol", Fingerprint: 9}, 200); len(f) > 0 {
		t.Errorf("known for a moment, and found: %v", f)
	}
}
