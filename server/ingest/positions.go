package ingest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Positions remember in a file how far logs were read. Several sources may share them.
type Positions struct {
	file  string
	mu    sync.Mutex
	known map[string]position // by absolute path
}

// A position is how far a file was read, and which file that was.
type position struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	Offset int64  `json:"offset"`
	Head   head   `json:"head"`
}

// OpenPositions reads a file of positions; one that is not there yet begins empty.
func OpenPositions(file string) (*Positions, error) {
	p := &Positions{file: file, known: map[string]position{}}
	b, err := os.ReadFile(file) //nolint:gosec // the operator names it
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, nil
	case err != nil:
		return nil, fmt.Errorf("read positions: %w", err)
	}
	if err := json.Unmarshal(b, &p.known); err != nil {
		return nil, fmt.Errorf("%s is no file of positions: remove it, and logs are read on from their ends: %w", file, err)
	}
	return p, nil
}

func (p *Positions) of(path string) (position, bool) {
	if p == nil {
		return position{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.known[path]
	return at, ok
}

// set remembers a position, on disk too. Half a file is never seen there.
func (p *Positions) set(path string, at position) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[path] == at {
		return nil
	}
	p.known[path] = at
	b, err := json.MarshalIndent(p.known, "", "\t")
	if err != nil {
		return err
	}
	tmp := p.file + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		delete(p.known, path) // try again
		return err
	}
	if err := os.Rename(tmp, p.file); err != nil {
		delete(p.known, path)
		return err
	}
	return nil
}

// A head is a checksum of the first bytes of a file, which tells it from another that came to
// its inode or its name.
type head struct {
	Bytes int64  `json:"bytes"`
	Sum   string `json:"sum"`
}

const headBytes = 1024

// grow takes in what was read, until there is enough.
func (h *head) grow(in io.ReaderAt, read int64) {
	if n := min(read, headBytes); n > h.Bytes {
		if sum, ok := sumOf(io.NewSectionReader(in, 0, n), n); ok {
			*h = head{n, sum}
		}
	}
}

// begins reports whether a file begins so.
func (h head) begins(in io.ReaderAt) bool {
	sum, ok := sumOf(io.NewSectionReader(in, 0, h.Bytes), h.Bytes)
	return h.Bytes == 0 || ok && sum == h.Sum
}

func sumOf(in io.Reader, n int64) (string, bool) {
	var room [headBytes]byte
	if _, err := io.ReadFull(in, room[:min(n, headBytes)]); err != nil {
		return "", false
	}
	sum := sha256.Sum256(room[:min(n, headBytes)])
	return hex.EncodeToString(sum[:12]), true
}

// A missedFile is one that was moved away, and from where on it was not read.
type missedFile struct {
	path   string
	offset int64
	at     time.Time
	head   head
}

// missed are the files beside a log that hold what was written to it after a position: the one
// that has it, found by its inode or its beginning, also compressed, and those that came after.
// None when it is gone.
func missed(path string, p position) []missedFile {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var beside []missedFile
	found := -1
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, base+".") && !strings.HasPrefix(name, base+"-") {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		beside = append(beside, missedFile{path: filepath.Join(dir, name), at: info.ModTime()})
	}
	slices.SortFunc(beside, func(a, b missedFile) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(b.path, a.path)) // app.log.2 is older than app.log.1
	})
	for i, m := range beside {
		if continues(m.path, p) {
			found = i
		}
	}
	if found < 0 {
		return nil
	}
	beside = beside[found:]
	beside[0].offset = p.Offset
	for i := range beside {
		beside[i].head = headOf(beside[i].path)
	}
	return beside
}

// headOf a file, which may be compressed.
func headOf(path string) head {
	f, err := os.Open(path) //nolint:gosec // beside a log that the operator names
	if err != nil {
		return head{}
	}
	defer f.Close()
	in, err := plain(f)
	if err != nil {
		return head{}
	}
	b, _ := io.ReadAll(io.LimitReader(in, headBytes))
	sum, _ := sumOf(bytes.NewReader(b), int64(len(b)))
	return head{int64(len(b)), sum}
}

// continues reports whether a file is what a position was of.
func continues(path string, p position) bool {
	f, err := os.Open(path) //nolint:gosec // beside a log that the operator names
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	device, inode := identity(info)
	if inode != 0 && device == p.Device && inode == p.Inode && info.Size() >= p.Offset && p.Head.begins(f) {
		return true
	}
	if p.Head.Bytes == 0 {
		return false // nothing was read of it
	}
	in, err := plain(f)
	if err != nil {
		return false
	}
	sum, ok := sumOf(in, p.Head.Bytes)
	return ok && sum == p.Head.Sum
}
