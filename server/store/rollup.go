package store

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
)

// OtherPaths is the endpoint that stands for all paths beyond those that a minute or an hour
// tells apart.
const OtherPaths = "(other)"

const (
	minute = 60   // the two steps of roll-ups, in seconds
	hour   = 3600 //

	mostPaths    = 200 // told apart in a step
	mostFailing  = 100 // of them such that nothing was found at: they don't crowd the others out
	mostOfRollUp = 256 // bytes of a path in a roll-up
)

// A span is one minute or hour.
type span struct{ step, at int64 } // at in milliseconds

type figures struct{ requests, failed, refused, took int64 }

func (f *figures) add(g figures) {
	f.requests += g.requests
	f.failed += g.failed
	f.refused += g.refused
	f.took += g.took
}

// A tally is what a batch adds to one span.
type tally struct {
	total    figures
	paths    map[string]*figures
	statuses map[int]int64
	fresh    []string // paths that take a slot of the span
}

// rollUp adds a batch up by minutes and hours.
func rollUp(batch []Seen) map[span]*tally {
	out := map[span]*tally{}
	var in *tally
	var last span
	for i := range batch {
		x := &batch[i]
		ms := int64(x.ID >> idBits)
		s := span{minute, ms - ms%(minute*1000)}
		if in == nil || s != last {
			if in = out[s]; in == nil {
				in = &tally{paths: map[string]*figures{}, statuses: map[int]int64{}}
				out[s] = in
			}
			last = s
		}
		one := figures{requests: 1, took: x.Took.Microseconds(), refused: bit(x.Refused), failed: bit(x.Status >= 400)}
		in.total.add(one)
		in.statuses[x.Status]++
		addTo(in.paths, rollUpPath(x), one)
	}
	for s, t := range maps.Clone(out) {
		h := span{hour, s.at - s.at%(hour*1000)}
		sum := out[h]
		if sum == nil {
			sum = &tally{paths: map[string]*figures{}, statuses: map[int]int64{}}
			out[h] = sum
		}
		sum.total.add(t.total)
		for status, n := range t.statuses {
			sum.statuses[status] += n
		}
		for path, f := range t.paths {
			addTo(sum.paths, path, *f)
		}
	}
	return out
}

func addTo(paths map[string]*figures, path string, f figures) {
	sum := paths[path]
	if sum == nil {
		sum = &figures{}
		paths[path] = sum
	}
	sum.add(f)
}

func rollUpPath(x *Seen) string {
	return clip(cmp.Or(x.Route, x.Folded, x.Path), mostOfRollUp)
}

// slots remembers which paths have a place of their own in the newest spans.
type slots map[span]map[string]bool

// mostSpans that slots remembers; older ones are asked of the database again.
const mostSpans = 16

// admit folds into OtherPaths what has no place of its own in its span and gets none.
func (s *slots) admit(ctx context.Context, tx *sql.Tx, d *database, roll map[span]*tally) error {
	for at, t := range roll {
		known, err := s.of(ctx, tx, d, at)
		if err != nil {
			return err
		}
		taken := len(known)
		var other figures
		for _, path := range slices.Sorted(maps.Keys(t.paths)) {
			if known[path] || path == OtherPaths {
				continue
			}
			f := t.paths[path]
			if taken < mostFailing || taken < mostPaths && f.failed < f.requests {
				t.fresh = append(t.fresh, path)
				taken++
				continue
			}
			other.add(*f)
			delete(t.paths, path)
		}
		if other.requests > 0 {
			addTo(t.paths, OtherPaths, other)
		}
	}
	return nil
}

// of are the paths of a span so far.
func (s *slots) of(ctx context.Context, tx *sql.Tx, d *database, at span) (map[string]bool, error) {
	if known, ok := (*s)[at]; ok {
		return known, nil
	}
	known := map[string]bool{}
	rows, err := tx.QueryContext(ctx, d.bind("SELECT path FROM rollup_paths WHERE step = ? AND at = ?"), at.step, at.at)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var path string
		if err := rows.Scan(&path); err != nil {
			return nil, err
		}
		if path != OtherPaths {
			known[path] = true
		}
	}
	if *s == nil {
		*s = slots{}
	}
	(*s)[at] = known
	return known, rows.Err()
}

// keep remembers the places that a committed batch took, and forgets old spans.
func (s *slots) keep(roll map[span]*tally) {
	for at, t := range roll {
		for _, path := range t.fresh {
			(*s)[at][path] = true
		}
	}
	if len(*s) <= mostSpans {
		return
	}
	byEnd := slices.SortedFunc(maps.Keys(*s), func(a, b span) int {
		return cmp.Compare(b.at+b.step*1000, a.at+a.step*1000)
	})
	for _, old := range byEnd[mostSpans:] {
		delete(*s, old)
	}
}

// addRollUps adds to what the database has of each span, in one order on every node, so that two
// of them never wait for each other.
func (d *database) addRollUps(ctx context.Context, tx *sql.Tx, roll map[span]*tally) error {
	var totals, paths, statuses []any
	spans := slices.SortedFunc(maps.Keys(roll), func(a, b span) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.at, b.at))
	})
	for _, at := range spans {
		t := roll[at]
		totals = append(totals, at.step, at.at, t.total.requests, t.total.failed, t.total.refused, t.total.took)
		for _, path := range slices.Sorted(maps.Keys(t.paths)) {
			f := t.paths[path]
			paths = append(paths, at.step, at.at, path, f.requests, f.failed, f.refused, f.took)
		}
		for _, status := range slices.Sorted(maps.Keys(t.statuses)) {
			statuses = append(statuses, at.step, at.at, int64(status), t.statuses[status])
		}
	}
	if err := d.add(ctx, tx, "rollup_totals", "step, at", "requests, failed, refused, took_us", totals); err != nil {
		return err
	}
	if err := d.add(ctx, tx, "rollup_paths", "step, at, path", "requests, failed, refused, took_us", paths); err != nil {
		return err
	}
	return d.add(ctx, tx, "rollup_statuses", "step, at, status", "requests", statuses)
}

// add inserts rows, or adds their sums to those that are there.
func (d *database) add(ctx context.Context, tx *sql.Tx, table, keys, sums string, args []any) error {
	columns := strings.Split(keys+", "+sums, ", ")
	var set []string
	for sum := range strings.SplitSeq(sums, ", ") {
		set = append(set, sum+" = "+table+"."+sum+" + excluded."+sum)
	}
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + "), "
	for part := range slices.Chunk(args, len(columns)*perStatement) {
		_, err := tx.ExecContext(ctx, d.bind("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES "+
			strings.TrimSuffix(strings.Repeat(row, len(part)/len(columns)), ", ")+
			" ON CONFLICT ("+keys+") DO UPDATE SET "+strings.Join(set, ", ")), part...)
		if err != nil {
			return err
		}
	}
	return nil
}
