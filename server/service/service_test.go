package service

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/rules"
	"github.com/sentinel-protocol/sentinel/server/store"
)

func TestMain(m *testing.M) {
	// gorm's prepared statements leave a goroutine behind that nobody can stop.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}

// A post is a service on a real guard and store, whose clock can be put on.
type post struct {
	t       testing.TB
	store   *store.Store
	guard   *guard.Guard
	service *Service
	dir     string

	mu    sync.Mutex
	ahead time.Duration
	seq   uint64
}

func (p *post) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.ahead)
}

func (p *post) wait(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ahead += d
}

func opened(t testing.TB, change ...func(*Config)) *post {
	t.Helper()
	p := &post{t: t, dir: t.TempDir()}
	p.start(change...)
	t.Cleanup(p.stop)
	return p
}

func (p *post) start(change ...func(*Config)) {
	p.t.Helper()
	var err error
	log := slog.New(slog.DiscardHandler)
	if p.store, err = store.Open(p.t.Context(), store.Config{Dir: p.dir}, log); err != nil {
		p.t.Fatal(err)
	}
	policy := engine.Defaults()
	policy.Clients, policy.Decisions = 1<<10, 1<<10
	if p.guard, err = guard.New(p.t.Context(), guard.Config{Store: p.store, Policy: policy, Seed: 1, Node: "test", Log: log, Clock: p.now}); err != nil {
		p.t.Fatal(err)
	}
	c := Config{
		Guard: p.guard, Store: p.store, Version: "1.2.3", Log: log, Clock: p.now,
		Authorize: func(_ context.Context, secret string) (string, error) {
			if secret != "let-me-in" {
				return "", access.ErrEnded
			}
			return "bouncer", nil
		},
	}
	for _, f := range change {
		f(&c)
	}
	p.service = New(c)
}

func (p *post) stop() {
	p.service.Close()
	for _, end := range []func() error{p.guard.Close, p.store.Close} {
		if err := end(); err != nil {
			p.t.Error(err)
		}
	}
}

var ada = guard.By{Name: "ada", Origin: "cli"}

// place puts an operator's decision in force, and returns when bouncers can know.
func (p *post) place(a engine.Action, network string, long time.Duration) engine.Decision {
	p.t.Helper()
	before := p.service.feed.position()
	d, err := p.guard.Place(p.t.Context(), ada, guard.Wanted{Action: a, Network: netip.MustParsePrefix(network), Reason: "a test", For: long})
	if err != nil {
		p.t.Fatal(err)
	}
	p.heard(before)
	return d
}

func (p *post) lift(ds ...engine.Decision) {
	p.t.Helper()
	before := p.service.feed.position()
	for _, d := range ds {
		if _, err := p.guard.Lift(p.t.Context(), ada, []string{d.ID}); err != nil {
			p.t.Fatal(err)
		}
	}
	p.heard(before)
}

// heard returns when the feed has taken something in, and all there is.
func (p *post) heard(before uint64) {
	p.t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for p.service.feed.position() == before {
		if time.Now().After(deadline) {
			p.t.Fatal("the feed heard nothing")
		}
		runtime.Gosched()
	}
}

// guess lets a client fail to sign in until a rule blocks it.
func (p *post) guess(client string) {
	p.t.Helper()
	before := p.service.feed.position()
	for range 6 {
		p.seq++
		at := p.now()
		r := engine.Request{
			ID: uint64(at.UnixMilli())<<20 | p.seq, At: at, Client: netip.MustParseAddr(client), Method: "POST",
			Path: "/api/login", Folded: "/api/login", Route: "/api/login",
		}
		if v := p.guard.Decide(r); !v.Refused() {
			p.guard.Observe(engine.Exchange{Request: r, Status: 401})
		}
	}
	if err := p.guard.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.heard(before)
}

func (p *post) get(path string, headers ...string) *httptest.ResponseRecorder {
	return p.ask("GET", path, headers...)
}

func (p *post) ask(method, path string, headers ...string) *httptest.ResponseRecorder {
	p.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("X-Api-Key", "let-me-in")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "from" {
			r.RemoteAddr = headers[i+1]
		}
	}
	w := httptest.NewRecorder()
	p.service.ServeHTTP(w, r)
	return w
}

