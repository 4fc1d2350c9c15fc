package cluster

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// longestMessage that is sent or read.
const longestMessage = 8 << 10

// A message is what nodes tell each other.
type message struct {
	From     string    `json:"from"`          // the process that sent it
	Node     string    `json:"node"`          // its name, for people
	Ask      bool      `json:"ask,omitempty"` // tell me everything: I may have missed something
	Decision *decision `json:"decision,omitempty"`
}

// A decision as it travels. Times are milliseconds since 1970, zero for none.
type decision struct {
	ID       string `json:"id"`
	Action   string `json:"action"`
	Network  string `json:"network,omitempty"`
	Key      string `json:"key,omitempty"` // its hash
	Prefix   string `json:"prefix,omitempty"`
	Account  string `json:"account,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Origin   string `json:"origin"`
	Rule     string `json:"rule,omitempty"`
	Finding  string `json:"finding,omitempty"`
	By       string `json:"by,omitempty"`
	From     int64  `json:"since"`
	Until    int64  `json:"until,omitempty"`
	Lifted   int64  `json:"lifted,omitempty"`
	LiftedBy string `json:"liftedBy,omitempty"`
}

func (c *Cluster) encode(m message) ([]byte, error) {
	m.From, m.Node = c.self, c.node
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(b) > longestMessage {
		return nil, fmt.Errorf("message of %d bytes", len(b))
	}
	return b, nil
}

// decode reads a message of another process. Whoever can write to Redis can send anything, so
// nothing of it is taken on trust.
func (c *Cluster) decode(text string) (m message, own bool, err error) {
	if len(text) > longestMessage {
		return m, false, fmt.Errorf("message of %d bytes", len(text))
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return m, false, fmt.Errorf("read a message: %w", err)
	}
	return m, m.From == c.self, nil
}

func wireOf(d engine.Decision) *decision {
	w := &decision{
		ID: d.ID, Action: d.Action.String(), Reason: d.Reason, Origin: d.Origin.String(), Rule: d.Rule,
		Finding: d.Finding, By: d.By, From: millis(d.From), Until: millis(d.Until), Lifted: millis(d.Lifted), LiftedBy: d.LiftedBy,
	}
	switch {
	case d.Target.Network.IsValid():
		w.Network = d.Target.Network.String()
	case d.Target.Account != "":
		w.Account = d.Target.Account
	default:
		w.Key, w.Prefix = hex.EncodeToString(d.Target.Key.Hash[:]), d.Target.Key.Prefix
	}
	return w
}

const (
	longestText = 1000 // characters
	longestName = 200
	furthest    = 20 * 366 * 24 * time.Hour
)

// decision checks what was sent, as if an enemy had.
func (w *decision) decision(now time.Time) (engine.Decision, error) {
	d := engine.Decision{
		ID: w.ID, Reason: w.Reason, Rule: w.Rule, Finding: w.Finding, By: w.By, LiftedBy: w.LiftedBy,
		From: instant(w.From), Until: instant(w.Until), Lifted: instant(w.Lifted),
	}
	var known bool
	if d.Action, known = engine.ParseAction(w.Action); !known {
		return d, fmt.Errorf("action %.20q", w.Action)
	}
	if d.Origin, known = engine.ParseOrigin(w.Origin); !known {
		return d, fmt.Errorf("origin %.20q", w.Origin)
	}
	if !reference(w.ID) {
		return d, fmt.Errorf("reference %.30q", w.ID)
	}
	if err := w.target(&d.Target); err != nil {
		return d, err
	}
	for _, s := range []string{w.Rule, w.Finding, w.By, w.LiftedBy} {
		if len(s) > longestName || !utf8.ValidString(s) {
			return d, fmt.Errorf("name %.30q", s)
		}
	}
	if utf8.RuneCountInString(w.Reason) > longestText || !utf8.ValidString(w.Reason) {
		return d, errors.New("too long a reason")
	}
	for _, ms := range []int64{w.From, w.Until, w.Lifted} {
		if ms < 0 || ms > now.Add(furthest).UnixMilli() {
			return d, fmt.Errorf("time %d", ms)
		}
	}
	if w.From == 0 || d.Origin == engine.ByRule && w.Until == 0 {
		return d, errors.New("no beginning or no end")
	}
	return d, nil
}

func (w *decision) target(t *engine.Target) error {
	one := slices.DeleteFunc([]string{w.Network, w.Key, w.Account}, func(s string) bool { return s == "" })
	switch {
	case len(one) != 1:
		return errors.New("not one target")
	case w.Account != "":
		if engine.Storable(w.Account, engine.MaxAccount, engine.Percent) != w.Account {
			return fmt.Errorf("account %.60q", w.Account)
		}
		t.Account = w.Account
		return nil
	case w.Key != "":
		hash, err := hex.DecodeString(w.Key)
		if err != nil || len(hash) != len(t.Key.Hash) || len(w.Prefix) > 8*utf8.UTFMax || !utf8.ValidString(w.Prefix) {
			return errors.New("not a key")
		}
		copy(t.Key.Hash[:], hash)
		t.Key.Prefix = w.Prefix
		if t.Key.Zero() {
			return errors.New("no key")
		}
		return nil
	}
	p, err := netip.ParsePrefix(w.Network)
	if err != nil || p != p.Masked() || p.Addr().Is4In6() {
		return fmt.Errorf("network %.60q", w.Network)
	}
	t.Network = p
	return nil
}

// reference reports whether s could name a decision: "D-" and 13 characters.
func reference(s string) bool {
	rest, ok := strings.CutPrefix(s, "D-")
	if !ok || len(rest) != 13 {
		return false
	}
	return !strings.ContainsFunc(rest, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z')
	})
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
