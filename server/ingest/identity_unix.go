//go:build unix

package ingest

import (
	"io/fs"
	"syscall"
)

// identity tells a file from another, also when it was renamed.
func identity(info fs.FileInfo) (device, inode uint64) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), s.Ino //nolint:unconvert,nolintlint // Dev is signed on some systems
	}
	return 0, 0
}
