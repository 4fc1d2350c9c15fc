package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/server/backtest"
	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/geo"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/rules"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A trial is what `sentinel rules backtest` and `impact` are told.
type trial struct {
	since span
	of    string // which rule of a file
	terms struct {
		more             int
		within, lasts    span
		do               string
		moreSet, doSet   bool
		withinSet, isFor bool
	}
	json    bool
	assumed bool // nobody named the file of settings
}

func backtestCommand() *cobra.Command {
	o := trial{since: span(24 * time.Hour)}
	c := &cobra.Command{
		Use:   "backtest ID|FILE",
		Short: "Try a rule on stored traffic: whom it would have hit, and what it would have cost honest ones",
		Long: `Try a rule on stored traffic: whom it would have hit, and what it would have cost honest ones.

ID is a rule that there is, built in, of a pack or saved in the console; FILE holds one that there is not yet: a definition, or a pack
(with --rule where it holds several). A Sentinel may run beside this: its data is only read, and nobody is blocked.
Rules in force have had their say: what they refused counts for nothing. Exits with 0 whatever is found.`,
	}
	o.ask(c)
	c.Flags().StringVar(&o.of, "rule", "", "which `rule` of the file, by its id")
	read := atDesk(c)
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return misuse{errors.New("name one rule by its ID, or a file that holds one: sentinel rules backtest failed-authentication")}
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		o.heard(c)
		cfg, err := read()
		if err != nil {
			return misuse{err}
		}
		var r backtest.Result
		if err := o.on(c.Context(), cfg, args[0], time.Now(), func(_ engine.Policy, t backtest.Test, traffic backtest.Traffic) (err error) {
			r, err = backtest.Run(c.Context(), t, traffic)
			return err
		}); err != nil {
			return err
		}
		if o.json {
			return indented(c.OutOrStdout(), r)
		}
		return showBacktest(c.OutOrStdout(), r)
	}
	return c
}

// ask for the terms and the window with flags.
func (o *trial) ask(c *cobra.Command) {
	f := c.Flags()
	f.Var(&o.since, "since", "how long the window is that ends now, as 24h or 7d; 30d at most")
	f.IntVar(&o.terms.more, "limit", 0, "try it with another count: more than `this` many trip it")
	f.Var(&o.terms.within, "within", "try it with another window")
	f.StringVar(&o.terms.do, "do", "", "try it with another action: `block`, throttle, monitor or nothing")
	f.Var(&o.terms.lasts, "for", "try it with decisions of another length")
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return misuse{fmt.Errorf("%w: see %s --help", err, c.CommandPath())}
	})
}

// heard which of the flags were given.
func (o *trial) heard(c *cobra.Command) {
	f := c.Flags()
	o.terms.moreSet, o.terms.withinSet = f.Changed("limit"), f.Changed("within")
	o.terms.doSet, o.terms.isFor = f.Changed("do"), f.Changed("for")
	o.json, _ = f.GetBool("json")
	o.assumed = !f.Changed("config")
}

func indented(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

const longestTrial = 30 * 24 * time.Hour

// on what is stored, do something with the test that was asked for, and the policy in force.
func (o *trial) on(ctx context.Context, cfg config.Config, rule string, now time.Time, do func(engine.Policy, backtest.Test, backtest.Traffic) error) (err error) {
	if s := time.Duration(o.since); s < time.Minute || s > longestTrial {
		return misuse{errors.New("--since must be 1m to 30d")}
	}
	t := backtest.Test{From: now.Add(-time.Duration(o.since)), To: now, Assumed: o.assumed}
	places, err := geo.Open(placeFiles(cfg.GeoIP)...)
	if err != nil {
		return misuse{err}
	}
	defer places.Close()
	if !places.Empty() {
		t.Places = places.Place
	}
	db, err := store.Look(ctx, store.Config{Dir: cfg.Storage.Data, URL: cfg.Storage.Database})
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return misuse{err}
		}
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	policy, failed, err := guard.InForce(ctx, db, cfg.Policy())
	if err != nil {
		return err
	}
	if why := failed[rule]; why != "" {
		return misuse{fmt.Errorf("the rule %s of the console is not in force: %s", rule, why)}
	}
	if err := o.choose(&t, policy, rule); err != nil {
		return misuse{err}
	}
	traffic, allowed, err := backtest.Stored(ctx, db, t.From, t.To, now)
	if err != nil {
		return err
	}
	t.Allowed = allowed
	return do(policy, t, traffic)
}

