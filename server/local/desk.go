// Package local is what whoever owns the data directory may do past the console: look after
// operators, tokens and decisions. It is the way out when an operator has locked himself out. It
// works on the store of a Sentinel that is stopped, and through a socket in the data directory
// with one that runs.
package local

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// What can be done.
const (
	ListOperators  = "operator list"
	AddOperator    = "operator add"
	SetPassword    = "operator passwd"
	RemoveOperator = "operator remove"
	ListTokens     = "token list"
	CreateToken    = "token create"
	RevokeToken    = "token revoke"
	ListDecisions  = "decisions list"
	AddDecision    = "decisions add"
	LiftDecisions  = "decisions lift"
)

// A Request says what to do, and to whom.
type Request struct {
	Do  string `json:"do"`
	Who string `json:"who"` // the account on this machine, for the audit log

	Name     string        `json:"name,omitempty"` // of an operator or a token
	Role     string        `json:"role,omitempty"`
	Password string        `json:"password,omitempty"`
	ID       string        `json:"id,omitempty"`      // of a token
	Targets  []string      `json:"targets,omitempty"` // addresses, networks, or references of decisions
	Action   string        `json:"action,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	For      time.Duration `json:"for,omitempty"` // zero: until lifted or revoked
}

// An Answer holds what was asked for, or what was changed. A list of nothing is empty, one that
// was not asked for is absent.
type Answer struct {
	Operators []Operator `json:"operators,omitzero"`
	Tokens    []Token    `json:"tokens,omitzero"`
	Decisions []Decision `json:"decisions,omitzero"`
	Link      string     `json:"link,omitempty"`   // to choose a password with
	Secret    string     `json:"secret,omitempty"` // of a token
	Problem   string     `json:"problem,omitempty"`
}

// An Operator as it is listed.
type Operator struct {
	Name        string    `json:"name"`
	Role        string    `json:"role"`
	HasPassword bool      `json:"has_password"`
	Created     time.Time `json:"created"`
	Seen        time.Time `json:"seen,omitzero"`
}

// A Token as it is listed.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Prefix  string    `json:"prefix"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
}

// A Decision as it is listed.
type Decision struct {
	ID     string    `json:"id"`
	Action string    `json:"action"`
	Target string    `json:"target"`
	Origin string    `json:"origin"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until,omitzero"`

	Hammering *Hammering `json:"hammering,omitempty"` // nil while it has refused nothing
}

// Hammering is how often whom a decision refuses asked meanwhile.
type Hammering struct {
	Requests int64     `json:"requests"`
	Last     time.Time `json:"last"`
}

// A Desk does what is asked at the machine itself.
type Desk struct {
	Access *access.Access
	Guard  *guard.Guard
	Site   string // scheme and host of the console, for links
}

// Do does it. What the caller can correct is an engine.Invalid, or says so in plain words.
func (d *Desk) Do(ctx context.Context, r Request) (Answer, error) {
	do, known := map[string]func(context.Context, Request) (Answer, error){
		ListOperators: d.operators, AddOperator: d.addOperator, SetPassword: d.setPassword, RemoveOperator: d.removeOperator,
		ListTokens: d.tokens, CreateToken: d.createToken, RevokeToken: d.revokeToken,
		ListDecisions: d.decisions, AddDecision: d.addDecision, LiftDecisions: d.lift,
	}[r.Do]
	if !known {
		return Answer{}, engine.Invalid{Field: "do", Problem: "is nothing that can be done"}
	}
	a, err := do(ctx, r)
	if errors.Is(err, access.ErrUnknown) || errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("there is no such %s", map[bool]string{true: "token", false: "operator"}[r.Do == RevokeToken])
	}
	return a, err
}

// origin of what is done here, in the audit log.
const origin = "cli"

func by(r Request) access.By {
	who := r.Who
	if who == "" {
		who = "somebody"
	}
	return access.By{Name: who, Origin: origin}
}

func (d *Desk) operators(ctx context.Context, _ Request) (Answer, error) {
	all, err := d.Access.Operators(ctx)
	return Answer{Operators: each(all, operator)}, err
}

func operator(o access.Operator) Operator {
	return Operator{Name: o.Name, Role: o.Role.String(), HasPassword: o.Password != "", Created: o.Created, Seen: o.Seen}
}

func (d *Desk) addOperator(ctx context.Context, r Request) (Answer, error) {
	role, _ := access.ParseRole(strings.ToUpper(r.Role))
	if r.Password != "" {
		if err := access.CheckPassword(r.Name, r.Password); err != nil {
			return Answer{}, err
		}
	}
	o, token, err := d.Access.AddOperator(ctx, by(r), r.Name, role)
	if err != nil {
		return Answer{}, err
	}
	if r.Password != "" {
		err = d.Access.SetPassword(ctx, by(r), o.Name, r.Password)
		return Answer{Operators: []Operator{operator(o)}}, err
	}
	link := d.Site + "/setup#" + url.Values{"token": {token}, "name": {o.Name}}.Encode()
	return Answer{Operators: []Operator{operator(o)}, Link: link}, nil
}

func (d *Desk) setPassword(ctx context.Context, r Request) (Answer, error) {
	return Answer{}, d.Access.SetPassword(ctx, by(r), r.Name, r.Password)
}

