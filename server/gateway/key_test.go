package gateway

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func keyed(k *keys, values ...string) engine.Key { return k.name(first(values)) }

func TestAKeyIsNamedWithoutBeingTold(t *testing.T) {
	k := newKeys([]byte("a secret of the operator"))
	for key, prefix := range map[string]string{
		"live_4f9a8b7c6d5e": "live_4f9",
		"user_key_1":        "user_",
		"abc":               "a",
		"x":                 "",
		"pässword":          "p??s", // never half a character
		"  \t\x7f rest":     "????",
	} {
		got := keyed(k, key)
		if got.Zero() || got.Prefix != prefix || len(got.Prefix) > 8 || len(got.Prefix)*2 > len(key) {
			t.Errorf("%q: prefix %q", key, got.Prefix)
		}
		if got != keyed(k, key) {
			t.Errorf("%q has two names", key)
		}
		if got.Hash == keyed(newKeys([]byte("another secret")), key).Hash {
			t.Errorf("%q: the name doesn't depend on the secret", key)
		}
	}
	if !keyed(k).Zero() || !keyed(k, "").Zero() {
		t.Error("no key must be the zero key")
	}
	if keyed(k, "one") == keyed(k, "two") {
		t.Error("two keys have one name")
	}
	if long := strings.Repeat("k", 1<<20); keyed(k, long) == keyed(k, long+"k") || keyed(k, long).Prefix != "kkkkkkkk" {
		t.Error("a long key is hashed whole")
	}
	if a, b := newKeys(nil), newKeys(nil); keyed(a, "one") == keyed(b, "one") {
		t.Error("without a secret one is drawn")
	}
}

func TestTheAPIReadsTheKeyThatWasJudgedAndNothingOfSentinels(t *testing.T) {
	var got http.Header
	g := &witness{}
	gw := New(Config{Demo: true}, g, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	r := request("GET", "/api/balance", "127.0.0.1:1",
		"X-API-Key", "first", "X-API-Key", "second", "X_API_Key", "third", "X.Api.Key", "fourth",
		"X-Simulated-IP", "198.18.0.7", "X_Simulated_IP", "198.18.0.8",
		"X-Sentinel-Decision", "allow", "x-sentinel-user", "admin", "X_Sentinel_Score", "0", "X-Sentinel.Action", "none",
		"X-Sentinels", "kept", "X-Request-ID", "kept", "Accept", "*/*", "X_Other", "dropped")
	sent := r.Header.Clone()
	if w := ask(gw, r); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"Accept", "X-Api-Key", "X-Request-Id", "X-Sentinels"}; !slices.Equal(names, want) {
		t.Errorf("the API sees %v, want %v", names, want)
	}
	if values := got.Values("X-API-Key"); len(values) != 1 || values[0] != "first" {
		t.Errorf("the API sees the keys %v", values)
	}
	if x := g.only(t); x.Key != keyed(gw.(*gateway).keys, "first") {
		t.Error("another key was judged")
	}
	if len(r.Header) != len(sent) || len(r.Header.Values("X-API-Key")) != 2 {
		t.Error("the request of whoever called the gateway was changed")
	}
}

func TestAnotherHeaderMayCarryTheKey(t *testing.T) {
	g := &witness{}
	gw := New(Config{KeyHeader: "authorization"}, g, http.NotFoundHandler())
	ask(gw, request("GET", "/", "192.0.2.1:1", "Authorization", "Bearer 123456", "X-API-Key", "ignored"))
	if x := g.only(t); x.Key.Prefix != "Bearer" {
		t.Errorf("got prefix %q", x.Key.Prefix)
	}
}
