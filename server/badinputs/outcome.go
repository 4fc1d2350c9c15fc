package main

import (
	"net/netip"
	"slices"
	"strings"
)

// An outcome is what was observed of a case, or of one step of it. What is nil or missing was
// not observed, and a word that needs it makes the case one that was not run.
type outcome struct {
	input   tree
	wires   []wire
	decided string // what came of it, where that is no answer on a wire

	upstream *[]*seen
	logged   *[]logged
	demo     bool // the API is the bank, which says nothing about what reached it

	before, after *lists
	figures       map[string]float64
	facts         map[string]bool
	words         map[string]string // facts that are texts
	places        map[string]string // where a secret might be
	decisions     map[string]string // of addresses that were tried afterwards
	health        map[string]string // dependencies and their states
	steps         []*outcome        // of a sequence
}

func newOutcome(in tree) *outcome {
	return &outcome{
		input: in, figures: map[string]float64{}, facts: map[string]bool{}, words: map[string]string{},
		places: map[string]string{}, decisions: map[string]string{},
	}
}

// A logged is an exchange as the console tells it.
type logged struct {
	Client    string   `json:"client"`
	Account   string   `json:"account"`
	Key       string   `json:"keyPrefix"`
	Session   string   `json:"sessionPrefix"`
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	Status    int      `json:"status"`
	Refused   bool     `json:"refused"`
	Cause     string   `json:"cause"`
	Flags     []string `json:"flags"`
	UserAgent string   `json:"userAgent"`
}

// field of an exchange by the names that cases use.
func (l *logged) field(name string) (string, bool) {
	switch name {
	case "client_ip", "client", "ip", "address":
		return l.Client, true
	case "user_agent", "ua":
		return l.UserAgent, true
	case "username", "user", "account":
		return l.Account, true
	case "method":
		return l.Method, true
	case "path":
		return l.Path, true
	case "api_key", "key":
		return l.Key, true
	case "session":
		return l.Session, true
	}
	return "", false
}

// A placed is a decision in force.
type placed struct{ action, target string }

// Lists are what an operator sees: decisions in force and figures.
type lists struct {
	decisions []placed
	alerts    int
	actors    []string // of the alerts
	audit     int
	lists     []string // what machines are told to block
}

func (l *lists) blocks(address netip.Addr) bool {
	for _, d := range l.decisions {
		if d.action == "BLOCK" && network(d.target).Contains(address) {
			return true
		}
	}
	return false
}

// network of a label: an address or a prefix.
func network(label string) netip.Prefix {
	if p, err := netip.ParsePrefix(label); err == nil {
		return p
	}
	if a, err := netip.ParseAddr(label); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	return netip.Prefix{}
}

// The words for what comes of a request (PLAN 4.1).
const (
	allowed   = "allow"
	blocked   = "block"
	rejected  = "reject"
	undecided = "no answer"
)

// decision is what came of the last request: of its first answer that is final.
func (o *outcome) decision() string {
	switch {
	case o.decided != "":
		return o.decided
	case o.demo && o.logged != nil && len(*o.logged) > 0:
		if l := (*o.logged)[len(*o.logged)-1]; !l.Refused {
			return allowed
		}
	case len(o.wires) == 0:
		return undecided
	}
	return o.wires[len(o.wires)-1].decision()
}

func (w *wire) decision() string {
	if len(w.answers) == 0 {
		if w.closed && !w.refused {
			return rejected
		}
		return undecided
	}
	a := &w.answers[0]
	switch {
	case a.upstreams() || a.status < 400:
		return allowed
	case a.status == 403 || a.status == 429:
		return blocked
	case a.status == 502:
		return "502"
	}
	return rejected
}

// statuses of all requests, those below 200 too when asked for.
func (o *outcome) statuses(interim bool) []int {
	var out []int
	for _, w := range o.wires {
		if interim {
			out = append(out, w.interim...)
		}
		for _, a := range w.answers {
			out = append(out, a.status)
		}
	}
	for _, s := range o.steps {
		out = append(out, s.statuses(interim)...)
	}
	return out
}

// final is the answer that words about an answer are about: the last one.
func (o *outcome) final() *answer {
	for _, s := range slices.Backward(o.steps) {
		if a := s.final(); a != nil {
			return a
		}
	}
	for _, w := range slices.Backward(o.wires) {
		if n := len(w.answers); n > 0 {
			return &w.answers[n-1]
		}
	}
	return nil
}

// last step that sent a request, which words without a step are about.
func (o *outcome) last() *outcome {
	for _, s := range slices.Backward(o.steps) {
		if s.upstream != nil {
			return s
		}
	}
	return o
}

// sent are the values that a request carried under a header.
func (o *outcome) sent(name string) []string {
	var out []string
	for _, h := range list(o.input["headers"]) {
		if pair := list(h); len(pair) == 2 {
			if n, _ := pair[0].(string); strings.EqualFold(n, name) {
				if v, ok := pair[1].(string); ok {
					out = append(out, v)
				}
			}
		}
	}
	return out
}