// A told decision, as the protocol has it.
type told struct {
	ID        int64
	UUID      string
	Origin    string
	Type      string
	Scope     string
	Value     string
	Duration  string
	Scenario  string
	Simulated *bool
}

func (d told) String() string { return d.Type + " " + d.Scope + " " + d.Value }

type pulled struct{ New, Deleted []told }

// pull asks as a bouncer does; what is told is sorted.
func (p *post) pull(query string, headers ...string) (out pulled) {
	p.t.Helper()
	w := p.get("/v1/decisions/stream"+query, headers...)
	if w.Code != 200 {
		p.t.Fatalf("%s gave %d %s", query, w.Code, w.Body)
	}
	read(p.t, w, &out)
	return out
}

func read(t testing.TB, w *httptest.ResponseRecorder, to any) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
		t.Fatalf("%v in %.300s", err, w.Body)
	}
}

func (p pulled) String() string { return "+" + names(p.New) + " -" + names(p.Deleted) }

func names(ds []told) string {
	var out []string
	for _, d := range ds {
		out = append(out, d.String())
	}
	slices.Sort(out)
	return "[" + strings.Join(out, ", ") + "]"
}

func (p *post) list(query string) []told {
	p.t.Helper()
	var out []told
	w := p.get("/v1/decisions" + query)
	if w.Code != 200 {
		p.t.Fatalf("%s gave %d %s", query, w.Code, w.Body)
	}
	read(p.t, w, &out)
	return out
}

func TestWhoHasNoKeyIsForbidden(t *testing.T) {
	p := opened(t)
	for _, path := range []string{"/v1/decisions?ip=1.2.3.4", "/v1/decisions/stream?startup=true", "/v1/lists/plain", "/v1/lists/nginx"} {
		for _, key := range []string{"", "wrong"} {
			w := p.get(path, "X-Api-Key", key)
			if w.Code != 403 || strings.TrimSpace(w.Body.String()) != `{"message":"access forbidden"}` {
				t.Errorf("%s with key %q gave %d %s", path, key, w.Code, w.Body)
			}
		}
		if w := p.get(path, "X-Api-Key", "", "Authorization", "Bearer let-me-in"); w.Code != 200 {
			t.Errorf("%s with a bearer's key gave %d", path, w.Code)
		}
		if w := p.ask("POST", path); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s gave %d", path, w.Code)
		}
	}
}

func TestABouncerComesAgainWhileNobodyKnowsWhoseItsKeyIs(t *testing.T) {
	p := opened(t)
	p.service.authorize = func(context.Context, string) (string, error) { return "", errors.New("the database is away") }
	for _, path := range []string{"/v1/decisions", "/v1/decisions/stream", "/v1/lists/plain", "/v1/lists/nginx"} {
		if w := p.get(path); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s gave %d %s", path, w.Code, w.Body)
		}
	}
	if w := p.ask("POST", "/v1/usage-metrics", "X-Api-Key", "let-me-in"); w.Code != 503 {
		t.Errorf("figures of a bouncer gave %d", w.Code)
	}
}

