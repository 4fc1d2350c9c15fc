package simulator

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// DecoyKey was given to nobody: who uses it has found it where only a thief looks. The demo
// knows it as one.
const DecoyKey = "live_backup_2019"

// SessionHeader carries the session of a request. The demo knows accounts by the field `account` of
// a sign-in, and sessions by this.
const SessionHeader = "X-Session"

// Policy is that of the demo as far as an engine fed by PlayEngine knows it.
func Policy() engine.Policy {
	p := engine.Defaults()
	p.DecoyKeys = []engine.Key{keyOf(DecoyKey)}
	return p
}

// takes is how long an answer takes in event time.
const takes = 5 * time.Millisecond

// PlayEngine feeds a plan straight into an engine in event time: no socket, no clock, all pauses
// in full. Behind the engine stands as much of the bank as the rules can see. It returns what
// became of it and the engine's findings in order; Facts holds alerts and decisions, and no
// incident, which is not the engine's to say.
func PlayEngine(e *engine.Engine, plan Plan, start time.Time) (*Played, []engine.Finding) {
	p := &Played{Plan: plan, Outcomes: make([][]Outcome, len(plan.Actors)), Facts: make([]Facts, len(plan.Actors))}
	var found []engine.Finding
	due := make([]time.Duration, len(plan.Actors))
	for i := range plan.Actors {
		due[i] = plan.Actors[i].Requests[0].Wait
	}
	for seq := uint64(0); ; seq++ {
		i := earliest(&plan, due, p.Outcomes)
		if i < 0 {
			break
		}
		a, n := &plan.Actors[i], len(p.Outcomes[i])
		o, fs := exchange(e, &a.Requests[n], start, due[i], seq)
		p.Outcomes[i] = append(p.Outcomes[i], o)
		found = append(found, fs...)
		p.Took = max(p.Took, o.Answered)
		if n+1 < len(a.Requests) {
			due[i] = o.Answered + a.Requests[n+1].Wait
		}
	}
	for i := range plan.Actors {
		p.Facts[i] = factsOf(e, found, &plan.Actors[i], start.Add(p.Took))
	}
	return p, found
}

// earliest is the actor whose next request is due first, -1 when all have ended.
func earliest(plan *Plan, due []time.Duration, done [][]Outcome) int {
	next := -1
	for i := range plan.Actors {
		if len(done[i]) < len(plan.Actors[i].Requests) && (next < 0 || due[i] < due[next]) {
			next = i
		}
	}
	return next
}

// exchange is one request and its answer.
func exchange(e *engine.Engine, r *Request, start time.Time, at time.Duration, seq uint64) (Outcome, []engine.Finding) {
	path, query, _ := strings.Cut(r.Path, "?")
	folded, bad := engine.Fold(path)
	x := engine.Exchange{
		Request: engine.Request{
			ID: uint64(start.Add(at).UnixMilli())<<20 | seq, At: start.Add(at),
			Client: r.Address, Key: keyOf(r.Key), Session: keyOf(r.header(SessionHeader)), Account: r.account(), Fingerprint: r.fingerprint(),
			Method: r.Method, Path: path, Folded: folded, Route: folded, Signs: engine.ReadSigns(path, query, ""),
		},
		Took: takes,
	}
	o := Outcome{Sent: at, Answered: at + takes}
	v := e.Decide(x.Request)
	var found []engine.Finding
	if v.Finding != nil {
		found = append(found, *v.Finding)
	}
	switch {
	case v.Refused():
		x.Status, x.Refused, x.Cause = v.Status, true, v.Cause
		o.Reference = v.Reference
	case bad != "":
		x.Status, x.Refused, x.Cause = 400, true, "path"
	default:
		x.Status = bank(r)
	}
	o.Status = x.Status
	weak := func(f engine.Finding) bool { return f.Weak } // says nothing by itself
	return o, append(found, slices.DeleteFunc(e.Observe(x), weak)...)
}

// bank answers as the sandbox does, as far as the status goes.
func bank(r *Request) int {
	calls := map[string]string{"/api/balance": "GET", "/api/history": "GET", "/api/transaction": "POST", login: "POST"}
	path, _, _ := strings.Cut(r.Path, "?")
	method, known := calls[path]
	switch {
	case !known:
		return 404
	case r.Method != method:
		return 405
	case path == login:
		if r.field("password") != "demo" {
			return 401
		}
		return 200
	case r.Key == "":
		return 401
	}
	for _, dead := range []string{"invalid", "expired", "revoked"} {
		if strings.HasPrefix(r.Key, dead) {
			return 401
		}
	}
	return 200
}

const login = "/api/login"

// account that a sign-in names.
func (r *Request) account() string {
	if r.Path != login {
		return ""
	}
	return engine.FoldAccount(r.field("account"))
}

// field of the body, empty when it is no text.
func (r *Request) field(name string) string {
	var fields map[string]any
	_ = json.Unmarshal([]byte(r.Body), &fields) // without one there are no fields
	text, _ := fields[name].(string)
	return text
}

func (r *Request) header(name string) string {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// fingerprint of the program: the headers that it sends.
func (r *Request) fingerprint() uint64 {
	h := fnv.New64a()
	for _, name := range r.Headers {
		if name.Name != "Idempotency-Key" { // comes and goes with what is asked
			fmt.Fprintln(h, name.Name)
		}
	}
	return max(h.Sum64(), 1)
}

func keyOf(key string) engine.Key {
	if key == "" {
		return engine.Key{}
	}
	sum := sha256.Sum256([]byte(key))
	return engine.Key{Hash: [16]byte(sum[:16]), Prefix: key[:min(8, len(key))]}
}

// factsOf merges the findings about one actor, or about an account or a key that it used, into alerts,
// a rule each, and lists the decisions about it at that time.
func factsOf(e *engine.Engine, found []engine.Finding, a *Actor, at time.Time) Facts {
	var f Facts
	known := map[string]bool{}
	for i := range found {
		if x := &found[i]; a.Network.Contains(x.Client) && !known[x.Rule] {
			known[x.Rule] = true
			f.Alerts = append(f.Alerts, AlertFact{ID: x.ID, Rule: x.Rule, Severity: x.Severity.String(), Open: true})
		}
	}
	for _, d := range e.Decisions(at) {
		if d.Target.Network != a.Network {
			continue
		}
		seconds := 0
		if !d.Until.IsZero() {
			seconds = int(d.Until.Sub(d.From) / time.Second)
		}
		f.Decisions = append(f.Decisions, DecisionFact{
			ID: d.ID, Action: d.Action.String(), Rule: d.Rule, Own: true, InForce: d.InForce(at), Seconds: seconds,
		})
	}
	return f
}

// Tipped is the plan with the step added that would trip the rule a near miss comes close to,
// at the end of what its first actor does.
func (s *Scenario) Tipped(seed uint64) (Plan, error) {
	if s.Nearly == nil {
		return Plan{}, fmt.Errorf("%s is no near miss", s.ID)
	}
	t := *s
	t.Actors = append([]Group(nil), s.Actors...)
	t.Actors[0].Steps = append(append([]Step(nil), s.Actors[0].Steps...), s.Nearly.Tip)
	return t.Expand(seed), nil
}
