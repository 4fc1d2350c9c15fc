package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// signIn is how most APIs would be set up.
var signIn = Config{
	Keys:     []Source{{In: "header", Name: "X-API-Key"}, {In: "query", Name: "api_key"}},
	Accounts: []Source{{In: "json", Name: "username", Routes: []string{"/login"}, Methods: []string{"POST"}}, {In: "form", Name: "username", Routes: []string{"/login"}, Methods: []string{"post"}}},
	Sessions: []Source{{In: "cookie", Name: "sid"}, {In: "bearer"}},
}

func packed(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func TestTheAccountIsReadFromTheBodyAndTheBodyGoesOnUnchanged(t *testing.T) {
	const (
		json  = "application/json"
		form  = "application/x-www-form-urlencoded"
		parts = "multipart/form-data; boundary=b"
	)
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	pad := strings.Repeat("x", maxPeek)
	for _, c := range []struct {
		about, kind, encoding, body string
		account                     string
		flags                       []string
	}{
		{"JSON", json, "", `{"username":"alice","password":"x"}`, "alice", nil},
		{"JSON with spaces", json, "", " \r\n{ \"password\" : \"x\" ,\n \"username\" : \"alice\" }\n", "alice", nil},
		{"JSON with escapes", json, "", `{"user\u006eame":"\u0061l\u0069ce"}`, "alice", nil},
		{"JSON with a byte order mark", json, "", "\xef\xbb\xbf{\"username\":\"alice\"}", "alice", nil},
		{"the name in another case, as Go's own decoder reads it", json, "", `{"UserName":"alice"}`, "alice", nil},
		{"JSON under another Content-Type", "text/plain", "", `{"username":"alice"}`, "alice", nil},
		{"JSON without Content-Type", "", "", `{"username":"alice"}`, "alice", nil},
		{"a number", json, "", `{"username":12345}`, "12345", nil},
		{"only at the top", json, "", `{"user":{"username":"bob"},"list":[{"username":"eve"}],"username":"alice"}`, "alice", nil},
		{"brackets within text", json, "", `{"note":"}]\"{","username":"alice"}`, "alice", nil},
		{"no such field", json, "", `{"user":"alice"}`, "", nil},
		{"a field twice", json, "", `{"username":"alice","username":"bob","password":"x"}`, "alice, bob", []string{"duplicate_key"}},
		{"a field in two cases", json, "", `{"username":"alice","Username":"bob"}`, "alice, bob", []string{"duplicate_key"}},
		{"a field twice, alike", json, "", `{"username":"alice","username":"ALICE "}`, "alice", []string{"duplicate_key"}},
		{"a field many times", json, "", `{"username":"alice","username":"x","username":"y","username":"bob"}`, "alice, bob", []string{"duplicate_key"}},
		{"a list", json, "", `{"username":["alice"]}`, "", []string{"body_unread"}},
		{"nothing", json, "", `{"username":null}`, "", []string{"body_unread"}},
		{"broken behind it", json, "", `{"username":"alice",`, "alice", []string{"body_unread"}},
		{"no JSON at all", json, "", `username: alice`, "", []string{"body_unread"}},
		{"deep", json, "", strings.Repeat(`{"a":`, 500) + "1", "", []string{"body_unread"}},
		{"early in a large body", json, "", `{"username":"alice","x":"` + pad + pad + `"}`, "alice", []string{"body_unread"}},
		{"late in a large body", json, "", `{"x":"` + pad + `","username":"alice"}`, "", []string{"body_unread"}},
		{"gzip", json, "gzip", packed(`{"username":"alice"}`), "alice", nil},
		{"gzip in capitals", json, "GZIP", packed(`{"username":"alice"}`), "alice", nil},
		{"deflate", json, "deflate", deflated(`{"username":"alice"}`), "alice", nil},
		{"two members of gzip", json, "gzip", packed(`{"username":`) + packed(`"alice"}`), "alice", nil},
		{"gzip twice", json, "gzip, gzip", packed(packed(`{"username":"alice"}`)), "", []string{"body_unread"}},
		{"not gzip", json, "gzip", `{"username":"alice"}`, "", []string{"body_unread"}},
		{"an encoding nobody knows", json, "br", `xx`, "", []string{"body_unread"}},
		{"a form", form, "", "password=x&username=alice%2B1", "alice+1", nil},
		{"a form with its name encoded", form, "", "user%6eame=al+ice", "al ice", nil},
		{"a form with a field twice", form, "", "username=alice&username=bob", "alice, bob", []string{"duplicate_key"}},
		{"a packed form", form, "gzip", packed("username=alice"), "alice", nil},
		{"a large form", form, "", "username=alice&x=" + pad, "alice", []string{"body_unread"}},
		{"multipart", parts, "", part("password", "x") + part("username", "alice") + "--b--\r\n", "alice", nil},
		{"multipart with a field twice", parts, "", part("username", "alice") + part("username", "bob") + "--b--\r\n", "alice, bob", []string{"duplicate_key"}},
		{"multipart with its end missing", parts, "", part("username", "alice") + part("x", ""), "alice", []string{"body_unread"}},
		{"multipart without a boundary", "multipart/form-data", "", part("username", "alice") + "--b--\r\n", "", []string{"body_unread"}},
		{"no body", json, "", "", "", nil},
		{"an address in the text", json, "", `{"username":"root from 203.0.113.9 port 22 ssh2"}`, "root from 203.0.113.9 port 22 ssh2", nil},
		{"a card number", json, "", `{"username":"4111 1111"}`, "4111 1111", nil},
		{"a card number that is one", json, "", `{"username":"4111111111111111"}`, "411111******1111", nil},
	} {
		for _, chunked := range []bool{false, true} {
			api, g := &taker{}, &witness{}
			s := httptest.NewServer(New(signIn, g, api))
			var body io.Reader = strings.NewReader(c.body)
			if chunked {
				body = iotest.HalfReader(struct{ io.Reader }{body})
			}
			r, _ := http.NewRequest("POST", s.URL+"/login", body)
			if c.kind != "" {
				r.Header.Set("Content-Type", c.kind)
			}
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			res, err := s.Client().Do(r)
			if err != nil {
				t.Fatalf("%s: %v", c.about, err)
			}
			res.Body.Close()
			s.Close()
			x := g.only(t)
			if x.Account != c.account || !slices.Equal(x.Flags.Names(), c.flags) {
				t.Errorf("%s, chunked %v: account %q, flags %v", c.about, chunked, x.Account, x.Flags.Names())
			}
			if api.body != c.body || api.err != nil || x.Status != 200 {
				t.Errorf("%s, chunked %v: the API got %d bytes of %d, %v", c.about, chunked, len(api.body), len(c.body), api.err)
			}
			if g.asked[0].Account != "" {
				t.Errorf("%s: the body was read before the request was judged", c.about)
			}
		}
	}
}

func TestBodiesAreReadWhereASourceSaysSo(t *testing.T) {
	for _, c := range []struct{ method, path, account string }{
		{"POST", "/login", "alice"},
		{"POST", "/LOGIN/", "alice"},
		{"POST", "/login/step2", "alice"},
		{"POST", "/%6cogin;a=b", "alice"},
		{"POST", "/loginx", ""},
		{"POST", "/api/login", ""},
		{"PUT", "/login", ""},
	} {
		g := &witness{}
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(`{"username":"alice"}`))
		ask(New(signIn, g, &taker{}), r)
		if x := g.only(t); x.Account != c.account {
			t.Errorf("%s %s: %q", c.method, c.path, x.Account)
		}
	}
}

