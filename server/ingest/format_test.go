package ingest

import (
	"context"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// one reads the only line there is.
func one(t *testing.T, format, line string) engine.Exchange {
	t.Helper()
	f, err := ParseFormat(format)
	if err != nil {
		t.Fatal(err)
	}
	var got []engine.Exchange
	before := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	stats, err := Read(context.Background(), strings.NewReader(line+"\n"), f, Options{Zone: time.UTC, Before: before}, func(x *engine.Exchange) {
		got = append(got, *x)
	})
	if err != nil || len(got) != 1 {
		t.Fatalf("%s: %d exchanges, %v, %+v", line, len(got), err, stats)
	}
	return got[0]
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func exchange(client, when, method, path string, status int, more ...func(*engine.Exchange)) engine.Exchange {
	folded, _ := engine.Fold(path)
	x := engine.Exchange{Request: engine.Request{
		At: at(when), Client: netip.MustParseAddr(client), Method: method, Path: path, Folded: folded,
	}, Status: status}
	if method == "SSH" { // whose format has one route
		x.Route = folded
	}
	for _, m := range more {
		m(&x)
	}
	return x
}

func placeIs(country string, asn uint32) func(*engine.Exchange) {
	return func(x *engine.Exchange) { x.Place = engine.Place{Country: engine.Country([]byte(country)), ASN: asn} }
}

func agentIs(s string) func(*engine.Exchange) { return func(x *engine.Exchange) { x.UserAgent = s } }

func accountIs(s string) func(*engine.Exchange) { return func(x *engine.Exchange) { x.Account = s } }

func tookIs(d time.Duration) func(*engine.Exchange) { return func(x *engine.Exchange) { x.Took = d } }

func bytesIs(n int64) func(*engine.Exchange) { return func(x *engine.Exchange) { x.Bytes = n } }

func forwardedIs(a string) func(*engine.Exchange) {
	return func(x *engine.Exchange) { x.Forwarded = netip.MustParseAddr(a) }
}

func signsAre(s engine.Signs) func(*engine.Exchange) { return func(x *engine.Exchange) { x.Signs = s } }

func TestEveryFormatIsRecognizedAndRead(t *testing.T) {
	for _, c := range []struct {
		about, format, line string
		want                engine.Exchange
	}{
		{
			"combined", "combined", `203.0.113.9 - - [22/Oct/2021:02:28:56 -0700] "GET /a/b?token=secret HTTP/1.1" 200 1486 "https://r.example/" "Mozilla/5.0 (X11)"`,
			exchange("203.0.113.9", "2021-10-22T09:28:56Z", "GET", "/a/b", 200, bytesIs(1486), agentIs("Mozilla/5.0 (X11)"), signsAre(engine.Referred)),
		},
		{
			"combined, with a space at its end", "combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 304 - "-" "curl" `,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", "/", 304, agentIs("curl")),
		},
		{
			"combined, with more fields behind", "combined", `2001:db8::1 - - [01/Jan/2024:00:00:00 +0530] "POST /login HTTP/2.0" 401 9 "-" "-" "198.51.100.7" 0.002`,
			exchange("2001:db8::1", "2023-12-31T18:30:00Z", "POST", "/login", 401, bytesIs(9)),
		},
		{
			"common, with a user", "combined", `203.0.113.9 - Alice [01/Jan/2024:00:00:00 +0000] "HEAD /x HTTP/1.0" 404 0`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "HEAD", "/x", 404, accountIs("alice")),
		},
		{
			"a virtual host in front", "combined", `api.example:443 203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET /x HTTP/1.1" 200 1 "-" "-"`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", "/x", 200, bytesIs(1)),
		},
		{
			"quotes as nginx escapes them", "combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET /\x22a\x22 HTTP/1.1" 200 1 "-" "say \x22hi\x22 \x5C"`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", `/"a"`, 200, bytesIs(1), agentIs(`say "hi" \`)),
		},
		{
			"quotes as Apache escapes them", "combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET /\"a\" HTTP/1.1" 200 1 "a \"b\" c" "say \"hi\" \\"`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", `/"a"`, 200, bytesIs(1), agentIs(`say "hi" \`)),
		},
		{
			"quotes as they came", "combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET /a"b HTTP/1.0" 404 1 "-" "-"`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", `/a"b`, 404, bytesIs(1)),
		},
		{
			"a request to a proxy", "combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET http://other.example/Admin?x HTTP/1.1" 200 1`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", "/Admin", 200, bytesIs(1), signsAre(engine.Relayed)),
		},
		{
			"a mapped address", "combined", `::ffff:203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 1`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", "/", 200, bytesIs(1)),
		},
		{
			"a card number in the path", "combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET /pay/4111111111111111 HTTP/1.1" 200 1`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", "/pay/411111******1111", 200, bytesIs(1)),
		},
		{
			"nginx in JSON", "nginx-json", `{"time_iso8601":"2024-01-01T01:00:00+01:00","msec":"1704067200.250","remote_addr":"203.0.113.9","remote_user":"","request_method":"GET","request_uri":"/a?b=c","status":200,"request_time":0.012,"body_bytes_sent":5,"http_user_agent":"x"}`,
			exchange("203.0.113.9", "2024-01-01T00:00:00.25Z", "GET", "/a", 200, tookIs(12*time.Millisecond), bytesIs(5), agentIs("x")),
		},
		{
			"nginx in JSON, with the request line", "nginx-json", `{"time_iso8601":"2024-01-01T00:00:00+00:00","remote_addr":"203.0.113.9","request":"POST /login HTTP/1.1","status":"401","http_x_forwarded_for":"10.0.0.1, 198.51.100.7"}`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "POST", "/login", 401, forwardedIs("198.51.100.7")),
		},
		{
			"Caddy", "caddy", `{"level":"info","ts":1704067200.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.0.1","client_ip":"203.0.113.9","method":"GET","uri":"/a?b","headers":{"User-Agent":["x"]}},"user_id":"bob","duration":0.25,"size":5,"status":200}`,
			exchange("203.0.113.9", "2024-01-01T00:00:00.5Z", "GET", "/a", 200, tookIs(250*time.Millisecond), bytesIs(5), agentIs("x"), accountIs("bob")),
		},
		{
			"Caddy, as it was, with words for times", "caddy", `{"ts":"2024-01-01T00:00:00.000Z","request":{"remote_addr":"[2001:db8::1]:4711","method":"GET","uri":"/"},"duration":"12ms","status":404}`,
			exchange("2001:db8::1", "2024-01-01T00:00:00Z", "GET", "/", 404, tookIs(12*time.Millisecond)),
		},
		{
			"Envoy", "envoy", `{"start_time":"2024-01-01T00:00:00.123Z","method":"GET","path":"/a?b","response_code":503,"duration":7,"bytes_sent":9,"downstream_remote_address":"203.0.113.9:4711","x_forwarded_for":"198.51.100.7,203.0.113.9","user_agent":"x"}`,
			exchange("203.0.113.9", "2024-01-01T00:00:00.123Z", "GET", "/a", 503, tookIs(7*time.Millisecond), bytesIs(9), agentIs("x")),
		},
		{
			"Envoy, with headers for names", "envoy", `{"start_time":"2024-01-01T00:00:00Z",":method":"GET",":path":"/","response_code":200,"downstream_remote_address":"203.0.113.9","x-forwarded-for":"198.51.100.7","user-agent":"y"}`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", "/", 200, agentIs("y"), forwardedIs("198.51.100.7")),
		},
		{
			"sshd, failed", "sshd", `Feb 12 14:10:24 host sshd[1291]: Failed password for invalid user Admin from 203.0.113.9 port 4431 ssh2`,
			exchange("203.0.113.9", "2026-02-12T14:10:24Z", "SSH", "ssh", 401, accountIs("admin")),
		},
		{
			"sshd, accepted", "sshd", `2026-02-12T15:10:24.5+01:00 host sshd-session[9]: Accepted publickey for bob from 2001:db8::1 port 4431 ssh2: RSA SHA256:abc from 198.51.100.7 port 1 ssh2`,
			exchange("2001:db8::1", "2026-02-12T14:10:24.5Z", "SSH", "ssh", 200, accountIs("bob")),
		},
		{
			"jsonl", "jsonl", `{"at":"2024-01-01T00:00:00Z","client":"203.0.113.9","method":"GET","path":"/a","status":200,"account":" Bob ","amount":12.5,"country":"de","asn":"AS3320","user_agent":"x"}`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", "/a", 200, accountIs("bob"), agentIs("x"), placeIs("DE", 3320)),
		},
		{
			"a pattern", `pattern:^(?P<time>\S+ \S+) (?P<client>\S+) "(?P<request>[^"]*)" (?P<status>\d+) (?P<took>\S+)$`, `2024-01-01 00:00:00 203.0.113.9 "GET /a?b HTTP/1.1" 200 0.5`,
			exchange("203.0.113.9", "2024-01-01T00:00:00Z", "GET", "/a", 200, tookIs(500*time.Millisecond)),
		},
	} {
		for _, format := range []string{c.format, "auto"} {
			if format == "auto" && strings.HasPrefix(c.format, "pattern:") {
				continue
			}
			if got := one(t, format, c.line); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s, as %s:\n got %+v\nwant %+v", c.about, format, got, c.want)
			}
		}
	}
}

