//go:build cgo

package store

import (
	"errors"

	"github.com/mattn/go-sqlite3"
)

// Driver names the SQLite driver in this binary.
const Driver = "mattn/go-sqlite3"

const sqliteDriver = "sqlite3"

// sqliteCode is SQLite's extended result code, 0 when err is none of its errors.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		return int(e.ExtendedCode)
	}
	return 0
}
