package store

import (
	"runtime"
	"syscall"
)

// GiveWay lets whatever the calling goroutine does from now on wait for everything else on a
// busy machine: its thread is its own from here, with a lower priority, and ends with it. Whoever
// writes traffic calls it first, so that requests don't wait for the processor behind rows. Where
// the system refuses, nothing changes.
func GiveWay() {
	runtime.LockOSThread()
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), 15)
}
