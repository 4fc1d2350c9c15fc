package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sentinel-protocol/sentinel/server/rules"
)

func rulesCommand() *cobra.Command {
	root := &cobra.Command{Use: "rules", Short: "Check rule packs, play their scenarios, and try rules on stored traffic"}
	root.AddCommand(&cobra.Command{
		Use:   "check [DIR]",
		Short: "Exit with 0 when the packs in a directory can be used, else name every mistake and its remedy",
		Long: `Exit with 0 when the packs in a directory can be used, else name every mistake, where it is, and its remedy.
Of a rule with a field that can't be read, such fields are named first, and what else is wrong in it once they are mended.

Every file that ends in .yml, .yaml or .json is a pack. Without a directory the packs that come with the program
are checked. Each rule must have a scenario that shows it at work and one of honest traffic that comes close;
"sentinel rules test" plays them.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return checkRules(c.OutOrStdout(), args) },
	}, &cobra.Command{
		Use:   "test [DIR]",
		Short: "Play the scenarios of the packs in a directory, and say what came out",
		Long: `Play the scenarios of the packs in a directory through the engine, in event time, each rule alone and enforcing.
Without a directory the packs that come with the program are played. Exits with 1 when a rule does not find what
it promises, or finds it in honest traffic.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return testRules(c.OutOrStdout(), args) },
	}, backtestCommand(), impactCommand())
	return root
}

// packsOf the directory that a command is given, or the program's own.
func packsOf(args []string) (rules.Set, error) {
	if len(args) == 0 {
		return rules.BuiltIn()
	}
	set, err := rules.LoadDir(args[0])
	if err != nil {
		return nil, err
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("%s holds no pack: write one into a file that ends in .yml", args[0])
	}
	return set, nil
}

func checkRules(out io.Writer, args []string) error {
	set, err := packsOf(args)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "rule\tpack\tversion\tmode\ttrips on\tthen")
	incomplete := 0
	for _, r := range set {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", r.ID, r.Pack, r.Version, r.Mode, r.Trips(), r.Then())
		incomplete += min(len(r.Missing()), 1)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range set {
		for _, what := range r.Missing() {
			fmt.Fprintln(out, what)
		}
	}
	if incomplete > 0 {
		fmt.Fprintf(out, "\n%d of %d rules lack a scenario\n", incomplete, len(set))
		return errBroken
	}
	fmt.Fprintf(out, "\n%s can be used\n", counted(uint64(len(set)), "rule"))
	return nil
}

func testRules(out io.Writer, args []string) error {
	set, err := packsOf(args)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\trule\tscenario\trequests\tfound\tcame out")
	broken := 0
	for _, r := range set {
		played, err := r.Play()
		if err != nil {
			return err
		}
		for i := range played {
			p := &played[i]
			mark := "ok"
			if p.Problem != "" {
				mark, broken = "FAIL", broken+1
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\n", mark, r.ID, p.Scenario, p.Requests, p.Times, cameOut(p))
		}
		if n := r.Failed(); n > 0 {
			fmt.Fprintf(t, "\t%s\t\t\t\tits expression could not be evaluated %d times, and was false\n", r.ID, n)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if broken > 0 {
		fmt.Fprintf(out, "\n%d of %d scenarios broke a promise\n", broken, 2*len(set))
		return errBroken
	}
	fmt.Fprintf(out, "\n%d scenarios kept what they promise\n", 2*len(set))
	return nil
}

// cameOut says in a line what a scenario led to.
func cameOut(p *rules.Played) string {
	switch {
	case p.Problem != "":
		return p.Problem
	case p.At == 0:
		return "silent"
	}
	said := fmt.Sprintf("at request %d: %s", p.At, p.Finding.Reason)
	if d := p.Finding.Decision; d != nil {
		said += fmt.Sprintf(" %s %s for %s", d.Action, d.Target, rules.Span(d.Until.Sub(d.From)))
	}
	return said
}
