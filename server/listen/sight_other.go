//go:build !unix

package listen

import "net"

// sighted says that ahead can't tell here.
const sighted = false

func ahead(*net.TCPConn) sight { return silence }
