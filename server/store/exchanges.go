package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// How much one question about exchanges may look at. A rare filter over millions of rows is
// answered in several pages, some of them short, rather than in one that takes seconds.
const (
	longSearch      = 150 * time.Millisecond
	mostStretches   = 2000
	stretchesAtOnce = 16 // when the index narrows down
)

// Exchanges are listed by ID, which is by time, newest first. A filter that matches little may
// end its page early: then More is set, and Next goes on where the search stopped.
func (s *Store) Exchanges(ctx context.Context, f ExchangeFilter, p Page) (Slice[Seen], error) {
	if err := p.check(); err != nil {
		return Slice[Seen]{}, err
	}
	out, err := s.exchanges(ctx, f, p)
	return out, told("read exchanges", err)
}

// EachExchange gives each exchange to a function, as Exchanges lists them, without holding
// anything open meanwhile; an error of the function ends it.
func (s *Store) EachExchange(ctx context.Context, f ExchangeFilter, do func(Seen) error) error {
	return each(func(p Page) (Slice[Seen], error) { return s.Exchanges(ctx, f, p) }, do)
}

// Exchange finds one; ErrNotFound when there is none, or when it is not kept any more.
func (s *Store) Exchange(ctx context.Context, id uint64) (Seen, error) {
	if id > math.MaxInt64 {
		return Seen{}, fmt.Errorf("exchange: %w", ErrNotFound)
	}
	found, err := s.traffic.Load().seen(ctx, "exchanges e", conditions{}.and("e.id = ?", int64(id)), "e.id", 1)
	if err != nil {
		return Seen{}, fmt.Errorf("read exchange: %w", err)
	}
	if len(found) == 0 {
		return Seen{}, fmt.Errorf("exchange: %w", ErrNotFound)
	}
	return found[0], nil
}

// conditions all hold.
type conditions struct {
	sql  []string
	args []any
}

func (c conditions) and(sql string, args ...any) conditions {
	return conditions{append(slices.Clip(c.sql), sql), append(slices.Clip(c.args), args...)}
}

func (c conditions) String() string { return strings.Join(c.sql, " AND ") }

// A search looks through exchanges from the newest to the oldest.
type search struct {
	db     *database
	lo, hi int64      // IDs: at least lo, below hi
	client conditions // what an index narrows down to: a client or an account
	filter conditions // what each row must be asked
}

func (s *Store) exchanges(ctx context.Context, f ExchangeFilter, p Page) (Slice[Seen], error) {
	q := search{db: s.traffic.Load(), lo: idAt(f.From, 0), hi: idAt(f.To, math.MaxInt64)}
	if p.After != "" {
		from, err := parseCursor('x', p.After)
		if err != nil {
			return Slice[Seen]{}, err
		}
		q.hi = min(q.hi, from.at)
	}
	if f.Client.IsValid() {
		q.client = within(f.Client)
	}
	if f.Account != "" {
		account := ofAccount(f.Account)
		if f.Client.IsValid() { // one index is enough
			q.filter = account
		} else {
			q.client = account
		}
	}
	var err error
	if q.filter, err = q.db.exchangeFilter(q.filter, f); err != nil {
		return Slice[Seen]{}, err
	}
	return q.run(ctx, p.First)
}

// within is the condition that an exchange's client is of a network.
func within(n netip.Prefix) conditions {
	lo, hi := bounds(n)
	if bytes.Equal(lo, hi) {
		return conditions{}.and("e.client = ?", lo)
	}
	return conditions{}.and("e.client >= ?", lo).and("e.client <= ?", hi)
}

// ofAccount is the condition that an exchange claims to act for an account.
func ofAccount(account string) conditions {
	return conditions{}.and("e.account = ?", clip(account, mostOfAgent))
}

// idAt is the least ID of a time.
func idAt(t time.Time, otherwise int64) int64 {
	if t.IsZero() {
		return otherwise
	}
	return min(max(t.UnixMilli(), 0), math.MaxInt64>>idBits) << idBits
}

// exchangeFilter adds what each row must be asked.
func (d *database) exchangeFilter(c conditions, f ExchangeFilter) (conditions, error) {
	if f.KeyPrefix != "" {
		c = c.and("substr(e.key_prefix, 1, ?) = ?", len([]rune(f.KeyPrefix)), clean(f.KeyPrefix))
	}
	if !f.Key.Zero() {
		c = c.and("e.client_key = ?", keyHash(f.Key))
	}
	if len(f.Methods) > 0 {
		methods := make([]string, len(f.Methods))
		for i, m := range f.Methods {
			methods[i] = clean(m)
		}
		c = c.and("e.method IN ?", methods)
	}
	if f.Status != 0 {
		c = c.and("e.status = ?", f.Status)
	}
	if f.Class != 0 {
		c = c.and("e.status >= ? AND e.status < ?", f.Class*100, f.Class*100+100)
	}
	if f.Refused != nil {
		c = c.and("e.refused = ?", bit(*f.Refused))
	}
	if f.Monitored != nil {
		c = c.and("e.monitored = ?", bit(*f.Monitored))
	}
	if len(f.Path) > mostOfPath+1 {
		return c, Invalid{Field: "path", Problem: fmt.Sprintf("must be at most %d bytes long", mostOfPath)}
	}
	if whole, ok := strings.CutPrefix(f.Path, "="); ok {
		c = c.and("COALESCE(e.folded, e.path) = ?", clean(whole))
	} else if f.Path != "" {
		c = c.and(d.contains("e.path"), pattern(f.Path))
	}
	return c, nil
}

