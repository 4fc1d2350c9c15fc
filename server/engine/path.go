package engine

import "strings"

// Fold writes a path the one way that rules match on.
func Fold(path string) (folded string, bad string) { return strings.ToLower(path), "" }
