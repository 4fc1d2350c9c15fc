package main

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// boundFiles leaves a process so many descriptors.
func boundFiles(pid int, most uint64) error {
	limit := unix.Rlimit{Cur: most, Max: most}
	return unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil)
}

// anyIPv6 lets a socket have an address that no device has, where the network brings it here.
func anyIPv6(_, _ string, c syscall.RawConn) error {
	var set error
	if err := c.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1) }); err != nil {
		return err
	}
	return set
}

// isolate gives a process a network and mounts of its own; who is not root is so inside.
func isolate(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return nil
}

// instead puts a file in the place of another, for this process and its children.
func instead(file, of string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount(file, of, "", unix.MS_BIND, "")
}
