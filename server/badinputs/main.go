// Command badinputs runs a file of bad inputs against the built product, and tells by group
// which were handled as the file demands. `make bad-inputs CASES=FILE` starts it.
//
// A case is mapped by its method and by the words in it, never by its name, so that cases which
// nobody here has seen are run as well. What can't be observed counts as not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// errFailed ends the process with 1 after everything has been said.
var errFailed = errors.New("a case failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, errFailed) {
		fmt.Fprintln(os.Stderr, "bad-inputs:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	f := flag.NewFlagSet("bad-inputs", flag.ContinueOnError)
	f.SetOutput(log)
	binary := f.String("binary", "bin/sentinel", "the built product")
	only := f.String("only", "", "groups or IDs, with commas between")
	scale := f.Float64("scale", 0.05, "how many of a load's requests are sent, at least 250,000 of them where there are more; 1: all")
	verbose := f.Bool("v", false, "tell of each case as it ends")
	inside := f.Bool(strings.TrimPrefix(insideFlag, "-"), false, "for the program itself: one case from standard input")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *inside {
		return runInside(ctx, *binary, in, out)
	}
	if f.NArg() != 1 {
		return errors.New("name one file of cases")
	}
	file, err := os.Open(f.Arg(0))
	if err != nil {
		return err
	}
	defer file.Close()
	cases, err := read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Arg(0), err)
	}
	if *only != "" {
		wanted := strings.Split(*only, ",")
		cases = slices.DeleteFunc(cases, func(c badCase) bool { return !slices.Contains(wanted, c.Group) && !slices.Contains(wanted, c.ID) })
	}
	work, err := os.MkdirTemp("", "bad-inputs-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a temporary directory
	fixture, err := newFixture(ctx, *binary, work)
	if err != nil {
		return err
	}
	r := &runner{fixture: fixture, scale: *scale}
	results := r.all(ctx, cases, func(done result) {
		if *verbose {
			fmt.Fprintf(log, "%-8s %-9s %5.1fs %s %s\n", done.ID, done.Verdict, done.took.Seconds(), done.Why, strings.Join(done.Notes, ", "))
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if report(out, cases, results) > 0 {
		return errFailed
	}
	return nil
}

// all runs every case: those that mostly wait and the small ones beside each other, then those
// that measure delays, memory or work, each alone.
func (r *runner) all(ctx context.Context, cases []badCase, told func(result)) []result {
	out := make([]result, len(cases))
	var mu sync.Mutex
	one := func(i int) {
		out[i] = r.one(ctx, cases[i])
		mu.Lock()
		defer mu.Unlock()
		told(out[i])
	}
	small := make(chan int)
	var beside sync.WaitGroup
	for range max(1, min(runtime.NumCPU(), 4)) {
		beside.Go(func() {
			for i := range small {
				one(i)
			}
		})
	}
	var alone []int
	for i, c := range cases {
		if weightOf(c) == waiting {
			beside.Go(func() { one(i) })
		}
	}
	for i, c := range cases {
		switch weightOf(c) {
		case heavy:
			alone = append(alone, i)
		case light:
			small <- i
		case waiting:
		}
	}
	close(small)
	beside.Wait()
	for _, i := range alone {
		if ctx.Err() == nil {
			one(i)
		}
	}
	return out
}

type weight int

const (
	light weight = iota
	waiting
	heavy
)

// weightOf a case says what may run beside it.
func weightOf(c badCase) weight {
	if waits(c) != "" {
		return light
	}
	if number(c.Input, "hold_s", 0) >= 10 || asks(c.Expect, "closed_within_s") {
		return waiting
	}
	if c.How == "load" || asks(c.Expect, "legit") || asks(c.Expect, "cpu") || asks(c.Expect, "rss") || asks(c.Expect, "max_ms") {
		return heavy
	}
	return light
}
