package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// Result codes of SQLite, without their extensions.
const (
	sqliteIOErr   = 10
	sqliteCorrupt = 11
	sqliteNotADB  = 26
)

func primary(err error) int { return sqliteCode(err) & 0xff }

// damaged reports whether err says that the file is no sound database.
func damaged(err error) bool {
	c := primary(err)
	_, looked := errors.AsType[unsound](err)
	return c == sqliteCorrupt || c == sqliteNotADB || looked
}

// unsound is what SQLite found when it was told to look through a file.
type unsound string

func (u unsound) Error() string { return "the file is damaged: " + string(u) }

// mostLookedThrough is how large a file may be that is looked through at a start: about half a
// second of it. In a larger one damage shows when it is read.
const mostLookedThrough = 256 << 20

// lookThrough finds pages that are missing, torn or used twice, as in a file that was cut.
func (d *database) lookThrough(ctx context.Context, db *sql.DB) error {
	f, err := os.Stat(d.file)
	if err != nil || f.Size() > mostLookedThrough {
		return err
	}
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return unsound(strings.ReplaceAll(found, "\n", " "))
	}
	return nil
}

// readers of each file; more only wait for the two cores.
const readers = 4

// A connector opens connections to one file, for either driver.
type connector struct {
	driver driver.Driver
	dsn    string
	set    []string // pragmas for which the drivers' data source names have no word in common
}

