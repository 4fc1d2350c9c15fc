package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// What `sentinel replay --json` says about one log.
type replayed struct {
	clients   map[netip.Addr]verdict // by identity
	networks  []verdict              // blocks of more than one client
	incidents [][]netip.Addr         // the identities in each
	summary   summary
	worked    time.Duration // of processor, its start included
	peak      int64         // bytes of memory, 0 where the system doesn't tell
}

// A verdict about a client.
type verdict struct {
	network netip.Prefix
	blocked bool
	slight  bool // nothing graver than LOW was found
	rules   []string
	reason  string
	first   time.Time // of the first finding
}

// String is what was said: the rules, and why the first of them.
func (v verdict) String() string {
	if len(v.rules) == 0 {
		return "a member of an incident"
	}
	return strings.Join(v.rules, ", ") + ": " + v.reason
}

type summary struct {
	Lines   int64   `json:"lines"`
	Bad     int64   `json:"bad_lines"`
	Late    int64   `json:"late_lines"`
	Clients int64   `json:"clients"`
	Seconds float64 `json:"seconds"`
}

// rough reports that the log's clock can't be trusted within a minute: more than a tenth of the
// lines happened before the one above them.
func (s summary) rough() bool { return s.Late*10 > s.Lines }

// flagged are those with a verdict of alert or block, and the members of incidents.
func (r *replayed) flagged() map[netip.Addr]bool {
	all := map[netip.Addr]bool{}
	for a := range r.clients {
		all[a] = true
	}
	for _, members := range r.incidents {
		for _, a := range members {
			all[a] = true
		}
	}
	return all
}

// blocks reports whether a source is blocked: by its own verdict, or with its network when it
// asks again after that.
func (r *replayed) blocks(a netip.Addr, last time.Time) bool {
	if r.clients[identity(a)].blocked {
		return true
	}
	for i := range r.networks {
		if n := &r.networks[i]; n.network.Contains(a) && last.After(n.first) {
			return true
		}
	}
	return false
}

// parse reads the lines of a replay. Kinds of lines and fields that came later are passed over.
func parse(r io.Reader) (*replayed, error) {
	out := &replayed{clients: map[netip.Addr]verdict{}}
	complete := false
	lines := json.NewDecoder(r)
	for n := 1; ; n++ {
		var raw json.RawMessage
		var kind struct {
			Type string `json:"type"`
		}
		if err := lines.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("object %d of the replay: %w", n, err)
		}
		err := json.Unmarshal(raw, &kind)
		switch {
		case err != nil:
		case kind.Type == "client":
			err = out.client(raw)
		case kind.Type == "incident":
			err = out.incident(raw)
		case kind.Type == "summary":
			complete = true
			err = json.Unmarshal(raw, &out.summary)
		}
		if err != nil {
			return nil, fmt.Errorf("object %d of the replay: %w", n, err)
		}
	}
	if !complete {
		return nil, errors.New("the replay ended without its summary")
	}
	return out, nil
}

func (r *replayed) client(raw []byte) error {
	var c struct {
		Client  netip.Addr   `json:"client"`
		Network netip.Prefix `json:"network"`
		Verdict string       `json:"verdict"`
		Severe  string       `json:"severity"`
		Rules   []string     `json:"rules"`
		Reason  string       `json:"reason"`
		First   time.Time    `json:"first"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	if !c.Client.IsValid() {
		return errors.New("a client without an address")
	}
	v := verdict{network: c.Network, rules: c.Rules, reason: c.Reason, first: c.First, blocked: c.Verdict == "block", slight: c.Severe == "LOW"}
	switch c.Verdict {
	case "block", "alert":
	case "none":
		return nil
	default:
		return fmt.Errorf("verdict %q is none of block, alert, none", c.Verdict)
	}
	r.clients[identity(c.Client)] = v
	alone := 32
	if c.Client.Is6() {
		alone = 64
	}
	if v.blocked && c.Network.IsValid() && c.Network.Bits() < alone {
		r.networks = append(r.networks, v)
	}
	return nil
}

func (r *replayed) incident(raw []byte) error {
	var i struct {
		Clients []netip.Addr `json:"clients"`
	}
	if err := json.Unmarshal(raw, &i); err != nil {
		return err
	}
	for k, a := range i.Clients {
		i.Clients[k] = identity(a)
	}
	r.incidents = append(r.incidents, i.Clients)
	return nil
}

// replay runs the built product over a log, on one core and with clocks without a zone in UTC.
func replay(ctx context.Context, binary, rules string, learned bool, s *set) (*replayed, error) {
	args := []string{"replay", "--json", "--format", s.format}
	if rules != "" {
		args = append(args, "--rules", rules)
	}
	if learned {
		args = append(args, "--learned-only")
	}
	c := exec.CommandContext(ctx, binary, append(args, s.log)...) //nolint:gosec // the operator names it
	c.Env = append(os.Environ(), "GOMAXPROCS=1", "TZ=UTC")
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		if why := strings.TrimSpace(said.String()); why != "" {
			return nil, fmt.Errorf("%s replay: %s", binary, why)
		}
		return nil, fmt.Errorf("%s replay: %w", binary, err)
	}
	r, err := parse(&out)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: build it anew with make build", s.name, err)
	}
	r.worked, r.peak = c.ProcessState.UserTime()+c.ProcessState.SystemTime(), peak(c.ProcessState)
	return r, nil
}
