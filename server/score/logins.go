package main

import (
	"compress/gzip"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"
)

// failedRule is the rule that the published limit belongs to.
const failedRule = "failed-authentication"

// logins is a comparison with what an sshd log holds by an exact count.
type logins struct {
	failing, truth int // sources that failed at all, and more often than the limit allows
	tally              // of the failed-authentication rule
	others         int // sources that only other rules flagged
}

// exact compares who the rule found with who was over its limit.
func exact(times map[netip.Addr][]time.Time, r *replayed) *logins {
	l := &logins{failing: len(times)}
	for a, t := range times {
		over, found := failedLogins.over(t), slices.Contains(r.clients[a].rules, failedRule)
		if over {
			l.truth++
		}
		l.add(over, found)
	}
	for a := range r.clients {
		found := slices.Contains(r.clients[a].rules, failedRule)
		if _, failed := times[a]; found && !failed {
			l.add(false, true)
		}
		if !found {
			l.others++
		}
	}
	return l
}

func readFailures(log string) (map[netip.Addr][]time.Time, error) {
	f, err := os.Open(log) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", log, err)
	}
	times, err := failures(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", log, err)
	}
	return times, nil
}
