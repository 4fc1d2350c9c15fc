package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/backtest"
	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// guessing is a data directory in use, in which somebody has guessed passwords in the last minutes.
func guessing(t *testing.T) string {
	t.Helper()
	dir, _ := guessed(t)
	return dir
}

// guessed is the same, with the store that writes to it.
func guessed(t *testing.T) (string, *store.Store) {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	begin := time.Now().Add(-5 * time.Minute)
	var batch []store.Seen
	for i := range 20 {
		at := begin.Add(time.Duration(i) * time.Second)
		x := store.Seen{Exchange: engine.Exchange{Request: engine.Request{
			ID: uint64(at.UnixMilli())<<20 | 1, At: at, Client: netip.MustParseAddr("203.0.113.9"),
			Method: "POST", Path: "/api/login", Folded: "/api/login", Route: "/api/login", UserAgent: "\x1b[31mcurl",
		}, Status: 401}}
		if i > 17 {
			x.Status = 200
		}
		batch = append(batch, x)
	}
	if err := db.WriteExchanges(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	return dir, db
}

func TestARuleIsTriedBesideARunningSentinel(t *testing.T) {
	dir := guessing(t)
	out, err := sentinel(t, "", "rules", "backtest", "failed-authentication", "--since", "1h", "--data", dir)
	if err != nil || !strings.Contains(out, "It would have refused 14 requests; 2 of them well answered") || !strings.Contains(out, "203.0.113.9 failed to authenticate 6 times") ||
		!strings.Contains(out, "No --config was given") || strings.Contains(out, "only observes") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = sentinel(t, "", "rules", "backtest", "failed-authentication", "--limit", "9", "--json", "--data", dir)
	var r backtest.Result
	if err != nil || json.Unmarshal([]byte(out), &r) != nil || r.Refused != 10 || r.Hits[0].Name != "203.0.113.9" || r.Hits[0].Limit != 9 {
		t.Errorf("%v\n%s", err, out)
	}
	own := filepath.Join(rulesIn(t, strings.NewReplacer("GET", "POST", "/reports/{id}", "/api/login", "2xx", "401").Replace(ownRule)), "mine.yml")
	if out, err = sentinel(t, "", "rules", "backtest", own, "--data", dir); err != nil || !strings.Contains(out, "Reports drained") || !strings.Contains(out, "something 1 time, about 1 (clients or networks 1,") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err = sentinel(t, "", "rules", "backtest", "honeypot", "--data", dir); err != nil || !strings.Contains(out, "It would have found nothing.") {
		t.Errorf("%v\n%s", err, out)
	}
}

// saved in the console, a rule is tried by its ID; what is deleted is not there.
func TestARuleOfTheConsoleIsTriedBesideARunningSentinel(t *testing.T) {
	dir, db := guessed(t)
	g, err := guard.New(t.Context(), guard.Config{Store: db, Policy: config.Defaults().Policy()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	ada := guard.By{Name: "ada"}
	for version, count := range []string{"9", "7"} {
		text := strings.Replace(doorTried, "count: 5", "count: "+count, 1)
		if _, err := g.SaveRule(t.Context(), ada, text, version); err != nil {
			t.Fatal(err)
		}
	}
	out, err := sentinel(t, "", "rules", "backtest", "door-tried", "--json", "--data", dir)
	var r backtest.Result
	if err != nil || json.Unmarshal([]byte(out), &r) != nil || r.Version != 2 || r.Hits[0].Limit != 7 || r.Refused != 12 {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err = sentinel(t, "", "rules", "backtest", "door-tried", "--limit", "3", "--data", dir); err != nil || !strings.Contains(out, "It would have refused 16 requests") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := g.DeleteRule(t.Context(), ada, "door-tried", 2); err != nil {
		t.Fatal(err)
	}
	if out, err = sentinel(t, "", "rules", "backtest", "door-tried", "--data", dir); err == nil || !strings.Contains(err.Error(), "is no rule that there is") {
		t.Errorf("one that was deleted: %v\n%s", err, out)
	}
}

func TestARuleOfTheConsoleThatIsNotInForceIsNotTried(t *testing.T) {
	dir, db := guessed(t)
	if err := db.Record(t.Context(), store.Batch{Rules: []store.RuleVersion{{
		Rule: "door-tried", Number: 1, Finds: 1, Change: store.RuleSaved, Mode: "enforce", By: "ada", At: time.Now(),
		Definition: strings.Replace(doorTried, "count:", "cuont:", 1),
	}}}); err != nil {
		t.Fatal(err)
	}
	out, err := sentinel(t, "", "rules", "backtest", "door-tried", "--data", dir)
	if _, wrong := errors.AsType[misuse](err); !wrong || !strings.Contains(err.Error(), "the rule door-tried of the console is not in force") || !strings.Contains(err.Error(), "cuont") {
		t.Errorf("%v\n%s", err, out)
	}
}

const doorTried = `id: door-tried
title: A door tried
explains: One client is refused more than five times at the door.
when: {method: POST, route: /api/login, status: 401}
count: 5
within: 10m
severity: HIGH
do: block
for: 1h
`

func TestTheImpactOfOtherTermsIsTold(t *testing.T) {
	dir, db := guessed(t)
	impact := func(args ...string) backtest.Impact {
		t.Helper()
		out, err := sentinel(t, "", append([]string{"rules", "impact", "failed-authentication", "--json", "--data", dir}, args...)...)
		var i backtest.Impact
		if err != nil || json.Unmarshal([]byte(out), &i) != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return i
	}
	if i := impact("--limit", "2"); i.Before.Refused != 14 || i.After.Refused != 17 || len(i.NewlyHit) != 0 || len(i.NoLongerHit) != 0 {
		t.Errorf("with another limit: %+v", i)
	}
	if i := impact("--mode", "shadow"); i.After.Refused != 0 || len(i.NoLongerHit) != 1 || i.NoLongerHit[0].Name != "203.0.113.9" {
		t.Errorf("in shadow: %+v", i)
	}
	out, err := sentinel(t, "", "rules", "impact", "failed-authentication", "--mode", "off", "--data", dir)
	if err != nil || !regexp.MustCompile(`(?m)^mode +enforce +off$`).MatchString(out) || !strings.Contains(out, "No longer hit: 1\nFIRST AT") {
		t.Errorf("%v\n%s", err, out)
	}
	g, err := guard.New(t.Context(), guard.Config{Store: db, Policy: config.Defaults().Policy()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	if err := g.SetRuleMode(t.Context(), guard.By{Name: "ada"}, "failed-authentication", guard.ModeOff); err != nil {
		t.Fatal(err)
	}
	if i := impact("--mode", "enforce"); i.Before.Refused != 0 || i.After.Refused != 14 || len(i.NewlyHit) != 1 {
		t.Errorf("of a rule that the console has switched off: %+v", i)
	}
	for says, args := range map[string][]string{
		"say what is to change":            {"honeypot"},
		"--mode must be enforce":           {"honeypot", "--mode", "on"},
		"name one rule by its ID":          {"mine.yml", "--limit", "3"},
		"nearest is failed-authentication": {"failed-authentification", "--limit", "3"},
	} {
		out, err := sentinel(t, "", append([]string{"rules", "impact", "--data", dir}, args...)...)
		if _, wrong := errors.AsType[misuse](err); !wrong || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func TestWrongUseOfABacktestNamesItsRemedy(t *testing.T) {
	dir := guessing(t)
	broken := filepath.Join(t.TempDir(), "broken.yml")
	if err := os.WriteFile(broken, []byte("id: x\ncuont: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"name one rule":                      {},
		"nearest is failed-authentication":   {"failed-authentification", "--data", dir},
		"must be 1m to 30d":                  {"honeypot", "--since", "99d", "--data", dir},
		"there is no Sentinel in":            {"honeypot", "--data", t.TempDir()},
		"is not there: check the path":       {filepath.Join(t.TempDir(), "none.yml"), "--data", dir},
		"the nearest is count":               {broken, "--data", dir},
		"--do must be block":                 {"honeypot", "--do", "allow", "--data", dir},
		"rules.failed-authentication.more":   {"failed-authentication", "--limit", "0", "--data", dir},
		"unknown flag: --sinze":              {"honeypot", "--sinze", "1h"},
		"rules.failed-authentication.within": {"failed-authentication", "--within", "90d", "--data", dir},
	} {
		out, err := sentinel(t, "", append([]string{"rules", "backtest"}, args...)...)
		if _, wrong := errors.AsType[misuse](err); !wrong || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}
