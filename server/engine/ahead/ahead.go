// Package ahead asks the processor for memory before it is needed, so that several waits for it pass at
// the same time instead of one after the other. Nothing is read: to ask for what another goroutine
// writes is no race, and for what does not exist no fault. Where a processor can't be asked, nothing
// happens.
package ahead

import "unsafe"

// Line asks for the cache line that a value begins in.
func Line[T any](p *T) { fetch(unsafe.Pointer(p)) } //nolint:gosec // nothing is read there

// An Array is memory of elements of one size, to be asked for by their numbers.
type Array struct {
	first unsafe.Pointer
	n     uintptr // elements
	size  uintptr // of each, in bytes
}

// Of a slice, which stays where it is. So many of its elements are taken for one.
func Of[T any](s []T, together int) Array {
	var one T
	return Array{unsafe.Pointer(unsafe.SliceData(s)), uintptr(len(s) / together), unsafe.Sizeof(one) * uintptr(together)} //nolint:gosec // likewise
}

// Element asks for the lines that an element lies in, of a long one for the first four; for nothing where
// there is none of that number.
func (a *Array) Element(i int) {
	if uintptr(i) >= a.n {
		return
	}
	from := unsafe.Add(a.first, uintptr(i)*a.size)
	fetch(from)
	end := uintptr(from)%line + a.size
	for at := uintptr(line); at < end && at < 4*line; at += line {
		fetch(unsafe.Add(from, at))
	}
}

// Line asks for the line that an element begins in, likewise.
func (a *Array) Line(i int) {
	if uintptr(i) < a.n {
		fetch(unsafe.Add(a.first, uintptr(i)*a.size))
	}
}

const line = 64 // bytes
