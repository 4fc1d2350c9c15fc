package gateway

import (
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestWhatStrangersWriteIsKeptBoundedAndSeen(t *testing.T) {
	for _, c := range []struct {
		about, in, want string
		most            int
	}{
		{"as it is", "/api/balance", "/api/balance", 2048},
		{"quotes and markup are text", `x" ,"level":"info" ${jndi:ldap://x} <%= 7*7 %>`, `x" ,"level":"info" ${jndi:ldap://x} <%= 7*7 %>`, 256},
		{"cut", "abcdef", "abc", 3},
		{"letters of all peoples", "/café/東京", "/café/東京", 2048},
		{"not UTF-8", "/\xc0\xaf", "/%C0%AF", 2048},
		{"control characters", "a\x00\n\x7f", "a%00%0A%7F", 2048},
		{"characters that turn text around", "a\u202eb\u2028", "a%E2%80%AEb%E2%80%A8", 2048},
		{"an escape is kept whole or not at all", "ab\x00", "ab", 4},
		{"a letter is kept whole or not at all", "abé", "ab", 3},
		{"a card number", "/pay/4111111111111111/now", "/pay/411111******1111/now", 2048},
		{"a card number with dashes", "/4111-1111-1111-1111", "/4111-11**-****-1111", 2048},
		{"a card number with spaces", "/4111 1111 1111 1111 123", "/4111 11** **** 1111 123", 2048},
		{"a card number with escaped spaces", "/7/4111%201111%201111%201111", "/7/4111%2011**%20****%201111", 2048},
		{"a card number in a form", "12+4111+1111+1111+1111", "12+4111+11**+****+1111", 2048},
		{"a card number across the cut", "/pay/4111111111111111", "/pay/411111******", 17},
		{"nearly a card number", "/pay/4111111111111112", "/pay/4111111111111112", 2048},
		{"milliseconds since 1970", "/1700000000000", "/1700000000000", 2048},
		{"a long number", "/41111111111111114111111111111111", "/41111111111111114111111111111111", 2048},
	} {
		if got := storable(c.in, c.most, percent); got != c.want {
			t.Errorf("%s: %q, want %q", c.about, got, c.want)
		}
	}
	if got := storable("a\x00é", 256, backslash); got != `a\x00é` {
		t.Errorf("a user agent: %q", got)
	}
}

func FuzzStorable(f *testing.F) {
	f.Add("/api/balance", 8)
	f.Add("\xff\xfe4111111111111111", 20)
	f.Add("4111-1111-1111-1111-", 16)
	f.Add("/4111111111111111\n", 99)
	f.Add("\xe4111111111111111", 99)        // an escape that ends in what a card begins with
	f.Add("\xff\xfe411111111111111111", 22) // a longer number, cut to look like one
	f.Fuzz(func(t *testing.T, in string, most int) {
		most &= 0xfff
		got := storable(in, most, percent)
		if len(got) > most {
			t.Fatalf("%d bytes of %d", len(got), most)
		}
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q can't be seen", got)
		}
		if bareCard(in) && got == storable(in, 4*len(in), percent) && bareCard(got) {
			t.Fatalf("%q shows a card", got)
		}
	})
}

// bareCard reports whether the test card stands in s with no digit beside it.
func bareCard(s string) bool {
	const card = "4111111111111111"
	i := strings.Index(s, card)
	digit := func(i int) bool { return i >= 0 && i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '-') }
	return i >= 0 && !digit(i-1) && !digit(i+len(card))
}

func TestAnExchangeKeepsLittleOfALongRequest(t *testing.T) {
	g := &witness{}
	long := strings.Repeat("a", 5000)
	w := ask(New(Config{}, g, http.NotFoundHandler()), request("GET", "/"+long+"?"+long, "192.0.2.1:1", "User-Agent", long))
	x := g.only(t)
	if w.Code != 404 || len(x.Path) != 2048 || len(x.Folded) != 2048 || len(x.Route) != 2048 || len(x.UserAgent) != 256 {
		t.Errorf("got %d; kept %d, %d, %d and %d bytes", w.Code, len(x.Path), len(x.Folded), len(x.Route), len(x.UserAgent))
	}
	g.forget()
	ask(New(Config{}, g, http.NotFoundHandler()), request(strings.Repeat("M", 100), "/", "192.0.2.1:1"))
	if x := g.only(t); len(x.Method) > maxMethod || x.Status != 405 {
		t.Errorf("kept the method %q, answered %d", x.Method, x.Status)
	}
}
