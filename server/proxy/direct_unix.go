//go:build unix

package proxy

import (
	"io"
	"net"
	"os"
	"syscall"
)

// direct does one round on a plain socket with three system calls: look whether it is still
// open and silent, write, and read once the answer is there. Waiting for the answer is begun
// before the write, so that the look and the first read are one and none is lost.
type direct struct {
	raw   syscall.RawConn
	round func(fd uintptr) bool // made once, so that a round allocates nothing
	look  func(fd uintptr) bool

	request []byte
	into    []byte
	step    step
	sent    int
	got     int
	err     error
}

type step uint8

const (
	looking step = iota
	writing
	reading
)

func newDirect(c net.Conn) *direct {
	var raw syscall.RawConn
	var err error
	switch c := c.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	d := &direct{raw: raw}
	d.round = d.do
	d.look = func(fd uintptr) bool {
		d.err = quiet(fd, d.into)
		return true
	}
	return d
}

// ask returns how much was sent, and how much of the answer was read when all was.
func (d *direct) ask(request, into []byte, look bool) (sent, got int, err error) {
	d.request, d.into = request, into
	d.step, d.sent, d.got, d.err = writing, 0, 0, nil
	if look {
		d.step = looking
	}
	err = d.raw.Read(d.round)
	if err == nil {
		err = d.err
	}
	d.request, d.into = nil, nil
	return d.sent, d.got, err
}

// silent reports whether the socket is open and has nothing to say.
func (d *direct) silent() bool {
	var some [1]byte
	d.into = some[:]
	err := d.raw.Read(d.look)
	d.into = nil
	return err == nil && d.err == nil
}

// do is called again whenever there may be something to read.
func (d *direct) do(fd uintptr) bool {
	if d.step == looking {
		if d.err = quiet(fd, d.into); d.err != nil {
			return true
		}
		d.step = writing
	}
	if d.step == writing {
		d.sent, d.err = once(syscall.Write, fd, d.request)
		if again(d.err) {
			d.err = nil
		}
		d.step = reading
		return d.err != nil || d.sent < len(d.request)
	}
	d.got, d.err = once(syscall.Read, fd, d.into)
	switch {
	case again(d.err):
		d.err = nil
		return false
	case d.err == nil && d.got == 0:
		d.err = io.EOF
	case d.err != nil:
		d.err = os.NewSyscallError("read", d.err)
	}
	return true
}

// quiet is errStale when the socket has been closed or has something to say.
func quiet(fd uintptr, into []byte) error {
	if _, err := once(syscall.Read, fd, into); !again(err) {
		return errStale
	}
	return nil
}

func once(call func(int, []byte) (int, error), fd uintptr, b []byte) (int, error) {
	for {
		n, err := call(int(fd), b)
		if err != syscall.EINTR { //nolint:errorlint // a plain number from the kernel
			return max(n, 0), err
		}
	}
}

func again(err error) bool { return err == syscall.EAGAIN } //nolint:errorlint // a plain number from the kernel
