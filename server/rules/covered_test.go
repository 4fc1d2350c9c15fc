package rules

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// One request is one alert, that of the rule which stands in for the other; where that one only counts,
// the other tells.
func TestARuleIsSilentWhereTheOneThatStandsInForItHasSpoken(t *testing.T) {
	set, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		shadow, off []string
		want        []string
	}{
		"both enforce":          {nil, nil, []string{"leak-probe"}},
		"both only count":       {[]string{"leak-probe", "secrets-asked-for"}, nil, []string{"leak-probe"}},
		"the one only counts":   {[]string{"leak-probe"}, nil, []string{"leak-probe", "secrets-asked-for"}},
		"the other only counts": {[]string{"secrets-asked-for"}, nil, []string{"leak-probe"}},
		"the one is not there":  {nil, []string{"leak-probe"}, []string{"secrets-asked-for"}},
	} {
		p := engine.Defaults()
		p.Rules, p.Packs = map[string]engine.Terms{}, nil
		for _, r := range set {
			p.Packs = append(p.Packs, r.Engine())
		}
		for _, r := range p.All() {
			terms := r.Terms
			terms.Shadow = slices.Contains(c.shadow, r.ID)
			terms.Off = slices.Contains(c.off, r.ID) || !slices.Contains([]string{"leak-probe", "secrets-asked-for"}, r.ID)
			terms.Do, terms.For = 0, 0
			p.Rules[r.ID] = terms
		}
		e, err := engine.New(p, 7)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for n := range 2 {
			x := engine.Exchange{Request: engine.Request{
				ID: uint64(n + 1), At: time.Unix(1_800_000_000+int64(n), 0), Client: netip.MustParseAddr("192.0.2.7"),
				Method: "GET", Path: "/.env", Folded: "/.env", UserAgent: "x",
			}, Status: 404}
			for _, f := range e.Observe(x) {
				said = append(said, f.Rule)
			}
		}
		slices.Sort(said)
		if !slices.Equal(said, c.want) {
			t.Errorf("%s: %v, want %v", name, said, c.want)
		}
	}
}

func TestOnlyBuiltInRulesStandInForOthers(t *testing.T) {
	d := Definition{ID: "a-rule", Title: "A", Explains: "a", Pack: "own", Severity: "LOW", Covered: Words{"leak-prob"}}
	if _, _, err := Compile(d); err == nil || !strings.Contains(err.Error(), "leak-probe") {
		t.Errorf("it says %v", err)
	}
	d.Covered = Words{"leak-probe"}
	if _, _, err := Compile(d); err != nil {
		t.Error(err)
	}
	d.On = onRequest
	if _, _, err := Compile(d); err == nil {
		t.Error("a rule about requests is asked before any that stands in for it")
	}
}
