package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

var decisionList = listing[decisionRow, engine.Decision]{
	kind: 'd', at: "made_at", id: "id", key: text,
	place: func(r *decisionRow) place { return place{r.MadeAt, r.ID} },
	value: (*decisionRow).decision,
}

// Decisions are listed by when they were made, newest first.
func (s *Store) Decisions(ctx context.Context, f DecisionFilter, p Page) (Slice[engine.Decision], error) {
	if err := p.check(); err != nil {
		return Slice[engine.Decision]{}, err
	}
	q, err := s.decisions(f)
	if err != nil {
		return Slice[engine.Decision]{}, err
	}
	out, err := decisionList.page(ctx, q, p)
	return out, told("read decisions", err)
}

// EachDecision gives each decision to a function, as Decisions lists them, without holding
// anything open meanwhile; an error of the function ends it.
func (s *Store) EachDecision(ctx context.Context, f DecisionFilter, do func(engine.Decision) error) error {
	if f.At.IsZero() {
		f.At = time.Now() // the same for every page
	}
	return each(func(p Page) (Slice[engine.Decision], error) { return s.Decisions(ctx, f, p) }, do)
}

// CountDecisions counts what Decisions lists.
func (s *Store) CountDecisions(ctx context.Context, f DecisionFilter) (int, error) {
	q, err := s.decisions(f)
	if err != nil {
		return 0, err
	}
	return count(ctx, q, "decisions")
}

// Decision finds one; ErrNotFound when there is none.
func (s *Store) Decision(ctx context.Context, id string) (engine.Decision, error) {
	return one(ctx, s.main.read.Where("id = ?", clean(id)), "decision", (*decisionRow).decision)
}

// InForce are all decisions that count at a time, oldest first, as an engine wants them.
func (s *Store) InForce(ctx context.Context, at time.Time) ([]engine.Decision, error) {
	var out []engine.Decision
	err := s.EachInForce(ctx, at, func(d engine.Decision) error {
		out = append(out, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	older := func(a, b engine.Decision) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID)) }
	if !slices.IsSortedFunc(out, older) {
		slices.SortFunc(out, older)
	}
	return out, nil
}

// EachInForce gives all decisions that count at a time to a function, in no order, without holding
// them all: a feed may have a million. An error of the function ends it.
func (s *Store) EachInForce(ctx context.Context, at time.Time, do func(engine.Decision) error) (err error) {
	rows, err := s.main.reader().QueryContext(ctx, s.main.bind(`SELECT id, action, network, target_key, key_prefix, target_account, reason, origin,
		rule, finding, made_by, made_at, until_at FROM decisions WHERE ends_at > ? AND lifted_at = 0`), at.UnixMilli())
	if err != nil {
		return fmt.Errorf("read decisions in force: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var texts said
	var id, finding string // for all rows: they escape
	var network, key, prefix, account, reason, rule, by sql.RawBytes
	var action, origin, made, until int64
	for rows.Next() {
		if err := rows.Scan(&id, &action, &network, &key, &prefix, &account, &reason, &origin, &rule, &finding, &by, &made, &until); err != nil {
			return fmt.Errorf("read decisions in force: %w", err)
		}
		t, err := target(string(network), key, texts.of(prefix), string(account))
		if err != nil {
			return fmt.Errorf("target of decision %s: %w", id, err)
		}
		err = do(engine.Decision{
			ID: id, Action: engine.Action(action), Target: t, Reason: texts.of(reason), Origin: engine.Origin(origin),
			Rule: texts.of(rule), Finding: finding, By: texts.of(by), From: instant(made), Until: instant(until),
		})
		if err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read decisions in force: %w", err)
	}
	return nil
}

// Ended are decisions that ended by themselves, or were lifted, after one time and not after the
// other; in no order, at most so many.
func (s *Store) Ended(ctx context.Context, after, until time.Time, most int) ([]engine.Decision, error) {
	var rows []decisionRow
	err := s.main.read.WithContext(ctx).Where("ends_at > ? AND ends_at <= ?", after.UnixMilli(), until.UnixMilli()).
		Limit(most).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read decisions that have ended: %w", err)
	}
	out := make([]engine.Decision, len(rows))
	for i := range rows {
		if out[i], err = rows[i].decision(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// said keeps one copy of what many decisions say alike, as those of one feed do.
type said struct{ texts map[string]string }

const mostSaid = 4096

func (s *said) of(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if known, ok := s.texts[string(text)]; ok {
		return known
	}
	if s.texts == nil || len(s.texts) == mostSaid {
		s.texts = make(map[string]string)
	}
	one := string(text)
	s.texts[one] = one
	return one
}

func (s *Store) decisions(f DecisionFilter) (*gorm.DB, error) {
	q := s.main.read.Model(&decisionRow{})
	if f.At.IsZero() {
		f.At = time.Now()
	}
	at := f.At.UnixMilli()
	if len(f.Actions) > 0 {
		q = q.Where("action IN ?", numbers(f.Actions))
	}
	if len(f.Origins) > 0 {
		q = q.Where("origin IN ?", numbers(f.Origins))
	}
	if f.InForce {
		q = q.Where("ends_at > ? AND lifted_at = 0", at)
	}
	if f.Ended {
		q = q.Where("(ends_at <= ? OR lifted_at > 0)", at)
	}
	if f.Expired {
		q = q.Where("ends_at <= ? AND lifted_at = 0", at)
	}
	if f.Lifted {
		q = q.Where("lifted_at > 0")
	}
	if f.Covers.IsValid() {
		q = q.Where("network IN ?", covering(f.Covers))
	}
	if f.Account != "" {
		q = q.Where("target_account = ? AND target_account <> ''", clip(f.Account, mostOfAgent))
	}
	if !f.Key.Zero() {
		q = q.Where("target_key = ?", keyHash(f.Key))
	}
	if !f.From.IsZero() {
		q = q.Where("made_at >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		q = q.Where("made_at < ?", f.To.UnixMilli())
	}
	return s.main.textIn(q, f.Text, "network", "key_prefix", "target_account", "reason", "rule", "made_by", "id")
}

// covering names every network that holds an address: few enough to look each up, however many
// decisions there are.
func covering(a netip.Addr) []string {
	a = a.Unmap().WithZone("")
	out := make([]string, 0, a.BitLen()+1)
	for bits := range a.BitLen() + 1 {
		p, _ := a.Prefix(bits)
		out = append(out, p.String())
	}
	return out
}
