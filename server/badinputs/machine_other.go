//go:build !linux

package main

import (
	"os/exec"
	"syscall"
)

const onlyLinux = notRun("only Linux can do that")

func boundFiles(int, uint64) error                 { return onlyLinux }
func anyIPv6(_, _ string, _ syscall.RawConn) error { return onlyLinux }
func isolate(*exec.Cmd) error                      { return onlyLinux }
func instead(string, string) error                 { return onlyLinux }
