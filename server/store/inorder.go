package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// inOrder is how many exchanges are read at once. Nothing is held open between two such looks, so
// that no writer waits for whoever looks through all of them, nor the log for its copy.
const inOrder = 4096

// EachInOrder gives the exchanges of a span to a function, the oldest first and at most so many; an
// error of the function ends it. The function may change what it is given, and keeps
// nothing of it. More says that there was more to give.
func (s *Store) EachInOrder(ctx context.Context, from, to time.Time, most int, do func(*engine.Exchange) error) (more bool, err error) {
	lo, hi := idAt(from, 0), idAt(to, math.MaxInt64)
	batch := make([]Seen, 0, min(inOrder, most+1))
	for given := 0; ; {
		c := conditions{}.and("e.id >= ?", lo).and("e.id < ?", hi)
		read, err := s.traffic.Load().seenInto(ctx, batch[:0], "exchanges e", c, "e.id", min(inOrder, most-given+1))
		if err != nil {
			return false, told("read exchanges", err)
		}
		for i := range read {
			if given == most {
				return true, nil
			}
			if err := do(&read[i].Exchange); err != nil {
				return false, err
			}
			given++
			lo = int64(read[i].ID) + 1
		}
		if len(read) < inOrder {
			return false, nil
		}
	}
}

// Before is when the exchanges begin that come just before a time, about so many of them; the
// beginning of all when there are fewer.
func (s *Store) Before(ctx context.Context, at time.Time, rows int) (time.Time, error) {
	var start int64
	d := s.traffic.Load()
	err := d.read.WithContext(ctx).Raw(`SELECT COALESCE(min(start), 0) FROM
		(SELECT start FROM stretches WHERE start < ? ORDER BY start DESC LIMIT ?) AS last`,
		idAt(at, math.MaxInt64), max(rows/rowsOfStretch, 1)).Scan(&start).Error
	if err != nil {
		return time.Time{}, fmt.Errorf("look for the beginning of traffic: %w", err)
	}
	return time.UnixMilli(start >> idBits).UTC(), nil
}
