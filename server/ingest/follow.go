package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Source is a log that is followed while it is written. Its fields are not changed once it
// is; a Source is followed once.
type Source struct {
	File      string // "-" is standard input, which is read to its end
	Format    Format
	Options   Options
	FromStart bool          // where no position is known: what is there already, not only what comes
	Positions *Positions    // nil remembers nothing
	Every     time.Duration // between two looks at the file; 250 ms when 0
	In        io.Reader     // standard input; os.Stdin when nil

	mu     sync.Mutex
	health Health
}

// Health says how a source fares.
type Health struct {
	Stats
	Lag     int64  // bytes that are written and not read
	Problem string // why nothing can be read at the moment, else empty
}

// Stats may be asked at any time.
func (s *Source) Stats() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.health
	h.BadLines = append([]BadLine(nil), h.BadLines...)
	return h
}

const (
	every   = 250 * time.Millisecond
	quiet   = time.Second     // that a file which was moved away must be, until the new one is read
	goodbye = 1 * time.Minute // that it is looked at beyond that: servers reopen their logs when told
)

// Follow reads what is written to a log until the context is done, and hands each exchange to a
// function, in order, from one goroutine. It returns nil then, or when standard input has ended;
// an error only for what can't come right by waiting. A file that is not there yet is waited
// for; Stats tells.
//
// It looks at the file four times a second. A file that was moved away is read to its end, and
// on for a minute, before and beside the one that came in its place; one that was cut off, or
// written anew, is read from its start. A line counts once its end is written.
//
// With Positions, a restart goes on where it stopped, also when the file was moved away or
// compressed beside in the meantime. What happened between the last time they were written and
// a crash, a second at most, is read again.
//
// Exchanges have no ID: whoever takes them numbers them. They share memory with the lines
// around them for as long as they are kept.
func Follow(ctx context.Context, s *Source, each func(engine.Exchange)) error {
	f := &follower{
		Source: s,
		reading: reading{
			parser: s.Format.parser(s.Options),
			each:   func(x *engine.Exchange) { each(*x) },
		},
	}
	if s.File == "-" {
		return f.stream(ctx)
	}
	path, err := filepath.Abs(s.File)
	if err != nil {
		return fmt.Errorf("follow %s: %w", s.File, err)
	}
	f.path = path
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("follow %s: it is no file; a pipe can be read as -, on standard input", path)
	}
	defer f.close()
	if !f.begin(ctx) {
		return nil
	}
	tick := time.NewTicker(f.pause())
	defer tick.Stop()
	for ctx.Err() == nil {
		f.look(ctx)
		f.publish()
		f.save(true)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	f.save(true)
	return nil
}

// A follower follows one source.
type follower struct {
	*Source
	reading
	path    string
	current *tail   // nil while there is no file
	moved   []*tail // away, and looked at for a while
	fresh   bool    // the next file is read from its start
	problem string
	unsaved string
	saved   time.Time
}

// A tail is a file with how far it was read.
type tail struct {
	file  *os.File
	info  fs.FileInfo
	split splitter
	read  int64 // bytes
	done  int64 // bytes of whole lines, all of which were handed out
	head  head
	still time.Time // when nothing was left to read for the first time after it was moved
	until time.Time // when it is closed; zero while it is not moved
}

func (f *follower) pause() time.Duration {
	if f.Every > 0 {
		return f.Every
	}
	return every
}

// begin goes on where it stopped the last time. It reports false when it was called off.
func (f *follower) begin(ctx context.Context) bool {
	p, known := f.Positions.of(f.path)
	if !known {
		_, err := os.Stat(f.path)
		f.fresh = f.FromStart || errors.Is(err, fs.ErrNotExist)
		f.open(f.fresh)
		return true
	}
	f.fresh = true
	if f.open(true) && f.current.resumes(p) {
		return true
	}
	for _, m := range missed(f.path, p) {
		f.finish(ctx, m)
	}
	return ctx.Err() == nil
}

// open the file that has the path now. What is there already counts when all is to be read.
func (f *follower) open(all bool) bool {
	file, err := os.Open(f.path)
	if err != nil {
		f.problem = waiting(err)
		return false
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = file.Close()
		f.problem = "it is no file"
		return false
	}
	t := &tail{file: file, info: info}
	if !all {
		t.seek(info.Size())
	}
	f.current, f.fresh = t, true
	return true
}

func waiting(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there yet"
	case errors.Is(err, fs.ErrPermission):
		return "it may not be read by this user"
	}
	return err.Error()
}

// seek goes on reading there. What is left of a line that began before is passed over.
func (t *tail) seek(to int64) {
	if _, err := t.file.Seek(to, io.SeekStart); err != nil {
		return
	}
	t.read, t.done = to, to
	var last [1]byte
	n, _ := t.file.ReadAt(last[:], max(to-1, 0))
	t.split.skipping = to > 0 && n == 1 && last[0] != '\n'
	t.head.grow(t.file, to)
}

// resumes where a position says, when it is of this very file.
func (t *tail) resumes(p position) bool {
	device, inode := identity(t.info)
	if device != p.Device || inode != p.Inode || t.info.Size() < p.Offset || !p.Head.begins(t.file) {
		return false
	}
	t.seek(p.Offset)
	return true
}

