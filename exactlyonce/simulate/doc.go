// Package simulate runs the engine, its stores and standbys, and the read side with its API by seeds:
// workers, readers, brokers, disks and the network in one process, in simulated time, while things go wrong
// by a schedule that the seed makes.
// It consists of tests; `make simulate` runs them.
package simulate
