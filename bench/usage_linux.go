package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// peakMemory returns the most memory that a process has held so far, in bytes; 0 if the system does not say.
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

// clockTicks a second are what the kernel counts processor time in, on all machines that Go knows.
const clockTicks = 100

// Fields of a process's stat, counted from the third one: its own time in user and kernel, and that of its
// children that have ended.
const (
	ownUser, ownKernel     = 11, 12
	endedUser, endedKernel = 13, 14
)

// processorTime returns what a process has used of processors so far; 0 if the system does not say.
func processorTime(pid int) time.Duration { return ticks(pid, ownUser, ownKernel) }

// ticks returns the sum of some times of a process; 0 if the system does not say.
func ticks(pid int, times ...int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The second field is the program's name in brackets, and may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var sum int64
	for _, at := range times {
		if at >= len(fields) {
			return 0
		}
		n, err := strconv.ParseInt(string(fields[at]), 10, 64)
		if err != nil {
			return 0
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / clockTicks
}

// FamilyTime returns what a process and its children have used of processors so far, those that have ended
// included; 0 if the system does not say.
func FamilyTime(pid int) time.Duration {
	sum := ticks(pid, ownUser, ownKernel, endedUser, endedKernel)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	for _, field := range bytes.Fields(children) {
		if child, err := strconv.Atoi(string(field)); err == nil {
			sum += processorTime(child)
		}
	}
	return sum
}
