// Command score replays logs that others labelled through the built product and tells how well it
// found who is in them. `make score DATA=DIR` starts it; docs/SCORE.md says what is measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "score:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	f := flag.NewFlagSet("score", flag.ContinueOnError)
	f.SetOutput(log)
	binary := f.String("binary", "bin/sentinel", "the built product")
	data := f.String("data", "", "directory of NAME_apache_combined.log.gz and NAME_auth.log.gz, with NAME_labels.csv beside")
	rules := f.String("rules", "", "directory of rule packs that replay judges by, instead of the program's own")
	learned := f.Bool("learned-only", false, "replay without lists of paths: without packs and names of software")
	apart := f.String("apart", "honey*", "names of labelled sets in which nothing is legitimate, with commas between: shown apart, not pooled")
	tracks := f.Bool("made", true, "play made traffic too: attacks that the logs at hand do not hold")
	honest := f.Int("honest", 0, "play so many made honest requests too, as 10000000, and tell whom they would have cost")
	wrong := f.Bool("wrong", false, "name those who were flagged wrongly, with what was said about them, and those who were missed")
	all := f.Bool("all", false, "score every source, not only those first seen in the last 40 % of a log's time")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || *data == "" {
		return errors.New("name the directory of the logs with -data, and nothing else")
	}
	for pattern := range strings.SplitSeq(*apart, ",") {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("-apart %q is no pattern of names", pattern)
		}
	}
	if _, err := exec.LookPath(*binary); err != nil {
		return fmt.Errorf("%s can't be run: build it with make build (%w)", *binary, err)
	}
	sets, odd, err := find(*data)
	if err != nil {
		return err
	}
	for _, o := range odd {
		fmt.Fprintf(log, "score: passed over: %s\n", o)
	}
	var named io.Writer
	if *wrong {
		named = log
	}
	p, err := readPeers()
	if err != nil {
		return err
	}
	b := &board{all: *all, peers: p, apart: func(name string) bool { return oneOf(*apart, name) }}
	// Replays go first: what a process is told to have held begins with what its parent holds.
	said := make([]*replayed, len(sets))
	for i, s := range sets {
		if said[i], err = replay(ctx, *binary, *rules, *learned, s); err != nil {
			return err
		}
	}
	for i, s := range sets {
		sc, err := measure(ctx, s, said[i], *all)
		if err != nil {
			return err
		}
		b.scores = append(b.scores, sc)
		sc.nameWrong(named)
	}
	if err := b.anomalies(ctx, *binary); err != nil {
		return err
	}
	if err := (player{*binary, *rules, *tracks, *honest, named}).play(ctx, &b.made); err != nil {
		return err
	}
	return b.print(out)
}

// oneOf reports whether a name matches one of the patterns.
func oneOf(patterns, name string) bool {
	for pattern := range strings.SplitSeq(patterns, ",") {
		if ok, _ := path.Match(pattern, name); ok { // the patterns were tried when they were given
			return true
		}
	}
	return false
}
