//go:build !faulty

package simulate_test

// watchLeases: it is a breach that a pod answers after its lease, whatever the answer is.
const watchLeases = true
