package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A payload is what a generator makes: so many bytes, made while they are read.
type payload struct {
	size    int64
	chunked bool // to be sent in chunks, without its length
	open    func() io.Reader
}

func bytesOf(b []byte) payload {
	return payload{size: int64(len(b)), open: func() io.Reader { return bytes.NewReader(b) }}
}

// An encoding turns the text of a case into bytes: UTF-8, or one byte for each character.
type encoding func(string) []byte

func utf8Bytes(s string) []byte { return []byte(s) }

func latin1(s string) []byte {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		out = append(out, byte(r))
	}
	return out
}

// mostInMemory bounds what a generator makes at once; larger ones are streamed.
const mostInMemory = 512 << 20

// expand makes the bytes that a value of a case stands for.
func expand(v any, enc encoding) (payload, error) {
	switch v := v.(type) {
	case nil:
		return bytesOf(nil), nil
	case string:
		return bytesOf(enc(v)), nil
	case float64:
		return bytesOf([]byte(strconv.FormatFloat(v, 'f', -1, 64))), nil
	case tree:
		if len(v) == 1 {
			for name, arg := range v {
				if g := generator(name); g != nil {
					return g(arg, enc)
				}
				return payload{}, notRun("no generator " + name)
			}
		}
	}
	return payload{}, notRun(fmt.Sprintf("%T is no text and no generator", v))
}

// plain is a value that is short enough to be held whole.
func plain(v any, enc encoding) ([]byte, error) {
	p, err := expand(v, enc)
	if err != nil {
		return nil, err
	}
	if p.size > mostInMemory {
		return nil, notRun("too large to be held")
	}
	return io.ReadAll(p.open())
}

// generator is what makes the bytes of a value of that name; nil when there is none.
func generator(name string) func(any, encoding) (payload, error) {
	switch name {
	case "$rep":
		return repeated
	case "$cat":
		return joined
	case "$seq":
		return sequence
	case "$b64":
		return decoded
	case "$gzip":
		return gzipped
	case "$gzip_bomb":
		return gzipBomb
	case "$zip":
		return zipped
	case "$json":
		return marshalled
	case "$stream_zero":
		return zeroes(false)
	case "$stream_zero_chunked":
		return zeroes(true)
	}
	return nil
}

func repeated(arg any, enc encoding) (payload, error) {
	l := list(arg)
	if len(l) != 2 {
		return payload{}, notRun("$rep takes a text and a number")
	}
	unit, err := plain(l[0], enc)
	if err != nil {
		return payload{}, err
	}
	n, ok := l[1].(float64)
	if !ok || n < 0 {
		return payload{}, notRun("$rep takes a text and a number")
	}
	size := int64(n) * int64(len(unit))
	return payload{size: size, open: func() io.Reader { return io.LimitReader(&over{unit: unit}, size) }}, nil
}

// over reads the same bytes again and again.
type over struct {
	unit []byte
	at   int
}

func (o *over) Read(p []byte) (int, error) {
	if len(o.unit) == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) {
		c := copy(p[n:], o.unit[o.at:])
		n += c
		o.at = (o.at + c) % len(o.unit)
	}
	return n, nil
}

func joined(arg any, enc encoding) (payload, error) {
	var parts []payload
	out := payload{}
	for _, v := range list(arg) {
		p, err := expand(v, enc)
		if err != nil {
			return payload{}, err
		}
		parts = append(parts, p)
		out.size += p.size
		out.chunked = out.chunked || p.chunked
	}
	out.open = func() io.Reader {
		readers := make([]io.Reader, len(parts))
		for i, p := range parts {
			readers[i] = p.open()
		}
		return io.MultiReader(readers...)
	}
	return out, nil
}

// sequence writes a format for one number after the other: %d is the number. In mode ipv4 the
// three %d are its octets; in mode chain %+1d is the next number.
func sequence(arg any, enc encoding) (payload, error) {
	t := object(arg)
	format, n, start, mode := text(t, "fmt"), int(number(t, "n", 0)), int(number(t, "start", 0)), text(t, "mode")
	var b bytes.Buffer
	for i := start; i < start+n; i++ {
		b.Write(enc(numbered(format, i, mode)))
	}
	return bytesOf(b.Bytes()), nil
}

func numbered(format string, i int, mode string) string {
	switch mode {
	case "ipv4":
		return fmt.Sprintf(format, i>>16&255, i>>8&255, i&255)
	case "chain":
		format = strings.ReplaceAll(format, "%+1d", strconv.Itoa(i+1))
	}
	return strings.ReplaceAll(format, "%d", strconv.Itoa(i))
}

func decoded(arg any, _ encoding) (payload, error) {
	s, _ := arg.(string)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return payload{}, notRun("$b64 takes base64")
	}
	return bytesOf(b), nil
}