func TestABouncerThatAsksIsToldWhatHoldsForAnAddress(t *testing.T) {
	p := opened(t)
	p.place(engine.Block, "203.0.113.0/24", time.Hour)
	p.place(engine.Block, "198.51.100.66/32", 0)
	if _, err := p.guard.Place(t.Context(), ada, guard.Wanted{Action: engine.Monitor, Network: netip.MustParsePrefix("192.0.2.1/32")}); err != nil {
		t.Fatal(err)
	}
	p.guess("192.0.2.7")
	for query, want := range map[string]string{
		"?ip=203.0.113.9":                              "[ban Range 203.0.113.0/24]",
		"?ip=::ffff:203.0.113.9":                       "[ban Range 203.0.113.0/24]",
		"?ip=198.51.100.66":                            "[ban Ip 198.51.100.66]",
		"?scope=Ip&value=198.51.100.66":                "[ban Ip 198.51.100.66]",
		"?ip=192.0.2.7":                                "[ban Ip 192.0.2.7]",
		"?ip=192.0.2.7&type=ban":                       "[ban Ip 192.0.2.7]",
		"?ip=192.0.2.7&type=throttle":                  "[]",
		"?ip=192.0.2.7&origins=crowdsec":               "[ban Ip 192.0.2.7]",
		"?ip=192.0.2.7&origins=cscli,lists":            "[]",
		"?ip=192.0.2.7&scenarios_containing=authent":   "[ban Ip 192.0.2.7]",
		"?ip=192.0.2.7&scenarios_containing=ssh":       "[]",
		"?ip=192.0.2.7&scenarios_not_containing=FAIL":  "[]",
		"?ip=192.0.2.1":                                "[]",
		"?ip=192.0.2.8":                                "[]",
		"?range=203.0.113.128/25":                      "[ban Range 203.0.113.0/24]",
		"?range=203.0.0.0/16":                          "[]",
		"?range=203.0.0.0/16&contains=false":           "[ban Range 203.0.113.0/24]",
		"?scope=range&value=203.0.113.0/24":            "[ban Range 203.0.113.0/24]",
		"?scope=range":                                 "[ban Range 203.0.113.0/24]",
		"?scope=username&value=eve":                    "[]",
		"?range=0.0.0.0/0&contains=false&origins=rule": "[ban Ip 192.0.2.7]",
		"": "[ban Ip 192.0.2.7, ban Ip 198.51.100.66, ban Range 203.0.113.0/24]",
	} {
		if got := names(p.list(query)); got != want {
			t.Errorf("%s gave %s, want %s", query, got, want)
		}
	}
	if got := strings.TrimSpace(p.get("/v1/decisions?ip=192.0.2.8").Body.String()); got != "null" {
		t.Errorf("nothing is told as %q, want null", got)
	}
	one := p.list("?ip=192.0.2.7")[0]
	left, err := time.ParseDuration(one.Duration)
	if err != nil || left > 30*time.Minute || left < 29*time.Minute || one.Scenario != "failed-authentication" || one.Origin != "rule" ||
		one.ID <= 0 || one.ID >= 1<<53 || one.Simulated == nil || *one.Simulated {
		t.Errorf("got %+v", one)
	}
	if again := p.list("?ip=192.0.2.7")[0]; again.ID != one.ID {
		t.Errorf("the number of a decision was %d and is %d", one.ID, again.ID)
	}
	if forever := p.list("?ip=198.51.100.66")[0]; forever.Duration != "87600h0m0s" || forever.Scenario != "a test" {
		t.Errorf("a decision until lifted is told as %+v", forever)
	}
	for _, bad := range []string{"?ip=nonsense", "?ip=10.0.0.0/8", "?range=1.2.3.4/33", "?ip=fe80::1%25eth0"} {
		if w := p.get("/v1/decisions" + bad); w.Code != 400 || !strings.Contains(w.Body.String(), `"message":"invalid`) {
			t.Errorf("%s gave %d %s", bad, w.Code, w.Body)
		}
	}
	if w := p.ask("HEAD", "/v1/decisions?ip=203.0.113.9"); w.Code != 200 {
		t.Errorf("HEAD gave %d", w.Code)
	}
}

func TestABouncerIsToldEverythingAtItsStartAndThenWhatChanges(t *testing.T) {
	p := opened(t)
	a := p.place(engine.Block, "203.0.113.0/24", time.Hour)
	if got := p.pull("?startup=true").String(); got != "+[ban Range 203.0.113.0/24] -[]" {
		t.Errorf("at the start %s", got)
	}
	if got := p.pull("").String(); got != "+[] -[]" {
		t.Errorf("without a change %s", got)
	}
	b := p.place(engine.Block, "198.51.100.66/32", time.Hour)
	p.guess("192.0.2.7")
	if got := p.pull("").String(); got != "+[ban Ip 192.0.2.7, ban Ip 198.51.100.66] -[]" {
		t.Errorf("after two blocks %s", got)
	}
	p.lift(a)
	p.lift(b)
	got := p.pull("")
	if got.String() != "+[] -[ban Ip 198.51.100.66, ban Range 203.0.113.0/24]" {
		t.Errorf("after both were lifted %s", got)
	}
	for _, d := range got.Deleted {
		if left, err := time.ParseDuration(d.Duration); err != nil || left > 0 {
			t.Errorf("what has ended still lasts %s", d.Duration)
		}
	}
	c := p.place(engine.Block, "198.51.100.67/32", time.Hour)
	p.lift(c)
	if got := p.pull("").String(); got != "+[] -[ban Ip 198.51.100.67]" {
		t.Errorf("after a block that was lifted at once %s", got)
	}
	if got := p.pull("?startup=true").String(); got != "+[ban Ip 192.0.2.7] -[]" {
		t.Errorf("at another start %s", got)
	}
}

