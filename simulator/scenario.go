// Package simulator plays scenarios: traffic as data, and what must be said about it. The same
// files are a test of the engine, the documentation of its rules, `sentinel simulate`, and the
// buttons of the simulator page, which plays them with play.ts.
package simulator

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

//go:embed scenarios/*.json
var files embed.FS

// A Kind says what a scenario is there for.
type Kind string

// Normal is the baseline. An Attack must be noticed. A NearMiss is honest traffic that comes as
// close to a rule as it may, and must stay silent.
const (
	Normal   Kind = "normal"
	Attack   Kind = "attack"
	NearMiss Kind = "near-miss"
)

// A Scenario is traffic, and what must be said about it. scenario.schema.json describes every
// field for those who write one.
type Scenario struct {
	Schema      string    `json:"$schema,omitempty"`
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	Kind        Kind      `json:"kind"`
	Order       int       `json:"order"`
	Summary     string    `json:"summary"`
	Explains    string    `json:"explains"`
	Shows       []string  `json:"shows,omitempty"`
	Nearly      *Nearly   `json:"nearly,omitempty"`
	LongestWait int       `json:"longestWait,omitempty"`
	Actors      []Group   `json:"actors"`
	Promises    []Promise `json:"promises"`
}

// Nearly names the rule that a near miss comes close to, and the step that would trip it: a near
// miss that one more step does not turn into a finding is not near.
type Nearly struct {
	Rule string `json:"rule"`
	Tip  Step   `json:"tip"`
}

// A Group is actors that behave alike, each from an address of its own.
type Group struct {
	Name      string            `json:"name"`
	Label     string            `json:"label"`
	Count     int               `json:"count"`
	Addresses Addresses         `json:"addresses"`
	Key       string            `json:"key,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Starts    *Span             `json:"starts,omitempty"`
	Rounds    int               `json:"rounds,omitempty"`
	Steps     []Step            `json:"steps"`
}

// Addresses says where a group's actors come from.
type Addresses struct {
	Pool    string `json:"pool"`
	Network string `json:"network,omitempty"`
	Rotates bool   `json:"rotates,omitempty"`
}

// A Step is one request, or the same one several times.
type Step struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Key     *string           `json:"key,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
	Repeat  int               `json:"repeat,omitempty"`
	Pace    *Span             `json:"pace,omitempty"`
}

// A Span is a length of time in milliseconds, drawn anew each time it is waited for.
type Span struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// A Promise is one thing that must come true. Claim says it before the run, Kept is the sentence
// of the verdict when it did.
type Promise struct {
	Kind     string `json:"kind"`
	Group    string `json:"group,omitempty"`
	From     int    `json:"from,omitempty"`
	To       int    `json:"to,omitempty"`
	Status   int    `json:"status,omitempty"`
	Then     int    `json:"then,omitempty"`
	Max      int    `json:"max,omitempty"`
	Rule     string `json:"rule,omitempty"`
	Severity string `json:"severity,omitempty"`
	Action   string `json:"action,omitempty"`
	Seconds  int    `json:"seconds,omitempty"`
	Exactly  int    `json:"exactly,omitempty"`
	Alone    bool   `json:"alone,omitempty"`
	Claim    string `json:"claim"`
	Kept     string `json:"kept"`
}

// Load returns the scenarios that the program carries, in the order in which a page shows them.
func Load() ([]Scenario, error) {
	names, err := fs.Glob(files, "scenarios/*.json")
	if err != nil {
		return nil, fmt.Errorf("list scenarios: %w", err)
	}
	all := make([]Scenario, 0, len(names))
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		s, err := Parse(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if want := "scenarios/" + s.ID + ".json"; name != want {
			return nil, fmt.Errorf("%s: has the id %q, so it must be called %s", name, s.ID, want)
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b Scenario) int { return cmp.Compare(a.Order, b.Order) })
	return all, nil
}

// Find returns one of the scenarios that the program carries; the error names the nearest ones.
func Find(id string) (Scenario, error) {
	all, err := Load()
	if err != nil {
		return Scenario{}, err
	}
	var ids []string
	for i := range all {
		if all[i].ID == id {
			return all[i], nil
		}
		ids = append(ids, all[i].ID)
	}
	return Scenario{}, fmt.Errorf("there is no scenario %q; there are %s", id, strings.Join(ids, ", "))
}

// Parse reads one scenario and validates it. Fields that no scenario has are errors, so that a
// slip of the pen does not weaken a promise.
func Parse(b []byte) (Scenario, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var s Scenario
	if err := d.Decode(&s); err != nil {
		return Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Scenario{}, errors.New("read scenario: there is more after its end")
	}
	return s, s.Validate()
}
