package rules_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

func pack(text string) fstest.MapFS { return fstest.MapFS{"mine.yml": {Data: []byte(text)}} }

// The proof of what docs/RULES.md says: a new rule is a file with two scenarios, and nothing else.
func TestNewRuleIsAFileWithTwoScenarios(t *testing.T) {
	dir := t.TempDir()
	const file = `
pack: payouts
rules:
  - id: payees-tried-at-night
    title: Many payees tried at night
    explains: At night one account is refused for more than three different payees in ten minutes.
    when:
      method: POST
      route: /payees/{id}/payouts
      status: [403, 422]
      where: hour < 5 && country != "NZ"
    by: account
    distinct: path
    count: 3
    within: 10m
    severity: HIGH
    do: block
    for: 1h
    shows:
      - {at: "03:00", account: ada, request: "POST /payees/{i}/payouts", status: 422, times: 4, every: 1m}
    nearly:
      - {at: "03:00", account: ada, request: "POST /payees/{i}/payouts", status: 422, times: 3, every: 1m}
      - {at: "12:00", account: ada, request: "POST /payees/{i}/payouts", status: 422, times: 9, every: 1m}
`
	if err := os.WriteFile(filepath.Join(dir, "payouts.yml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(set) != 1 || len(set[0].Missing()) > 0 {
		t.Fatalf("read %v", set)
	}
	played, err := set[0].Play()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range played {
		if p.Problem != "" {
			t.Errorf("%s: %s", p.Scenario, p.Problem)
		}
	}
	if p := played[0]; p.At != 4 || p.Finding.Account != "ada" || p.Finding.Severity != engine.High || p.Finding.Decision.Action != engine.Block {
		t.Errorf("found %+v at request %d, want a block of ada at 4", p.Finding, p.At)
	}

	// At work beside everything else, in an engine as serve has it.
	all, err := rules.All(dir)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(all.Into(engine.Defaults()), 1)
	if err != nil {
		t.Fatal(err)
	}
	night := time.Date(2026, 3, 4, 2, 0, 0, 0, time.UTC)
	var found []string
	for i := range 4 {
		x := engine.Exchange{Request: engine.Request{
			ID: uint64(i + 1), At: night.Add(time.Duration(i) * time.Minute), Client: client("203.0.113.9"),
			Method: "POST", Path: "/payees/" + strconv.Itoa(i) + "/payouts", Account: "ada",
		}, Status: 422}
		x.Folded = x.Path
		if v := e.Decide(x.Request); v.Refused() {
			t.Fatalf("request %d is refused by %s", i+1, v.Cause)
		}
		for _, f := range e.Observe(x) {
			found = append(found, f.Rule)
		}
	}
	if !reflect.DeepEqual(found, []string{"payees-tried-at-night"}) {
		t.Errorf("found %v", found)
	}
	v := e.Decide(engine.Request{ID: 9, At: night.Add(5 * time.Minute), Client: client("192.0.2.1"), Method: "GET", Path: "/", Folded: "/", Account: "ada"})
	if v.Status != 403 || v.Cause != "payees-tried-at-night" {
		t.Errorf("the next request for ada got %d by %q", v.Status, v.Cause)
	}
}

func TestBuiltInRulesKeepWhatTheirScenariosPromise(t *testing.T) {
	set, err := rules.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set {
		for _, m := range r.Missing() {
			t.Error(m)
		}
		played, err := r.Play()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range played {
			if p.Problem != "" {
				t.Errorf("%s:%d: %s, %s: %s", r.File, r.Line, r.ID, p.Scenario, p.Problem)
			}
		}
		if n := r.Failed(); n > 0 {
			t.Errorf("%s: its expression failed %d times", r.ID, n)
		}
	}
}

func TestBuiltInRulesThatRefuseStartInShadow(t *testing.T) {
	set, err := rules.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set {
		if terms := r.Engine().Terms; terms.Do > engine.Monitor && !terms.Shadow {
			t.Errorf("%s: %s at once", r.ID, terms.Do)
		}
	}
}

// Half a microsecond for each exchange would be half of what all rules may cost.
func TestBuiltInRulesThatEveryExchangeMeetsHaveNoExpression(t *testing.T) {
	set, err := rules.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set {
		if w := r.When; w.Where != "" && len(w.Status) == 0 && len(w.Route) == 0 {
			t.Errorf("%s evaluates %s for each", r.ID, w.Where)
		}
	}
}

const good = `
rules:
  - id: a-rule
    title: A rule
    explains: What it looks for.
    when: {status: [401, 4xx], route: ["/a/{b}/*.php", /c/**]}
    count: 5
    within: 10m
    severity: HIGH
    do: block
    for: 30m
    shows: [{request: GET /a, status: 401}]
`

func TestMistakesNameFileLineFieldAndRemedy(t *testing.T) {
	if _, err := rules.Load(pack(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ was, is, says string }{
		{"title: A rule", "titel: A rule", "mine.yml:4: rules[0].titel is no field that there is; the nearest is title"},
		{"status: [401, 4xx]", "statsu: 401", "mine.yml:6: rules[0].when.statsu is no field that there is; the nearest is status"},
		{"status: [401, 4xx]", "status: [401, 7xx]", "mine.yml:6: rules[0].when.status must be statuses, as in 401 or 4xx"},
		{"id: a-rule", "id: A rule", `mine.yml:3: rules[0].id must be words joined by -`},
		{"id: a-rule", "id: rate-abuse", "is that of a built-in rule"},
		{"count: 5", "count: five", `mine.yml:7: rules[0].count must be a whole number, not "five"`},
		{"count: 5", "count: -1", "mine.yml:7: rules[0].count must be 0 to 1000000"},
		{"count: 5", "count: 0", "rules[0].within must be left out"},
		{"within: 10m", "within: 10", "mine.yml:8: rules[0].within can't be read: \"10\" is not a duration, as in"},
		{"within: 10m", "within: 30d", "mine.yml:8: rules[0].within must be 1s to"},
		{"severity: HIGH", "severity: high", `rules[0].severity must be INFO, LOW, MEDIUM, HIGH or CRITICAL, not "high"`},
		{"do: block", "do: blokc", "mine.yml:10: rules[0].do must be block, throttle, monitor or nothing, not \"blokc\"; the nearest is block"},
		{"do: block", "by: country\n    do: block", "there is nobody to do it to"},
		{"do: block", "by: [client, client]\n    do: block", "names client twice"},
		{"do: block", "by: clients\n    do: block", "mine.yml:10: rules[0].by[0] must be client, network"},
		{"do: block", "distinct: client\n    do: block", "rules[0].distinct is client, and by too"},
		{"do: block", "do: nothing", "rules[0].for must be left out"},
		{"do: block", "on: request\n    do: block", "rules[0].when.status is not known before the answer"},
		{"for: 30m", "for: 30m\n    ladder: [5m, 1h]", "mine.yml:11: rules[0].for must be left out where there is a ladder"},
		{"for: 30m", "ladder: [1h, 5m]", "mine.yml:11: rules[0].ladder[1] must be 1s to 366d, and no shorter than the one before"},
		{"for: 30m", "ladder: 5m", "mine.yml:11: rules[0].ladder must be a list"},
		{"for: 30m", "ladder: [1m, 2m, 3m, 4m, 5m, 6m, 7m, 8m, 9m]", "rules[0].ladder must have 8 steps at most"},
		{"/c/**", "/**/c", "mine.yml:6: rules[0].when.route[1] is \"/**/c\", which has ** before its end"},
		{"/c/**", "/C", "must be written as rules match on it"},
		{"/c/**", "c", "must begin with a slash"},
		{`route: ["/a/{b}/*.php", /c/**]`, "where: 'statuss == 1'", "mine.yml:6: rules[0].when.where is wrong at 1:1: statuss is neither"},
		{"shows: [{request: GET /a, status: 401}]", "shows: [{request: /a, status: 401}]", "mine.yml:12: rules[0].shows[0].request must be a method and a path"},
		{"shows: [{request: GET /a, status: 401}]", "shows: [{client: \"1.2.3.{i}\", times: 300, request: GET /a, status: 401}]", "is none at repetition 300"},
		{"shows: [{request: GET /a, status: 401}]", "shows: [{request: GET /a}]", "rules[0].shows[0].status must be 100 to 599"},
		{"shows: [{request: GET /a, status: 401}]", "shows: {request: GET /a}", "mine.yml:12: rules[0].shows must be a list"},
		{"title: A rule", "title: [A, B]", "mine.yml:4: rules[0].title takes a single value"},
		{"title: A rule", "title:", "rules[0].title is empty"},
		{"title: A rule", "title: &x A", "uses an anchor, an alias or a tag"},
		{"title: A rule", "title: A\n    title: B", "mine.yml: is not YAML that can be read"},
		{"shows: [{request: GET /a, status: 401}]", "shows: [{request: GET /a, status: 401, signs: injectoin}]", "shows[0].signs[0] must be cross_site, foreign, injection, referred, scripted or traversal, not \"injectoin\"; the nearest is injection"},
		{good, "[", "mine.yml: is not YAML that can be read"},
		{good, "", "must hold one document"},
		{good, "rules: []", "mine.yml:1: rules are missing"},
		{good, "just text", "must have fields below it: pack, rules"},
		{good, good + strings.Replace(good, "\nrules:\n", "", 1), "rules[1].id is a-rule"},
	} {
		_, err := rules.Load(pack(strings.Replace(good, c.was, c.is, 1)))
		if err == nil || !strings.Contains(err.Error(), strings.Replace(c.says, "rules[1].id", "id", 1)) {
			t.Errorf("%q:\n%v\nwant it to say %s", c.is, err, c.says)
			continue
		}
		if _, ok := errors.AsType[engine.Invalid](err); !ok {
			t.Errorf("%q: %T is nothing that a caller can correct", c.is, err)
		}
	}
}

func TestALadderSaysHowLongARuleBlocksEachTime(t *testing.T) {
	set, err := rules.Load(pack(strings.Replace(good, "for: 30m", "ladder: [5m, 30m, 4h, 1d]", 1)))
	if err != nil {
		t.Fatal(err)
	}
	terms := set.Rules()[0].Terms
	if want := engine.LadderOf(5*time.Minute, 30*time.Minute, 4*time.Hour, 24*time.Hour); terms.Ladder != want || terms.For != 5*time.Minute {
		t.Errorf("it blocks for %v, %s", terms.Ladder.Rungs(), terms.For)
	}
}

func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	_, err := rules.Load(fstest.MapFS{
		"a.yml": {Data: []byte(strings.Replace(good, "do: block", "do: stop", 1))},
		"b.yml": {Data: []byte(strings.NewReplacer("severity: HIGH", "severity: GRAVE", "count: 5", "count: -5").Replace(good))},
	})
	for _, says := range []string{"a.yml:10: ", "b.yml:9: ", "b.yml:7: "} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s is missing in\n%v", says, err)
		}
	}
}

