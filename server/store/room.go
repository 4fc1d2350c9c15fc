package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// checkpointEvery so many steps the write-ahead logs are copied into their files, from beside the
// writers, so that none of them finds much left to copy.
const checkpointEvery = 16

// A Room is what one of the two databases takes.
type Room struct {
	Name  string // sentinel or traffic
	Bytes int64  // on disk, with its write-ahead log
	Free  int64  // of them within, to be used again; unknown (0) with PostgreSQL
}

// Sizes says how much room is taken and since when things are kept.
type Sizes struct {
	Rooms  []Room
	Oldest []Oldest
}

// Oldest is since when a class of things is kept.
type Oldest struct {
	Class string    // exchanges, rollups, alerts, decisions or audit
	At    time.Time // the zero time when there are none
}

// Sizes is quick however much is kept.
func (s *Store) Sizes(ctx context.Context) (Sizes, error) {
	var out Sizes
	for _, d := range []*database{s.main, s.traffic.Load()} {
		r, err := d.room(ctx)
		if err != nil {
			return Sizes{}, fmt.Errorf("measure %s: %w", d.name, err)
		}
		out.Rooms = append(out.Rooms, r)
	}
	for _, c := range []struct {
		class, query string
		db           *database
		shift        int
	}{
		{"exchanges", "SELECT min(id) FROM exchanges", s.traffic.Load(), idBits},
		{"rollups", "SELECT min(at) FROM rollup_totals WHERE step = 3600", s.traffic.Load(), 0},
		{"alerts", "SELECT min(first_at) FROM alerts", s.main, 0},
		{"decisions", "SELECT min(made_at) FROM decisions", s.main, 0},
		{"audit", "SELECT at FROM audit ORDER BY seq LIMIT 1", s.main, 0},
	} {
		var at sql.NullInt64
		if err := c.db.reader().QueryRowContext(ctx, c.query).Scan(&at); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return Sizes{}, fmt.Errorf("ask for the oldest of %s: %w", c.class, err)
		}
		o := Oldest{Class: c.class}
		if at.Valid {
			o.At = instant(at.Int64 >> c.shift)
		}
		out.Oldest = append(out.Oldest, o)
	}
	return out, nil
}

func (d *database) reader() *sql.DB { return d.pools[0] }

// tables of each database, for PostgreSQL, where both may lie among others.
var tables = map[string]string{
	"sentinel": "'alerts', 'alert_findings', 'incidents', 'decisions', 'audit'",
	"traffic":  "'exchanges', 'stretches', 'rollup_totals', 'rollup_paths', 'rollup_statuses'",
}

func (d *database) room(ctx context.Context) (Room, error) {
	r := Room{Name: d.name}
	if d.postgres {
		err := d.reader().QueryRowContext(ctx, `SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
			WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname IN (`+tables[d.name]+`)`).Scan(&r.Bytes)
		return r, err
	}
	p, err := d.pages(ctx)
	if err != nil {
		return r, err
	}
	r.Free = p.free * p.size
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(d.file + suffix)
		switch {
		case err == nil:
			r.Bytes += info.Size()
		case !errors.Is(err, os.ErrNotExist):
			return r, err
		}
	}
	return r, nil
}

// pages of a file of SQLite.
type pages struct{ all, free, size int64 }

func (d *database) pages(ctx context.Context) (p pages, err error) {
	for _, q := range []struct {
		pragma string
		to     *int64
	}{{"page_count", &p.all}, {"freelist_count", &p.free}, {"page_size", &p.size}} {
		if err := d.reader().QueryRowContext(ctx, "PRAGMA "+q.pragma).Scan(q.to); err != nil {
			return p, err
		}
	}
	return p, nil
}

// used is what the rows of a database take, without room that waits to be used again.
func (d *database) used(ctx context.Context) (int64, error) {
	if d.postgres {
		return d.usedByRows(ctx)
	}
	p, err := d.pages(ctx)
	return (p.all - p.free) * p.size, err
}

// usedByRows is an estimate: PostgreSQL does not say how much of a table's file is empty, so that
// the size of the file says nothing about what deleting would help.
func (d *database) usedByRows(ctx context.Context) (int64, error) {
	if d.name != "traffic" {
		r, err := d.room(ctx)
		return r.Bytes, err
	}
	var rows, figures int64
	var width float64
	err := d.reader().QueryRowContext(ctx, `SELECT
		COALESCE((SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = 'exchanges'::regclass), 0),
		COALESCE((SELECT avg(pg_column_size(e.*)) FROM (SELECT * FROM exchanges ORDER BY id DESC LIMIT 200) e), 0),
		pg_total_relation_size('rollup_paths') + pg_total_relation_size('rollup_statuses') + pg_total_relation_size('rollup_totals')`).
		Scan(&rows, &width, &figures)
	return rows*(int64(width)+indexOfRow) + figures, err
}

// indexOfRow is about what an exchange takes in PostgreSQL's indices.
const indexOfRow = 110

