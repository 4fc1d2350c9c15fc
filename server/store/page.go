package store

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

const (
	mostOfPage = 500
	mostOfText = 256 // bytes of a text to search for
)

// A place in a list: rows come newest first, by a time or number and then by ID.
type place struct {
	at int64
	id string
}

// cursor names a place in a list of a kind; a cursor of one list is refused by the others.
func cursor(kind byte, p place) string {
	return base64.RawURLEncoding.EncodeToString([]byte(string(kind) + strconv.FormatInt(p.at, 36) + "." + p.id))
}

func parseCursor(kind byte, s string) (place, error) {
	bad := Invalid{Field: "after", Problem: "is not a cursor of this list"}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 || b[0] != kind {
		return place{}, bad
	}
	at, id, ok := strings.Cut(string(b[1:]), ".")
	n, err := strconv.ParseInt(at, 36, 64)
	if err != nil || !ok || clean(id) != id {
		return place{}, bad
	}
	return place{n, id}, nil
}

func (p Page) check() error {
	if p.First < 1 || p.First > mostOfPage {
		return Invalid{Field: "first", Problem: "must be 1 to 500"}
	}
	return nil
}

// A listing says how to read a table page by page.
type listing[R, T any] struct {
	kind   byte
	at, id string // columns; id is empty when at alone tells rows apart
	place  func(*R) place
	value  func(*R) (T, error)
	key    func(id string) (any, error) // what id compares with
}

// text and number are the two kinds of IDs.
func text(id string) (any, error)   { return id, nil }
func number(id string) (any, error) { return strconv.ParseInt(id, 10, 64) }

// page reads one page of what q holds.
func (l listing[R, T]) page(ctx context.Context, q *gorm.DB, p Page) (Slice[T], error) {
	var out Slice[T]
	q = q.WithContext(ctx)
	order := l.at + " DESC"
	if l.id != "" {
		order += ", " + l.id + " DESC"
	}
	if p.After != "" {
		from, err := parseCursor(l.kind, p.After)
		if err != nil {
			return out, err
		}
		if l.id == "" {
			q = q.Where(l.at+" < ?", from.at)
		} else {
			id, err := l.key(from.id)
			if err != nil {
				return out, Invalid{Field: "after", Problem: "is not a cursor of this list"}
			}
			q = q.Where("("+l.at+", "+l.id+") < (?, ?)", from.at, id)
		}
	}
	var rows []R
	if err := q.Order(order).Limit(p.First + 1).Find(&rows).Error; err != nil {
		return out, err
	}
	if len(rows) > p.First {
		rows, out.More = rows[:p.First], true
	}
	for i := range rows {
		v, err := l.value(&rows[i])
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, v)
		out.Cursors = append(out.Cursors, cursor(l.kind, l.place(&rows[i])))
	}
	if out.More {
		out.Next = out.Cursors[len(out.Cursors)-1]
	}
	return out, nil
}

// each gives every row to a function, newest first, page by page, so that nothing is held open
// while the function takes its time.
func each[T any](page func(Page) (Slice[T], error), f func(T) error) error {
	p := Page{First: mostOfPage}
	for {
		s, err := page(p)
		if err != nil {
			return err
		}
		for _, v := range s.Items {
			if err := f(v); err != nil {
				return err
			}
		}
		if !s.More {
			return nil
		}
		p.After = s.Next
	}
}