func TestWhatEndsByItselfIsTold(t *testing.T) {
	p := opened(t)
	p.place(engine.Block, "198.51.100.66/32", time.Minute)
	p.pull("?startup=true")
	before := p.service.feed.position()
	p.wait(2 * time.Minute)
	p.heard(before)
	if got := p.pull("").String(); got != "+[] -[ban Ip 198.51.100.66]" {
		t.Errorf("got %s", got)
	}
}

func TestEachBouncerHasItsOwnPlace(t *testing.T) {
	p := opened(t)
	p.pull("?startup=true")
	p.pull("?startup=true", "from", "10.0.0.2:1000")
	p.pull("?startup=true", "User-Agent", "another/1.0")
	p.place(engine.Block, "198.51.100.66/32", time.Hour)
	for _, who := range [][]string{nil, {"from", "10.0.0.2:2000"}, {"User-Agent", "another/1.0"}} {
		if got := p.pull("", who...).String(); got != "+[ban Ip 198.51.100.66] -[]" {
			t.Errorf("%v was told %s", who, got)
		}
		if got := p.pull("", who...).String(); got != "+[] -[]" {
			t.Errorf("%v was told %s again", who, got)
		}
	}
	if w := p.ask("HEAD", "/v1/decisions/stream"); w.Code != 200 {
		t.Errorf("HEAD gave %d", w.Code)
	}
}

func TestTwoDecisionsAboutOneTargetAreToldAsTheOneThatCounts(t *testing.T) {
	p := opened(t)
	p.guess("192.0.2.7")
	p.pull("?startup=true")
	own := p.place(engine.Block, "192.0.2.7/32", 24*time.Hour)
	got := p.pull("")
	if len(got.New) != 1 || got.New[0].UUID != own.ID {
		t.Fatalf("got %+v, want the one that lasts longer", got)
	}
	p.lift(own)
	got = p.pull("")
	if len(got.Deleted) != 0 || len(got.New) != 1 || got.New[0].Scenario != "failed-authentication" {
		t.Errorf("got %+v, want the rule's block, which still holds", got)
	}
}

func TestAnAllowedAddressIsNeverShutOutByARangeAroundIt(t *testing.T) {
	p := opened(t)
	block := p.place(engine.Block, "203.0.113.0/29", time.Hour)
	p.pull("?startup=true")
	allow := p.place(engine.Allow, "203.0.113.3/32", 0)
	got := p.pull("")
	want := "+[ban Ip 203.0.113.2, ban Range 203.0.113.0/31, ban Range 203.0.113.4/30] -[ban Range 203.0.113.0/29]"
	if got.String() != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := names(p.pull("?startup=true").New); got != "[ban Ip 203.0.113.2, ban Range 203.0.113.0/31, ban Range 203.0.113.4/30]" {
		t.Errorf("at a start %s", got)
	}
	for query, want := range map[string]string{
		"?ip=203.0.113.3": "[]", "?ip=203.0.113.2": "[ban Ip 203.0.113.2]", "?ip=203.0.113.6": "[ban Range 203.0.113.4/30]",
		"?range=203.0.113.0/24&contains=false": "[ban Ip 203.0.113.2, ban Range 203.0.113.0/31, ban Range 203.0.113.4/30]",
		"?range=203.0.113.0/29":                "[]",
		"?range=203.0.113.4/31":                "[ban Range 203.0.113.4/30]",
	} {
		if got := names(p.list(query)); got != want {
			t.Errorf("%s gave %s, want %s", query, got, want)
		}
	}
	p.lift(allow)
	if got := p.pull("").String(); got != "+[ban Range 203.0.113.0/29] -[ban Ip 203.0.113.2, ban Range 203.0.113.0/31, ban Range 203.0.113.4/30]" {
		t.Errorf("after the allow entry was lifted %s", got)
	}
	p.place(engine.Allow, "203.0.113.0/24", 0)
	if got := p.pull("").String(); got != "+[] -[ban Range 203.0.113.0/29]" {
		t.Errorf("with all of it allowed %s", got)
	}
	p.lift(block)
	if got := p.pull("").New; len(got) != 0 {
		t.Errorf("a block that ended under an allow entry is told as %v", got)
	}
}

