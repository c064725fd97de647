//go:build faulty

package simulate_test

import (
	"fmt"
	"os"
	"testing"
)

// watchLeases: a read must be seen to go back; that a lease was over proves nothing.
const watchLeases = false

// The proof of the proof: with one of the engine's protections off, the simulator finds out what it
// was for. `make simulate-proof` tries each.
func TestFaulty(t *testing.T) {
	off := os.Getenv("FAULTY")
	if off == "" {
		t.Fatal("FAULTY says which protection is off")
	}
	for n := range *seeds {
		s := newSchedule(*firstSeed + n)
		if v := run(t, s); len(v.breaches) > 0 {
			least, v := shrink(t, s, v)
			fmt.Fprintf(os.Stdout, "without %s, found by schedule no. %d: %v%s\n", off, n+1, least, v)
			return
		}
	}
	t.Errorf("without %s, %d schedules broke no promise", off, *seeds)
}

// FAULTY=ends: a producer is used on after an end that was not answered.
func TestFaultyLateEnd(t *testing.T) {
	for seed := range uint64(lateEnds) {
		if v := run(t, lateEnd(seed)); len(v.breaches) > 0 {
			fmt.Fprintf(os.Stdout, "found by schedule no. %d: %v%s\n", seed+1, lateEnd(seed), v)
			return
		}
	}
	t.Errorf("%d schedules with an end that arrives late broke no promise", lateEnds)
}
