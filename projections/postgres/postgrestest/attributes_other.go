//go:build system && unix && !linux

package postgrestest

import "syscall"

// attributes put a child into a process group of its own. A credential is the user that it runs as; nil: that
// of this process.
func attributes(user *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: user}
}

// children returns nothing: only Linux says without a further program which they are.
func children(int) []int { return nil }
