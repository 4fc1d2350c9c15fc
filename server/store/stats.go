package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// Spans of time are read from roll-ups and so made of whole minutes: a minute belongs to the
// span in which it ends. One that ends now holds the minute that has just begun, and the span
// before it shares no minute with it.

// Stats are the figures of a span of time.
func (s *Store) Stats(ctx context.Context, from, to time.Time) (Stats, error) {
	var traffic, found Stats // a scan begins by emptying what it fills
	source, args := spans("rollup_totals", "requests, failed, refused", from, to)
	err := s.traffic.Load().read.WithContext(ctx).Raw("SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) AS requests, "+
		"CAST(COALESCE(SUM(failed), 0) AS BIGINT) AS failed, CAST(COALESCE(SUM(refused), 0) AS BIGINT) AS refused FROM "+source,
		args...).Scan(&traffic).Error
	if err != nil {
		return Stats{}, fmt.Errorf("read stats: %w", err)
	}
	begin, end := from.UnixMilli(), to.UnixMilli()
	err = s.main.read.WithContext(ctx).Raw(`SELECT
		(SELECT count(*) FROM alerts WHERE status = ? AND first_at < ?) +
		(SELECT count(*) FROM alerts WHERE resolved_at >= ? AND first_at < ?) AS alerts,
		(SELECT count(*) FROM alerts WHERE first_at >= ? AND first_at < ?) AS raised,
		(SELECT count(*) FROM (SELECT DISTINCT network, target_key, target_account FROM decisions
			WHERE ends_at > ? AND action = ? AND made_at < ?) AS targets) AS blocked`,
		uint8(incident.Open), end, end, end, begin, end, end, uint8(engine.Block), end).
		Scan(&found).Error
	if err != nil {
		return Stats{}, fmt.Errorf("read stats: %w", err)
	}
	found.Requests, found.Failed, found.Refused = traffic.Requests, traffic.Failed, traffic.Refused
	return found, nil
}

// Timeline cuts a span of time into steps of whole minutes and gives every one, also those in
// which nothing happened. A step belongs to the span in which it ends, and begins at a multiple
// of its length since 1970.
func (s *Store) Timeline(ctx context.Context, from, to time.Time, step time.Duration) ([]Point, error) {
	if step < time.Minute || step%time.Minute != 0 {
		return nil, Invalid{Field: "step", Problem: "must be whole minutes, at least one"}
	}
	width := step.Milliseconds()
	begin, end := up(from.UnixMilli(), width), up(to.UnixMilli(), width)
	n := max((end-begin)/width, 0)
	if n > mostPoints {
		return nil, Invalid{Field: "step", Problem: fmt.Sprintf("gives more than %d points", mostPoints)}
	}
	out := make([]Point, n)
	for i := range out {
		out[i].At = time.UnixMilli(begin + int64(i)*width).UTC()
	}
	unit := int64(minute)
	if step%time.Hour == 0 {
		unit = hour
	}
	err := s.traffic.Load().buckets(ctx, `SELECT at / ?, CAST(SUM(requests) AS BIGINT), CAST(SUM(failed) AS BIGINT), CAST(SUM(refused) AS BIGINT)
		FROM rollup_totals WHERE step = ? AND at >= ? AND at < ? GROUP BY 1`, []any{width, unit, begin, end},
		func(n int64, sums [3]int64) {
			p := &out[n-begin/width]
			p.Requests, p.Failed, p.Refused = sums[0], sums[1], sums[2]
		})
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	err = s.main.buckets(ctx, "SELECT first_at / ?, count(*), 0, 0 FROM alerts WHERE first_at >= ? AND first_at < ? GROUP BY 1",
		[]any{width, begin, end}, func(n int64, sums [3]int64) { out[n-begin/width].Alerts = sums[0] })
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	return out, nil
}

// buckets reads rows of a number and three sums.
func (d *database) buckets(ctx context.Context, query string, args []any, do func(n int64, sums [3]int64)) (err error) {
	rows, err := d.read.WithContext(ctx).Raw(query, args...).Rows()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int64
		var sums [3]int64
		if err := rows.Scan(&n, &sums[0], &sums[1], &sums[2]); err != nil {
			return err
		}
		do(n, sums)
	}
	return rows.Err()
}

// mostPoints of a timeline: a month of half hours, a day of minutes.
const mostPoints = 1500

