package engine

import (
	"strings"
	"testing"
	"time"
)

func evenly(int) time.Duration { return 2 * time.Second }

// likeBots are the findings of the rule about bots.
func (p *play) likeBots(play func()) (found []Finding) {
	p.hears = func(f Finding) {
		if f.Rule == botLike.ID {
			found = append(found, f)
		}
	}
	play()
	return found
}

func TestAProgramThatSaysItIsABrowserIsNotedOnceAndSaidWhy(t *testing.T) {
	p := newPlay(t, quiet)
	p.readers(warm)
	found := p.likeBots(func() {
		p.exchange(stray, Request{Path: "/robots.txt", UserAgent: browser}, 200)
		p.wait(2 * time.Second)
		p.reads(browser, 60, evenly)
	})
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	f := found[0]
	want := "203.0.113.99 says it is a browser: its last 20 requests came 2 seconds apart, give or take 0 %, it loaded nothing that pages draw in, it named no page it came from, it read robots.txt."
	if !f.Weak || f.Severity != Low || f.Decision != nil || strings.Replace(f.Reason, f.Client.String(), "203.0.113.99", 1) != want {
		t.Errorf("got %+v", f)
	}
}

func TestPeopleAndDeclaredProgramsAreNoBots(t *testing.T) {
	for name, play := range map[string]func(*play){
		"a person reads": func(p *play) {
			p.reads(browser, 60, func(n int) time.Duration { return time.Duration(2+n*7%11) * time.Second })
		},
		"a few things at an even pace": func(p *play) { p.reads(browser, evenFrom, evenly) },
		"a program that says so":       func(p *play) { p.reads("python-requests/2.32", 60, evenly) },
		"a bot that says so":           func(p *play) { p.reads("Mozilla/5.0 AppleWebKit/537.36 (compatible; Examplebot/1.0)", 60, evenly) },
		"a page that draws things in": func(p *play) {
			p.visit(stray, "GET", "/style.css", 200, Referred)
			p.reads(browser, 60, evenly)
		},
		"a key that says whose it is": func(p *play) {
			for n := range 60 {
				p.exchange(stray, Request{Path: "/docs/" + string(rune('a'+n%26)), UserAgent: browser, Key: key("batch")}, 200)
				p.wait(2 * time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, quiet)
			p.readers(warm)
			if found := p.likeBots(func() { play(p) }); found != nil {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestAVerifiedCrawlerIsNoBotHoweverEvenlyItComes(t *testing.T) {
	p := newPlay(t, quiet, func(p *Policy) {
		p.Crawlers, _ = ParseCrawlers("ours firefox 203.0.113.0/24\n")
	})
	p.readers(warm)
	at := func(client string) func() {
		return func() {
			for n := range 60 {
				p.exchange(client, Request{Path: "/docs/" + string(rune('a'+n%26)), UserAgent: browser}, 200)
				p.wait(2 * time.Second)
			}
		}
	}
	if found := p.likeBots(at("203.0.113.7")); found != nil {
		t.Errorf("from its network: %v", found)
	}
	if found := p.likeBots(at("198.51.100.77")); len(found) != 1 {
		t.Errorf("from elsewhere: %v", found)
	}
}
