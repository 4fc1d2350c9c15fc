package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/ingest"
)

// A set is a log and who in it is what.
type set struct {
	name, log, format string
	labels            string // file; none when everybody in the log is an attacker
}

// endings of names, the longer one first.
var endings = []struct{ ending, format string }{
	{"_apache_combined.log.gz", "combined"},
	{"_combined.log.gz", "combined"},
	{"_auth.log.gz", "sshd"},
	{"auth.log.gz", "sshd"},
}

// find the sets of a directory, in the order of their names, and what else is there that looks
// like one.
func find(dir string) (sets []*set, odd []string, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("%s is not there: name the directory of the logs, as in make score DATA=DIR", dir)
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fmt.Errorf("%s may not be read by this user", dir)
	case err != nil:
		return nil, nil, fmt.Errorf("%w: name a directory, as in make score DATA=DIR", err)
	}
	labels := map[string]bool{}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasSuffix(name, "_labels.csv"):
			labels[name] = true
		case strings.HasSuffix(name, ".log.gz"):
			if s := named(dir, name); s != nil {
				sets = append(sets, s)
			} else {
				odd = append(odd, name+" is in no format that its name tells")
			}
		}
	}
	for _, s := range sets {
		if file := s.name + "_labels.csv"; labels[file] && s.format != "sshd" {
			s.labels = filepath.Join(dir, file)
			delete(labels, file)
		}
	}
	for file := range labels {
		odd = append(odd, file+" belongs to no log")
	}
	slices.Sort(odd)
	if len(sets) == 0 {
		return nil, nil, fmt.Errorf("no logs in %s: they are called NAME_apache_combined.log.gz or NAME_auth.log.gz, with NAME_labels.csv beside; name their directory, as in make score DATA=DIR", dir)
	}
	return sets, odd, nil
}

func named(dir, file string) *set {
	for _, e := range endings {
		if name, ok := strings.CutSuffix(file, e.ending); ok {
			return &set{name: name, log: filepath.Join(dir, file), format: e.format}
		}
	}
	return nil
}

// A source is an address of a log.
type source struct {
	addr     netip.Addr  // none where the log has a name, which no verdict can be about
	requests []time.Time // in order
	refusals []time.Time // answers of 401 and 403, in order
	hostile  bool
	intents  int       // hostile requests; 0 when nobody counted
	intent   time.Time // of the first; zero when nobody knows
	example  string    // of a hostile request
}

func (s *source) first() time.Time {
	if len(s.requests) > 0 {
		return s.requests[0]
	}
	return s.intent
}

func (s *source) last() time.Time {
	if n := len(s.requests); n > 0 {
		return s.requests[n-1]
	}
	return s.intent
}

// A census is all sources of a set, and what the labels and the log don't agree on.
type census struct {
	sources    []*source
	attackers  bool      // nobody else, and no labels
	cut        time.Time // sources first seen from then on are reported
	unlabelled int       // in the log alone; not scored
	unseen     int       // in the labels alone; scored as not flagged
}

// both reports whether a set has sources of both kinds.
func (c *census) both() bool {
	hostile := func(s *source) bool { return s.hostile }
	return slices.ContainsFunc(c.sources, hostile) && slices.ContainsFunc(c.sources, func(s *source) bool { return !s.hostile })
}

// report share of a log's time: what went before is for tuning.
const tuned = 0.6

// count the sources of a set.
func count(ctx context.Context, s *set) (*census, error) {
	f, err := os.Open(s.log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	seen := map[netip.Addr]*source{}
	format, err := ingest.ParseFormat(s.format)
	if err != nil {
		return nil, err
	}
	_, err = ingest.Read(ctx, f, format, ingest.Options{}, func(x *engine.Exchange) {
		o := seen[x.Client]
		if o == nil {
			o = &source{addr: x.Client}
			seen[x.Client] = o
		}
		o.requests = append(o.requests, x.At)
		if x.Status == 401 || x.Status == 403 {
			o.refusals = append(o.refusals, x.At)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.log, err)
	}
	var from, to time.Time
	for _, o := range seen {
		slices.SortFunc(o.requests, time.Time.Compare)
		slices.SortFunc(o.refusals, time.Time.Compare)
		if from.IsZero() || o.first().Before(from) {
			from = o.first()
		}
		if o.last().After(to) {
			to = o.last()
		}
	}
	c := &census{attackers: s.labels == "", cut: from.Add(time.Duration(tuned * float64(to.Sub(from))))}
	if c.attackers {
		for _, o := range seen {
			o.hostile = true
			c.sources = append(c.sources, o)
		}
	} else if err := c.label(s.labels, seen); err != nil {
		return nil, err
	}
	slices.SortFunc(c.sources, func(a, b *source) int { return a.addr.Compare(b.addr) })
	return c, nil
}

// label the sources that were seen.
func (c *census) label(file string, seen map[netip.Addr]*source) error {
	f, err := os.Open(file) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer f.Close()
	labelled, err := labels(f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, l := range labelled {
		if o := seen[l.addr]; o != nil {
			l.requests, l.refusals = o.requests, o.refusals
			delete(seen, l.addr)
		} else {
			c.unseen++
		}
		c.sources = append(c.sources, l)
	}
	c.unlabelled = len(seen)
	return nil
}

// labels reads source,label,...,intent_requests,...,first_intent_unix; columns by name.
func labels(r io.Reader) ([]*source, error) {
	in := csv.NewReader(r)
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("has no header: source,label,requests,intent_requests,families,first_intent_unix,example is expected (%w)", err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[strings.TrimSpace(name)] = i
	}
	for _, name := range []string{"source", "label"} {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("has no column %q", name)
		}
	}
	field := func(row []string, name string) string {
		if i, ok := column[name]; ok {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	var out []*source
	known := map[string]bool{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		name := field(row, "source")
		if name == "" || known[name] {
			return nil, fmt.Errorf("line %d: source %q is missing or labelled twice", line, name)
		}
		known[name] = true
		s := &source{example: field(row, "example")}
		if addr, err := netip.ParseAddr(name); err == nil {
			s.addr = addr.Unmap()
		}
		switch l := field(row, "label"); l {
		case "attack":
			s.hostile = true
		case "bot", "other":
		default:
			return nil, fmt.Errorf("line %d: label %q is none of attack, bot, other", line, l)
		}
		if n := field(row, "intent_requests"); n != "" {
			if s.intents, err = strconv.Atoi(n); err != nil || s.intents < 0 {
				return nil, fmt.Errorf("line %d: intent_requests %q is no number", line, n)
			}
		}
		if at := field(row, "first_intent_unix"); at != "" {
			seconds, err := strconv.ParseFloat(at, 64)
			if err != nil {
				return nil, fmt.Errorf("line %d: first_intent_unix %q is no time", line, at)
			}
			s.intent = time.UnixMilli(int64(seconds * 1000)).UTC()
		}
		out = append(out, s)
	}
}
