// Package simulate runs the engine and its staged stores by seeds: workers, brokers, disks and the
// network in one process, in simulated time, while things go wrong by a schedule that the seed makes.
// It consists of tests; `make simulate` runs them.
package simulate