func TestPacksAreBounded(t *testing.T) {
	large := strings.Repeat("#", rules.MostFile+1)
	if _, err := rules.Load(pack(large)); err == nil || !strings.Contains(err.Error(), "split it") {
		t.Errorf("a large file: %v", err)
	}
	many := fstest.MapFS{}
	for f := range 3 {
		text := "rules:\n"
		for i := range rules.MostRules / 2 {
			text += "  - {id: r-" + strconv.Itoa(f) + "-" + strconv.Itoa(i) + ", title: t, explains: e, count: 1, within: 1m, severity: LOW}\n"
		}
		many[strconv.Itoa(f)+".yml"] = &fstest.MapFile{Data: []byte(text)}
	}
	if _, err := rules.Load(many); err == nil || !strings.Contains(err.Error(), "may be 500") {
		t.Errorf("many rules: %v", err)
	}
}

func TestTwoFilesCantNameTheSameRule(t *testing.T) {
	_, err := rules.Load(fstest.MapFS{"a.yml": {Data: []byte(good)}, "b.yml": {Data: []byte(good)}})
	if err == nil || !strings.Contains(err.Error(), "b.yml:3: id is a-rule, as that of the rule at a.yml:3") {
		t.Error(err)
	}
	dir := t.TempDir()
	text := strings.Replace(good, "a-rule", "secrets-asked-for", 1)
	if err := os.WriteFile(filepath.Join(dir, "mine.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.All(dir); err == nil || !strings.Contains(err.Error(), "built-in pack probes") {
		t.Error(err)
	}
}

func TestDirectoryThatCantBeReadHasARemedy(t *testing.T) {
	if _, err := rules.LoadDir(filepath.Join(t.TempDir(), "nowhere")); err == nil || !strings.Contains(err.Error(), "is not there: make the directory") {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.LoadDir(file); err == nil || !strings.Contains(err.Error(), "name the directory") {
		t.Error(err)
	}
}

func TestDefinitionIsTheSameInJSON(t *testing.T) {
	set, err := rules.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set {
		text, err := json.Marshal(map[string]any{"rules": []rules.Definition{r.Definition}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := rules.Read(r.File, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(again[0].Definition, r.Definition) {
			t.Errorf("%+v became\n%+v", r.Definition, again[0].Definition)
		}
	}
}

func TestCompileTellsWhatIsWrongWithADefinition(t *testing.T) {
	_, _, err := rules.Compile(rules.Definition{ID: "x", Title: "X", Explains: "X.", Severity: "HIGH", Do: "stop", When: rules.When{Where: "status"}, Pack: "mine"})
	for _, says := range []string{"do must be", "when.where is int"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %s", err, says)
		}
	}
	rule, terms, err := rules.Compile(rules.Definition{ID: "x", Title: "X", Explains: "X.", Severity: "HIGH", Do: "block", For: rules.Span(time.Hour), Mode: "shadow", Pack: "mine", When: rules.When{Status: rules.Words{"5xx"}}})
	if err != nil || len(rule.Statuses) != 100 || !terms.Shadow || terms.Do != engine.Block || terms.For != time.Hour {
		t.Errorf("%+v %v", rule, err)
	}
}

func TestWhatTripsARuleIsSaidAsPeopleSayIt(t *testing.T) {
	for want, d := range map[string]rules.Definition{
		"more than 1 request in 10 minutes by client":                      {By: rules.Words{"client"}, Count: 1, Within: rules.Span(10 * time.Minute)},
		"more than 2 requests in 1 hour 30 minutes by account and network": {By: rules.Words{"account", "network"}, Count: 2, Within: rules.Span(90 * time.Minute)},
		"more than 1 value of country in 1 hour by key":                    {By: rules.Words{"key"}, Distinct: "country", Count: 1, Within: rules.Span(time.Hour)},
		"more than 2 different values of country in 2 days by key":         {By: rules.Words{"key"}, Distinct: "country", Count: 2, Within: rules.Span(48 * time.Hour)},
		"one by a client": {By: rules.Words{"client"}},
	} {
		if got := d.Trips(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	d := rules.Definition{Severity: "HIGH", Do: "block", For: rules.Span(5 * time.Minute), Ladder: rules.Spans{rules.Span(5 * time.Minute), rules.Span(24 * time.Hour)}}
	if got, want := d.Then(), "HIGH, block for 5 minutes, then 1 day"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSeveralOfWhateverIsCountedAreWrittenInThePlural(t *testing.T) {
	set, err := rules.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set {
		if r.ID != "key-in-many-countries" {
			continue
		}
		played, err := r.Play()
		if err != nil || played[0].Finding == nil {
			t.Fatalf("%v %+v", err, played[0])
		}
		if said := played[0].Finding.Reason; !strings.Contains(said, "3 different countries of") {
			t.Errorf("it says %q", said)
		}
	}
}

func TestRuleOverRequestsRefusesTheOneThatTripsIt(t *testing.T) {
	set, err := rules.Load(pack(`
rules:
  - id: old-version
    title: The old version is switched off
    explains: Requests for what was taken out of service, more than once.
    on: request
    when: {route: /v0/**, where: '!cidr("192.0.2.0/24").containsIP(client)'}
    count: 1
    within: 1m
    severity: LOW
    do: throttle
    for: 1m
    shows: [{request: GET /v0/a, status: 410, times: 2}]
    nearly: [{request: GET /v1/a, status: 200, times: 2}, {client: 192.0.2.9, request: GET /v0/a, status: 410, times: 9}]
`))
	if err != nil {
		t.Fatal(err)
	}
	played, err := set[0].Play()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range played {
		if p.Problem != "" {
			t.Error(p.Problem)
		}
	}
	if played[0].At != 2 || set[0].Engine().Refuse != 429 {
		t.Errorf("%+v", played[0])
	}
}

func TestScenarioThatBreaksItsPromiseIsTold(t *testing.T) {
	text := strings.Replace(good, "shows: [{request: GET /a, status: 401}]", "shows: [{request: GET /c/d, status: 401, times: 5}]\n    nearly: [{request: GET /c/d, status: 401, times: 6}]", 1)
	set, err := rules.Load(pack(text))
	if err != nil {
		t.Fatal(err)
	}
	played, err := set[0].Play()
	if err != nil {
		t.Fatal(err)
	}
	if p := played[0].Problem; !strings.Contains(p, "stayed silent over 5 requests") {
		t.Error(p)
	}
	if p := played[1].Problem; !strings.Contains(p, "fired at request 6 of honest traffic") {
		t.Error(p)
	}
}

func TestWhatIsNestedWithoutEndIsRefusedBeforeItIsParsed(t *testing.T) {
	for _, unit := range []string{"[", "{a: ", "- ", "? ", "[\n"} {
		_, err := rules.Read("deep.yml", []byte("rules: \n"+strings.Repeat(unit, 40_000)))
		if err == nil || !strings.Contains(err.Error(), "deep") {
			t.Errorf("%q: %v", unit, err)
		}
	}
}

func TestPipesAndDevicesAreNoPacks(t *testing.T) {
	for _, kind := range []fs.FileMode{fs.ModeNamedPipe, fs.ModeDevice, fs.ModeSocket} {
		_, err := rules.Load(fstest.MapFS{"mine.yml": {Data: []byte(good), Mode: kind}})
		if err == nil || !strings.Contains(err.Error(), "is no file") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestTextThatIsNotUTF8IsToldByItsLine(t *testing.T) {
	_, err := rules.Read("mine.yml", []byte("pack: mine\nrules:\n  - id: a\n    title: Schl\xfcssel\n"))
	if err == nil || !strings.Contains(err.Error(), "line 4") || !strings.Contains(err.Error(), "UTF-8") {
		t.Error(err)
	}
}

func TestWhatCantBeReadInOneRuleHidesNothingInAnother(t *testing.T) {
	_, err := rules.Read("mine.yml", []byte(`pack: mine
rules:
  - {id: one, title: T, explains: E, severity: LOW, count: 3, within: soon}
  - {id: two, title: T, explains: E, severity: LOUD}
  - {id: three, title: T, explains: E, severity: LOW, cuont: 3}
  - {id: four, title: T, explains: E, severity: LOW, when: {where: "status + 1"}}
  - {id: two, title: T, explains: E, severity: LOW}
`))
	for _, want := range []string{"mine.yml:3: rules[0].within", "mine.yml:4: rules[1].severity", "mine.yml:5: rules[2].cuont", "mine.yml:6: rules[3].when.where", "mine.yml:7: id is two"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not told:\n%v", want, err)
		}
	}
}

func TestARuleWithAnotherExpressionBeginsAnew(t *testing.T) {
	policy := func(where, title string) engine.Policy {
		set, err := rules.Load(pack(`
rules:
  - {id: refused-payouts, title: ` + title + `, explains: Payouts are refused., when: {where: '` + where + `'}, count: 3, within: 10m, severity: HIGH, do: block, for: 1h}
`))
		if err != nil {
			t.Fatal(err)
		}
		return set.Into(engine.Defaults())
	}
	for name, c := range map[string]struct {
		where, title string
		blocked      bool
	}{
		"with the same":         {`status == 418`, "Refused", true},
		"under another title":   {`status == 418`, "Turned down", true},
		"with another":          {`status == 402`, "Refused", false},
		"with one more clause":  {`status == 418 && hour < 24`, "Refused", false},
		"that is written apart": {`status  ==  418`, "Refused", false},
	} {
		e, err := engine.New(policy(`status == 418`, "Refused"), 1)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		ask := func(status int) engine.Verdict {
			at = at.Add(time.Second)
			r := engine.Request{At: at, Client: netip.MustParseAddr("203.0.113.9"), Method: "POST", Path: "/payouts", Folded: "/payouts"}
			v := e.Decide(r)
			e.Observe(engine.Exchange{Request: r, Status: status})
			return v
		}
		for range 3 {
			ask(418)
		}
		if err := e.Revise(policy(c.where, c.title)); err != nil {
			t.Fatal(err)
		}
		status := 418
		if strings.Contains(c.where, "402") {
			status = 402
		}
		ask(status)
		if v := ask(200); v.Refused() != c.blocked {
			t.Errorf("%s: refused is %v", name, v.Refused())
		}
	}
}
