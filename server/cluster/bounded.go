package cluster

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"

	redis "github.com/redis/go-redis/v9"
)

// What an answer may claim to hold. The library takes the memory before it reads, so that an
// enemy in the place of Redis could claim all there is in a dozen bytes.
const (
	mostElements = 4096
	mostBytes    = 1 << 20
	longestLine  = 4096
)

var errTooLarge = errors.New("an answer claims to be larger than any should be")

// boundedDialer connects as the library does, and reads no answer that claims too much.
func boundedDialer(o *redis.Options) func(context.Context, string, string) (net.Conn, error) {
	dial := redis.NewDialer(o)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		b := &bounded{Conn: conn}
		if raw, ok := conn.(syscall.Conn); ok {
			return &boundedRaw{b, raw}, nil
		}
		return b, nil
	}
}

// A bounded connection ends when what it reads claims too much.
type bounded struct {
	net.Conn
	scan scanner
}

// boundedRaw lets the library look whether the other end has hung up.
type boundedRaw struct {
	*bounded
	syscall.Conn
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if wrong := b.scan.take(p[:n]); wrong != nil {
		_ = b.Conn.Close()
		return 0, wrong
	}
	return n, err
}

// A scanner follows the framing of the Redis protocol: lines that begin with a type, some
// of them followed by as many bytes as they say.
type scanner struct {
	line []byte // that is being read
	skip int    // bytes of content still to come
}

func (s *scanner) take(p []byte) error {
	for len(p) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(p))
			s.skip -= n
			p = p[n:]
			continue
		}
		c := p[0]
		p = p[1:]
		if c != '\n' {
			if s.line = append(s.line, c); len(s.line) > longestLine {
				return errTooLarge
			}
			continue
		}
		if err := s.end(); err != nil {
			return err
		}
		s.line = s.line[:0]
	}
	return nil
}

// end judges a line.
func (s *scanner) end() error {
	line := s.line
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) == 0 {
		return nil
	}
	var most int
	switch line[0] {
	case '*', '%', '~', '>', '|': // array, map, set, push, attribute
		most = mostElements
	case '$', '=', '!': // text, verbatim text, error
		most = mostBytes
	default:
		return nil
	}
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n > most {
		return errTooLarge
	}
	if most == mostBytes && n >= 0 {
		s.skip = n + 2
	}
	return nil
}
