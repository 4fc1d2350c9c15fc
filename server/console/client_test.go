package console_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/console"
)

// behind a proxy, whose address is that of every connection of these tests.
func behind(c *console.Config) {
	c.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.200/32"), netip.MustParsePrefix("10.0.0.0/8")}
}

// guess gives a wrong password, and answers the code.
func (o *office) guess(header string) int {
	o.t.Helper()
	return o.post("/session", map[string]string{"name": "mara", "password": "seven otters knot"}, header).code
}

// exhaust guesses until there is a wait, by at most so many headers.
func (o *office) exhaust(header func(i int) string) bool {
	o.t.Helper()
	for i := range 40 {
		if o.guess(header(i)) == 429 {
			return true
		}
	}
	return false
}

func TestWhoGuessesBehindAProxyMakesNobodyElseWait(t *testing.T) {
	for header, c := range map[string]struct {
		changes func(*console.Config)
		says    string // of an entry that the client wrote and the address that the proxy saw
	}{
		"X-Forwarded-For":                   {behind, "X-Forwarded-For: %s, %s"},
		"X-Forwarded-For, two proxies":      {behind, "X-Forwarded-For: %s, %s, 10.0.0.3"},
		"X-Forwarded-For, IPv6 on the left": {behind, "X-Forwarded-For: [2001:db8::1]:80, %s, %s"},
		"Forwarded":                         {func(c *console.Config) { behind(c); c.ClientHeader = "forwarded" }, "Forwarded: for=%s, for=%s"},
	} {
		o := openOffice(t, c.changes)
		if !o.exhaust(func(i int) string { return fmt.Sprintf(c.says, fmt.Sprintf("203.0.113.%d", i), "198.51.100.66") }) {
			t.Errorf("%s: what a client writes to the left gets him out of the wait", header)
		}
		if code := o.guess(fmt.Sprintf(c.says, "198.51.100.66", "198.51.100.7")); code != 401 {
			t.Errorf("%s: who names the guesser to the left is answered %d", header, code)
		}
		mara := map[string]string{"name": "mara", "password": good}
		for _, victim := range []string{"203.0.113.1", "198.51.100.7"} {
			if a := o.post("/session", mara, fmt.Sprintf(c.says, "198.51.100.66", victim)); a.code != 200 {
				t.Errorf("%s: %s, whom the guesser named, is answered %d %s", header, victim, a.code, a.body)
			}
		}
		if a := o.post("/session", mara, fmt.Sprintf(c.says, "203.0.113.1", "198.51.100.66")); a.code != 429 || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: the guesser is answered %d", header, a.code)
		}
	}
}

func TestWhoIsNoProxySpeaksForNobodyAtTheConsole(t *testing.T) {
	for about, change := range map[string]func(*console.Config){
		"nobody is trusted": func(*console.Config) {},
		"others are":        func(c *console.Config) { c.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} },
		"by another header": func(c *console.Config) { behind(c); c.ClientHeader = "X-Real-IP" },
		"and not by simulating either": func(c *console.Config) {
			c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		},
	} {
		o := openOffice(t, change)
		for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Simulated-IP"} {
			if !o.exhaust(func(i int) string { return fmt.Sprintf("%s: 198.51.100.%d", name, i) }) {
				t.Errorf("%s: %s gets a guesser out of the wait", about, name)
			}
		}
	}
}

func TestAProxyThatNamesNobodyIsWhoAsks(t *testing.T) {
	o := openOffice(t, behind)
	if !o.exhaust(func(int) string { return "X-Forwarded-For: unknown" }) {
		t.Error("a header that names nobody gets a guesser out of the wait")
	}
	if code := o.guess("X-Forwarded-For: 198.51.100.7"); code != 401 {
		t.Errorf("another is answered %d", code)
	}
}

func TestOperatorsAreKnownByTheirTrueAddressBehindAProxy(t *testing.T) {
	o := openOffice(t, behind)
	const from = "X-Forwarded-For: 203.0.113.1, ::ffff:198.51.100.7"
	a := o.post("/session", map[string]string{"name": "mara", "password": good}, from)
	if a.code != 200 {
		t.Fatalf("answered %d %s", a.code, a.body)
	}
	cookie := "Cookie: " + strings.Split(a.header.Get("Set-Cookie"), ";")[0]
	if _, code := o.graphql(`mutation{block(input:{target:"198.51.100.99"}){id}}`, cookie, from); code != "" {
		t.Fatalf("a block is answered %s", code)
	}
	if len(o.from) == 0 || slices.ContainsFunc(o.from, func(a netip.Addr) bool { return a != netip.MustParseAddr("198.51.100.7") }) {
		t.Errorf("operators were seen at %v", o.from)
	}
	audit, _ := o.graphql(`{audit(first:10){edges{node{verb origin}}}}`, cookie, from)
	for _, want := range []string{`"verb":"sign-in","origin":"198.51.100.7"`, `"verb":"block","origin":"198.51.100.7"`} {
		if !strings.Contains(audit.body, want) {
			t.Errorf("the audit log lacks %s: %s", want, audit.body)
		}
	}
}

func TestSocketsThatAskAreCountedByWhoAsksBehindAProxy(t *testing.T) {
	o := openOffice(t, behind)
	const ours = "Origin: http://" + host
	for i := 0; ; i++ {
		p, code := o.dial("graphql-transport-ws", ours, fmt.Sprintf("X-Forwarded-For: 203.0.113.%d, 198.51.100.66", i))
		if p == nil {
			if code != 503 || i < 10 {
				t.Errorf("socket %d is answered %d", i, code)
			}
			break
		}
		if i > 40 {
			t.Fatal("one address may open any number of sockets")
		}
	}
	if p, code := o.dial("graphql-transport-ws", ours, "X-Forwarded-For: 198.51.100.66, 198.51.100.7"); p == nil {
		t.Errorf("another's is answered %d", code)
	}
}
