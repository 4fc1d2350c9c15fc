package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/sentinel-protocol/sentinel/server/access"
)

// A Store is the access.Ledger too: what is written about operators stands beside its audit entry.
var _ access.Ledger = (*Store)(nil)

// Operators lists all by name.
func (s *Store) Operators(ctx context.Context) ([]access.Operator, error) {
	return operators(s.main.read.WithContext(ctx))
}

// OperatorNamed finds one, whatever the case of the name.
func (s *Store) OperatorNamed(ctx context.Context, name string) (access.Operator, error) {
	r, err := known[operatorRow](s.main.read.WithContext(ctx).Where("folded = ?", strings.ToLower(clean(name))))
	return r.operator(), err
}

// Session finds a session and whose it is.
func (s *Store) Session(ctx context.Context, h access.Hash) (access.Session, access.Operator, error) {
	r, err := known[sessionRow](s.main.read.WithContext(ctx).Where("hash = ?", h[:]))
	if err != nil {
		return access.Session{}, access.Operator{}, err
	}
	o, err := known[operatorRow](s.main.read.WithContext(ctx).Where("id = ?", r.Operator))
	return r.session(), o.operator(), err
}

// Tokens lists all, newest first.
func (s *Store) Tokens(ctx context.Context) ([]access.Token, error) {
	return tokens(s.main.read.WithContext(ctx))
}

// Token finds one by the hash of its secret.
func (s *Store) Token(ctx context.Context, h access.Hash) (access.Token, error) {
	r, err := known[tokenRow](s.main.read.WithContext(ctx).Where("hash = ?", h[:]))
	return r.token(), err
}

// Link finds one by the hash of its secret.
func (s *Store) Link(ctx context.Context, h access.Hash) (access.Link, error) {
	r, err := known[linkRow](s.main.read.WithContext(ctx).Where("hash = ?", h[:]))
	return r.link(), err
}

// TouchSession notes when a session and its operator were last seen; never earlier than before.
func (s *Store) TouchSession(ctx context.Context, h access.Hash, at time.Time) error {
	return s.changeAccess(ctx, "note who was seen", func(tx *gorm.DB) error {
		r, err := known[sessionRow](tx.Where("hash = ?", h[:]))
		if err != nil {
			return err
		}
		seen := map[string]any{"seen_at": max(r.SeenAt, millis(at))}
		if err := tx.Model(&sessionRow{}).Where("hash = ?", h[:]).Updates(seen).Error; err != nil {
			return err
		}
		return tx.Model(&operatorRow{}).Where("id = ? AND seen_at < ?", r.Operator, millis(at)).Updates(seen).Error
	})
}

// TouchToken notes when a token was last used.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	return s.changeAccess(ctx, "note which token was used", func(tx *gorm.DB) error {
		return tx.Model(&tokenRow{}).Where("id = ? AND used_at < ?", clean(id), millis(at)).Update("used_at", millis(at)).Error
	})
}

// ChangeAccess runs do as one step, which no other node's comes between.
func (s *Store) ChangeAccess(ctx context.Context, do func(access.Tx) error) error {
	return s.changeAccess(ctx, "change who may come in", func(tx *gorm.DB) error {
		if s.main.postgres { // SQLite has one writer anyway
			if err := tx.Exec("LOCK TABLE operators IN SHARE ROW EXCLUSIVE MODE").Error; err != nil {
				return err
			}
		}
		return do(accessTx{tx})
	})
}

// changeAccess tells what the caller can correct from what the database did not take.
func (s *Store) changeAccess(ctx context.Context, doing string, do func(*gorm.DB) error) error {
	if err := s.present(); err != nil {
		return err
	}
	var refused error
	err := s.main.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		refused = do(tx)
		return refused
	})
	if err == nil || refused == nil || sqlFault(refused) {
		return s.main.wrote(doing, err)
	}
	return err
}

// faulty marks an error of the database among those of who changes something.
type faulty struct{ error }

func (f faulty) Unwrap() error { return f.error }

func sqlFault(err error) bool { return errors.As(err, &faulty{}) }

func fault(err error) error {
	if err == nil || errors.Is(err, access.ErrUnknown) {
		return err
	}
	return faulty{err}
}

// accessTx is a step that is written as one.
type accessTx struct{ tx *gorm.DB }

