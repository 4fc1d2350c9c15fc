package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/server/backtest"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

var modeNames = [...]string{backtest.Enforce: "enforce", backtest.Shadow: "shadow", backtest.Off: "off"}

func impactCommand() *cobra.Command {
	o, mode := trial{since: span(24 * time.Hour)}, ""
	c := &cobra.Command{
		Use:   "impact ID",
		Short: "Compare other terms of a rule, or another mode, with those in force: who is hit newly, and who no longer",
		Long: `Compare other terms of a rule, or another mode, with those in force, over stored traffic: what it would find and
refuse, who would be hit newly, and who no longer.

ID is a rule that there is, built in, of a pack or saved in the console. A Sentinel may run beside this: its data is
only read, and nobody is blocked.`,
	}
	o.ask(c)
	c.Flags().StringVar(&mode, "mode", "", "put it in another mode: `enforce`, shadow or off")
	read := atDesk(c)
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 || filepath.Ext(args[0]) != "" {
			return misuse{errors.New("name one rule by its ID: sentinel rules impact failed-authentication --limit 10")}
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		o.heard(c)
		if !o.terms.moreSet && !o.terms.withinSet && !o.terms.doSet && !o.terms.isFor && mode == "" {
			return misuse{errors.New("say what is to change: --mode, --limit, --within, --do or --for")}
		}
		cfg, err := read()
		if err != nil {
			return misuse{err}
		}
		var modes [2]backtest.Mode
		var i backtest.Impact
		if err := o.on(c.Context(), cfg, args[0], time.Now(), func(now engine.Policy, after backtest.Test, traffic backtest.Traffic) (err error) {
			if after.Policy, err = inMode(after.Policy, after.Rule, mode); err != nil {
				return misuse{err}
			}
			before := after
			before.Policy = now
			modes = [2]backtest.Mode{backtest.ModeOf(now.Terms(after.Rule)), backtest.ModeOf(after.Policy.Terms(after.Rule))}
			i, err = backtest.Compare(c.Context(), before, after, traffic)
			return err
		}); err != nil {
			return err
		}
		if o.json {
			return indented(c.OutOrStdout(), i)
		}
		return showImpact(c.OutOrStdout(), i, modes)
	}
	return c
}

// inMode is a policy with a rule in another mode; as it is for none.
func inMode(p engine.Policy, rule, mode string) (engine.Policy, error) {
	t := p.Terms(rule)
	switch mode {
	case "":
		return p, nil
	case "enforce", "shadow", "off":
		t.Off, t.Shadow = mode == "off", mode == "shadow"
	default:
		return p, fmt.Errorf("--mode must be enforce, shadow or off, not %q", mode)
	}
	p.Rules = maps.Clone(p.Rules)
	p.Rules[rule] = t
	return p, p.Validate()
}

func showImpact(out io.Writer, i backtest.Impact, modes [2]backtest.Mode) error {
	showPlayed(out, i.Played)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n\tNOW\tTHEN\nmode\t%s\t%s\n", modeNames[modes[0]], modeNames[modes[1]])
	for _, row := range []struct {
		what      string
		now, then int
	}{
		{"findings", i.Before.Findings, i.After.Findings},
		{"acted against", i.Before.Hit, i.After.Hit},
		{"requests refused", i.Before.Refused, i.After.Refused},
		{"of these well answered (2xx)", i.Before.WellAnswered, i.After.WellAnswered},
	} {
		fmt.Fprintf(t, "%s\t%d\t%d\n", row.what, row.now, row.then)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, list := range []struct {
		who  string
		hits []backtest.Hit
		all  int
	}{{"Newly hit", i.NewlyHit, len(i.NewlyHit) + i.MoreHit}, {"No longer hit", i.NoLongerHit, len(i.NoLongerHit) + i.MoreFreed}} {
		fmt.Fprintf(out, "\n%s: %d\n", list.who, list.all)
		if list.all == 0 {
			continue
		}
		if err := tellHits(out, list.hits, list.all); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	for _, s := range i.Played.Untold {
		fmt.Fprintln(out, "-", s)
	}
	return nil
}
