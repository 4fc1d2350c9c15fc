package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

const example = "../../sentinel.example.yml"

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sentinel.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string) (config.Config, error) {
	t.Helper()
	return config.Load(config.Sources{File: write(t, text)})
}

func TestExampleIsTheDefaults(t *testing.T) {
	c, err := config.Load(config.Sources{File: example})
	if err != nil {
		t.Fatal(err)
	}
	written, err := c.Print()
	if err != nil {
		t.Fatal(err)
	}
	usual, err := config.Defaults().Print()
	if err != nil {
		t.Fatal(err)
	}
	if written != usual {
		t.Errorf("the example says\n%s\nand the defaults are\n%s", written, usual)
	}
}

func TestExampleHoldsEverySetting(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	usual, err := config.Defaults().Print()
	if err != nil {
		t.Fatal(err)
	}
	var path []string
	for line := range strings.Lines(usual) {
		key, _, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(key, "-") {
			continue
		}
		indent := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		path = append(path[:min(indent, len(path))], key)
		if !strings.Contains(string(text), "\n"+strings.Repeat("  ", indent)+key+":") && !strings.Contains(string(text), " "+key+":") {
			t.Errorf("%s is not in the example", strings.Join(path, "."))
		}
	}
}

func TestDefaultsAreTheEngines(t *testing.T) {
	want := engine.Defaults()
	want.Observe = true
	want.Denies, want.Skips = []string{}, []string{}
	for _, r := range engine.Rules() {
		if r.Pack == "fintech" && r.Do == engine.Block { // shows what it would do before it may
			r.Shadow = true
			want.Rules[r.ID] = r.Terms
		}
	}
	if got := config.Defaults().Policy(); !reflect.DeepEqual(got, want) {
		t.Errorf("policy\n%+v, want\n%+v", got, want)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	if err := config.Defaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestPrintedSettingsAreReadAgain(t *testing.T) {
	c, err := load(t, `
gateway:
  mode: enforce
  upstreams: [{name: api, url: "http://127.0.0.1:9", hosts: ["*.example.com"], max_body: 10MB, health: {path: /up}}]
clients: {trusted_proxies: [10.0.0.0/8, "::ffff:192.0.2.1"]}
rules: {rate-abuse: {more: 10, mode: shadow}}
`)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Print()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := again.Print(); err != nil || second != text {
		t.Errorf("%s\nwant %s\n%v", second, text, err)
	}
	if got := c.Clients.TrustedProxies[1].String(); got != "192.0.2.1/32" {
		t.Errorf("a mapped proxy is %s", got)
	}
	if !strings.Contains(text, "preserve_host: true") {
		t.Errorf("the Host that is sent on is not told:\n%s", text)
	}
	if up := c.Gateway.Upstreams[0]; up.Answer != 30*time.Second || up.Health.Every != 10*time.Second || up.MaxBody != 10<<20 {
		t.Errorf("upstream %+v", up)
	}
	if r := c.Rules["rate-abuse"]; r.More != 10 || r.For != 5*time.Minute || r.Mode != "shadow" {
		t.Errorf("rule %+v: what is left out must stay", r)
	}
}

func TestNothingIsWrittenAsZeroWhateverItsUnit(t *testing.T) {
	c, err := load(t, "retention: {exchanges: 0, alerts: 0s, size: 0}\ngateway: {drain: 0}")
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Retention; r.Exchanges != 0 || r.Alerts != 0 || r.Size != 0 || c.Gateway.Drain != 0 {
		t.Errorf("%+v, drained for %s", r, c.Gateway.Drain)
	}
}

func TestMistakesAreNamedWithTheirRemedy(t *testing.T) {
	for _, c := range []struct{ name, text, field, says string }{
		{"unknown key", "gatway: {mode: enforce}", "gatway", "the nearest is gateway"},
		{"unknown key below", "gateway: {moed: enforce}", "gateway.moed", "the nearest is gateway.mode"},
		{"unknown key in a list", `gateway: {upstreams: [{ulr: "http://a"}]}`, "gateway.upstreams[0].ulr", "url"},
		{"unknown rule", "rules: {rate-abuses: {more: 3}}", "rules.rate-abuses", "the nearest is rate-abuse"},
		{"unknown term of a rule", "rules: {rate-abuse: {mor: 3}}", "rules.rate-abuse.mor", "more"},
		{"everybody trusted", `clients: {trusted_proxies: ["0.0.0.0/0", "::/0"]}`, "clients.trusted_proxies[0]", "name the addresses"},
		{"half of everybody trusted", `clients: {trusted_proxies: ["128.0.0.0/1"]}`, "clients.trusted_proxies[0]", "name the addresses"},
		{"no network", "clients: {trusted_proxies: [10.0.0.0/33]}", "clients.trusted_proxies[0]", "neither an address nor a network"},
		{"weak secret", "secret: changeme", "secret", "openssl rand"},
		{"repeated secret", "secret: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "secret", "openssl rand"},
		{"missing secret file", "secret_file: nowhere/at/all", "secret_file", "can't be read"},
		{"bad duration", "retention: {exchanges: soon}", "retention.exchanges", "not a duration"},
		{"bare number as duration", "retention: {exchanges: 30}", "retention.exchanges", "not a duration"},
		{"bad duration of a rule", "rules: {rate-abuse: {for: 5 minutes}}", "rules.rate-abuse.for", "not a duration"},
		{"bad size", "retention: {size: huge}", "retention.size", "not a size"},
		{"bad mode", "gateway: {mode: block}", "gateway.mode", "observe or enforce"},
		{"upstream with a path", `gateway: {upstreams: [{url: "http://a/b"}]}`, "gateway.upstreams[0].url", "without a path"},
		{"upstream without a URL", `gateway: {upstreams: [{name: a}]}`, "gateway.upstreams[0].url", "missing"},
		{"deny everything", "gateway: {deny: [/]}", "gateway.deny", "not all of them"},
		{"one port twice", "console: {listen: 127.0.0.1:8000}", "console.listen", "gateway.listen"},
		{"not a list", "gateway: {mode: [observe]}", "gateway.mode", "single value"},
		{"not a tree", "gateway: observe", "gateway", "keys below it"},
		{"rule beyond the engine", "rules: {rate-abuse: {more: 1000001}}", "rules.rate-abuse.more", "1 to 1000000"},
		{"certificate without key", "gateway: {tls: {cert: x}}", "gateway.tls", "both"},
		{"bad log role", "logs: [{file: a, as: both}]", "logs[0].as", "traffic or answers"},
		{"ladder that falls", "rules: {rate-abuse: {ladder: [1h, 5m]}}", "rules.rate-abuse.ladder", "none shorter than the one before"},
		{"ladder with no time", "rules: {rate-abuse: {ladder: [0s, 5m]}}", "rules.rate-abuse.ladder", "as in [5m, 30m, 4h, 24h]"},
		{"ladder of too many", "rules: {rate-abuse: {ladder: [1m, 2m, 3m, 4m, 5m, 6m, 7m, 8m, 9m]}}", "rules.rate-abuse.ladder", "8 steps at most"},
		{"ladder to nothing", "rules: {payment-without-balance: {ladder: [5m]}}", "rules.payment-without-balance.ladder", "nothing is done"},
		{"ladder that is no time", "rules: {rate-abuse: {ladder: [soon]}}", "rules.rate-abuse.ladder[0]", "not a duration"},
		{"score that says little", "incidents: {block_from: 50}", "incidents.block_from", "90 to 100, or 0"},
		{"crawler without a name", `crawlers: [{agents: [examplebot], networks: [192.0.2.0/24]}]`, "crawlers[0].name", "is missing"},
		{"crawler without agents", `crawlers: [{name: a, networks: [192.0.2.0/24]}]`, "crawlers[0].agents", "as in examplebot"},
		{"crawler that says what all do", `crawlers: [{name: a, agents: [Mozilla], networks: [192.0.2.0/24]}]`, "crawlers[0].agents", "what only it says"},
		{"crawler without networks", `crawlers: [{name: a, agents: [examplebot]}]`, "crawlers[0].networks", "as in 192.0.2.0/24"},
		{"crawler from everywhere", `crawlers: [{name: a, agents: [examplebot], networks: ["0.0.0.0/0"]}]`, "crawlers[0].networks", "/8 or narrower"},
		{"crawler from nowhere", `crawlers: [{name: a, agents: [examplebot], networks: [everywhere]}]`, "crawlers[0].networks[0]", "neither an address nor a network"},
		{"crawler twice", `crawlers: [{name: a, agents: [examplebot], networks: [192.0.2.0/24]}, {name: a, agents: [otherbot], networks: [192.0.2.0/24]}]`, "crawlers[1].name", "put their agents"},
		{"unknown key of a crawler", `crawlers: [{name: a, agnts: [examplebot], networks: [192.0.2.0/24]}]`, "crawlers[0].agnts", "agents"},
		{"authz for everybody", `service: {authz: {from: ["0.0.0.0/0"]}}`, "service.authz.from[0]", "name the proxies"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text)
			if err == nil {
				t.Fatal("it was accepted")
			}
			var fields []string
			for line := range strings.Lines(err.Error()) {
				if _, said, ok := strings.Cut(line, ": "); ok && filepath.IsAbs(line) { // behind the file and the line
					line = said
				}
				fields = append(fields, strings.Fields(line)[0])
			}
			if !slices.Contains(fields, c.field) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not name %s and say %q", err, c.field, c.says)
			}
		})
	}
}