// run looks at stretch after stretch until the page is full, all is seen, or it took long enough.
func (q search) run(ctx context.Context, first int) (out Slice[Seen], err error) {
	if len(q.client.sql)+len(q.filter.sql) == 0 { // every row counts: one look is enough
		found, err := q.look(ctx, 0, q.hi, first+1)
		return q.page(found, first, 0), err
	}
	starts, err := q.starts(ctx)
	if err != nil {
		return out, err
	}
	var found []Seen
	began, hi, width := time.Now(), q.hi, 1
	for len(starts) > 0 {
		width = min(width, len(starts))
		lo := starts[width-1]
		starts = starts[width:]
		more, err := q.look(ctx, lo, hi, first+1-len(found))
		if err != nil {
			return out, err
		}
		found, hi = append(found, more...), lo
		if len(found) > first || lo <= q.lo {
			return q.page(found, first, 0), nil
		}
		if time.Since(began) > longSearch {
			break
		}
		if len(q.client.sql) > 0 {
			width = min(width*2, stretchesAtOnce)
		}
	}
	return q.page(found, first, hi), nil
}

// starts are where the stretches begin that the search may look at, newest first.
func (q search) starts(ctx context.Context) (out []int64, err error) {
	err = q.db.read.WithContext(ctx).Raw(`SELECT start FROM stretches WHERE start < ? AND
		start >= COALESCE((SELECT max(start) FROM stretches WHERE start <= ?), 0) ORDER BY start DESC LIMIT ?`,
		q.hi, q.lo, mostStretches).Scan(&out).Error
	return out, err
}

// look reads what matches in the stretches that begin from start on, below hi.
func (q search) look(ctx context.Context, start, hi int64, most int) (out []Seen, err error) {
	from, order := "exchanges e", "e.id DESC"
	c := conditions{}.and("e.id >= ?", max(start, q.lo)).and("e.id < ?", hi)
	if len(q.client.sql) > 0 {
		// CROSS: SQLite is to go from stretch to stretch, and into the index for each.
		from, order = "stretches s CROSS JOIN exchanges e", "s.start DESC, e.id DESC"
		c = c.and("s.start >= ?", start).and("s.start < ?", hi).and("e.stretch = s.id").and(q.client.String(), q.client.args...)
	}
	if len(q.filter.sql) > 0 {
		c = c.and(q.filter.String(), q.filter.args...)
	}
	return q.db.seen(ctx, from, c, order, most)
}

// page makes a page of what was found; rest, unless 0, is where the search has come to.
func (q search) page(found []Seen, first int, rest int64) (out Slice[Seen]) {
	if len(found) > first {
		found, out.More = found[:first], true
	}
	out.Items = found
	for i := range found {
		out.Cursors = append(out.Cursors, cursor('x', place{at: int64(found[i].ID)}))
	}
	switch {
	case out.More:
		out.Next = out.Cursors[first-1]
	case rest > 0:
		out.More, out.Next = true, cursor('x', place{at: rest})
	}
	return out
}

// seen reads exchanges.
func (d *database) seen(ctx context.Context, from string, c conditions, order string, most int) ([]Seen, error) {
	return d.seenInto(ctx, nil, from, c, order, most)
}

// seenInto appends them.
func (d *database) seenInto(ctx context.Context, out []Seen, from string, c conditions, order string, most int) (_ []Seen, err error) {
	rows, err := d.read.WithContext(ctx).Raw("SELECT "+exchangeColumns+" FROM "+from+" WHERE "+c.String()+
		" ORDER BY "+order+" LIMIT ?", append(c.args, most)...).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		x, err := scanExchange(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

func scanExchange(rows *sql.Rows) (x Seen, err error) {
	var id, stretch, took int64
	var client, hash, session sql.RawBytes
	var folded, route, account, sessionPrefix, would sql.NullString
	var flags sql.NullInt64
	err = rows.Scan(&id, &stretch, &client, &hash, &x.Key.Prefix, &x.Method, &x.Path, &folded, &route, &x.UserAgent,
		&x.Status, &took, &x.Bytes, &x.Exempt, &x.Refused, &x.Cause, &x.Monitored,
		&account, &session, &sessionPrefix, &flags, &would)
	x.ID, x.At = uint64(id), time.UnixMilli(id>>idBits).UTC()
	x.Client, x.Key = parseAddress(client), key(hash, x.Key.Prefix)
	x.Account, x.Session = account.String, key(session, sessionPrefix.String)
	x.Flags, x.Would = engine.Flags(flags.Int64), would.String
	x.Folded, x.Route = x.Path, x.Path
	if folded.Valid {
		x.Folded, x.Route = folded.String, folded.String
	}
	if route.Valid {
		x.Route = route.String
	}
	x.Took = time.Duration(took) * time.Microsecond
	return x, err
}
