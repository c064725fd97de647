//go:build system

// Command chaos runs three workers on three brokers, gives them work by HTTP and by the topics,
// and lets happen what a schedule says: processes are killed and held still, the network is cut,
// disks are full, stores are damaged. Meanwhile clients read through all workers, and nothing may be older
// than what they have seen. Then it heals everything, waits until nothing moves any more, and has the audit
// look for anything lost, doubled, reordered or told differently.
//
//	make chaos MINUTES=10 SEED=7
//
// The same seed is the same schedule, though not the same run: what is hit in which moment depends
// on the machine. The schedule is written before the run begins, and -replay runs it again, also
// when faults have been taken out of it.
//
// It exits with 0 if all is well, 1 if a promise was broken or something did not recover, 2 if
// the run could not be made. Everything stays on the loopback interface and in one folder, which is
// removed but for its logs when something went wrong.
package main
