//go:build unix

package listen

import "golang.org/x/sys/unix"

// Share is how many connections a listener of strangers may hold, so that the others, the
// database and a connection to an upstream for each of its own find a file left; 0 when the
// system sets no bound that is known.
func Share() int {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur > 1<<30 {
		return 0
	}
	return max((int(files.Cur)-spareFiles)/2, int(files.Cur)/4)
}

const spareFiles = 256 // for the other listeners, the databases and logs