func TestABouncerThatWasAwayTooLongIsToldEverythingAndWhatEnded(t *testing.T) {
	p := opened(t)
	a := p.place(engine.Block, "198.51.100.66/32", time.Hour)
	p.place(engine.Block, "203.0.113.0/24", time.Hour)
	p.pull("?startup=true")
	p.lift(a)
	p.place(engine.Allow, "203.0.113.128/25", 0)
	p.service.feed.mu.Lock()
	p.service.feed.changes, p.service.feed.oldest = nil, p.service.feed.newest+1 // as after too many
	p.service.feed.mu.Unlock()
	if got := p.pull("").String(); got != "+[ban Range 203.0.113.0/25] -[ban Ip 198.51.100.66, ban Range 203.0.113.0/24]" {
		t.Errorf("got %s", got)
	}
	if got := p.pull("").String(); got != "+[] -[]" {
		t.Errorf("then %s", got)
	}
}

func TestABouncerGoesOnOverARestartOfSentinel(t *testing.T) {
	p := opened(t)
	a := p.place(engine.Block, "198.51.100.66/32", time.Hour)
	p.place(engine.Block, "203.0.113.0/24", time.Hour)
	p.pull("?startup=true")
	p.lift(a)
	p.stop()
	p.start()
	if got := p.pull("").String(); got != "+[ban Range 203.0.113.0/24] -[ban Ip 198.51.100.66]" {
		t.Errorf("got %s", got)
	}
}

func TestFiltersHoldForTheStreamToo(t *testing.T) {
	p := opened(t)
	p.place(engine.Block, "203.0.113.0/24", time.Hour)
	p.guess("192.0.2.7")
	for query, want := range map[string]string{
		"&scopes=ip":                      "[ban Ip 192.0.2.7]",
		"&scopes=Range":                   "[ban Range 203.0.113.0/24]",
		"&scopes=ip,range":                "[ban Ip 192.0.2.7, ban Range 203.0.113.0/24]",
		"&scopes=country":                 "[]",
		"&origins=operator":               "[ban Range 203.0.113.0/24]",
		"&origins=nobody":                 "[]",
		"&scenarios_containing=failed,xx": "[ban Ip 192.0.2.7]",
		"&types=throttle":                 "[]",
	} {
		if got := names(p.pull("?startup=true" + query).New); got != want {
			t.Errorf("%s gave %s, want %s", query, got, want)
		}
	}
}

func TestListsAreForProxiesAndSayWhenNothingHasChanged(t *testing.T) {
	p := opened(t)
	p.place(engine.Block, "203.0.113.0/30", time.Hour)
	p.place(engine.Block, "2001:db8::/48", time.Hour)
	p.place(engine.Allow, "203.0.113.1/32", 0)
	lines := func(w *httptest.ResponseRecorder) string {
		all := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
		slices.Sort(all)
		return strings.Join(all, "|")
	}
	plain := p.get("/v1/lists/plain")
	if got := lines(plain); got != "2001:db8::/48|203.0.113.0|203.0.113.2/31" {
		t.Errorf("the plain list is %s", got)
	}
	if got := lines(p.get("/v1/lists/nginx")); got != "deny 2001:db8::/48;|deny 203.0.113.0;|deny 203.0.113.2/31;" {
		t.Errorf("the list for nginx is %s", got)
	}
	tag := plain.Header().Get("ETag")
	if w := p.get("/v1/lists/plain", "If-None-Match", tag); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("the same list again gave %d", w.Code)
	}
	p.place(engine.Block, "192.0.2.1/32", time.Hour)
	if w := p.get("/v1/lists/plain", "If-None-Match", tag); w.Code != 200 || w.Header().Get("ETag") == tag {
		t.Errorf("a longer list gave %d", w.Code)
	}
}

