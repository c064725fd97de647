package main

import (
	"bytes"
	"fmt"
	"os"
)

// peakMemory returns the most memory that a process has held so far, in bytes; 0 if nobody knows.
//
// What the kernel tells of a process that has ended (ru_maxrss) won't do: it begins with the memory of
// the process that started it.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	var kib int64
	if _, err := fmt.Sscan(string(after), &kib); err != nil {
		return 0
	}
	return kib << 10
}
