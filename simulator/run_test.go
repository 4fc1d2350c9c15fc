package simulator_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/simulator"
)

func run(t *testing.T, d *demo, name string, opts simulator.RunOptions) (bool, string, error) {
	t.Helper()
	e, err := engine.New(engine.Defaults(), 1)
	if err != nil {
		t.Fatal(err)
	}
	d.engine, d.resolved, d.lifted, d.inFlight = e, map[string]bool{}, map[string]bool{}, map[string]int{}
	srv := httptest.NewServer(d)
	defer srv.Close()
	opts.Target, opts.Pace, opts.Patience = srv.URL, 1e6, 2*time.Second
	var w bytes.Buffer
	kept, err := simulator.Run(t.Context(), &w, name, opts)
	return kept, w.String(), err
}

func TestARunSaysWhatHappensAndWhetherEachPromiseCameTrue(t *testing.T) {
	kept, out, err := run(t, &demo{}, "rate-attack", simulator.RunOptions{Seed: 5})
	if err != nil || !kept {
		t.Fatalf("%v %v\n%s", kept, err, out)
	}
	for _, want := range []string{
		"Rate attack: One address", "seed 5, 150 requests from one address", "refused with 429 at request 101",
		"150 requests from one address in", "50 refused, 0 late", "kept    The 101st request", "blocked after 101 requests", "All 4 promises came true.",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q in\n%s", want, out)
		}
	}
}

func TestABrokenPromiseIsSaidAndTheSeedWithIt(t *testing.T) {
	kept, out, err := run(t, &demo{blind: true}, "blind-payment", simulator.RunOptions{Seed: 77})
	if err != nil || kept {
		t.Fatalf("%v %v", kept, err)
	}
	for _, want := range []string{"BROKEN  Exactly one MEDIUM alert", "has 0 alerts of payment-without-balance", "1 of 2 promises did not come true", "--seed 77"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q in\n%s", want, out)
		}
	}
}

func TestMachinesGetOneObject(t *testing.T) {
	_, out, err := run(t, &demo{}, "distributed-attack", simulator.RunOptions{JSON: true})
	if err != nil {
		t.Fatal(err)
	}
	var r simulator.Report
	d := json.NewDecoder(strings.NewReader(out))
	if err := d.Decode(&r); err != nil || d.More() {
		t.Fatalf("%v: %s", err, out)
	}
	if r.Requests != 2400 || r.Refused != 400 || r.Late != 0 || !r.Kept || len(r.Promises) != 4 || r.Seed == 0 {
		t.Errorf("got %+v", r)
	}
}

func TestARunCleansUpWhenAsked(t *testing.T) {
	d := &demo{}
	if _, _, err := run(t, d, "honeypot", simulator.RunOptions{Clean: true}); err != nil {
		t.Fatal(err)
	}
	if len(d.lifted) != 3 || len(d.resolved) != 3 {
		t.Errorf("lifted %v, resolved %v", d.lifted, d.resolved)
	}
}

func TestAFileCanBePlayed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "own.json")
	if err := os.WriteFile(name, []byte(strings.Replace(good, `"repeat": 3`, `"repeat": 101`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, out, err := run(t, &demo{}, name, simulator.RunOptions{Seed: 1})
	if err != nil || kept || !strings.Contains(out, "got 200 instead of 429") {
		t.Errorf("%v %v\n%s", kept, err, out)
	}
	if _, _, err := run(t, &demo{}, "nowhere.json", simulator.RunOptions{}); err == nil {
		t.Error("a file that is not there was played")
	}
}

func TestTheListNamesEveryScenario(t *testing.T) {
	var w bytes.Buffer
	if err := simulator.List(&w); err != nil {
		t.Fatal(err)
	}
	for _, s := range load(t) {
		if !strings.Contains(w.String(), s.ID) || !strings.Contains(w.String(), s.Summary) {
			t.Errorf("lacks %s in\n%s", s.ID, w.String())
		}
	}
}