func TestWhatStrangersWriteNeverMovesTheClient(t *testing.T) {
	for about, line := range map[string]string{
		"a name like the end of a line":     `Feb 12 14:10:24 host sshd[1]: Failed password for invalid user root from 198.51.100.7 port 22 ssh2 from 203.0.113.9 port 4431 ssh2`,
		"a name like an address":            `Feb 12 14:10:24 host sshd[1]: Invalid user x from 198.51.100.7 from 203.0.113.9`,
		"no name":                           `Feb 12 14:10:24 host sshd[1]: Invalid user  from 203.0.113.9 port 4`,
		"a basic-auth user with brackets":   `203.0.113.9 - 198.51.100.7 - - [01/Jan/2020:00:00:00 +0000] \x22GET / [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 401 1`,
		"a user agent like a line":          `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 401 1 "-" "198.51.100.7 - - [01/Jan/2024:00:00:00 +0000]"`,
		"a virtual host that is an address": `203.0.113.9 198.51.100.7 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 401 1`,
		"a forwarding header":               `{"start_time":"2024-01-01T00:00:00Z","method":"GET","path":"/","response_code":401,"downstream_remote_address":"203.0.113.9:1","x_forwarded_for":"198.51.100.7"}`,
	} {
		if x := one(t, "auto", line); x.Client.String() != "203.0.113.9" || x.Status != 401 {
			t.Errorf("%s: client %s, status %d", about, x.Client, x.Status)
		}
	}
}