func gzipped(arg any, enc encoding) (payload, error) {
	p, err := plain(arg, enc)
	if err != nil {
		return payload{}, err
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(p) // into memory
	_ = w.Close()     // into memory
	return bytesOf(b.Bytes()), nil
}

// bombBlock is how many zeroes one block of a bomb unpacks to.
const bombBlock = 1 << 20

// gzipBomb is zeroes, packed. Each block after the first packs to the same bytes, so they are
// made once however large it unpacks (RFC 1951, 1952).
func gzipBomb(arg any, _ encoding) (payload, error) {
	size := int64(number(object(arg), "expanded", 0))
	if size <= 0 {
		return payload{}, notRun("$gzip_bomb takes the size it expands to")
	}
	zero := make([]byte, bombBlock)
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return payload{}, err
	}
	block := func(n int64) []byte {
		from := packed.Len()
		_, _ = w.Write(zero[:n]) // into memory
		_ = w.Flush()            // into memory
		return packed.Bytes()[from:]
	}
	head := bytes.Clone(block(min(size, bombBlock)))
	var body []byte
	blocks := max(size/bombBlock-1, 0)
	if blocks > 0 {
		body = bytes.Clone(block(bombBlock))
	}
	tail := []byte{}
	if rest := size % bombBlock; size > bombBlock && rest > 0 {
		tail = bytes.Clone(block(rest))
	}
	sum := uint32(0)
	for left := size; left > 0; left -= bombBlock {
		sum = crc32.Update(sum, crc32.IEEETable, zero[:min(left, bombBlock)])
	}
	end := []byte{1, 0, 0, 0xff, 0xff} // an empty last block, stored
	end = binary.LittleEndian.AppendUint32(end, sum)
	end = binary.LittleEndian.AppendUint32(end, uint32(size)) //nolint:gosec // modulo 2^32, as the format has it
	start := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	repeats := blocks * int64(len(body))
	return payload{
		size: int64(len(start)+len(head)+len(tail)+len(end)) + repeats,
		open: func() io.Reader {
			return io.MultiReader(bytes.NewReader(start), bytes.NewReader(head), io.LimitReader(&over{unit: body}, repeats),
				bytes.NewReader(tail), bytes.NewReader(end))
		},
	}, nil
}

func zipped(arg any, enc encoding) (payload, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	files := object(arg)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content, err := plain(files[name], enc)
		if err != nil {
			return payload{}, err
		}
		f, err := w.Create(name)
		if err != nil {
			return payload{}, err
		}
		_, _ = f.Write(content) // into memory
	}
	_ = w.Close() // into memory
	return bytesOf(b.Bytes()), nil
}

func marshalled(arg any, enc encoding) (payload, error) {
	v, err := expandWithin(arg, enc)
	if err != nil {
		return payload{}, err
	}
	b, err := json.Marshal(v)
	return bytesOf(b), err
}

// expandWithin replaces the generators inside of a JSON value by their texts.
func expandWithin(v any, enc encoding) (any, error) {
	switch v := v.(type) {
	case tree:
		if len(v) == 1 {
			for name := range v {
				if generator(name) != nil {
					b, err := plain(v, enc)
					return string(b), err
				}
			}
		}
		out := make(tree, len(v))
		for k := range v {
			var err error
			if out[k], err = expandWithin(v[k], enc); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = expandWithin(v[i], enc); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

func zeroes(chunked bool) func(any, encoding) (payload, error) {
	return func(arg any, _ encoding) (payload, error) {
		n, ok := arg.(float64)
		if !ok || n < 0 {
			return payload{}, notRun("a stream of zeroes takes a number")
		}
		return payload{size: int64(n), chunked: chunked, open: func() io.Reader {
			return io.LimitReader(&over{unit: make([]byte, 64<<10)}, int64(n))
		}}, nil
	}
}

// addressIn is one address after the other within a prefix, spread over it.
func addressIn(prefix netip.Prefix, i int) netip.Addr {
	b := prefix.Masked().Addr().As16()
	bits := prefix.Bits()
	if prefix.Addr().Is4() {
		bits += 96
	}
	room := uint(min(128-bits, 62))
	host := uint64(i+1) * 0x9E3779B97F4A7C15 >> (64 - room) //nolint:gosec // spread over the room
	if room < 24 {
		host = uint64(i+1) % (1 << room) //nolint:gosec // no room to spread over
	}
	low := binary.BigEndian.Uint64(b[8:]) | host
	binary.BigEndian.PutUint64(b[8:], low)
	a := netip.AddrFrom16(b)
	if prefix.Addr().Is4() {
		return a.Unmap()
	}
	return a
}
