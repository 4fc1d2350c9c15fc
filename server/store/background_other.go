//go:build !linux

package store

// GiveWay does nothing where a thread has no priority of its own.
func GiveWay() {}