func TestALineThatCannotBeReadSaysWhy(t *testing.T) {
	for _, c := range []struct{ format, line, want string }{
		{"combined", `host.example - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 1`, noClient},
		{"combined", `203.0.113.9 - - [31/Feb/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 1`, noTime},
		{"combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 20`, noStatus},
		{"combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "GET / HT`, noStatus},
		{"combined", `203.0.113.256 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 1`, noClient},
		{"combined", `203.0.113.09 - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 1`, noClient},
		{"combined", `unix: - - [01/Jan/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 1`, noClient},
		{"combined", `nothing at all`, noRequest},
		{"jsonl", `{"at":"2024-01-01T00:00:00Z","client":"203.0.113.9"`, noJSON},
		{"jsonl", `{"at":"yesterday","client":"203.0.113.9","path":"/"}`, noTime},
		{"jsonl", `{"at":"2024-01-01T00:00:00Z","client":"me","path":"/"}`, noClient},
		{"jsonl", `{"at":"2024-01-01T00:00:00Z","client":"203.0.113.9"}`, noRequest},
		{"jsonl", `{"at":"2024-01-01T00:00:00Z","client":"203.0.113.9","path":"/","status":"OK"}`, noStatus},
		{"envoy", `{"start_time":"2024-01-01T00:00:00Z","path":"/","x_forwarded_for":"203.0.113.9"}`, "has no downstream_remote_address: add %DOWNSTREAM_REMOTE_ADDRESS% to Envoy's log format"},
		{"sshd", `Feb 30 14:10:24 host sshd[1]: Failed password for x from 203.0.113.9 port 1`, noClient},
		{"sshd", `what a day`, noTime},
		{"pattern:(?P<client>\\S+) (?P<time>\\S+) (?P<path>\\S+)", `one`, "does not match the pattern"},
	} {
		f, err := ParseFormat(c.format)
		if err != nil {
			t.Fatal(err)
		}
		var x engine.Exchange
		if ok, got := f.parser(Options{Zone: time.UTC}).parse(c.line, &x); ok || got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestLinesAboutNoRequestAreNoMistakes(t *testing.T) {
	for _, c := range []struct{ format, line string }{
		{"combined", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "-" 408 0 "-" "-"`},
		{"caddy", `{"level":"info","ts":1704067200.5,"logger":"tls","msg":"finished cleaning storage units"}`},
		{"sshd", `Feb 12 14:10:24 host CRON[1]: pam_unix(cron:session): session opened for user root by (uid=0)`},
		{"sshd", `Feb 12 14:10:24 host sshd[1]: Failed publickey for bob from 203.0.113.9 port 1 ssh2: RSA SHA256:abc`},
		{"sshd", `Feb 12 14:10:24 host sshd[1]: Connection closed by 203.0.113.9 port 1 [preauth]`},
	} {
		f, _ := ParseFormat(c.format)
		var x engine.Exchange
		if ok, got := f.parser(Options{}).parse(c.line, &x); ok || got != "" {
			t.Errorf("%s: %v, %q", c.line, ok, got)
		}
	}
}

func TestFirstBytesOfAnotherProtocolAreKeptAsText(t *testing.T) {
	x := one(t, "auto", `203.0.113.9 - - [01/Jan/2024:00:00:00 +0000] "\x16\x03\x01\x00" 400 157 "-" "-"`)
	if x.Method != "" || x.Path != "%16%03%01%00" || x.Status != 400 {
		t.Errorf("%q %q %d", x.Method, x.Path, x.Status)
	}
}

func TestClocksAreReadExactly(t *testing.T) {
	for written, want := range map[string]string{
		"1704067200":                 "2024-01-01T00:00:00Z",
		"1704067200.123456789":       "2024-01-01T00:00:00.123456789Z",
		"1704067200123":              "2024-01-01T00:00:00.123Z",
		"1704067200123.5":            "2024-01-01T00:00:00.1235Z",
		"1704067200123456":           "2024-01-01T00:00:00.123456Z",
		"1704067200123456789":        "2024-01-01T00:00:00.123456789Z",
		"1.7040672e9":                "2024-01-01T00:00:00Z",
		"2024-01-01T01:00:00+01:00":  "2024-01-01T00:00:00Z",
		"2024-01-01T01:00:00.5+0100": "2024-01-01T00:00:00.5Z",
		"2024-01-01 00:00:00":        "2024-01-01T00:00:00Z",
		"2024/01/01 00:00:00.25":     "2024-01-01T00:00:00.25Z",
		"01/Jan/2024:00:00:00 +0000": "2024-01-01T00:00:00Z",
		"29/Feb/2024:23:59:60 -1200": "2024-03-01T12:00:00Z",
	} {
		if got, ok := stamp(written, time.UTC); !ok || !got.Equal(at(want)) {
			t.Errorf("%s: %v, %v, want %s", written, got, ok, want)
		}
	}
	for _, written := range []string{"", "12", "-1704067200", "99999999999999999999", "1704067200.x", "2024-13-01T00:00:00Z", "29/Feb/2023:00:00:00 +0000", "01/Jan/2024:24:00:00 +0000"} {
		if got, ok := stamp(written, time.UTC); ok {
			t.Errorf("%s: %v", written, got)
		}
	}
}

func TestAMistakenFormatNamesTheRemedy(t *testing.T) {
	for name, want := range map[string]string{
		"nginx_json":                       "is none of auto, combined",
		"pattern:(":                        "is not a regular expression",
		"pattern:(?P<client>x)":            "needs a group (?P<time>...)",
		"pattern:(?P<client>x)(?P<time>x)": "needs a group (?P<path>...)",
		"pattern:(?P<time>x)(?P<path>x)":   "needs a group (?P<client>...)",
		"pattern:(?P<cleint>x)":            `has a group "cleint"`,
	} {
		if _, err := ParseFormat(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
