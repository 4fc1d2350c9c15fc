package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// rounds has everybody take turns until enough rounds were quiet, which play measures in turn.
// Where others use the machine all the time it takes what it got, and says so.
func (f *processes) rounds(what string, o options, play func() error, forget func()) error {
	const most = 4 // times as many
	loud := 0.0
	for done, tries := 0, 0; done < o.rounds; tries++ {
		fmt.Fprintf(os.Stderr, "%s, round %d of %d\n", what, done+1, o.rounds)
		before := f.clock()
		if err := play(); err != nil {
			return err
		}
		share := f.clock().others(before)
		if share > o.quiet && tries < (most-1)*o.rounds {
			forget()
			continue
		}
		done++
		loud = max(loud, share)
	}
	if loud > o.quiet {
		fmt.Fprintf(os.Stdout, "Not quiet: others had up to %.0f %% of the machine. Don't trust these figures.\n", 100*loud)
	}
	return nil
}

// A clock is how much of the machine was used, and how much of that by what is measured here.
type clock struct{ all, used, ours time.Duration }

// others is the share of the machine that everybody else has had since.
func (c clock) others(since clock) float64 {
	foreign := c.used - since.used - (c.ours - since.ours)
	return max(0, foreign.Seconds()/max((c.all-since.all).Seconds(), 1e-9))
}

func (f *processes) clock() clock {
	var c clock
	stat, _ := os.ReadFile("/proc/stat") //nolint:errcheck // it is there wherever taskset is
	line, _, _ := strings.Cut(string(stat), "\n")
	for i, text := range strings.Fields(line)[1:9] { // user nice system idle iowait irq softirq steal
		n, _ := strconv.Atoi(text) //nolint:errcheck // the kernel wrote it
		c.all += time.Duration(n) * tick
		if i != 3 && i != 4 {
			c.used += time.Duration(n) * tick
		}
	}
	for _, pid := range f.pids {
		c.ours += spent(pid)
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			c.ours += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return c
}
