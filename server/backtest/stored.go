package backtest

import (
	"context"
	"errors"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Store is what is asked for stored traffic, and for the decisions of operators.
type Store interface {
	EachInOrder(ctx context.Context, from, to time.Time, most int, do func(*engine.Exchange) error) (more bool, err error)
	Before(ctx context.Context, at time.Time, rows int) (time.Time, error)
	EachInForce(ctx context.Context, at time.Time, do func(engine.Decision) error) error
}

// How much is read at once, and how much of that from before the window, to learn from.
const (
	MostRows   = 5_000_000
	learnFrom  = 24 * time.Hour
	learnAbout = 200_000
)

// mostAllowed is how many allow entries are looked at.
const mostAllowed = 100_000

var errEnough = errors.New("enough")

// Stored is the traffic of a window as a store has it, with what came just before, and who is
// allowed by operators now.
func Stored(ctx context.Context, s Store, from, to, now time.Time) (Traffic, []engine.Decision, error) {
	begin, err := s.Before(ctx, from, learnAbout)
	if err != nil {
		return nil, nil, err
	}
	if day := from.Add(-learnFrom); begin.Before(day) {
		begin = day
	}
	var allowed []engine.Decision
	err = s.EachInForce(ctx, now, func(d engine.Decision) error {
		if d.Action == engine.Allow {
			allowed = append(allowed, d)
		}
		if len(allowed) == mostAllowed {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, nil, err
	}
	return func(ctx context.Context, do func(*engine.Exchange) error) (bool, error) {
		return s.EachInOrder(ctx, begin, to, MostRows, do)
	}, allowed, nil
}
