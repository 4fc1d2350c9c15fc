//go:build !cgo

package store

import (
	"errors"

	"modernc.org/sqlite"
)

// Driver names the SQLite driver in this binary.
const Driver = "modernc.org/sqlite"

const sqliteDriver = "sqlite"

// sqliteCode is SQLite's extended result code, 0 when err is none of its errors.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}
