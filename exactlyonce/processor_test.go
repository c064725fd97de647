package exactlyonce_test

import (
	"fmt"
	"testing"
)

// versions runs a test with both versions of Kafka's transactions.
func versions(t *testing.T, test func(t *testing.T, version int16)) {
	t.Helper()
	for _, version := range []int16{1, 2} {
		t.Run(fmt.Sprintf("transaction.version=%d", version), func(t *testing.T) {
			t.Parallel()
			test(t, version)
		})
	}
}

// A graph with state, run from beginning to end (G1–G4). The output has another number of
// partitions than the inputs.
func TestCounter(t *testing.T) {
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c := startCluster(t, version, topic("in", 4), topic("more", 4), topic("out", 3))
		c.send("in", 0, 2000, 50)
		w := c.work(c.config("worker"), counter("count", "in", "more")).isReady()
		c.send("more", 0, 1000, 70)
		c.send("in", 2000, 500, 30)
		c.waitForOutputs(3500)
		w.end()
		c.checkCounter("count", "in", "more")
	})
}
