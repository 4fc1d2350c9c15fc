package engine

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// What sites are that are none of those whose logs rules were made beside.

func TestACrawlerThatAsksForTheRulesMayFollowDeadLinks(t *testing.T) {
	crawl := func(client string, rules bool, dead int) []Finding {
		p := newPlay(t)
		p.readers(warm)
		if rules {
			p.visit(client, "GET", "/robots.txt", 200, 0)
		}
		var found []Finding
		for n := range 30 {
			p.wait(10 * time.Second)
			if n%10 < dead {
				found = append(found, strong(p.visit(client, "GET", fmt.Sprintf("/gone%c/page", 'a'+n), 404, 0))...)
			} else {
				found = append(found, strong(p.visit(client, "GET", "/docs/limits.html", 200, 0))...)
			}
		}
		return append(found, strong(p.visit(client, "GET", "/index.asp", 404, 0))...)
	}
	if found := crawl(stray, true, 2); len(found) > 0 {
		t.Errorf("a crawler with a few dead links: %s", found[0].Rule)
	}
	if found := crawl(stray, true, 8); len(found) == 0 || found[0].Rule != "probing" {
		t.Errorf("who asks for the rules and then for what never was: %v", found)
	}
	if found := crawl(stray, false, 2); len(found) != 1 || found[0].Rule != "unknown-software" {
		t.Errorf("a program that reads no rules and draws nothing in: %v", found)
	}
}

func TestWhoAsksForTheUnknownWithoutAPauseHidesBehindNoGoodAnswers(t *testing.T) {
	p := newPlay(t)
	p.readers(warm)
	for range 30 {
		p.visit(stray, "GET", "/docs/limits.html", 200, 0)
		p.wait(20 * time.Second)
	}
	var found []Finding
	for n := range 6 {
		found = append(found, strong(p.visit(stray, "GET", fmt.Sprintf("/thing%c/page", 'a'+n), 404, 0))...)
		p.wait(time.Second)
	}
	p.finds(found, "probing")
}

// One page named login.php does not make the leavings of every PHP program at home.
func TestAShopIsNoHomeOfSoftwareThatItIsNot(t *testing.T) {
	p := newPlay(t)
	for n := range warm {
		client := fmt.Sprintf("10.21.0.%d", n+1)
		for _, path := range []string{"/konto/login.php", "/admin/index.php", "/phpmyadmin/index.php", "/phpmyadmin/sql.php", "/artikel.php"} {
			p.visit(client, "GET", path, 200, Referred)
		}
	}
	for _, path := range []string{"/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", "/phpinfo.php", "/fckeditor/editor/filemanager/connectors/test.html", "/pma/"} {
		p.wait(time.Hour)
		p.Forget(ActorOf(netip.MustParseAddr(stray)))
		if found := strong(p.visit(stray, "GET", path, 404, 0)); len(found) != 1 || found[0].Rule != "foreign-software" {
			t.Errorf("%s: %v", path, found)
		}
	}
	for _, path := range []string{"/phpmyadmin/themes/gone/index.php", "/about.php", "/artikel.php/bild", "/konto/gone.php", "/admin/config.php"} {
		p.Forget(ActorOf(netip.MustParseAddr(person)))
		if found := strong(p.visit(person, "GET", path, 404, 0)); len(found) != 0 {
			t.Errorf("%s: %s", path, found[0].Rule)
		}
	}
}

// An API has no pages: what is posted to it comes from none, and says so.
func TestClientsOfAnAPIThatPostAreNoCampaign(t *testing.T) {
	for signs, want := range map[Signs]int{0: 0, Returned: 12, Referred: 12} {
		p := newPlay(t)
		p.readers(warm)
		weak := 0
		for n := range 12 {
			for _, f := range p.visit(fmt.Sprintf("172.16.%d.9", n), "POST", "/v1/events", 202, signs) {
				if f.Rule == "bare-post" {
					weak++
				}
			}
		}
		if weak != want {
			t.Errorf("signs %b: %d of 12 posts are noted, want %d", signs, weak, want)
		}
	}
}

func TestMethodsOfSharedFoldersAreToldOfInVainAlone(t *testing.T) {
	ask := func(method, path, agent string, status int) []Finding {
		p := newPlay(t)
		p.readers(warm)
		x := Exchange{Request: Request{ID: 1 << 40, At: p.at, Client: netip.MustParseAddr(stray), Method: method, Path: path, Folded: path, UserAgent: agent}, Status: status}
		return strong(p.Observe(x))
	}
	for name, c := range map[string]struct {
		method, path, agent string
		status              int
		rule                string
	}{
		"a share that is not there":         {"PROPFIND", "/", "", 405, "unknown-software"},
		"a search of a server's":            {"SEARCH", "/docs", "x", 501, "unknown-software"},
		"a folder that is shared":           {"PROPFIND", "/files", "", 207, ""},
		"an office program opens a link":    {"PROPFIND", "/docs/intro.html", "Microsoft Office Existence Discovery", 405, ""},
		"a browser asks before it posts":    {"OPTIONS", "/v1/items", browser, 405, ""},
		"a program changes what is its own": {"PATCH", "/v1/items/7", "sdk/1", 405, ""},
	} {
		found := ask(c.method, c.path, c.agent, c.status)
		if c.rule == "" && len(found) > 0 || c.rule != "" && (len(found) != 1 || found[0].Rule != c.rule) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// A page of another site can have its visitors ask for anything. They are told of; who asks of his
// own accord is refused.
func TestWhoIsLedByAnotherSitesPageIsNotBlocked(t *testing.T) {
	for _, c := range []struct {
		rule, path string
		status     int
		signs      Signs
	}{
		{"injection", "/search", 200, Injection},
		{"leak-probe", "/.env", 404, 0},
		{"foreign-software", "/wp-login.php", 404, 0},
	} {
		p := newPlay(t)
		p.readers(warm)
		led := strong(p.visit(person, "GET", c.path, c.status, c.signs|Elsewhere|Referred))
		if len(led) != 1 || led[0].Rule != c.rule || led[0].Decision != nil {
			t.Errorf("%s: who is led there: %+v", c.rule, led)
		}
		if found := strong(p.visit(stray, "GET", c.path, c.status, c.signs)); len(found) != 1 || found[0].Decision == nil {
			t.Errorf("%s: who goes there: %+v", c.rule, found)
		}
		p.wait(2 * time.Minute)
		if c.rule = "leak-probe"; led[0].Rule == c.rule {
			continue // told of it already
		}
		if found := strong(p.visit(person, "GET", "/.git/config", 404, Elsewhere|Referred)); len(found) != 1 || found[0].Decision == nil {
			t.Errorf("who says so of himself again and again: %+v", found)
		}
	}
}
