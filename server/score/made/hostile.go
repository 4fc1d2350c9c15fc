package made

import (
	"fmt"
	"time"
)

// A Track is one kind of attack among honest traffic.
type Track struct {
	Name  string
	About string
	Join  func(*Traffic)
}

// Tracks are all there are. Their attackers begin when the honest have been there for a while, so that
// there is something to learn from.
var Tracks = []Track{
	{"stuffing", "20 addresses, each tries 12 to 60 accounts in ten minutes, one in fifty opens", (*Traffic).stuffing},
	{"spread stuffing", "1,000 addresses, one to three tries each in three hours, one program", (*Traffic).spreadStuffing},
	{"stuffing behind 200", "20 addresses at a sign-in page that answers 200 also when it fails", (*Traffic).quietStuffing},
	{"slow guessing", "12 addresses, one failure every 90 s at one account", (*Traffic).slowGuessing},
	{"key flood", "120,000 addresses with a wrong key each, five slow guessers among them", (*Traffic).keyFlood},
	{"geography", "150 accounts, used from another continent within the hour", (*Traffic).geography},
	{"payments", "40 stolen keys that pay without a look at the balance", (*Traffic).payments},
	{"object ids", "20 clients that walk through the ids of others' accounts", (*Traffic).objects},
	{"bursts", "30 clients that send 101 to 140 requests within a minute, 30 that send 100", (*Traffic).bursts},
}

const settledIn = 26 * time.Hour // after which attackers come

var tools = []string{"python-requests/2.31.0", "Go-http-client/2.0", "okhttp/4.9.3", "curl/8.5.0"}

// attacker with a tool, from somewhere.
func (t *Traffic) attacker() Exchange {
	from := pick(t, at)
	return Exchange{Client: t.address(), Country: from.country, ASN: from.asn, Agent: pick(t, tools), Kind: Hostile}
}

// once plays a plan and goes.
func once(plan []step) func() []step {
	return func() []step {
		now := plan
		plan = nil
		return now
	}
}

func (t *Traffic) soon() time.Duration {
	return settledIn + time.Duration(t.Int64N(int64(3*time.Hour)))
}

func as(account string) func(*Exchange) { return func(x *Exchange) { x.Account = account } }

func (t *Traffic) stuffing() {
	for i := range 20 {
		var plan []step
		for k := range 12 + t.IntN(49) {
			s := step{t.about(8 * time.Second), "POST", "/api/login", 401, 71, as(fmt.Sprintf("leaked%d-%d", i, k))}
			if t.chance(2) {
				s.status, s.bytes = 200, 490
			}
			plan = append(plan, s)
		}
		t.join(t.attacker(), t.soon(), once(plan))
	}
}

func (t *Traffic) spreadStuffing() {
	agent := "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.88 Safari/537.36"
	for i := range 1000 {
		who := t.attacker()
		who.Agent = agent
		var plan []step
		for k := range 1 + t.IntN(3) {
			plan = append(plan, step{t.about(40 * time.Second), "POST", "/api/login", 401, 71, as(fmt.Sprintf("combo%d-%d", i, k))})
		}
		t.join(who, t.soon(), once(plan))
	}
}

// quietStuffing is at a page where people sign in too; who fails gets the form again.
func (t *Traffic) quietStuffing() {
	const page, failed, opened = "/web/login", 4310, 0
	for i := range 400 {
		who := t.someone(fmt.Sprintf("web%d", i), t.address())
		who.Agent = pick(t, browsers)
		t.join(who, t.sometime(), func() []step {
			session := fmt.Sprintf("w%x", t.Uint64())
			in := func(x *Exchange) { x.Session = session }
			plan := []step{{t.about(4 * time.Hour), "GET", page, 200, 4290, nil}}
			if t.chance(10) {
				plan = append(plan, step{t.about(8 * time.Second), "POST", page, 200, failed + t.IntN(9), nil})
			}
			return append(plan,
				step{t.about(8 * time.Second), "POST", page, 302, opened, in},
				step{t.about(time.Second), "GET", "/web/home", 200, 15_000, in},
				step{t.about(9 * time.Second), "GET", "/web/statement", 200, 9000, in})
		})
	}
	for i := range 20 {
		var plan []step
		for k := range 25 + t.IntN(30) {
			plan = append(plan, step{t.about(6 * time.Second), "POST", page, 200, failed + t.IntN(9), as(fmt.Sprintf("quiet%d-%d", i, k))})
		}
		t.join(t.attacker(), t.soon(), once(plan))
	}
}

