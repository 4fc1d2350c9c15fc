// Package ingest reads access logs: what a proxy or a server wrote about requests that it
// answered becomes exchanges, in the time in which they happened. It reads whole files, also
// compressed ones, and follows files that are being written, through rotation.
//
// A log is text of strangers. So only what stands where its format has the client's address
// ever becomes an address; queries are cut off before anything is kept; what is kept is
// bounded and masked as the gateway does it.
package ingest

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Format is how the lines of a log are written. The zero value finds out by itself.
type Format struct {
	name    string
	pattern *regexp.Regexp
}

// Formats that there are, but for patterns.
var formats = []string{"auto", "combined", "nginx-json", "caddy", "envoy", "sshd", "jsonl"}

// ParseFormat reads the name of a format:
//
//	auto        finds out by the lines; also the empty name
//	combined    of nginx and Apache; common, and a virtual host in front, are read too
//	nginx-json  the log_format of deploy/examples/nginx
//	caddy       Caddy's JSON
//	envoy       Envoy's JSON
//	sshd        sign-ins of OpenSSH as syslog or journald write them
//	jsonl       {at, client, method, path, status, key?, account?, session?, user_agent?, ...}
//	pattern:RE  a regular expression with named groups: client, time, path or request, and if it
//	            has them method, status, bytes, took, user_agent, account and key
func ParseFormat(name string) (Format, error) {
	if expr, ok := strings.CutPrefix(name, "pattern:"); ok {
		re, err := regexp.Compile(expr)
		if err != nil {
			return Format{}, engine.Invalid{Field: "format", Problem: "is not a regular expression: " + err.Error()}
		}
		if problem := usable(re); problem != "" {
			return Format{}, engine.Invalid{Field: "format", Problem: problem}
		}
		return Format{name: name, pattern: re}, nil
	}
	switch name {
	case "", "auto":
		return Format{}, nil
	case "common", "apache", "nginx":
		return Format{name: "combined"}, nil
	}
	if slices.Contains(formats, name) {
		return Format{name: name}, nil
	}
	return Format{}, engine.Invalid{
		Field:   "format",
		Problem: fmt.Sprintf("%q is none of %s and pattern:REGEX", name, strings.Join(formats, ", ")),
	}
}

func (f Format) String() string {
	if f.name == "" {
		return "auto"
	}
	return f.name
}

// Options say what a log itself does not. The zero value works.
type Options struct {
	// Zone is where clocks without a zone stand, as in syslog; time.Local when nil.
	Zone *time.Location

	// Before is a time that no line can be after by more than a day. It tells the year of lines
	// that have none. For a file its time of change does, for a followed one the zero value: now.
	Before time.Time

	// Key names an API key or session without holding it, as the gateway's does. When nil, a
	// hash without a secret does, which is fit for nothing that is stored.
	Key func(string) engine.Key

	// Workers read lines at the same time, where their format allows it. What is handed on, and in
	// what order, is the same for any number of them.
	Workers int
}

func (o Options) zone() *time.Location {
	if o.Zone == nil {
		return time.Local
	}
	return o.Zone
}

func (o Options) before() time.Time {
	if o.Before.IsZero() {
		return time.Now()
	}
	return o.Before
}

func (o Options) key(secret string) engine.Key {
	switch {
	case secret == "":
		return engine.Key{}
	case o.Key != nil:
		return o.Key(secret)
	}
	sum := sha256.Sum256([]byte(secret))
	k := engine.Key{Prefix: engine.Storable(secret[:min(len(secret)/2, 8)], 8, engine.Backslash)}
	copy(k.Hash[:], sum[:])
	return k
}

// A parser reads the lines of one log. It may remember what lines have in common, so each log
// has its own.
type parser interface {
	// parse fills an exchange that is zero. When it can't: why, or nothing when the line is
	// well written but about no request. What it fills in may share memory with the line.
	parse(line string, x *engine.Exchange) (ok bool, problem string)
	// format in which it reads, "auto" while it does not know.
	format() string
}

// parser for a new log.
func (f Format) parser(o Options) parser {
	switch f.name {
	case "combined":
		return &combined{}
	case "nginx-json":
		return &nginxJSON{}
	case "caddy":
		return &caddyJSON{}
	case "envoy":
		return &envoyJSON{}
	case "sshd":
		return &sshd{zone: o.zone(), before: o.before()}
	case "jsonl":
		return &jsonl{key: o.key}
	}
	if f.pattern != nil {
		return newPattern(f, o)
	}
	return newAuto(o)
}

// An auto tries each format until one can read a line, and stays with it.
type auto struct {
	candidates []parser
	chosen     parser
}

func newAuto(o Options) *auto {
	a := &auto{}
	for _, name := range formats[1:] {
		a.candidates = append(a.candidates, Format{name: name}.parser(o))
	}
	return a
}

func (a *auto) format() string {
	if a.chosen == nil {
		return "auto"
	}
	return a.chosen.format()
}

func (a *auto) parse(line string, x *engine.Exchange) (ok bool, problem string) {
	if a.chosen != nil {
		return a.chosen.parse(line, x)
	}
	problem = unknownFormat
	for _, p := range a.candidates {
		ok, why := p.parse(line, x)
		if ok {
			a.chosen, a.candidates = p, nil
			return true, ""
		}
		if why == "" {
			problem = ""
		}
		*x = engine.Exchange{}
	}
	return false, problem
}

const unknownFormat = "is in no format that is known"
