package simulator

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// The pools that simulated clients come from. Nobody routes either of them.
const (
	PoolV4 = "198.18.0.0/15"
	PoolV6 = "2001:db8::/32"
)

// What one scenario may hold: enough for an attack, too little to make a weapon of the simulator.
const (
	maxActors   = 50
	maxRequests = 10_000
)

// Invalid says what is wrong with a scenario, and where.
type Invalid struct{ Field, Problem string }

func (e Invalid) Error() string { return e.Field + " " + e.Problem }

var (
	id      = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	slot    = regexp.MustCompile(`\{[a-zA-Z]+\}`)
	methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	// What a browser does not let a page set, and what the players set themselves.
	reserved = []string{"host", "origin", "cookie", "user-agent", "content-length", "x-api-key", "x-simulated-ip"}
	inSteps  = []string{"{n}", "{i}", "{round}", "{run}"}
)

// Validate returns the first thing wrong with the scenario, as Invalid.
func (s *Scenario) Validate() error {
	switch {
	case !id.MatchString(s.ID):
		return Invalid{"id", "must be lower-case words joined by -"}
	case s.Title == "" || s.Summary == "" || s.Explains == "":
		return Invalid{"title, summary, explains", "must say something"}
	case s.Kind != Normal && s.Kind != Attack && s.Kind != NearMiss:
		return Invalid{"kind", "must be normal, attack or near-miss"}
	case (s.Kind == Attack) != (len(s.Shows) > 0):
		return Invalid{"shows", "names the rules that an attack trips, and only an attack does"}
	case (s.Kind == NearMiss) != (s.Nearly != nil):
		return Invalid{"nearly", "says what a near miss comes close to, and only a near miss does"}
	case s.LongestWait < 0:
		return Invalid{"longestWait", "must not be negative"}
	case len(s.Actors) == 0:
		return Invalid{"actors", "must hold a group"}
	case len(s.Promises) == 0:
		return Invalid{"promises", "must hold one: traffic alone proves nothing"}
	}
	actors, requests := 0, 0
	seen := map[string]bool{}
	networks := map[string]string{}
	for i := range s.Actors {
		g := &s.Actors[i]
		at := fmt.Sprintf("actors[%d]", i)
		if err := g.validate(at); err != nil {
			return err
		}
		if seen[g.Name] {
			return Invalid{at + ".name", "is taken by another group"}
		}
		seen[g.Name] = true
		if n := g.Addresses.Network; n != "" {
			if pool, known := networks[n]; known && pool != g.Addresses.Pool {
				return Invalid{at + ".addresses.network", "is in two pools"}
			}
			networks[n] = g.Addresses.Pool
		}
		actors += g.Count
		requests += g.Count * g.requests()
	}
	if actors > maxActors || requests > maxRequests {
		return Invalid{"actors", fmt.Sprintf("are %d with %d requests: at most %d with %d", actors, requests, maxActors, maxRequests)}
	}
	if s.Nearly != nil {
		if err := s.Nearly.Tip.validate("nearly.tip"); err != nil {
			return err
		}
	}
	for i := range s.Promises {
		if err := s.promise(&s.Promises[i], fmt.Sprintf("promises[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) validate(at string) error {
	switch {
	case !id.MatchString(g.Name):
		return Invalid{at + ".name", "must be lower-case words joined by -"}
	case g.Label == "":
		return Invalid{at + ".label", "must say who they are"}
	case g.Count < 1:
		return Invalid{at + ".count", "must be at least 1"}
	case g.Addresses.Pool != PoolV4 && g.Addresses.Pool != PoolV6:
		return Invalid{at + ".addresses.pool", "must be " + PoolV4 + " or " + PoolV6}
	case g.Addresses.Rotates && g.Addresses.Pool != PoolV6:
		return Invalid{at + ".addresses.rotates", "is for IPv6: who changes an IPv4 address is another client"}
	case g.Rounds < 0:
		return Invalid{at + ".rounds", "must not be negative"}
	case len(g.Steps) == 0:
		return Invalid{at + ".steps", "must hold one"}
	}
	if err := g.Starts.validate(at + ".starts"); err != nil {
		return err
	}
	if err := slots(at+".key", g.Key, inSteps); err != nil {
		return err
	}
	if err := headers(at+".headers", g.Headers); err != nil {
		return err
	}
	for i := range g.Steps {
		if err := g.Steps[i].validate(fmt.Sprintf("%s.steps[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Step) validate(at string) error {
	switch {
	case !slices.Contains(methods, p.Method):
		return Invalid{at + ".method", "must be one of " + strings.Join(methods, ", ")}
	case !strings.HasPrefix(p.Path, "/api/"):
		return Invalid{at + ".path", "must begin with /api/: only the protected API is attacked"}
	case p.Repeat < 0:
		return Invalid{at + ".repeat", "must not be negative"}
	case len(p.Body) > 0 && p.Body[0] != '{':
		return Invalid{at + ".body", "must be an object"}
	case len(p.Body) > 0 && (p.Method == "GET" || p.Method == "HEAD"):
		return Invalid{at + ".body", "does not go with " + p.Method}
	}
	key := ""
	if p.Key != nil {
		key = *p.Key
	}
	for _, text := range []string{p.Path, key, string(p.Body)} {
		if err := slots(at, text, inSteps); err != nil {
			return err
		}
	}
	if err := headers(at+".headers", p.Headers); err != nil {
		return err
	}
	return p.Pace.validate(at + ".pace")
}

func (s *Span) validate(at string) error {
	if s != nil && (s.From < 0 || s.To < s.From) {
		return Invalid{at, "must be a span of milliseconds: from 0 or more, to not less"}
	}
	return nil
}

func headers(at string, h map[string]string) error {
	for name, value := range h {
		if slices.Contains(reserved, strings.ToLower(name)) {
			return Invalid{at, name + " is not for a scenario to set"}
		}
		if err := slots(at, value, inSteps); err != nil {
			return err
		}
	}
	return nil
}

func slots(at, text string, known []string) error {
	for _, s := range slot.FindAllString(text, -1) {
		if !slices.Contains(known, s) {
			return Invalid{at, "has the unknown slot " + s + ": there are " + strings.Join(known, " ")}
		}
	}
	return nil
}

// promise checks that a promise has what its kind needs and nothing that its kind ignores.
func (s *Scenario) promise(p *Promise, at string) error {
	k, known := kinds[p.Kind]
	if !known {
		return Invalid{at + ".kind", fmt.Sprintf("%q is unknown", p.Kind)}
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"group", p.Group != ""},
		{"from", p.From != 0},
		{"to", p.To != 0},
		{"status", p.Status != 0},
		{"then", p.Then != 0},
		{"max", p.Max != 0},
		{"rule", p.Rule != ""},
		{"severity", p.Severity != ""},
		{"action", p.Action != ""},
		{"seconds", p.Seconds != 0},
		{"exactly", p.Exactly != 0},
		{"alone", p.Alone},
	} {
		needed := slices.Contains(k.needs, field.name)
		if field.set && !needed && !slices.Contains(k.takes, field.name) {
			return Invalid{at + "." + field.name, "means nothing to a promise of kind " + p.Kind}
		}
		if !field.set && needed {
			return Invalid{at + "." + field.name, "is needed by a promise of kind " + p.Kind}
		}
	}
	if p.Group != "" && s.group(p.Group) == nil {
		return Invalid{at + ".group", fmt.Sprintf("%q is no group of this scenario", p.Group)}
	}
	if _, ok := engine.ParseSeverity(p.Severity); p.Severity != "" && !ok {
		return Invalid{at + ".severity", fmt.Sprintf("%q is unknown", p.Severity)}
	}
	if _, ok := engine.ParseAction(p.Action); p.Action != "" && !ok {
		return Invalid{at + ".action", fmt.Sprintf("%q is unknown", p.Action)}
	}
	if p.Group != "" && p.From > s.group(p.Group).requests() {
		return Invalid{at + ".from", fmt.Sprintf("is beyond the %d requests of the group", s.group(p.Group).requests())}
	}
	if p.Claim == "" || p.Kept == "" {
		return Invalid{at + ".claim, kept", "must say something"}
	}
	return slots(at+".kept", p.Kept, k.says)
}

func (s *Scenario) group(name string) *Group {
	for i := range s.Actors {
		if s.Actors[i].Name == name {
			return &s.Actors[i]
		}
	}
	return nil
}

// requests of one actor.
func (g *Group) requests() int {
	n := 0
	for i := range g.Steps {
		n += max(1, g.Steps[i].Repeat)
	}
	return n * max(1, g.Rounds)
}

var (
	poolV4 = netip.MustParsePrefix(PoolV4)
	poolV6 = netip.MustParsePrefix(PoolV6)
)
