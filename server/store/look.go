package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// Look opens what is stored for reading alone, beside a Sentinel that writes to it: nothing is
// claimed, made or brought up to date, and whatever would write fails. It refuses tables of another
// version than this program's.
func Look(ctx context.Context, c Config) (*Store, error) {
	s := &Store{log: slog.New(slog.DiscardHandler), full: rowsOfStretch}
	if err := s.look(ctx, c); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) look(ctx context.Context, c Config) (err error) {
	if s.main, err = lookInto(c, "sentinel"); err != nil {
		return err
	}
	traffic, err := lookInto(c, "traffic")
	if err != nil {
		return err
	}
	s.traffic.Store(traffic)
	for _, ask := range []struct {
		of     *database
		tables string
	}{{s.main, "SELECT finds FROM rule_versions LIMIT 0"}, {traffic, "SELECT " + exchangeColumns + " FROM exchanges e LIMIT 0"}} {
		statement, err := ask.of.reader().PrepareContext(ctx, ask.tables)
		if err == nil {
			err = statement.Close() //nolint:sqlclosecheck // nobody asks it
		}
		if err != nil {
			return fmt.Errorf("%s can't be read, or was written by another version of Sentinel: start this one on it once: %w", ask.of.place(), err)
		}
	}
	return nil
}

// place is where people find it.
func (d *database) place() string {
	if d.postgres {
		return "the PostgreSQL database"
	}
	return d.file
}

func lookInto(c Config, name string) (*database, error) {
	d := &database{name: name, postgres: c.URL != ""}
	dialect := func(p *sql.DB) gorm.Dialector { return postgres.New(postgres.Config{Conn: p}) }
	var reader *sql.DB
	var err error
	if d.postgres {
		reader, err = pool(c.URL, 1, map[string]string{"statement_timeout": "10s", "default_transaction_read_only": "on"})
	} else {
		d.file = filepath.Join(c.Dir, name+".db")
		if _, err := os.Stat(d.file); err != nil {
			return nil, fmt.Errorf("there is no Sentinel in %s: name its directory with --data, or its file with --config (%w)", c.Dir, err)
		}
		dialect = func(p *sql.DB) gorm.Dialector { return sqlite.New(sqlite.Config{DriverName: sqliteDriver, Conn: p}) }
		reader, err = connect(d.file, 1, map[string]string{"mode": "ro"}, "query_only = 1", "cache_size = -16000")
	}
	if err != nil {
		return nil, err
	}
	if err := d.use(reader, reader, dialect); err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return d, nil
}
