package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sentinel-protocol/sentinel/server/incident"
)

// Retention says how long things are kept. Zero means for ever.
type Retention struct {
	Exchanges time.Duration // and figures by the minute, which are kept for two days at least
	Alerts    time.Duration // after they were resolved, with their incidents; decisions after they ended
	Audit     time.Duration
	Rollups   time.Duration // figures by the hour, all that is left of exchanges in the end

	// Size bounds what all tables take together, in bytes: beyond it the oldest exchanges go, then
	// the oldest figures by the minute. SQLite's write-ahead logs, of at most 64 MB each, come on top.
	Size int64
}

// Freed is what Retain deleted and gave back.
type Freed struct {
	Exchanges, Rollups                  int64 // rows
	Alerts, Incidents, Decisions, Audit int64
	Bytes                               int64         // given back to the disk; PostgreSQL uses the room again instead
	Steps                               int           // short ones, between which others wrote
	Longest                             time.Duration // of them: how long a writer had to wait at most
}

const (
	mostOfStep   = 1000 // exchanges or figures deleted at once
	leastOfStep  = 50
	mostRecords  = 250 // alerts and the like, whose writers answer to somebody
	shortPause   = 5 * time.Millisecond
	longStep     = 25 * time.Millisecond // the next is half as big
	leastMinutes = 48 * time.Hour        // of figures by the minute: the dashboard reads them
)

// Retain deletes what has been kept long enough, in short steps with pauses, so that who writes
// meanwhile waits for one step at most, and then gives the room back to the disk. Alerts that are
// open stay, and so do decisions in force and what they were made for. It may be called as often
// as wanted; the calls wait for each other. When ctx ends it stops between two steps.
//
// It works on a thread of its own that gives way to all others.
func (s *Store) Retain(ctx context.Context, r Retention, now time.Time) (Freed, error) {
	s.retaining.Lock()
	defer s.retaining.Unlock()
	k := keeper{store: s, width: mostOfStep}
	done := make(chan error, 1)
	go func() {
		GiveWay()
		done <- k.keep(ctx, r, now)
	}()
	if err := <-done; err != nil {
		return k.freed, fmt.Errorf("retain: %w", err)
	}
	return k.freed, nil
}

// A keeper is one run of Retain.
type keeper struct {
	store *Store
	freed Freed
	width int   // rows or pages of the next step
	from  int64 // no exchange with a lesser ID is left
}

func (k *keeper) keep(ctx context.Context, r Retention, now time.Time) error {
	if err := k.store.present(); err != nil {
		return err
	}
	before := k.freed
	for _, do := range []func() error{
		func() error { return k.keepTraffic(ctx, r, now) },
		func() error { return k.keepRecords(ctx, r, now) },
		func() error { return k.keepSize(ctx, r, now) },
		func() error { return k.giveBack(ctx, r.Size) },
	} {
		if err := do(); err != nil {
			return errors.Join(err, k.tell(context.WithoutCancel(ctx), before, now))
		}
	}
	return k.tell(ctx, before, now)
}

// ago is the time before which things go, the zero time when they stay for ever.
func ago(now time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return now.Add(-d)
}

func (k *keeper) keepTraffic(ctx context.Context, r Retention, now time.Time) error {
	hours := ago(now, r.Rollups)
	minutes := hours
	if cut := ago(now, r.Exchanges); !cut.IsZero() {
		if err := k.exchangesBefore(ctx, idAt(cut, 0)); err != nil {
			return err
		}
		if cut = ago(now, max(r.Exchanges, leastMinutes)); cut.After(minutes) {
			minutes = cut
		}
	}
	if err := k.figuresBefore(ctx, minute, minutes); err != nil {
		return err
	}
	return k.figuresBefore(ctx, hour, hours)
}

func (k *keeper) exchangesBefore(ctx context.Context, cut int64) error {
	err := k.repeat(ctx, func(ctx context.Context, d *database, most int) (bool, error) {
		n, err := k.someExchanges(ctx, d, cut, most)
		return n == int64(most), err
	})
	return errors.Join(err, k.stretches(ctx))
}