// choose the rule and the terms to be tried.
func (o *trial) choose(t *backtest.Test, p engine.Policy, rule string) (err error) {
	t.Policy, t.Rule = p, rule
	if ext := filepath.Ext(rule); slices.Contains([]string{".yml", ".yaml", ".json"}, ext) || strings.ContainsRune(rule, filepath.Separator) {
		text, err := os.ReadFile(rule) //nolint:gosec // the operator names it
		if err != nil {
			return remedy(rule, err)
		}
		read, err := rules.ReadOne(rule, text, o.of)
		if err != nil {
			return err
		}
		if t.Policy, err = backtest.Defined(p, read); err != nil {
			return err
		}
		t.Rule, t.Failed = read.ID, read.Failed
	} else if t.Failed, err = known(p.All(), rule); err != nil {
		return err
	}
	terms, err := o.changed()
	if err != nil {
		return err
	}
	t.Policy, err = terms.Under(t.Policy, t.Rule)
	return err
}

// known tells of a rule that there is how often its expression could not be evaluated: nil where it
// has none.
func known(all []engine.Rule, rule string) (func() uint64, error) {
	names := make([]string, len(all))
	for i := range all {
		if all[i].ID == rule {
			return all[i].Unknown, nil
		}
		names[i] = all[i].ID
	}
	return nil, fmt.Errorf("%q is no rule that there is; the nearest is %s. A file ends in .yml, .yaml or .json", rule, config.Nearest(rule, names))
}

// changed are the terms that flags give.
func (o *trial) changed() (t backtest.Terms, err error) {
	within, lasts := time.Duration(o.terms.within), time.Duration(o.terms.lasts)
	if o.terms.moreSet {
		t.More = &o.terms.more
	}
	if o.terms.withinSet {
		t.Within = &within
	}
	if o.terms.isFor {
		t.For = &lasts
	}
	if o.terms.doSet {
		do, ok := engine.ParseAction(strings.ToUpper(o.terms.do))
		if !ok && o.terms.do != "nothing" || do == engine.Allow {
			return t, fmt.Errorf("--do must be block, throttle, monitor or nothing, not %q", o.terms.do)
		}
		t.Do = &do
	}
	return t, nil
}

// mostShown are told in the table; --json has 100.
const mostShown = 20

// showPlayed says which rule was played over what.
func showPlayed(out io.Writer, r backtest.Result) {
	fmt.Fprintf(out, "%s (%s), version %d\n%s\n\n", r.Title, r.Rule, r.Version, plain(r.Explains))
	fmt.Fprintf(out, "From %s to %s: %s played, %d before to learn from.\n", clock(r.From), clock(r.Until), counted(uint64(r.Rows), "exchange"), r.Before)
	if r.Cut != "" {
		fmt.Fprintf(out, "NOT ALL: it ends at %s of %s. %s\n", clock(r.Until), clock(r.To), r.Cut)
	}
}

func showBacktest(out io.Writer, r backtest.Result) error {
	showPlayed(out, r)
	if r.Findings == 0 && r.Hit == 0 {
		fmt.Fprintln(out, "It would have found nothing.")
	} else {
		fmt.Fprintf(out, "It would have found something %s, about %d (clients or networks %d, keys %d, accounts %d).\n", counted(uint64(r.Findings), "time"), r.Hit, r.Clients, r.Keys, r.Accounts)
		if r.Findings > 0 {
			fmt.Fprintf(out, "First at %s, last at %s.\n", clock(r.First), clock(r.Last))
		}
		fmt.Fprintf(out, "It would have refused %s; %d of them well answered (2xx): so much it might have cost honest ones.\n\n", counted(uint64(r.Refused), "request"), r.WellAnswered)
		if err := showHits(out, r); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	for _, s := range r.Untold {
		fmt.Fprintln(out, "-", s)
	}
	return nil
}

// tellHits of so many in all.
func tellHits(out io.Writer, hits []backtest.Hit, all int) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FIRST AT\tWHO\tFINDINGS\tREFUSED\tOF THESE 2XX\tWHY")
	for i := range hits[:min(len(hits), mostShown)] {
		h := &hits[i]
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\n", clock(h.At), plain(h.Name), h.Findings, h.Refused, h.WellAnswered, plain(h.Reason))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if more := all - min(len(hits), mostShown); more > 0 {
		fmt.Fprintf(out, "and %d more\n", more)
	}
	return nil
}

func showHits(out io.Writer, r backtest.Result) error {
	if err := tellHits(out, r.Hits, r.Hit); err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nHOUR\tFINDINGS\tREFUSED")
	busiest := slices.Clone(r.Hours)
	if len(busiest) > mostShown { // the worst of them, in order
		slices.SortStableFunc(busiest, func(a, b backtest.Hour) int { return cmp.Compare(b.Refused+b.Findings, a.Refused+a.Findings) })
		busiest = busiest[:mostShown]
		slices.SortFunc(busiest, func(a, b backtest.Hour) int { return a.At.Compare(b.At) })
	}
	for _, h := range busiest {
		fmt.Fprintf(t, "%s\t%d\t%d\n", clock(h.At), h.Findings, h.Refused)
	}
	return t.Flush()
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
