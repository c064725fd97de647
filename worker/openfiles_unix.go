//go:build unix

package worker

import "syscall"

// openFilesLimit is how many files the process may have open; 0 if nobody knows.
func openFilesLimit() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int64(min(limit.Cur, 1<<62)) // without a limit it is the largest number that there is
}
