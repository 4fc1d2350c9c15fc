package gateway

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"
)

// A taker is an API that remembers what reached it.
type taker struct {
	calls   int
	header  http.Header
	trailer http.Header
	body    string
	err     error
}

func (a *taker) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	a.calls++
	a.header = r.Header
	var body []byte
	body, a.err = io.ReadAll(r.Body)
	a.body, a.trailer = string(body), r.Trailer
}

func TestNothingThatAClientForgedReachesTheAPI(t *testing.T) {
	always := []string{
		"X_Forwarded_For", "X.Forwarded.For", "x-forwarded_for", "X-API_Key", "X_Api_Key", "Content_Type", "X-Sentinel-Decision", "x-sentinel-user", "X-Sentinel-Score",
		"X_Sentinel_Action", "X-Simulated-IP", "X-Simulated_IP", "TE", "Trailer", "HTTP2-Settings", "Proxy", "X!Real!IP", "X~Real~Ip",
	}
	strangers := []string{
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-User", "Forwarded",
		"X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-IP", "Fastly-Client-IP", "Forwarded-For", "X-Originating-IP",
		"X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Original-Method", "X-Envoy-Original-Path",
	}
	harmless := []string{"Accept", "X-Request-ID", "X-Sentinels", "X-Forward", "Via", "X-API-Key", "Authorization", "X-HTTP-Method-Override", "Content-Type"}
	for _, from := range []string{"192.0.2.7:1", "10.0.0.1:1"} {
		for _, name := range slices.Concat(always, strangers, harmless) {
			for _, set := range []func(h http.Header){
				func(h http.Header) { h.Set(name, "198.51.100.66") },
				func(h http.Header) { h[name] = []string{"198.51.100.66"} }, // past net/http's spelling
				func(h http.Header) { h[strings.ToLower(name)] = []string{"198.51.100.66"} },
			} {
				api := &taker{}
				r := request("GET", "/", from)
				set(r.Header)
				sent := maps.Clone(r.Header)
				ask(New(Config{Trusted: houses}, &witness{}, api), r)
				want := slices.Contains(harmless, name) || from == "10.0.0.1:1" && slices.Contains(strangers, name)
				if got := len(api.header) > 0; got != want || api.calls != 1 {
					t.Errorf("%s from %s: the API sees %v", name, from, api.header)
				}
				if len(r.Header) != len(sent) {
					t.Errorf("%s: the request of whoever called the gateway was changed", name)
				}
			}
		}
	}
}

func TestAConfiguredHeaderWithAnOddNameReachesTheAPIAndItsDoublesDont(t *testing.T) {
	api := &taker{}
	gw := New(Config{Keys: []Source{{In: "header", Name: "api_key"}}, Accounts: []Source{{In: "header", Name: "X-User"}}}, &witness{}, api)
	ask(gw, request("GET", "/", "192.0.2.7:1", "api_key", "one", "api_key", "two", "Api-Key", "three", "api.key", "four", "X-User", "alice", "X-User", "bob", "X_User", "eve"))
	names := slices.Sorted(maps.Keys(api.header))
	if !slices.Equal(names, []string{"Api_key", "X-User"}) || len(api.header["Api_key"]) != 1 || len(api.header["X-User"]) != 1 || api.header["X-User"][0] != "alice" {
		t.Errorf("the API sees %v", api.header)
	}
}

func TestOnlyWebsocketsMayChangeTheProtocol(t *testing.T) {
	for _, c := range []struct {
		upgrade []string
		passed  bool
	}{
		{[]string{"websocket"}, true},
		{[]string{"WebSocket"}, true},
		{[]string{"h2c"}, false},
		{[]string{"websocket, h2c"}, false},
		{[]string{"websocket", "h2c"}, false},
		{[]string{"TLS/1.0"}, false},
		{[]string{""}, false},
	} {
		api := &taker{}
		r := request("GET", "/", "192.0.2.7:1", "Connection", "Upgrade, HTTP2-Settings", "HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")
		r.Header["Upgrade"] = c.upgrade
		ask(New(Config{}, &witness{}, api), r)
		if got := api.header.Get("Upgrade") != ""; got != c.passed || api.header.Get("Http2-Settings") != "" {
			t.Errorf("%v: the API sees %v", c.upgrade, api.header)
		}
	}
}