func TestAnswersArePackedForWhoCanUnpackThem(t *testing.T) {
	p := opened(t)
	p.place(engine.Block, "203.0.113.0/24", time.Hour)
	w := p.get("/v1/decisions/stream?startup=true", "Accept-Encoding", "br, gzip;q=0.5")
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatal("it is not packed")
	}
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil || !strings.Contains(string(text), "203.0.113.0/24") || !json.Valid(text) {
		t.Errorf("unpacked %s: %v", text, err)
	}
	if w := p.get("/v1/decisions", "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
		t.Error("it is packed for who does not want it")
	}
}

func TestOnlyListedProxiesAsk(t *testing.T) {
	asked := 0
	p := opened(t, func(c *Config) {
		c.AuthzFrom = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.Authz = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(http.StatusNoContent) })
	})
	for from, want := range map[string]int{"10.1.2.3:5": 204, "[::ffff:10.1.2.3]:5": 204, "192.0.2.1:5": 403, "nonsense": 403} {
		for _, path := range []string{"/authz", "/authz/api/balance"} {
			if w := p.get(path, "from", from, "X-Forwarded-For", "10.9.9.9"); w.Code != want {
				t.Errorf("%s from %s gave %d, want %d", path, from, w.Code, want)
			}
		}
	}
	if asked != 4 {
		t.Errorf("%d questions came through, want 4", asked)
	}
	if w := opened(t).get("/authz"); w.Code != 403 {
		t.Errorf("without anybody to answer it gave %d", w.Code)
	}
}

func TestTheListenerCarriesNothingElse(t *testing.T) {
	p := opened(t)
	for _, path := range []string{"/", "/graphql", "/v1", "/v1/decisionsx", "/authzx", "/metrics/", "/api/balance"} {
		if w := p.get(path); w.Code != 404 {
			t.Errorf("%s gave %d", path, w.Code)
		}
	}
	if w := p.get("/healthz"); w.Code != 200 || !strings.Contains(w.Body.String(), "alive") {
		t.Errorf("/healthz gave %d %s", w.Code, w.Body)
	}
	if w := p.get("/readyz"); w.Code != 200 || !strings.Contains(w.Body.String(), `"database":"ok"`) {
		t.Errorf("/readyz gave %d %s", w.Code, w.Body)
	}
	if w := p.ask("POST", "/v1/usage-metrics"); w.Code != 201 {
		t.Errorf("what bouncers report about themselves gave %d", w.Code)
	}
	if w := p.ask("POST", "/v1/usage-metrics", "X-Api-Key", "x"); w.Code != 403 {
		t.Errorf("a stranger's report gave %d", w.Code)
	}
}

