package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
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

// An API has no pages, and what is posted to it comes from none.
func TestClientsOfAnAPIThatPostAreNoCampaign(t *testing.T) {
	posts := func(signs Signs, there func(*play)) (weak int) {
		p := newPlay(t)
		there(p)
		for n := range 12 {
			for _, f := range p.visit(fmt.Sprintf("172.16.%d.9", n), "POST", "/v1/events", 202, signs) {
				if f.Rule == "bare-post" {
					weak++
				}
			}
		}
		return weak
	}
	pages := func(p *play) { p.readers(warm) }
	api := func(p *play) {
		for n := range warm {
			for i := range longKnown + 1 {
				p.visit(fmt.Sprintf("172.17.%d.9", n), "GET", fmt.Sprintf("/v1/items/%d", i), 200, 0)
				p.wait(time.Second)
			}
		}
	}
	for name, c := range map[string]struct {
		signs Signs
		there func(*play)
		want  int
	}{
		"to an API, from nowhere":              {0, api, 0},
		"to an API, from a page that it sent":  {Returned, api, 12},
		"to a site of pages, from nowhere":     {0, pages, 12},
		"to a site of pages, from one of them": {Referred, pages, 12},
	} {
		if got := posts(c.signs, c.there); got != c.want {
			t.Errorf("%s: %d of 12 posts are noted, want %d", name, got, c.want)
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

// Some sites answer everything with their front page. What a scanner asks for first is not there for that.
func TestWhatASiteAnswersEverythingWithTeachesNothing(t *testing.T) {
	visit := func(p *play, client, path string, bytes int64, signs Signs) []Finding {
		p.next++
		folded, _ := Fold(path)
		x := Exchange{Request: Request{ID: p.next, At: p.at, Method: "GET", Path: path, Folded: folded, UserAgent: browser, Signs: signs}, Status: 200, Bytes: bytes}
		x.Client = netip.MustParseAddr(client)
		return strong(p.Observe(x))
	}
	p := newPlay(t)
	for i := range warm {
		client := fmt.Sprintf("10.20.0.%d", i+1)
		visit(p, client, "/", 1200, 0)
		visit(p, client, "/style.css", 5000, Referred)
		visit(p, client, "/news", 1200, Referred)
		visit(p, client, "/about", 2200, Referred)
	}
	for n, path := range []string{"/wp-login.php", "/wp-admin/setup-config.php", "/.git/config", "/phpmyadmin/index.php"} {
		p.wait(time.Hour)
		visit(p, fmt.Sprintf("192.0.2.%d", n+1), path, 1200, 0)
	}
	for n, path := range []string{"/wp-login.php", "/wp-admin/setup-config.php", "/.git/config", "/wp-content/plugins/x/readme.php"} {
		p.wait(time.Hour)
		if found := visit(p, fmt.Sprintf("198.51.100.%d", n+1), path, 1200, 0); len(found) == 0 {
			t.Errorf("%s is taken to be there", path)
		}
	}
	if found := visit(p, "198.51.100.99", "/news", 1200, 0); len(found) > 0 {
		t.Errorf("a page that others led to: %s", found[0].Rule)
	}
	for n := range 12 { // short answers say "ok" to many things that are there
		if found := visit(p, person, fmt.Sprintf("/thing%c/state", 'a'+n), 15, 0); len(found) > 0 {
			t.Errorf("an API that says ok: %s", found[0].Rule)
		}
	}
}

func TestARouteIsWrittenInWholeLetters(t *testing.T) {
	for _, path := range []string{"/новости/" + strings.Repeat("я", 200), "/a" + strings.Repeat("東", 100), "/ab" + strings.Repeat("東", 100), "/k\xf6nig/17"} {
		if got := Template(path); len(got) > routeKept || utf8.ValidString(path) && !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
	}
	if got := Template("/новости/17"); got != "/новости/{id}" {
		t.Errorf("%q", got)
	}
}

func TestWhatWasToldOfOthersStaysToldWhenOneIsLifted(t *testing.T) {
	k := newKeyed(1)
	told := newTeller(Defaults(), k)
	client := netip.MustParseAddr(stray)
	stuffing, guessing, after := k.hash(levelClient, uint64(actorOf(client))), max(k.text("alice"), 1), uint64(77)
	tell := func() (news []bool) {
		for _, x := range [][2]uint64{{stuffing, uint64(actorOf(client))}, {guessing, 0}, {after, guessing}} {
			news = append(news, told.news(x[0], x[1], 1000, day.Milliseconds()))
		}
		return news
	}
	for _, c := range []struct {
		lifted Target
		want   []bool
	}{
		{Target{}, []bool{true, true, true}},
		{Target{}, []bool{false, false, false}},
		{ActorOf(netip.MustParseAddr(person)), []bool{false, false, false}},
		{Target{Account: "bob"}, []bool{false, false, false}},
		{ActorOf(client), []bool{true, false, false}},
		{Target{Network: netip.MustParsePrefix("192.0.0.0/16")}, []bool{true, false, false}},
		{Target{Account: "alice"}, []bool{false, true, true}},
	} {
		told.forget(c.lifted)
		if got := tell(); !slices.Equal(got, c.want) {
			t.Errorf("after %v was lifted: %v, want %v", c.lifted, got, c.want)
		}
	}
}

// A key that every copy of an app holds is not its thief's alone.
func TestAKeyThatManyUseWellIsNotBlockedForOneOfThem(t *testing.T) {
	for name, c := range map[string]struct {
		users int
		want  Target
	}{
		"of an app":    {6, ActorOf(netip.MustParseAddr(attacker))},
		"of one alone": {1, Target{Key: key("shared")}},
	} {
		p := newPlay(t, decoys)
		for n := range c.users {
			for range 4 {
				p.exchange(fmt.Sprintf("10.30.%d.1", n), Request{Path: "/api/balance", Key: key("shared"), UserAgent: "PayApp/4"}, 200)
				p.wait(time.Second)
			}
		}
		p.next++
		r := Request{ID: p.next, At: p.at, Method: "GET", Path: "/api/balance", Folded: "/api/balance", Client: netip.MustParseAddr(attacker), Key: key("shared"), Account: "treasury"}
		v := p.Decide(r)
		if v.Finding == nil || v.Finding.Decision == nil || v.Finding.Decision.Target != c.want {
			t.Errorf("a key %s: %+v", name, v.Finding)
		}
	}
}

func TestTheAnomalyRuleCountsSecondsBeyondThirtyOneBits(t *testing.T) {
	w := watchAnomalies(Defaults(), Terms{}, newKeyed(1)).(*oddities)
	v := &view{Exchange: Exchange{Request: Request{Client: netip.MustParseAddr(person), Method: "GET", Folded: "/", UserAgent: browser}, Status: 200}}
	v.At = time.UnixMilli((1<<31 + 5) * 1000)
	for range 2 {
		w.ask(v, &question{})
		v.At = v.At.Add(time.Minute)
	}
	hash := w.hash(uint64(actorOf(v.Client)))
	s, set := w.at(hash)
	if rate := w.clients[s.first+s.find(set, uint64(actorOf(v.Client)), hash)].rate; rate != 1.5 {
		t.Errorf("one request, and another a minute later, are %v a minute", rate)
	}
}