func (d *Desk) removeOperator(ctx context.Context, r Request) (Answer, error) {
	all, err := d.Access.Operators(ctx)
	if err != nil {
		return Answer{}, err
	}
	i := slices.IndexFunc(all, func(o access.Operator) bool { return strings.EqualFold(o.Name, r.Name) })
	if i < 0 {
		return Answer{}, access.ErrUnknown
	}
	return Answer{Operators: []Operator{operator(all[i])}}, d.Access.RemoveOperator(ctx, by(r), all[i].ID)
}

func (d *Desk) tokens(ctx context.Context, _ Request) (Answer, error) {
	all, err := d.Access.Tokens(ctx)
	return Answer{Tokens: each(all, token)}, err
}

func token(t access.Token) Token {
	return Token{
		ID: t.ID, Name: t.Name, Role: t.Role.String(), Prefix: t.Prefix, Created: t.Created, Used: t.Used, Expires: t.Expires,
	}
}

func (d *Desk) createToken(ctx context.Context, r Request) (Answer, error) {
	role, _ := access.ParseRole(strings.ToUpper(r.Role))
	t, secret, err := d.Access.CreateToken(ctx, by(r), r.Name, role, r.For)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Tokens: []Token{token(t)}, Secret: secret}, nil
}

func (d *Desk) revokeToken(ctx context.Context, r Request) (Answer, error) {
	all, err := d.Access.Tokens(ctx)
	if err != nil {
		return Answer{}, err
	}
	i := slices.IndexFunc(all, func(t access.Token) bool { return t.ID == r.ID || strings.EqualFold(t.Name, r.ID) })
	if i < 0 {
		return Answer{}, access.ErrUnknown
	}
	return Answer{Tokens: []Token{token(all[i])}}, d.Access.RevokeToken(ctx, by(r), all[i].ID)
}

func (d *Desk) decisions(ctx context.Context, _ Request) (Answer, error) {
	listed := each(d.Guard.Decisions(), decision)
	known, _ := d.Guard.Hammering(ctx, each(listed, func(x Decision) string { return x.ID })) // the way out needs no database
	for i, x := range listed {
		if h, is := known[x.ID]; is {
			listed[i].Hammering = &Hammering{h.Requests, h.Last}
		}
	}
	return Answer{Decisions: listed}, nil
}

func decision(x engine.Decision) Decision {
	return Decision{
		ID: x.ID, Action: strings.ToLower(x.Action.String()), Target: incident.Label(x.Target), Origin: strings.ToLower(x.Origin.String()),
		By: x.By, Reason: x.Reason, From: x.From, Until: x.Until,
	}
}

func (d *Desk) addDecision(ctx context.Context, r Request) (Answer, error) {
	action, known := engine.ParseAction(strings.ToUpper(r.Action))
	if !known {
		return Answer{}, engine.Invalid{Field: "action", Problem: "must be allow, block or monitor"}
	}
	networks := make([]netip.Prefix, len(r.Targets))
	for i, t := range r.Targets {
		var ok bool
		if networks[i], ok = network(t); !ok {
			return Answer{}, engine.Invalid{Field: t, Problem: "must be an address or a network, as 198.51.100.7 or 2001:db8::/64"}
		}
	}
	var made []engine.Decision
	for _, n := range networks {
		x, err := d.Guard.Place(ctx, guard.By(by(r)), guard.Wanted{Action: action, Network: n, Reason: r.Reason, For: r.For})
		if err != nil {
			return Answer{Decisions: each(made, decision)}, err
		}
		made = append(made, x)
	}
	return Answer{Decisions: each(made, decision)}, nil
}

// lift ends what is named by its reference or by its target as it is written; for an address
// about which nothing is decided, all that keeps it out.
func (d *Desk) lift(ctx context.Context, r Request) (Answer, error) {
	inForce := d.Guard.Decisions()
	var ids []string
	for _, t := range r.Targets {
		found := matching(inForce, func(x engine.Decision) bool {
			return strings.EqualFold(x.ID, t) || incident.Label(x.Target) == t
		})
		if n, ok := network(t); ok && len(found) == 0 {
			found = matching(inForce, func(x engine.Decision) bool { return x.Target.Network == n })
			if len(found) == 0 && n.IsSingleIP() {
				found = matching(d.Guard.Covering(n.Addr(), engine.Key{}), func(x engine.Decision) bool {
					return x.Action == engine.Block || x.Action == engine.Throttle
				})
			}
		}
		if len(found) == 0 {
			return Answer{}, engine.Invalid{Field: t, Problem: "is nothing that a decision in force is about"}
		}
		ids = append(ids, found...)
	}
	lifted, err := d.Guard.Lift(ctx, guard.By(by(r)), ids)
	return Answer{Decisions: each(lifted, decision)}, err
}

func matching(in []engine.Decision, is func(engine.Decision) bool) []string {
	var ids []string
	for _, x := range in {
		if is(x) {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

func network(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

func each[T, V any](in []T, show func(T) V) []V {
	out := make([]V, len(in))
	for i, v := range in {
		out[i] = show(v)
	}
	return out
}
