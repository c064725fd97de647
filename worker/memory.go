package worker

import (
	"os"
	"runtime/debug"

	"refold/config"
)

// garbagePercent is how much the heap may grow between two collections. A worker's live heap is
// its caches; at Go's own 100 percent it collected some hundred times a second under full load.
const garbagePercent = 200

// beside is the share of the worker's memory that is not Go's to count: the program itself, and what
// the collector is late to give back. Under full load some 20 of 512 MiB.
const beside = 16

// LimitMemory tells Go's garbage collector what the configuration says, unless the environment
// (GOGC, GOMEMLIMIT) says otherwise.
func LimitMemory(c config.Processor) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(c.MemoryBytes - c.MemoryBytes/beside))
	}
}
