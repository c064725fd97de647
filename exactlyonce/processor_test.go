package exactlyonce_test

import (
	"fmt"
	"testing"

	"refold/exactlyonce"
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

// The order in which a Processor's methods are called is no trap: it may be stopped before it runs, and a
// second Run is an error.
func TestStopBeforeRun(t *testing.T) {
	c := startCluster(t, 0, topic("in", 1), topic("out", 1))
	p, err := exactlyonce.New(c.config("worker"), counter("count", "in"))
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if err := p.Run(t.Context()); err != nil {
		t.Errorf("stopped before it ran: %v", err)
	}
	expectError(t, p.Run(t.Context()), "has run before")
}