// TopEndpoints are the paths with most requests, at most n. Paths beyond those that a minute or
// an hour tells apart are together in OtherPaths.
func (s *Store) TopEndpoints(ctx context.Context, from, to time.Time, n int) ([]Endpoint, error) {
	var sums []struct {
		Path                            string
		Requests, Failed, Refused, Took int64
	}
	source, args := spans("rollup_paths", "path, requests, failed, refused, took_us", from, to)
	err := s.traffic.Load().read.WithContext(ctx).Raw(`SELECT path, CAST(SUM(requests) AS BIGINT) AS requests,
		CAST(SUM(failed) AS BIGINT) AS failed, CAST(SUM(refused) AS BIGINT) AS refused, CAST(SUM(took_us) AS BIGINT) AS took
		FROM `+source+` GROUP BY path ORDER BY 2 DESC, 1 LIMIT ?`, append(args, n)...).Scan(&sums).Error
	if err != nil {
		return nil, fmt.Errorf("read endpoints: %w", err)
	}
	out := make([]Endpoint, len(sums))
	for i, e := range sums {
		out[i] = Endpoint{e.Path, e.Requests, e.Failed, e.Refused, time.Duration(e.Took/max(e.Requests, 1)) * time.Microsecond}
	}
	return out, nil
}

// StatusMix counts the answers of each status, the least status first.
func (s *Store) StatusMix(ctx context.Context, from, to time.Time) ([]StatusCount, error) {
	var out []StatusCount
	source, args := spans("rollup_statuses", "status, requests", from, to)
	err := s.traffic.Load().read.WithContext(ctx).Raw("SELECT status, CAST(SUM(requests) AS BIGINT) AS requests FROM "+
		source+" GROUP BY status ORDER BY status", args...).Scan(&out).Error
	if err != nil {
		return nil, fmt.Errorf("read status mix: %w", err)
	}
	return out, nil
}

// up rounds a time up to a multiple of a width.
func up(ms, width int64) int64 { return (max(ms, 0) + width - 1) / width * width }

// spans selects columns of a roll-up over a span of time: hours where they are whole, minutes
// at both ends.
func spans(table, columns string, from, to time.Time) (source string, args []any) {
	begin, end := up(from.UnixMilli(), minute*1000), up(to.UnixMilli(), minute*1000)
	firstHour, lastHour := up(begin, hour*1000), end-end%(hour*1000)
	parts := [][3]int64{{minute, begin, end}}
	if firstHour < lastHour {
		parts = [][3]int64{{minute, begin, firstHour}, {hour, firstHour, lastHour}, {minute, lastHour, end}}
	}
	var selects []string
	for _, p := range parts {
		selects = append(selects, "SELECT "+columns+" FROM "+table+" WHERE step = ? AND at >= ? AND at < ?")
		args = append(args, p[0], p[1], p[2])
	}
	return "(" + strings.Join(selects, " UNION ALL ") + ") AS spans", args
}

// mostCounted exchanges of a client; beyond that the figures are lower bounds.
const mostCounted = 100_000

// ClientFigures are those of a client, or of a network, within a span of time, counted one by
// one: at most 100,000, else Capped is set. Last is looked for as far back as a page of
// Exchanges would.
func (s *Store) ClientFigures(ctx context.Context, client netip.Prefix, from, to time.Time) (ClientStats, error) {
	return s.figures(ctx, ExchangeFilter{Client: client}, within(client), from, to)
}

// AccountFigures are those of an account, as ClientFigures.
func (s *Store) AccountFigures(ctx context.Context, account string, from, to time.Time) (ClientStats, error) {
	return s.figures(ctx, ExchangeFilter{Account: account}, ofAccount(account), from, to)
}

func (s *Store) figures(ctx context.Context, f ExchangeFilter, index conditions, from, to time.Time) (ClientStats, error) {
	newest, err := s.Exchanges(ctx, f, Page{First: 1})
	if err != nil || len(newest.Items) == 0 {
		return ClientStats{Capped: newest.More}, err
	}
	q := search{db: s.traffic.Load(), lo: idAt(from, 0), hi: idAt(to, never), client: index}
	out, err := q.count(ctx)
	out.Last = newest.Items[0].At
	return out, told("count exchanges", err)
}

func (q search) count(ctx context.Context) (out ClientStats, err error) {
	starts, err := q.starts(ctx)
	if err != nil || len(starts) == 0 {
		return out, err
	}
	oldest := starts[len(starts)-1]
	c := q.client.and("s.start >= ?", oldest).and("s.start < ?", q.hi).and("e.stretch = s.id").
		and("e.id >= ?", q.lo).and("e.id < ?", q.hi)
	err = q.db.read.WithContext(ctx).Raw(`SELECT count(*) AS requests,
		COALESCE(SUM(CASE WHEN status >= 400 THEN 1 ELSE 0 END), 0) AS failed, COALESCE(SUM(refused), 0) AS refused FROM
		(SELECT e.status, e.refused FROM stretches s CROSS JOIN exchanges e WHERE `+c.String()+` LIMIT ?) AS counted`,
		append(c.args, mostCounted)...).Scan(&out).Error
	out.Capped = out.Requests == mostCounted || len(starts) == mostStretches && oldest > q.lo
	return out, err
}
