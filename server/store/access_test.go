package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/access"
)

func mara() access.Operator {
	return access.Operator{ID: "op_1", Name: "Mara", Role: access.Admin, Password: "$argon2id$", Created: time.UnixMilli(1000).UTC(), Seen: time.UnixMilli(2000).UTC()}
}

func change(t *testing.T, s *Store, do func(access.Tx) error) {
	t.Helper()
	if err := s.ChangeAccess(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsKnownOfOperatorsComesBackAsItWas(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx, at := t.Context(), time.UnixMilli(5000).UTC()
		session := access.Session{Hash: access.Hash{1}, Operator: "op_1", Created: at, Seen: at, Origin: "192.0.2.1"}
		token := access.Token{ID: "tok_1", Name: "bouncer", Role: access.Viewer, Prefix: "sntl_abc", Hash: access.Hash{2}, By: "Mara", Created: at, Expires: at.Add(time.Hour)}
		link := access.Link{Hash: access.Hash{3}, Operator: "op_1", Expires: at}
		change(t, s, func(tx access.Tx) error {
			return errors.Join(tx.PutOperator(mara()), tx.PutSession(session), tx.PutToken(token), tx.PutLink(link),
				tx.Note(access.Entry{At: at, Actor: "Mara", Origin: "192.0.2.1", Verb: "sign-in", Object: "operator Mara"}))
		})
		if got, err := s.OperatorNamed(ctx, "MARA"); err != nil || got != mara() {
			t.Errorf("got %+v %v", got, err)
		}
		if k, o, err := s.Session(ctx, access.Hash{1}); err != nil || k != session || o != mara() {
			t.Errorf("got %+v of %+v %v", k, o, err)
		}
		if got, err := s.Token(ctx, access.Hash{2}); err != nil || got != token {
			t.Errorf("got %+v %v", got, err)
		}
		if got, err := s.Link(ctx, access.Hash{3}); err != nil || got != link {
			t.Errorf("got %+v %v", got, err)
		}
		if log, err := s.Audit(ctx, Page{First: 10}); err != nil || len(log.Items) != 1 || log.Items[0].Verb != "sign-in" {
			t.Errorf("written down is %+v %v", log.Items, err)
		}
		if err := errors.Join(s.TouchSession(ctx, access.Hash{1}, at.Add(time.Minute)), s.TouchSession(ctx, access.Hash{1}, at), s.TouchToken(ctx, "tok_1", at)); err != nil {
			t.Fatal(err)
		}
		k, o, err := s.Session(ctx, access.Hash{1})
		if err != nil || !k.Seen.Equal(at.Add(time.Minute)) || !o.Seen.Equal(k.Seen) {
			t.Errorf("seen %s and %s %v", k.Seen, o.Seen, err)
		}
		if got, err := s.Token(ctx, access.Hash{2}); err != nil || !got.Used.Equal(at) {
			t.Errorf("used %s %v", got.Used, err)
		}
	})
}

func TestWhatIsAbsentIsUnknown(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		_, named := s.OperatorNamed(ctx, "nobody\x00")
		_, _, session := s.Session(ctx, access.Hash{})
		_, token := s.Token(ctx, access.Hash{})
		_, link := s.Link(ctx, access.Hash{})
		taken := s.ChangeAccess(ctx, func(tx access.Tx) error { _, err := tx.TakeLink(access.Hash{}); return err })
		for i, err := range []error{named, session, token, link, taken, s.TouchSession(ctx, access.Hash{}, time.Now())} {
			if !errors.Is(err, access.ErrUnknown) {
				t.Errorf("%d: %v", i, err)
			}
		}
		if err := s.Ping(ctx)["database"]; err != nil {
			t.Errorf("the database is said to be away: %v", err)
		}
	})
}

func TestAChangeOfOperatorsIsMadeWholeOrNotAtAll(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		no := errors.New("no")
		err := s.ChangeAccess(t.Context(), func(tx access.Tx) error {
			return errors.Join(tx.PutOperator(mara()), tx.Note(access.Entry{Verb: "add operator"}), no)
		})
		if !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
		all, err := s.Operators(t.Context())
		log, err2 := s.Audit(t.Context(), Page{First: 10})
		if err != nil || err2 != nil || len(all) != 0 || len(log.Items) != 0 {
			t.Errorf("there are %+v and %+v", all, log.Items)
		}
		change(t, s, func(tx access.Tx) error { return tx.PutOperator(mara()) })
		twin := mara()
		twin.ID, twin.Name = "op_2", "MARA"
		if err := s.ChangeAccess(t.Context(), func(tx access.Tx) error { return tx.PutOperator(twin) }); err == nil {
			t.Error("two have the same name")
		}
	})
}

func TestAnOperatorWhoGoesTakesSessionsAndLinksAlong(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		joe := mara()
		joe.ID, joe.Name = "op_2", "joe"
		change(t, s, func(tx access.Tx) error {
			return errors.Join(tx.PutOperator(mara()), tx.PutOperator(joe),
				tx.PutSession(access.Session{Hash: access.Hash{1}, Operator: "op_1"}), tx.PutSession(access.Session{Hash: access.Hash{2}, Operator: "op_2"}),
				tx.PutLink(access.Link{Hash: access.Hash{3}, Operator: "op_1"}), tx.PutLink(access.Link{Hash: access.Hash{4}, Operator: ""}))
		})
		change(t, s, func(tx access.Tx) error { return tx.DropOperator("op_1") })
		_, _, gone := s.Session(t.Context(), access.Hash{1})
		_, link := s.Link(t.Context(), access.Hash{3})
		if !errors.Is(gone, access.ErrUnknown) || !errors.Is(link, access.ErrUnknown) {
			t.Errorf("%v %v", gone, link)
		}
		_, _, stays := s.Session(t.Context(), access.Hash{2})
		_, other := s.Link(t.Context(), access.Hash{4})
		if stays != nil || other != nil {
			t.Errorf("others: %v %v", stays, other)
		}
	})
}

func TestALinkIsTakenOnceByHoweverMany(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		change(t, s, func(tx access.Tx) error { return tx.PutLink(access.Link{Hash: access.Hash{1}}) })
		var mu sync.Mutex
		var wait sync.WaitGroup
		took := 0
		for i := range 8 {
			wait.Go(func() {
				err := s.ChangeAccess(context.WithoutCancel(t.Context()), func(tx access.Tx) error {
					if _, err := tx.TakeLink(access.Hash{1}); err != nil {
						return err
					}
					o := mara()
					o.ID, o.Name = fmt.Sprint("op_", i), fmt.Sprint("mara", i)
					return tx.PutOperator(o)
				})
				if err == nil {
					mu.Lock()
					took++
					mu.Unlock()
				} else if !errors.Is(err, access.ErrUnknown) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if all, err := s.Operators(t.Context()); err != nil || took != 1 || len(all) != 1 {
			t.Errorf("%d took it, there are %d operators %v", took, len(all), err)
		}
	})
}
