package console

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/graph/scalar"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

const (
	usualBlock    = time.Hour
	longestBlock  = 10 * 365 * 24 * time.Hour
	recentlyEnded = 24 * time.Hour
	mostEnded     = 100
)

// spans are the durations that the list knows by name; permanent is until lifted.
var spans = map[string]time.Duration{
	"1h": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour, "permanent": 0, "": 0,
}

// The original's words for what a decision does.
var words = map[engine.Action]string{
	engine.Allow: "whitelist", engine.Block: "blacklist", engine.Monitor: "monitor", engine.Throttle: "monitor",
}

func (c *Console) blockIP(r *http.Request) (any, error) {
	var asked struct {
		IP       string   `json:"ip"`
		Reason   string   `json:"reason"`
		Duration *float64 `json:"duration"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	span := usualBlock
	if asked.Duration != nil {
		if *asked.Duration < 1 || *asked.Duration > longestBlock.Seconds() {
			return nil, engine.Invalid{Field: "duration", Problem: "must be seconds, from 1 to ten years of them"}
		}
		span = time.Duration(*asked.Duration) * time.Second
	}
	d, err := c.place(r, engine.Block, asked.IP, asked.Reason, span)
	if err != nil {
		return nil, err
	}
	out := done("%s is blocked.", incident.Label(d.Target))
	out.ExpiresIn = int64(span / time.Second)
	return out, nil
}

func (c *Console) add(r *http.Request) (any, error) {
	var asked struct {
		IP       string `json:"ip"`
		Action   string `json:"action"`
		Reason   string `json:"reason"`
		Duration string `json:"duration"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	if asked.Action == "" {
		asked.Action = words[engine.Block]
	}
	action := map[string]engine.Action{"whitelist": engine.Allow, "blacklist": engine.Block, "monitor": engine.Monitor}[asked.Action]
	if action == 0 {
		return nil, engine.Invalid{Field: "action", Problem: "must be whitelist, blacklist or monitor"}
	}
	span, known := spans[asked.Duration]
	if !known {
		return nil, engine.Invalid{Field: "duration", Problem: "must be 1h, 24h, 7d, 30d or permanent"}
	}
	d, err := c.place(r, action, asked.IP, asked.Reason, span)
	if err != nil {
		return nil, err
	}
	out := done("%s is on the list: %s.", incident.Label(d.Target), asked.Action)
	out.Action = asked.Action
	return out, nil
}

// place has the guard decide, and tells what is wrong in the words of this API.
func (c *Console) place(r *http.Request, action engine.Action, ip, reason string, span time.Duration) (engine.Decision, error) {
	by, err := graph.Acting(r.Context())
	if err != nil {
		return engine.Decision{}, err
	}
	if ip == "" {
		return engine.Decision{}, engine.Invalid{Field: "ip", Problem: "is missing"}
	}
	network, err := scalar.ParseNetwork(ip)
	if err != nil {
		return engine.Decision{}, engine.Invalid{Field: "ip", Problem: err.Error()}
	}
	d, err := c.guard.Place(r.Context(), by, guard.Wanted{Action: action, Network: network, Reason: reason, For: span})
	if invalid, ok := errors.AsType[engine.Invalid](err); ok && invalid.Field == "target" {
		invalid.Field = "ip"
		return d, invalid
	}
	return d, err
}

func (c *Console) unblock(r *http.Request) (any, error) {
	return c.lift(r, "%s is not blocked any more.", engine.Block, engine.Throttle)
}

func (c *Console) remove(r *http.Request) (any, error) {
	return c.lift(r, "%s is off the list.", engine.Allow, engine.Block, engine.Monitor, engine.Throttle)
}

func (c *Console) lift(r *http.Request, said string, actions ...engine.Action) (any, error) {
	var asked struct {
		Identifier string `json:"identifier"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	if asked.Identifier == "" {
		return nil, engine.Invalid{Field: "identifier", Problem: "is missing"}
	}
	by, err := graph.Acting(r.Context())
	if err != nil {
		return nil, err
	}
	found, err := c.named(asked.Identifier, actions)
	if err != nil {
		return nil, err
	}
	lifted, err := c.guard.Lift(r.Context(), by, ids(found))
	if err != nil {
		return nil, err
	}
	out := done(said, asked.Identifier)
	if len(lifted) > 0 && len(actions) > 2 {
		out.Action = words[lifted[0].Action]
	}
	return out, nil
}

// named are the decisions in force that an identifier names: an address or network as the lists
// write it, perhaps with ":key" or ":manual" after it, or a decision's reference.
func (c *Console) named(identifier string, actions []engine.Action) ([]engine.Decision, error) {
	networks := spellings(identifier)
	reference := strings.ToUpper(strings.TrimSpace(identifier))
	if len(networks) == 0 && !strings.HasPrefix(reference, "D-") && !strings.HasPrefix(reference, "KEY ") {
		return nil, engine.Invalid{Field: "identifier", Problem: "must be an address, a network, or one of the list's identifiers"}
	}
	all := c.guard.Decisions()
	all = slices.DeleteFunc(all, func(d engine.Decision) bool { return !slices.Contains(actions, d.Action) })
	for _, is := range []func(engine.Decision) bool{
		func(d engine.Decision) bool { return d.ID == reference || incident.Label(d.Target) == identifier },
		func(d engine.Decision) bool { return len(networks) > 0 && d.Target.Network == networks[0] },
		func(d engine.Decision) bool { return len(networks) > 1 && d.Target.Network == networks[1] },
		// What a rule decided about an IPv6 address is decided about its network.
		func(d engine.Decision) bool {
			return len(networks) > 0 && networks[len(networks)-1].IsSingleIP() && d.Target == engine.ActorOf(networks[len(networks)-1].Addr())
		},
	} {
		if found := slices.DeleteFunc(slices.Clone(all), func(d engine.Decision) bool { return !is(d) }); len(found) > 0 {
			return found, nil
		}
	}
	return nil, status{http.StatusNotFound, "there is no such entry in force"}
}

// spellings of an identifier as a network: the whole, and what stands before the last colon, or
// before the first where the address itself has none.
func spellings(identifier string) []netip.Prefix {
	identifier = strings.TrimSpace(identifier)
	texts := []string{identifier}
	if head, _, found := strings.Cut(identifier, ":"); found && strings.Contains(head, ".") {
		texts = append(texts, head)
	} else if i := strings.LastIndex(identifier, ":"); i > 0 {
		texts = append(texts, identifier[:i])
	}
	var out []netip.Prefix
	for _, t := range texts {
		if p, err := scalar.ParseNetwork(t); err == nil {
			out = append(out, p)
		}
	}
	return out
}

type entryJSON struct {
	ID         string `json:"id"`
	Identifier string `json:"identifier"`
	IP         string `json:"ip"`
	Action     string `json:"action"`
	Reason     string `json:"reason"`
	AddedAt    int64  `json:"addedAt"`
	ExpiresAt  *int64 `json:"expiresAt"` // null: until lifted
	Active     bool   `json:"active"`
}

// list is what is in force, newest first, and then what ended by itself within a day.
func (c *Console) list(r *http.Request) (any, error) {
	now := c.now()
	out := []entryJSON{}
	for _, d := range newestFirst(c.guard.Decisions()) {
		out = append(out, entry(d, words[d.Action], true))
	}
	ended, err := c.store.Decisions(r.Context(), store.DecisionFilter{Expired: true, At: now}, store.Page{First: mostEnded})
	if err != nil {
		return nil, err
	}
	for _, d := range ended.Items {
		if now.Sub(d.Until) < recentlyEnded {
			out = append(out, entry(d, "expired", false))
		}
	}
	return out, nil
}

func entry(d engine.Decision, action string, active bool) entryJSON {
	e := entryJSON{
		ID: d.ID, Identifier: incident.Label(d.Target), Action: action, Reason: d.Reason, AddedAt: d.From.Unix(), Active: active,
	}
	if d.Target.Network.IsValid() {
		e.IP = e.Identifier
	}
	if !d.Until.IsZero() {
		until := d.Until.Unix()
		e.ExpiresAt = &until
	}
	return e
}

func ids(in []engine.Decision) []string {
	out := make([]string, len(in))
	for i, d := range in {
		out[i] = d.ID
	}
	return out
}

// read takes the body of a request apart.
func read(r *http.Request, v any) error {
	b, err := jsonOnly(r)
	if err != nil {
		return err
	}
	return decode(b, v)
}