// someExchanges deletes the oldest exchanges below an ID.
func (k *keeper) someExchanges(ctx context.Context, d *database, cut int64, most int) (int64, error) {
	last := cut - 1
	err := d.writer().QueryRowContext(ctx, d.bind("SELECT id FROM exchanges WHERE id >= ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"),
		k.from, cut, most-1).Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	n, err := d.delete(ctx, "DELETE FROM exchanges WHERE id >= ? AND id <= ?", k.from, last)
	k.freed.Exchanges += n
	if err == nil && n > 0 {
		k.from = last + 1
	}
	return n, err
}

// stretches forgets those that hold nothing any more. The first that is left begins at 0 again, so
// that every exchange, however late it comes, belongs to one.
func (k *keeper) stretches(ctx context.Context) error {
	if k.from == 0 {
		return nil
	}
	return k.repeat(ctx, func(ctx context.Context, d *database, _ int) (bool, error) {
		tx, err := d.writer().BeginTx(ctx, nil)
		if err != nil {
			return false, err
		}
		defer tx.Rollback() //nolint:errcheck // does nothing after Commit
		for _, query := range []string{
			"DELETE FROM stretches WHERE start < (SELECT max(start) FROM stretches WHERE start <= ?)",
			"UPDATE stretches SET start = 0 WHERE start = (SELECT min(start) FROM stretches) AND start <= ?",
		} {
			if _, err := tx.ExecContext(ctx, d.bind(query), k.from); err != nil {
				return false, err
			}
		}
		k.store.stretches = stretches{} // the writer asks again
		return false, tx.Commit()
	})
}

