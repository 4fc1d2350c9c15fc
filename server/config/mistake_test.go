package config_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestEveryMistakeOfAFileIsToldAtOnceWithItsLine(t *testing.T) {
	file := write(t, `gateway:
  drain: soon
  limt: 3
  mode: block
clients:
  trusted_proxies: [10.0.0.0/8, 10.0.0.0/33]
  self_test: perhaps
retention:
  exchanges: 30
  size: huge
rules:
  rate-abuse: {more: 1.5, mode: quiet}
  failed-authentication:
    more: 1000001
  rate-abuses: {more: 3}
console: {listen: nowhere}
redis: redis://:hunter2@127.0.0.1
logs: [access.log]
secret_file: nowhere/at/all
`)
	_, err := config.Load(config.Sources{File: file, Environ: []string{"SENTINEL_GATEWAY_LISTENS=1", "SENTINEL_SERVICE_LISTEN=here"}})
	if err == nil {
		t.Fatal("it was accepted")
	}
	got := strings.Split(strings.ReplaceAll(err.Error(), file, "FILE"), "\n")
	want := []string{
		`FILE:2: gateway.drain can't be read: "soon" is not a duration, as in 500ms, 10s, 5m, 12h or 30d`,
		`FILE:3: gateway.limt is no setting that there is; the nearest is gateway.listen`,
		`FILE:4: gateway.mode must be observe or enforce, not "block"`,
		`FILE:6: clients.trusted_proxies[1] can't be read: "10.0.0.0/33" is neither an address nor a network, as in 10.0.0.0/8`,
		`FILE:7: clients.self_test must be true or false, not "perhaps"`,
		`FILE:9: retention.exchanges can't be read: 30 is not a duration, as in 500ms, 10s, 5m, 12h or 30d`,
		`FILE:10: retention.size can't be read: "huge" is not a size, as in 64kB or 10GB`,
		`FILE:12: rules.rate-abuse.more must be a whole number, not "1.5"`,
		`FILE:12: rules.rate-abuse.mode must be enforce, shadow or off, not "quiet"`,
		`FILE:14: rules.failed-authentication.more must be 1 to 1000000`,
		`FILE:15: rules.rate-abuses is no rule that there is; the nearest is rate-abuse`,
		`FILE:16: console.listen "nowhere" is not host:port, as in 127.0.0.1:8000`,
		`FILE:17: redis is a single value, and takes keys below it, as in url: ...`,
		`FILE:18: logs[0] is a single value, and takes keys below it, as in file: ...`,
		`FILE:19: secret_file can't be read: open nowhere/at/all: no such file or directory`,
		`SENTINEL_GATEWAY_LISTENS is no setting that there is; the nearest is SENTINEL_GATEWAY_LISTEN`,
		`service.listen "here" is not host:port, as in 127.0.0.1:8000`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if m, ok := errors.AsType[config.Mistake](err); !ok || m.Line != 2 || m.Field != "gateway.drain" {
		t.Errorf("the first mistake is %+v", m)
	}
}

func TestABrokenPackHidesNoOtherMistake(t *testing.T) {
	file := write(t, "rules_dir: mine\nrules: {of-mine: {mode: shadow}}\ngateway: {mode: block}")
	broken := errors.New("mine.yml:3: id is missing")
	_, err := config.Load(config.Sources{File: file, Environ: []string{"SENTINEL_RULES_OF_MINE_MODE=off"}, Packs: func(dir string) ([]engine.Rule, error) {
		if dir != "mine" {
			t.Errorf("packs of %q are read", dir)
		}
		return nil, broken
	}})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "gateway.mode must be") || strings.Contains(err.Error(), "of-mine") {
		t.Error(err)
	}
}

func TestAListNeedsNoQuotesAroundAColonWithinAText(t *testing.T) {
	for _, text := range []string{
		"gateway: {upstreams: [{name: a, urls: [http://10.0.0.5:9000, https://b.example:443]}]}\nclients: {trusted_proxies: [::1, fe80::/10, 2001:db8::/32, ::ffff:192.0.2.1]}",
		"gateway:\n  upstreams: [{name: a, urls: [ http://10.0.0.5:9000 ,\n    https://b.example:443]}]\nclients:\n  trusted_proxies: [::1, fe80::/10, 2001:db8::/32, ::ffff:192.0.2.1]",
	} {
		c, err := load(t, text)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		if got := strings.Join(c.Gateway.Upstreams[0].URLs, " "); got != "http://10.0.0.5:9000 https://b.example:443" {
			t.Errorf("upstreams are %s", got)
		}
		var proxies []string
		for _, p := range c.Clients.TrustedProxies {
			proxies = append(proxies, p.String())
		}
		if got := strings.Join(proxies, " "); got != "::1/128 fe80::/10 2001:db8::/32 192.0.2.1/32" {
			t.Errorf("proxies are %s", got)
		}
	}
}

func TestAnUpstreamThatIsOnlyAnAddressIsToldHowToBeWritten(t *testing.T) {
	for _, text := range []string{"gateway:\n  upstreams: [http://10.0.0.5:9000]", "gateway:\n  {upstreams: [http://10.0.0.5:9000]}"} {
		_, err := load(t, text)
		if m, ok := errors.AsType[config.Mistake](err); !ok || m.Line != 2 || m.Field != "gateway.upstreams[0]" || !strings.Contains(m.Problem, "keys below it, as in name:") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestASecondDocumentIsNotPassedOver(t *testing.T) {
	_, err := load(t, "gateway: {mode: observe}\n---\ngateway: {mode: enforce}\n")
	if err == nil || !strings.Contains(err.Error(), "second document, at line 3") {
		t.Error(err)
	}
	if _, err := load(t, "---\n# sentinel\ngateway: {mode: enforce}\n...\n"); err != nil {
		t.Error(err)
	}
}

func TestTextThatIsNotUTF8IsToldByItsLine(t *testing.T) {
	_, err := load(t, "gateway:\n  deny: [/schl\xfcssel]\n")
	if err == nil || !strings.Contains(err.Error(), ":2: ") || !strings.Contains(err.Error(), "UTF-8") {
		t.Error(err)
	}
}

func TestAnchorsAndMergesAreRead(t *testing.T) {
	c, err := load(t, "rules:\n  rate-abuse: &t {mode: shadow, for: 7m}\n  failed-authentication: {<<: *t, more: 9}\n")
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Rules["failed-authentication"]; r.Mode != "shadow" || r.For.Minutes() != 7 || r.More != 9 {
		t.Errorf("%+v", r)
	}
}

func TestDecoyKeysThatNoRequestCanCarryAreMistakes(t *testing.T) {
	_, err := load(t, "decoy_keys:\n  - sk_live_1\n  - \"\"\n  - \" sk_live_2\"\n  -\n")
	for _, want := range []string{":3: decoy_keys[1] is empty", ":4: decoy_keys[2] has spaces", ":5: decoy_keys[3] is empty"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sk_live") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestAFileOfDecoyKeysHasOneInALine(t *testing.T) {
	c, err := load(t, "decoy_keys_file: "+write(t, "sk_live_1\nsk_live_2\r\n\n"))
	if err != nil || !slices.Equal(c.DecoyKeys, []string{"sk_live_1", "sk_live_2"}) {
		t.Errorf("%q, %v", c.DecoyKeys, err)
	}
}
