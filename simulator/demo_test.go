package simulator_test

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/simulator"
)

// A demo is as much of a running one as a player sees: the engine before a bank, and the answers
// to the players' questions. Its fields change what it does, so that promises can break.
type demo struct {
	blind    bool // lets everything through and knows nothing
	stern    bool // refuses everything
	serious  bool // says that it is no demo
	known    map[string]bool
	operator []engine.Decision // made by an operator

	mu       sync.Mutex
	engine   *engine.Engine
	seq      uint64
	found    []engine.Finding
	resolved map[string]bool
	lifted   map[string]bool
	inFlight map[string]int
	most     int // requests in flight from one address
	answered int
}

func start(t *testing.T, d *demo) *simulator.Target {
	t.Helper()
	p := engine.Defaults()
	p.DecoyKeys = []engine.Key{keyOf(simulator.DecoyKey)}
	e, err := engine.New(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	d.engine, d.resolved, d.lifted, d.inFlight = e, map[string]bool{}, map[string]bool{}, map[string]int{}
	srv := httptest.NewServer(d)
	t.Cleanup(srv.Close)
	target, err := simulator.Open(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	return target
}

func (d *demo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/graphql" {
		d.graphql(w, r)
		return
	}
	client := r.Header.Get("X-Simulated-IP")
	d.mu.Lock()
	d.inFlight[client]++
	d.most = max(d.most, d.inFlight[client])
	d.mu.Unlock()
	status, reference := d.exchange(r, netip.MustParseAddr(client))
	d.mu.Lock()
	d.inFlight[client]--
	d.answered++
	d.mu.Unlock()
	w.WriteHeader(status)
	if reference != "" {
		_ = json.NewEncoder(w).Encode(map[string]string{"reference": reference})
	}
}

func (d *demo) exchange(r *http.Request, client netip.Addr) (int, string) {
	if d.stern {
		return 403, "D-0"
	}
	key := r.Header.Get("X-API-Key")
	folded, _ := engine.Fold(r.URL.EscapedPath())
	d.mu.Lock()
	d.seq++
	x := engine.Exchange{Request: engine.Request{
		ID: d.seq, At: time.Now(), Client: client, Method: r.Method, Path: r.URL.Path, Folded: folded, Route: folded,
	}}
	d.mu.Unlock()
	x.Signs = engine.ReadSigns(r.URL.EscapedPath(), r.URL.RawQuery, "")
	x.Fingerprint = gateway.Fingerprint(r)
	if session := r.Header.Get(simulator.SessionHeader); session != "" {
		x.Session = keyOf(session)
	}
	var signIn struct{ Account, Password string }
	if r.URL.Path == "/api/login" {
		_ = json.NewDecoder(r.Body).Decode(&signIn) // whoever sends something else is nobody
		x.Account = signIn.Account
	}
	if key != "" {
		x.Key = keyOf(key)
	}
	if !d.blind {
		v := d.engine.Decide(x.Request)
		if v.Finding != nil {
			d.find(*v.Finding)
		}
		if v.Refused() {
			x.Status, x.Refused = v.Status, true
			d.find(d.engine.Observe(x)...)
			return v.Status, v.Reference
		}
	}
	x.Status = 200
	switch {
	case !slices.Contains([]string{"/api/balance", "/api/history", "/api/transaction", "/api/login"}, r.URL.Path):
		x.Status = 404
	case r.URL.Path == "/api/login" && signIn.Password != "demo", key == "" && r.URL.Path != "/api/login", strings.HasPrefix(key, "invalid"), strings.HasPrefix(key, "expired"):
		x.Status = 401
	}
	if !d.blind {
		d.find(d.engine.Observe(x)...)
	}
	return x.Status, ""
}

func keyOf(key string) engine.Key {
	sum := sha256.Sum256([]byte(key))
	return engine.Key{Hash: [16]byte(sum[:16]), Prefix: key[:min(8, len(key))]}
}

func (d *demo) find(fs ...engine.Finding) {
	fs = slices.DeleteFunc(fs, func(f engine.Finding) bool { return f.Weak }) // says nothing by itself
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = append(d.found, fs...)
}

// graphql answers the players' questions by the name of the operation.
func (d *demo) graphql(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Query     string
		Variables struct {
			Network, Address string
			IDs              []string `json:"ids"`
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&q)
	name, _, _ := strings.Cut(strings.Fields(q.Query)[1], "(")
	d.mu.Lock()
	defer d.mu.Unlock()
	var data any
	switch name {
	case "SimulatorHealth":
		data = object{"health": object{"demo": !d.serious, "waiting": 0}}
	case "SimulatorKnown":
		n := 0
		if d.known[q.Variables.Address] {
			n = 1
		}
		data = object{"client": object{"requests": n, "decisions": []any{}, "alerts": []any{}}}
	case "SimulatorFacts":
		data = d.facts(netip.MustParsePrefix(q.Variables.Network), netip.MustParseAddr(q.Variables.Address))
	case "SimulatorLift":
		var lifted []object
		for _, id := range q.Variables.IDs {
			d.lifted[id] = true
			d.engine.Lift(id, time.Now(), "demo")
			lifted = append(lifted, object{"id": id})
		}
		data = object{"lift": object{"lifted": lifted}}
	case "SimulatorResolve":
		var closed []object
		for _, id := range q.Variables.IDs {
			d.resolved[id] = true
			closed = append(closed, object{"id": id})
		}
		data = object{"resolve": closed}
	}
	_ = json.NewEncoder(w).Encode(object{"data": data})
}

type object map[string]any

func (d *demo) facts(network netip.Prefix, client netip.Addr) any {
	var alerts, decisions []object
	seen := map[string]bool{}
	for _, f := range d.found {
		if !network.Contains(f.Client) || seen[f.Rule] {
			continue
		}
		seen[f.Rule] = true
		status := "OPEN"
		if d.resolved[f.ID] {
			status = "RESOLVED"
		}
		n := object{"id": f.ID, "rule": f.Rule, "severity": f.Severity.String(), "status": status, "incident": nil}
		if id := d.incident(network); id != "" {
			n["incident"] = object{"id": id, "reference": "INC-" + id}
		}
		alerts = append(alerts, object{"node": n})
	}
	for _, x := range append(d.engine.Decisions(time.Now()), d.operator...) {
		if !x.Target.Network.Contains(client) {
			continue
		}
		n := object{
			"id": x.ID, "action": x.Action.String(), "state": "IN_FORCE", "from": x.From.Format(time.RFC3339Nano), "until": nil,
			"rule": nil, "target": object{"network": x.Target.Network.String()},
		}
		if x.Rule != "" {
			n["rule"] = x.Rule
		}
		if !x.Until.IsZero() {
			n["until"] = x.Until.Format(time.RFC3339Nano)
		}
		decisions = append(decisions, object{"node": n})
	}
	return object{"alerts": object{"edges": alerts}, "decisions": object{"edges": decisions}}
}

// incident is the /24 when more than one actor in it was found.
func (d *demo) incident(network netip.Prefix) string {
	if !network.Addr().Is4() {
		return ""
	}
	around, _ := network.Addr().Prefix(24)
	actors := map[netip.Prefix]bool{}
	for _, f := range d.found {
		if around.Contains(f.Actor.Network.Addr()) {
			actors[f.Actor.Network] = true
		}
	}
	if len(actors) < 2 {
		return ""
	}
	return around.String()
}
