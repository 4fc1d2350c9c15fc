package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/sentinel-protocol/sentinel/migrations"
)

// A database is one of the two, in SQLite or PostgreSQL.
type database struct {
	name     string // sentinel or traffic, as its migrations are called
	file     string // of SQLite
	postgres bool
	write    *gorm.DB
	read     *gorm.DB
	pools    []*sql.DB             // to close, readers first
	refused  atomic.Pointer[error] // how the last write ended, when badly
	useless  bool                  // closed, and nothing came in its place; under Store.writing

	insertions [len(together)]*sql.Stmt // of traffic; under Store.writing
	changes    *sql.Stmt                // how many rows the last of them wrote; with SQLite
}

// use puts gorm on the two pools.
func (d *database) use(writer, reader *sql.DB, dialect func(*sql.DB) gorm.Dialector) error {
	d.pools = []*sql.DB{reader, writer}
	for _, p := range []struct {
		to   **gorm.DB
		pool *sql.DB
	}{{&d.write, writer}, {&d.read, reader}} {
		db, err := gorm.Open(dialect(p.pool), &gorm.Config{
			Logger:                 logger.Discard, // errors are returned, and logged once, by whoever decides
			SkipDefaultTransaction: true,
			DisableAutomaticPing:   true,
		})
		if err != nil {
			return err
		}
		*p.to = db
	}
	return nil
}

func (d *database) writer() *sql.DB { return d.pools[len(d.pools)-1] }

func (d *database) close() error {
	var errs []error
	for _, p := range d.pools {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// migrate brings the tables up to date.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, dir, name string, more ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations.FS, dir+"/"+name)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, files, append(more,
		goose.WithTableName(name+"_version"), goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return err
	}
	have, known, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > known {
		return fmt.Errorf("its tables are of version %d, this Sentinel knows %d: run the newer one", have, known)
	}
	_, err = p.Up(ctx)
	return err
}

// wrote remembers how a write ended, for ping, and says what was written.
func (d *database) wrote(what string, err error) error {
	if err == nil {
		d.refused.Store(nil)
		return nil
	}
	err = fmt.Errorf("%s: %w", what, err)
	d.refused.Store(&err)
	if primary(err) == sqliteIOErr {
		// What the system did with pages whose sync failed nobody knows: begin again with new
		// descriptors instead of asking the old one until it says yes.
		d.writer().SetMaxIdleConns(0)
		d.writer().SetMaxIdleConns(1)
	}
	return err
}

func (d *database) ping(ctx context.Context) error {
	if d.refused.Load() != nil {
		err := d.write.WithContext(ctx).Exec(
			"INSERT INTO "+d.name+"_pulse (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
			time.Now().UnixMilli()).Error
		return d.wrote("write to "+d.name, err)
	}
	var one int
	if err := d.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error; err != nil {
		return fmt.Errorf("ask %s: %w", d.name, err)
	}
	return nil
}

// bind turns ? into what the driver wants, for statements that don't pass through gorm.
func (d *database) bind(query string) string {
	if !d.postgres {
		return query
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// contains is the condition that a column contains a text, whatever its case.
func (d *database) contains(column string) string {
	if d.postgres {
		return column + ` ILIKE ? ESCAPE '\'`
	}
	return column + ` LIKE ? ESCAPE '\'`
}

// pattern is what contains wants for a text.
func pattern(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(clean(text)) + "%"
}
