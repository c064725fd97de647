package simulate_test

import "testing"

// G3: the end of a transaction arrives when its worker has long sent it anew, on another connection, and
// is in the middle of another transaction of the same producer. With transaction.version 1 it would commit
// what is there. Which schedule brings it about is known for one seed.
func TestLateEnd(t *testing.T) {
	for range attempts {
		if v := run(t, newSchedule(901383).with(t, "2,3,4")); len(v.breaches) > 0 {
			t.Fatal(v)
		}
	}
}
