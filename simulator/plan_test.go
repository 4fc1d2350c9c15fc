package simulator_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/simulator"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A golden plan is what play.test.ts must draw as well.
type golden struct {
	Scenario string   `json:"scenario"`
	Seed     uint64   `json:"seed"`
	Run      string   `json:"run"`
	Actors   []string `json:"actors"`
	Requests int      `json:"requests"`
	First    string   `json:"first"`
	SHA256   string   `json:"sha256"`
}

func (g *golden) of(p simulator.Plan) {
	h := sha256.New()
	for _, a := range p.Actors {
		g.Actors = append(g.Actors, a.Label())
		for _, r := range a.Requests {
			line := fmt.Sprintf("%d %s %s %s key=%s", r.Wait.Milliseconds(), r.Address, r.Method, r.Path, r.Key)
			for _, h := range r.Headers {
				line += " " + h.Name + "=" + h.Value
			}
			line += " " + r.Body + "\n"
			if g.First == "" {
				g.First = strings.TrimSpace(line)
			}
			h.Write([]byte(line))
			g.Requests++
		}
	}
	g.Run, g.SHA256 = p.Run, hex.EncodeToString(h.Sum(nil))
}

func TestAPlanFollowsFromTheScenarioAndTheSeed(t *testing.T) {
	var got []golden
	for _, s := range load(t) {
		for _, seed := range []uint64{1, 20261122, 4294967295} {
			g := golden{Scenario: s.ID, Seed: seed}
			g.of(s.Expand(seed))
			got = append(got, g)
		}
	}
	golden := writeGolden(t, "testdata/plans.json", got)
	if golden != "" {
		t.Errorf("plans differ from testdata/plans.json; when that is meant, run go test ./simulator -update\n%s", golden)
	}
}

// writeGolden compares with a golden file, and returns what differs.
func writeGolden(t *testing.T, name string, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return ""
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(string(want), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			return fmt.Sprintf("line %d: was %s, is %s", i+1, was[i], is[i])
		}
	}
	if len(was) != len(is) {
		return fmt.Sprintf("was %d lines, is %d", len(was), len(is))
	}
	return ""
}

func TestEveryActorHasAnAddressOfItsOwnFromItsPool(t *testing.T) {
	pools := []netip.Prefix{netip.MustParsePrefix(simulator.PoolV4), netip.MustParsePrefix(simulator.PoolV6)}
	for _, s := range load(t) {
		seen := map[string]bool{}
		for _, a := range expand(s, 7).Actors {
			if seen[a.Label()] {
				t.Errorf("%s: two actors are %s", s.ID, a.Label())
			}
			seen[a.Label()] = true
			for _, r := range a.Requests {
				if !a.Network.Contains(r.Address) {
					t.Errorf("%s: %s asks from %s", s.ID, a.Label(), r.Address)
				}
				if !pools[0].Contains(r.Address) && !pools[1].Contains(r.Address) {
					t.Errorf("%s: %s is in no pool", s.ID, r.Address)
				}
				if again := netip.MustParseAddr(r.Address.String()); again != r.Address {
					t.Errorf("%s: %s is not canonical", s.ID, r.Address)
				}
			}
		}
	}
}

func expand(s simulator.Scenario, seed uint64) simulator.Plan { return s.Expand(seed) }

func TestActorsShareANetworkOnlyWhenTheyNameIt(t *testing.T) {
	networks := func(id string) map[netip.Prefix]int {
		s := find(t, id)
		n := map[netip.Prefix]int{}
		for _, a := range expand(s, 3).Actors {
			p, _ := a.Network.Addr().Prefix(24)
			n[p]++
		}
		return n
	}
	if n := networks("distributed-attack"); len(n) != 20 {
		t.Errorf("twenty bots are in %d networks", len(n))
	}
	if n := networks("combined-attack"); len(n) != 1 {
		t.Errorf("one den is %d networks", len(n))
	}
}

func TestARerunComesFromOtherAddressesWithOtherKeys(t *testing.T) {
	for _, s := range load(t) {
		one, two := s.Expand(1), s.Expand(2)
		seen := map[string]bool{}
		for _, a := range one.Actors {
			for _, r := range a.Requests {
				seen[r.Address.String()], seen[r.Key] = true, true
			}
		}
		for _, a := range two.Actors {
			for _, r := range a.Requests {
				bait := r.Key == simulator.DecoyKey // the same for whoever finds it
				if seen[r.Address.String()] || r.Key != "" && !bait && seen[r.Key] {
					t.Fatalf("%s: %s with %q is in both runs", s.ID, r.Address, r.Key)
				}
			}
		}
	}
}

func TestAClientThatRotatesAsksFromManyAddressesOfOneNetwork(t *testing.T) {
	s := find(t, "hundred-a-minute")
	for _, a := range expand(s, 5).Actors {
		if a.Group != "export-v6" {
			continue
		}
		seen := map[netip.Addr]bool{}
		for _, r := range a.Requests {
			seen[r.Address] = true
		}
		if len(seen) < 90 {
			t.Errorf("100 requests came from %d addresses", len(seen))
		}
	}
}

func TestSlotsAreFilledAndStepsTakenInOrder(t *testing.T) {
	s, err := simulator.Parse([]byte(`{
		"id": "x", "title": "X", "kind": "normal", "order": 1, "summary": "s", "explains": "e",
		"actors": [{"name": "a", "label": "A", "count": 2, "addresses": {"pool": "198.18.0.0/15"}, "key": "k_{n}", "rounds": 2,
			"headers": {"X-Both": "group", "X-Group": "{n}"}, "starts": {"from": 1000, "to": 1000},
			"steps": [
				{"method": "POST", "path": "/api/a/{round}", "repeat": 2, "body": {"b": "{i}", "a": 1}, "headers": {"X-Both": "step"}},
				{"method": "GET", "path": "/api/b", "key": "", "pace": {"from": 30, "to": 30}}]}],
		"promises": [{"kind": "silent", "claim": "c", "kept": "k"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range expand(s, 1).Actors[1].Requests {
		got = append(got, fmt.Sprintf("%s %s %s key=%q body=%s %v", r.Wait, r.Method, r.Path, r.Key, r.Body, r.Headers))
	}
	want := []string{
		`1s POST /api/a/1 key="k_2" body={"b":"1","a":1} [{X-Both step} {X-Group 2}]`,
		`0s POST /api/a/1 key="k_2" body={"b":"2","a":1} [{X-Both step} {X-Group 2}]`,
		`30ms GET /api/b key="" body= [{X-Both group} {X-Group 2}]`,
		`0s POST /api/a/2 key="k_2" body={"b":"1","a":1} [{X-Both step} {X-Group 2}]`,
		`0s POST /api/a/2 key="k_2" body={"b":"2","a":1} [{X-Both step} {X-Group 2}]`,
		`30ms GET /api/b key="" body= [{X-Both group} {X-Group 2}]`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPausesStayWithinTheirSpan(t *testing.T) {
	s := find(t, "slow-payer")
	drawn := map[time.Duration]bool{}
	for seed := range uint64(50) {
		for _, a := range expand(s, seed).Actors {
			w := a.Requests[1].Wait
			drawn[w] = true
			if w < 230*time.Second || w > 250*time.Second {
				t.Fatalf("seed %d waits %s", seed, w)
			}
		}
	}
	if len(drawn) < 50 {
		t.Errorf("100 pauses took %d lengths", len(drawn))
	}
}
