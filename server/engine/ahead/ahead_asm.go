//go:build amd64 || arm64

package ahead

import "unsafe"

// fetch asks for a line.
//
//go:noescape
func fetch(p unsafe.Pointer)