// connect is a pool of connections to file. Immediate transactions, because one that begins by
// reading and goes on to write is refused at once while another writes, however long the busy
// timeout.
func connect(file string, size int, settings map[string]string, set ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_busy_timeout": {"5000"}}
	for k, v := range settings {
		q.Set(k, v)
	}
	dsn := "file:" + (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath() + "?" + q.Encode()
	db, err := sql.Open(sqliteDriver, dsn) // nothing is opened yet
	if err != nil {
		return nil, err
	}
	c := connector{db.Driver(), dsn, set}
	if err := db.Close(); err != nil {
		return nil, err
	}
	db = sql.OpenDB(c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	for _, pragma := range c.set {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, "PRAGMA "+pragma, nil); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// keepTemporary is the setting of where SQLite keeps what is not to last.
const keepTemporary = "temp_store = "

// openSQLite opens dir/name.db for one writer and several readers.
func openSQLite(ctx context.Context, dir, name, synchronous string) (*database, error) {
	d := &database{name: name, file: filepath.Join(dir, name+".db")}
	if err := d.openSQLite(ctx, synchronous); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", d.file, err), d.close())
	}
	return d, nil
}

func (d *database) openSQLite(ctx context.Context, synchronous string) error {
	if err := create(d.file); err != nil {
		return err
	}
	// Room can be given back (retention) only when that is asked for before the first table. The
	// log grows to 32 MB before it is copied, since traffic changes the same pages again and again. What
	// a statement would have to take back is kept in memory: one of a hundred rows changes about as many
	// pages of an index, and each would be copied to a file first.
	writer, err := connect(d.file, 1,
		map[string]string{"_auto_vacuum": "INCREMENTAL", "_journal_mode": "WAL", "_synchronous": synchronous},
		"cache_size = -32000", "wal_autocheckpoint = 8000", "journal_size_limit = 67108864", keepTemporary+"MEMORY")
	if err != nil {
		return err
	}
	d.pools = []*sql.DB{writer}
	if err := checkLibrary(ctx, writer); err != nil {
		return err
	}
	if err := readVersions(ctx, writer, d.name); err != nil {
		return err
	}
	if d.name == "sentinel" { // the other may be lost, and is large
		if err := d.lookThrough(ctx, writer); err != nil {
			return err
		}
	}
	if _, err := writer.ExecContext(ctx, "PRAGMA "+keepTemporary+"FILE"); err != nil { // what is sorted for a new index may be large
		return err
	}
	if err := migrate(ctx, writer, goose.DialectSQLite3, "sqlite", d.name); err != nil {
		return err
	}
	if _, err := writer.ExecContext(ctx, "PRAGMA "+keepTemporary+"MEMORY"); err != nil {
		return err
	}
	reader, err := connect(d.file, readers, map[string]string{"mode": "ro", "_stmt_cache_size": "50"}, "cache_size = -16000")
	if err != nil {
		return err
	}
	return d.use(writer, reader, func(pool *sql.DB) gorm.Dialector {
		return sqlite.New(sqlite.Config{DriverName: sqliteDriver, Conn: pool})
	})
}

// create makes the file readable to its owner only; what SQLite puts beside it follows suit.
func create(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator says where
	if err != nil {
		return err
	}
	return f.Close()
}

// readVersions reads what the migrations are about to ask for, because they take a damaged table
// for one that is not there.
func readVersions(ctx context.Context, db *sql.DB, name string) error {
	var tables int
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", name+"_version").Scan(&tables)
	if err != nil || tables == 0 {
		return err
	}
	var newest int
	return db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+name+"_version").Scan(&newest)
}

// checkLibrary refuses what can corrupt a write-ahead log when two connections checkpoint at
// once, mended in 3.51.3.
func checkLibrary(ctx context.Context, db *sql.DB) error {
	var version string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	n := 0
	for part := range strings.SplitSeq(version, ".") {
		i, err := strconv.Atoi(part)
		if err != nil {
			return fmt.Errorf("SQLite calls itself %q: %w", version, err)
		}
		n = n*1000 + i
	}
	if n < 3_051_003 {
		return fmt.Errorf("SQLite %s can damage its files; 3.51.3 or newer is needed", version)
	}
	return nil
}

// openTraffic opens traffic.db, an empty one when what is there is damaged.
func (s *Store) openTraffic(ctx context.Context) (*database, error) {
	d, err := openSQLite(ctx, s.dir, "traffic", "NORMAL")
	if err == nil {
		if err = d.sound(ctx); err == nil {
			return d, nil
		}
		err = errors.Join(err, d.close())
	}
	if !damaged(err) {
		return nil, err
	}
	s.log.Error("traffic is damaged, starting with an empty one", "file", filepath.Join(s.dir, "traffic.db"), "err", err)
	if err := s.setAside(); err != nil {
		return nil, err
	}
	return openSQLite(ctx, s.dir, "traffic", "NORMAL")
}

// sound looks where damage shows soonest: the schema and both ends of every table. Reading all
// would take minutes; what hides in the middle shows when it is asked for.
func (d *database) sound(ctx context.Context) error {
	for _, table := range []string{"exchanges", "stretches", "rollup_totals", "rollup_paths", "rollup_statuses"} {
		for _, order := range []string{"ASC", "DESC"} {
			by := "step " + order + ", at " + order
			if table == "exchanges" || table == "stretches" {
				by = "id " + order
			}
			var row []map[string]any
			if err := d.read.WithContext(ctx).Raw("SELECT * FROM " + table + " ORDER BY " + by + " LIMIT 1").Scan(&row).Error; err != nil {
				return err
			}
		}
	}
	return nil
}

// setAside moves traffic.db and what belongs to it away and remembers where. Nobody has it open.
func (s *Store) setAside() error {
	now := time.Now().UTC()
	from := filepath.Join(s.dir, "traffic.db")
	to := from + ".corrupt-" + now.Format("20060102T150405.000Z")
	// The log first: beside a file that is not its own it would be taken for part of it.
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(from+suffix, to+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if _, err := os.Stat(to); err != nil {
		to = ""
	}
	s.lost.Store(&loss{to, now})
	s.log.Warn("traffic starts anew", "moved", to)
	return nil
}

// renewTraffic puts an empty traffic.db in the place of one that is damaged or was taken away
// while it was open. The caller holds writing.
func (s *Store) renewTraffic(ctx context.Context, why error) error {
	if err := s.claimed(); err != nil { // what lies at that path now may be another process's
		return err
	}
	old := s.traffic.Load()
	s.log.Error("traffic can't be used any more, going on with an empty one", "file", old.file, "err", why)
	if err := old.close(); err != nil {
		s.log.Warn("close damaged traffic", "err", err)
	}
	old.useless = true
	if err := s.setAside(); err != nil {
		return err
	}
	d, err := openSQLite(ctx, s.dir, "traffic", "NORMAL")
	if err != nil {
		return err
	}
	s.traffic.Store(d)
	s.slots, s.stretches = slots{}, stretches{}
	return nil
}

// gone reports whether the file that is open was taken away, or could not be opened anew.
func (d *database) gone() bool {
	if d.postgres {
		return false
	}
	_, err := os.Stat(d.file)
	return d.useless || errors.Is(err, os.ErrNotExist)
}
