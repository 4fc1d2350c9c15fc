package ingest

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Damage is why a log could not be read to its end. What stands before it was handed on.
type Damage struct {
	Line int64 // the last that was read
	Byte int64 // of the file, where what was compressed ends and something else begins; 0 for other damage
	err  error
}

func (d *Damage) Error() string {
	switch {
	case d.Byte > 0:
		return fmt.Sprintf("ends after line %d at byte %d, and goes on with what is not compressed", d.Line, d.Byte)
	case errors.Is(d.err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("is cut off after line %d: %s", d.Line, d.err)
	}
	return fmt.Sprintf("is damaged after line %d: %s", d.Line, d.err)
}

func (d *Damage) Unwrap() error { return d.err }

// damaged makes Damage of an error of reading, if it is some.
func damaged(err error, line int64) *Damage {
	trailing, wrong := errors.AsType[trailing](err)
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if wrong || corrupt || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) {
		return &Damage{line, int64(trailing), err}
	}
	return nil
}

// trailing is that from this byte on a file holds something that is not compressed.
type trailing int64

func (t trailing) Error() string { return fmt.Sprintf("no gzip from byte %d on", int64(t)) }

// members are the parts of a compressed log, one after the other. Zeros behind the last, with which
// some fill up a block, are nothing.
type members struct {
	in    *counted
	b     *bufio.Reader // of it
	z     *gzip.Reader
	whole bool // the member has ended
}

func (m *members) Read(p []byte) (n int, err error) {
	if m.whole {
		if err := m.next(); err != nil {
			return 0, err
		}
	}
	n, err = m.z.Read(p)
	if errors.Is(err, io.EOF) {
		m.whole, err = true, nil
	}
	return n, err
}

// next begins another member: io.EOF where there is none.
func (m *members) next() error {
	end := m.in.n - int64(m.b.Buffered())
	zeros := false
	for {
		switch magic, err := m.b.Peek(2); {
		case len(magic) == 0:
			return err
		case magic[0] == 0:
			zeros = true
			_, _ = m.b.Discard(1) // it is there
		case zeros || len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b:
			return trailing(end)
		default:
			if err := m.z.Reset(m.b); errors.Is(err, gzip.ErrHeader) {
				return trailing(end)
			} else if err != nil {
				return err
			}
			m.z.Multistream(false)
			m.whole = false
			return nil
		}
	}
}

// counted is a reader of which it is known how much was read.
type counted struct {
	io.Reader

	n int64
}

func (c *counted) Read(p []byte) (n int, err error) {
	n, err = c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// plain undoes gzip, where a log begins as gzip does. Parts that were put together are one log.
func plain(in io.Reader) (io.Reader, error) {
	m := &members{in: &counted{Reader: in}}
	m.b = bufio.NewReaderSize(m.in, 64<<10)
	// What can't be read says so when it is.
	if magic, _ := m.b.Peek(2); len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return m.b, nil
	}
	var err error
	if m.z, err = gzip.NewReader(m.b); err != nil {
		return nil, fmt.Errorf("is not gzip as it says: %w", err)
	}
	m.z.Multistream(false)
	return m, nil
}
