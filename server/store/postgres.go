package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// openPostgres opens one of the two databases, which share tables' schema but not their version
// numbers, with small pools: a writer must never wait for the readers.
func openPostgres(ctx context.Context, url, name string) (*database, error) {
	d := &database{name: name, postgres: true}
	if err := d.openPostgres(ctx, url); err != nil {
		return nil, errors.Join(fmt.Errorf("PostgreSQL, %s: %w", name, err), d.close())
	}
	return d, nil
}

func (d *database) openPostgres(ctx context.Context, url string) error {
	if err := migratePostgres(ctx, url, d.name); err != nil {
		return err
	}
	writer, err := pool(url, 2, map[string]string{"statement_timeout": "10s", "lock_timeout": "5s"})
	if err != nil {
		return err
	}
	d.pools = append(d.pools, writer)
	reader, err := pool(url, readers, map[string]string{"statement_timeout": "5s", "default_transaction_read_only": "on"})
	if err != nil {
		return err
	}
	d.pools = append(d.pools, reader)
	return d.use(writer, reader, func(pool *sql.DB) gorm.Dialector {
		return postgres.New(postgres.Config{Conn: pool})
	})
}

// migratePostgres takes turns with other nodes, on a connection that may take its time.
func migratePostgres(ctx context.Context, url, name string) error {
	db, err := pool(url, 1, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	turns, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	return migrate(ctx, db, goose.DialectPostgres, "postgres", name, goose.WithSessionLocker(turns))
}

func pool(url string, size int, settings map[string]string) (*sql.DB, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err // it keeps the password to itself
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "sentinel"
	}
	maps.Copy(c.RuntimeParams, settings)
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}
