package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// walks asks for so many objects, every refused-th of which is not his.
func (p *play) walks(account string, from, many, refused int, pace time.Duration) (found []Finding) {
	p.Helper()
	for i := range many {
		status := 200
		if refused > 0 && i%refused == 0 {
			status = 403
		}
		_, f := p.exchange(person, Request{Path: fmt.Sprintf("/api/invoices/%d", from+i), Account: account}, status)
		for _, f := range f {
			if f.Rule == "object-enumeration" {
				found = append(found, f)
			}
		}
		p.wait(pace)
	}
	return found
}

func TestWhoTriesIdAfterIdIsToldOnce(t *testing.T) {
	p := newPlay(t, terms("failed-authentication", func(t *Terms) { t.Off = true }))
	found := p.walks("mallory", 7000, 80, 2, time.Second)
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	f := found[0]
	if f.Actor.Account != "mallory" || f.Count != 51 || f.Decision != nil ||
		!strings.HasPrefix(f.Reason, `account "mallory" asked for 51 different objects like "/api/invoices/7050" in 50 seconds, and 26 of 51`) {
		t.Errorf("got %+v", f)
	}
}

func TestWhoReadsWhatIsHisIsNotAccused(t *testing.T) {
	for name, c := range map[string]struct {
		many, refused int
		pace          time.Duration
	}{
		"a batch that reads all of its own":   {90, 0, time.Second},
		"a batch with a few that were closed": {90, 5, time.Second},
		"a person with fifty":                 {50, 2, time.Second},
		"one who takes his time":              {90, 2, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, terms("failed-authentication", func(t *Terms) { t.Off = true }), terms("rate-abuse", func(t *Terms) { t.Off = true }))
			if found := p.walks("alice", 1, c.many, c.refused, c.pace); len(found) > 0 {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestOneObjectAskedForAgainAndAgainIsOne(t *testing.T) {
	p := newPlay(t, terms("failed-authentication", func(t *Terms) { t.Off = true }))
	for range 90 {
		if found := p.walks("alice", 5, 1, 1, time.Second); len(found) > 0 {
			t.Fatalf("found %v", found)
		}
	}
}
