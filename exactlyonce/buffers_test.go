package exactlyonce

import "testing"

// What waits between the engine and Goka does not grow with the number of partitions, but for what
// empty places cost.
func TestClaimBuffer(t *testing.T) {
	c := Config{BatchRecords: 20_000, ClaimBuffer: 4096}
	for claims, want := range map[int]int{
		0: 4096, 1: 4096, 19: 4096, 20: 4000, 1000: 80, 10_000: leastClaimBuffer,
	} {
		if got := c.claimBuffer(claims); got != want {
			t.Errorf("%d claims: buffers of %d records, want %d", claims, got, want)
		}
	}
	c.ClaimBuffer = 8 // as somebody wished
	if got := c.claimBuffer(10_000); got != 8 {
		t.Errorf("a buffer of %d records, where 8 were asked for", got)
	}
}