func (t accessTx) Operators() ([]access.Operator, error) { return operators(t.tx) }
func (t accessTx) Tokens() ([]access.Token, error)       { return tokens(t.tx) }

func (t accessTx) PutOperator(o access.Operator) error {
	r := rowOfOperator(&o)
	return fault(t.tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}).Create(&r).Error)
}

func (t accessTx) DropOperator(id string) error {
	for _, drop := range []func() error{
		func() error { return t.DropSessions(id) },
		func() error { return t.tx.Where("operator = ?", id).Delete(&linkRow{}).Error },
		func() error { return t.tx.Where("id = ?", id).Delete(&operatorRow{}).Error },
	} {
		if err := drop(); err != nil {
			return fault(err)
		}
	}
	return nil
}

func (t accessTx) PutLink(l access.Link) error {
	r := linkRow{Operator: l.Operator, Hash: l.Hash[:], ExpiresAt: millis(l.Expires)}
	return fault(t.tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "operator"}}, UpdateAll: true}).Create(&r).Error)
}

func (t accessTx) TakeLink(h access.Hash) (access.Link, error) {
	r, err := known[linkRow](t.tx.Where("hash = ?", h[:]))
	if err != nil {
		return access.Link{}, err
	}
	return r.link(), fault(t.tx.Where("hash = ?", h[:]).Delete(&linkRow{}).Error)
}

func (t accessTx) PutSession(s access.Session) error {
	r := sessionRow{Hash: s.Hash[:], Operator: s.Operator, CreatedAt: millis(s.Created), SeenAt: millis(s.Seen), Origin: clean(s.Origin)}
	return fault(t.tx.Create(&r).Error)
}

func (t accessTx) Sessions(operator string) ([]access.Session, error) {
	var rows []sessionRow
	if err := t.tx.Where("operator = ?", operator).Order("created_at, hash").Find(&rows).Error; err != nil {
		return nil, faulty{err}
	}
	out := make([]access.Session, len(rows))
	for i := range rows {
		out[i] = rows[i].session()
	}
	return out, nil
}

func (t accessTx) DropSession(h access.Hash) error {
	return fault(t.tx.Where("hash = ?", h[:]).Delete(&sessionRow{}).Error)
}

func (t accessTx) DropSessions(operator string) error {
	return fault(t.tx.Where("operator = ?", operator).Delete(&sessionRow{}).Error)
}

func (t accessTx) DropStale(created, seen time.Time) error {
	return fault(t.tx.Where("created_at < ? OR seen_at < ?", millis(created), millis(seen)).Delete(&sessionRow{}).Error)
}

func (t accessTx) PutToken(k access.Token) error {
	r := rowOfToken(&k)
	return fault(t.tx.Create(&r).Error)
}

func (t accessTx) DropToken(id string) error {
	return fault(t.tx.Where("id = ?", id).Delete(&tokenRow{}).Error)
}

func (t accessTx) Note(e access.Entry) error {
	r := rowOfEntry(&Entry{At: e.At, Actor: e.Actor, Origin: e.Origin, Verb: e.Verb, Object: e.Object, Detail: e.Detail})
	return fault(t.tx.Create(&r).Error)
}

func operators(q *gorm.DB) ([]access.Operator, error) {
	var rows []operatorRow
	if err := q.Order("folded").Find(&rows).Error; err != nil {
		return nil, faulty{fmt.Errorf("read operators: %w", err)}
	}
	out := make([]access.Operator, len(rows))
	for i := range rows {
		out[i] = rows[i].operator()
	}
	return out, nil
}

func tokens(q *gorm.DB) ([]access.Token, error) {
	var rows []tokenRow
	if err := q.Order("created_at DESC, id").Find(&rows).Error; err != nil {
		return nil, faulty{fmt.Errorf("read tokens: %w", err)}
	}
	out := make([]access.Token, len(rows))
	for i := range rows {
		out[i] = rows[i].token()
	}
	return out, nil
}

// known reads one row; access.ErrUnknown when there is none.
func known[R any](q *gorm.DB) (row R, err error) {
	switch err = q.Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return row, access.ErrUnknown
	case err != nil:
		return row, faulty{fmt.Errorf("read who may come in: %w", err)}
	}
	return row, nil
}
