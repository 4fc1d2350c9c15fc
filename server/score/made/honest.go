package made

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Honest adds people and programs that a financial API has, so many that they send about perDay
// requests a day. What they do wrong is what honest ones do wrong: mistyped passwords, sessions that
// end, links to what is no more, a release with a wrong path, offices behind one address, travel.
func (t *Traffic) Honest(perDay int) {
	share := func(percent, each int) int { return max(perDay/100*percent/each, 1) }
	for i := range share(50, 45) {
		t.person(i, t.address(), t.sometime())
	}
	for i := range share(12, 45*40) {
		t.office(i)
	}
	for i := range share(22, 5760) {
		t.program(i)
	}
	for range share(2, 8640) {
		t.monitor()
	}
	for i := range share(6, 1440) {
		t.crawler(i)
	}
	for i := range share(1, 60) {
		t.traveller(i)
	}
	for i := range share(2, 700) {
		t.oldRelease(i)
	}
}

// sometime is a time of the first day.
func (t *Traffic) sometime() time.Duration { return time.Duration(t.Int64N(int64(24 * time.Hour))) }

var (
	phones = func() (all []string) {
		for minor := range 12 {
			all = append(all, fmt.Sprintf("PayApp/4.%d (iPhone; iOS 19.%d)", minor, minor%4), fmt.Sprintf("PayApp/4.%d (Android 16; Pixel %d)", minor, 6+minor%5))
		}
		return all
	}()
	browsers = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:148.0) Gecko/20100101 Firefox/148.0",
	}
	sdks = []string{"acme-payments-go/2.3", "acme-payments-python/1.9 python-requests/2.33", "acme-payments-node/5.1 axios/1.13", "Apache-HttpClient/5.5 (Java/25)"}
	at   = []struct {
		country string
		asn     int
	}{{"DE", 3320}, {"DE", 3209}, {"FR", 3215}, {"GB", 2856}, {"US", 7922}, {"US", 7018}, {"NL", 1136}, {"PL", 5617}, {"ES", 3352}, {"IT", 3269}, {"SE", 3301}, {"BR", 26599}, {"IN", 55836}}
)

func (t *Traffic) someone(name string, client netip.Addr) Exchange {
	lives := pick(t, at)
	agent := pick(t, phones)
	if t.chance(40) {
		agent = pick(t, browsers)
	}
	return Exchange{Client: client, Country: lives.country, ASN: lives.asn, Agent: agent, Account: name}
}

// person signs in a few times a day and looks after his money.
func (t *Traffic) person(i int, client netip.Addr, after time.Duration) {
	name := fmt.Sprintf("person%d", i)
	t.join(t.someone(name, client), after, func() []step { return t.visitOf(name, 5*time.Hour) })
}

// visitOf is one visit of a person: he signs in, sometimes not at once, and looks before he pays.
func (t *Traffic) visitOf(name string, pause time.Duration) (plan []step) {
	session := fmt.Sprintf("s%x", t.Uint64())
	in := func(x *Exchange) { x.Session = session }
	add := func(wait time.Duration, method, path string, status, bytes int) {
		plan = append(plan, step{t.about(wait), method, path, status, bytes, in})
	}
	wrong := 0
	switch {
	case t.chance(0.5): // forgotten: he gives up and has it reset
		wrong = 3 + t.IntN(2)
	case t.chance(8):
		wrong = 1
	}
	wait := pause
	for range wrong {
		add(wait, "POST", "/api/login", 401, 70+t.IntN(3))
		wait = 9 * time.Second
	}
	if wrong > 2 {
		add(wait, "POST", "/api/password-reset", 202, 40)
		wait = 2 * time.Minute
	}
	add(wait, "POST", "/api/login", 200, 480+t.IntN(30))
	add(time.Second, "GET", "/api/balance", 200, 90)
	add(time.Second, "GET", "/api/accounts", 200, 900)
	for range t.IntN(4) {
		add(6*time.Second, "GET", fmt.Sprintf("/api/accounts/%d/history", 10_000+len(name)*977+t.IntN(2)), 200, 3000+t.IntN(2000))
	}
	if t.chance(15) {
		add(3*time.Second, "GET", fmt.Sprintf("/api/avatars/%s.png", name), 404, 20)
	}
	for range t.IntN(3) {
		add(20*time.Second, "GET", "/api/balance", 200, 90)
		add(8*time.Second, "POST", "/api/transaction", 200, 210)
	}
	if t.chance(10) {
		add(25*time.Second, "GET", fmt.Sprintf("/api/cards/%d", 40_000+t.IntN(20_000)), 200, 400)
	}
	if t.chance(6) { // the session has ended: the app asks again after signing in anew
		add(16*time.Minute, "GET", "/api/balance", 401, 60)
		add(time.Second, "POST", "/api/login", 200, 480)
		add(time.Second, "GET", "/api/balance", 200, 90)
	}
	return plan
}

// office is forty people behind one address who work by day.
func (t *Traffic) office(i int) {
	client := t.address()
	lives := pick(t, at)
	for k := range 40 {
		name := fmt.Sprintf("office%d-%d", i, k)
		who := t.someone(name, client)
		who.Country, who.ASN, who.Agent = lives.country, lives.asn, browsers[k%len(browsers)]
		t.join(who, 7*time.Hour+time.Duration(t.Int64N(int64(10*time.Hour))), func() []step { return t.visitOf(name, 5*time.Hour) })
	}
}