// figuresBefore deletes roll-ups of one step of time.
func (k *keeper) figuresBefore(ctx context.Context, step int64, cut time.Time) error {
	if cut.IsZero() {
		return nil
	}
	for _, table := range []string{"rollup_paths", "rollup_statuses", "rollup_totals"} {
		err := k.repeat(ctx, func(ctx context.Context, d *database, most int) (bool, error) {
			n, more, err := d.someFigures(ctx, table, step, cut.UnixMilli(), most)
			k.freed.Rollups += n
			return more, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// someFigures deletes the oldest before a time, of at least one minute or hour.
func (d *database) someFigures(ctx context.Context, table string, step, cut int64, most int) (n int64, more bool, err error) {
	before := cut
	err = d.writer().QueryRowContext(ctx, d.bind("SELECT at FROM "+table+" WHERE step = ? AND at < ? ORDER BY at LIMIT 1 OFFSET ?"),
		step, cut, most).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, false, err
	}
	more = err == nil
	n, err = d.delete(ctx, "DELETE FROM "+table+" WHERE step = ? AND at < ?", step, before)
	if more && n == 0 && err == nil { // one minute has more rows than a step should
		n, err = d.delete(ctx, "DELETE FROM "+table+" WHERE step = ? AND at = ?", step, before)
	}
	return n, more, err
}

// keepRecords deletes alerts, incidents, decisions and audit entries.
func (k *keeper) keepRecords(ctx context.Context, r Retention, now time.Time) error {
	var steps []func(context.Context) (int64, error)
	if cut := ago(now, r.Alerts); !cut.IsZero() {
		main, at := k.store.main, cut.UnixMilli()
		steps = append(steps,
			counting(&k.freed.Alerts, func(ctx context.Context) (int64, error) { return main.someAlerts(ctx, at) }),
			counting(&k.freed.Incidents, func(ctx context.Context) (int64, error) {
				return main.delete(ctx, `DELETE FROM incidents WHERE id IN (SELECT id FROM incidents WHERE status = ? AND last_at < ?
					AND NOT EXISTS (SELECT 1 FROM alerts WHERE incident > 0 AND incident = incidents.id) ORDER BY first_at LIMIT ?)`,
					uint8(incident.Resolved), at, mostRecords)
			}),
			func(ctx context.Context) (int64, error) {
				return main.delete(ctx, `DELETE FROM alert_findings WHERE finding IN (SELECT finding FROM alert_findings WHERE alert < 0
					AND NOT EXISTS (SELECT 1 FROM incidents WHERE id = -alert_findings.alert) LIMIT ?)`, mostRecords)
			},
			counting(&k.freed.Decisions, func(ctx context.Context) (int64, error) {
				return main.delete(ctx, `DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE ends_at < ?
					AND id NOT IN (SELECT decision FROM alerts WHERE status = ?) ORDER BY ends_at LIMIT ?)`,
					at, uint8(incident.Open), mostRecords)
			}),
			func(ctx context.Context) (int64, error) {
				return main.delete(ctx, `DELETE FROM hammering WHERE decision IN (SELECT decision FROM hammering WHERE last_at < ?
					AND NOT EXISTS (SELECT 1 FROM decisions WHERE id = hammering.decision) LIMIT ?)`, at, mostRecords)
			})
	}
	if cut := ago(now, r.Audit); !cut.IsZero() {
		steps = append(steps, counting(&k.freed.Audit, func(ctx context.Context) (int64, error) {
			return k.store.main.delete(ctx, `DELETE FROM audit WHERE at < ?
				AND seq <= (SELECT max(seq) FROM (SELECT seq FROM audit ORDER BY seq LIMIT ?) AS oldest)`, cut.UnixMilli(), mostRecords)
		}))
	}
	for _, some := range steps {
		for more := true; more; {
			err := k.step(ctx, func() error {
				n, err := some(ctx)
				more = n >= mostRecords
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func counting(sum *int64, some func(context.Context) (int64, error)) func(context.Context) (int64, error) {
	return func(ctx context.Context) (int64, error) {
		n, err := some(ctx)
		*sum += n
		return n, err
	}
}

// someAlerts deletes alerts that were resolved before a time, with what leads to them.
func (d *database) someAlerts(ctx context.Context, cut int64) (n int64, err error) {
	const old = "(SELECT id FROM alerts WHERE status = ? AND resolved_at > 0 AND resolved_at < ? ORDER BY resolved_at, first_at, id LIMIT ?)"
	args := []any{uint8(incident.Resolved), cut, mostRecords}
	tx, err := d.writer().BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	if _, err := tx.ExecContext(ctx, d.bind("DELETE FROM alert_findings WHERE alert IN "+old), args...); err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, d.bind("DELETE FROM alerts WHERE id IN "+old), args...)
	if err != nil {
		return 0, err
	}
	if n, err = result.RowsAffected(); err != nil {
		return 0, err
	}
	return n, tx.Commit()
}

// tell leaves in the audit log that records were deleted: who looks for them must know why they
// are gone.
func (k *keeper) tell(ctx context.Context, before Freed, now time.Time) error {
	f := k.freed
	if f.Alerts+f.Incidents+f.Decisions+f.Audit == before.Alerts+before.Incidents+before.Decisions+before.Audit {
		return nil
	}
	return k.store.Record(ctx, Batch{Audit: []Entry{{
		At: now, Actor: "system", Verb: "retain", Object: "records",
		Detail: fmt.Sprintf("kept long enough and deleted: %d alerts, %d incidents, %d ended decisions, %d audit entries",
			f.Alerts, f.Incidents, f.Decisions, f.Audit),
	}}})
}

// delete deletes in a transaction of its own and says how many rows.
func (d *database) delete(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := d.writer().ExecContext(ctx, d.bind(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// repeat does steps on traffic until one says that there are no more. With SQLite each has the
// writer's turn.
func (k *keeper) repeat(ctx context.Context, do func(ctx context.Context, d *database, most int) (more bool, err error)) error {
	for more := true; more; {
		err := k.step(ctx, func() (err error) {
			k.store.writing.Lock()
			defer k.store.writing.Unlock()
			d := k.store.traffic.Load()
			if d.gone() {
				more = false
				return nil // the writer puts an empty one in its place
			}
			more, err = do(ctx, d, k.width)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// step does one thing, then leaves twice as long to others, and a moment at least.
func (k *keeper) step(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	began := time.Now()
	if err := do(); err != nil {
		return err
	}
	took := time.Since(began)
	k.freed.Steps++
	k.freed.Longest = max(k.freed.Longest, took)
	switch {
	case took > longStep:
		k.width = max(k.width/2, leastOfStep)
	case took < longStep/4:
		k.width = min(k.width*2, mostOfStep)
	}
	if k.freed.Steps%checkpointEvery == 0 {
		if err := k.checkpoint(ctx, "PASSIVE"); err != nil {
			return err
		}
	}
	pause := time.NewTimer(min(max(2*took, shortPause), time.Second))
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