// keepSize deletes the oldest exchanges, then figures by the minute, until all fits.
func (k *keeper) keepSize(ctx context.Context, r Retention, now time.Time) error {
	if r.Size <= 0 {
		return nil
	}
	over, row, err := k.over(ctx, r.Size)
	if err != nil || over <= 0 {
		return err
	}
	var left int64 // rows to delete in PostgreSQL, where deleting does not change what is measured
	if k.store.traffic.Load().postgres {
		left = over/max(row, 1) + 1
	}
	err = k.repeat(ctx, func(ctx context.Context, d *database, most int) (bool, error) {
		if d.postgres {
			n, err := k.someExchanges(ctx, d, never, int(min(int64(most), left)))
			left -= n
			return n > 0 && left > 0, err
		}
		n, err := k.someExchanges(ctx, d, never, most)
		if err != nil || n == 0 {
			return false, err
		}
		over, _, err = k.over(ctx, r.Size)
		return over > 0, err
	})
	if err := errors.Join(err, k.stretches(ctx)); err != nil || k.store.traffic.Load().postgres || over <= 0 {
		return err
	}
	if err := k.figuresBefore(ctx, minute, now.Add(-leastMinutes)); err != nil {
		return err
	}
	if over, _, err = k.over(ctx, r.Size); over > 0 && err == nil {
		k.store.log.Warn("what must be kept takes more than the size that is allowed", "bytes_over", over)
	}
	return err
}

// over is by how much all that is kept is too big, and what an exchange takes of it.
func (k *keeper) over(ctx context.Context, size int64) (over, row int64, err error) {
	traffic := k.store.traffic.Load()
	a, err := k.store.main.used(ctx)
	if err != nil {
		return 0, 0, err
	}
	b, err := traffic.used(ctx)
	if err != nil {
		return 0, 0, err
	}
	if traffic.postgres {
		var width float64
		err = traffic.reader().QueryRowContext(ctx,
			"SELECT COALESCE(avg(pg_column_size(e.*)), 0) FROM (SELECT * FROM exchanges ORDER BY id LIMIT 200) e").Scan(&width)
		row = int64(width) + indexOfRow
	}
	return a + b - size, row, err
}

// giveBack returns empty pages to the disk: all but one in fifty, which are soon used again, or
// all of them when the files are too big.
func (k *keeper) giveBack(ctx context.Context, size int64) error {
	if k.store.main.postgres { // its own vacuum makes room for new rows
		return nil
	}
	for _, d := range []*database{k.store.main, k.store.traffic.Load()} {
		if err := k.vacuum(ctx, d, size); err != nil {
			return err
		}
	}
	return k.checkpoint(ctx, "TRUNCATE")
}

func (k *keeper) vacuum(ctx context.Context, d *database, size int64) error {
	var mode int
	if err := d.reader().QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&mode); err != nil {
		return err
	}
	p, err := d.pages(ctx)
	if err != nil {
		return err
	}
	keep := p.all / 50
	if size > 0 && p.all*p.size > size {
		keep = 0
	}
	if p.free <= keep {
		return nil
	}
	if mode != 2 {
		k.store.log.Warn("the file can't shrink while it is open: stop Sentinel and run `sqlite3 FILE 'PRAGMA auto_vacuum = 2; VACUUM'`",
			"file", d.file, "bytes_free", p.free*p.size)
		return nil
	}
	for left := p.free - keep; left > 0; {
		err := k.step(ctx, func() error {
			if d.name == "traffic" {
				k.store.writing.Lock()
				defer k.store.writing.Unlock()
			}
			n, err := d.shrink(ctx, min(left, int64(k.width)))
			left -= max(n, 1)
			if n == 0 {
				left = 0 // others have used what was free
			}
			k.freed.Bytes += n * p.size
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// shrink cuts so many pages off the end of a file and says how many it were. The statement gives
// back a page with each row that is asked of it.
func (d *database) shrink(ctx context.Context, most int64) (n int64, err error) {
	before, err := d.countPages(ctx)
	if err != nil {
		return 0, err
	}
	rows, err := d.writer().QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", most))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() { //nolint:revive // each step is a page
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	after, err := d.countPages(ctx)
	return before - after, err
}

// countPages as the writer sees them.
func (d *database) countPages(ctx context.Context) (n int64, err error) {
	err = d.writer().QueryRowContext(ctx, "PRAGMA page_count").Scan(&n)
	return n, err
}

// checkpoint copies the write-ahead logs into their files. It waits for nobody: what readers still
// need stays in the log until the next time.
func (k *keeper) checkpoint(ctx context.Context, mode string) error {
	if k.store.main.postgres {
		return nil
	}
	for _, d := range []*database{k.store.main, k.store.traffic.Load()} {
		if err := d.checkpoint(ctx, mode); err != nil && !d.gone() {
			return fmt.Errorf("copy the log of %s: %w", d.name, err)
		}
	}
	return nil
}

func (d *database) checkpoint(ctx context.Context, mode string) error {
	beside, err := connect(d.file, 1, map[string]string{"mode": "rw", "_busy_timeout": "10"})
	if err != nil {
		return err
	}
	defer beside.Close()
	for _, m := range []string{"PASSIVE", mode} { // the first leaves little for what shuts others out
		var busy, log, copied int
		if err := beside.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+m+")").Scan(&busy, &log, &copied); err != nil {
			return err
		}
		if m == mode {
			break
		}
	}
	return nil
}
