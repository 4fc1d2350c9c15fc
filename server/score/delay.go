package main

import (
	"sort"
	"time"
)

// A delay is what a hostile source got done before it was flagged.
type delay struct {
	requests int // hostile ones up to the flag, that one included: at most
	seconds  float64
}

// until says how long a source went on. Labels tell when its hostile requests began and how many
// there were, but not which. So all requests between the first hostile one and the flag count, up
// to that number; a log that tells only seconds makes no difference within one. Who was flagged
// before it did anything hostile is flagged at once.
func until(requests []time.Time, intent time.Time, intents int, flagged time.Time) delay {
	if flagged.Before(intent) {
		return delay{}
	}
	from := sort.Search(len(requests), func(i int) bool { return !requests[i].Before(intent) })
	// The log's clock may be coarser than the verdict's, never finer.
	to := sort.Search(len(requests), func(i int) bool { return requests[i].After(flagged) })
	return delay{min(to-from, intents), flagged.Sub(intent).Seconds()}
}