func (t *Traffic) slowly(account string, tries int) []step {
	var plan []step
	for range tries {
		plan = append(plan, step{90 * time.Second, "POST", "/api/login", 401, 71, as(account)})
	}
	return plan
}

func (t *Traffic) slowGuessing() {
	for i := range 12 {
		t.join(t.attacker(), t.soon(), once(t.slowly(fmt.Sprintf("person%d", i), 40)))
	}
}

func (t *Traffic) keyFlood() {
	for i := range 120_000 {
		who := t.attacker()
		who.Kind, who.Key = Bystander, fmt.Sprintf("guess_%d", i)
		t.join(who, settledIn+time.Duration(t.Int64N(int64(20*time.Minute))), once([]step{{0, "GET", "/api/balance", 401, 60, nil}}))
	}
	for i := range 5 {
		t.join(t.attacker(), settledIn, once(t.slowly(fmt.Sprintf("person%d", i), 12)))
	}
}

// geography has the owner at home, a thief elsewhere within the hour, and the owner again long after.
func (t *Traffic) geography() {
	far := []struct {
		country string
		asn     int
	}{{"VN", 45899}, {"NG", 37282}, {"BR", 28573}, {"ID", 7713}, {"MX", 8151}, {"ZA", 3741}}
	for i := range 150 {
		name := fmt.Sprintf("robbed%d", i)
		owner, thief, from := t.someone(name, t.address()), t.attacker(), pick(t, far)
		owner.Country, owner.ASN = "DE", 3320
		thief.Country, thief.ASN, thief.Account = from.country, from.asn, name
		var plan []step
		for range 4 {
			plan = append(plan, t.visitOf(name, 3*time.Hour)...)
		}
		for k, path := range []string{"/api/login", "/api/balance", "/api/transaction"} {
			s := step{t.about(5 * time.Second), "POST", path, 200, 400, func(x *Exchange) { *x = x.by(thief) }}
			if k == 0 {
				s.wait = 10*time.Minute + time.Duration(t.Int64N(int64(40*time.Minute)))
			}
			if k == 1 {
				s.method = "GET"
			}
			plan = append(plan, s)
		}
		t.join(owner, t.sometime(), once(append(plan, t.visitOf(name, 30*time.Hour)...)))
	}
}

// by is the same request, sent by another.
func (x *Exchange) by(who Exchange) Exchange {
	who.At, who.Method, who.Path, who.Status, who.Bytes = x.At, x.Method, x.Path, x.Status, x.Bytes
	return who
}

func (t *Traffic) payments() {
	for i := range 40 {
		who := t.attacker()
		who.Key = fmt.Sprintf("stolen_key_%d", i)
		var plan []step
		for range 2 + t.IntN(6) {
			plan = append(plan, step{t.about(5 * time.Second), "POST", "/api/transaction", 200, 210, nil})
		}
		t.join(who, t.soon(), once(plan))
	}
}

func (t *Traffic) objects() {
	for i := range 20 {
		who := t.attacker()
		who.Account, who.Session = fmt.Sprintf("curious%d", i), fmt.Sprintf("o%x", t.Uint64())
		first := 20_000 + t.IntN(9000)
		var plan []step
		for k := range 70 + t.IntN(100) {
			s := step{t.about(1500 * time.Millisecond), "GET", fmt.Sprintf("/api/accounts/%d/history", first+k), 403, 60, nil}
			if t.chance(20) {
				s.status, s.bytes = 200, 3000
			}
			plan = append(plan, s)
		}
		t.join(who, t.soon(), once(plan))
	}
}

func (t *Traffic) bursts() {
	burst := func(who Exchange, requests int) {
		var plan []step
		for range requests {
			plan = append(plan, step{500 * time.Millisecond, "GET", "/api/rates", 200, 1200, nil})
		}
		t.join(who, t.soon(), once(plan))
	}
	for i := range 30 {
		burst(t.attacker(), 101+t.IntN(40))
		busy := t.attacker()
		busy.Kind, busy.Key, busy.Agent = Honest, fmt.Sprintf("busy_key_%d", i), pick(t, sdks)
		burst(busy, 100)
	}
}
