package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The ID of an exchange is its time in milliseconds and, in the lowest bits, what tells it from
// others of that millisecond.
const idBits = 20

// As long as the engine lets them be; longer ones are cut.
const (
	mostOfPath  = 2048
	mostOfAgent = 256
)

const exchangeColumns = "e.id, e.stretch, e.client, e.client_key, e.key_prefix, e.method, e.path, e.folded, e.route, " +
	"e.user_agent, e.status, e.took_us, e.bytes, e.exempt, e.refused, e.cause, e.monitored, " +
	"e.account, e.session, e.session_prefix, e.flags, e.would"

const columnsOfExchange = 22

// together are the sizes of the statements that a batch is cut into, greatest first.
var together = [...]int{100, 10, 1}

// WriteExchanges writes a batch and adds it to the roll-ups, whole or not at all. An exchange
// that is there already is neither written nor counted again, so after an error the same batch
// may be given again. A database that turns out to be damaged, or gone, is replaced by an empty
// one (SetAside), and the batch goes there.
func (s *Store) WriteExchanges(ctx context.Context, batch []Seen) error {
	if len(batch) == 0 {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	d := s.traffic.Load()
	if d.gone() {
		if err := s.renewTraffic(ctx, fmt.Errorf("%s: %w", d.file, os.ErrNotExist)); err != nil {
			return d.wrote("replace traffic", err)
		}
		d = s.traffic.Load()
	}
	err := s.writeExchanges(ctx, d, batch)
	if damaged(err) {
		if err := s.renewTraffic(ctx, err); err != nil {
			return d.wrote("replace traffic", err)
		}
		d = s.traffic.Load()
		err = s.writeExchanges(ctx, d, batch)
	}
	return d.wrote("write exchanges", err)
}

func (s *Store) writeExchanges(ctx context.Context, d *database, batch []Seen) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !d.postgres {
		// Watching for an end costs more than the few milliseconds that there are to save.
		ctx = context.WithoutCancel(ctx)
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	tx, err := d.writer().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	if d.postgres {     // nodes take turns
		_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtext('sentinel traffic ' || current_schema()))")
		if err != nil {
			return err
		}
	}
	known := s.stretches // what a failed transaction adds to it is forgotten with it
	if err := known.refresh(ctx, tx, d); err != nil {
		return err
	}
	if err := known.next(ctx, tx, d, s.full); err != nil {
		return err
	}
	added, err := d.insert(ctx, tx, &known, batch)
	if err != nil {
		return err
	}
	if added != len(batch) { // rare: take this back, and leave out what is known
		if err := tx.Rollback(); err != nil {
			return err
		}
		if batch, err = d.unknown(ctx, batch); err != nil || len(batch) == 0 {
			return err
		}
		return s.writeExchanges(ctx, d, batch)
	}
	roll := rollUp(batch)
	if err := s.slots.admit(ctx, tx, d, roll); err != nil {
		return err
	}
	if err := d.addRollUps(ctx, tx, roll); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.stretches = known
	s.slots.keep(roll)
	return nil
}

// insert writes the rows that are not there yet and says how many they were.
func (d *database) insert(ctx context.Context, tx *sql.Tx, known *stretches, batch []Seen) (added int, err error) {
	args := make([]any, 0, together[0]*columnsOfExchange)
	for i, n := range together {
		if len(batch) < n {
			continue
		}
		st := tx.StmtContext(ctx, d.insertions[i]) //nolint:sqlclosecheck // ends with the transaction
		for ; len(batch) >= n; batch = batch[n:] {
			args = args[:0]
			for j := range n {
				args = appendExchange(args, known.take(int64(batch[j].ID)), &batch[j])
			}
			rows, err := d.execute(ctx, tx, st, args)
			if err != nil {
				return 0, err
			}
			added += int(rows)
		}
	}
	return added, nil
}

// execute runs a statement of insert and says how many rows it wrote. SQLite's driver hands over
// what is asked, unlike what is only executed, with all its values at once, and a row has many.
func (d *database) execute(ctx context.Context, tx *sql.Tx, st *sql.Stmt, args []any) (n int64, err error) {
	if d.postgres {
		result, err := st.ExecContext(ctx, args...)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	for rows.Next() { // there is none, and the end has to be seen
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil { //nolint:sqlclosecheck // over before the connection is asked again
		return 0, err
	}
	err = tx.StmtContext(ctx, d.changes).QueryRowContext(ctx).Scan(&n) //nolint:sqlclosecheck // ends with the transaction
	return n, err
}

// prepare makes the statements of insert, before a transaction takes the only connection.
func (d *database) prepare(ctx context.Context) error {
	if d.insertions[len(together)-1] != nil {
		return nil
	}
	if !d.postgres {
		st, err := d.writer().PrepareContext(ctx, "SELECT changes()") //nolint:sqlclosecheck // as those below
		if err != nil {
			return err
		}
		d.changes = st
	}
	insert := "INSERT INTO exchanges (" + strings.ReplaceAll(exchangeColumns, "e.", "") + ") VALUES "
	row := "(" + strings.Repeat("?, ", columnsOfExchange-1) + "?), "
	for i, n := range together {
		rows := strings.TrimSuffix(strings.Repeat(row, n), ", ")
		//nolint:sqlclosecheck // kept as long as the database is open
		st, err := d.writer().PrepareContext(ctx, d.bind(insert+rows+" ON CONFLICT (id) DO NOTHING"))
		if err != nil {
			return err
		}
		d.insertions[i] = st
	}
	return nil
}

// appendExchange appends the values of exchangeColumns.
func appendExchange(args []any, stretch int64, x *Seen) []any {
	path := clip(x.Path, mostOfPath)
	folded := clip(x.Folded, mostOfPath)
	route := clip(x.Route, mostOfPath)
	var foldedOrNull, routeOrNull, hash, session, flags any
	if folded != path {
		foldedOrNull = folded
	}
	if route != folded {
		routeOrNull = route
	}
	if !x.Key.Zero() {
		hash = x.Key.Hash[:]
	}
	if !x.Session.Zero() {
		session = x.Session.Hash[:]
	}
	if x.Flags != 0 {
		flags = int64(x.Flags)
	}
	client := x.Client.As16()
	return append(args, int64(x.ID), stretch, client[:], hash, clip(x.Key.Prefix, mostOfAgent), clip(x.Method, mostOfAgent),
		path, foldedOrNull, routeOrNull, clip(x.UserAgent, mostOfAgent), int64(x.Status), x.Took.Microseconds(), x.Bytes,
		bit(x.Exempt), bit(x.Refused), clip(x.Cause, mostOfAgent), bit(x.Monitored),
		orNull(x.Account), session, orNull(x.Session.Prefix), flags, orNull(x.Would))
}

// orNull is NULL for no text.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return clip(s, mostOfAgent)
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// unknown leaves out of a batch what is stored already, and what it holds twice.
func (d *database) unknown(ctx context.Context, batch []Seen) ([]Seen, error) {
	known := make(map[uint64]bool, len(batch))
	for part := range slices.Chunk(batch, 500) {
		ids := make([]int64, len(part))
		for i := range part {
			ids[i] = int64(part[i].ID)
		}
		var found []uint64
		err := d.write.WithContext(ctx).Raw("SELECT id FROM exchanges WHERE id IN ?", ids).Scan(&found).Error
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			known[id] = true
		}
	}
	var rest []Seen
	for i := range batch {
		if !known[batch[i].ID] {
			known[batch[i].ID] = true
			rest = append(rest, batch[i])
		}
	}
	return rest, nil
}
