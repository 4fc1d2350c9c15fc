package engine

import (
	"syscall"
	"unsafe"
)

const (
	hugePage      = 2 << 20 // on most machines
	wishHugePages = 14      // MADV_HUGEPAGE
	collapseNow   = 25      // MADV_COLLAPSE, since Linux 6.1
)

// inHugePages asks for few huge pages under a large table that is read here and there: else a
// look-up waits for where its line lies, and then for the line (madvise(2)). It is a wish of which
// nothing else depends, so nobody is told that it was refused.
func inHugePages(lines []line) {
	start := unsafe.Pointer(unsafe.SliceData(lines)) //nolint:gosec // only its address is used
	size := uintptr(len(lines)) * unsafe.Sizeof(line{})
	skip := -uintptr(start) % hugePage
	if size < skip+hugePage {
		return
	}
	pages := unsafe.Slice((*byte)(unsafe.Add(start, skip)), (size-skip)/hugePage*hugePage) //nolint:gosec // within lines
	_ = syscall.Madvise(pages, wishHugePages)
	_ = syscall.Madvise(pages, collapseNow) // of memory that was used before
}
