//go:build system && unix && !linux

package realkafka

import "syscall"

// childAttributes put a child into a process group of its own, so that a signal reaches what it
// starts, and out of reach of a terminal's Ctrl-C.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