func TestAFileWithNothingInItIsAMistake(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# all of it is commented out\n"} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), "holds no setting") {
			t.Errorf("%q is taken: %v", text, err)
		}
	}
}

func TestBrokenYAMLIsShownWhereItBreaks(t *testing.T) {
	_, err := load(t, "gateway:\n  mode: [observe\n")
	if err == nil || !strings.Contains(err.Error(), "2") {
		t.Errorf("%v", err)
	}
}

func TestEnvironmentOverrulesTheFileAndFlagsTheEnvironment(t *testing.T) {
	c, err := config.Load(config.Sources{
		File: write(t, "gateway: {mode: enforce, listen: 127.0.0.1:1}\nconsole: {listen: 127.0.0.1:2}"),
		Environ: []string{
			"SENTINEL_GATEWAY_LISTEN=127.0.0.1:3", "SENTINEL_CONSOLE_LISTEN=127.0.0.1:4", "PATH=/bin",
			"SENTINEL_CLIENTS_TRUSTED_PROXIES=10.0.0.0/8, 127.0.0.1", "SENTINEL_RULES_RATE_ABUSE_MORE=7", "SENTINEL_CLIENTS_SELF_TEST=false",
		},
		Flags: map[string]string{"console.listen": "127.0.0.1:5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Gateway.Mode != config.Enforce || c.Gateway.Listen != "127.0.0.1:3" || c.Console.Listen != "127.0.0.1:5" {
		t.Errorf("%+v", c.Gateway)
	}
	if len(c.Clients.TrustedProxies) != 2 || c.Rules["rate-abuse"].More != 7 || c.Clients.SelfTest {
		t.Errorf("%+v %+v", c.Clients, c.Rules["rate-abuse"])
	}
}

func TestVariablesThatKubernetesMakesAreNotOurs(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{
		"SENTINEL_SERVICE_HOST=10.0.0.1", "SENTINEL_SERVICE_PORT_HTTP=1", "SENTINEL_PORT=tcp://10.0.0.1:1", "SENTINEL_CONSOLE_PORT_8081_TCP_ADDR=10.0.0.1",
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestUnknownVariablesNameTheNearest(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{"SENTINEL_GATEWAY_LISTENS=1"}})
	if invalid, ok := errors.AsType[engine.Invalid](err); !ok || !strings.Contains(invalid.Problem, "SENTINEL_GATEWAY_LISTEN") {
		t.Error(err)
	}
}

func TestSecretsComeFromFilesAndAreNeverPrinted(t *testing.T) {
	secret := "b5d0c5a9e3f14d7780a2c6b91e4f7d03"
	file := write(t, secret+"\n")
	c, err := config.Load(config.Sources{
		File:    write(t, "secret_file: "+file+"\nredis: {url: 'redis://:hunter2@127.0.0.1'}"),
		Environ: []string{"SENTINEL_STORAGE_DATABASE=postgres://u:hunter3@h/db"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Secret != secret {
		t.Errorf("secret %q", c.Secret)
	}
	text, err := c.Print()
	if err != nil {
		t.Fatal(err)
	}
	for _, hide := range []string{secret, "hunter2", "hunter3"} {
		if strings.Contains(text, hide) {
			t.Errorf("%q is printed", hide)
		}
	}
	_, err = load(t, "redis: {url: 'http://:hunter2@127.0.0.1'}\nstorage: {database: 'postgres://u:hunter3@h:bad/x'}")
	if err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("%v", err)
	}
}

func TestSizesAndSpansAreReadAsWritten(t *testing.T) {
	for text, want := range map[string]config.Size{"0": 0, "512": 512, "64kB": 64 << 10, "10 MB": 10 << 20, "10gb": 10 << 30, "1TB": 1 << 40} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "GB", "1.5GB", "99999999TB"} {
		if _, err := config.ParseSize(text); err == nil {
			t.Errorf("%q is a size", text)
		}
	}
	for text, want := range map[string]time.Duration{"30d": 720 * time.Hour, "90s": 90 * time.Second, "1h30m": 90 * time.Minute} {
		if got, err := config.ParseSpan(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("gateway: {mode: observe}")
	f.Add("rules: {rate-abuse: null}")
	f.Add("gateway: {upstreams: [null, {url: 3}]}\nclients: 7\n? [a]: b\n&x y: *x")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "f.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := config.Load(config.Sources{File: path}); err == nil {
			if _, err := c.Print(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestTheOperatorsCrawlersStandBesideThoseThatComeWithTheProgram(t *testing.T) {
	c, err := load(t, `crawlers: [{name: statuspage, agents: [ExampleMonitor], networks: [192.0.2.77/26]}, {name: gptbot, agents: [gptbot], networks: [198.51.100.0/24]}]`)
	if err != nil {
		t.Fatal(err)
	}
	all, published := c.Policy().Crawlers, engine.PublishedCrawlers()
	if len(all) != len(published)+1 || all[0].Claims[0] != "examplemonitor" || all[0].Networks[0].String() != "192.0.2.64/26" {
		t.Errorf("%d crawlers, the first %v", len(all), all[0])
	}
	for _, c := range all[2:] {
		if c.Name == "gptbot" {
			t.Error("one that the operator names anew is there twice")
		}
	}
	if usual := config.Defaults().Policy().Crawlers; usual != nil {
		t.Errorf("without any there are %v", usual)
	}
}

func TestALadderStandsInForHowLongARuleBlocks(t *testing.T) {
	c, err := load(t, "rules: {rate-abuse: {ladder: [5m, 30m, 4h, 1d]}}")
	if err != nil {
		t.Fatal(err)
	}
	terms := c.Policy().Terms("rate-abuse")
	if want := []time.Duration{5 * time.Minute, 30 * time.Minute, 4 * time.Hour, 24 * time.Hour}; !slices.Equal(terms.Ladder.Rungs(), want) || terms.For != 5*time.Minute {
		t.Errorf("it blocks for %v, %s", terms.Ladder.Rungs(), terms.For)
	}
	text, err := c.Print()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, text)
	if err != nil || !reflect.DeepEqual(again.Policy().Terms("rate-abuse"), terms) {
		t.Errorf("printed and read again it is %v, %v", again.Policy().Terms("rate-abuse"), err)
	}
}

func TestAConsoleBehindAProxyThatIsNotTrustedIsWarnedOf(t *testing.T) {
	for about, c := range map[string]struct {
		yaml string
		warn bool
	}{
		"a proxy that speaks TLS":       {`console: {origins: ["HTTPS://sentinel.example.com"]}`, true},
		"one that is trusted":           {`{console: {origins: ["https://sentinel.example.com"]}, clients: {trusted_proxies: [10.0.0.5/32]}}`, false},
		"a name that needs no proxy":    {`console: {hosts: ["sentinel.example.com:8081"]}`, false},
		"an origin that needs no proxy": {`console: {origins: ["http://sentinel.example.com:8081"]}`, false},
	} {
		got, err := load(t, c.yaml)
		if err != nil {
			t.Fatal(about, err)
		}
		warned := slices.ContainsFunc(got.Warnings(), func(w string) bool { return strings.Contains(w, "all operators seem to come from that proxy") })
		if warned != c.warn {
			t.Errorf("%s: %q", about, got.Warnings())
		}
	}
}
