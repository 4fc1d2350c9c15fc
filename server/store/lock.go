package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrInUse says that another process has the data directory open.
var ErrInUse = errors.New("in use by another process")

// claimDir claims a data directory for this process. The operating system gives the claim up when
// the process ends, however it ends; the text in the file only tells people who holds it.
func claimDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, "sentinel.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator says where
	if err != nil {
		return nil, err
	}
	if err = claim(f); err == nil {
		err = sign(f)
	}
	if errors.Is(err, ErrInUse) {
		holder := make([]byte, 300)
		n, _ := f.Read(holder)
		err = fmt.Errorf("%s is %w (%s): stop it first, or choose another directory",
			dir, ErrInUse, strings.TrimSpace(string(holder[:n])))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sign writes who has the directory.
func sign(f *os.File) error {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "process %d on %s\n", os.Getpid(), host)
	return err
}
