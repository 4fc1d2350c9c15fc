package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
)

// A stretch is some rows that follow each other in time; see the migration that made its table.
type stretch struct{ id, start int64 }

// rowsOfStretch are after how many rows the next one begins. A batch is not divided, so a stretch may
// be longer by one.
const rowsOfStretch = 8192

// stretches are what the writer knows of them. The zero value knows nothing yet.
type stretches struct {
	all  []stretch // by start
	rows int       // in the newest
}

// refresh learns what is new: everything at first, and with PostgreSQL what other nodes began.
func (s *stretches) refresh(ctx context.Context, tx *sql.Tx, d *database) error {
	if len(s.all) > 0 && !d.postgres {
		return nil
	}
	from := int64(-1)
	if len(s.all) > 0 {
		from = s.all[len(s.all)-1].start
	}
	rows, err := tx.QueryContext(ctx, d.bind("SELECT id, start FROM stretches WHERE start > ? ORDER BY start"), from)
	if err != nil {
		return err
	}
	defer rows.Close()
	fresh := false
	for rows.Next() {
		var one stretch
		if err := rows.Scan(&one.id, &one.start); err != nil {
			return err
		}
		s.all, fresh = append(s.all, one), true
	}
	if err := rows.Err(); err != nil || !fresh {
		return err
	}
	return tx.QueryRowContext(ctx, d.bind("SELECT count(*) FROM exchanges WHERE stretch = ?"), s.all[len(s.all)-1].id).Scan(&s.rows)
}

// next begins a new stretch when the newest has so many rows, behind all that is stored.
func (s *stretches) next(ctx context.Context, tx *sql.Tx, d *database, full int) error {
	if s.rows < full {
		return nil
	}
	var newest int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(max(id), 0) FROM exchanges").Scan(&newest); err != nil {
		return err
	}
	if newest < s.all[len(s.all)-1].start { // what it held was not kept any longer
		s.rows = 0
		return nil
	}
	one := stretch{s.all[len(s.all)-1].id + 1, newest + 1}
	if _, err := tx.ExecContext(ctx, d.bind("INSERT INTO stretches (id, start) VALUES (?, ?)"), one.id, one.start); err != nil {
		return err
	}
	s.all, s.rows = append(s.all, one), 0
	return nil
}

// take puts an exchange into the stretch that it belongs to: one that was answered late comes
// when its stretch is not the newest any more.
func (s *stretches) take(id int64) int64 {
	last := s.all[len(s.all)-1]
	if id >= last.start {
		s.rows++
		return last.id
	}
	i, found := slices.BinarySearchFunc(s.all, id, func(one stretch, id int64) int { return cmp.Compare(one.start, id) })
	if !found {
		i = max(i-1, 0)
	}
	return s.all[i].id
}
