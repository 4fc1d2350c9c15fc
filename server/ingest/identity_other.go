//go:build !unix

package ingest

import "io/fs"

// identity is not known here: files are told apart by their beginning alone.
func identity(fs.FileInfo) (device, inode uint64) { return 0, 0 }
