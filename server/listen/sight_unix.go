//go:build unix

package listen

import (
	"net"

	"golang.org/x/sys/unix"
)

// sighted says that ahead can tell.
const sighted = true

// ahead looks at what would be read next.
func ahead(c *net.TCPConn) sight {
	raw, err := c.SyscallConn()
	if err != nil {
		return nobody
	}
	seen := silence
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN, err == unix.EINTR: //nolint:errorlint // plain numbers from the kernel
		case n > 0:
			seen = something
		default:
			seen = nobody
		}
	})
	if err != nil {
		return nobody
	}
	return seen
}