func TestMetricsTellFiguresUnderLabelsThatDoNotGrow(t *testing.T) {
	p := opened(t)
	for i := range 50 {
		p.guess(fmt.Sprintf("192.0.2.%d", i))
	}
	p.place(engine.Block, "203.0.113.0/24", time.Hour)
	for range 3 {
		p.guard.Decide(engine.Request{At: time.Now(), Client: netip.MustParseAddr("203.0.113.7"), Method: "GET", Path: "/", Folded: "/", Route: "/"})
	}
	p.pull("?startup=true")
	w := p.get("/metrics", "X-Api-Key", "")
	if w.Code != 200 {
		t.Fatalf("gave %d %s", w.Code, w.Body)
	}
	text := w.Body.String()
	for _, want := range []string{
		`sentinel_requests_total{cause="",verdict="passed"} 300`, "sentinel_hammering_requests_total 3",
		`sentinel_findings_total{rule="failed-authentication"} 50`,
		`sentinel_decisions{action="block",origin="rule"} 50`,
		`sentinel_decisions{action="block",origin="operator"} 1`,
		`sentinel_build_info{version="1.2.3"} 1`,
		`sentinel_dependency_up{name="database"} 1`,
		"sentinel_bouncers 1", "sentinel_key_flood_rules 0", `sentinel_memory_turned_away_total{rule="rate-abuse"} 0`, "sentinel_traffic_lost_total 0", "sentinel_weak_findings_unfolded_total 0", "sentinel_enforcing 1", "go_goroutines ",
		`sentinel_store_bytes{database="traffic"}`, `sentinel_store_oldest_timestamp_seconds{class="exchanges"}`,
		`sentinel_would_act_findings_total{rule="honeypot"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	const ofEach, beside = 8, 80
	if series, most := strings.Count(text, "\nsentinel_"), ofEach*len(engine.Rules())+beside; series > most || strings.Contains(text, "192.0.2.") {
		t.Errorf("%d series, want %d at most", series, most)
	}
}

func TestAnExpressionThatFailsIsCountedInTheMetrics(t *testing.T) {
	p := opened(t)
	r, err := rules.ReadOne("mine.yml", []byte("id: divides\ntitle: Divides\nexplains: It divides.\nwhen: {where: 1000 / (status - 401) > 3}\nseverity: LOW\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	policy := p.guard.Policy()
	policy.Packs = append(policy.Packs, r.Engine())
	if err := p.guard.Revise(policy); err != nil {
		t.Fatal(err)
	}
	p.guess("192.0.2.7")
	n := r.Failed()
	want := fmt.Sprintf(`sentinel_rule_expression_failures_total{rule="divides"} %d`, n)
	if text := p.get("/metrics", "X-Api-Key", "").Body.String(); n == 0 || !strings.Contains(text, want) {
		t.Errorf("%s is missing", want)
	}
}

func TestWhileTheGatewayObservesNobodyIsToldToEnforceWhatRulesDecided(t *testing.T) {
	p := opened(t)
	p.guess("192.0.2.7")
	p.place(engine.Block, "198.51.100.66/32", time.Hour)
	p.pull("?startup=true")
	revise := func(observe bool) {
		policy := p.guard.Policy()
		policy.Observe = observe
		if err := p.guard.Revise(policy); err != nil {
			t.Fatal(err)
		}
	}
	revise(true)
	if got := p.pull("").String(); got != "+[ban Ip 198.51.100.66] -[ban Ip 192.0.2.7]" {
		t.Errorf("observing, a bouncer that knew is told %s", got)
	}
	if got := p.pull("?startup=true").String(); got != "+[ban Ip 198.51.100.66] -[]" {
		t.Errorf("observing, at a start %s", got)
	}
	if got := p.get("/v1/lists/nginx").Body.String(); strings.Contains(got, "192.0.2.7") || !strings.Contains(got, "198.51.100.66") {
		t.Errorf("observing, the list says %s", got)
	}
	if got := p.list("?ip=192.0.2.7"); len(got) != 0 {
		t.Errorf("observing, about the address %v", got)
	}
	revise(false)
	if got := p.pull("").String(); got != "+[ban Ip 192.0.2.7, ban Ip 198.51.100.66] -[]" {
		t.Errorf("enforcing again %s", got)
	}
}

// The protocol has no word for an account, and one told as a key of zeros would be worse than none.
func TestABouncerIsToldNothingOfAccounts(t *testing.T) {
	p := opened(t)
	err := p.store.Record(t.Context(), store.Batch{Decisions: []engine.Decision{{
		ID: engine.NewReference('D', "alice"), Action: engine.Block, Target: engine.Target{Account: "alice"}, Origin: engine.ByOperator,
		By: "ada", From: p.now(),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	p.stop()
	p.start()
	known := 0
	p.guard.EachDecision(func(engine.Decision) bool { known++; return true })
	if known != 1 {
		t.Fatalf("the guard knows %d decisions, want that about the account", known)
	}
	if got := names(p.list("")) + p.pull("?startup=true").String() + names(p.list("?scope=key&value="+strings.Repeat("00", 16))); got != "[]+[] -[][]" {
		t.Errorf("told is %s", got)
	}
}