// look at the file, read what is new, and see whether it is still the one.
func (f *follower) look(ctx context.Context) {
	f.problem = ""
	if f.current == nil && !f.open(f.fresh) {
		f.drain(ctx)
		return
	}
	f.drain(ctx)
	t := f.current
	if f.restarted(t) {
		f.renew(t)
	}
	got := f.readAll(ctx, t)
	info, err := os.Stat(f.path)
	if err == nil && os.SameFile(info, t.info) {
		t.still = time.Time{}
		return
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.problem = waiting(err)
		return
	}
	now := time.Now()
	if got || t.still.IsZero() {
		t.still = now
	}
	if err == nil && now.Sub(t.still) >= quiet {
		t.until = now.Add(goodbye)
		f.moved = append(f.moved, t)
		f.current = nil
		if f.open(true) {
			f.readAll(ctx, f.current)
		}
	}
}

// drain reads on in files that were moved away, and closes them after a while.
func (f *follower) drain(ctx context.Context) {
	kept := f.moved[:0]
	for _, t := range f.moved {
		f.readAll(ctx, t)
		if now := time.Now(); now.Before(t.until) {
			kept = append(kept, t)
			continue
		}
		f.end(t)
	}
	f.moved = kept
}

// end takes the last line of a file as whole and closes it.
func (f *follower) end(t *tail) {
	if line, ok := t.split.rest(); ok {
		f.line(line)
	}
	_ = t.file.Close()
}

// restarted reports whether a file was cut off, or cut off and written anew.
func (f *follower) restarted(t *tail) bool {
	info, err := t.file.Stat()
	if err != nil {
		return false
	}
	return info.Size() < t.read || !t.head.begins(t.file)
}

// renew reads a file from its start again.
func (f *follower) renew(t *tail) {
	if line, ok := t.split.rest(); ok {
		f.line(line)
	}
	t.split, t.head = splitter{room: t.split.room}, head{}
	t.seek(0)
}

// readAll there is, and report whether there was anything.
func (f *follower) readAll(ctx context.Context, t *tail) (got bool) {
	for ctx.Err() == nil {
		n, err := f.read(t.file, &t.split)
		t.read += int64(n)
		if !t.split.skipping {
			t.done = t.read - int64(t.split.n)
		}
		if n > 0 {
			got = true
			t.head.grow(t.file, t.done)
			f.publish()
			f.save(false)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.problem = err.Error()
			}
			break
		}
	}
	return got
}

// read once, and count what is whole.
func (f *follower) read(in io.Reader, s *splitter) (int, error) {
	return s.from(in, f.block, func() {
		f.stats.Lines++
		f.bad(tooLong)
	})
}

// publish how it fares.
func (f *follower) publish() {
	h := Health{Stats: f.told(), Problem: cmp.Or(f.problem, f.unsaved)}
	for _, t := range append([]*tail{f.current}, f.moved...) {
		if t == nil {
			continue
		}
		if info, err := t.file.Stat(); err == nil {
			h.Lag += max(info.Size()-t.read, 0)
		}
	}
	f.mu.Lock()
	f.health = h
	f.mu.Unlock()
}

// save how far the file was read, once a second or now.
func (f *follower) save(now bool) {
	if f.current == nil || !now && time.Since(f.saved) < time.Second {
		return
	}
	f.saved = time.Now()
	device, inode := identity(f.current.info)
	f.remember(position{Device: device, Inode: inode, Offset: f.current.done, Head: f.current.head})
}

func (f *follower) remember(p position) {
	f.unsaved = ""
	if err := f.Positions.set(f.path, p); err != nil {
		f.unsaved = "its position can't be remembered: " + err.Error()
	}
}

func (f *follower) close() {
	for _, t := range append(f.moved, f.current) {
		if t != nil {
			_ = t.file.Close()
		}
	}
}

// finish reads the rest of a file that was moved away while nobody looked.
func (f *follower) finish(ctx context.Context, m missedFile) {
	file, err := os.Open(m.path)
	if err != nil {
		return // gone by now
	}
	defer file.Close()
	in, err := plain(file)
	if err == nil {
		_, err = io.CopyN(io.Discard, in, m.offset)
	}
	var s splitter
	done := m.offset
	for err == nil && ctx.Err() == nil {
		var n int
		n, err = f.read(in, &s)
		done += int64(n)
		f.publish()
	}
	if ctx.Err() == nil {
		if line, ok := s.rest(); ok {
			f.line(line)
		}
		s.n = 0
	}
	if info, err := file.Stat(); err == nil { // should it stop before there is a new one
		device, inode := identity(info)
		f.remember(position{Device: device, Inode: inode, Offset: done - int64(s.n), Head: m.head})
	}
}

// stream reads standard input to its end.
func (f *follower) stream(ctx context.Context) error {
	in := f.In
	if in == nil {
		in = os.Stdin
	}
	var gate sync.Mutex // nothing is handed out once Follow has returned
	ended := make(chan error, 1)
	go func() { // a read from a terminal can't be called off: it ends with the process
		var s splitter
		text, err := plain(in)
		for err == nil {
			_, err = s.from(text, func(block string) {
				gate.Lock()
				defer gate.Unlock()
				if ctx.Err() == nil {
					f.block(block)
					f.publish()
				}
			}, func() {
				gate.Lock()
				defer gate.Unlock()
				f.stats.Lines++
				f.bad(tooLong)
			})
		}
		gate.Lock()
		defer gate.Unlock()
		if line, ok := s.rest(); ok && ctx.Err() == nil {
			f.line(line)
			f.publish()
		}
		ended <- err
	}()
	select {
	case <-ctx.Done():
		gate.Lock()
		defer gate.Unlock()
		return nil
	case err := <-ended:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("read standard input: %w", err)
	}
}