func TestTrailersDontReachTheAPI(t *testing.T) {
	api := &taker{}
	g := &witness{}
	s := httptest.NewServer(New(Config{Trusted: houses[1:]}, g, api))
	defer s.Close()
	res, _ := raw(t, s.Listener.Addr(), "POST /api/ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Forwarded-For\r\nConnection: close\r\n\r\n"+
		"1\r\nx\r\n0\r\nX-Forwarded-For: 192.0.2.10\r\n\r\n")
	if res.StatusCode != 200 || api.body != "x" || len(api.trailer) != 0 || api.header.Get("Trailer") != "" {
		t.Errorf("%d: the API sees %q, trailer %v, %v", res.StatusCode, api.body, api.trailer, api.header)
	}
}

func TestACleanRequestIsPassedOnAsItIs(t *testing.T) {
	var got *http.Request
	gw := New(Config{Trusted: houses, RateLimit: true}, &witness{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
	for _, r := range []*http.Request{
		request("GET", "/api/balance?x=1", "192.0.2.7:1", "Accept", "*/*", "X-API-Key", "k", "Cookie", "sid=1", "User-Agent", "x"),
		request("GET", "/api/balance?x=1", "10.0.0.1:1", "Accept", "*/*", "X-Forwarded-For", "198.51.100.66, 10.0.0.2", "X-Forwarded-Proto", "https"),
	} {
		ask(gw, r)
		if got != r {
			t.Errorf("the request from %s was copied", r.RemoteAddr)
		}
	}
}

func TestWhoIsRefusedIsNotToldToGoOn(t *testing.T) {
	s := httptest.NewServer(New(Config{Accounts: []Source{{In: "json", Name: "username"}}}, wall{}, http.HandlerFunc(echo)))
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, "POST /admin HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 403 ") {
		t.Errorf("the first line is %q, %v", line, err)
	}
}

func FuzzHeaderSet(f *testing.F) {
	for _, name := range []string{"X_Forwarded_For", "x.real.ip", "X-Sentinel-User", "X-SIMULATED-IP", "x-api-key", "X-Api_Key", "Forwarded", "Te", "a", "X-\u017fentinel-User"} {
		f.Add(name, "127.0.0.1", true)
		f.Add(name, "198.51.100.66", false)
	}
	f.Fuzz(func(t *testing.T, name, value string, canonical bool) {
		if canonical {
			name = textproto.CanonicalMIMEHeaderKey(name)
		}
		api := &taker{}
		r := request("GET", "/", "192.0.2.7:1", "X-API-Key", "judged")
		if textproto.CanonicalMIMEHeaderKey(name) != "X-Api-Key" {
			r.Header[name] = []string{value, value}
		}
		g := &witness{}
		ask(New(Config{Trusted: houses}, g, api), r)
		if x := g.only(t); x.Client.String() != "192.0.2.7" {
			t.Fatalf("%q: %q made %v of it", name, value, x.Client)
		}
		for got := range api.header {
			// As CGI, WSGI and their like have it: everything but letters and digits is one character.
			alias := strings.ToUpper(strings.Map(dashed, got))
			if got != "X-Api-Key" && alias == "X-API-KEY" || strings.HasPrefix(alias, "X-SENTINEL-") || strings.HasPrefix(alias, "X-FORWARDED-") ||
				slices.Contains([]string{"X-SIMULATED-IP", "FORWARDED", "X-REAL-IP", "TE", "TRAILER", "PROXY"}, alias) {
				t.Fatalf("%q reached the API as %q", name, got)
			}
		}
		if api.calls != 1 || len(api.header["X-Api-Key"]) != 1 {
			t.Fatalf("the API sees %v", api.header)
		}
	})
}
