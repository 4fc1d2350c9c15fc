// Package frontend carries the built app into the binary.
package frontend

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var built embed.FS

// Dist is the app as it was built: index.html, hashed assets, and a .gz and .br beside each.
// In a checkout that was not built it holds nothing to serve.
func Dist() fs.FS {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // only for an invalid path, and the path is written above
	}
	return dist
}