func TestABombCostsNothing(t *testing.T) {
	bomb := packed(strings.Repeat("\x00", 64<<20)) + packed(`{"username":"alice"}`)
	g, api := &witness{}, &taker{}
	gw := New(signIn, g, api)
	r := httptest.NewRequest("POST", "/login", strings.NewReader(bomb))
	r.Header.Set("Content-Encoding", "gzip")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	ask(gw, r)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 || took > time.Second {
		t.Errorf("took %v and %d bytes", took, grown)
	}
	if x := g.only(t); x.Account != "" || x.Flags != engine.BodyUnread || api.body != bomb {
		t.Errorf("account %q, flags %v, %d bytes passed on", x.Account, x.Flags.Names(), len(api.body))
	}
}

func TestABodyThatCantBeReadIsRefusedBeforeTheAPIIsAsked(t *testing.T) {
	for _, c := range []struct {
		about  string
		err    error
		status int
	}{
		{"ended early", io.ErrUnexpectedEOF, 400},
		{"badly framed", errors.New("malformed chunked encoding"), 400},
		{"too large", &http.MaxBytesError{Limit: 5}, 413},
	} {
		g, api := &witness{}, &taker{}
		w := ask(New(signIn, g, api), httptest.NewRequest("POST", "/login", io.MultiReader(strings.NewReader(`{"user`), iotest.ErrReader(c.err))))
		if x := g.only(t); w.Code != c.status || api.calls != 0 || !x.Refused || x.Cause != CauseBody {
			t.Errorf("%s: got %d, %d calls, %+v", c.about, w.Code, api.calls, x)
		}
	}
}

