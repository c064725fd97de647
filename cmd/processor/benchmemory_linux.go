package main

import (
	"os"
	"syscall"
)

// peakMemory returns the most memory that a process that has ended ever held, in bytes; 0 if
// nobody knows.
func peakMemory(state *os.ProcessState) int64 {
	usage, is := state.SysUsage().(*syscall.Rusage)
	if !is {
		return 0
	}
	return usage.Maxrss << 10 // Linux counts KiB: getrusage(2)
}