// program polls with a key; some pay in batches, after a look at the balance.
func (t *Traffic) program(i int) {
	lives := pick(t, at)
	who := Exchange{Client: t.address(), Country: lives.country, ASN: lives.asn, Agent: pick(t, sdks), Key: fmt.Sprintf("live_key_%d", i)}
	every := time.Duration(5+t.IntN(25)) * time.Second
	pays := t.chance(30)
	t.join(who, t.about(every), func() []step {
		plan := []step{{wait: every, method: "GET", path: "/api/rates", status: 200, bytes: 1200}}
		switch {
		case pays && t.chance(20):
			plan = append(plan, step{wait: time.Second, method: "GET", path: "/api/balance", status: 200, bytes: 90})
			for range 1 + t.IntN(12) {
				plan = append(plan, step{wait: t.about(700 * time.Millisecond), method: "POST", path: "/api/transaction", status: 200, bytes: 210})
			}
		case t.chance(0.2): // the API is away for a moment, and the program tries again
			for k := range 4 {
				plan = append(plan, step{wait: time.Second << k, method: "GET", path: "/api/rates", status: 503, bytes: 30})
			}
		case t.chance(30):
			plan = append(plan, step{wait: time.Second, method: "GET", path: "/api/history", status: 200, bytes: 5000})
		}
		return plan
	})
}

// monitor asks whether the API is well.
func (t *Traffic) monitor() {
	who := Exchange{Client: t.address(), Country: "US", ASN: 14061, Agent: "UptimeProbe/2.0 (+https://status.example.com)"}
	t.join(who, t.about(10*time.Second), func() []step {
		return []step{{wait: 10 * time.Second, method: pick(t, []string{"GET", "HEAD"}), path: "/healthz", status: 200, bytes: 15}}
	})
}

// published are ranges that crawlers publish as theirs: Googlebot (developers.google.com/search/apis/ipranges),
// Bingbot (bing.com/toolbox/bingbot.json).
var published = []struct {
	agent, network, country string
	asn                     int
}{
	{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "66.249.64.0/19", "US", 15169},
	{"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "157.55.39.0/24", "US", 8075},
	{"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "207.46.13.0/24", "US", 8075},
}

// crawler reads the public pages, and asks for many that are no more. Every other one proves who it
// is; the rest only say so.
func (t *Traffic) crawler(i int) {
	var who Exchange
	if i%2 == 0 {
		p := pick(t, published)
		b := netip.MustParsePrefix(p.network).Addr().As4()
		b[3] = byte(1 + t.IntN(254))
		if p.asn == 15169 {
			b[2] += byte(t.IntN(16))
		}
		who = Exchange{Client: netip.AddrFrom4(b), Country: p.country, ASN: p.asn, Agent: p.agent, Kind: Bot}
	} else {
		who = Exchange{Client: t.address(), Country: "FR", ASN: 16276, Agent: fmt.Sprintf("Mozilla/5.0 (compatible; SeoReader/%d.0; +https://seo.example/bot)", 1+i%7)}
	}
	t.join(who, t.sometime(), func() []step {
		plan := []step{{wait: t.about(20 * time.Minute), method: "GET", path: "/robots.txt", status: 200, bytes: 120}}
		for range 5 + t.IntN(30) {
			s := step{wait: t.about(20 * time.Second), method: "GET", path: fmt.Sprintf("/docs/page-%d", t.IntN(300)), status: 200, bytes: 8000}
			switch {
			case t.chance(12):
				s.path, s.status, s.bytes = fmt.Sprintf("/blog/20%02d/old-post-%d", 15+t.IntN(10), t.IntN(80)), 404, 900
			case t.chance(5):
				s.path, s.status, s.bytes = pick(t, []string{"/sitemap.xml", "/favicon.ico", "/ads.txt", "/apple-touch-icon.png", "/feed"}), 404, 900
			}
			plan = append(plan, s)
		}
		return plan
	})
}

// traveller is a person who flies once in a while, and calls from where he lands.
func (t *Traffic) traveller(i int) {
	name := fmt.Sprintf("traveller%d", i)
	who := t.someone(name, t.address())
	visits, here := 0, who
	t.join(who, t.sometime(), func() []step {
		visits++
		plan := t.visitOf(name, 3*time.Hour)
		if visits%40 == 39 { // a flight, which takes half a day, and another network
			plan[0].wait += 14 * time.Hour
			lands := pick(t, at)
			here.Client, here.Country, here.ASN = t.address(), lands.country, lands.asn
		}
		client, country, asn := here.Client, here.Country, here.ASN
		for k := range plan {
			in := plan[k].as
			plan[k].as = func(x *Exchange) { in(x); x.Client, x.Country, x.ASN = client, country, asn }
		}
		return plan
	})
}

// oldRelease is an app that asks for a route that is no more, each time it starts.
func (t *Traffic) oldRelease(i int) {
	name := fmt.Sprintf("late%d", i)
	who := t.someone(name, t.address())
	who.Agent = "PayApp/2.1 (Android 12; SM-G960F)"
	t.join(who, t.sometime(), func() []step {
		return slices.Concat([]step{
			{wait: t.about(40 * time.Minute), method: "GET", path: "/api/v1/config", status: 404, bytes: 30},
			{wait: time.Second, method: "GET", path: "/api/v1/messages", status: 404, bytes: 30},
		}, t.visitOf(name, time.Second))
	})
}
