package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/geo"
	"github.com/sentinel-protocol/sentinel/server/ingest"
	"github.com/sentinel-protocol/sentinel/server/route"
	"github.com/sentinel-protocol/sentinel/server/rules"
)

// replayOptions are what `sentinel replay` is told.
type replayOptions struct {
	format  string
	config  string
	rules   string // directory
	packs   []string
	learned bool // names of software are not known, and no packs
	json    bool
	odd     bool
	workers int       // that read lines
	in      io.Reader // for the file "-"
	out     io.Writer
	screen  io.Writer // for the progress bar; nil for none
	now     func() time.Time
}

func replayCommand() *cobra.Command {
	o := replayOptions{now: time.Now}
	c := &cobra.Command{
		Use:   "replay FILE...",
		Short: "Judge access logs as if Sentinel had stood before the API: who would have been flagged or blocked, when and why",
		Long: `Judge access logs as if Sentinel had stood before the API: who would have been flagged or blocked, when and why.

Files are read in the order given, plain or gzip; "-" is standard input. Time is the log's own. All rules
enforce, also those that packs or the configuration have in shadow mode. With --rules the packs in that directory
stand in for those that come with the program; the rules that are built in, packs core and fintech, count all the
same. With --packs only those of the packs that it names do, as in --packs core. Nothing is stored and nobody is blocked.

Formats: auto, combined (nginx, Apache; common too), nginx-json, caddy, envoy, sshd, jsonl, and pattern:REGEX with
named groups client, time, path or request, and method, status, bytes, took, user_agent, account, key where there are any.

Exits with 1 when a file can't be read, or not to its end: then what was read of it is judged all the same.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			o.in, o.out = c.InOrStdin(), c.OutOrStdout()
			if f, ok := c.ErrOrStderr().(*os.File); ok && terminal(f) {
				o.screen = f
			}
			return runReplay(c.Context(), o, files)
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "auto", "`format` of the lines")
	f.BoolVar(&o.json, "json", false, "one JSON object a line instead of a summary")
	f.BoolVar(&o.learned, "learned-only", false, "go by what is learned of the API: without packs and without names of software that scanners look for")
	f.BoolVar(&o.odd, "anomaly", false, "with --json, also how unlike others each client was")
	f.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "`number` of lines that are read at the same time; the verdicts are the same for any")
	f.StringVar(&o.config, "config", "", "`file` of settings, of which the rules count here")
	f.StringVar(&o.rules, "rules", "", "`directory` of rule packs, instead of those that come with the program")
	f.StringSliceVar(&o.packs, "packs", nil, "`names` of packs, with commas between, whose rules alone count: core,fintech")
	return c
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice|fs.ModeCharDevice && f.Name() != os.DevNull
}

// replaySecret is what keys are named with here: nothing of them is stored.
var replaySecret = []byte("replay")

// A yardstick is what logs are judged by.
type yardstick struct {
	policy engine.Policy
	routes gateway.Routes
	places *geo.DB
	spared []netip.Prefix // whom no rule blocks
}

// yardstickOf is what the settings say, with the packs that come with the program or those in a
// directory. Without a file of settings the environment is not read either: what is meant for serve
// doesn't judge logs unasked.
func yardstickOf(file, dir string) (by yardstick, err error) {
	s := config.Sources{File: file, Packs: packsIn, Judging: true}
	if file != "" {
		s.Environ = os.Environ()
	}
	if dir != "" {
		s.Packs = func(string) ([]engine.Rule, error) {
			set, err := rules.LoadDir(dir)
			return set.Rules(), err
		}
	}
	c, err := config.Load(s)
	if err != nil {
		return by, err
	}
	by.policy, by.spared = policyOf(c, replaySecret), spared(c)
	by.routes = route.LearnAlone(route.Limits{Sensitive: config.Folded(c.Gateway.Routes.Sensitive)})
	if c.Gateway.Routes.OpenAPI != "" {
		if by.routes, err = listed(c.Gateway.Routes); err != nil {
			return by, err
		}
	}
	by.places, err = geo.Open(placeFiles(c.GeoIP)...)
	return by, err
}

// inPacks is a policy with the rules of these packs alone.
func inPacks(p engine.Policy, named []string) (engine.Policy, error) {
	if len(named) == 0 {
		named = []string{""}
	}
	there := map[string]bool{}
	p.Rules = maps.Clone(p.Rules)
	for _, r := range p.All() {
		there[r.Pack] = true
		if !slices.Contains(named, r.Pack) {
			t := p.Terms(r.ID)
			t.Off = true
			p.Rules[r.ID] = t
		}
	}
	for _, name := range named {
		if !there[name] {
			return p, engine.Invalid{Field: "packs", Problem: fmt.Sprintf("%q is none of %s", name, strings.Join(slices.Sorted(maps.Keys(there)), ", "))}
		}
	}
	return p, nil
}

// A replayed log is a file with what was read of it.
type replayed struct {
	name  string
	stats ingest.Stats
}

func runReplay(ctx context.Context, o replayOptions, files []string) error {
	format, err := ingest.ParseFormat(o.format)
	if err != nil {
		return fmt.Errorf("--%w", err)
	}
	by, err := yardstickOf(o.config, o.rules)
	if err != nil {
		return err
	}
	defer by.places.Close()
	if o.learned {
		by.policy.Unlisted = true
		for _, r := range by.policy.Packs {
			delete(by.policy.Rules, r.ID)
		}
		by.policy.Packs = nil
	}
	if o.packs != nil {
		if by.policy, err = inPacks(by.policy, o.packs); err != nil {
			return fmt.Errorf("--%w", err)
		}
	}
	j, err := newJudge(by)
	if err != nil {
		return err
	}
	if o.odd {
		j.oddest = oddest{}
	}
	var total int64
	for _, name := range files { // before hours go by
		size, err := readable(name)
		if err != nil {
			return err
		}
		total += size
	}
	began := o.now()
	bar := newProgress(o.screen, total, o.now)
	logs := make([]replayed, 0, len(files))
	var broken []error // logs of which there is more than could be read
	for _, name := range files {
		stats, err := replayFile(ctx, o, format, name, bar, j)
		if _, some := errors.AsType[*ingest.Damage](err); some { // what was read of it counts
			broken = append(broken, err)
		} else if err != nil {
			bar.clear()
			return err
		}
		logs = append(logs, replayed{name, stats})
	}
	bar.clear()
	out := bufio.NewWriter(o.out)
	r := report{judge: j, logs: logs, took: o.now().Sub(began)}
	if o.json {
		err = r.json(out)
	} else {
		r.text(out)
	}
	return errors.Join(append(broken, err, out.Flush())...)
}

func replayFile(ctx context.Context, o replayOptions, format ingest.Format, name string, bar *progress, j *judge) (ingest.Stats, error) {
	in, options := o.in, ingest.Options{Workers: o.workers, Key: gateway.KeyNames(replaySecret)}
	if name != "-" {
		f, err := os.Open(name) //nolint:gosec // the operator names it
		if err != nil {
			return ingest.Stats{}, remedy(name, err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			options.Before = info.ModTime()
		}
		in = f
	}
	q := queue{engine: j.engine, judge: j.judge}
	stats, err := ingest.Read(ctx, bar.reader(in), format, options, q.take)
	q.settle()
	if err != nil {
		return stats, remedy(name, err)
	}
	return stats, nil
}

// readable tells the size of a log, or why it can't be read.
func readable(name string) (int64, error) {
	if name == "-" {
		return 0, nil
	}
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return 0, remedy(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, remedy(name, err)
	}
	if info.IsDir() {
		return 0, fmt.Errorf("%s is a directory: name the files in it, as in %s/*.log", name, strings.TrimRight(name, "/"))
	}
	return info.Size(), nil
}

// remedy says what to do about a log that can't be read.
func remedy(name string, err error) error {
	if d, some := errors.AsType[*ingest.Damage](err); some {
		if d.Byte > 0 {
			return fmt.Errorf("%s %w: what stands before was judged; copy it again, or if nothing is missing take the rest off with head -c %d", name, err, d.Byte)
		}
		return fmt.Errorf("%s %w: what stands before was judged; the file is not as it was written: copy it again", name, err)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not there: check the path", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user: run this as one who may, often root or of group adm", name)
	case errors.Is(err, ingest.ErrFormat), errors.Is(err, ingest.ErrBinary):
		return fmt.Errorf("%s %w", name, err)
	}
	return fmt.Errorf("read %s: %w", name, err)
}
