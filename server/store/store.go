// Package store keeps what Sentinel must remember: alerts, incidents, decisions and the audit
// log in one database, traffic and its roll-ups in another, so that losing the second never
// touches the first. Rows stay inside; what goes in and out are domain types, times cut to the
// millisecond and in UTC, text without NUL and invalid UTF-8 (U+FFFD stands for them).
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// ErrNotFound says that there is nothing with that ID.
var ErrNotFound = errors.New("not found")

// Invalid is what a caller can correct.
type Invalid = engine.Invalid

// Config says where the data is.
type Config struct {
	Dir string // of the SQLite files sentinel.db and traffic.db; made when absent
	URL string // postgres://..., used instead of Dir when set
}

// A Store is safe for concurrent use. Its writes don't wait for its reads, nor traffic for
// alerts.
type Store struct {
	log  *slog.Logger
	dir  string   // empty with PostgreSQL
	lock *os.File // nil with PostgreSQL

	main    *database // alerts, incidents, decisions, audit
	traffic atomic.Pointer[database]

	writing   sync.Mutex // one batch of traffic at a time; guards what follows and a change of traffic
	slots     slots
	stretches stretches
	full      int // rows of a stretch

	retaining sync.Mutex // one Retain at a time

	lost atomic.Pointer[loss]
	once sync.Once
}

// A loss is a traffic.db that could not be used.
type loss struct {
	file string
	at   time.Time
}

// Open opens the databases and brings their tables up to date. It refuses a directory that
// another process has open (ErrInUse), and tables that a newer Sentinel has written. When
// traffic.db is damaged it is moved aside and an empty one takes its place: see SetAside.
func Open(ctx context.Context, c Config, log *slog.Logger) (*Store, error) {
	s := &Store{log: log, full: rowsOfStretch}
	var err error
	if c.URL != "" {
		err = s.openPostgres(ctx, c.URL)
	} else {
		err = s.openFiles(ctx, c.Dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the store: %w", err), s.Close())
	}
	return s, nil
}

func (s *Store) openFiles(ctx context.Context, dir string) (err error) {
	if s.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if s.lock, err = claimDir(s.dir); err != nil {
		return err
	}
	if s.main, err = openSQLite(ctx, s.dir, "sentinel", "FULL"); err != nil {
		if damaged(err) {
			err = fmt.Errorf("%w: put a backup in its place, or move it away to start without history", err)
		}
		return err
	}
	traffic, err := s.openTraffic(ctx)
	if err != nil {
		return err
	}
	s.traffic.Store(traffic)
	return nil
}

func (s *Store) openPostgres(ctx context.Context, url string) (err error) {
	if s.main, err = openPostgres(ctx, url, "sentinel"); err != nil {
		return err
	}
	traffic, err := openPostgres(ctx, url, "traffic")
	if err != nil {
		return err
	}
	s.traffic.Store(traffic)
	return nil
}

// Close waits for what is being written and closes the databases. Whoever calls it has stopped
// writing; later calls do nothing.
func (s *Store) Close() (err error) {
	s.once.Do(func() {
		s.writing.Lock()
		defer s.writing.Unlock()
		if t := s.traffic.Load(); t != nil {
			err = errors.Join(err, t.close())
		}
		if s.main != nil {
			err = errors.Join(err, s.main.close())
		}
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
	})
	return err
}

// present reports whether the data directory and sentinel.db still are those that were opened. A
// file that was removed or replaced can be written to for ever, and nothing of it is left after a
// restart.
func (s *Store) present() error {
	if s.main.postgres {
		return nil
	}
	if err := s.claimed(); err != nil {
		return err
	}
	if s.main.gone() {
		return fmt.Errorf("%s was taken away while it was open: put it back or start anew", s.main.file)
	}
	return nil
}

// claimed reports whether the directory still is the one that this process has claimed.
func (s *Store) claimed() error {
	if s.lock == nil {
		return nil
	}
	held, err := s.lock.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(s.lock.Name()); err != nil || !os.SameFile(held, now) {
		return fmt.Errorf("the data directory %s was taken away while it was in use: put it back and start anew", s.dir)
	}
	return nil
}

// Ping reports for "database" and "traffic" whether they can be used, nil when they can. After
// a refused write it tries another, so that it says when a full disk has room again.
func (s *Store) Ping(ctx context.Context) map[string]error {
	database := s.present()
	if database == nil {
		database = s.main.ping(ctx)
	}
	return map[string]error{"database": database, "traffic": s.traffic.Load().ping(ctx)}
}

// SetAside says when traffic last began anew because its database was damaged or gone, and where
// the damaged file is; the zero time when that did not happen since the start, an empty name
// when there was nothing to move away.
func (s *Store) SetAside() (file string, at time.Time) {
	if l := s.lost.Load(); l != nil {
		return l.file, l.at
	}
	return "", time.Time{}
}
