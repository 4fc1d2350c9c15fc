package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// replaying runs the command as a shell would.
func replaying(t *testing.T, in string, args ...string) (out string, err error) {
	t.Helper()
	var buf bytes.Buffer
	c := command()
	c.SetOut(&buf)
	c.SetErr(&buf)
	c.SetIn(strings.NewReader(in))
	c.SetArgs(append([]string{"replay"}, args...))
	err = c.ExecuteContext(t.Context())
	return buf.String(), err
}

// logFile writes a log.
func logFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// logLine of a request at a second.
func logLine(client string, second int, request string, status int) string {
	when := time.Unix(1704067200+int64(second), 0).UTC().Format("02/Jan/2006:15:04:05 -0700")
	return fmt.Sprintf("%s - - [%s] %q %d 1 \"-\" \"x\"\n", client, when, request+" HTTP/1.1", status)
}

// attacked is a log of two neighbours who guess passwords, one who touches a decoy, one who pays
// without a look at the balance, and one who does nothing wrong.
func attacked() string {
	var b strings.Builder
	for i := range 10 {
		b.WriteString(logLine("203.0.113.9", i, "POST /login", 401))
		b.WriteString(logLine("203.0.113.10", i, "POST /login", 401))
		b.WriteString(logLine("198.51.100.7", i, "GET /api/balance", 200))
	}
	b.WriteString(logLine("2001:db8::1", 11, "GET /api/admin/users?token=secret", 404))
	b.WriteString(logLine("198.51.100.7", 5, "GET /", 200))
	b.WriteString("nonsense\n")
	return b.String()
}

