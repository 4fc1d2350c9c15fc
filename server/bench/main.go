// Command bench measures the engine beside rate limiters that people use instead, in turns
// and in one run, so that what else the machine does falls on all of them. It is a module of its own:
// nobody who builds Sentinel needs the peers.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"text/tabwriter"
)

func main() {
	testing.Init()
	benchtime := flag.String("benchtime", "200ms", "how long each contestant runs in a round, as for go test")
	rounds := flag.Int("rounds", 5, "how many rounds; the median counts")
	flag.Parse()
	if err := flag.Set("test.benchtime", *benchtime); err != nil || *rounds < 1 {
		fmt.Fprintln(os.Stderr, "bench: -benchtime is a duration or a count as in 100x, -rounds at least 1")
		os.Exit(2)
	}
	results := play(contestants(nobody), *rounds)
	for _, r := range results {
		fmt.Fprintln(os.Stdout, r.line())
	}
	fmt.Fprintln(os.Stdout)
	table(os.Stdout, results)
}

// A result is what a contestant needed in each round.
type result struct {
	contestant
	rounds []testing.BenchmarkResult // the fastest first
}

// play lets all take turns.
func play(all []contestant, rounds int) []result {
	results := make([]result, len(all))
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
		for i, c := range all {
			r := testing.Benchmark(c.run)
			if r.N == 0 {
				fmt.Fprintf(os.Stderr, "bench: %s failed\n", c.name)
				os.Exit(1)
			}
			results[i].contestant = c
			results[i].rounds = append(results[i].rounds, r)
		}
	}
	for _, r := range results {
		slices.SortFunc(r.rounds, func(a, b testing.BenchmarkResult) int { return cmp.Compare(perOp(a), perOp(b)) })
	}
	return results
}

func (r result) median() testing.BenchmarkResult { return r.rounds[len(r.rounds)/2] }

func (r result) ns() float64 { return perOp(r.median()) }

func perOp(b testing.BenchmarkResult) float64 {
	return float64(b.T.Nanoseconds()) / float64(max(b.N, 1))
}

// line is what go test -bench would print of the median round.
func (r result) line() string {
	m := r.median()
	return fmt.Sprintf("Benchmark%s-%d\t%s\t%s", r.name, runtime.GOMAXPROCS(0), m.String(), m.MemString())
}

// table compares the medians: a ratio below 1 is that much of the peer's time.
func table(to io.Writer, results []result) {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "what\twho\tns/op\tfastest\tslowest\tallocs/op\tsentinel takes\t")
	for _, r := range results {
		ratio := ""
		if i := slices.IndexFunc(results, func(o result) bool { return o.row == r.row && o.who == ours && r.who != ours }); i >= 0 {
			ratio = fmt.Sprintf("%.2f of its time", results[i].ns()/r.ns())
		}
		what := r.row
		if what == "" {
			what = r.name
		}
		fmt.Fprintf(out, "%s\t%s\t%.0f\t%.0f\t%.0f\t%d\t%s\t\n", what, r.who, r.ns(),
			perOp(r.rounds[0]), perOp(r.rounds[len(r.rounds)-1]), r.median().AllocsPerOp(), ratio)
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	fmt.Fprint(to, `
Medians of rounds in which all take turns, 10,000 clients.
Exchange    Decide and Observe with every rule on: lists, decoys, exact windows, payments.
count       one request counted: Decide; Status and Increment; Get. The engine's window slides
            and is exact, httprate's is two weighted counters, ulule's is fixed.
middleware  the same around an empty handler; the engine's also observes the answer.
`)
}
