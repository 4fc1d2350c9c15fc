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
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	switch err := claim(f); {
	case errors.Is(err, ErrInUse):
		holder, _ := os.ReadFile(path)
		f.Close()
		return nil, fmt.Errorf("%s is %w (%s): stop it first, or choose another directory",
			dir, ErrInUse, strings.TrimSpace(string(holder)))
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	host, _ := os.Hostname()
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := fmt.Fprintf(f, "process %d on %s\n", os.Getpid(), host); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