func TestReplayTellsMachinesEachClientAndIncident(t *testing.T) {
	out, err := replaying(t, "", "--json", logFile(t, attacked()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		delete(o, "seconds")
		if o["type"] == "incident" {
			if id, ok := o["id"].(string); !ok || id == "" {
				t.Errorf("an incident without an ID: %s", line)
			}
			delete(o, "id")
		}
		b, _ := json.Marshal(o)
		got = append(got, string(b))
	}
	want := []string{
		`{"client":"203.0.113.9","first":"2024-01-01T00:00:05Z","network":"203.0.113.9/32","reason":"203.0.113.9 failed to authenticate 6 times in 5 seconds; the limit is 5 in 10 minutes.","requests":10,"rules":["failed-authentication"],"severity":"HIGH","type":"client","verdict":"block"}`,
		`{"client":"203.0.113.10","first":"2024-01-01T00:00:05Z","network":"203.0.113.10/32","reason":"203.0.113.10 failed to authenticate 6 times in 5 seconds; the limit is 5 in 10 minutes.","requests":10,"rules":["failed-authentication"],"severity":"HIGH","type":"client","verdict":"block"}`,
		`{"client":"2001:db8::1","first":"2024-01-01T00:00:11Z","network":"2001:db8::/64","reason":"2001:db8::/64 asked for \"/api/admin/users\", a decoy that nobody has a reason to ask for.","requests":1,"rules":["honeypot"],"severity":"CRITICAL","type":"client","verdict":"block"}`,
		`{"clients":["203.0.113.9","203.0.113.10"],"reason":"Repeated authentication failures by 2 clients in 203.0.113.0/24, joined by network 203.0.113.0/24, user agent \"x\", \"POST /login\" answered 4xx, forms without their pages","score":70,"type":"incident"}`,
		`{"bad_lines":1,"clients":4,"late_lines":1,"lines":33,"type":"summary"}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReplayTellsPeopleWhatHappened(t *testing.T) {
	path := logFile(t, attacked())
	out, err := replaying(t, "", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Read 33 lines of 1 file (combined)",
		"32 requests from 4 clients, 2024-01-01 00:00:00 to 2024-01-01 00:00:11 UTC.",
		"1 line could not be read, 0 are about no request, 1 happened before the one above it.",
		"3 clients would have been flagged, 3 of them blocked; 9 requests refused.",
		"203.0.113.10  block    failed-authentication  2024-01-01 00:00:05  10        203.0.113.10 failed to authenticate 6 times",
		"1 incident:",
		"Lines of " + path + " that could not be read:\n  33 has no request",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "secret") || strings.Contains(out, "\r") || strings.Contains(out, "\x1b") {
		t.Errorf("a secret, or a progress bar where there is no terminal:\n%s", out)
	}
}

func TestReplayReadsFilesInTheOrderGiven(t *testing.T) {
	whole := attacked()
	half := strings.Index(whole[len(whole)/2:], "\n") + len(whole)/2 + 1
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(whole[half:]))
	_ = z.Close()
	first, second := logFile(t, whole[:half]), logFile(t, zipped.String())
	summary := func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		at := strings.LastIndex(out, `,"seconds"`)
		return out[:max(at, 0)]
	}
	want := summary(replaying(t, "", "--json", logFile(t, whole)))
	if got := summary(replaying(t, "", "--json", first, second)); got != want || want == "" {
		t.Errorf("in two files\n%s\nin one\n%s", got, want)
	}
	if got := summary(replaying(t, whole[half:], "--json", first, "-")); got != want {
		t.Errorf("from standard input\n%s\nin one\n%s", got, want)
	}
	if out, err := replaying(t, "", first, second); err != nil || !strings.Contains(out, "of 2 files in the order given (combined)") {
		t.Errorf("%s%v", out, err)
	}
}

func TestReplayNamesTheRemedyWhenAFileCannotBeRead(t *testing.T) {
	good := logFile(t, attacked())
	for _, c := range []struct {
		about string
		args  []string
		want  string
	}{
		{"no such file", []string{good, filepath.Join(t.TempDir(), "nope.log")}, "nope.log is not there: check the path"},
		{"a directory", []string{t.TempDir()}, "is a directory: name the files in it"},
		{"a program", []string{logFile(t, "\x7fELF"+strings.Repeat("\x00\n", 5000))}, "is not text: is it the log?"},
		{"a letter", []string{logFile(t, "Dear all,\n")}, "is in no format that is known: name it with --format"},
		{"the wrong format", []string{"--format", "caddy", good}, "has no line that caddy can read"},
		{"no format", []string{"--format", "iis", good}, `--format "iis" is none of auto, combined`},
		{"no settings", []string{"--config", filepath.Join(t.TempDir(), "nope.yml"), good}, "nope.yml"},
	} {
		out, err := replaying(t, "", c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
			t.Errorf("%s: %v, want %q; said %q", c.about, err, c.want, out)
		}
	}
}

// Of a file that is damaged, what comes before that is judged; so are the files after it.
func TestReplayJudgesWhatCanBeReadOfADamagedFile(t *testing.T) {
	zipped := func(text string) string {
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return buf.String()
	}
	text := attacked()
	whole := zipped(text)
	var long strings.Builder
	for i := range 10_000 {
		long.WriteString(logLine("192.0.2.1", 20+i, "GET /", 200))
	}
	half := zipped(text + long.String())
	next := logFile(t, logLine("192.0.2.77", 20_000, "GET /api/admin", 404))
	for _, c := range []struct {
		about, log, want string
		cut              bool // not all lines are there
	}{
		{"more than gzip", whole + "some rest", fmt.Sprintf("ends after line 33 at byte %d, and goes on with what is not compressed: what stands before was judged; copy it again, or if nothing is missing take the rest off with head -c %d", len(whole), len(whole)), false},
		{"a letter more", whole + "x", fmt.Sprintf("ends after line 33 at byte %d, and", len(whole)), false},
		{"zeros, and more", whole + "\x00\x00x", fmt.Sprintf("ends after line 33 at byte %d, and", len(whole)), false},
		{"more behind two", whole + zipped("\n") + "\x1f\x8bno gzip after all", fmt.Sprintf("ends after line 34 at byte %d, and", len(whole+zipped("\n"))), false},
		{"cut off", half[:len(half)-100], "is cut off after line ", true},
		{"another sum", whole[:len(whole)-8] + "12345678", "is damaged after line 33: gzip: invalid checksum: what stands before was judged; the file is not as it was written: copy it again", false},
		{"nothing but zeros", whole + strings.Repeat("\x00", 500), "", false},
	} {
		file := logFile(t, c.log)
		out, err := replaying(t, "", file, next)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), file+" "+c.want)) {
			t.Errorf("%s: %v, want %q", c.about, err, c.want)
		}
		if !strings.Contains(out, "4 clients would have been flagged, 4 of them blocked") || !strings.Contains(out, "of 2 files in the order given") || !c.cut && !strings.Contains(out, "33 requests from 5 clients") {
			t.Errorf("%s:\n%s", c.about, out)
		}
	}
}

func TestReplayJudgesByTheRulesOfTheSettings(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "sentinel.yml")
	if err := os.WriteFile(settings, []byte("gateway:\n  mode: observe\nrules:\n  failed-authentication: {more: 20, mode: shadow}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := replaying(t, "", "--config", settings, logFile(t, attacked()))
	if err != nil || !strings.Contains(out, "1 client would have been flagged, 1 of them blocked") {
		t.Errorf("%s%v", out, err)
	}
}

// Who is never blocked live is never told of as blocked, and files that only serve opens need not be there.
func TestReplayBlocksNobodyWhomTheSettingsSpare(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "sentinel.yml")
	text := `
clients: {never_block: [203.0.113.9, "2001:db8::/32"]}
gateway: {tls: {cert: nowhere.pem, key: nowhere.key}, upstreams: [{url: "https://127.0.0.1:1", ca_file: nowhere.ca}]}
console: {tls: {cert: nowhere.pem, key: nowhere.key}}
service: {tls: {cert: nowhere.pem, key: nowhere.key}}
`
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := replaying(t, "", "--config", settings, logFile(t, attacked()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"3 clients would have been flagged, 1 of them blocked; 5 requests refused.",
		"203.0.113.10  block    failed-authentication", "203.0.113.9   alert    failed-authentication", "2001:db8::1   alert    honeypot",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestReplayKnowsTheDecoyKeysOfTheSettings(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "sentinel.yml")
	if err := os.WriteFile(settings, []byte("decoy_keys: [sk_live_bait_1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := logFile(t, `{"at":"2024-01-01T00:00:00Z","client":"203.0.113.9","method":"GET","path":"/api/balance","status":200,"key":"sk_live_bait_1"}
{"at":"2024-01-01T00:00:01Z","client":"198.51.100.7","method":"GET","path":"/api/balance","status":200,"key":"sk_live_other"}
`)
	out, err := replaying(t, "", "--config", settings, log)
	if err != nil || !strings.Contains(out, "1 client would have been flagged, 1 of them blocked") || !strings.Contains(out, "203.0.113.9  block    honey-token") || strings.Contains(out, "bait_1") {
		t.Errorf("%s%v", out, err)
	}
}

func TestReplayJudgesByThePacksThatAreNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own.yml"), []byte("pack: own\nrules:\n  - {id: any-401, title: A, explains: B, severity: LOW, when: {status: 401}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := logFile(t, attacked()+logLine("192.0.2.77", 12, "GET /.git/config", 200))
	rulesOf := func(args ...string) []string {
		t.Helper()
		out, err := replaying(t, "", append(args, "--json", log)...)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]bool{}
		for line := range strings.Lines(out) {
			var o struct{ Rules []string }
			if err := json.Unmarshal([]byte(line), &o); err != nil {
				t.Fatal(err)
			}
			for _, id := range o.Rules {
				all[id] = true
			}
		}
		return slices.Sorted(maps.Keys(all))
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"failed-authentication", "honeypot", "secrets-given-out"}},
		{[]string{"--packs", "core"}, []string{"failed-authentication", "honeypot"}},
		{[]string{"--packs", "probes"}, []string{"secrets-given-out"}},
		{[]string{"--packs=core,probes"}, []string{"failed-authentication", "honeypot", "secrets-given-out"}},
		{[]string{"--rules", dir, "--packs", "own"}, []string{"any-401"}},
		{[]string{"--rules", dir, "--packs", "own,core"}, []string{"any-401", "failed-authentication", "honeypot"}},
	} {
		if got := rulesOf(c.args...); !slices.Equal(got, c.want) {
			t.Errorf("%v: found by %v, want %v", c.args, got, c.want)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"--packs=cores", `--packs "cores" is none of core, fintech, levels, probes`},
		{"--packs=", `--packs "" is none of core, fintech, levels, probes`},
	} {
		if out, err := replaying(t, "", c.args, log); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s; said %q", c.args, err, c.want, out)
		}
	}
}

// What is known of the API's routes counts in a log as it does live.
func TestReplayKnowsTheRoutesOfTheAPI(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	api := write("api.json", `{"openapi": "3.1.0", "servers": [{"url": "https://api.example.com/v1"}], "paths": {"/cards/{number}": {"get": {}}, "/{anything}": {"get": {}}}}`)
	if err := os.Mkdir(filepath.Join(dir, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("rules/own.yml", `
pack: own
rules:
  - {id: route-over, title: Many paths of a route, explains: A, by: [client, route], distinct: path, count: 3, within: 10m, severity: LOW, when: {status: 404}}
  - {id: where-it-matters, title: Where it matters, explains: B, severity: LOW, when: {status: 404, where: sensitive}}
  - {id: by-its-name, title: By its name, explains: C, severity: LOW, when: {status: 404, where: 'route == "/v1/cards/{number}"'}}
`)
	var log strings.Builder
	for i := range 4 {
		log.WriteString(logLine("203.0.113.9", i, fmt.Sprintf("GET /v1/cards/%d", 700+i), 404))
		log.WriteString(logLine("203.0.113.200", i, fmt.Sprintf("GET /v1/%s", strings.Repeat("x", i+1)), 404))
	}
	file := logFile(t, log.String())
	found := func(args ...string) map[string]string {
		t.Helper()
		out, err := replaying(t, "", append(args, "--json", file)...)
		if err != nil {
			t.Fatal(out, err)
		}
		got := map[string]string{}
		for line := range strings.Lines(out) {
			var o struct {
				Client string
				Rules  []string
			}
			if err := json.Unmarshal([]byte(line), &o); err != nil {
				t.Fatal(err)
			}
			own := slices.DeleteFunc(o.Rules, func(id string) bool {
				return !slices.Contains([]string{"route-over", "where-it-matters", "by-its-name"}, id)
			})
			if slices.Sort(own); o.Client != "" && len(own) > 0 {
				got[o.Client] = strings.Join(own, " ")
			}
		}
		return got
	}
	for about, c := range map[string]struct {
		settings string // none: those of no file
		want     map[string]string
	}{
		"learned":               {"", map[string]string{"203.0.113.9": "route-over"}},
		"learned, with a class": {"gateway: {routes: {sensitive: [/V1/cards]}}", map[string]string{"203.0.113.9": "route-over where-it-matters"}},
		"of a file": {
			"gateway: {routes: {openapi: " + api + ", sensitive: [/v1/cards]}}",
			map[string]string{"203.0.113.9": "by-its-name route-over where-it-matters", "203.0.113.200": "route-over"},
		},
	} {
		args := []string{"--rules", filepath.Join(dir, "rules")}
		if c.settings != "" {
			args = append(args, "--config", write("sentinel.yml", c.settings))
		}
		if got := found(args...); !maps.Equal(got, c.want) {
			t.Errorf("%s: found %v, want %v", about, got, c.want)
		}
	}
	if _, err := replaying(t, "", "--config", write("sentinel.yml", "gateway: {routes: {openapi: "+file+"}}"), file); err == nil || !strings.Contains(err.Error(), "gateway.routes.openapi: ") {
		t.Errorf("routes in no file of OpenAPI: %v", err)
	}
}

func TestReplayOfNothingFindsNobody(t *testing.T) {
	out, err := replaying(t, "", logFile(t, ""))
	if err != nil || !strings.Contains(out, "Read 0 lines") || !strings.Contains(out, "Nobody would have been flagged") {
		t.Errorf("%s%v", out, err)
	}
}

func TestProgressIsToldWithRateAndTimeLeft(t *testing.T) {
	now := time.Unix(0, 0)
	var screen bytes.Buffer
	p := newProgress(&screen, 4000, func() time.Time { now = now.Add(time.Second); return now })
	r := p.reader(strings.NewReader(strings.Repeat("x", 1000)))
	if _, err := r.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	p.clear()
	if want := "\r\x1b[K[=======                       ]  25 % of 4 kB, 1 kB/s, 3s left\r\x1b[K"; screen.String() != want {
		t.Errorf("%q, want %q", screen.String(), want)
	}
}

func TestCensusIsExactAtFirstAndNearlySoBeyond(t *testing.T) {
	c := newCensus()
	for round := range 2 {
		for i := range 5000 {
			a := netip.AddrFrom4([4]byte{10, byte(round), byte(i >> 8), byte(i)})
			c.count(clientOf(a))
			c.count(clientOf(netip.AddrFrom4([4]byte{10, 9, 9, 9})))
		}
	}
	if n, exact := c.clients(); n != 10_001 || !exact {
		t.Errorf("%d clients, exact: %v", n, exact)
	}
	if n, exact := c.of(clientOf(netip.MustParseAddr("10.9.9.9"))); n != 10_000 || !exact {
		t.Errorf("%d requests, exact: %v", n, exact)
	}
	const many = 3 << 20
	for i := range uint64(many) {
		c.count(i<<20 | 7)
	}
	n, exact := c.clients()
	if off := float64(n)/(many+10_001) - 1; exact || off < -0.02 || off > 0.02 {
		t.Errorf("%d clients of %d, exact: %v", n, many+10_001, exact)
	}
	if len(c.slots) > 2*mostCounted {
		t.Errorf("it grew to %d slots", len(c.slots))
	}
	if a, b := clientOf(netip.MustParseAddr("2001:db8::1")), clientOf(netip.MustParseAddr("2001:db8::2")); a != b {
		t.Error("a /64 is two clients")
	}
}

func TestClientsBeyondTheCensusAreCountedOnceTheyAreFound(t *testing.T) {
	j, err := newJudge(yardstick{policy: engine.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	j.census.n = mostCounted // full
	at := time.Unix(1704067200, 0)
	for range 10 {
		x := engine.Exchange{Request: engine.Request{At: at, Client: netip.MustParseAddr("203.0.113.9"), Method: "GET", Path: "/api/admin", Folded: "/api/admin"}, Status: 404}
		j.judge(&x)
	}
	n, exact := j.requestsOf(j.verdicts()[0])
	if n != 10 || exact {
		t.Errorf("%d requests, exact: %v", n, exact)
	}
}

func TestAttacksDoNotGrowWithTheLog(t *testing.T) {
	j, err := newJudge(yardstick{policy: engine.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 0)
	for i := range mostAttacks + 10 {
		client := netip.AddrFrom4([4]byte{20, byte(i >> 8), byte(i), 1})
		j.culprits[clientOf(client)] = &culprit{client: client}
		change := incident.Change{Incident: &incident.Incident{ID: int64(i + 1), First: at, Severity: engine.Low, Alerts: 2, Clients: 1}}
		if i == 0 {
			change.Incident.Severity = engine.Critical
		}
		change.Alert.Client = client
		j.group(change)
	}
	if n := len(j.attacks); n > mostAttacks || n < mostAttacks/2 || len(j.attacks)+j.dropped != mostAttacks+10 || j.members != n {
		t.Errorf("%d attacks with %d members are remembered, and %d dropped", n, j.members, j.dropped)
	}
	if j.attacks[1] == nil {
		t.Error("the gravest is forgotten")
	}
	j.group(incident.Change{Emptied: []incident.Incident{{ID: 1}}})
	if j.attacks[1] != nil || j.members != len(j.attacks) {
		t.Error("an incident that was emptied is remembered")
	}
}
