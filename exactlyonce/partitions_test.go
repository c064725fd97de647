package exactlyonce_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/kafka"
)

// grow gives a topic one more partition.
func (c *cluster) grow(topic string) {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreatePartitions(c.t.Context(), 1, topic); err != nil {
		c.t.Fatal(err)
	}
}

// G2: topics that belong together have a key in the same partition of all. When one of them is given
// more partitions, the worker ends before it writes by the new number, whichever of them it is.
func TestTopicsThatBelongTogether(t *testing.T) {
	for _, grown := range []string{"in", "out", "count-table"} {
		t.Run(grown, func(t *testing.T) {
			c := startCluster(t, 0, topic("in", 2), topic("out", 2))
			cfg := c.config("worker")
			cfg.Copartitioned, cfg.TopicsMaxAge = []string{"out"}, 20*time.Millisecond
			w := c.work(cfg, counter("count", "in")).isReady()
			c.send("in", 0, 50, 50)
			c.waitForOutputs(50)
			c.grow(grown)
			err := w.wait()
			if !errors.Is(err, kafka.ErrPartitions) {
				t.Fatalf("it ended with %v", err)
			}
			expectError(t, err, grown+" has 3")
			c.checkCounter("count", "in")
		})
	}
}

// The twin: an output that is not said to belong to the inputs may grow, and is used as a whole: a
// key's records are in two partitions then, and nobody can read them in order (checkCounter says so).
// That is what would become of the events of an aggregate.
func TestOutputThatMayGrow(t *testing.T) {
	c := startCluster(t, 0, topic("in", 2), topic("out", 2))
	cfg := c.config("worker")
	cfg.TopicsMaxAge = 20 * time.Millisecond
	w := c.work(cfg, counter("count", "in")).isReady()
	sent := 0
	for range 4 { // both producers know the topic as it is
		c.send("in", sent, 50, 50)
		sent += 50
		c.waitForOutputs(sent)
	}
	c.grow("out")
	eventually(t, "the new partition is written to", func() bool {
		c.send("in", sent, 50, 50)
		sent += 50
		c.waitForOutputs(sent)
		return c.end("out", 2) > 0
	})
	w.end()
}

// end is the offset behind the last record of a partition.
func (c *cluster) end(topic string, partition int32) int64 {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	offsets, err := kadm.NewClient(cl).ListEndOffsets(c.t.Context(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	o, _ := offsets.Lookup(topic, partition)
	return o.Offset
}
