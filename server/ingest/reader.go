package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Bounds of reading.
const (
	LongestLine = 64 << 10 // bytes; a longer line is skipped and counted as bad
	MostBad     = 20       // bad lines that are told with their numbers
	blockSize   = 256 << 10
	doubt       = 200 // lines in no known format before a file is given up
)

// Stats say what was read of a log.
type Stats struct {
	Format    string // as it was found out
	Lines     int64
	Exchanges int64
	Other     int64     // lines that are well written and about no request, empty ones too
	Bad       int64     // lines that can't be read
	BadLines  []BadLine // the first of them
	Late      int64     // exchanges that happened before one that was read already
	First     time.Time // of the exchanges
	Last      time.Time // likewise
}

// A BadLine says where and why. What stands in it is not told: it may be a secret.
type BadLine struct {
	Number  int64 // in its file, from 1
	Problem string
}

// A reading turns the lines of one log into exchanges.
type reading struct {
	parser parser
	stats  Stats
	empty  int64 // lines with nothing in them
	x      engine.Exchange
	each   func(*engine.Exchange)
}

// block reads whole lines, each with its end.
func (r *reading) block(s string) {
	for len(s) > 0 {
		end := strings.IndexByte(s, '\n')
		if end < 0 {
			r.line(s)
			return
		}
		r.line(s[:end])
		s = s[end+1:]
	}
}

// line reads one, without its end.
func (r *reading) line(s string) {
	r.stats.Lines++
	if len(s) > LongestLine {
		r.bad(tooLong)
		return
	}
	if n := len(s); n > 0 && s[n-1] == '\r' {
		s = s[:n-1]
	}
	if s != "" && (s[0] == 0 || s[0] == '\xef') { // a hole in the file, or the mark of Unicode
		s = strings.TrimPrefix(strings.TrimLeft(s, "\x00"), "\ufeff")
	}
	if s == "" {
		r.stats.Other++
		r.empty++
		return
	}
	r.x = engine.Exchange{}
	ok, problem := r.parser.parse(s, &r.x)
	switch {
	case ok:
		r.stats.Exchanges++
		r.clock(r.x.At)
		r.each(&r.x)
	case problem == "":
		r.stats.Other++
	default:
		r.bad(problem)
	}
}

const tooLong = "is longer than 64 kB"

func (r *reading) clock(at time.Time) {
	switch {
	case !r.stats.Last.After(at):
		if r.stats.First.IsZero() {
			r.stats.First = at
		}
		r.stats.Last = at
		return
	case at.Before(r.stats.First):
		r.stats.First = at
	}
	r.stats.Late++
}

func (r *reading) bad(problem string) {
	r.stats.Bad++
	if len(r.stats.BadLines) < MostBad {
		r.stats.BadLines = append(r.stats.BadLines, BadLine{r.stats.Lines, problem})
	}
}

// long counts a line that was passed over.
func (r *reading) long() {
	r.stats.Lines++
	r.bad(tooLong)
}

// lost reports whether so many lines could not be read, and no other, that it is no log.
func (r *reading) lost(most int64) bool {
	return r.stats.Exchanges == 0 && r.stats.Bad >= most && r.stats.Bad > r.stats.Other-r.empty
}

// told are the stats for others.
func (r *reading) told() Stats {
	s := r.stats
	s.Format = r.parser.format()
	s.BadLines = append([]BadLine(nil), s.BadLines...)
	return s
}

// A splitter hands out whole lines of what it is fed, in blocks that are never written again.
type splitter struct {
	room     []byte
	n        int  // bytes of the line that has no end yet
	skipping bool // that line is too long: the rest of it is passed over
}

// from reads once and hands out the lines that are whole now, with their ends. It answers how
// many bytes were read, as io.Reader does.
func (s *splitter) from(r io.Reader, lines func(string), skipped func()) (int, error) {
	if s.room == nil {
		s.room = make([]byte, blockSize)
	}
	n, err := r.Read(s.room[s.n:])
	before, whole := s.n, s.room[:s.n+n] // what was there before has no end of a line
	if s.skipping {
		end := bytes.IndexByte(whole, '\n')
		if end < 0 {
			return n, err
		}
		s.skipping = false
		whole = whole[end+1:]
	}
	end := before + bytes.LastIndexByte(whole[before:], '\n') + 1
	if end > before {
		lines(string(whole[:end]))
	} else {
		end = 0
	}
	s.n = copy(s.room, whole[end:])
	if s.n > LongestLine {
		s.n, s.skipping = 0, true
		skipped()
	}
	return n, err
}

// rest is the line that has no end, when there is one.
func (s *splitter) rest() (string, bool) { return string(s.room[:s.n]), s.n > 0 }

// Errors of a log as a whole.
var (
	ErrFormat = errors.New("is in no format that is known: name it with --format")
	ErrBinary = errors.New("is not text: is it the log?")
)

// Read reads a log to its end, compressed or not, and hands each exchange to a function, which
// may keep it. Bad lines are counted and passed over. It fails when the log as a whole can't
// be read, with a Damage where only the rest can't; what was read until then is in the stats all the same.
//
// Exchanges have no ID, and no route but where their format names one: whoever takes them completes them.
func Read(ctx context.Context, in io.Reader, f Format, o Options, each func(*engine.Exchange)) (Stats, error) {
	r := &reading{parser: f.parser(o), each: each}
	in, err := plain(in)
	if err != nil {
		return r.told(), err
	}
	var s splitter
	binary := false
	lines := func(block string) {
		binary = binary || r.stats.Exchanges == 0 && strings.Count(block[:min(len(block), 4096)], "\x00") > 16
		r.block(block)
	}
	for err == nil {
		if err = ctx.Err(); err == nil {
			_, err = s.from(in, lines, r.long)
		}
		if err == nil && r.lost(doubt) {
			return r.told(), r.unknown(binary)
		}
		if parsers := r.branches(o.Workers); err == nil && parsers != nil {
			err = r.together(ctx, in, &s, parsers)
		}
	}
	damage := damaged(err, r.stats.Lines)
	if damage != nil {
		err = damage
	}
	if ended := damage != nil && damage.Byte > 0; ended || errors.Is(err, io.EOF) {
		if line, ok := s.rest(); ok { // the last line, which nobody ended
			lines(line)
		}
		switch {
		case r.lost(1):
			err = r.unknown(binary)
		case ended:
			damage.Line = r.stats.Lines
		default:
			err = nil
		}
	}
	return r.told(), err
}

func (r *reading) unknown(binary bool) error {
	switch {
	case binary:
		return ErrBinary
	case r.parser.format() == "auto":
		return ErrFormat
	}
	return fmt.Errorf("has no line that %s can read", r.parser.format())
}