func TestSpellingsOfAnAccountAreOneAccount(t *testing.T) {
	for _, spelling := range []string{
		"alice", "ALICE", "alice ", "\u00a0alice", "al\u200bice", "\uff41lice", "\talice\n", "\u2003Alice\u3000", "\ufeffalice", "a\u00adlice", "\u202ealice",
		"al\u2060ice", "ali\ufe0fce", "alic\u034fe", "\u24d0lice", "\x00alice", "alice\u180e", "\u115falice",
	} {
		if got := saidOnce(spelling).account(); got != "alice" {
			t.Errorf("%q became %q", spelling, got)
		}
	}
	for in, want := range map[string]string{
		"":                            "",
		"\u200b":                      "",
		"Jos\u00e9":                   "josé",
		"Jose\u0301":                  "josé",
		"\u212aelvin":                 "kelvin",
		"\ufb01nn":                    "finn",
		"Alice Smith":                 "alice smith",
		"alice@Example.COM":           "alice@example.com",
		"\xff\xfe":                    "%EF%BF%BD%EF%BF%BD",
		strings.Repeat("a", 200):      strings.Repeat("a", 128),
		strings.Repeat("\ufdfa", 400): "",
	} {
		got := saidOnce(in).account()
		if strings.HasPrefix(in, "\ufdfa") {
			if len(got) > 128 {
				t.Errorf("kept %d bytes", len(got))
			}
			continue
		}
		if got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func FuzzAccount(f *testing.F) {
	for _, s := range []string{"alice", "\u0130\u0307", "\u1e9e", "\u00a8 ", "4111111111111111", "\u200d4111\u200b1111", "\xff"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		folded := foldAccount(one)
		if again := foldAccount(folded); again != folded {
			t.Fatalf("%q became %q, which became %q", one, folded, again)
		}
		if got := (said{one, two, 2}).account(); len(got) > maxAccount {
			t.Fatalf("%d bytes", len(got))
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"username":"alice","a":{"b":[1,true,null,"x\"",{}]}}`))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nalice\r\n--b--\r\n"))
	f.Add([]byte("username=alice&x=%zz"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []string{"application/json", "multipart/form-data; boundary=b"} {
			for _, s := range newSources([]Source{{In: "json", Name: "a.b"}, {In: "form", Name: "username"}}) {
				fields := newFields(body, false, kind)
				if found, _ := fields.find(&s); found.times < 0 || found.times == 0 && found.first != "" {
					t.Fatalf("found %+v", found)
				}
			}
		}
	})
}

func TestSecretsAreNamedAndNeverKept(t *testing.T) {
	g := &witness{}
	gw := New(signIn, g, &taker{})
	ask(gw, request("GET", "/api/pay?token=SECRET-TOKEN-1&api%5Fkey=SECRET-TOKEN-9", "192.0.2.7:1", "Authorization", "bearer SECRET-TOKEN-2", "Cookie", "a=b; sid=SECRET-TOKEN-3"))
	x := g.only(t)
	if text := fmt.Sprintf("%+v", x); strings.Contains(text, "TOKEN") {
		t.Errorf("kept %s", text)
	}
	k := gw.(*gateway).keys
	if x.Key != k.name("SECRET-TOKEN-9") || x.Session != k.name("SECRET-TOKEN-3") {
		t.Errorf("key %v, session %v", x.Key.Prefix, x.Session.Prefix)
	}
	g.forget()
	ask(gw, request("GET", "/", "192.0.2.7:1", "Authorization", "bearer SECRET-TOKEN-2"))
	if x := g.only(t); x.Session != k.name("SECRET-TOKEN-2") {
		t.Error("the bearer's token is no session")
	}
}

func TestAnAccountInAHeaderOfProxiesCountsFromProxiesOnly(t *testing.T) {
	c := Config{Trusted: houses, Accounts: []Source{{In: "header", Name: "X-Forwarded-User"}}}
	for from, want := range map[string]string{"10.0.0.1:1": "alice", "192.0.2.7:1": ""} {
		g := &witness{}
		ask(New(c, g, &taker{}), request("GET", "/", from, "X-Forwarded-User", "Alice"))
		if x := g.only(t); x.Account != want {
			t.Errorf("from %s: %q", from, x.Account)
		}
	}
}

func TestANestedFieldOfJSON(t *testing.T) {
	g := &witness{}
	c := Config{
		Accounts: []Source{{In: "json", Name: "user.name"}},
		Keys:     []Source{{In: "json", Name: "auth.key"}},
		Sessions: []Source{{In: "json", Name: "session"}},
	}
	gw := New(c, g, &taker{})
	ask(gw, httptest.NewRequest("POST", "/", strings.NewReader(`{"name":"x","user":{"name":"Alice"},"auth":{"key":"k1"},"session":"s1"}`)))
	k := gw.(*gateway).keys
	if x := g.only(t); x.Account != "alice" || x.Key != k.name("k1") || x.Session != k.name("s1") || x.Flags != 0 {
		t.Errorf("got %+v", x.Request)
	}
}

func TestASimulatedAddressIsFlaggedOutsideOfTheDemo(t *testing.T) {
	for _, demo := range []bool{true, false} {
		g, api := &witness{}, &taker{}
		ask(New(Config{Demo: demo}, g, api), request("GET", "/", "127.0.0.9:1", "X-Simulated-IP", "192.0.2.10"))
		if x := g.only(t); x.Flags&engine.SimulatedHeader != 0 == demo || x.Client.String() != "127.0.0.9" || len(api.header) != 0 {
			t.Errorf("demo %v: %+v; the API sees %v", demo, x, api.header)
		}
	}
}

func TestSourcesAreChecked(t *testing.T) {
	for _, c := range []struct {
		source Source
		field  string
	}{
		{Source{In: "json", Name: "username", Routes: []string{"/login", "/auth/"}}, ""},
		{Source{In: "bearer"}, ""},
		{Source{In: "body", Name: "x"}, "in"},
		{Source{In: "header"}, "name"},
		{Source{In: "bearer", Name: "x"}, "name"},
		{Source{In: "query", Name: strings.Repeat("x", 200)}, "name"},
		{Source{In: "query", Name: "x", Routes: []string{"/Login"}}, "routes"},
		{Source{In: "query", Name: "x", Routes: []string{"login"}}, "routes"},
	} {
		err := c.source.Validate()
		var invalid engine.Invalid
		if errors.As(err, &invalid); invalid.Field != c.field {
			t.Errorf("%+v: %v", c.source, err)
		}
	}
}

// hurried connections tell until when something must have come.
type hurried struct {
	net.Listener
	due chan<- time.Time
}

func (l hurried) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return hurriedConn{c, l.due}, err
}

type hurriedConn struct {
	net.Conn
	due chan<- time.Time
}

func (c hurriedConn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	c.due <- t
	return err
}

func TestABodyThatIsLookedIntoHasItsTimeAndThenAllTheTimeOfTheAPI(t *testing.T) {
	api := &taker{}
	g := &witness{}
	s := httptest.NewUnstartedServer(New(Config{Accounts: []Source{{In: "json", Name: "username"}}, BodyPatience: 200 * time.Millisecond}, g, api))
	hurry := make(chan time.Time, 64)
	s.Listener = hurried{s.Listener, hurry}
	s.Start()
	defer s.Close()
	send := func(beginning string, length int) (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(c, "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", length, beginning)
		return c, bufio.NewReader(c)
	}
	c, in := send(`{"user`, 100)
	defer c.Close()
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 408 ") || api.calls != 0 {
		t.Errorf("who does not send on gets %q, %v", line, err)
	}

	for len(hurry) > 0 { // of the one before
		<-hurry
	}
	beginning := `{"username":"alice","note":"` + strings.Repeat("x", maxPeek)
	c, in = send(beginning, len(beginning)+2)
	defer c.Close()
	next := func() (due time.Time) {
		select {
		case due = <-hurry:
		case <-time.After(10 * time.Second):
			t.Fatal("there is no end to its patience, or none to its hurry")
		}
		return due
	}
	for next().IsZero() { //nolint:revive // until there is a time by which it must go on
	}
	for !next().IsZero() { //nolint:revive // and until there is none
	}
	io.WriteString(c, `"}`)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200 ") || len(api.body) != len(beginning)+2 {
		t.Errorf("a long body that goes on later gets %q, %v", line, err)
	}
}
